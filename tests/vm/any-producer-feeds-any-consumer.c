// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each kind of producer feeds each kind of consumer, at three capacities: a shell, read()
 * and write(), io_uring, and a mapping with libvfifo. They move PRBS31 in random spans with
 * random sleeps, and each byte is checked.
 *
 * In full: 64 MiB for each of the 48 cases; otherwise 96 KiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <liburing.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

#define MOST 200000	/* greatest number of bytes of a span */
#define NAPS 16		/* approximate number of sleeps of each side */
#define NAP_US 3000	/* the longest sleep */
#define COMMANDS 5	/* approximate number of commands of a shell */
#define SEED 0x12345678 /* of the PRBS, not 0 */

static unsigned int seed = 1;
static unsigned long total;
static uint8_t span[MOST];

/* --- PRBS31, x^31 + x^28 + 1, eight bits at a time --------------------------- */

static uint8_t prbs_next(uint32_t *state)
{
	const uint8_t next = *state >> 23 ^ *state >> 20;

	*state = (*state << 8 | next) & 0x7fffffff;
	return next;
}

static void prbs_fill(uint32_t *state, uint8_t *bytes, size_t n)
{
	while (n--)
		*bytes++ = prbs_next(state);
}

static void prbs_check(uint32_t *state, const uint8_t *bytes, size_t n,
		       size_t at)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t want = prbs_next(state);

		if (bytes[i] != want)
			fail("byte %zu is %#x, not %#x", at + i, bytes[i],
			     want);
	}
}

/* --- spans and sleeps ------------------------------------------------------- */

/* Small and large spans are equally likely, and not all are powers of two. */
static size_t random_span(size_t left)
{
	static const size_t most[] = { 10, 1000, 5000, MOST };
	size_t n = 1 + rand_r(&seed) % most[rand_r(&seed) % 4];

	return n < left ? n : left;
}

static void nap_sometimes(size_t moved)
{
	static size_t next;

	if (moved < next) {
		next -= moved;
		return;
	}
	next = rand_r(&seed) % (2 * total / NAPS);
	usleep(rand_r(&seed) % NAP_US);
}

/* --- by read() and write() -------------------------------------------------- */

static void produce_by_write(void)
{
	uint32_t state = SEED;
	int fd = device(O_WRONLY);

	for (size_t at = 0, n; at < total; at += n) {
		n = random_span(total - at);
		prbs_fill(&state, span, n);
		check_equal(write(fd, span, n), n);
		nap_sometimes(n);
	}
}

static void consume_by_read(void)
{
	uint32_t state = SEED;
	int fd = device(O_RDONLY);

	for (size_t at = 0; at < total;) {
		ssize_t n = read(fd, span, random_span(total - at));

		check(n > 0);
		prbs_check(&state, span, n, at);
		at += n;
		nap_sometimes(n);
	}
}

/* --- by io_uring ------------------------------------------------------------ */

static void open_uring(struct io_uring *ring)
{
	check_equal(io_uring_queue_init(4, ring, 0), 0);
}

static size_t uring_result(struct io_uring *ring)
{
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int result;

	check_equal(io_uring_submit(ring), 1);
	check_equal(io_uring_wait_cqe_timeout(ring, &cqe, &limit), 0);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (result <= 0)
		fail("io_uring: %s", strerror(-result));
	return result;
}

/* A write that exceeds the free space is short. */
static void uring_write_all(struct io_uring *ring, int fd, size_t n)
{
	for (size_t at = 0; at < n;) {
		io_uring_prep_write(io_uring_get_sqe(ring), fd, span + at,
				    n - at, 0);
		at += uring_result(ring);
	}
}

static void produce_by_uring(void)
{
	uint32_t state = SEED;
	int fd = device(O_WRONLY);
	struct io_uring ring;

	open_uring(&ring);
	for (size_t at = 0, n; at < total; at += n) {
		n = random_span(total - at);
		prbs_fill(&state, span, n);
		uring_write_all(&ring, fd, n);
		nap_sometimes(n);
	}
}

static void consume_by_uring(void)
{
	uint32_t state = SEED;
	int fd = device(O_RDONLY);
	struct io_uring ring;

	open_uring(&ring);
	for (size_t at = 0, n; at < total; at += n) {
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, span,
				   random_span(total - at), 0);
		n = uring_result(&ring);
		prbs_check(&state, span, n, at);
		nap_sometimes(n);
	}
}

/* --- mapped ----------------------------------------------------------------- */

static struct vfifo_handle *claim(enum vfifo_end end)
{
	struct vfifo_handle *f;

	check_equal(vfifo_open(DEVICE, end, 0, &f), 0);
	return f;
}

/*
 * Waits for a part of the wanted bytes, anywhere in the FIFO. The part is small enough that
 * the two sides never wait for each other: a write() of PIPE_BUF waits until all of it fits.
 */
static size_t wait_for_span(struct vfifo_handle *f, size_t wanted, void **p)
{
	const size_t most = (vfifo_capacity(f) - PIPE_BUF) / 2 + 1;
	size_t least = 1 + rand_r(&seed) % wanted;
	ssize_t n;

	if (least > most)
		least = most;
	check_equal(vfifo_wait(f, least, 20000), 0);
	n = __vfifo_span(f, least, p);
	check(n >= (ssize_t)least && (size_t)n <= vfifo_capacity(f));
	return (size_t)n < wanted ? (size_t)n : wanted;
}

