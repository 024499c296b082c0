// SPDX-License-Identifier: GPL-2.0
/*
 * library.cpp - the library under the memory model of C11: a test for relacy
 *
 * relacy runs a program under its own scheduler, with atomics that may return the newest value,
 * or the one before if C11 allows it. It searches all schedules with up to BOUND preemptions.
 * The code of the library is the real one: libvfifo.h, wait.c and tune.c, whose atomic operations
 * and system calls become those of this file. The kernel is a short copy of what wait.c and side.c
 * of the module do, in C11: smp_mb() is a fence that is sequentially consistent.
 *
 * scripts/lib/model-test builds and runs it. `library-mutants` lists changes of the library,
 * each of which must make the test of its line fail.
 *
 *	bytes		a holder sends to a holder; both look again and again
 *	combining	the same in write-combining memory: a store may be delayed, and a load
 *			come early, up to the next full fence
 *	wakes-reader	a holder sends to a read(2) that sleeps
 *	wakes-writer	a holder receives from a write(2) of 2 bytes that sleeps
 *	wakes-both	a holder sends to a holder; both sleep in vfifo_wait()
 *	ended		a write(2), and the end of the stream twice; vfifo_wait() sees the byte
 *	revoked		a claim is revoked, and claimed anew, during vfifo_wait()
 *
 * A lost wake-up is a deadlock. relacy reports it, and a data race on a byte.
 */
#include <relacy/relacy.hpp>

#include <cstdio>
#include <cstring>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/vfifo.h>

using rl::memory_order;

static rl::memory_order order_of(int order)
{
	return order == __ATOMIC_RELAXED ? rl::mo_relaxed :
	       order == __ATOMIC_ACQUIRE ? rl::mo_acquire :
	       order == __ATOMIC_RELEASE ? rl::mo_release :
					   rl::mo_seq_cst;
}

static __u32 load(const __u32 *p, int order);
static void store(__u32 *p, __u32 value, int order);
static void fence();
static int system_poll(struct pollfd *p, unsigned int n, int ms);
static int system_ioctl(int fd, unsigned long command);

#define __atomic_load_n(p, order) load(p, order)
#define __atomic_store_n(p, value, order) store(p, value, order)
#define __atomic_thread_fence(order) fence()
#define __asm__ fence(); asm
#define poll(p, n, ms) system_poll(p, n, ms)
#define ioctl(fd, command) system_ioctl(fd, command)

#include "tune.c"
#include "wait.c"

/* No scenario spins, so nothing is measured and nothing flushed. */
void vfifo_tune_copy(struct vfifo_inner *, size_t)
{
	abort();
}

void vfifo_flush(unsigned char *, size_t)
{
	abort();
}

#undef poll
#undef ioctl
#undef __asm__

#ifndef BOUND
#define BOUND 2
#endif
#define CAPACITY 2U
#define FILE_OF(end) (100 + (int)(end))

/* The memory that is shared, and the kernel. */
struct shared {
	rl::atomic<__u32> position[2], need, threshold[2], watermark[2], flags, claim[2];
	rl::var<unsigned> data[CAPACITY];
	rl::atomic<unsigned> late_data[CAPACITY]; /* in write-combining memory */
	/* Of the kernel: */
	rl::atomic<__u32> least[2]; /* of the one sleeper; 0: none */
	rl::atomic<__u32> ended, revoked;
	rl::mutex lock[2];	    /* of the sleepers and of the pollers */
	bool queued[2], polls[2];   /* under the lock */
	rl::semaphore<struct shared> wake[2]; /* of the task of an end */

	/* Only for assertions: */
	bool polled_now;	  /* a poll has returned, and the flags were not loaded since */
	__u32 flags_after_poll;
};

static struct shared *w;
static bool combining;

/* Write-combining memory, of each thread. */
static struct {
	bool stored[CAPACITY], loaded[CAPACITY];
	unsigned to_store[CAPACITY], early[CAPACITY];
} buffer[2];

static struct vfifo_status status;
static struct vfifo_position page[2];

static rl::atomic<__u32> &cell(const __u32 *p)
{
	for (int end = 0; end < 2; end++) {
		if (p == &page[end].position)
			return w->position[end];
		if (p == &status.threshold[end])
			return w->threshold[end];
		if (p == &status.watermark[end])
			return w->watermark[end];
		if (p == &status.claim[end])
			return w->claim[end];
	}
	return p == &status.need ? w->need : w->flags;
}

static bool is_position(const __u32 *p)
{
	return p == &page[0].position || p == &page[1].position;
}

