// SPDX-License-Identifier: GPL-2.0-or-later
/* ways.c - the list of the ways, see ways.h */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "libvfifo.h"
#include "ways.h"

/* Longer than a running peer ever needs. */
#define SPIN_US 1000000

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	exit(1);
}

void *get_shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	return p;
}

void *get_private(size_t n)
{
	void *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);

	if (!p)
		die("no memory");
	return p;
}

static void spin(struct vfifo_handle *f)
{
	vfifo_set_spin(f, SPIN_US);
}

/* Memory that cannot be streamed to, or flushed, has one setting only. */
static void cached(struct vfifo_handle *f)
{
	spin(f);
	vfifo_set_copy(f, VFIFO_COPY_CACHED);
}

static void streaming(struct vfifo_handle *f)
{
	spin(f);
	vfifo_set_copy(f, VFIFO_COPY_STREAMING);
}

static void sleep_at_once(struct vfifo_handle *f)
{
	vfifo_set_spin(f, 0);
}

#define FILES \
	.enter = enter_files, .receive = files_receive, .leave = leave_files

#define RING .make = make_ring, .enter = enter_ring, .leave = leave_ring

/* Another setting of the library is a line of its own below, with a function that makes it. */
#define VFIFO(tune_, how)                                          \
	.tune = (tune_), .make = make_vfifo, .enter = enter_vfifo, \
	.send = how##_send, .receive = how##_receive, .leave = leave_vfifo

/*
 * vfifo waits by vfifo_wait(), vfifo-spin as the ring does. span: the whole batch is reserved,
 * filled and committed at once. copy: vfifo_write() and vfifo_read() of a batch. write:
 * vfifo_write() of a batch, which the consumer reads in place. record: each message is a record.
 */
const struct way ways[] = {
	{ .name = "pipe",
	  .stream = true,
	  .trip = true,
	  .possible = pipe_possible,
	  .make = make_pipe,
	  .send = files_send,
	  FILES },
	{ .name = "socket",
	  .stream = true,
	  .possible = socket_possible,
	  .make = make_socket,
	  .send = files_send,
	  FILES },
	{ .name = "vmsplice",
	  .stream = true,
	  .possible = pipe_possible,
	  .make = make_pipe,
	  .enter = enter_vmsplice,
	  .send = vmsplice_send,
	  .receive = files_receive,
	  .leave = leave_files },
	{ .name = "futex",
	  .trip = true,
	  .make = make_futex,
	  .enter = enter_nothing,
	  .send = futex_send,
	  .receive = futex_receive,
	  .leave = leave_slot },
	{ .name = "eventfd",
	  .trip = true,
	  .make = make_eventfd,
	  .enter = enter_nothing,
	  .send = eventfd_send,
	  .receive = eventfd_receive,
	  .leave = leave_slot },
	{ .name = "boost",
	  .stream = true,
	  .trip = true,
	  .batches = true,
	  .make = make_boost,
	  .enter = enter_boost,
	  .send = boost_send,
	  .receive = boost_receive,
	  .leave = leave_boost },
	{ .name = "ring",
	  .stream = true,
	  .trip = true,
	  .batches = true,
	  .send = ring_send,
	  .receive = ring_receive,
	  RING },
	{ .name = "ring-span",
	  .stream = true,
	  .spans = true,
	  .send = ring_span_send,
	  .receive = ring_span_receive,
	  RING },
	{ .name = "vfifo",
	  .stream = true,
	  .trip = true,
	  .batches = true,
	  VFIFO(spin, wait) },
	{ .name = "vfifo-spin",
	  .stream = true,
	  .trip = true,
	  VFIFO(spin, spin) },
	{ .name = "vfifo-span",
	  .stream = true,
	  .spans = true,
	  VFIFO(spin, span) },
	{ .name = "vfifo-copy",
	  .stream = true,
	  .batches = true,
	  VFIFO(spin, copy) },
	{ .name = "vfifo-cached",
	  .stream = true,
	  .batches = true,
	  VFIFO(cached, wait) },
	{ .name = "vfifo-streaming",
	  .stream = true,
	  .batches = true,
	  VFIFO(streaming, wait) },
	{ .name = "vfifo-copy-cached",
	  .stream = true,
	  .batches = true,
	  VFIFO(cached, copy) },
	{ .name = "vfifo-copy-streaming",
	  .stream = true,
	  .batches = true,
	  VFIFO(streaming, copy) },
	{ .name = "vfifo-write",
	  .stream = true,
	  .batches = true,
	  .tune = spin,
	  .make = make_vfifo,
	  .enter = enter_vfifo,
	  .send = copy_send,
	  .receive = wait_receive,
	  .leave = leave_vfifo },
	{ .name = "vfifo-record",
	  .stream = true,
	  .trip = true,
	  .batches = true,
	  .records = true,
	  VFIFO(spin, record) },
	{ .name = "vfifo-record-spin",
	  .trip = true,
	  .records = true,
	  VFIFO(spin, record_spin) },
	{ .name = "vfifo-sleep",
	  .trip = true,
	  .device_only = true,
	  VFIFO(sleep_at_once, wait) },
};

const size_t number_of_ways = sizeof(ways) / sizeof(ways[0]);
