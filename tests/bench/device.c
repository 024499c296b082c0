// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device [ROUNDS [FEWER]]: measures what a message costs on the device, by system calls and
 * mapped, compared with a pipe; in a guest with one processor and /dev/vfifo0 and 1
 *
 * The emulator advances the guest's clock by a nanosecond for each instruction, so the clock
 * counts instructions. Each round measures all ways one after the other and prints a line for
 * each number (see scripts/bench):
 *
 *	guest - WHAT BYTES 1 CAPACITY WAY NUMBER instructions
 *
 * WHAT is put or take, in one process that alternates between both for some messages each;
 * stream, in two processes that sleep when necessary; or round-trip, in two processes that sleep
 * for each message. FEWER divides the number of messages, for a quick run.
 *
 * The policy is SCHED_BATCH: a woken process runs when the other one sleeps. With SCHED_OTHER it
 * can run at once, so the number of context switches, and with it the figure, depends on small
 * differences in a wake-up: builds of one module with 0 to 80 empty loops in VFIFO_KICK needed
 * from 2,091 to 2,257 instructions for a mapped message of 4 KiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

#define BURSTS 15
#define STREAM_BYTES (4 << 20) /* or STREAM_MESSAGES, if that is more */
#define STREAM_MESSAGES 256
#define TRIPS 2000
#define TRIP_BYTES 64

