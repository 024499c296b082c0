/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h - the progress of a transfer, on one line of the terminal */
#ifndef VFIFO_PROGRESS_H
#define VFIFO_PROGRESS_H

#include "cli.h"

struct progress {
	bool on;
	const char *name; /* of the device */
	const char *verb; /* sent, received */
	uint64_t size;	  /* bytes to transfer; UINT64_MAX: unknown */
	double began,
		shown; /* when the transfer began, and the line was shown last */
	uint64_t done; /* bytes that were shown last */
	double rate;   /* bytes per second, smoothed */
};

/* The numbers of the line. */
struct progress_state {
	uint64_t done;
	uint64_t stored, capacity; /* capacity 0: unknown */
};

void progress_begin(struct progress *p, const char *name, const char *verb,
		    uint64_t size);

/* Shows the line once per tick, unless this process is in the background. */
void progress_show(struct progress *p, const struct progress_state *s);

/* Shows the last line, which stays on the terminal. */
void progress_end(struct progress *p, uint64_t done);

#endif /* VFIFO_PROGRESS_H */
