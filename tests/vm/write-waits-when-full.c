// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A write of more than the free space stores all its bytes, and sleeps in between. A write of up
 * to PIPE_BUF sleeps until all of it fits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY + 10000];

static void write_large(void *argument)
{
	(void)argument;
	fill_pattern(bytes, sizeof(bytes), 0);
	check_equal(write(device(O_WRONLY), bytes, sizeof(bytes)),
		    sizeof(bytes));
}

static void write_atomic(void *argument)
{
	(void)argument;
	fill_pattern(bytes, PIPE_BUF, 0);
	check_equal(write(device(O_WRONLY), bytes, PIPE_BUF), PIPE_BUF);
}

int main(void)
{
	int fd = device(O_RDWR);
	pid_t pid;

	subtest("a large write");
	pid = start(write_large, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	check_equal(attribute("size"), CAPACITY);
	read_all(fd, bytes, sizeof(bytes));
	finish(pid);
	check_pattern(bytes, sizeof(bytes), 0);

	subtest("an atomic write");
	write_all(fd, bytes, CAPACITY - 100);
	pid = start(write_atomic, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	check_equal(attribute("size"), CAPACITY - 100);
	/* With one free byte too few it sleeps on. */
	read_all(fd, bytes, PIPE_BUF - 101);
	sleep_ms(100);
	wait_asleep(pid, "vfifo_ring_wait");
	check_equal(attribute("size"), CAPACITY - PIPE_BUF + 1);
	read_all(fd, bytes, 1);
	finish(pid);
	check_equal(attribute("size"), CAPACITY);
	read_all(fd, bytes, CAPACITY);
	check_pattern(bytes + CAPACITY - PIPE_BUF, PIPE_BUF, 0);
	return 0;
}
