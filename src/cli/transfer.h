/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.h - bytes from a file into a device, or from a device into a file */
#ifndef VFIFO_TRANSFER_H
#define VFIFO_TRANSFER_H

#include "check.h"
#include "framer.h"
#include "pace.h"
#include "port.h"
#include "progress.h"
#include "recorder.h"

enum transfer_state {
	TRANSFER_RUNS,
	TRANSFER_ENDED,
	TRANSFER_DEVICE_FAILED,
	TRANSFER_FILE_FAILED,
	TRANSFER_UNREAD,  /* the output has no reader any more */
	TRANSFER_WRONG,	  /* the check has printed an error */
	TRANSFER_PRINTED, /* an error was printed; `err` is the exit code */
};

struct transfer {
	/* Set by the caller. */
	struct device device;
	enum vfifo_end end;
	enum method method;
	const char *file_name; /* NULL, -: standard input or output */
	uint64_t size;	       /* at most; UINT64_MAX: no limit */
	uint64_t rate;	       /* bytes per second at most; 0: no limit */
	bool quiet;
	struct pattern *pattern;   /* to send instead of a file, or NULL */
	struct check *check;	   /* for received bytes, or NULL */
	struct recorder *recorder; /* the same: it writes to the file */
	struct framer *framer; /* where a record ends in the file, or NULL */
	uint64_t duration;     /* nanoseconds at most; 0: no limit */
	bool ends; /* send: VFIFO_END at the end; receive: set the attribute eof */
	/* The state of the transfer. */
	enum transfer_state state;
	int err;
	int file;
	uint64_t done, lost;
	struct framer framed;
	size_t written;	  /* bytes of the record that is received */
	uint64_t missing; /* records, by their numbers */
	bool numbered;	  /* the next record has a number that is expected */
	uint32_t next_number; /* that one */
	uint64_t began;
	bool eof_set; /* by set_eof() */
	struct port port;
	struct pace pace;
	struct progress progress;
};

/* The options that send and receive share. */
#define TRANSFER_SHORT "m:s:r:qh"
#define TRANSFER_LONG                                           \
	{ "method", required_argument, NULL, 'm' },             \
		{ "size", required_argument, NULL, 's' },       \
		{ "rate-limit", required_argument, NULL, 'r' }, \
		{ "quiet", no_argument, NULL, 'q' },            \
	{                                                       \
		"help", no_argument, NULL, 'h'                  \
	}
#define TRANSFER_HELP                                                                \
	"  -m, --method METHOD    map: claim the side, and move the bytes\n"         \
	"                         between the file and the mapped buffer without\n"  \
	"                         a copy; calls: use read and write; auto (the\n"    \
	"                         default): map if possible\n"                       \
	"  -s, --size SIZE        end after SIZE bytes (4K, 4KiB, 4kB)\n"            \
	"  -r, --rate-limit SIZE  at most SIZE bytes per second\n"                   \
	"  -q, --quiet            no progress line (it needs standard error to be\n" \
	"                         a terminal, and a foreground job)\n"               \
	"  -h, --help             this text\n"

/* Takes an option that getopt_long() returned. Return: EXIT_OK, or EXIT_USAGE. */
int transfer_option(struct transfer *t, int c, const char *verb,
		    const char *argument);

/* Takes [DEVICE [FILE]]. Returns the exit code. */
int transfer_operands(struct transfer *t, const char *verb, int n,
		      char **operands);

/* Returns the exit code. If a signal ended the transfer, it ends the process. */
int transfer_run(struct transfer *t);

#endif /* VFIFO_TRANSFER_H */
