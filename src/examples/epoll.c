// SPDX-License-Identifier: MIT
/*
 * epoll SECONDS [DEVICE]: counts the bytes that come out of a vfifo (/dev/vfifo0), and prints
 * the number each second: an event loop with two sources, the FIFO edge-triggered
 *
 *	cc -o epoll epoll.c $(pkg-config --cflags --libs libvfifo)
 *	dd if=/dev/zero of=/dev/vfifo0 bs=4k count=1000 & ./epoll 2
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <libvfifo.h>

static void check(ssize_t result, const char *what)
{
	if (result < 0)
		errx(1, "%s: %s", what, strerror((int)-result));
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		err(1, "epoll_ctl");
}

static int each_second(void)
{
	struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (timer < 0 || timerfd_settime(timer, 0, &second, NULL))
		err(1, "timerfd");
	return timer;
}

/*
 * An edge is reported once, so take all bytes, until -EAGAIN. Bytes that arrive after that
 * are a new edge: epoll_wait() set our bit of `need` before it returned.
 */
static uint64_t drain(struct vfifo_handle *f)
{
	uint64_t taken = 0;
	void *p = NULL;
	ssize_t n;

	while ((n = vfifo_peek(f, 1, &p)) > 0) {
		/* Here p[0] to p[n - 1] would be used. */
		check(vfifo_consume(f, (size_t)n), "consume");
		taken += (uint64_t)n;
	}
	if (n != -EAGAIN)
		check(n, "peek");
	return taken;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 1;
	const char *path = argc > 2 ? argv[2] : "/dev/vfifo0";
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = each_second();
	uint64_t taken = 0, times;
	struct epoll_event e;
	struct vfifo_handle *f;

	check(vfifo_open(path, VFIFO_CONSUMER, 0, &f), path);
	watch(epoll, timer, EPOLLIN);
	/* If there are bytes by now, this is reported as the first edge. */
	watch(epoll, vfifo_fd(f), EPOLLIN | EPOLLET);
	while (seconds > 0) {
		if (epoll_wait(epoll, &e, 1, -1) != 1)
			err(1, "epoll_wait");
		if (e.data.fd != timer) {
			taken += drain(f);
			/* Removed, or the position of the other end is invalid. */
			if (e.events & (EPOLLHUP | EPOLLERR))
				errx(1, "%s: removed, or broken", path);
		} else if (read(timer, &times, sizeof(times)) > 0) {
			printf("%llu bytes\n", (unsigned long long)taken);
			taken = 0;
			seconds--;
		}
	}
	vfifo_close(f);
	return 0;
}