static const size_t sizes[] = { 64, 4096, 65536 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct way {
	const char *name;
	bool pipe, map_in, map_out;
};

static const struct way ways[] = {
	{ "pipe", true, false, false },
	{ "vfifo", false, false, false },
	{ "mapped-read", false, true, false },
	{ "write-mapped", false, false, true },
	{ "mapped", false, true, true },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Both ends mapped, in the kinds of memory that are not `cached`. */
static const struct way kinds[] = {
	{ "write-combining", false, true, true },
	{ "uncached", false, true, true },
	{ "coherent", false, true, true },
	{ "contiguous", false, true, true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define KIND_BYTES 4096

/* An operation has to cost the same at each capacity. The last one is the greatest possible. */
static const size_t capacities[] = { 4096, 1 << 20, 512 << 20 };
#define CAPACITIES (sizeof(capacities) / sizeof(capacities[0]))

static size_t capacity = CAPACITY;
static uint64_t buffer[CAPACITY / sizeof(uint64_t)];
static unsigned long fewer = 1;

/* --- messages: their words count on from message to message -------------------------- */

static void fill(uint64_t *message, size_t n, uint64_t number)
{
	const size_t words = n / sizeof(*message);

	for (size_t i = 0; i < words; i++)
		message[i] = number * words + i;
}

static void verify(const uint64_t *message, size_t n, uint64_t number)
{
	const size_t words = n / sizeof(*message);

	for (size_t i = 0; i < words; i++)
		check_equal(message[i], number * words + i);
}

/* Writes only the first and the last word, as a whole message would dominate the cost. */
static void stamp(uint64_t *message, size_t n, uint64_t number)
{
	const size_t words = n / sizeof(*message);

	message[0] = number * words;
	message[words - 1] = number * words + words - 1;
}

static void check_stamp(const uint64_t *message, size_t n, uint64_t number)
{
	const size_t words = n / sizeof(*message);

	check_equal(message[0], number * words);
	check_equal(message[words - 1], number * words + words - 1);
}

/* --- a FIFO of any kind ----------------------------------------------------------------- */

struct fifo {
	const struct way *way;
	const char *path;
	int in, out;
	struct vfifo_handle *producer, *consumer;
};

/* Called before the fork(2); each process then opens its end. */
static void make(struct fifo *f, const struct way *way, const char *path)
{
	int fd[2] = { -1, -1 };

	if (way->pipe)
		check(!pipe(fd));
	*f = (struct fifo){
		.way = way, .path = path, .in = fd[1], .out = fd[0]
	};
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags);

	check(fd >= 0);
	return fd;
}

static void open_in(struct fifo *f)
{
	if (f->way->map_in)
		check_equal(vfifo_open(f->path, VFIFO_PRODUCER, 0,
				       &f->producer),
			    0);
	else if (!f->way->pipe)
		f->in = open_file(f->path, O_WRONLY);
}

static void open_out(struct fifo *f)
{
	if (f->way->map_out)
		check_equal(vfifo_open(f->path, VFIFO_CONSUMER, 0,
				       &f->consumer),
			    0);
	else if (!f->way->pipe)
		f->out = open_file(f->path, O_RDONLY);
}

static void close_both(struct fifo *f)
{
	vfifo_close(f->producer);
	vfifo_close(f->consumer);
	if (f->in >= 0)
		close(f->in);
	if (f->out >= 0)
		close(f->out);
}

static uint64_t *reserve(struct vfifo_handle *f, size_t n)
{
	void *p = NULL;

	while (vfifo_reserve(f, n, &p) < 0)
		check_equal(vfifo_wait(f, n, -1), 0);
	return p;
}

static uint64_t *peek(struct vfifo_handle *f, size_t n)
{
	void *p = NULL;

	while (vfifo_peek(f, n, &p) < 0)
		check_equal(vfifo_wait(f, n, -1), 0);
	return p;
}

/* Puts a message from `message`, or builds it in the mapped FIFO. */
static void put(struct fifo *f, uint64_t *message, size_t n, uint64_t number)
{
	if (f->producer) {
		stamp(reserve(f->producer, n), n, number);
		check_equal(vfifo_commit(f->producer, n), 0);
	} else {
		stamp(message, n, number);
		write_all(f->in, message, n);
	}
}

static void take(struct fifo *f, uint64_t *message, size_t n, uint64_t number)
{
	if (f->consumer) {
		check_stamp(peek(f->consumer, n), n, number);
		check_equal(vfifo_consume(f->consumer, n), 0);
	} else {
		read_all(f->out, message, n);
		check_stamp(message, n, number);
	}
}

/* --- the measurements ------------------------------------------------------------------ */

static void print(const char *what, size_t n, const struct way *way,
		  double seconds, unsigned long messages)
{
	printf("guest - %s %zu 1 %zu %s %.1f instructions\n", what, n, capacity,
	       way->name, seconds * 1e9 / (double)messages);
}

/* Returns the cost of reading the clock, which each measurement includes. */
static double clock_takes(void)
{
	double least = 1;

	for (int i = 0; i < 100; i++) {
		double began = now(), took = now() - began;

		if (took < least)
			least = took;
	}
	return least;
}

/* The words of successive messages are numbered on, so a burst is filled as one. */
static double put_burst(struct fifo *f, size_t n, unsigned long messages,
			uint64_t burst)
{
	const size_t all = n * messages;
	double began;

	fill(f->producer ? reserve(f->producer, all) : buffer, all, burst);
	began = now();
	for (unsigned long i = 0; i < messages; i++)
		put(f, buffer + i * n / sizeof(*buffer), n,
		    burst * messages + i);
	return now() - began;
}

static double take_burst(struct fifo *f, size_t n, unsigned long messages,
			 uint64_t burst)
{
	const size_t all = n * messages;
	double began, took;

	if (f->consumer)
		verify(peek(f->consumer, all), all, burst);
	else
		memset(buffer, 0, all);
	began = now();
	for (unsigned long i = 0; i < messages; i++)
		take(f, buffer + i * n / sizeof(*buffer), n,
		     burst * messages + i);
	took = now() - began;
	if (!f->consumer)
		verify(buffer, all, burst);
	return took;
}

static int compare(const void *one, const void *other)
{
	const double *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

/* The median, as the timer interrupt adds to some of the numbers. */
static double median(double *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), compare);
	return numbers[n / 2];
}

/* One process, with a quarter of the capacity or of the buffer at a time, or one message. */
static void bursts(const struct way *way, size_t n)
{
	const size_t most = (capacity < CAPACITY ? capacity : CAPACITY) / 4;
	const unsigned long messages = n < most ? most / n : 1;
	const double clock = clock_takes();
	double putting[BURSTS], taking[BURSTS];
	struct fifo f;

	make(&f, way, DEVICE);
	open_in(&f);
	open_out(&f);
	for (size_t i = 0; i < BURSTS; i++) {
		putting[i] = put_burst(&f, n, messages, i);
		taking[i] = take_burst(&f, n, messages, i);
	}
	close_both(&f);
	print("put", n, way, median(putting, BURSTS) - clock, messages);
	print("take", n, way, median(taking, BURSTS) - clock, messages);
}

struct job {
	struct fifo there, back;
	size_t n;
	unsigned long messages, warm_up;
};

static void produce(void *argument)
{
	struct job *j = argument;

	open_in(&j->there);
	for (uint64_t i = 0; i < j->warm_up + j->messages; i++)
		put(&j->there, buffer, j->n, i);
}

static void stream(const struct way *way, size_t n)
{
	unsigned long messages = STREAM_BYTES / n;
	struct job j = { .n = n, .warm_up = CAPACITY / n };
	double began = 0;
	pid_t pid;

	if (messages < STREAM_MESSAGES)
		messages = STREAM_MESSAGES;
	j.messages = messages / fewer + 1;
	make(&j.there, way, DEVICE);
	pid = start(produce, &j);
	open_out(&j.there);
	for (uint64_t i = 0; i < j.warm_up + j.messages; i++) {
		if (i == j.warm_up)
			began = now();
		take(&j.there, buffer, n, i);
	}
	print("stream", n, way, now() - began, j.messages);
	finish(pid);
	close_both(&j.there);
}

static void echo(void *argument)
{
	struct job *j = argument;

	open_out(&j->there);
	open_in(&j->back);
	for (uint64_t i = 0; i < j->warm_up + j->messages; i++) {
		take(&j->there, buffer, j->n, i);
		put(&j->back, buffer, j->n, i);
	}
}

static void round_trips(const struct way *way)
{
	struct job j = { .n = TRIP_BYTES,
			 .messages = TRIPS / fewer + 1,
			 .warm_up = 10 };
	double began = 0;
	pid_t pid;

	make(&j.there, way, DEVICE);
	make(&j.back, way, "/dev/vfifo1");
	pid = start(echo, &j);
	open_in(&j.there);
	open_out(&j.back);
	for (uint64_t i = 0; i < j.warm_up + j.messages; i++) {
		if (i == j.warm_up)
			began = now();
		put(&j.there, buffer, j.n, i);
		take(&j.back, buffer, j.n, i);
	}
	print("round-trip", j.n, way, now() - began, j.messages);
	finish(pid);
	close_both(&j.there);
	close_both(&j.back);
}

/* Each round begins with another way. */
static void measure_round(size_t round)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct way *way = &ways[(i + round) % WAYS];

		for (size_t s = 0; s < SIZES; s++)
			bursts(way, sizes[s]);
		for (size_t s = 0; s < SIZES; s++)
			stream(way, sizes[s]);
		round_trips(way);
	}
	for (size_t i = 0; i < KINDS; i++) {
		check_equal(set_attribute("memory", kinds[i].name), 0);
		bursts(&kinds[i], KIND_BYTES);
	}
	check_equal(set_attribute("memory", "cached"), 0);
}

static void use_capacity(size_t bytes)
{
	check_equal(set_capacity(bytes), 0);
	capacity = bytes;
}

/* write() and read() with other capacities than the default. */
static void measure_capacities(void)
{
	static const struct way vfifo = { "vfifo", false, false, false };

	for (size_t i = 0; i < CAPACITIES; i++) {
		use_capacity(capacities[i]);
		for (size_t s = 0; s < SIZES && sizes[s] <= capacity; s++)
			bursts(&vfifo, sizes[s]);
	}
	use_capacity(CAPACITY);
}

int main(int argc, char **argv)
{
	const size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;

	if (argc > 2)
		fewer = strtoul(argv[2], NULL, 10);
	check(fewer > 0);
	check(!sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }));
	setlinebuf(stdout);
	for (size_t round = 0; round < rounds; round++)
		measure_round(round);
	/* In each round it would be of no use: the counts do not differ. */
	measure_capacities();
	return 0;
}
