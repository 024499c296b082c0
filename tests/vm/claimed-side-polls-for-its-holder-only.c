// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * On a claimed side, poll reports ready only for the file that made the claim, as calls on
 * other files return EBUSY. Those are woken by the release and by errors. They cost the
 * holder of the other side no system call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
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
	uint32_t how; /* 0: poll(2); otherwise the flags of epoll */
	short event;  /* the expected event; 0: the side is ready */
};

static void work_wait(void *argument)
{
	const struct waiter *w = argument;
	int fd = device(O_RDWR), epoll;
	struct epoll_event event = { .events = event_of[w->end] | w->how };
	struct pollfd p = { .fd = fd, .events = event_of[w->end] };

	if (!w->how) {
		check_equal(poll(&p, 1, 20000), 1);
		check_equal(p.revents, w->event ?: event_of[w->end]);
		return;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	check_equal(epoll_wait(epoll, &event, 1, 20000), 1);
	check_equal(event.events, w->event ?: event_of[w->end]);
}

static pid_t sleeping_waiter(struct waiter *w)
{
	pid_t pid = start(work_wait, w);

	wait_asleep(pid, w->how ? "epoll_wait" : "poll");
	return pid;
}

/* There are enough bytes, and only the release wakes the other files. */
static void others_are_woken_at_the_release(enum vfifo_end end, uint32_t how)
{
	struct waiter w = { end, how, 0 };
	struct raw raw;
	pid_t pid;

	raw_claim(&raw, end);
	pid = sleeping_waiter(&w);
	raw_release(&raw);
	finish(pid);
}

/* Other files wait before the claim, and bytes that arrive meanwhile are reported at the release. */
static void others_wait_through_a_claim(enum vfifo_end end, int fd)
{
	struct waiter w = { end, 0, 0 };
	char c = 'x', full[CAPACITY] = "";
	struct raw raw;
	pid_t pid;

	check(!ioctl(fd, VFIFO_CLEAR));
	if (end == VFIFO_PRODUCER)
		check_equal(write(fd, full, CAPACITY), CAPACITY);
	pid = sleeping_waiter(&w);
	raw_claim(&raw, end);
	if (end == VFIFO_PRODUCER)
		read_all(fd, full, CAPACITY);
	else
		check_equal(write(fd, &c, 1), 1);
	sleep_ms(200);
	check_equal(waitpid(pid, NULL, WNOHANG), 0);
	check_equal(poll_now(raw.fd, event_of[end]), event_of[end]);
	raw_release(&raw);
	finish(pid);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(write(fd, &c, 1), 1);
}

/* The open file description counts, in any process and after any close(2). */
static void copies_are_the_same_file(enum vfifo_end end, int fd)
{
	struct raw raw;
	int copy;

	raw_claim(&raw, end);
	copy = dup(raw.fd);
	check(copy >= 0);
	check_equal(poll_now(copy, event_of[end]), event_of[end]);
	check(!close(raw.fd));
	check_equal(poll_now(copy, event_of[end]), event_of[end]);
	check_equal(poll_now(fd, event_of[end]), 0);
	check(!close(copy));
	check_equal(poll_now(fd, event_of[end]), 0);
	/* A new file. The mapping keeps the old one, so the new one cannot have its address. */
	raw.fd = device(O_RDWR);
	check_equal(poll_now(raw.fd, event_of[end]), 0);
	raw_release(&raw);
	check_equal(poll_now(fd, event_of[end]), event_of[end]);
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
	others_wait_through_a_claim(end, fd);
	copies_are_the_same_file(end, fd);
}

/* Both sides are claimed, and another file polls the consumer side. */
static void they_cost_no_kick(int fd)
{
	struct waiter w = { VFIFO_CONSUMER, 0, 0 };
	struct raw producer, consumer;
	pid_t pid;

	check(!ioctl(fd, VFIFO_CLEAR));
	raw_claim(&consumer, VFIFO_CONSUMER);
	raw_claim(&producer, VFIFO_PRODUCER);
	pid = sleeping_waiter(&w);
	for (int i = 0; i < 100; i++) {
		check_equal(poll_now(fd, POLLIN), 0);
		check_equal(producer.status->need, 0);
		raw_put(&producer, 1, i);
	}
	check_equal(producer.kicks, 0);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	raw_take(&consumer, 100, 0);
	check_equal(consumer.kicks, 0);
	raw_release(&producer);
	raw_release(&consumer);
}

static void errors_are_everybodys(int fd)
{
	int remover = open("/sys/class/vfifo/remove", O_WRONLY | O_CLOEXEC);
	struct raw producer, consumer;
	struct waiter waiters[] = { { VFIFO_CONSUMER, 0, POLLERR },
				    { VFIFO_CONSUMER, EPOLLET, POLLERR },
				    { VFIFO_PRODUCER, 0, POLLERR } };
	pid_t pids[3];
	char byte;

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	for (int i = 0; i < 3; i++)
		pids[i] = sleeping_waiter(&waiters[i]);
	*producer.at[VFIFO_PRODUCER] = producer.own + 2 * CAPACITY;
	check_errno(read(fd, &byte, 1), EBUSY);
	check(poll_now(fd, POLLIN) & POLLERR);
	for (int i = 0; i < 3; i++)
		finish(pids[i]);
	*producer.at[VFIFO_PRODUCER] = producer.own;
	check_equal(poll_now(fd, POLLIN), 0);
	for (int i = 0; i < 3; i++) {
		waiters[i].event = POLLHUP;
		pids[i] = sleeping_waiter(&waiters[i]);
	}
	check_equal(write(remover, "0", 1), 1);
	check(poll_now(fd, POLLIN) & POLLHUP);
	for (int i = 0; i < 3; i++)
		finish(pids[i]);
	raw_release(&producer);
	raw_release(&consumer);
}

int main(void)
{
	int fd = device(O_RDWR | O_NONBLOCK);

	check_equal(write(fd, "x", 1), 1);
	run_case(one_side(VFIFO_CONSUMER, fd));
	run_case(one_side(VFIFO_PRODUCER, fd));
	run_case(they_cost_no_kick(fd));
	run_case(errors_are_everybodys(fd));
	return 0;
}
