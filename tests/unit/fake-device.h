/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-device.h - a vfifo of memory only, for tests of the library
 *
 * The pages are those of a memfd, laid out as the device's: the status and the
 * positions a page each, the data twice, with an inaccessible page before and after. The
 * library is linked with --wrap=ioctl, --wrap=poll and --wrap=madvise; the functions here in
 * their place follow the protocol of `need` (src/doc/protocol.rst, Waking), with a futex
 * for a queue. All of it also works between processes. There is one device at a time.
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

#include "internal.h"

/* On the status page, behind the status: the private data of the kernel. */
struct fake_kernel {
	uint32_t woken[2]; /* by end: changes with every wake-up */
	uint32_t polls[2]; /* how often ->poll armed the end */
	uint32_t kicks;	   /* all that came */
	uint32_t claims;   /* ever made */
};

static struct fake_device {
	int fd;
	uint32_t capacity;
	size_t page;
	unsigned char *window; /* the data, between the guards */
	struct vfifo_status *status;
	struct fake_kernel *kernel;
	struct vfifo_position *position[2];
	/* Faults to inject into the next calls. */
	short revents;
	int poll_error, ioctl_error, madvise_error;
	void (*in_poll)(void);
} device;

static void *fake_map(void *at, size_t length, int protection, size_t offset)
{
	void *p = mmap(at, length, protection,
		       MAP_SHARED | (at ? MAP_FIXED : 0), device.fd,
		       (off_t)offset);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* The data twice in a row, with a guard on each side. */
static unsigned char *fake_map_data(void)
{
	size_t page = device.page, capacity = device.capacity;
	unsigned char *p = mmap(NULL, 2 * capacity + 2 * page, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	p += page;
	fake_map(p, capacity, PROT_READ | PROT_WRITE, 3 * page);
	fake_map(p + capacity, capacity, PROT_READ | PROT_WRITE, 3 * page);
	return p;
}

static void fake_create(uint32_t capacity, uint32_t start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	memset(&device, 0, sizeof(device));
	device.page = page;
	device.capacity = capacity;
	device.fd = memfd_create("vfifo", MFD_CLOEXEC);
	if (device.fd < 0 || ftruncate(device.fd, (off_t)(3 * page + capacity)))
		abort();
	device.status = fake_map(NULL, page, PROT_READ | PROT_WRITE, 0);
	device.kernel = (void *)((char *)device.status + page / 2);
	for (int end = 0; end < 2; end++) {
		device.position[end] = fake_map(NULL, page,
						PROT_READ | PROT_WRITE,
						page * (size_t)(end + 1));
		device.position[end]->position = start;
	}
	device.window = fake_map_data();
	device.status->magic = VFIFO_MAGIC;
	device.status->abi = VFIFO_ABI;
	device.status->capacity = capacity;
	device.status->watermark[VFIFO_PRODUCER] = PIPE_BUF;
	device.status->watermark[VFIFO_CONSUMER] = 1;
}

static void fake_destroy(void)
{
	munmap(device.status, device.page);
	munmap(device.position[0], device.page);
	munmap(device.position[1], device.page);
	munmap(device.window - device.page,
	       2 * (size_t)device.capacity + 2 * device.page);
	close(device.fd);
	device.status = NULL;
}

/* The four mappings, as vfifo_open() would have them. */
static void fake_regions(enum vfifo_end end, struct vfifo_regions *r)
{
	size_t page = device.page;

	r->status = fake_map(NULL, page, PROT_READ, 0);
	r->data = fake_map_data();
	for (int e = 0; e < 2; e++)
		r->position[e] = fake_map(
			NULL, page,
			e == (int)end ? PROT_READ | PROT_WRITE : PROT_READ,
			page * (size_t)(e + 1));
}

static void fake_unmap(const struct vfifo_regions *r)
{
	munmap((void *)r->status, device.page);
	munmap(r->data, 2 * (size_t)device.capacity);
	munmap(r->position[0], device.page);
	munmap(r->position[1], device.page);
}

static int fake_try_open(enum vfifo_end end, struct vfifo_handle **f)
{
	struct vfifo_regions r;
	int err, fd = dup(device.fd);

	fake_regions(end, &r);
	__atomic_store_n(&device.status->claim[end],
			 __atomic_add_fetch(&device.kernel->claims, 1,
					    __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	err = vfifo_attach(&r, end, fd, f);
	if (err) {
		fake_unmap(&r);
		close(fd);
	}
	return err;
}

static inline struct vfifo_handle *fake_open(enum vfifo_end end)
{
	struct vfifo_handle *f = NULL;

	if (fake_try_open(end, &f))
		abort();
	return f;
}

static inline uint32_t fake_position(enum vfifo_end end)
{
	return __atomic_load_n(&device.position[end]->position,
			       __ATOMIC_SEQ_CST);
}

/* The other side, honest or not. */
static inline void fake_move(enum vfifo_end end, uint32_t to)
{
	__atomic_store_n(&device.position[end]->position, to, __ATOMIC_SEQ_CST);
}

static inline uint32_t fake_room(enum vfifo_end end)
{
	return vfifo_room(end, device.capacity, fake_position(VFIFO_PRODUCER),
			  fake_position(VFIFO_CONSUMER));
}

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
	if (mprotect(__vfifo_hot(f)->mine, device.page, PROT_NONE))
		abort();
	__atomic_store_n(&device.status->claim[__vfifo_hot(f)->end], 0,
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
