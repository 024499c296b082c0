/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.h - a limit of bytes per second, and sleeping until a time */
#ifndef VFIFO_PACE_H
#define VFIFO_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

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

/* Nanoseconds of a clock. */
uint64_t now_ns(clockid_t clock);

/* Sleeps until a time of a clock. Return: false if a signal came first. */
bool sleep_until_ns(clockid_t clock, uint64_t ns);

/* How late what has a time was, in nanoseconds. */
struct lateness {
	uint64_t n, max;
	double mean,
		squares; /* the sum of squares of the differences from the mean */
};

void lateness_add(struct lateness *l, uint64_t ns);
double lateness_deviation(const struct lateness *l);

#endif /* VFIFO_PACE_H */
