// SPDX-License-Identifier: GPL-2.0-or-later
/* files.c - the ways of the kernel: pipe, socket, vmsplice, futex, eventfd */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "message.h"

/* --- pipe and socket --------------------------------------------------------------- */

/* More than /proc/sys/fs/pipe-max-size takes a capability. */
bool pipe_possible(size_t capacity)
{
	int fd[2];
	bool possible;

	if (pipe(fd))
		die("pipe: %s", strerror(errno));
	possible = fcntl(fd[0], F_SETPIPE_SZ, (int)capacity) >= 0;
	close(fd[0]);
	close(fd[1]);
	return possible;
}

void make_pipe(struct channel *c)
{
	if (pipe(c->fd) || fcntl(c->fd[0], F_SETPIPE_SZ, (int)c->capacity) < 0)
		die("pipe of %zu bytes: %s", c->capacity, strerror(errno));
}

/* More than /proc/sys/net/core/wmem_max takes a capability, and is silently reduced without it. */
static bool set_buffer(int fd, size_t capacity)
{
	/* The kernel doubles it, for what it needs itself. */
	int size = (int)capacity, got = 0;
	socklen_t length = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return !getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &length) &&
	       got >= size;
}

static void get_sockets(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		die("socketpair: %s", strerror(errno));
}

bool socket_possible(size_t capacity)
{
	int fd[2];
	bool possible;

	get_sockets(fd);
	possible = set_buffer(fd[1], capacity);
	close(fd[0]);
	close(fd[1]);
	return possible;
}

void make_socket(struct channel *c)
{
	get_sockets(c->fd);
	if (!set_buffer(c->fd[1], c->capacity))
		die("SO_SNDBUF: %s", strerror(errno));
}

void enter_files(struct channel *c)
{
	c->buffer = get_private(c->bytes);
}

void files_send(struct channel *c, uint64_t first, uint64_t messages)
{
	for (uint64_t i = first; i < first + messages; i++) {
		size_t done = 0;

		fill(c->buffer, c->bytes, i);
		while (done < c->bytes) {
			ssize_t now = write(c->fd[1], c->buffer + done,
					    c->bytes - done);

			if (now <= 0)
				die("%s: write: %s", c->way->name,
				    strerror(errno));
			done += (size_t)now;
		}
	}
}

void files_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	for (uint64_t i = first; i < first + messages; i++) {
		size_t done = 0;

		while (done < c->bytes) {
			ssize_t now = read(c->fd[0], c->buffer + done,
					   c->bytes - done);

			if (now <= 0)
				die("%s: read: %s", c->way->name,
				    strerror(errno));
			done += (size_t)now;
		}
		verify(c->buffer, c->bytes, i);
	}
}

void leave_files(struct channel *c)
{
	free(c->buffer);
	close(c->fd[0]);
	close(c->fd[1]);
}

/* --- vmsplice: the pipe takes the pages of the producer ------------------------------- */

/*
 * Messages are made in a buffer of twice the capacity and a message. When a place comes round
 * again, more than a capacity of later bytes is in the pipe or out of it, so the consumer has read
 * the old ones.
 */
static size_t vmsplice_buffer(const struct channel *c)
{
	return 2 * c->capacity + c->bytes;
}

void enter_vmsplice(struct channel *c)
{
	c->buffer = get_private(vmsplice_buffer(c));
	memset(c->buffer, 0, vmsplice_buffer(c));
}

void vmsplice_send(struct channel *c, uint64_t first, uint64_t messages)
{
	for (uint64_t i = first; i < first + messages; i++) {
		struct iovec v = { c->buffer + c->at, c->bytes };

		fill(v.iov_base, v.iov_len, i);
		while (v.iov_len) {
			ssize_t now = vmsplice(c->fd[1], &v, 1, 0);

			if (now <= 0)
				die("vmsplice: %s", strerror(errno));
			v.iov_base = (unsigned char *)v.iov_base + now;
			v.iov_len -= (size_t)now;
		}
		c->at += c->bytes;
		if (c->at + c->bytes > vmsplice_buffer(c))
			c->at = 0;
	}
}

/* --- one message in shared memory, and a call that wakes the other process ------------- */

struct slot {
	unsigned char message[4096];
	uint32_t number; /* of the messages that were sent */
};

void make_futex(struct channel *c)
{
	c->fd[0] = c->fd[1] = -1;
	c->memory = get_shared(sizeof(struct slot));
}

void enter_nothing(struct channel *c)
{
	(void)c;
}

void futex_send(struct channel *c, uint64_t first, uint64_t messages)
{
	struct slot *s = c->memory;

	for (uint64_t i = first; i < first + messages; i++) {
		fill(s->message, c->bytes, i);
		__atomic_store_n(&s->number, (uint32_t)i + 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &s->number, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

void futex_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	struct slot *s = c->memory;

	for (uint64_t i = first; i < first + messages; i++) {
		while (__atomic_load_n(&s->number, __ATOMIC_ACQUIRE) ==
		       (uint32_t)i)
			syscall(SYS_futex, &s->number, FUTEX_WAIT, (uint32_t)i,
				NULL, NULL, 0);
		verify(s->message, c->bytes, i);
	}
}

void make_eventfd(struct channel *c)
{
	c->fd[0] = eventfd(0, 0);
	c->fd[1] = dup(c->fd[0]);
	if (c->fd[0] < 0 || c->fd[1] < 0)
		die("eventfd: %s", strerror(errno));
	c->memory = get_shared(sizeof(struct slot));
}

void eventfd_send(struct channel *c, uint64_t first, uint64_t messages)
{
	struct slot *s = c->memory;

	for (uint64_t i = first; i < first + messages; i++) {
		fill(s->message, c->bytes, i);
		if (eventfd_write(c->fd[1], 1))
			die("eventfd: %s", strerror(errno));
	}
}

void eventfd_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	struct slot *s = c->memory;
	eventfd_t count;

	for (uint64_t i = first; i < first + messages; i++) {
		if (eventfd_read(c->fd[0], &count))
			die("eventfd: %s", strerror(errno));
		verify(s->message, c->bytes, i);
	}
}

void leave_slot(struct channel *c)
{
	munmap(c->memory, sizeof(struct slot));
	if (c->fd[0] >= 0) {
		close(c->fd[0]);
		close(c->fd[1]);
	}
}
