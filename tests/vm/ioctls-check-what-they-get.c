// SPDX-License-Identifier: GPL-2.0-or-later
/* Each ioctl works, and a bad number, pointer, value or file is an error. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

static char bytes[CAPACITY];

static void writer(void *argument)
{
	(void)argument;
	check_equal(write(device(O_WRONLY), "last", 4), 4);
}

int main(void)
{
	int fd = device(O_RDWR), in = device(O_RDONLY), out = device(O_WRONLY);
	int n = -1, one = 1, zero = 0, bad[] = { -1, 2, 1 << 30 };
	pid_t pid;

	/* The numbers are part of the ABI; the direction bits differ between machines. */
	subtest("the numbers");
#ifdef __powerpc__
	check_equal(VFIFO_CLEAR, 0x20006b01);
	check_equal(VFIFO_SET_MODE, 0x80046b02);
	check_equal(VFIFO_KICK, 0x2000fb01);
	check_equal(VFIFO_END, 0x2000fb02);
#else
	check_equal(VFIFO_CLEAR, 0x6b01);
	check_equal(VFIFO_SET_MODE, 0x40046b02);
	check_equal(VFIFO_KICK, 0xfb01);
	check_equal(VFIFO_END, 0xfb02);
#endif

	subtest("FIONREAD");
	write_all(fd, "abc", 3);
	check(!ioctl(fd, FIONREAD, &n));
	check_equal(n, 3);
	check_errno(ioctl(fd, FIONREAD, NULL), EFAULT);

	subtest("VFIFO_SET_MODE");
	check_errno(ioctl(fd, VFIFO_SET_MODE, NULL), EFAULT);
	check_errno(ioctl(fd, VFIFO_SET_MODE, -8L), EFAULT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_errno(ioctl(fd, VFIFO_SET_MODE, &bad[i]), EINVAL);
	check_errno(ioctl(in, VFIFO_SET_MODE, &one), EBADF);
	check_equal(attribute("mode"), 0);
	check(!ioctl(fd, VFIFO_SET_MODE, &one));
	check_equal(attribute("mode"), 1);
	check(!ioctl(fd, VFIFO_SET_MODE, &zero));
	check_equal(attribute("mode"), 0);

	subtest("unknown numbers");
	check_errno(ioctl(fd, _IO('k', 0), 0), ENOTTY);
	check_errno(ioctl(fd, _IO('k', 3), 0), ENOTTY);
	check_errno(ioctl(fd, _IO(VFIFO_IOC, 0), 0), ENOTTY);
	check_errno(ioctl(fd, _IO(VFIFO_IOC, 255), 0), ENOTTY);
	check_errno(ioctl(fd, _IO('k', 255), 0), ENOTTY);
	check_errno(ioctl(fd, _IOR('k', 2, int), &n), ENOTTY);
	check_errno(ioctl(fd, _IOW('k', 2, long long), &n), ENOTTY);
	check_errno(ioctl(fd, TIOCGWINSZ, &n), ENOTTY);
	check_equal(attribute("size"), 3);

	/* VFIFO_CLEAR needs a file that is open for reading. */
	subtest("VFIFO_CLEAR");
	check_errno(ioctl(out, VFIFO_CLEAR), EBADF);
	check_equal(attribute("size"), 3);

	/* VFIFO_CLEAR makes room, and a call that waits for room continues. */
	write_all(fd, bytes, CAPACITY - 3);
	pid = start(writer, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	check(!ioctl(in, VFIFO_CLEAR));
	finish(pid);
	check_equal(attribute("size"), 4);
	read_all(fd, bytes, 4);
	check(!memcmp(bytes, "last", 4));
	return 0;
}
