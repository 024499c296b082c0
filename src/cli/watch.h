/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - devices over time: their attributes, read again and again */
#ifndef VFIFO_WATCH_H
#define VFIFO_WATCH_H

#include "cli.h"

/* One reading of a device. */
struct reading {
	double at; /* seconds of the monotonic clock */
	uint64_t size, capacity;
	uint64_t in, out, dropped; /* bytes since the device was made */
};

struct watched {
	struct device device;
	bool seen;	/* by the last update */
	bool has_stats; /* false: in and out are derived from size */
	char label[ATTR_MAX];
	uint64_t mode, producer, consumer;
	struct reading now, before;
	double in_rate, out_rate, drop_rate; /* bytes per second */
	double *history;		     /* how full it was, 0 to 1 */
	size_t n_history;
};

struct watch {
	struct device *named; /* NULL: all devices */
	size_t n_named;
	struct watched *list; /* by number */
	size_t n;
	size_t keep; /* readings of history */
};

/*
 * Begins to watch the devices that `specs` name, or all. Return: 0, or the exit code after an
 * error message. A device that is removed later is no error: it may come back.
 */
int watch_begin(struct watch *w, size_t keep, char **specs, size_t n);
/* Reads all devices. 0, or -ENOMEM. */
int watch_update(struct watch *w);
void watch_free(struct watch *w);

/* How full the device was, from 0 to 1. */
double reading_fill(const struct reading *r);

#endif /* VFIFO_WATCH_H */
