/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h - what vfifo play plays: blocks of bytes, and the time at which each is due
 *
 * A source is a struct whose first member is a struct source. Its functions are called by
 * play.c only, through fault.c if faults are wanted. A source does not know the clock:
 * it computes each time from the number of samples before it, or reads it from a recording, so
 * that no error adds up.
 */
#ifndef VFIFO_SOURCE_H
#define VFIFO_SOURCE_H

#include "pattern.h"

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

/* What decides how many samples of each channel a block has. */
struct block_size {
	uint64_t samples; /* 0: those of 10 ms, but at most a quarter of the capacity */
	uint64_t capacity; /* of the FIFO; 0: unknown */
};

/* At least 1; 0: a block of so many samples is too large for the memory. */
size_t block_samples(const struct block_size *b, const struct sampling *s);

/* Nanoseconds in which so many samples come, rounded down. Nothing adds up. */
uint64_t samples_ns(uint64_t samples, uint32_t rate);

/* source-pattern.c. NULL: an error was printed. The pattern must stay. */
struct source *pattern_source(struct pattern *p, const struct block_size *b);

struct file_settings {
	const char *name;	    /* -: standard input, if `raw` is set */
	const struct sampling *raw; /* NULL: what libsndfile reads */
	const struct sample_format *format; /* NULL: the nearest to the file's */
	bool loops;
};

/* source-file.c. NULL: an error was printed. */
struct source *file_source(const struct file_settings *f,
			   const struct block_size *b);

#endif /* VFIFO_SOURCE_H */
