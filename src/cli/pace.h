/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.h - a limit of bytes per second */
#ifndef VFIFO_PACE_H
#define VFIFO_PACE_H

#include <stddef.h>
#include <stdint.h>

/* The monotonic clock, in seconds. */
double now_seconds(void);

struct pace {
	uint64_t rate;	/* bytes per second; 0: no limit */
	double allowed; /* bytes that could move at the time `at` */
	double at;
};

void pace_begin(struct pace *p, uint64_t rate);

/* How many bytes may move now, at most `most`. 0: none yet; the function has slept then. */
size_t pace_allows(struct pace *p, size_t most);

/* Counts n bytes that moved. */
void pace_moved(struct pace *p, size_t n);

#endif /* VFIFO_PACE_H */
