/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-device.h - a vfifo of memory only, for tests of the library
 *
 * The memory is that of fake-memory.h. The library is linked with --wrap=ioctl, --wrap=poll,
 * --wrap=madvise, --wrap=open, --wrap=mmap and --wrap=munmap; the functions here in their place
 * follow the protocol of `need` (src/doc/protocol.rst, Waking), with a futex for a queue. All of it
 * also works between processes. FAKE_PATH is the device's node.
 */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "fake-memory.h"

static uint32_t fake_poll_bit(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_NEED_PRODUCER_POLL :
				       VFIFO_NEED_CONSUMER_POLL;
}

static bool fake_ready(enum vfifo_end end)
{
	return fake_room(end) >= device.status->watermark[end];
}

/*
 * The caller tested the watermark before it kicked, so wake without testing again. The bytes
 * may be gone by now, but if the bit stayed set the caller would kick at every message.
 */
static void fake_wake(enum vfifo_end end)
{
	uint32_t bit = fake_poll_bit(end);

	if (!(__atomic_fetch_and(&device.status->need, ~bit, __ATOMIC_SEQ_CST) &
	      bit))
		return;
	__atomic_add_fetch(&device.kernel->woken[end], 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &device.kernel->woken[end], FUTEX_WAKE, INT_MAX,
		NULL, NULL, 0);
}

/* As the kernel: the flags and the bit are set before a waiter is woken. */
static inline void fake_remove(void)
{
	__atomic_fetch_or(&device.status->flags, VFIFO_REMOVED,
			  __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&device.status->need, VFIFO_NEED_REMOVED,
			  __ATOMIC_SEQ_CST);
	fake_wake(VFIFO_PRODUCER);
	fake_wake(VFIFO_CONSUMER);
}

/* The position page is gone as well: an access ends the test. */
static inline void fake_revoke(struct vfifo_handle *f)
{
	if (mprotect(vfifo_hot(f)->mine, device.page, PROT_NONE))
		abort();
	__atomic_store_n(&device.status->claim[vfifo_hot(f)->end], 0,
			 __ATOMIC_SEQ_CST);
	fake_wake(VFIFO_PRODUCER);
	fake_wake(VFIFO_CONSUMER);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	if (!device.status)
		return __real_ioctl(fd, request);
	if (request != VFIFO_KICK)
		abort();
	__atomic_add_fetch(&device.kernel->kicks, 1, __ATOMIC_SEQ_CST);
	if (device.ioctl_error) {
		errno = device.ioctl_error;
		return -1;
	}
	fake_wake(VFIFO_PRODUCER);
	fake_wake(VFIFO_CONSUMER);
	return 0;
}

int __real_madvise(void *p, size_t length, int advice);
int __wrap_madvise(void *p, size_t length, int advice);
int __wrap_madvise(void *p, size_t length, int advice)
{
	if (device.madvise_error) {
		errno = device.madvise_error;
		return -1;
	}
	return __real_madvise(p, length, advice);
}

/* --- vfifo_open() ------------------------------------------------------------------ */

#define FAKE_PATH "/fake/vfifo0"
#define FAKE_MAPS 4

/* Of the last file that was opened. */
static struct {
	int fd;
	int calls;	       /* of mmap() */
	int failing, error;    /* which of them fails, from 1; 0: none */
	uint32_t last;	       /* the offset of the last call */
	void *maps[FAKE_MAPS]; /* those that are left */
} opened;

static inline int fake_maps_left(void)
{
	int n = 0;

	for (int i = 0; i < FAKE_MAPS; i++)
		n += !!opened.maps[i];
	return n;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, FAKE_PATH))
		return __real_open(path, flags, 0600);
	opened.fd = dup(device.fd);
	opened.calls = 0;
	return opened.fd;
}

