// SPDX-License-Identifier: GPL-2.0
/*
 * pipe(2), pipe2(2) and socketpair(2) that hand out the two ends of a vfifo.
 *
 * For programs that were written to test pipes: a program that contains this file uses it in place
 * of the C library's functions, and so does one that is started with it in LD_PRELOAD:
 *
 *	gcc -shared -fPIC -o vfifo-for-pipe.so tests/others/libvfifo-for-pipe.c
 *
 * Each call adds a device, with the attribute eof set as a pipe has it, so it needs root. The devices
 * stay until something removes them. Of a socketpair the first end reads, and the second writes.
 * With VFIFO_FOR_PIPE_OFF in the environment socketpair(2) makes sockets, for a comparison.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICES 256

static int store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	errno = err;
	return err ? -1 : 0;
}

/* Adds a device with a number that is free. */
static int add_device(void)
{
	char text[32];
	int number;

	for (number = 1; number < DEVICES; number++) {
		snprintf(text, sizeof(text), "%d\n", number);
		if (!store("/sys/class/vfifo/add", text))
			break;
		if (errno != EEXIST)
			return -1;
	}
	if (number == DEVICES) {
		errno = EMFILE;
		return -1;
	}
	return number;
}

int pipe2(int fds[2], int flags)
{
	char path[64];
	int number, end[2];

	/* A vfifo keeps no packets apart. */
	if (flags & ~(O_CLOEXEC | O_NONBLOCK)) {
		errno = EINVAL;
		return -1;
	}
	number = add_device();
	if (number < 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/class/vfifo/vfifo%d/eof", number);
	if (store(path, "1\n"))
		return -1;
	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	/* The writer first: with eof set, a reader alone finds the end. */
	end[1] = open(path, O_WRONLY | flags);
	if (end[1] < 0)
		return -1;
	end[0] = open(path, O_RDONLY | flags);
	if (end[0] < 0) {
		close(end[1]);
		return -1;
	}
	memcpy(fds, end, sizeof(end));
	return 0;
}

int pipe(int fds[2])
{
	return pipe2(fds, 0);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	int flags = (type & SOCK_NONBLOCK ? O_NONBLOCK : 0) |
		    (type & SOCK_CLOEXEC ? O_CLOEXEC : 0);

	if (getenv("VFIFO_FOR_PIPE_OFF"))
		return syscall(SYS_socketpair, domain, type, protocol, fds);
	if (domain != AF_UNIX || protocol ||
	    (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return pipe2(fds, flags);
}
