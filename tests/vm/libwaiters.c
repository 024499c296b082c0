// SPDX-License-Identifier: GPL-2.0-or-later
/* libwaiters.c - see waiters.h */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "testlib.h"
#include "waiters.h"

/* Checks the result of a waiting call: the number of ready files, 0 for a timeout, or -1. */
static void check_woken(int result)
{
	if (!result)
		fail("not woken in %d ms", WAKE_UP_MS);
	check(result > 0 || errno == EINTR);
}

static void in_poll(struct waiting *w)
{
	struct pollfd p = { .fd = w->fd, .events = w->events };
	int n = poll(&p, 1, WAKE_UP_MS);

	check_woken(n);
	check(n < 0 || p.revents == w->events);
}

static void add_to_epoll(struct waiting *w, uint32_t how)
{
	/* EPOLLIN and EPOLLOUT are POLLIN and POLLOUT. */
	struct epoll_event event = { .events = w->events | how };

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	check(w->epoll >= 0);
	check(!epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->fd, &event));
}

static void edge_triggered(struct waiting *w)
{
	add_to_epoll(w, EPOLLET);
}

static void exclusive(struct waiting *w)
{
	add_to_epoll(w, EPOLLEXCLUSIVE);
}

static void in_epoll(struct waiting *w)
{
	struct epoll_event event;
	int n = epoll_wait(w->epoll, &event, 1, WAKE_UP_MS);

	check_woken(n);
	check(n < 0 || event.events == (uint32_t)w->events);
}

static void arm_multishot(struct waiting *w)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(w->uring);

	check(sqe);
	io_uring_prep_poll_multishot(sqe, w->fd, w->events);
	check_equal(io_uring_submit(w->uring), 1);
}

static void multishot(struct waiting *w)
{
	w->uring = malloc(sizeof(struct io_uring));
	check(w->uring);
	check_equal(io_uring_queue_init(4, w->uring, 0), 0);
	arm_multishot(w);
}

static void in_io_uring(struct waiting *w)
{
	struct __kernel_timespec limit = { .tv_sec = WAKE_UP_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe_timeout(w->uring, &cqe, &limit);
	bool over;

	if (err == -EINTR)
		return;
	if (err == -ETIME)
		fail("not woken in %d ms", WAKE_UP_MS);
	check_equal(err, 0);
	check(cqe->res > 0 && cqe->res & w->events);
	over = !(cqe->flags & IORING_CQE_F_MORE);
	io_uring_cqe_seen(w->uring, cqe);
	if (over)
		arm_multishot(w);
}

static void signalled(struct waiting *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	check(!sigprocmask(SIG_BLOCK, &set, NULL));
	check(!fcntl(w->fd, F_SETOWN, getpid()));
	check(!fcntl(w->fd, F_SETFL, fcntl(w->fd, F_GETFL) | O_ASYNC));
}

static void for_sigio(struct waiting *w)
{
	struct timespec limit = { .tv_sec = WAKE_UP_MS / 1000 };
	sigset_t set;

	(void)w;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	if (sigtimedwait(&set, NULL, &limit) != SIGIO)
		check_woken(errno == EAGAIN ? 0 : -1);
}

const struct waiter waiters[] = {
	{ .name = "a blocking call", .number = 1, .blocks = true },
	{ .name = "poll", .number = 1, .wait = in_poll },
	{
		.name = "EPOLLET",
		.number = 1,
		.prepare = edge_triggered,
		.wait = in_epoll,
	},
	{
		.name = "EPOLLEXCLUSIVE by two",
		.number = 2,
		.prepare = exclusive,
		.wait = in_epoll,
	},
	{
		.name = "io_uring's multishot poll",
		.number = 1,
		.prepare = multishot,
		.wait = in_io_uring,
	},
	{
		.name = "SIGIO",
		.number = 1,
		.prepare = signalled,
		.wait = for_sigio,
	},
};
const int nr_waiters = sizeof(waiters) / sizeof(*waiters);