/* Write-combining memory: what is stored arrives now, or not yet. */
static void drain(bool all)
{
	auto &b = buffer[rl::thread_index()];

	for (unsigned i = 0; combining && i < CAPACITY; i++) {
		if (b.stored[i] && (all || rl::rand(2))) {
			w->late_data[i].store(b.to_store[i], rl::mo_relaxed, $);
			b.stored[i] = false;
		}
	}
}

static __u32 load(const __u32 *p, int order)
{
	auto &b = buffer[rl::thread_index()];

	/* A load of a byte that comes later in the program. */
	for (unsigned i = 0; combining && is_position(p) && i < CAPACITY; i++) {
		if (!b.stored[i] && rl::rand(2)) {
			b.early[i] = w->late_data[i].load(rl::mo_relaxed, $);
			b.loaded[i] = true;
		}
	}
	__u32 value = cell(p).load(order_of(order), $);

	if (p == &status.flags && w->polled_now) {
		w->flags_after_poll = value;
		w->polled_now = false;
	}
	return value;
}

static void store(__u32 *p, __u32 value, int order)
{
	drain(false);
	cell(p).store(value, order_of(order), $);
}

static void fence()
{
	auto &b = buffer[rl::thread_index()];

	drain(true);
	for (unsigned i = 0; i < CAPACITY; i++)
		b.loaded[i] = false;
	rl::atomic_thread_fence(rl::mo_seq_cst, $);
}

static void put_byte(__u32 at, unsigned value)
{
	auto &b = buffer[rl::thread_index()];

	if (combining) {
		b.stored[at % CAPACITY] = true;
		b.to_store[at % CAPACITY] = value;
	} else {
		w->data[at % CAPACITY]($) = value;
	}
}

static unsigned get_byte(__u32 at)
{
	auto &b = buffer[rl::thread_index()];

	at %= CAPACITY;
	if (!combining)
		return w->data[at]($);
	return b.loaded[at] ? b.early[at] : w->late_data[at].load(rl::mo_relaxed, $);
}

/* --- the kernel --------------------------------------------------------------------- */

/* vfifo_side_unclaimed_room(), load_and_check() */
static __u32 room_of(enum vfifo_end end)
{
	__u32 own = w->position[end].load(rl::mo_acquire, $);
	__u32 peer = w->position[!end].load(rl::mo_acquire, $);

	return end == VFIFO_PRODUCER ? vfifo_room(end, CAPACITY, own, peer) :
				       vfifo_room(end, CAPACITY, peer, own);
}

static void post(int end)
{
	unsigned before;

	w->wake[end].post(1, before, $);
}

/* sleepers_changed() */
static void sleeper_changed(enum vfifo_end end, __u32 need)
{
	w->queued[end] = need != 0;
	w->least[end].store(need, rl::mo_relaxed, $);
	if (need) {
		w->threshold[end].store(need, rl::mo_relaxed, $);
		w->need.fetch_or(sleep_bit[end], rl::mo_relaxed, $);
	} else {
		w->need.fetch_and(~sleep_bit[end], rl::mo_relaxed, $);
	}
}

/* sleepers_wake() */
static void sleepers_wake(enum vfifo_end end, __u32 room)
{
	__u32 least = w->least[end].load(rl::mo_relaxed, $);

	if (!least || room < least)
		return;
	w->lock[end].lock($);
	if (w->queued[end]) {
		sleeper_changed(end, 0);
		post(end);
	}
	w->lock[end].unlock($);
}

/* wake_pollers() */
static void wake_pollers(enum vfifo_end end)
{
	fence();
	w->need.fetch_and(~poll_bit[end], rl::mo_acq_rel, $);
	fence();
	w->lock[end].lock($);
	if (w->polls[end]) {
		w->polls[end] = false;
		post(end);
	}
	w->lock[end].unlock($);
}

static bool polled(enum vfifo_end end)
{
	return w->need.load(rl::mo_relaxed, $) & poll_bit[end];
}

/* vfifo_ring_wake() for the other end */
static void ring_wake(enum vfifo_end end)
{
	__u32 room;

	fence(); /* [A] */
	room = room_of(end);
	sleepers_wake(end, room);
	if (room >= 1 && polled(end))
		wake_pollers(end);
}

/* vfifo_ring_kick() of the holder of one end */
static int system_ioctl(int fd, unsigned long)
{
	enum vfifo_end other = fd == FILE_OF(VFIFO_PRODUCER) ? VFIFO_CONSUMER : VFIFO_PRODUCER;

	fence();
	sleepers_wake(other, room_of(other));
	if (polled(other))
		wake_pollers(other);
	return 0;
}

