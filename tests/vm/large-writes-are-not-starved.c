// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A large atomic write waits for room, and sixteen small ones with enough room overtake it.
 * Further ones wait behind it, and all are served in the order of their arrival. Two kinds of
 * writes are never held back: nonblocking ones, and those that a polling reader needs to reach
 * its watermark. The share of a large writer is at least half of its share in a pipe.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define SMALL 10
#define OVERTAKES 16

static char bytes[CAPACITY];

struct writer {
	int fd;
	size_t n;
	char mark;
};

static void write_once(void *argument)
{
	struct writer *w = argument;
	char text[PIPE_BUF];

	memset(text, w->mark, w->n);
	check_equal(write(w->fd, text, w->n), w->n);
}

static pid_t start_writer(int fd, size_t n, char mark)
{
	struct writer w = { fd, n, mark };

	return start(write_once, &w);
}

static pid_t sleeping_writer(int fd, size_t n, char mark)
{
	pid_t pid = start_writer(fd, n, mark);

	wait_asleep(pid, "vfifo_ring_wait");
	return pid;
}

static int ended(pid_t pid)
{
	int status;
	pid_t which = waitpid(pid, &status, WNOHANG);

	check(which >= 0);
	check(!which || (WIFEXITED(status) && !WEXITSTATUS(status)));
	return which == pid;
}

static void small_ones_overtake_so_often(void)
{
	int fd = device(O_RDWR), nonblock = device(O_WRONLY | O_NONBLOCK);
	pid_t large, small[3];
	char rest[3 * SMALL];

	write_all(fd, bytes, CAPACITY);
	large = sleeping_writer(fd, PIPE_BUF, 'L');
	for (int i = 0; i < OVERTAKES; i++) {
		pid_t pid;

		/* Half of them find room, and half sleep first. */
		if (i & 1)
			read_all(fd, bytes, SMALL);
		pid = i & 1 ? start_writer(fd, SMALL, 's') :
			      sleeping_writer(fd, SMALL, 's');
		if (!(i & 1))
			read_all(fd, bytes, SMALL);
		finish(pid);
		check(!ended(large));
	}

	/* No further one overtakes, whether it comes before or after there is room. */
	small[0] = sleeping_writer(fd, SMALL, '0');
	read_all(fd, bytes, 2 * SMALL);
	small[1] = sleeping_writer(fd, SMALL, '1');
	small[2] = sleeping_writer(fd, SMALL, '2');
	sleep_ms(50);
	for (int i = 0; i < 3; i++)
		check(!ended(small[i]));
	check_equal(write(nonblock, "n", 1), 1);

	/* Make room for the large write, and then for the others. */
	read_all(fd, bytes, PIPE_BUF - 2 * SMALL + 1);
	finish(large);
	for (int i = 0; i < 3; i++)
		check(!ended(small[i]));
	for (int i = 0; i < 3; i++) {
		read_all(fd, bytes, SMALL);
		finish(small[i]);
	}

	/* They are stored in this order. */
	read_all(fd, bytes, CAPACITY - PIPE_BUF - 3 * SMALL);
	read_all(fd, bytes, PIPE_BUF);
	check_equal(bytes[0], 'L');
	check_equal(bytes[PIPE_BUF - 1], 'L');
	read_all(fd, rest, sizeof(rest));
	for (int i = 0; i < 3; i++)
		check_equal(rest[i * SMALL], '0' + i);
	check_equal(attribute("size"), 0);
	close(fd);
	close(nonblock);
}

