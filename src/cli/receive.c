// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo receive: moves bytes from a device to a file or standard output. */
#include <getopt.h>
#include <stdio.h>

#include "transfer.h"

static int help(void)
{
	printf("Usage: vfifo receive [OPTION...] [DEVICE [FILE]]\n"
	       "Moves bytes from DEVICE to FILE, or to standard output.\n\n"
	       "Options:\n" TRANSFER_HELP
	       "  -V, --verify PATTERN   compare the bytes with a pattern, and end at the first\n"
	       "                         wrong byte or gap, with exit code 5\n"
	       "  -k, --keep-going       with --verify: print each gap and go on; at the end print\n"
	       "                         totals\n"
	       "  -j, --join             with --verify: the bytes may begin anywhere in the pattern\n"
	       "  -R, --records HOW      of a FIFO of records: end each with a newline, if it does not\n"
	       "                         end with one (lines), or put its length in front, 4 bytes,\n"
	       "                         little-endian (length). Otherwise they follow each other\n"
	       "  -e, --eof              set the attribute eof when the first byte arrives, and\n"
	       "                         reset it at the end; needs root\n\n" PATTERN_HELP
	       "\n"
	       "Ends after --size bytes; when the output has no reader; when the sender has\n"
	       "ended the stream (vfifo send --eof) and all bytes are consumed; and, while the\n"
	       "attribute eof is 1, whenever the device is empty and has no producer, also\n"
	       "before the first one. Otherwise it waits for more.\n\n"
	       "While the side is claimed, no other process can read from the device. With\n"
	       "method map, bytes that could not be written stay in the device. The default\n"
	       "DEVICE is vfifo0:\n\n"
	       "  vfifo receive | tar x\n");
	return EXIT_OK;
}

/* -1: the user asked for help. */
static int take_options(struct transfer *t, struct check *check, int argc,
			char **argv)
{
	static const struct option options[] = {
		TRANSFER_LONG,
		{ "verify", required_argument, NULL, 'V' },
		{ "keep-going", no_argument, NULL, 'k' },
		{ "join", no_argument, NULL, 'j' },
		{ "records", required_argument, NULL, 'R' },
		{ "eof", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, TRANSFER_SHORT "V:kjR:e",
					 options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return -1;
		case 'V':
			t->check = check;
			check->name = optarg;
			break;
		case 'k':
			check->keeps_going = true;
			break;
		case 'j':
			check->joins = true;
			break;
		case 'e':
			t->ends = true;
			break;
		default:
			code = transfer_option(t, c, "receive", optarg);
		}
	}
	return code;
}

static int begin_check(struct check *c)
{
	char why[WHY_MAX];

	if (!c->name && (c->joins || c->keeps_going))
		return misused("receive", "--%s needs --verify",
			       c->joins ? "join" : "keep-going");
	if (c->name && check_begin(c, why))
		return misused("receive", "%s", why);
	return EXIT_OK;
}

int verb_receive(int argc, char **argv)
{
	struct transfer t = { .end = VFIFO_CONSUMER, .size = UINT64_MAX };
	struct check check = { 0 };
	int code = take_options(&t, &check, argc, argv);

	if (code < 0)
		return help();
	if (!code)
		code = begin_check(&check);
	if (!code && t.framer && t.framer->form == FRAMER_SIZE)
		code = misused("receive", "--records is lines or length");
	if (!code)
		code = transfer_operands(&t, "receive", argc - optind,
					 argv + optind);
	return code ? code : transfer_run(&t);
}
