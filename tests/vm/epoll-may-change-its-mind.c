// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An epoll watches a file for one direction, and is then changed to watch the other one. The kernel
 * queues a file once, when it is added, so it must be woken for both.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

static void reports(int epoll, int ms, int n)
{
	struct epoll_event e;

	check_equal(epoll_wait(epoll, &e, 1, ms), n);
}

static void change(int epoll, int operation, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events };

	check(!epoll_ctl(epoll, operation, fd, &e));
}

/* The FIFO is full, so that a file is ready for reading only, or empty. */
static void fill_or_empty(int fd, bool full)
{
	const size_t stored = attribute("size");

	if (full)
		write_all(fd, bytes, CAPACITY - stored);
	else
		read_all(fd, bytes, stored);
}

/* @first is 0 or the other direction than @then. */
static void change_from_to(uint32_t first, uint32_t then, uint32_t how)
{
	int fd = device(O_RDWR), other = device(O_RDWR);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	fill_or_empty(other, first == EPOLLOUT);
	change(epoll, EPOLL_CTL_ADD, fd, first | how);
	reports(epoll, 0, 0);
	fill_or_empty(other, then == EPOLLOUT);
	change(epoll, EPOLL_CTL_MOD, fd, then | how);
	reports(epoll, 300, 0);
	fill_or_empty(other, then != EPOLLOUT);
	reports(epoll, 10000, 1);
	close(epoll);
	close(fd);
	close(other);
}

int main(void)
{
	run_case(change_from_to(EPOLLIN, EPOLLOUT, 0));
	run_case(change_from_to(EPOLLIN, EPOLLOUT, EPOLLET));
	run_case(change_from_to(EPOLLOUT, EPOLLIN, 0));
	run_case(change_from_to(EPOLLOUT, EPOLLIN, EPOLLET));
	run_case(change_from_to(0, EPOLLOUT, 0));
	run_case(change_from_to(0, EPOLLIN, EPOLLET));
	return 0;
}