/* poll(2): vfifo_ring_poll(), and the sleep */
static int system_poll(struct pollfd *p, unsigned int, int ms)
{
	enum vfifo_end end = p->fd == FILE_OF(VFIFO_PRODUCER) ? VFIFO_PRODUCER : VFIFO_CONSUMER;

	RL_ASSERT(ms < 0);
	for (;;) {
		bool ended;

		w->lock[end].lock($);
		w->polls[end] = true;
		w->lock[end].unlock($);
		fence(); /* [C] */
		w->need.fetch_or(poll_bit[end], rl::mo_relaxed, $);
		fence(); /* [C] */
		ended = w->ended.load(rl::mo_acquire, $);
		p->revents = room_of(end) >= 1 ? p->events : 0;
		if (ended && end == VFIFO_CONSUMER)
			p->revents |= POLLHUP;
		/* The return from the system call orders this and later loads of the program. */
		if (w->revoked.load(rl::mo_acquire, $))
			p->revents |= POLLERR;
		if (p->revents) {
			w->polled_now = true;
			w->lock[end].lock($);
			w->polls[end] = false;
			w->lock[end].unlock($);
			rl::yield(1, $);
			return 1;
		}
		w->wake[end].wait(false, false, $);
	}
}

/* The wait of a read(2) or write(2): vfifo_ring_wait() */
static void ring_wait(enum vfifo_end end, __u32 need)
{
	w->lock[end].lock($);
	sleeper_changed(end, need);
	fence(); /* [B] */
	w->lock[end].unlock($);
	if (room_of(end) < need)
		w->wake[end].wait(false, false, $);
	w->lock[end].lock($);
	if (w->queued[end])
		sleeper_changed(end, 0);
	w->lock[end].unlock($);
}

static void call(enum vfifo_end end, __u32 *at, __u32 n)
{
	while (room_of(end) < n)
		ring_wait(end, n);
	for (__u32 i = 0; i < n; i++, ++*at) {
		if (end == VFIFO_PRODUCER)
			w->data[*at % CAPACITY]($) = *at + 1;
		else
			RL_ASSERT((unsigned)w->data[*at % CAPACITY]($) == *at + 1);
	}
	w->position[end].store(*at, rl::mo_release, $);
}

/* vfifo_ring_close() of the last writer, and vfifo_ring_open() */
#define SECOND 0x100 /* marks the second end */
static void stream(bool ends, __u32 mark)
{
	w->flags.store(ends ? VFIFO_ENDED | mark : 0, rl::mo_release, $);
	w->ended.store(ends, rl::mo_release, $);
	if (ends) {
		fence();
		wake_pollers(VFIFO_CONSUMER);
	}
}

/* vfifo_claim_revoke(), and a new claim by another process */
static void revoke(enum vfifo_end end)
{
	w->claim[end].store(0, rl::mo_relaxed, $);
	w->revoked.store(1, rl::mo_release, $); /* positions_lock was released in between */
	fence();
	wake_pollers(end);
	w->claim[end].store(2, rl::mo_relaxed, $);
}

/* --- programs ----------------------------------------------------------------------- */

static void attach(struct vfifo_inner *f, enum vfifo_end end, __u32 position)
{
	static unsigned char data[2 * CAPACITY];

	memset(f, 0, sizeof(*f));
	f->used = &f->hot;
	f->hot.data = data;
	f->hot.mine = &page[end];
	f->hot.theirs = &page[!end];
	f->hot.status = &status;
	f->hot.capacity = CAPACITY;
	f->hot.own = f->hot.published = position;
	f->hot.peer = end == VFIFO_CONSUMER ? position : position - CAPACITY;
	f->hot.limit = position;
	f->hot.peer_need = end == VFIFO_PRODUCER ? VFIFO_NEED_CONSUMER : VFIFO_NEED_PRODUCER;
	f->hot.end = end;
	f->hot.claim = 1;
	f->hot.memory = combining ? VFIFO_MEMORY_WRITE_COMBINING : VFIFO_MEMORY_CACHED;
	f->fd = FILE_OF(end);
}

/* Moves @n bytes, one by one. */
static void move(struct vfifo_inner *inner, __u32 n, bool sleeps)
{
	struct vfifo_handle *f = vfifo_handle(inner);
	enum vfifo_end end = inner->hot.end;

	while (n) {
		ssize_t room;
		void *p;

		room = end == VFIFO_PRODUCER ? vfifo_reserve(f, 1, &p) : vfifo_peek(f, 1, &p);
		if (room == -EAGAIN) {
			if (sleeps)
				RL_ASSERT(!vfifo_wait(f, 1, -1));
			else
				rl::yield(1, $);
			continue;
		}
		RL_ASSERT(room > 0);
		if (end == VFIFO_PRODUCER)
			put_byte(inner->hot.own, inner->hot.own + 1);
		else
			RL_ASSERT(get_byte(inner->hot.own) == inner->hot.own + 1);
#ifdef LATE /* one byte is published by the wait */
		RL_ASSERT(!vfifo_advance(f, 1));
		if (n == 1 || !sleeps)
			RL_ASSERT(!vfifo_publish(f));
#else
		RL_ASSERT(!(end == VFIFO_PRODUCER ? vfifo_commit(f, 1) : vfifo_consume(f, 1)));
#endif
		n--;
	}
}

