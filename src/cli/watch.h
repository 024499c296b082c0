/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - devices as they change: what their attributes say, again and again */
#ifndef VFIFO_WATCH_H
#define VFIFO_WATCH_H

#include "cli.h"

/* One look at a device. */
struct look {
	double at; /* seconds of the monotonic clock */
	uint64_t size, capacity;
	uint64_t in, out, dropped; /* since the device was made */
};

struct watched {
	struct device device;
	bool seen;	/* by the last update */
	bool has_stats; /* else in and out are what the size tells */
	char label[ATTR_MAX];
	uint64_t mode, producer, consumer;
	struct look now, before;
	double in_rate, out_rate, drop_rate; /* bytes a second */
	struct look *history;		     /* if it is kept; all looks */
	size_t looks, space;
};

struct watch {
	struct device *named; /* the devices that are asked for; NULL: all */
	size_t n_named;
	struct watched *list; /* by number */
	size_t n;
	size_t keep; /* looks of history; SIZE_MAX: all */
};

/*
 * Of the devices of these names, or of all. 0, or it has complained and returns the exit
 * code. Later on no device is no error: it may come again.
 */
int watch_begin(struct watch *w, size_t keep, char **specs, size_t n);
/* 0, or -ENOMEM. */
int watch_update(struct watch *w);
void watch_free(struct watch *w);

/* 0 to 1. */
double look_fill(const struct look *l);
/* Of a count, per second. It may have begun again at 0: that is 0. */
double look_rate(uint64_t now, uint64_t before, double seconds);

#endif /* VFIFO_WATCH_H */
