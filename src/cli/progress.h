/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h - how far a transfer is, on a line of the terminal */
#ifndef VFIFO_PROGRESS_H
#define VFIFO_PROGRESS_H

#include "cli.h"

struct progress {
	bool on;
	const char *name; /* of the device */
	const char *verb; /* sent, received */
	uint64_t size;	  /* of all of it; UINT64_MAX: nobody knows */
	double began, shown;
	uint64_t done; /* when it was shown */
	double rate;
};

/* What stands in the line beside the time. */
struct progress_state {
	uint64_t done;
	uint64_t stored, capacity; /* capacity 0: not known */
};

void progress_begin(struct progress *p, const char *name, const char *verb,
		    uint64_t size);

/* Shows it if it is time to. */
void progress_show(struct progress *p, const struct progress_state *s);

/* The last line, which stays. */
void progress_end(struct progress *p, uint64_t done);

#endif /* VFIFO_PROGRESS_H */
