// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo send: a file, standard input or a pattern into a device. */
#include <getopt.h>
#include <stdio.h>

#include "transfer.h"

static int help(void)
{
	printf("Usage: vfifo send [OPTION...] [DEVICE [FILE]]\n"
	       "Moves FILE, or standard input, into DEVICE, and waits when it is full.\n\n"
	       "Options:\n" TRANSFER_HELP
	       "  -p, --pattern PATTERN  send this, without end, and no file\n\n" PATTERN_HELP
	       "\n"
	       "While the side is claimed nobody else can write to the device. Where the\n"
	       "attribute overflow is drop or overwrite, auto is calls, as who maps waits.\n"
	       "SIGINT and SIGTERM end it when all that was read has been stored; a second\n"
	       "one at once. DEVICE can be left out where it is vfifo0:\n\n"
	       "  tar c . | vfifo send\n");
	return EXIT_OK;
}

/* -1: there is help to be given. */
static int take_options(struct transfer *t, struct vfifo_pattern *pattern,
			int argc, char **argv)
{
	static const struct option options[] = {
		TRANSFER_LONG,
		{ "pattern", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, TRANSFER_SHORT "p:",
					 options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		if (c != 'p')
			code = transfer_option(t, c, "send", optarg);
		else if (pattern_parse(optarg, pattern))
			code = misused("send", "there is no pattern %s",
				       optarg);
		else
			t->pattern = pattern;
	}
	return code;
}

int verb_send(int argc, char **argv)
{
	struct transfer t = { .end = VFIFO_PRODUCER, .size = UINT64_MAX };
	struct vfifo_pattern pattern;
	int code = take_options(&t, &pattern, argc, argv);

	if (code < 0)
		return help();
	if (!code)
		code = transfer_operands(&t, "send", argc - optind,
					 argv + optind);
	return code ? code : transfer_run(&t);
}
