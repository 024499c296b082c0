// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two writers sleep, and the new space is too little for the first but enough for the second. The
 * second one continues, even if the first one is killed at that moment.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

static void writer(void *argument)
{
	size_t n = (uintptr_t)argument;

	check_equal(write(device(O_WRONLY), bytes, n), n);
}

int main(void)
{
	int fd = device(O_RDWR);
	pid_t large, small;
	int status;

	write_all(fd, bytes, CAPACITY);
	large = start(writer, (void *)PIPE_BUF);
	wait_asleep(large, "vfifo_ring_wait");
	small = start(writer, (void *)10);
	wait_asleep(small, "vfifo_ring_wait");

	subtest("the first sleeps on");
	read_all(fd, bytes, 10);
	finish(small);
	wait_asleep(large, "vfifo_ring_wait");

	subtest("the first is killed");
	small = start(writer, (void *)10);
	wait_asleep(small, "vfifo_ring_wait");
	kill(large, SIGKILL);
	read_all(fd, bytes, 10);
	finish(small);
	check_equal(waitpid(large, &status, 0), large);
	check_equal(attribute("size"), CAPACITY);
	return 0;
}
