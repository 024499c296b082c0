// SPDX-License-Identifier: GPL-2.0-or-later
/* ways.c - see ways.h */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "ways.h"

/* Longer than a running peer ever needs. */
#define SPIN_US 1000000

/* During a batch of most of the buffer the other side could not work. */
#define BATCH_BYTES_MAX (BENCH_CAPACITY / 8)

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	exit(1);
}

void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* --- messages, whose words are numbered on from message to message ----------------------- */

static void fill(void *message, size_t n, uint64_t number)
{
	uint64_t *word = message;
	size_t words = n / sizeof(*word);

	for (size_t i = 0; i < words; i++)
		word[i] = number * words + i;
}

static void verify(const void *message, size_t n, uint64_t number)
{
	const uint64_t *word = message;
	uint64_t words = n / sizeof(*word), wrong = 0;

	for (uint64_t i = 0; i < words; i++)
		wrong |= word[i] ^ (number * words + i);
	if (wrong)
		die("message %llu is not what was sent",
		    (unsigned long long)number);
}

/* --- pipe and socket --------------------------------------------------------------- */

static void make_pipe(struct channel *c)
{
	if (pipe(c->fd) || fcntl(c->fd[0], F_SETPIPE_SZ, BENCH_CAPACITY) < 0)
		die("pipe: %s", strerror(errno));
}

static void make_socket(struct channel *c)
{
	int size = BENCH_CAPACITY;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, c->fd) ||
	    setsockopt(c->fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		die("socketpair: %s", strerror(errno));
}

static void enter_files(struct channel *c)
{
	c->buffer = aligned_alloc(4096, BENCH_CAPACITY);
	if (!c->buffer)
		die("no memory");
}

static void write_message(struct channel *c, size_t n, uint64_t message)
{
	size_t done = 0;

	fill(c->buffer, n, message);
	while (done < n) {
		ssize_t now = write(c->fd[1], c->buffer + done, n - done);

		if (now <= 0)
			die("%s: write: %s", c->way->name, strerror(errno));
		done += (size_t)now;
	}
}

static void read_message(struct channel *c, size_t n, uint64_t message)
{
	size_t done = 0;

	while (done < n) {
		ssize_t now = read(c->fd[0], c->buffer + done, n - done);

		if (now <= 0)
			die("%s: read: %s", c->way->name, strerror(errno));
		done += (size_t)now;
	}
	verify(c->buffer, n, message);
}

static void nothing(struct channel *c)
{
	(void)c;
}

static void leave_files(struct channel *c)
{
	free(c->buffer);
	close(c->fd[0]);
	close(c->fd[1]);
}

/* --- memory of the device's layout: status, in, out, and the data twice ------------ */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map(void *at, size_t length, int fd, size_t offset)
{
	void *p = mmap(at, length, PROT_READ | PROT_WRITE,
		       MAP_SHARED | (at ? MAP_FIXED : 0), fd, (off_t)offset);

	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return p;
}

static void make_memory(struct channel *c)
{
	size_t page = page_size();
	struct vfifo_status *status;

	c->fd[0] = c->fd[1] = memfd_create("bench", MFD_CLOEXEC);
	if (c->fd[0] < 0 ||
	    ftruncate(c->fd[0], (off_t)(3 * page + BENCH_CAPACITY)))
		die("memfd: %s", strerror(errno));
	status = map(NULL, page, c->fd[0], 0);
	status->magic = VFIFO_MAGIC;
	status->abi = VFIFO_ABI;
	status->capacity = BENCH_CAPACITY;
	status->watermark[VFIFO_PRODUCER] = PIPE_BUF;
	status->watermark[VFIFO_CONSUMER] = 1;
	munmap(status, page);
}

static void map_memory(int fd, struct vfifo_regions *r)
{
	size_t page = page_size();

	r->status = map(NULL, page, fd, 0);
	r->position[VFIFO_PRODUCER] = map(NULL, page, fd, page);
	r->position[VFIFO_CONSUMER] = map(NULL, page, fd, 2 * page);
	r->data = mmap(NULL, 2 * BENCH_CAPACITY, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->data == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	map(r->data, BENCH_CAPACITY, fd, 3 * page);
	map(r->data + BENCH_CAPACITY, BENCH_CAPACITY, fd, 3 * page);
}

/* --- a minimal ring, which cannot sleep, and trusts its peer ------------------------ */

struct ring {
	struct vfifo_regions regions;
	uint32_t own, peer;
};

static void enter_ring(struct channel *c)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		die("no memory");
	map_memory(c->fd[0], &r->regions);
	c->memory = r;
}

static uint32_t ring_look(const struct ring *r, enum vfifo_end whose)
{
	return __atomic_load_n(&r->regions.position[whose]->position,
			       __ATOMIC_ACQUIRE);
}

static void ring_move(struct ring *r, enum vfifo_end whose, size_t n)
{
	r->own += (uint32_t)n;
	__atomic_store_n(&r->regions.position[whose]->position, r->own,
			 __ATOMIC_RELEASE);
}

