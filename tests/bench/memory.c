// SPDX-License-Identifier: GPL-2.0-or-later
/* memory.c - the ways with shared memory: the ring, and the library */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "message.h"

/* --- memory of the device's layout: status, in, out, and the data twice ------------ */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map(void *at, size_t length, int fd, size_t offset)
{
	void *p = mmap(at, length, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE | (at ? MAP_FIXED : 0), fd,
		       (off_t)offset);

	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return p;
}

static void make_memory(struct channel *c)
{
	size_t page = page_size();
	struct vfifo_status *status;

	c->fd[0] = c->fd[1] = memfd_create("bench", MFD_CLOEXEC);
	if (c->fd[0] < 0 ||
	    ftruncate(c->fd[0], (off_t)(3 * page + c->capacity)))
		die("memfd: %s", strerror(errno));
	status = map(NULL, page, c->fd[0], 0);
	status->magic = VFIFO_MAGIC;
	status->abi = VFIFO_ABI;
	status->capacity = (uint32_t)c->capacity;
	status->watermark[VFIFO_PRODUCER] = PIPE_BUF;
	status->watermark[VFIFO_CONSUMER] = 1;
	status->features = VFIFO_HAS_RECORDS;
	status->framing = c->way->records ? VFIFO_RECORDS : VFIFO_BYTES;
	munmap(status, page);
}

static void map_memory(const struct channel *c, struct vfifo_regions *r)
{
	size_t page = page_size();
	int fd = c->fd[0];

	r->status = map(NULL, page, fd, 0);
	r->position[VFIFO_PRODUCER] = map(NULL, page, fd, page);
	r->position[VFIFO_CONSUMER] = map(NULL, page, fd, 2 * page);
	r->data = mmap(NULL, 2 * c->capacity, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->data == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	map(r->data, c->capacity, fd, 3 * page);
	map(r->data + c->capacity, c->capacity, fd, 3 * page);
}

/* --- the best ring: in place, mirrored, cached peer; it cannot sleep, and trusts its peer --- */

/* Each index is in a page of its own, and so in a line of its own. */
struct ring {
	unsigned char *data;
	uint32_t *mine;
	const uint32_t *theirs;
	uint32_t mask, own, peer;
	struct vfifo_regions regions;
};

void make_ring(struct channel *c)
{
	make_memory(c);
}

void enter_ring(struct channel *c)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		die("no memory");
	map_memory(c, &r->regions);
	r->data = r->regions.data;
	r->mask = (uint32_t)c->capacity - 1;
	r->mine = &r->regions.position[c->end]->position;
	r->theirs = &r->regions.position[!c->end]->position;
	c->memory = r;
}

static inline void ring_move(struct ring *r, uint32_t n)
{
	r->own += n;
}

static inline void ring_publish(struct ring *r)
{
	__atomic_store_n(r->mine, r->own, __ATOMIC_RELEASE);
}

static inline unsigned char *ring_reserve(struct ring *r, uint32_t n)
{
	while (__builtin_expect(r->mask + 1 - (r->own - r->peer) < n, 0)) {
		r->peer = __atomic_load_n(r->theirs, __ATOMIC_ACQUIRE);
		if (r->mask + 1 - (r->own - r->peer) < n)
			pause_cpu();
	}
	return r->data + (r->own & r->mask);
}

static inline unsigned char *ring_peek(struct ring *r, uint32_t n)
{
	while (__builtin_expect(r->peer - r->own < n, 0)) {
		r->peer = __atomic_load_n(r->theirs, __ATOMIC_ACQUIRE);
		if (r->peer - r->own < n)
			pause_cpu();
	}
	return r->data + (r->own & r->mask);
}

void ring_send(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct ring *r = c->memory;
	size_t waiting = 0;

	for (uint64_t i = first; i < first + messages; i++) {
		fill(ring_reserve(r, (uint32_t)n), n, i);
		ring_move(r, (uint32_t)n);
		if (++waiting == at_once) {
			ring_publish(r);
			waiting = 0;
		}
	}
}

void ring_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct ring *r = c->memory;
	size_t waiting = 0;

	for (uint64_t i = first; i < first + messages; i++) {
		verify(ring_peek(r, (uint32_t)n), n, i);
		ring_move(r, (uint32_t)n);
		if (++waiting == at_once) {
			ring_publish(r);
			waiting = 0;
		}
	}
}

