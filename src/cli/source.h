/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h - what vfifo play plays: blocks of bytes, and the time at which each is due
 *
 * A source is a struct whose first member is a struct source. Its functions are called by
 * play.c only, through source-fault.c if faults are wanted. A source does not know the clock:
 * it computes each time from the number of samples before it, or reads it from a recording, so
 * that no error adds up.
 */
#ifndef VFIFO_SOURCE_H
#define VFIFO_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct source_block {
	/* At least one byte; the caller may change them, and they stay until the next call. */
	unsigned char *bytes;
	size_t n;
	/* Nanoseconds after the start. Not before the block that precedes it. */
	uint64_t due;
};

struct source {
	/* The bytes that belong together: one sample of each channel. 1: any number. */
	size_t frame;
	/* The size of the largest block. */
	size_t largest;
	/* Return: 1; 0 at the end; -1 after an error message. */
	int (*next)(struct source *s, struct source_block *b);
	/* Frees the source. */
	void (*close)(struct source *s);
};

#endif /* VFIFO_SOURCE_H */