static unsigned char *ring_here(const struct ring *r)
{
	return r->regions.data + (r->own & (BENCH_CAPACITY - 1));
}

static void ring_send(struct channel *c, size_t n, uint64_t message)
{
	struct ring *r = c->memory;

	while (BENCH_CAPACITY - (r->own - r->peer) < n) {
		r->peer = ring_look(r, VFIFO_CONSUMER);
		if (BENCH_CAPACITY - (r->own - r->peer) < n)
			pause_cpu();
	}
	fill(ring_here(r), n, message);
	ring_move(r, VFIFO_PRODUCER, n);
}

static void ring_receive(struct channel *c, size_t n, uint64_t message)
{
	struct ring *r = c->memory;

	while (r->peer - r->own < n) {
		r->peer = ring_look(r, VFIFO_PRODUCER);
		if (r->peer - r->own < n)
			pause_cpu();
	}
	verify(ring_here(r), n, message);
	ring_move(r, VFIFO_CONSUMER, n);
}

static void leave_ring(struct channel *c)
{
	struct ring *r = c->memory;
	size_t page = page_size();

	munmap((void *)r->regions.status, page);
	munmap(r->regions.position[VFIFO_PRODUCER], page);
	munmap(r->regions.position[VFIFO_CONSUMER], page);
	munmap(r->regions.data, 2 * BENCH_CAPACITY);
	free(r);
	close(c->fd[0]);
}

/* --- the library on the same memory; without a kernel it spins ----------------------- */

static void enter_vfifo(struct channel *c)
{
	struct vfifo_regions regions;
	struct vfifo_handle *f;
	int err;

	map_memory(c->fd[0], &regions);
	err = vfifo_attach(&regions, c->end, c->fd[0], &f);
	if (err)
		die("vfifo: %s", strerror(-err));
	vfifo_set_spin(f, SPIN_US);
	c->memory = f;
	c->buffer = aligned_alloc(4096, BENCH_CAPACITY);
	if (!c->buffer)
		die("no memory");
}

static void must(int err)
{
	if (err)
		die("vfifo: %s", strerror(-err));
}

/* Moves the position, and publishes a whole batch at once. */
static void move(struct channel *c, size_t n)
{
	must(vfifo_advance(c->memory, n));
	if (++c->waiting < c->way->batch && c->waiting * n < BATCH_BYTES_MAX)
		return;
	c->waiting = 0;
	must(vfifo_publish(c->memory));
}

static void vfifo_send(struct channel *c, size_t n, uint64_t message)
{
	void *p = NULL;

	while (vfifo_reserve(c->memory, n, &p) < 0)
		must(vfifo_wait(c->memory, n, -1));
	fill(p, n, message);
	move(c, n);
}

static void vfifo_receive(struct channel *c, size_t n, uint64_t message)
{
	void *p = NULL;

	while (vfifo_peek(c->memory, n, &p) < 0)
		must(vfifo_wait(c->memory, n, -1));
	verify(p, n, message);
	move(c, n);
}

static void vfifo_copy_in(struct channel *c, size_t n, uint64_t message)
{
	fill(c->buffer, n, message);
	if (vfifo_write(c->memory, c->buffer, n, -1) != (ssize_t)n)
		die("vfifo_write: short");
}

static void vfifo_copy_out(struct channel *c, size_t n, uint64_t message)
{
	size_t done = 0;

	while (done < n) {
		ssize_t now =
			vfifo_read(c->memory, c->buffer + done, n - done, -1);

		if (now <= 0)
			die("vfifo_read: %s", strerror((int)-now));
		done += (size_t)now;
	}
	verify(c->buffer, n, message);
}

static void finish_vfifo(struct channel *c)
{
	must(vfifo_publish(c->memory));
}

static void leave_vfifo(struct channel *c)
{
	vfifo_close(c->memory);
	free(c->buffer);
}

#define ON_FILES(name_, make_)                                \
	{                                                     \
		.name = (name_), .batch = 1, .make = (make_), \
		.enter = enter_files, .send = write_message,  \
		.receive = read_message, .finish = nothing,   \
		.leave = leave_files                          \
	}

#define ON_VFIFO(name_, batch_, send_, receive_)                              \
	{                                                                     \
		.name = (name_), .batch = (batch_), .make = make_memory,      \
		.enter = enter_vfifo, .send = (send_), .receive = (receive_), \
		.finish = finish_vfifo, .leave = leave_vfifo                  \
	}

const struct way ways[] = {
	ON_FILES("pipe", make_pipe),
	ON_FILES("socket", make_socket),
	{ .name = "ring",
	  .batch = 1,
	  .make = make_memory,
	  .enter = enter_ring,
	  .send = ring_send,
	  .receive = ring_receive,
	  .finish = nothing,
	  .leave = leave_ring },
	ON_VFIFO("vfifo", 1, vfifo_send, vfifo_receive),
	ON_VFIFO("vfifo-batch", 32, vfifo_send, vfifo_receive),
	ON_VFIFO("vfifo-copy", 1, vfifo_copy_in, vfifo_copy_out),
};

const size_t number_of_ways = sizeof(ways) / sizeof(ways[0]);
