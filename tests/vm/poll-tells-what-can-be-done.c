// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * By default POLLIN from one stored byte on and POLLOUT from PIPE_BUF free bytes on, and only in
 * the directions that the file is open for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

static int ready(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	check(poll(&p, 1, timeout) >= 0);
	return p.revents;
}

static void await_readable(void *argument)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)argument;
	check_equal(poll(&p, 1, -1), 1);
	check_equal(p.revents, POLLIN);
}

static void await_writable(void *argument)
{
	struct pollfd p = { .fd = device(O_WRONLY), .events = POLLOUT };

	(void)argument;
	check_equal(poll(&p, 1, -1), 1);
	check_equal(p.revents, POLLOUT);
	/* An atomic write must not have to wait now. */
	check_equal(fcntl(p.fd, F_SETFL, O_NONBLOCK), 0);
	check_equal(write(p.fd, bytes, PIPE_BUF), PIPE_BUF);
}

static pid_t start_polling(void (*work)(void *))
{
	pid_t pid = start(work, NULL);

	wait_asleep(pid, "poll");
	return pid;
}

int main(void)
{
	int both = device(O_RDWR), in = device(O_RDONLY),
	    out = device(O_WRONLY);
	pid_t pid;

	subtest("empty");
	check_equal(ready(both, 0), POLLOUT);
	check_equal(ready(in, 0), 0);
	check_equal(ready(out, 0), POLLOUT);

	subtest("one byte");
	pid = start_polling(await_readable);
	write_all(both, bytes, 1);
	finish(pid);
	check_equal(ready(both, 0), POLLIN | POLLOUT);
	check_equal(ready(in, 0), POLLIN);

	subtest("nearly full");
	write_all(both, bytes, CAPACITY - PIPE_BUF - 1);
	check_equal(ready(out, 0), POLLOUT);
	write_all(both, bytes, 1);
	check_equal(ready(out, 0), 0);
	check_equal(ready(both, 0), POLLIN);

	subtest("room again");
	pid = start_polling(await_writable);
	read_all(both, bytes, 1);
	finish(pid);
	return 0;
}
