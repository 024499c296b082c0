// SPDX-License-Identifier: GPL-2.0-or-later
/* libraw.c - see raw.h */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

void *map_page(int fd, off_t offset, int prot)
{
	return mmap(NULL, PAGE, prot, MAP_SHARED, fd, offset);
}

static void *must_map(int fd, off_t offset, size_t n, int prot)
{
	void *at = mmap(NULL, n, prot, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED)
		fail("mmap at %#llx: %s", (long long)offset, strerror(errno));
	return at;
}

void raw_claim(struct raw *raw, enum vfifo_end end)
{
	const int rw = PROT_READ | PROT_WRITE;

	*raw = (struct raw){ .fd = device(O_RDWR), .end = end };
	raw->at[end] = must_map(raw->fd, position_offset(end), PAGE, rw);
	raw->at[other(end)] =
		must_map(raw->fd, position_offset(other(end)), PAGE, PROT_READ);
	raw->status = must_map(raw->fd, VFIFO_MMAP_STATUS, PAGE, PROT_READ);
	raw->data = must_map(raw->fd, VFIFO_MMAP_DATA,
			     2UL * raw->status->capacity, rw);
	raw->own = *raw->at[end];
}

void raw_release(struct raw *raw)
{
	check(!munmap(raw->data, 2UL * raw->status->capacity));
	check(!munmap((void *)raw->status, PAGE));
	check(!munmap((void *)raw->at[VFIFO_PRODUCER], PAGE));
	check(!munmap((void *)raw->at[VFIFO_CONSUMER], PAGE));
	check(!close(raw->fd));
}

uint32_t raw_room(struct raw *raw)
{
	const uint32_t capacity = raw->status->capacity;
	uint32_t at[2];

	at[raw->end] = raw->own;
	at[other(raw->end)] =
		__atomic_load_n(raw->at[other(raw->end)], __ATOMIC_ACQUIRE);
	if (!vfifo_valid(capacity, at[VFIFO_PRODUCER], at[VFIFO_CONSUMER]))
		fail("in is %u, out is %u", at[VFIFO_PRODUCER],
		     at[VFIFO_CONSUMER]);
	return vfifo_room(raw->end, capacity, at[VFIFO_PRODUCER],
			  at[VFIFO_CONSUMER]);
}

uint8_t *raw_here(struct raw *raw)
{
	return raw->data + vfifo_offset(raw->status->capacity, raw->own);
}

void raw_move(struct raw *raw, uint32_t n)
{
	const bool producer = raw->end == VFIFO_PRODUCER;
	const uint32_t peers = producer ? VFIFO_NEED_CONSUMER :
					  VFIFO_NEED_PRODUCER;
	const uint32_t sleep = producer ? VFIFO_NEED_CONSUMER_SLEEP :
					  VFIFO_NEED_PRODUCER_SLEEP;
	const uint32_t poll = producer ? VFIFO_NEED_CONSUMER_POLL :
					 VFIFO_NEED_PRODUCER_POLL;
	const enum vfifo_end peer = other(raw->end);
	const volatile struct vfifo_status *status = raw->status;
	uint32_t need, room;

	raw->own += n;
	__atomic_store_n(raw->at[raw->end], raw->own, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	need = __atomic_load_n(&status->need, __ATOMIC_ACQUIRE);
	if (!(need & peers))
		return;
	room = status->capacity - raw_room(raw);
	if (need & ~VFIFO_NEED_KNOWN ||
	    (need & sleep && room >= status->threshold[peer]) ||
	    (need & poll && room >= status->watermark[peer])) {
		raw->kicks++;
		check(!ioctl(raw->fd, VFIFO_KICK));
	}
}

void raw_wait(struct raw *raw, uint32_t n)
{
	struct pollfd p = { .fd = raw->fd,
			    .events = raw->end == VFIFO_PRODUCER ? POLLOUT :
								   POLLIN };

	while (raw_room(raw) < n) {
		raw->polls++;
		if (poll(&p, 1, 20000) != 1)
			fail("not woken in 20 s (need is %#x)",
			     raw->status->need);
		check(!(p.revents & ~p.events));
	}
}

void raw_put(struct raw *raw, uint32_t n, uint64_t at)
{
	raw_wait(raw, n);
	fill_pattern(raw_here(raw), n, at);
	raw_move(raw, n);
}

void raw_take(struct raw *raw, uint32_t n, uint64_t at)
{
	raw_wait(raw, n);
	check_pattern(raw_here(raw), n, at);
	raw_move(raw, n);
}

struct vfifo_record next_record(int fd)
{
	const size_t capacity = attribute("capacity");
	uint8_t *data = mmap(NULL, 2 * capacity, PROT_READ, MAP_SHARED, fd, 0);
	uint32_t *out = map_page(fd, VFIFO_MMAP_RECORD_CONSUMER, PROT_READ);
	struct vfifo_record record;

	check(data != MAP_FAILED && out != MAP_FAILED);
	memcpy(&record, data + vfifo_offset(capacity, *out), sizeof(record));
	check(!munmap(data, 2 * capacity));
	check(!munmap(out, PAGE));
	return record;
}
