/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.h - bytes from a file into a device, or from a device into a file */
#ifndef VFIFO_TRANSFER_H
#define VFIFO_TRANSFER_H

#include "check.h"
#include "pace.h"
#include "port.h"
#include "progress.h"

enum transfer_state {
	TRANSFER_RUNS,
	TRANSFER_ENDED,
	TRANSFER_DEVICE_FAILED,
	TRANSFER_FILE_FAILED,
	TRANSFER_UNREAD, /* nobody reads the output any more */
	TRANSFER_WRONG,	 /* not what the check expects */
	TRANSFER_TOLD,	 /* of what went wrong; err is the exit code */
};

struct transfer {
	/* What is asked for. */
	struct device device;
	enum vfifo_end end;
	enum method method;
	const char *file_name; /* NULL, -: standard input, or output */
	uint64_t size;	       /* at most; UINT64_MAX: all there is */
	uint64_t rate;	       /* at most, a second; 0: no limit */
	bool quiet;
	struct vfifo_pattern *pattern; /* to send instead of a file, or NULL */
	struct check *check;	       /* for what is received, or NULL */
	bool ends; /* end at the end of file, even if the device has none */
	/* How it goes. */
	enum transfer_state state;
	int err;
	int file;
	uint64_t done, lost;
	bool eof_was_set;
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
#define TRANSFER_HELP                                                              \
	"  -m, --method METHOD    map: claim the side, and move the bytes\n"       \
	"                         between the file and the mapped buffer with\n"   \
	"                         no copy between; calls: read and write;\n"       \
	"                         auto (at first): map if that is possible\n"      \
	"  -s, --size SIZE        end after so many bytes (K, M, G)\n"             \
	"  -r, --rate-limit SIZE  at most so many bytes a second\n"                \
	"  -q, --quiet            no progress line (there is one where standard\n" \
	"                         error is a terminal)\n"                          \
	"  -h, --help             this text\n"

/* Takes what getopt_long() returned; the exit code where it makes no sense. */
int transfer_option(struct transfer *t, int c, const char *verb,
		    const char *argument);

/* [DEVICE [FILE]]; the exit code. */
int transfer_operands(struct transfer *t, const char *verb, int n,
		      char **operands);

/* The exit code; unless a signal ended it, which then ends the process. */
int transfer_run(struct transfer *t);

#endif /* VFIFO_TRANSFER_H */
