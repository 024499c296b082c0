// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo send: moves a file, standard input or a pattern into a device. */
#include <getopt.h>
#include <stdio.h>

#include "transfer.h"

static int help(void)
{
	printf("Usage: vfifo send [OPTION...] [DEVICE [FILE]]\n"
	       "Moves FILE, or standard input, into DEVICE, and waits while it is full.\n\n"
	       "Options:\n" TRANSFER_HELP
	       "  -p, --pattern PATTERN  send a pattern, without end, instead of a file\n"
	       "  -R, --records HOW      each line of the input is a record (lines), or what follows\n"
	       "                         a length of 4 bytes, little-endian (length), or each SIZE\n"
	       "                         bytes. A FIFO of records needs it (framing=records)\n"
	       "  -e, --eof              end the stream: readers get the end of file when no\n"
	       "                         producer is left and all bytes are consumed\n\n" PATTERN_HELP
	       "\n"
	       "While the side is claimed, no other process can write to the device. If the\n"
	       "attribute overflow is drop or overwrite, auto means calls, as a claimed\n"
	       "producer waits. SIGINT and SIGTERM end the transfer when all input that was\n"
	       "read is stored; a second signal ends it at once. The default DEVICE is vfifo0:\n\n"
	       "  tar c . | vfifo send --eof\n");
	return EXIT_OK;
}

/* -1: the user asked for help. */
static int take_options(struct transfer *t, struct pattern *pattern, int argc,
			char **argv)
{
	static const struct option options[] = {
		TRANSFER_LONG,
		{ "pattern", required_argument, NULL, 'p' },
		{ "records", required_argument, NULL, 'R' },
		{ "eof", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	char why[WHY_MAX];
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, TRANSFER_SHORT "p:R:e",
					 options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		if (c == 'e')
			t->ends = true;
		else if (c != 'p')
			code = transfer_option(t, c, "send", optarg);
		else if (pattern_parse(optarg, pattern, why))
			code = misused("send", "%s", why);
		else
			t->pattern = pattern;
	}
	return code;
}

int verb_send(int argc, char **argv)
{
	struct transfer t = { .end = VFIFO_PRODUCER, .size = UINT64_MAX };
	struct pattern pattern;
	int code = take_options(&t, &pattern, argc, argv);

	if (code < 0)
		return help();
	if (!code && t.pattern && t.framer && t.framer->form != FRAMER_SIZE)
		code = misused("send", "with --pattern, --records is a size");
	if (!code)
		code = transfer_operands(&t, "send", argc - optind,
					 argv + optind);
	return code ? code : transfer_run(&t);
}
