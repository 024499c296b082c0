/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h - compares received bytes with one of the generator's patterns */
#ifndef VFIFO_CHECK_H
#define VFIFO_CHECK_H

#include <libvfifo.h>

#include "cli.h"

/* For a verb's --help. */
#define PATTERN_HELP                                                     \
	"PATTERN is text:TEXT, counter, ramp, prbs31 or zero, as in the" \
	" attribute\ngenerator/pattern.\n"

/* Parses text:TEXT, or the name of another pattern. 0, or -EINVAL. */
int pattern_parse(const char *option, struct vfifo_pattern *p);

struct check {
	/* Set by the caller. */
	const char *name; /* the argument of --verify */
	bool joins;	  /* the stream may begin anywhere in the pattern */
	bool keeps_going; /* after an error */
	/* The place that is expected of the next byte, or of the first that is held. */
	struct vfifo_pattern pattern;
	uint64_t offset; /* of the next byte */
	/* After an error, and for `joins`: bytes that are held until their place is found. */
	bool searches;
	size_t held;
	unsigned char window[VFIFO_SYNC_ENOUGH];
	uint64_t error_at;    /* offset of the first byte that differed */
	uint64_t error_bytes; /* that differ, before those that are held */
	/* The totals. */
	uint64_t gaps, missing, wrong;
};

/* To be called before the first byte. 0, or -EINVAL: no such pattern. */
int check_begin(struct check *c);

/*
 * Checks the next n bytes. A wrong byte is printed, and so is a gap: bytes are missing, and
 * those behind them are from a later place in the pattern. Return: false after an error,
 * unless keeps_going is set.
 */
bool check_bytes(struct check *c, const void *bytes, size_t n);

/*
 * Checks the bytes that are held at the end; prints the totals if keeps_going is set. Return:
 * false if there was any error.
 */
bool check_end(struct check *c);

#endif /* VFIFO_CHECK_H */
