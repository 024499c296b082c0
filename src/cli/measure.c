// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes: a child that writes, until it is killed, and we, who read. Each byte is
 * stored by the one and loaded by the other, wherever the way has it: in a buffer, or in
 * the FIFO itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libvfifo.h>

#include "interrupt.h"
#include "measure.h"
#include "pace.h"

#define WARM_UP 0.03   /* seconds */
#define REST_NS 100000 /* in which who waits is asleep for sure */

/* What the two processes know of each other. */
struct shared {
	atomic_int ready;    /* the child has opened its side */
	atomic_int failed;   /* the child, with this errno */
	atomic_uint answers; /* hand-overs that have arrived */
};

struct channel {
	const struct measure *m;
	struct shared *shared;
	enum vfifo_end end;
	int fd;			/* of a pipe, or by calls; or */
	struct vfifo_handle *f; /* mapped */
	unsigned char *buffer;
};

/* --- a side ----------------------------------------------------------------- */

static int open_calls(struct channel *c)
{
	int flags = c->end == VFIFO_PRODUCER ? O_WRONLY : O_RDONLY;

	c->fd = device_open(c->m->device, flags);
	return c->fd < 0 ? c->fd : 0;
}

static int open_mapped(struct channel *c)
{
	int err = device_claim(c->m->device, c->end, &c->f);

	if (!err && c->m->n)
		vfifo_set_spin(c->f, 0);
	return err;
}

