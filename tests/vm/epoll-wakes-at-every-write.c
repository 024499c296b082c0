// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Level- and edge-triggered epoll: an edge-triggered one reports each write, even if the
 * FIFO was not empty. Of two exclusive waiters each write wakes at least one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	check(epoll >= 0);
	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	return epoll;
}

static uint32_t events_of(int epoll, int timeout)
{
	struct epoll_event event = { 0 };
	int n = epoll_wait(epoll, &event, 1, timeout);

	check(n >= 0);
	return n ? event.events : 0;
}

static void await_exclusively(void *argument)
{
	int fd = device(O_RDONLY | O_NONBLOCK);
	int epoll = epoll_on(fd, EPOLLIN | EPOLLEXCLUSIVE);
	char byte = 0;

	(void)argument;
	while (byte != 'q') {
		check_equal(events_of(epoll, 30000), EPOLLIN);
		if (read(fd, &byte, 1) < 0)
			check_equal(errno, EAGAIN);
	}
}

int main(void)
{
	int fd = device(O_RDWR);
	int level = epoll_on(fd, EPOLLIN);
	int edge = epoll_on(fd, EPOLLIN | EPOLLET);
	int space = epoll_on(fd, EPOLLOUT | EPOLLET);
	pid_t pids[2];

	subtest("level and edge");
	check_equal(events_of(level, 0), 0);
	check_equal(events_of(edge, 0), 0);
	check_equal(events_of(space, 0), EPOLLOUT);
	check_equal(events_of(space, 0), 0);

	for (int i = 0; i < 3; i++) {
		write_all(fd, "x", 1);
		check_equal(events_of(level, 1000), EPOLLIN);
		check_equal(events_of(edge, 1000), EPOLLIN);
		check_equal(events_of(edge, 0), 0);
		check_equal(events_of(level, 0), EPOLLIN);
	}
	write_all(fd, bytes, CAPACITY - 3);
	check_equal(events_of(space, 0), 0);
	read_all(fd, bytes, CAPACITY);
	check_equal(events_of(space, 1000), EPOLLOUT);
	check_equal(events_of(level, 0), 0);

	subtest("exclusive waiters");
	for (int i = 0; i < 2; i++) {
		pids[i] = start(await_exclusively, NULL);
		wait_asleep(pids[i], "poll");
	}
	for (int i = 0; i < 1000; i++) {
		write_all(fd, "x", 1);
		while (attribute("size"))
			;
	}
	write_all(fd, "qq", 2);
	finish(pids[0]);
	finish(pids[1]);
	return 0;
}
