/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.h - no more than so many bytes a second */
#ifndef VFIFO_PACE_H
#define VFIFO_PACE_H

#include <stddef.h>
#include <stdint.h>

/* Seconds of the monotonic clock. */
double now_seconds(void);

struct pace {
	uint64_t rate;	/* bytes a second; 0: as fast as it goes */
	double allowed; /* bytes, at the time `at` */
	double at;
};

void pace_begin(struct pace *p, uint64_t rate);

/* How many bytes may move now, at most `most`; 0: it has slept a while, or a signal came. */
size_t pace_allows(struct pace *p, size_t most);

void pace_moved(struct pace *p, size_t n);

#endif /* VFIFO_PACE_H */
