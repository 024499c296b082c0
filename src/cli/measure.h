/* SPDX-License-Identifier: GPL-2.0-or-later */
/* measure.h - how fast bytes get from one process to another */
#ifndef VFIFO_MEASURE_H
#define VFIFO_MEASURE_H

#include "cli.h"

enum way {
	WAY_PIPE,   /* no device at all, to compare with */
	WAY_CALLS,  /* write(2) and read(2) */
	WAY_MAPPED, /* both sides are claimed */
	WAYS,
};

/* One measurement. What fails is a negative errno; -EINTR: a signal came. */
struct measure {
	const struct device *device;
	enum way way;
	size_t bytes;	/* of a message */
	bool spins;	/* the reader looks all the time, and does not sleep */
	double seconds; /* of a stream; */
	unsigned int n; /* or so many hand-overs */
};

/* Bytes a second, of messages that follow each other. */
int measure_stream(const struct measure *m, double *rate);

/* Seconds from a write to the reader that has it: the median. */
int measure_handover(const struct measure *m, double *seconds);

#endif /* VFIFO_MEASURE_H */