static void fail_on(void *argument)
{
	const int fd = *(int *)argument;
	void *bad = mmap(NULL, SMALL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	check(bad != MAP_FAILED);
	for (;;)
		check_errno(write(fd, bad, SMALL), EFAULT);
}

/*
 * Calls of no bytes do not count as calls that overtake. Calls with bad memory do, so they wait
 * behind the large one at last. They can be killed in any state, and take nothing from others.
 */
static void failing_calls_hold_nobody_up(void)
{
	enum { FAILING = 8 };
	int fd = device(O_RDWR);
	pid_t large, pids[FAILING];

	write_all(fd, bytes, CAPACITY);
	large = sleeping_writer(fd, PIPE_BUF, 'L');
	for (int i = 0; i < 10 * OVERTAKES; i++)
		check_equal(write(fd, bytes, 0), 0);
	read_all(fd, bytes, SMALL);
	finish(start_writer(fd, SMALL, 's'));

	read_all(fd, bytes, SMALL);
	for (int i = 0; i < FAILING; i++)
		pids[i] = start(fail_on, &fd);
	for (int i = 0; i < FAILING; i++)
		wait_asleep(pids[i], "vfifo_ring_wait");
	check(!kill(pids[0], SIGKILL));
	check_equal(waitpid(pids[0], NULL, 0), pids[0]);
	check(!ended(large));
	read_all(fd, bytes, PIPE_BUF - SMALL);
	finish(large);
	read_all(fd, bytes, 2 * PIPE_BUF);
	finish(start_writer(fd, PIPE_BUF, 'M'));
	for (int i = 1; i < FAILING; i++) {
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}

	/* What is stored: the rest of the first bytes, then s, L and M, whole. */
	check_equal(attribute("size"), CAPACITY - PIPE_BUF);
	read_all(fd, bytes, CAPACITY - 3 * PIPE_BUF - SMALL);
	read_all(fd, bytes, SMALL);
	check_equal(bytes[0], 's');
	read_all(fd, bytes, 2 * PIPE_BUF);
	check_equal(bytes[0], 'L');
	check_equal(bytes[PIPE_BUF - 1], 'L');
	check_equal(bytes[PIPE_BUF], 'M');
	check_equal(bytes[2 * PIPE_BUF - 1], 'M');
	check_equal(attribute("size"), 0);
	memset(bytes, 0, sizeof(bytes));
	close(fd);
}

static void polled(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
}

/* With a watermark above capacity + 1 - PIPE_BUF the reader and the large write wait for each other. */
static void a_reader_that_polls_gets_what_it_waits_for(void)
{
	int fd = device(O_RDWR);
	pid_t large, poller;

	check_equal(set_attribute("write_watermark", "1"), 0);
	check_equal(set_attribute("read_watermark", "65000"), 0);
	write_all(fd, bytes, CAPACITY - 1000);
	poller = start(polled, NULL);
	wait_asleep(poller, "poll");
	large = sleeping_writer(fd, PIPE_BUF, 'L');
	for (int i = 0; i < 46; i++)
		finish(start_writer(fd, SMALL, 's'));
	finish(start_writer(fd, 4, 's'));
	finish(poller);
	check(!ended(large));
	read_all(fd, bytes, PIPE_BUF);
	finish(large);
	close(fd);
	check_equal(set_attribute("read_watermark", "1"), 0);
	check_equal(set_attribute("write_watermark", "4096"), 0);
	fd = device(O_RDWR | O_NONBLOCK);
	check(read(fd, bytes, sizeof(bytes)) > 0);
	close(fd);
}

static void read_once(void *mark)
{
	char byte;

	check_equal(read(device(O_RDONLY), &byte, 1), 1);
	check_equal(byte, (intptr_t)mark);
}

/* The reader that sleeps first is served first. */
static void readers_are_served_in_order(void)
{
	enum { READERS = 20 };
	int fd = device(O_RDWR);
	pid_t pids[READERS];

	for (intptr_t i = 0; i < READERS; i++) {
		pids[i] = start(read_once, (void *)i);
		wait_asleep(pids[i], "vfifo_ring_wait");
	}
	for (int i = 0; i < READERS; i++) {
		char mark = i;

		check_equal(write(fd, &mark, 1), 1);
		finish(pids[i]);
	}
	close(fd);
}

/* --- compared with a pipe ------------------------------------------------------------- */

enum { SMALL_WRITES, LARGE_WRITES, READS };

static unsigned long *counts;

struct stream {
	int fd;
	size_t n;
};

static void write_on(void *argument)
{
	struct stream *s = argument;
	const int which = s->n == PIPE_BUF ? LARGE_WRITES : SMALL_WRITES;

	for (;;) {
		check_equal(write(s->fd, bytes, s->n), s->n);
		__atomic_add_fetch(&counts[which], 1, __ATOMIC_RELAXED);
	}
}

/* Returns how many of a thousand writes are large. */
static double large_share(const char *name, int in, int out, double seconds)
{
	struct stream small = { in, 512 }, large = { in, PIPE_BUF };
	pid_t pids[5];
	double end, share;

	counts[SMALL_WRITES] = counts[LARGE_WRITES] = 0;
	for (int i = 0; i < 4; i++)
		pids[i] = start(write_on, &small);
	pids[4] = start(write_on, &large);
	for (end = now() + seconds; now() < end;)
		check(read(out, bytes, 512) > 0);
	for (int i = 0; i < 5; i++) {
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	share = 1000.0 * (double)counts[LARGE_WRITES] /
		(double)(counts[SMALL_WRITES] + counts[LARGE_WRITES]);
	printf("# %s: %lu small ones, %lu large ones, %.1f of a thousand\n",
	       name, counts[SMALL_WRITES], counts[LARGE_WRITES], share);
	return share;
}

static void beside_a_pipe(void)
{
	/* In turn, as a share depends on how the scheduler has placed the tasks. */
	enum { ROUNDS = 4 };
	const double seconds = slow_kernel() ? 4 : 2;
	double of_the_pipe = 0, share = 0;
	int fd[2], in;

	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(counts != MAP_FAILED);
	check(!pipe(fd));
	in = device(O_RDWR);
	for (int i = 0; i < ROUNDS; i++) {
		of_the_pipe += large_share("pipe", fd[1], fd[0], seconds);
		share += large_share("vfifo", in, in, seconds);
	}
	check(share >= of_the_pipe / 2);
}

int main(void)
{
	/*
	 * First, as the others cause notices. A notice that comes late wakes one more
	 * reader while the first one was woken and has not run yet, and that reader may take
	 * the byte.
	 */
	run_case(readers_are_served_in_order());
	run_case(small_ones_overtake_so_often());
	/* The next large one can be overtaken as often. */
	run_case(small_ones_overtake_so_often());
	run_case(failing_calls_hold_nobody_up());
	run_case(a_reader_that_polls_gets_what_it_waits_for());
	run_case(beside_a_pipe());
	return 0;
}
