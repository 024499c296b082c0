/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h - compares received bytes with a pattern */
#ifndef VFIFO_CHECK_H
#define VFIFO_CHECK_H

#include "cli.h"
#include "pattern.h"

/* After an error so many bytes are looked at together. */
#define CHECK_WINDOW 1024

struct check {
	/* Set by the caller. */
	const char *name; /* the argument of --verify */
	bool joins;	  /* the stream may begin anywhere in the pattern */
	bool keeps_going; /* after an error */
	struct pattern pattern;
	/* The place in the pattern, and the offset, of the next byte or of the first held one. */
	uint64_t place, offset;
	/* After an error, and for `joins`: bytes that are held until their place is found. */
	bool searches;
	size_t held;
	unsigned char window[CHECK_WINDOW];
	uint64_t budget;      /* bytes of a pattern that may be searched */
	uint64_t error_at;    /* offset of the first byte that differed */
	uint64_t error_bytes; /* that differ, before those that are held */
	/* The totals. */
	uint64_t gaps, missing, repeats, repeated, wrong;
};

/* To be called before the first byte. -EINVAL: no such pattern, and `why` has the reason. */
int check_begin(struct check *c, char why[WHY_MAX]);

/*
 * Checks the next n bytes. A wrong byte is printed, and so is a gap: bytes are missing, and
 * those behind them are from a later place in the pattern. So is a repetition, whose bytes are
 * from an earlier place. Return: false after an error, unless keeps_going is set.
 */
bool check_bytes(struct check *c, const void *bytes, size_t n);

/*
 * Checks the bytes that are held at the end; prints the totals if keeps_going is set. Return:
 * false if there was any error.
 */
bool check_end(struct check *c);

#endif /* VFIFO_CHECK_H */
