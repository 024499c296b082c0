/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ways.h - the ways to move bytes between processes that the bench compares
 *
 * The producer makes each message, and the consumer reads each byte of it: in place if the way
 * has shared memory, otherwise in a buffer of its own.
 */
#ifndef WAYS_H
#define WAYS_H

#include <stddef.h>
#include <stdint.h>

#include <linux/vfifo.h>

/* The capacity of each way, if it can be set. */
#define BENCH_CAPACITY (256U << 10)

struct way;

/* One direction. make() is called before the fork(2), enter() in each process. */
struct channel {
	const struct way *way;
	int fd[2];
	enum vfifo_end end;
	void *memory; /* of the ring, or a handle of the library */
	unsigned char *buffer;
	unsigned int waiting; /* messages that are not published yet */
};

struct way {
	const char *name;
	unsigned int batch; /* messages to be published at once */
	void (*make)(struct channel *c);
	void (*enter)(struct channel *c);
	void (*send)(struct channel *c, size_t n, uint64_t message);
	void (*receive)(struct channel *c, size_t n, uint64_t message);
	void (*finish)(struct channel *c); /* nothing is held back after it */
	void (*leave)(struct channel *c);
};

extern const struct way ways[];
extern const size_t number_of_ways;

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format,
							 ...);
void pause_cpu(void);

#endif