void ring_span_send(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct ring *r = c->memory;
	uint32_t all = (uint32_t)(n * at_once);

	for (uint64_t i = first; i < first + messages; i += at_once) {
		unsigned char *p = ring_reserve(r, all);

		for (size_t j = 0; j < at_once; j++)
			fill(p + j * n, n, i + j);
		ring_move(r, all);
		ring_publish(r);
	}
}

void ring_span_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct ring *r = c->memory;
	uint32_t all = (uint32_t)(n * at_once);

	for (uint64_t i = first; i < first + messages; i += at_once) {
		const unsigned char *p = ring_peek(r, all);

		for (size_t j = 0; j < at_once; j++)
			verify(p + j * n, n, i + j);
		ring_move(r, all);
		ring_publish(r);
	}
}

void leave_ring(struct channel *c)
{
	struct ring *r = c->memory;
	size_t page = page_size();

	munmap((void *)r->regions.status, page);
	munmap(r->regions.position[VFIFO_PRODUCER], page);
	munmap(r->regions.position[VFIFO_CONSUMER], page);
	munmap(r->regions.data, 2 * c->capacity);
	free(r);
	close(c->fd[0]);
}

/* --- the library: on the device, or on the same memory, where it spins -------------------- */

bool on_device;

static const char *const devices[] = { "/dev/vfifo0", "/dev/vfifo1" };

/* A round trip takes two. */
void choose_device(void)
{
	on_device = !access(devices[0], R_OK | W_OK) &&
		    !access(devices[1], R_OK | W_OK);
}

static void set(unsigned int device, const char *attribute, const char *value)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/vfifo/vfifo%u/%s", device,
		 attribute);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%s\n", value) < 0 || fclose(file))
		die("%s: %s", path, strerror(errno));
}

/* What an earlier producer has left there goes. */
static void clear_device(unsigned int device)
{
	int fd = open(devices[device], O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, VFIFO_CLEAR))
		die("%s: %s", devices[device], strerror(errno));
	close(fd);
}

void make_vfifo(struct channel *c)
{
	char capacity[32];

	if (!on_device) {
		make_memory(c);
		return;
	}
	clear_device(c->number);
	snprintf(capacity, sizeof(capacity), "%zu", c->capacity);
	set(c->number, "capacity", capacity);
	set(c->number, "framing", c->way->records ? "records" : "bytes");
}

static void must(int err)
{
	if (err)
		die("vfifo: %s", strerror(-err));
}

void enter_vfifo(struct channel *c)
{
	const bool records = c->way->records;
	struct vfifo_regions regions;
	struct vfifo_handle *f;

	if (on_device) {
		must(vfifo_open(devices[c->number], c->end,
				records ? VFIFO_OPEN_RECORDS : 0, &f));
	} else {
		map_memory(c, &regions);
		must(vfifo_attach(&regions, c->end,
				  records ? VFIFO_RECORDS : VFIFO_BYTES,
				  c->fd[0], &f));
	}
	c->way->tune(f);
	c->memory = f;
	c->buffer = get_private(c->bytes * c->at_once);
}

/* The two ways to wait. */
static void by_wait(struct vfifo_handle *f, size_t n)
{
	must(vfifo_wait(f, n, -1));
}

static inline void by_spin(struct vfifo_handle *f, size_t n)
{
	(void)f;
	(void)n;
	pause_cpu();
}

static inline __attribute__((always_inline)) void
sends(struct channel *c, uint64_t first, uint64_t messages,
      void (*until)(struct vfifo_handle *f, size_t n))
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	size_t waiting = 0;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i++) {
		while (vfifo_reserve(f, n, &p) < 0)
			until(f, n);
		fill(p, n, i);
		must(vfifo_advance(f, n));
		if (++waiting == at_once) {
			must(vfifo_publish(f));
			waiting = 0;
		}
	}
}