static void *fake_map_at(uint32_t offset, int protection)
{
	const size_t page = device.page;

	switch (offset) {
	case VFIFO_MMAP_STATUS:
		return fake_map(NULL, page, protection, 0);
	case VFIFO_MMAP_DATA:
		return fake_map_data();
	case VFIFO_MMAP_PRODUCER:
	case VFIFO_MMAP_RECORD_PRODUCER:
		return fake_map(NULL, page, protection, page);
	case VFIFO_MMAP_CONSUMER:
	case VFIFO_MMAP_RECORD_CONSUMER:
		return fake_map(NULL, page, protection, 2 * page);
	default:
		abort();
	}
}

/* As the kernel: a position has an offset of its own for each framing. */
static bool fake_wrong_framing(uint32_t offset)
{
	const bool records = offset == VFIFO_MMAP_RECORD_PRODUCER ||
			     offset == VFIFO_MMAP_RECORD_CONSUMER;

	return (records || offset == VFIFO_MMAP_PRODUCER ||
		offset == VFIFO_MMAP_CONSUMER) &&
	       records != (device.status->framing == VFIFO_RECORDS);
}

void *__real_mmap(void *at, size_t n, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd,
		  off_t offset)
{
	/* The memory of a later device can have the number of a file that is closed. */
	if (fd < 0 || fd != opened.fd || fd == device.fd)
		return __real_mmap(at, n, protection, flags, fd, offset);
	if (opened.calls == FAKE_MAPS)
		abort();
	opened.last = (uint32_t)offset;
	if (fake_wrong_framing((uint32_t)offset)) {
		errno = EPROTO;
		return MAP_FAILED;
	}
	if (++opened.calls == opened.failing) {
		errno = opened.error;
		return MAP_FAILED;
	}
	return opened.maps[opened.calls - 1] =
		       fake_map_at((uint32_t)offset, protection);
}

int __real_munmap(void *at, size_t n);
int __wrap_munmap(void *at, size_t n);
int __wrap_munmap(void *at, size_t n)
{
	for (int i = 0; i < FAKE_MAPS; i++)
		if (opened.maps[i] == at)
			opened.maps[i] = NULL;
	return __real_munmap(at, n);
}

/* --- sleeping ------------------------------------------------------------------------ */

static uint64_t fake_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Return: false if the time is over. */
static bool fake_sleep(uint32_t *queue, uint32_t seen, uint64_t until)
{
	uint64_t now = fake_now_ms();
	struct timespec left;

	if (now >= until)
		return false;
	now = until - now;
	left.tv_sec = (time_t)(now / 1000);
	left.tv_nsec = (long)(now % 1000) * 1000000;
	syscall(SYS_futex, queue, FUTEX_WAIT, seen, &left, NULL, 0);
	return true;
}

/* ->poll: sets the bit, a barrier, then looks. With no events it sets no bit. */
static bool fake_poll_once(enum vfifo_end end, short events)
{
	if (!events)
		return false;
	__atomic_add_fetch(&device.kernel->polls[end], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&device.status->need, fake_poll_bit(end),
			  __ATOMIC_SEQ_CST);
	return fake_ready(end);
}

int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	enum vfifo_end end = p->events & POLLOUT ? VFIFO_PRODUCER :
						   VFIFO_CONSUMER;
	uint32_t *queue = &device.kernel->woken[end];
	uint64_t until = ms < 0 ? UINT64_MAX / 2 : fake_now_ms() + (uint64_t)ms;
	uint32_t seen;

	if (n != 1)
		abort();
	if (device.in_poll)
		device.in_poll();
	if (device.poll_error) {
		errno = device.poll_error;
		return -1;
	}
	p->revents = device.revents;
	if (p->revents)
		return 1;
	do {
		seen = __atomic_load_n(queue, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&device.status->flags, __ATOMIC_SEQ_CST) &
		    VFIFO_REMOVED) {
			p->revents = POLLHUP;
			return 1;
		}
		if (fake_poll_once(end, p->events)) {
			p->revents = p->events;
			return 1;
		}
	} while (fake_sleep(queue, seen, until));
	return 0;
}

#endif /* FAKE_DEVICE_H */
