/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ways.h - the ways to move bytes between processes that the bench compares
 *
 * The producer makes each message, and the consumer reads each byte of it: in place if the way
 * has shared memory that allows it, otherwise in a buffer of its own. files.c has the ways of the
 * kernel, memory.c those with shared memory, boost.cc boost's queue. ways.c lists them.
 */
#ifndef WAYS_H
#define WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfifo.h>

#ifdef __cplusplus
extern "C" {
#endif

struct way;
struct vfifo_handle;

/* One direction. make() is called before the fork(2), enter() in each process. */
struct channel {
	const struct way *way;
	size_t capacity;     /* of the way, in bytes */
	size_t bytes;	     /* of a message */
	size_t at_once;	     /* messages that are published together */
	unsigned int number; /* of the channel: 0, or 1 for the way back */
	enum vfifo_end end;
	int fd[2];
	void *memory; /* of the ring, or a handle of the library */
	unsigned char *buffer;
	size_t at; /* in the buffer: where the next message is made */
};

/*
 * send() and receive() move a number of messages that is a multiple of c->at_once. They are called
 * with many messages, so that the call itself costs nothing.
 */
struct way {
	const char *name;
	bool stream, trip; /* what is measured */
	bool batches; /* a stream with more than one message at once, too */
	bool spans;   /* and only that */
	bool device_only;
	bool records; /* vfifo only: of a FIFO of records */
	bool (*possible)(size_t capacity); /* whether make() can; NULL: always */
	void (*tune)(struct vfifo_handle *f); /* vfifo only: its setting */
	void (*make)(struct channel *c);
	void (*enter)(struct channel *c);
	void (*send)(struct channel *c, uint64_t first, uint64_t messages);
	void (*receive)(struct channel *c, uint64_t first, uint64_t messages);
	void (*leave)(struct channel *c);
};

extern const struct way ways[];
extern const size_t number_of_ways;

/* Whether vfifo is the device, not memory of its layout; decided once. */
extern bool on_device;
void choose_device(void);

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format,
							 ...);

/* Memory that the two processes share, or that one has for itself. */
void *get_shared(size_t n);
void *get_private(size_t n);

/* files.c */
bool pipe_possible(size_t capacity);
bool socket_possible(size_t capacity);
void make_pipe(struct channel *c);
void make_socket(struct channel *c);
void enter_files(struct channel *c);
void files_send(struct channel *c, uint64_t first, uint64_t messages);
void files_receive(struct channel *c, uint64_t first, uint64_t messages);
void leave_files(struct channel *c);
void enter_vmsplice(struct channel *c);
void vmsplice_send(struct channel *c, uint64_t first, uint64_t messages);
void make_futex(struct channel *c);
void futex_send(struct channel *c, uint64_t first, uint64_t messages);
void futex_receive(struct channel *c, uint64_t first, uint64_t messages);
void make_eventfd(struct channel *c);
void eventfd_send(struct channel *c, uint64_t first, uint64_t messages);
void eventfd_receive(struct channel *c, uint64_t first, uint64_t messages);
void enter_nothing(struct channel *c);
void leave_slot(struct channel *c);

/* memory.c */
void make_ring(struct channel *c);
void enter_ring(struct channel *c);
void ring_send(struct channel *c, uint64_t first, uint64_t messages);
void ring_receive(struct channel *c, uint64_t first, uint64_t messages);
void ring_span_send(struct channel *c, uint64_t first, uint64_t messages);
void ring_span_receive(struct channel *c, uint64_t first, uint64_t messages);
void leave_ring(struct channel *c);
void make_vfifo(struct channel *c);
void enter_vfifo(struct channel *c);
void spin_send(struct channel *c, uint64_t first, uint64_t messages);
void spin_receive(struct channel *c, uint64_t first, uint64_t messages);
void wait_send(struct channel *c, uint64_t first, uint64_t messages);
void wait_receive(struct channel *c, uint64_t first, uint64_t messages);
void span_send(struct channel *c, uint64_t first, uint64_t messages);
void span_receive(struct channel *c, uint64_t first, uint64_t messages);
void copy_send(struct channel *c, uint64_t first, uint64_t messages);
void copy_receive(struct channel *c, uint64_t first, uint64_t messages);
void record_send(struct channel *c, uint64_t first, uint64_t messages);
void record_receive(struct channel *c, uint64_t first, uint64_t messages);
void record_spin_send(struct channel *c, uint64_t first, uint64_t messages);
void record_spin_receive(struct channel *c, uint64_t first, uint64_t messages);
void leave_vfifo(struct channel *c);

/* boost.cc */
void make_boost(struct channel *c);
void enter_boost(struct channel *c);
void boost_send(struct channel *c, uint64_t first, uint64_t messages);
void boost_receive(struct channel *c, uint64_t first, uint64_t messages);
void leave_boost(struct channel *c);

#ifdef __cplusplus
}
#endif

#endif
