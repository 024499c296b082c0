// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The word `need`: the sleep bit is set exactly while a call sleeps, and the threshold is the
 * least need of a sleeper. The poll bit is set from a poll until its wake-up. A holder that
 * follows both kicks no more often than necessary.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static const volatile struct vfifo_status *status;
static int fd;

static void work_read(void *unused)
{
	char c;

	(void)unused;
	check_equal(read(device(O_RDONLY), &c, 1), 1);
}

static void work_write(void *n)
{
	static char bytes[CAPACITY];

	check_equal(write(device(O_WRONLY), bytes, *(size_t *)n),
		    *(ssize_t *)n);
}

static void sleeping_readers(void)
{
	pid_t pids[3];
	struct raw producer;

	raw_claim(&producer, VFIFO_PRODUCER);
	for (int i = 0; i < 3; i++) {
		pids[i] = start(work_read, NULL);
		wait_asleep(pids[i], "vfifo");
		check_equal(status->need, VFIFO_NEED_CONSUMER_SLEEP);
		check_equal(status->threshold[VFIFO_CONSUMER], 1);
	}
	/* A killed sleeper takes no wake-up with it. */
	check(!kill(pids[1], SIGKILL));
	check_equal(waitpid(pids[1], NULL, 0), pids[1]);
	check_equal(status->need, VFIFO_NEED_CONSUMER_SLEEP);

	/* The first sleeper passes the wake-up on to the second. */
	raw_put(&producer, 2, 0);
	check_equal(producer.kicks, 1);
	finish(pids[0]);
	finish(pids[2]);
	check_equal(status->need, 0);
	raw_put(&producer, 1, 2);
	check_equal(producer.kicks, 1);
	check(!ioctl(fd, VFIFO_CLEAR));
	raw_release(&producer);
}

/* While space is freed byte by byte, a writer of 3000 bytes gets one kick, not 3000. */
static void sleeping_writers(void)
{
	static char full[CAPACITY];
	size_t large = 3000, small = 100;
	struct raw consumer;
	pid_t pids[2];

	check_equal(write(fd, full, CAPACITY), CAPACITY);
	raw_claim(&consumer, VFIFO_CONSUMER);
	pids[0] = start(work_write, &large);
	wait_asleep(pids[0], "vfifo");
	check_equal(status->need, VFIFO_NEED_PRODUCER_SLEEP);
	check_equal(status->threshold[VFIFO_PRODUCER], large);
	pids[1] = start(work_write, &small);
	wait_asleep(pids[1], "vfifo");
	check_equal(status->threshold[VFIFO_PRODUCER], small);

	for (size_t i = 0; i < small; i++)
		raw_move(&consumer, 1);
	finish(pids[1]);
	check_equal(consumer.kicks, 1);
	check_equal(status->threshold[VFIFO_PRODUCER], large);
	for (size_t i = 0; i < large; i++)
		raw_move(&consumer, 1);
	finish(pids[0]);
	check_equal(consumer.kicks, 2);
	check_equal(status->need, 0);
	raw_release(&consumer);
	check(!ioctl(fd, VFIFO_CLEAR));
}