static inline __attribute__((always_inline)) void
receives(struct channel *c, uint64_t first, uint64_t messages,
	 void (*until)(struct vfifo_handle *f, size_t n))
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	size_t waiting = 0;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i++) {
		while (vfifo_peek(f, n, &p) < 0)
			until(f, n);
		verify(p, n, i);
		must(vfifo_advance(f, n));
		if (++waiting == at_once) {
			must(vfifo_publish(f));
			waiting = 0;
		}
	}
}

void wait_send(struct channel *c, uint64_t first, uint64_t messages)
{
	sends(c, first, messages, by_wait);
}

void wait_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	receives(c, first, messages, by_wait);
}

void spin_send(struct channel *c, uint64_t first, uint64_t messages)
{
	sends(c, first, messages, by_spin);
}

void spin_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	receives(c, first, messages, by_spin);
}

void span_send(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i += at_once) {
		while (vfifo_reserve(f, n * at_once, &p) < 0)
			by_wait(f, n * at_once);
		for (size_t j = 0; j < at_once; j++)
			fill((unsigned char *)p + j * n, n, i + j);
		must(vfifo_commit(f, n * at_once));
	}
}

void span_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i += at_once) {
		while (vfifo_peek(f, n * at_once, &p) < 0)
			by_wait(f, n * at_once);
		for (size_t j = 0; j < at_once; j++)
			verify((unsigned char *)p + j * n, n, i + j);
		must(vfifo_consume(f, n * at_once));
	}
}

static inline __attribute__((always_inline)) void
sends_records(struct channel *c, uint64_t first, uint64_t messages,
	      void (*until)(struct vfifo_handle *f, size_t n))
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	size_t waiting = 0;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i++) {
		while (vfifo_reserve_record(f, n, &p) < 0)
			until(f, vfifo_record_space((uint32_t)n));
		fill(p, n, i);
		must(vfifo_advance_record(f, n, i));
		if (++waiting == at_once) {
			must(vfifo_publish(f));
			waiting = 0;
		}
	}
}

static inline __attribute__((always_inline)) void
receives_records(struct channel *c, uint64_t first, uint64_t messages,
		 void (*until)(struct vfifo_handle *f, size_t n))
{
	const size_t n = c->bytes, at_once = c->at_once;
	struct vfifo_handle *f = c->memory;
	struct vfifo_record record = { 0 };
	size_t waiting = 0;
	void *p = NULL;

	for (uint64_t i = first; i < first + messages; i++) {
		ssize_t length;

		while ((length = vfifo_peek_record(f, &p, &record)) < 0)
			until(f, 1);
		if ((size_t)length != n || record.sequence != (uint32_t)i ||
		    record.time != i)
			die("record %llu is not what was sent",
			    (unsigned long long)i);
		verify(p, n, i);
		must(vfifo_skip_record(f));
		if (++waiting == at_once) {
			must(vfifo_publish(f));
			waiting = 0;
		}
	}
}

void record_send(struct channel *c, uint64_t first, uint64_t messages)
{
	sends_records(c, first, messages, by_wait);
}

void record_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	receives_records(c, first, messages, by_wait);
}

void record_spin_send(struct channel *c, uint64_t first, uint64_t messages)
{
	sends_records(c, first, messages, by_spin);
}

void record_spin_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	receives_records(c, first, messages, by_spin);
}

void copy_send(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	ssize_t all = (ssize_t)(n * at_once);

	for (uint64_t i = first; i < first + messages; i += at_once) {
		for (size_t j = 0; j < at_once; j++)
			fill(c->buffer + j * n, n, i + j);
		if (vfifo_write(c->memory, c->buffer, (size_t)all, -1) != all)
			die("vfifo_write: short");
	}
}

void copy_receive(struct channel *c, uint64_t first, uint64_t messages)
{
	const size_t n = c->bytes, at_once = c->at_once;
	const size_t all = n * at_once;

	for (uint64_t i = first; i < first + messages; i += at_once) {
		size_t done = 0;

		while (done < all) {
			ssize_t now = vfifo_read(c->memory, c->buffer + done,
						 all - done, -1);

			if (now <= 0)
				die("vfifo_read: %s", strerror((int)-now));
			done += (size_t)now;
		}
		for (size_t j = 0; j < at_once; j++)
			verify(c->buffer + j * n, n, i + j);
	}
}

void leave_vfifo(struct channel *c)
{
	vfifo_close(c->memory);
	free(c->buffer);
}
