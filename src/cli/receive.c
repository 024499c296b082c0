// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo receive: from a device to a file or standard output. */
#include <getopt.h>
#include <stdio.h>

#include "transfer.h"

static int help(void)
{
	printf("Usage: vfifo receive [OPTION...] [DEVICE [FILE]]\n"
	       "Moves what comes out of DEVICE to FILE, or standard output.\n\n"
	       "Options:\n" TRANSFER_HELP
	       "  -V, --verify PATTERN   compare it with this as well, and end at the\n"
	       "                         first byte that is wrong, with exit code 5\n"
	       "  -j, --join             it may begin anywhere in the pattern\n"
	       "  -e, --eof              set the attribute eof when the first byte comes,\n"
	       "                         and back at the end; for root\n\n" PATTERN_HELP
	       "\n"
	       "It ends when --size bytes have come, when nobody reads its output, and, as\n"
	       "far as the attribute eof is 1, when the device is empty and no writer is\n"
	       "left. That is so before the first writer comes as well, so there the sender\n"
	       "goes first. Without an end it waits for more.\n\n"
	       "While the side is claimed nobody else can read from the device. What could\n"
	       "not be written stays in it, where it was mapped. DEVICE can be left out\n"
	       "where it is vfifo0:\n\n"
	       "  vfifo receive | tar x\n");
	return EXIT_OK;
}

/* -1: there is help to be given. */
static int take_options(struct transfer *t, struct check *check, int argc,
			char **argv)
{
	static const struct option options[] = {
		TRANSFER_LONG,
		{ "verify", required_argument, NULL, 'V' },
		{ "join", no_argument, NULL, 'j' },
		{ "eof", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, TRANSFER_SHORT "V:je",
					 options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return -1;
		case 'V':
			t->check = check;
			check->name = optarg;
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
	if (!c->name)
		return c->joins ? misused("receive", "--join needs --verify") :
				  EXIT_OK;
	if (pattern_parse(c->name, &c->pattern))
		return misused("receive", "there is no pattern %s", c->name);
	return EXIT_OK;
}

int verb_receive(int argc, char **argv)
{
	struct transfer t = { .end = VFIFO_CONSUMER, .size = UINT64_MAX };
	struct check check = { .joins = false };
	int code = take_options(&t, &check, argc, argv);

	if (code < 0)
		return help();
	if (!code)
		code = begin_check(&check);
	if (!code)
		code = transfer_operands(&t, "receive", argc - optind,
					 argv + optind);
	return code ? code : transfer_run(&t);
}
