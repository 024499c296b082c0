// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An epoll watches a file for one direction, and is then changed to watch the other one. The kernel
 * queues a file once, when it is added, so it must be woken for both.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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

static void from_reading_to_writing(uint32_t how)
{
	int fd = device(O_RDWR), other = device(O_RDWR);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	write_all(other, bytes, CAPACITY);
	read_all(other, bytes, CAPACITY);
	change(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | how);
	reports(epoll, 0, 0);
	write_all(other, bytes, CAPACITY);
	change(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT | how);
	reports(epoll, 300, 0);
	read_all(other, bytes, CAPACITY);
	reports(epoll, 10000, 1);
	close(epoll);
	close(fd);
	close(other);
}

static void from_writing_to_reading(uint32_t how)
{
	int fd = device(O_RDWR), other = device(O_RDWR);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	write_all(other, bytes, CAPACITY);
	change(epoll, EPOLL_CTL_ADD, fd, EPOLLOUT | how);
	reports(epoll, 0, 0);
	read_all(other, bytes, CAPACITY);
	change(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | how);
	reports(epoll, 300, 0);
	write_all(other, bytes, 1);
	reports(epoll, 10000, 1);
	read_all(other, bytes, 1);
	close(epoll);
	close(fd);
	close(other);
}

static void from_nothing(uint32_t how)
{
	int fd = device(O_RDWR), other = device(O_RDWR);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	change(epoll, EPOLL_CTL_ADD, fd, how);
	write_all(other, bytes, CAPACITY);
	change(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT | how);
	reports(epoll, 300, 0);
	read_all(other, bytes, CAPACITY);
	reports(epoll, 10000, 1);
	close(epoll);
	close(fd);
	close(other);
}

int main(void)
{
	run_case(from_reading_to_writing(0));
	run_case(from_reading_to_writing(EPOLLET));
	run_case(from_writing_to_reading(0));
	run_case(from_writing_to_reading(EPOLLET));
	run_case(from_nothing(0));
	run_case(from_nothing(EPOLLET));
	return 0;
}