static int poll_now(short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* The poll bit is one-shot: each poll sets it, and the watermark clears it, not fewer bytes. */
static void polls_with_a_watermark(void)
{
	struct raw producer;

	check_equal(set_attribute("read_watermark", "10"), 0);
	check_equal(status->watermark[VFIFO_CONSUMER], 10);
	raw_claim(&producer, VFIFO_PRODUCER);
	check_equal(status->need, 0);
	check_equal(poll_now(POLLIN), 0);
	check_equal(status->need, VFIFO_NEED_CONSUMER_POLL);
	for (int i = 0; i < 9; i++)
		raw_put(&producer, 1, i);
	check_equal(producer.kicks, 0);
	check_equal(poll_now(POLLIN), 0);
	raw_put(&producer, 1, 9);
	check_equal(producer.kicks, 1);
	check_equal(status->need, 0);
	raw_put(&producer, 1, 10);
	check_equal(producer.kicks, 1);
	/* A poll that is ready sets the bit too. */
	check_equal(poll_now(POLLIN), POLLIN);
	check_equal(status->need, VFIFO_NEED_CONSUMER_POLL);
	raw_put(&producer, 1, 11);
	check_equal(producer.kicks, 2);
	check(!ioctl(fd, VFIFO_CLEAR));
	raw_release(&producer);
	check_equal(set_attribute("read_watermark", "1"), 0);
}

/*
 * Another process can take the bytes between the holder's test and its kick. The pollers are
 * woken all the same; otherwise the holder would kick again at the next move.
 */
static void a_kick_that_comes_late(void)
{
	struct raw producer;

	raw_claim(&producer, VFIFO_PRODUCER);
	check_equal(poll_now(POLLIN), 0);
	check_equal(status->need, VFIFO_NEED_CONSUMER_POLL);
	check(!ioctl(producer.fd, VFIFO_KICK));
	check_equal(status->need, 0);
	raw_release(&producer);
	check(!ioctl(fd, VFIFO_CLEAR));
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

/* With O_ASYNC the poll bit stays set. */
static void sigio_at_every_kick(void)
{
	struct raw producer;
	int async = device(O_RDONLY);

	signal(SIGIO, count_signal);
	check(!fcntl(async, F_SETOWN, getpid()));
	raw_claim(&producer, VFIFO_PRODUCER);
	check(!fcntl(async, F_SETFL, O_ASYNC));
	for (int i = 1; i <= 100; i++) {
		check(status->need & VFIFO_NEED_CONSUMER_POLL);
		signals = 0;
		raw_put(&producer, 1, i);
		check_equal(producer.kicks, i);
		check_equal(signals, 1);
	}
	close(async);
	raw_put(&producer, 1, 0);
	raw_put(&producer, 1, 0);
	check_equal(producer.kicks, 101);
	check_equal(status->need, 0);
	check(!ioctl(fd, VFIFO_CLEAR));
	raw_release(&producer);
}

/* Invalid and incompatible watermarks: EINVAL, and nothing changes. */
static void watermarks_are_checked(void)
{
	static const char *const bad[] = { "0",		 "-1",	      "x",
					   "",		 "62464",     "65537",
					   "4294967295", "4294967296" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (*bad[i])
			check_equal(set_attribute("read_watermark", bad[i]),
				    EINVAL);
		check_equal(attribute("read_watermark"), 1);
	}
	check_equal(set_attribute("read_watermark", "61441"), 0);
	check_equal(set_attribute("write_watermark", "4097"), EINVAL);
	check_equal(attribute("write_watermark"), 4096);
	check_equal(set_attribute("write_watermark", "1"), 0);
	check_equal(set_attribute("read_watermark", "65536"), 0);
	check_equal(set_attribute("write_watermark", "2"), EINVAL);
	check_equal(set_attribute("read_watermark", "1"), 0);
	check_equal(set_attribute("write_watermark", "4096"), 0);
}

/* A watermark is lowered during a poll, which ends if there are enough bytes now. */
static void work_poll(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
}

static void a_lower_watermark_wakes(void)
{
	pid_t pid;

	check_equal(set_attribute("read_watermark", "100"), 0);
	check_equal(write(fd, "0123456789", 10), 10);
	pid = start(work_poll, NULL);
	wait_asleep(pid, "poll");
	check_equal(set_attribute("read_watermark", "10"), 0);
	finish(pid);
	check_equal(set_attribute("read_watermark", "1"), 0);
	check(!ioctl(fd, VFIFO_CLEAR));
}

/* The capacity cannot become too small for the watermarks. */
static void capacity_fits_the_watermarks(void)
{
	char more_than_two[32]; /* pages */

	check(!munmap((void *)status, PAGE));
	check_equal(set_capacity(16 * PAGE), 0);
	snprintf(more_than_two, sizeof(more_than_two), "%zu", 2 * PAGE + 1);
	check_equal(set_attribute("read_watermark", more_than_two), 0);
	check_equal(set_capacity(2 * PAGE), EINVAL);
	check_equal(attribute("capacity"), 16 * PAGE);
	check_equal(set_capacity(4 * PAGE), 0);
	check_equal(set_attribute("read_watermark", "1"), 0);
	check_equal(set_capacity(PAGE), 0);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	status = map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);
	check(status != MAP_FAILED);
	run_case(sleeping_readers());
	run_case(sleeping_writers());
	run_case(polls_with_a_watermark());
	run_case(a_kick_that_comes_late());
	run_case(sigio_at_every_kick());
	run_case(watermarks_are_checked());
	run_case(a_lower_watermark_wakes());
	run_case(capacity_fits_the_watermarks());
	return 0;
}
