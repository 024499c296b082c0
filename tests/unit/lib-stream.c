// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two handles of one FIFO, in two threads or in two processes: every byte comes out once
 * and in order, no wake-up is lost, and no side is woken more often than it slept.
 */
#include "fake-device.h"

#include <pthread.h>

#define IN VFIFO_PRODUCER
#define OUT VFIFO_CONSUMER

/* Long enough for a slow machine: a wait that takes longer has lost its wake-up. */
#define TIMEOUT_MS 20000

/* One end of the stream. */
struct end {
	struct vfifo_handle *f;
	uint32_t total;	   /* bytes */
	uint32_t least;	   /* bytes that it waits for */
	uint32_t span_max; /* the most bytes that it moves at a time */
	uint32_t batch;	   /* spans between two publications */
	uint32_t prbs, random;
	int error;
};

static uint32_t xorshift(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static size_t random_span(struct end *e)
{
	uint32_t n = 1 + xorshift(&e->random) % e->span_max;

	return n < e->total ? n : e->total;
}

static void fill(struct end *e, unsigned char *p, size_t n)
{
	while (n--)
		*p++ = (unsigned char)xorshift(&e->prbs);
}

static int verify(struct end *e, const unsigned char *p, size_t n)
{
	while (n--)
		if (*p++ != (unsigned char)xorshift(&e->prbs))
			return -EILSEQ;
	return 0;
}

/* Moves one span of at least a byte. Return: bytes, or a negative errno. */
static ssize_t move_span(struct end *e)
{
	size_t want = random_span(e);
	int err = 0;
	ssize_t n;
	void *p = NULL;

	while ((n = __vfifo_span(e->f, e->least, &p)) == -EAGAIN && !err)
		err = vfifo_wait(e->f, e->least, TIMEOUT_MS);
	if (n < 0)
		return err ? err : n;
	if ((size_t)n > want)
		n = (ssize_t)want;
	if (__vfifo_hot(e->f)->end == IN)
		fill(e, p, (size_t)n);
	else
		err = verify(e, p, (size_t)n);
	return err ? err : n;
}

static void *run_end(void *end)
{
	struct end *e = end;

	for (uint32_t spans = 1; e->total && !e->error; spans++) {
		ssize_t n = move_span(e);

		if (n < 0) {
			e->error = (int)n;
			break;
		}
		e->error = vfifo_advance(e->f, (size_t)n);
		e->total -= (uint32_t)n;
		if (!e->error && (spans % e->batch == 0 || !e->total))
			e->error = vfifo_publish(e->f);
	}
	return NULL;
}

/* The parameters of a stream: the sizes of both ends, and the watermarks. */
struct way {
	uint32_t capacity, total;
	uint32_t least[2], span_max[2], batch[2], watermark[2];
	unsigned int spin_us;
	unsigned long sleeps; /* of both, at least */
};

static void prepare(const struct way *w)
{
	fake_create(w->capacity, 0xffff8000);
	for (int end = 0; end < 2; end++)
		device.status->watermark[end] = w->watermark[end];
}

static void open_end(const struct way *w, enum vfifo_end end, struct end *e)
{
	*e = (struct end){
		.f = fake_open(end),
		.total = w->total,
		.least = w->least[end],
		.span_max = w->span_max[end],
		.batch = w->batch[end],
		.prbs = 0x12345678,
		.random = 7 + (uint32_t)end,
	};
	vfifo_set_spin(e->f, w->spin_us);
}

/* At most one kick for each poll of the other side. */
static void check_kicks(enum vfifo_end end, unsigned long kicks)
{
	assert_true(kicks <= device.kernel->polls[__vfifo_other_end(end)]);
}

static void in_two_threads(void **state)
{
	const struct way *w = *state;
	struct end ends[2];
	unsigned long sleeps = 0;
	pthread_t thread;

	prepare(w);
	open_end(w, IN, &ends[IN]);
	open_end(w, OUT, &ends[OUT]);
	assert_int_equal(pthread_create(&thread, NULL, run_end, &ends[IN]), 0);
	run_end(&ends[OUT]);
	pthread_join(thread, NULL);
	for (int end = 0; end < 2; end++) {
		assert_int_equal(ends[end].error, 0);
		check_kicks(end, vfifo_kicks(ends[end].f));
		sleeps += vfifo_sleeps(ends[end].f);
		vfifo_close(ends[end].f);
	}
	assert_true(sleeps >= w->sleeps);
	fake_destroy();
}

/* A child has no claim after fork(2), so each process opens its own handle. */
static int produce(const struct way *w)
{
	struct end e;

	open_end(w, IN, &e);
	run_end(&e);
	if (vfifo_kicks(e.f) > device.kernel->polls[OUT])
		e.error = -EOVERFLOW;
	vfifo_close(e.f);
	return -e.error;
}

static void in_two_processes(void **state)
{
	const struct way *w = *state;
	struct end e;
	int status;
	pid_t child;

	prepare(w);
	child = fork();
	if (!child)
		_exit(produce(w));
	open_end(w, OUT, &e);
	run_end(&e);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(e.error, 0);
	check_kicks(OUT, vfifo_kicks(e.f));
	vfifo_close(e.f);
	fake_destroy();
}

/* Watermarks of 1: each wait is a sleep that only a kick ends. */
static struct way spans_of_any_size = {
	.capacity = 16384,
	.total = 4 << 20,
	.span_max = { 16384, 16384 },
	.batch = { 1, 1 },
	.watermark = { 1, 1 },
	.spin_us = 5,
};

static struct way batches = {
	.capacity = 8192,
	.total = 2 << 20,
	.span_max = { 100, 300 },
	.batch = { 16, 7 },
	.watermark = { 1, 1 },
};

/* The producer waits until the last byte was consumed, so both ends sleep all the time. */
static struct way sleep_at_every_message = {
	.capacity = 4096,
	.total = 20000,
	.least = { 4096, 1 },
	.span_max = { 1, 1 },
	.batch = { 1, 1 },
	.watermark = { 4096, 1 },
	.sleeps = 2000,
};

/* The FIFO is always full or empty, except one byte. */
static struct way one_byte_at_a_time = {
	.capacity = 4096,
	.total = 300000,
	.span_max = { 1, 1 },
	.batch = { 1, 1 },
	.watermark = { 1, 1 },
};

static struct way high_watermarks = {
	.capacity = 8192,
	.total = 1 << 20,
	.span_max = { 5000, 5000 },
	.batch = { 1, 1 },
	.watermark = { 4096, 4097 },
};

/* By vfifo_write() and vfifo_read(), in threads, with more bytes than the capacity in one call. */
static char sent[100000], got[100000];

static void *write_all(void *f)
{
	for (int i = 0; i < 20; i++)
		if (vfifo_write(f, sent, sizeof(sent), TIMEOUT_MS) !=
		    (ssize_t)sizeof(sent))
			return "short";
	return NULL;
}

static ssize_t read_all(struct vfifo_handle *f)
{
	size_t done = 0;

	while (done < sizeof(got)) {
		ssize_t n = vfifo_read(f, got + done, sizeof(got) - done,
				       TIMEOUT_MS);

		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static void copies_longer_than_the_capacity(void **state)
{
	struct vfifo_handle *f[2];
	pthread_t thread;
	void *failed;

	(void)state;
	fake_create(8192, 0);
	f[IN] = fake_open(IN);
	f[OUT] = fake_open(OUT);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 >> 3);
	pthread_create(&thread, NULL, write_all, f[IN]);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(read_all(f[OUT]), sizeof(got));
		assert_memory_equal(got, sent, sizeof(got));
	}
	pthread_join(thread, &failed);
	assert_null(failed);
	vfifo_close(f[IN]);
	vfifo_close(f[OUT]);
	fake_destroy();
}

#define in_both(way)                                                    \
	{ "threads_" #way, in_two_threads, NULL, NULL, &(way) },        \
	{                                                               \
		"processes_" #way, in_two_processes, NULL, NULL, &(way) \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both(spans_of_any_size),
		in_both(batches),
		in_both(sleep_at_every_message),
		in_both(one_byte_at_a_time),
		in_both(high_watermarks),
		cmocka_unit_test(copies_longer_than_the_capacity),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libvfifo, streaming", tests, NULL,
					   NULL);
}
