/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waiters.h - the ways in which a program can wait for a file */
#ifndef WAITERS_H
#define WAITERS_H

#include <stdbool.h>

/* After that, a wake-up has been lost. */
#define WAKE_UP_MS 20000

struct waiting {
	int fd;	    /* O_NONBLOCK, unless blocks */
	int events; /* POLLIN or POLLOUT */
	int epoll;
	void *uring;
};

struct waiter {
	const char *name;
	int number;  /* of processes that wait so for the same thing */
	bool blocks; /* in read() and write() themselves, not in wait() */
	void (*prepare)(struct waiting *w);
	/*
	 * Returns when the file is ready, or a handler has run; fails after
	 * WAKE_UP_MS. Before the next one, the file is used until EAGAIN.
	 */
	void (*wait)(struct waiting *w);
};

extern const struct waiter waiters[];
extern const int nr_waiters;

#endif
