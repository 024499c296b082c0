// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/ counts bytes, calls, kicks and wake-ups since the reset, for each way of moving bytes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static int fd;
static char bytes[1000];

static void counts(long long in, long long out, long long writes,
		   long long reads)
{
	check_equal(attribute("stats/in_bytes"), in);
	check_equal(attribute("stats/out_bytes"), out);
	check_equal(attribute("stats/writes"), writes);
	check_equal(attribute("stats/reads"), reads);
	check_equal(attribute("stats/dropped_bytes"), 0);
}

static void reset(void)
{
	check_equal(set_attribute("stats/reset", "1"), 0);
	counts(0, 0, 0, 0);
	check_equal(attribute("stats/kicks"), 0);
	check_equal(attribute("stats/wakeups"), 0);
}

static void system_calls(void)
{
	counts(0, 0, 0, 0);
	check_equal(write(fd, bytes, 100), 100);
	check_equal(write(fd, bytes, 200), 200);
	check_equal(read(fd, bytes, 50), 50);
	counts(300, 50, 2, 1);
	/* A call that moves no byte is not counted. */
	check_equal(write(fd, bytes, 0), 0);
	check_errno(syscall(SYS_write, fd, 8, 10), EFAULT);
	counts(300, 50, 2, 1);
	check(!ioctl(fd, VFIFO_CLEAR));
	counts(300, 300, 2, 1);
	check_errno(read(fd, bytes, 50), EAGAIN);
	counts(300, 300, 2, 1);
	reset();
}

static void write_much(void *unused)
{
	static char many[2 * CAPACITY];

	(void)unused;
	check_equal(write(device(O_WRONLY), many, sizeof(many)), sizeof(many));
}

/* A call is counted once, however often it waits for space. */
static void a_call_of_several_moves(void)
{
	static char many[2 * CAPACITY];
	pid_t child = start(write_much, NULL);
	int in = device(O_RDONLY);

	for (int i = 0; i < 4; i++) {
		wait_asleep(child, "vfifo");
		check_equal(read(in, many, CAPACITY / 4), CAPACITY / 4);
	}
	read_all(in, many, CAPACITY);
	finish(child);
	check_equal(attribute("stats/writes"), 1);
	close(in);
	check(!ioctl(fd, VFIFO_CLEAR));
	reset();
}

/* The bytes of a holder are counted by its position. */
static void holders(void)
{
	struct raw producer, consumer;

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_put(&producer, 500, 0);
	counts(500, 0, 0, 0);
	check_equal(read(fd, bytes, 100), 100);
	raw_claim(&consumer, VFIFO_CONSUMER);
	raw_take(&consumer, 300, 100);
	counts(500, 400, 0, 1);
	raw_put(&producer, 10, 500);
	raw_release(&producer);
	raw_release(&consumer);
	counts(510, 400, 0, 1);
	check(!ioctl(fd, VFIFO_CLEAR));
	reset();
}

/* Bytes that holders had moved before the reset, and that the kernel had not read yet. */
static void reset_includes_what_holders_moved(void)
{
	struct raw producer, consumer;

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_put(&producer, 500, 0);
	reset();
	raw_claim(&consumer, VFIFO_CONSUMER);
	raw_take(&consumer, 300, 0);
	reset();
	raw_put(&producer, 10, 500);
	counts(10, 0, 0, 0);
	raw_release(&producer);
	raw_release(&consumer);
	counts(10, 0, 0, 0);
	check(!ioctl(fd, VFIFO_CLEAR));
	reset();
}

static void read_one(void *unused)
{
	char byte;

	(void)unused;
	check_equal(read(device(O_RDONLY), &byte, 1), 1);
}

static void poll_once(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
}

static void kicks_and_wake_ups(void)
{
	pid_t child;

	for (int i = 0; i < 3; i++)
		check(!ioctl(fd, VFIFO_KICK));
	check_equal(attribute("stats/kicks"), 3);
	check_equal(attribute("stats/wakeups"), 0);

	child = start(read_one, NULL);
	wait_asleep(child, "vfifo");
	check_equal(write(fd, "x", 1), 1);
	finish(child);
	check_equal(attribute("stats/wakeups"), 1);

	child = start(poll_once, NULL);
	wait_asleep(child, "poll");
	check_equal(write(fd, "x", 1), 1);
	finish(child);
	check_equal(attribute("stats/wakeups"), 2);
	check_equal(attribute("stats/kicks"), 3);
	check_equal(read(fd, bytes, 1), 1);
	reset();
}

int main(void)
{
	static const char *const bad[] = { "0", "2", "y", "\n" };

	fd = device(O_RDWR | O_NONBLOCK);
	fill_pattern(bytes, sizeof(bytes), 0);
	run_case(system_calls());
	run_case(a_call_of_several_moves());
	run_case(holders());
	run_case(reset_includes_what_holders_moved());
	run_case(kicks_and_wake_ups());

	subtest("reset and clear");
	check_equal(write(fd, "x", 1), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check_equal(set_attribute("stats/reset", bad[i]), EINVAL);
		check_equal(set_attribute("clear", bad[i]), EINVAL);
	}
	counts(1, 0, 1, 0);
	check_equal(set_attribute("clear", "1"), 0);
	counts(1, 1, 1, 0);
	return 0;
}