enum scenario { BYTES, COMBINING, READER, WRITER, BOTH, ENDED, REVOKED };

template <enum scenario S> struct test : rl::test_suite<test<S>, 2>, shared {
	struct vfifo_inner handle[2];

	void before()
	{
		const __u32 start = S == WRITER ? CAPACITY : 0;

		w = this;
		this->polled_now = false;
		this->flags_after_poll = 0;
		combining = S == COMBINING;
		memset(buffer, 0, sizeof(buffer));
		for (unsigned i = 0; i < CAPACITY; i++) {
			this->data[i]($) = start ? i + 1 : 0;
			this->late_data[i].store(0, rl::mo_relaxed, $);
		}
		this->position[VFIFO_PRODUCER].store(start, rl::mo_relaxed, $);
		this->position[VFIFO_CONSUMER].store(0, rl::mo_relaxed, $);
		this->need.store(0, rl::mo_relaxed, $);
		this->flags.store(0, rl::mo_relaxed, $);
		this->ended.store(0, rl::mo_relaxed, $);
		this->revoked.store(0, rl::mo_relaxed, $);
		for (int end = 0; end < 2; end++) {
			this->threshold[end].store(0, rl::mo_relaxed, $);
			this->watermark[end].store(1, rl::mo_relaxed, $);
			this->claim[end].store(1, rl::mo_relaxed, $);
			this->least[end].store(0, rl::mo_relaxed, $);
			this->queued[end] = this->polls[end] = false;
			this->wake[end].init(false, 0, 100, $);
			attach(&handle[end], (enum vfifo_end)end, 0);
		}
	}

	void after()
	{
		for (int end = 0; end < 2; end++)
			this->wake[end].deinit($);
	}

	void thread(unsigned end)
	{
		struct vfifo_inner *f = &handle[end];
		__u32 at = 0;

		switch (S) {
		case BYTES:
		case COMBINING:
			move(f, S == BYTES ? 3 : 1, false);
			break;
		case READER:
			if (end == VFIFO_PRODUCER)
				move(f, 2, false);
			else
				for (int i = 0; i < 2; i++)
					call(VFIFO_CONSUMER, &at, 1);
			break;
		case WRITER:
			at = CAPACITY;
			if (end == VFIFO_CONSUMER)
				move(f, 2, false);
			else
				call(VFIFO_PRODUCER, &at, 2);
			break;
		case BOTH:
			move(f, 3, true);
			break;
		case ENDED:
			if (end == VFIFO_CONSUMER) {
				int err = vfifo_wait(vfifo_handle(f), 1, -1);

				/* The byte is there at the second end. */
				RL_ASSERT(!err ||
					  (err == -ENODATA && !(this->flags_after_poll & SECOND)));
				break;
			}
			stream(true, 0);
			stream(false, 0);
			call(VFIFO_PRODUCER, &at, 1);
			stream(true, SECOND);
			break;
		case REVOKED:
			if (end == VFIFO_CONSUMER)
				RL_ASSERT(vfifo_wait(vfifo_handle(f), 1, -1) == -ESTALE);
			else
				revoke(VFIFO_CONSUMER);
			break;
		}
	}
};

static bool bad;

template <enum scenario S> static void run(const char *name)
{
	rl::test_params params;

#ifdef SCENARIO
	if (strcmp(SCENARIO, name))
		return;
#endif
	params.search_type = rl::fair_context_bound_scheduler_type;
	params.context_bound = BOUND;
	if (rl::simulate<test<S>>(params)) {
		printf("%s: exhausted, %llu executions\n", name,
		       (unsigned long long)params.stop_iteration);
	} else {
		printf("%s: %s\n", name, rl::test_result_str(params.test_result));
		bad = true;
	}
}

int main()
{
	run<BYTES>("bytes");
	run<COMBINING>("combining");
	run<READER>("wakes-reader");
	run<WRITER>("wakes-writer");
	run<BOTH>("wakes-both");
	run<ENDED>("ended");
	run<REVOKED>("revoked");
	return bad;
}
