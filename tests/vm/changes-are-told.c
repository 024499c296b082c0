// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A change of mode, label or capacity wakes processes that poll the attribute's file, and
 * sends a uevent. Setting the current value does neither.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

static int uevents = -1;

static void open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = 1 };

	uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
			 NETLINK_KOBJECT_UEVENT);
	if (uevents >= 0)
		check(!bind(uevents, (struct sockaddr *)&address,
			    sizeof(address)));
}

/* Returns the attribute in the next uevent of a vfifo, or NULL after `ms`. */
static const char *next_uevent(int ms)
{
	static char message[4096];
	struct pollfd p = { .fd = uevents, .events = POLLIN };

	while (poll(&p, 1, ms) == 1) {
		ssize_t n = recv(uevents, message, sizeof(message) - 1, 0);
		const char *which = NULL;

		check(n > 0);
		message[n] = '\0';
		if (!strstr(message, "/vfifo/vfifo0"))
			continue;
		check(!strncmp(message, "change@", 7));
		for (char *at = message; at < message + n; at += strlen(at) + 1)
			if (!strncmp(at, "VFIFO_CHANGED=", 14))
				which = at + 14;
		check(which);
		return which;
	}
	return NULL;
}

static int watch(const char *name)
{
	char path[128], text[256];
	int fd;

	snprintf(path, sizeof(path), ATTRIBUTES "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	check(read(fd, text, sizeof(text)) >
	      0); /* otherwise poll is ready at once */
	return fd;
}

static void told_by_poll(int watched)
{
	struct pollfd p = { .fd = watched, .events = POLLPRI };

	check_equal(poll(&p, 1, 10000), 1);
	check(p.revents & POLLPRI);
	close(watched);
}

static void told(int watched, const char *name)
{
	const char *which;

	told_by_poll(watched);
	if (uevents < 0)
		return;
	which = next_uevent(10000);
	if (!which || strcmp(which, name))
		fail("a uevent for %s, not %s", which ? which : "nothing",
		     name);
}

static void not_told(int watched)
{
	struct pollfd p = { .fd = watched, .events = POLLPRI };

	check_equal(poll(&p, 1, 50), 0);
	close(watched);
	check(uevents < 0 || !next_uevent(50));
}

static void by_attribute(const char *name, const char *one, const char *other)
{
	int watched = watch(name);

	check_equal(set_attribute(name, other), 0);
	told(watched, name);
	watched = watch(name);
	check_equal(set_attribute(name, other), 0);
	not_told(watched);
	check_equal(set_attribute(name, one), 0);
	check(uevents < 0 || next_uevent(10000));
}

int main(void)
{
	int fd = device(O_RDWR), one = 1, watched;

	open_uevents();
	run_case(by_attribute("mode", "0", "1"));
	run_case(by_attribute("label", "a", "b"));
	run_case(by_attribute("capacity", "65536", "131072"));

	/* The ioctl needs no privilege, so it sends no uevent. */
	subtest("by ioctl");
	watched = watch("mode");
	check(!ioctl(fd, VFIFO_SET_MODE, &one));
	told_by_poll(watched);
	check(uevents < 0 || !next_uevent(50));

	subtest("a bad value");
	watched = watch("capacity");
	check_equal(set_attribute("capacity", "0"), EINVAL);
	not_told(watched);
	if (uevents < 0)
		skip("this kernel has no netlink, so no uevents; the rest passed");
	return 0;
}
