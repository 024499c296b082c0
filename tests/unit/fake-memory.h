/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-memory.h - the memory of a vfifo, for tests of the library
 *
 * The pages are those of a memfd, laid out as the device's: the status and the
 * positions a page each, the data twice, with an inaccessible page before and after. There is
 * one device at a time. What the kernel does is in fake-device.h, or in the test.
 */
#ifndef FAKE_MEMORY_H
#define FAKE_MEMORY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* The state of a new device, with both positions at @start. */
static void fake_format(uint32_t start)
{
	device.position[VFIFO_PRODUCER]->position = start;
	device.position[VFIFO_CONSUMER]->position = start;
	device.status->magic = VFIFO_MAGIC;
	device.status->abi = VFIFO_ABI;
	device.status->capacity = device.capacity;
	device.status->watermark[VFIFO_PRODUCER] = PIPE_BUF;
	device.status->watermark[VFIFO_CONSUMER] = 1;
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
	for (int end = 0; end < 2; end++)
		device.position[end] = fake_map(NULL, page,
						PROT_READ | PROT_WRITE,
						page * (size_t)(end + 1));
	device.window = fake_map_data();
	fake_format(start);
}

static inline void fake_destroy(void)
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
	munmap(r->data - device.page,
	       2 * (size_t)device.capacity + 2 * device.page);
	munmap(r->position[0], device.page);
	munmap(r->position[1], device.page);
}

static int fake_try_open_as(enum vfifo_end end, enum vfifo_framing framing,
			    struct vfifo_handle **f)
{
	struct vfifo_regions r;
	int err, fd = dup(device.fd);

	fake_regions(end, &r);
	__atomic_store_n(&device.status->claim[end],
			 __atomic_add_fetch(&device.kernel->claims, 1,
					    __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	err = vfifo_attach(&r, end, framing, fd, f);
	if (err) {
		fake_unmap(&r);
		close(fd);
	}
	return err;
}

static inline int fake_try_open(enum vfifo_end end, struct vfifo_handle **f)
{
	return fake_try_open_as(end, VFIFO_BYTES, f);
}

/* The kernel has records, and this is a FIFO of such. The next record has the number @sequence. */
static inline void fake_use_records(uint32_t sequence)
{
	device.status->features |= VFIFO_HAS_RECORDS;
	device.status->framing = VFIFO_RECORDS;
	device.position[VFIFO_PRODUCER]->sequence = sequence;
}

static inline struct vfifo_handle *fake_open_records(enum vfifo_end end)
{
	struct vfifo_handle *f = NULL;

	if (fake_try_open_as(end, VFIFO_RECORDS, &f))
		abort();
	return f;
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

#endif /* FAKE_MEMORY_H */
