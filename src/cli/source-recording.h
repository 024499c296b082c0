/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-recording.h - a recording as what vfifo play plays */
#ifndef VFIFO_SOURCE_RECORDING_H
#define VFIFO_SOURCE_RECORDING_H

#include <stdbool.h>

#include "source.h"

/* The number of units of a factor of 1. */
#define SPEED_ONE 1000000

struct recording_settings {
	const char *name; /* -: standard input */
	uint64_t speed;	  /* in units of SPEED_ONE; 0: all is due at once */
	size_t largest; /* a longer packet becomes several blocks, due at once */
	bool whole;	/* a longer packet is an error */
};

/*
 * Parses max, 0, or a factor from 0.000001 to 1000000 with up to six places. 0, or -EINVAL.
 */
int parse_speed(const char *text, uint64_t *speed);

/* Whether this is a regular file that begins as one of pcapng does. */
bool is_recording(const char *name);

/* NULL: an error was printed. */
struct source *recording_source(const struct recording_settings *s);

#endif /* VFIFO_SOURCE_RECORDING_H */
