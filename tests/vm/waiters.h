/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waiters.h - the ways in which a program can wait for a file */
#ifndef WAITERS_H
#define WAITERS_H

#include <stdbool.h>

/* A wake-up that takes longer is lost. */
#define WAKE_UP_MS 20000

struct waiting {
	int fd;	    /* O_NONBLOCK, unless blocks */
	int events; /* POLLIN or POLLOUT */
	int epoll;
	void *uring;
};

struct waiter {
	const char *name;
	int number;  /* of processes that wait in this way */
	bool blocks; /* in read() and write(), and not in wait() */
	void (*prepare)(struct waiting *w);
	/*
	 * Returns when the file is ready, or a signal handler has run; fails after
	 * WAKE_UP_MS. The caller uses the file until EAGAIN before the next call.
	 */
	void (*wait)(struct waiting *w);
};

extern const struct waiter waiters[];
extern const int nr_waiters;

#endif
