// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo record: moves bytes from a device into a file that has their times as well. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "decimal.h"
#include "transfer.h"

static int help(void)
{
	printf("Usage: vfifo record [OPTION...] [DEVICE [FILE]]\n"
	       "Moves bytes from DEVICE to FILE, or to standard output, with the time at which\n"
	       "they were received.\n\n"
	       "Options:\n" TRANSFER_HELP
	       "  -d, --duration TIME    end after TIME: 1.5 (seconds), 20ms\n"
	       "  -f, --format FORMAT    pcapng, which vfifo play, tcpdump and Wireshark read\n"
	       "                         (the default); csv: a line for each packet, with its\n"
	       "                         time in seconds, its length, its number and how many are\n"
	       "                         missing before it (of a FIFO of records), and its bytes\n"
	       "                         in hexadecimal; or wav, the samples without times, which\n"
	       "                         may have options as in\n"
	       "                         wav:rate=48k,format=s16le,channels=2\n"
	       "\n"
	       "A packet of FILE is a record, or of a FIFO of bytes what was stored when the\n"
	       "command looked, up to 64 KiB. Ends as vfifo receive does, and by SIGINT or\n"
	       "SIGTERM. A file that could not be ended is good up to its last whole packet. The\n"
	       "default DEVICE is vfifo0:\n\n"
	       "  vfifo record --duration 60 vfifo0 minute.pcapng\n");
	return EXIT_OK;
}

static int take_option(struct transfer *t, struct recorder *r, int c)
{
	char why[WHY_MAX];

	switch (c) {
	case 'd':
		if (!parse_duration(optarg, &t->duration) && t->duration)
			return EXIT_OK;
		return misused("record", "--duration: %s is not a time above 0",
			       optarg);
	case 'f':
		if (!recorder_parse(r, optarg, why))
			return EXIT_OK;
		return misused("record", "--format: %s", why);
	}
	return transfer_option(t, c, "record", optarg);
}

/* -1: the user asked for help. */
static int take_options(struct transfer *t, struct recorder *r, int argc,
			char **argv)
{
	static const struct option options[] = {
		TRANSFER_LONG,
		{ "duration", required_argument, NULL, 'd' },
		{ "format", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, TRANSFER_SHORT "d:f:",
					 options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		code = take_option(t, r, c);
	}
	return code;
}

int verb_record(int argc, char **argv)
{
	struct recorder r = { .application = "vfifo " VFIFO_VERSION };
	struct transfer t = { .end = VFIFO_CONSUMER,
			      .size = UINT64_MAX,
			      .recorder = &r };
	int code = take_options(&t, &r, argc, argv);

	if (code < 0)
		return help();
	if (!code)
		code = transfer_operands(&t, "record", argc - optind,
					 argv + optind);
	if (!code && !t.file_name && r.format == RECORDER_WAV)
		code = misused(
			"record",
			"a WAV file needs a FILE, as its header is written last");
	if (!code && !t.file_name && r.format == RECORDER_PCAPNG &&
	    isatty(STDOUT_FILENO))
		code = misused("record",
			       "standard output is a terminal; name a FILE");
	return code ? code : transfer_run(&t);
}
