// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel.c - the errors of the kernel, for the tests here: preloaded into the command
 *
 * WRITE=NAME:ERRNO	a write to a file whose path ends in NAME fails with ERRNO
 * IOCTL=ERRNO		each ioctl of a vfifo fails with ERRNO; 0: it succeeds
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfifo.h>

static int error_of(int fd)
{
	const char *wanted = getenv("WRITE"),
		   *colon = wanted ? strrchr(wanted, ':') : NULL;
	char link[64], path[4096];
	size_t length;
	ssize_t n;

	if (!colon)
		return 0;
	length = (size_t)(colon - wanted);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (n < (ssize_t)length || memcmp(path + n - length, wanted, length))
		return 0;
	return atoi(colon + 1);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	const int error = error_of(fd);

	if (error) {
		errno = error;
		return -1;
	}
	return syscall(SYS_write, fd, bytes, n);
}

int ioctl(int fd, unsigned long request, ...)
{
	const char *error = getenv("IOCTL");
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (!error || (request != VFIFO_KICK && request != VFIFO_CLEAR))
		return (int)syscall(SYS_ioctl, fd, request, argument);
	errno = atoi(error);
	return errno ? -1 : 0;
}