static int open_side(struct channel *c, enum vfifo_end end, const int *pipe_fd)
{
	int err = 0;

	c->end = end;
	c->fd = pipe_fd[end == VFIFO_PRODUCER];
	c->buffer = malloc(c->m->bytes);
	if (!c->buffer)
		return -ENOMEM;
	if (c->m->way == WAY_CALLS)
		err = open_calls(c);
	else if (c->m->way == WAY_MAPPED)
		err = open_mapped(c);
	/* Of that side nobody else has the open file, so it is ours to change. */
	if (!err && c->fd >= 0 && end == VFIFO_CONSUMER && c->m->spins &&
	    fcntl(c->fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	return err;
}

static void close_side(struct channel *c)
{
	vfifo_close(c->f);
	if (c->fd >= 0)
		close(c->fd);
	free(c->buffer);
}

/* 0: to go on waiting. */
static int broken_off(const struct channel *c)
{
	if (c->end == VFIFO_PRODUCER)
		return 0;
	return interrupts() ? -EINTR : -c->shared->failed;
}

static bool only_later(const struct channel *c, int err)
{
	return err == -EINTR || err == -ETIMEDOUT ||
	       (err == -EAGAIN && c->m->spins);
}

static ssize_t read_message(struct channel *c)
{
	for (;;) {
		ssize_t n = read(c->fd, c->buffer, c->m->bytes);
		int err;

		if (n > 0)
			return n;
		err = n			? -errno :
		      c->shared->failed ? -c->shared->failed :
					  -EPIPE;
		if (only_later(c, err))
			err = broken_off(c);
		if (err)
			return err;
	}
}

static int write_message(struct channel *c, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t more = write(c->fd, c->buffer + done, n - done);

		if (more > 0)
			done += (size_t)more;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* poll(2) goes by the watermark, so a wait for that much is one sleep. */
static int wait_for_room(struct channel *c)
{
	size_t n = vfifo_watermark(c->f);
	int err = c->m->spins ? -EAGAIN : vfifo_wait(c->f, n, TICK_MS);

	return only_later(c, err) ? broken_off(c) : err;
}

static ssize_t span(struct channel *c, void **p)
{
	for (;;) {
		ssize_t room = c->end == VFIFO_PRODUCER ?
				       vfifo_reserve(c->f, 1, p) :
				       vfifo_peek(c->f, 1, p);
		int err;

		if (room > 0)
			return room < (ssize_t)c->m->bytes ?
				       room :
				       (ssize_t)c->m->bytes;
		err = room == -EAGAIN ? wait_for_room(c) : (int)room;
		if (err)
			return err;
	}
}

/*
 * Where up to a message is to be filled, or is, and how much of it. A small one is whole,
 * as the capacity is a multiple of it, and so is all that was ever written.
 */
static ssize_t begin_message(struct channel *c, void **p)
{
	*p = c->buffer;
	if (c->f)
		return span(c, p);
	return c->end == VFIFO_CONSUMER ? read_message(c) :
					  (ssize_t)c->m->bytes;
}

static int end_message(struct channel *c, size_t n)
{
	if (c->f) {
		int err = vfifo_advance(c->f, n);

		return err ? err : vfifo_publish(c->f);
	}
	return c->end == VFIFO_PRODUCER ? write_message(c, n) : 0;
}

/* --- the child -------------------------------------------------------------- */

static int produce_stream(struct channel *c)
{
	int err = 0;
	void *p;

	for (int i = 0; !err; i++) {
		ssize_t n = begin_message(c, &p);

		if (n < 0)
			return (int)n;
		memset(p, i, (size_t)n);
		err = end_message(c, (size_t)n);
	}
	return err;
}

static void rest(void)
{
	const struct timespec t = { .tv_nsec = REST_NS };

	nanosleep(&t, NULL);
}

/* A message says when it was sent. The next follows when the last has arrived. */
static int produce_handovers(struct channel *c)
{
	int err = 0;
	void *p;

	for (unsigned int i = 0; !err; i++) {
		ssize_t n;
		double now;

		while (c->shared->answers < i)
			sched_yield();
		rest();
		n = begin_message(c, &p);
		if (n < 0)
			return (int)n;
		now = now_seconds();
		memcpy(p, &now, sizeof(now));
		err = end_message(c, (size_t)n);
	}
	return err;
}

static void run_child(struct channel *c, const int *pipe_fd)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pipe_fd[0] >= 0)
		close(pipe_fd[0]);
	err = open_side(c, VFIFO_PRODUCER, pipe_fd);
	if (!err) {
		c->shared->ready = 1;
		err = c->m->n ? produce_handovers(c) : produce_stream(c);
	}
	c->shared->failed = -err;
	_exit(EXIT_FAILED);
}

/* --- we --------------------------------------------------------------------- */

/* So that none of the loads can be left out. */
static volatile uint64_t loaded;

static void load(const void *p, size_t n)
{
	const uint64_t *words = p;
	uint64_t sum = 0;

	for (size_t i = 0; i < n / sizeof(*words); i++)
		sum += words[i];
	loaded = sum;
}

/* How many bytes, or a negative errno. */
static ssize_t take(struct channel *c, double *sent)
{
	void *p;
	ssize_t n = begin_message(c, &p);
	int err;

	if (n < 0)
		return n;
	memcpy(sent, p, sizeof(*sent));
	load(p, (size_t)n);
	err = end_message(c, (size_t)n);
	return err ? err : n;
}

static int take_for(struct channel *c, double seconds, double *rate)
{
	double began = now_seconds(), now = began, sent;
	double bytes = 0;
	ssize_t n = 0;

	/* The clock takes as long as a small message. */
	while (n >= 0 && now - began < seconds) {
		for (int i = 0; n >= 0 && i < 16; i++) {
			n = take(c, &sent);
			bytes += (double)n;
		}
		now = now_seconds();
	}
	*rate = bytes / (now - began);
	return n < 0 ? (int)n : 0;
}

static int consume_stream(struct channel *c, double *rate)
{
	int err = take_for(c, WARM_UP, rate);

	return err ? err : take_for(c, c->m->seconds, rate);
}

static int compare(const void *a, const void *b)
{
	const double *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int consume_handovers(struct channel *c, double *median)
{
	double *took = calloc(c->m->n, sizeof(*took)), sent;
	ssize_t n = took ? 0 : -ENOMEM;

	for (unsigned int i = 0; n >= 0 && i < c->m->n; i++) {
		n = take(c, &sent);
		took[i] = now_seconds() - sent;
		c->shared->answers = i + 1;
	}
	if (n >= 0) {
		qsort(took, c->m->n, sizeof(*took), compare);
		*median = took[c->m->n / 2];
	}
	free(took);
	return n < 0 ? (int)n : 0;
}

/* A reader that comes before the writer may find the end of file. */
static int wait_for_child(const struct channel *c)
{
	int err = 0;

	while (!err && !c->shared->ready) {
		sched_yield();
		err = broken_off(c);
	}
	return err;
}

static int run_parent(struct channel *c, const int *pipe_fd, double *result)
{
	int err;

	if (pipe_fd[1] >= 0)
		close(pipe_fd[1]);
	c->end = VFIFO_CONSUMER;
	err = wait_for_child(c);
	if (!err)
		err = open_side(c, VFIFO_CONSUMER, pipe_fd);
	if (!err)
		err = c->m->n ? consume_handovers(c, result) :
				consume_stream(c, result);
	close_side(c);
	return err;
}

static int run_both(const struct measure *m, struct shared *shared,
		    double *result)
{
	struct channel c = { .m = m, .shared = shared, .fd = -1 };
	int pipe_fd[2] = { -1, -1 }, err;
	pid_t child;

	if (m->way == WAY_PIPE && pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child)
		run_child(&c, pipe_fd);
	err = run_parent(&c, pipe_fd, result);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return err;
}

static int measure(const struct measure *m, double *result)
{
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err;

	if (shared == MAP_FAILED)
		return -errno;
	err = run_both(m, shared, result);
	munmap(shared, sizeof(*shared));
	return err;
}

int measure_stream(const struct measure *m, double *rate)
{
	struct measure stream = *m;

	stream.n = 0;
	return measure(&stream, rate);
}

int measure_handover(const struct measure *m, double *seconds)
{
	return measure(m, seconds);
}