static void produce_mapped(void)
{
	struct vfifo_handle *f = claim(VFIFO_PRODUCER);
	uint32_t state = SEED;

	for (size_t at = 0, n; at < total; at += n) {
		void *p;

		n = wait_for_span(f, random_span(total - at), &p);
		prbs_fill(&state, p, n);
		check_equal(vfifo_commit(f, n), 0);
		nap_sometimes(n);
	}
	vfifo_close(f);
}

static void consume_mapped(void)
{
	struct vfifo_handle *f = claim(VFIFO_CONSUMER);
	uint32_t state = SEED;

	for (size_t at = 0, n; at < total; at += n) {
		void *p;

		n = wait_for_span(f, random_span(total - at), &p);
		prbs_check(&state, p, n, at);
		check_equal(vfifo_consume(f, n), 0);
		nap_sometimes(n);
	}
	vfifo_close(f);
}

/* --- by a shell ------------------------------------------------------------- */

/* The text of a script. */
static struct {
	char text[16384];
	size_t length;
} script;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	script.length += vsnprintf(script.text + script.length,
				   sizeof(script.text) - script.length, format,
				   arguments);
	va_end(arguments);
	check(script.length < sizeof(script.text));
}

/* Adds a dd for each random span, with sleeps between. */
static size_t say_spans(const char *from_and_to)
{
	size_t at = 0;

	script.length = 0;
	say("set -e\n");
	for (int i = 0; i < COMMANDS; i++) {
		size_t block = random_span(total / COMMANDS / 4);
		size_t count = total / COMMANDS / block;

		if (count > 2000)
			count = 2000;
		say("dd iflag=fullblock bs=%zu count=%zu %s 2>/dev/null\n",
		    block, count, from_and_to);
		say("usleep %d\n", rand_r(&seed) % NAP_US);
		at += block * count;
	}
	check(at < total);
	return total - at;
}

/* The shell's standard input or output is one end of a pipe; returns the other end. */
static int start_shell(int its_end, pid_t *pid)
{
	int pipes[2];

	check(!pipe2(pipes, O_CLOEXEC));
	fflush(stdout);
	*pid = fork();
	check(*pid >= 0);
	if (!*pid) {
		check(dup2(pipes[its_end], its_end) == its_end);
		execl("/bin/sh", "sh", "-c", script.text, NULL);
		_exit(127);
	}
	close(pipes[its_end]);
	return pipes[!its_end];
}

static void produce_by_shell(void)
{
	uint32_t state = SEED;
	pid_t pid;
	int to;

	say_spans("of=" DEVICE);
	say("cat >" DEVICE "\n");
	to = start_shell(STDIN_FILENO, &pid);
	for (size_t at = 0, n; at < total; at += n) {
		n = random_span(total - at);
		prbs_fill(&state, span, n);
		write_all(to, span, n);
	}
	close(to);
	finish(pid);
}

static void consume_by_shell(void)
{
	uint32_t state = SEED;
	size_t left = say_spans("if=" DEVICE);
	pid_t pid;
	ssize_t n;
	int from;

	say("head -c %zu " DEVICE "\n", left);
	from = start_shell(STDOUT_FILENO, &pid);
	for (size_t at = 0; at < total; at += n) {
		n = read(from, span, sizeof(span));
		check(n > 0);
		prbs_check(&state, span, n, at);
	}
	check_equal(read(from, span, 1), 0);
	close(from);
	finish(pid);
}

/* --- all of them ------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*produce)(void);
	void (*consume)(void);
} clients[] = {
	{ "a shell", produce_by_shell, consume_by_shell },
	{ "system calls", produce_by_write, consume_by_read },
	{ "io_uring", produce_by_uring, consume_by_uring },
	{ "mapped", produce_mapped, consume_mapped },
};

#define NR_CLIENTS (sizeof(clients) / sizeof(*clients))

static void work(void *argument)
{
	void (*produce_or_consume)(void) = *(void (**)(void))argument;

	produce_or_consume();
}

static void pair(size_t producer, size_t consumer)
{
	const double began = now();
	pid_t pids[2];

	subtest("%s to %s, capacity %lld", clients[producer].name,
		clients[consumer].name, attribute("capacity"));
	seed++;
	pids[0] = start(work, (void *)&clients[producer].produce);
	seed++;
	pids[1] = start(work, (void *)&clients[consumer].consume);
	finish(pids[0]);
	finish(pids[1]);
	check_equal(attribute("size"), 0);
	check_equal(attribute("mappings"), 0);
	printf("# %.1f s\n", now() - began);
}

static void at_capacity(size_t capacity)
{
	check_equal(set_capacity(capacity), 0);
	for (size_t i = 0; i < NR_CLIENTS; i++)
		for (size_t j = 0; j < NR_CLIENTS; j++)
			pair(i, j);
}

int main(void)
{
	/* Not a multiple of COMMANDS; the last command takes the rest. */
	total = share(64 << 20, 96 << 10);
	at_capacity(PAGE);
	at_capacity(16 * PAGE);
	at_capacity(16777216);
	return 0;
}
