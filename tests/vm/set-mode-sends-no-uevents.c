// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIFO_SET_MODE needs no privilege, so it sends no uevent, however often it is called.
 * Those who poll the attribute are told of the last change all the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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
	/* Had there been more than the socket takes, this would be ENOBUFS. */
	check_equal(errno, EAGAIN);
	return n;
}

static int mode_read(int fd)
{
	char text[8] = "";

	check(pread(fd, text, sizeof(text), 0) > 0);
	return atoi(text);
}

int main(void)
{
	const unsigned long changes = share(200000, 8000) & ~1UL;
	const int uevents = uevents_open();
	int fd, mode, watched;
	struct pollfd p;
	double until;

	become_alice();
	fd = device(O_RDWR);
	watched = open(ATTRIBUTES "mode", O_RDONLY | O_CLOEXEC);
	p = (struct pollfd){ .fd = watched, .events = POLLPRI };
	check_equal(mode_read(watched), 0);

	mode = 1;
	check(!ioctl(fd, VFIFO_SET_MODE, &mode));
	check_equal(poll(&p, 1, 5000), 1);
	check_equal(mode_read(watched), 1);

	for (unsigned long i = 0; i < changes; i++) {
		mode = i & 1;
		check(!ioctl(fd, VFIFO_SET_MODE, &mode));
	}
	/* Late perhaps, but the last of what it is told is how it is. */
	until = now() + 1;
	while (now() < until && poll(&p, 1, 200) == 1)
		mode_read(watched);
	mode = 0;
	check(!ioctl(fd, VFIFO_SET_MODE, &mode));
	check_equal(poll(&p, 1, 1000), 1);
	check_equal(mode_read(watched), 0);

	if (uevents < 0)
		skip("no netlink in this kernel, so no uevents; the rest is well");
	check_equal(uevents_of_the_mode(uevents), 0);
	return 0;
}
