// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIFO_SET_MODE needs no privilege, so it never sends a uevent. A process that polls the
 * attribute is woken by each single change, and by the last one of a flood, but not by each
 * change of a flood.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

static int uevents_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd >= 0)
		check(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static unsigned int uevents_of_the_mode(int fd)
{
	static char message[8192];
	unsigned int n = 0;
	ssize_t length;

	while ((length = recv(fd, message, sizeof(message), 0)) > 0)
		n += !!memmem(message, length, "VFIFO_CHANGED=mode", 18);
	/* ENOBUFS would mean that the socket has lost events. */
	check_equal(errno, EAGAIN);
	return n;
}

static int mode_read(int fd)
{
	char text[8] = "";

	check(pread(fd, text, sizeof(text), 0) > 0);
	return atoi(text);
}

static void set_mode(int fd, int mode)
{
	check(!ioctl(fd, VFIFO_SET_MODE, &mode));
}

static void told_of(int watched, int mode)
{
	const double until = now() + (slow_kernel() ? 5 : 1);
	struct pollfd p = { .fd = watched, .events = POLLPRI };

	/* The first wake-up can be that of an earlier change. */
	do
		check_equal(poll(&p, 1, 1000), 1);
	while (mode_read(watched) != mode && now() < until);
	check_equal(mode_read(watched), mode);
}

/* The mode is 0 for most of the time, so that only a process that is told of the end sees 1 there. */
static void work_flood(void *changes)
{
	int fd = device(O_WRONLY);

	for (unsigned long i = 0; i < *(unsigned long *)changes; i++) {
		set_mode(fd, i & 1);
		for (int n = 0; !(i & 1) && n < 10; n++)
			check(getppid());
	}
}

/* Ends with mode 1, which a process that polls all the time sees in the end. */
static void flood(int watched, unsigned long changes)
{
	struct pollfd p = { .fd = watched, .events = POLLPRI };
	const double began = now();
	pid_t pid = start(work_flood, &changes), ended = 0;
	int told = 0, last = -1;
	double seconds, until = 0;

	while (!ended || now() < until) {
		if (poll(&p, 1, 100) == 1) {
			last = mode_read(watched);
			told++;
		}
		if (!ended) {
			ended = waitpid(pid, NULL, WNOHANG);
			until = now() + 1;
		}
	}
	seconds = now() - began;
	printf("# %lu changes in %.1f s, %d wake-ups\n", changes, seconds,
	       told);
	check_equal(last, 1);
	check(told <= 16 * (seconds + 1));
}

int main(void)
{
	const unsigned long changes = share(200000, 20000);
	const int uevents = uevents_open();
	int fd, watched;

	become_alice();
	fd = device(O_RDWR);
	watched = open(ATTRIBUTES "mode", O_RDONLY | O_CLOEXEC);
	check(watched >= 0);
	check_equal(mode_read(watched), 0);
	for (int i = 0; i < 6; i++) {
		set_mode(fd, !(i & 1));
		told_of(watched, !(i & 1));
		sleep_ms(300);
	}
	for (int i = 0; i < 3; i++) {
		flood(watched, changes / 3 & ~1UL);
		set_mode(fd, 0);
		told_of(watched, 0);
	}

	if (uevents < 0)
		skip("this kernel has no netlink, so no uevents; the rest passed");
	check_equal(uevents_of_the_mode(uevents), 0);
	return 0;
}
