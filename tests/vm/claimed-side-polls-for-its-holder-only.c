// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * On a claimed side, poll says ready to the file that made the claim and to no other: their
 * calls would be EBUSY. The others are told at the release, and of errors meanwhile; and
 * they cost the holder of the other side no system call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static const short event_of[] = { POLLOUT, POLLIN };

static int poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

struct waiter {
	enum vfifo_end end;
	uint32_t how; /* 0: poll(2); else for epoll */
};

static void work_wait(void *argument)
{
	const struct waiter *w = argument;
	int fd = device(O_RDWR), epoll;
	struct epoll_event event = { .events = event_of[w->end] | w->how };
	struct pollfd p = { .fd = fd, .events = event_of[w->end] };

	if (!w->how) {
		check_equal(poll(&p, 1, 20000), 1);
		check_equal(p.revents, event_of[w->end]);
		return;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	check_equal(epoll_wait(epoll, &event, 1, 20000), 1);
	check(event.events & (uint32_t)event_of[w->end]);
}

/* Ready, as far as bytes go; and the release is all that comes. */
static void others_are_woken_at_the_release(enum vfifo_end end, uint32_t how)
{
	struct waiter w = { end, how };
	struct raw raw;
	pid_t pid;

	raw_claim(&raw, end);
	pid = start(work_wait, &w);
	wait_asleep(pid, how ? "epoll_wait" : "poll");
	raw_release(&raw);
	finish(pid);
}

static void one_side(enum vfifo_end end, int fd)
{
	struct raw raw;

	raw_claim(&raw, end);
	check_equal(poll_now(raw.fd, event_of[end]), event_of[end]);
	check_equal(poll_now(fd, event_of[end]), 0);
	check_equal(poll_now(fd, POLLIN | POLLOUT), event_of[other(end)]);
	raw_release(&raw);
	check_equal(poll_now(fd, event_of[end]), event_of[end]);

	others_are_woken_at_the_release(end, 0);
	others_are_woken_at_the_release(end, EPOLLERR); /* level-triggered */
	others_are_woken_at_the_release(end, EPOLLET);
	others_are_woken_at_the_release(end, EPOLLEXCLUSIVE);
}

/* Both sides are claimed, and another file polls the consumer's. */
static void they_cost_no_kick(int fd)
{
	struct raw producer, consumer;

	check(!ioctl(fd, VFIFO_CLEAR));
	raw_claim(&consumer, VFIFO_CONSUMER);
	raw_claim(&producer, VFIFO_PRODUCER);
	for (int i = 0; i < 100; i++) {
		check_equal(poll_now(fd, POLLIN), 0);
		check_equal(producer.status->need, 0);
		raw_put(&producer, 1, i);
	}
	check_equal(producer.kicks, 0);
	raw_take(&consumer, 100, 0);
	check_equal(consumer.kicks, 0);
	raw_release(&producer);
	raw_release(&consumer);
}

static void errors_are_everybodys(int fd)
{
	int remover = open("/sys/class/vfifo/remove", O_WRONLY | O_CLOEXEC);
	struct raw producer, consumer;
	char byte;

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	*producer.at[VFIFO_PRODUCER] = producer.own + 2 * CAPACITY;
	check_errno(read(fd, &byte, 1), EBUSY);
	check(poll_now(fd, POLLIN) & POLLERR);
	*producer.at[VFIFO_PRODUCER] = producer.own;
	check_equal(poll_now(fd, POLLIN), 0);
	check_equal(write(remover, "0", 1), 1);
	check(poll_now(fd, POLLIN) & POLLHUP);
	raw_release(&producer);
	raw_release(&consumer);
}

int main(void)
{
	int fd = device(O_RDWR | O_NONBLOCK);

	check_equal(write(fd, "x", 1), 1);
	one_side(VFIFO_CONSUMER, fd);
	one_side(VFIFO_PRODUCER, fd);
	they_cost_no_kick(fd);
	errors_are_everybodys(fd);
	return 0;
}
