/* SPDX-License-Identifier: GPL-2.0 */
/*
 * side.h - a ring and its two sides: their positions and their locks
 *
 * The two sides mirror each other: what the producer side fills, the consumer side takes,
 * and each waits for the other's position to move. Nothing here waits or wakes (that is
 * wait.h); a function that makes a wake-up necessary says so. What each read() and write() needs is
 * inline.
 */
#ifndef _VFIFO_SIDE_H
#define _VFIFO_SIDE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <asm/barrier.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "buffer.h"
#include "notice.h"
#include "queue.h"
#include "trace.h"

struct device;
struct fasync_struct;
struct file;
struct vfifo_claim;

/* What a producer does when there is no space. */
enum vfifo_overflow {
	VFIFO_BLOCK,
	VFIFO_DROP,
	VFIFO_OVERWRITE,
};

struct vfifo_side {
	struct mutex lock;	     /* see device.h */
	u32 position;		     /* the last valid one: see side.c */
	struct vfifo_position *page; /* the one that user space maps */
	struct vfifo_claim *claim;   /* NULL: the kernel moves the position */
	struct file *claimant; /* the claim's file; only compared, lockless */
	struct file *revoked;  /* the file of a revoked claim, while mapped */
	struct vfifo_claim *revoked_claim; /* that claim; only for comparison */
	u32 claims;    /* ever made: the number of the last one */
	u32 watermark; /* poll(2) reports the side from here on */
	struct vfifo_queue sleepers;
	wait_queue_head_t pollers;
	atomic64_t bytes; /* moved: stored like the position */
	atomic64_t calls; /* that moved bytes: stored under the lock */
} ____cacheline_aligned_in_smp;

struct vfifo_ring {
	int number;		    /* of the device, for trace events */
	struct mutex buffer_lock;   /* one task replaces the buffer */
	struct vfifo_buffer buffer; /* changes under both locks, unmapped */
	struct vfifo_status *status;
	atomic_t mappings; /* becomes 1 only under a side's lock */
	bool removed;
	bool scrub; /* zero what read(2) took */
	enum vfifo_overflow overflow;
	enum vfifo_framing framing;	 /* changes as `buffer`, while empty */
	u32 sequence;			 /* of the next record: see record.c */
	struct fasync_struct *fasync[4]; /* by open mode: see wait.c */
	struct vfifo_notice notice;	 /* wakes all waiters */

	atomic64_t dropped;
	atomic64_t dropped_records;
	atomic64_t kicks;
	atomic64_t wakeups;

	spinlock_t positions_lock; /* the claims, and all that follows */
	bool generating;	   /* and under the producer side's lock */
	bool eof;     /* the stream ends when no producer is left */
	bool closing; /* the same for the present stream: VFIFO_END */
	bool ended;   /* the stream has ended */
	int writers;  /* open files that could produce */
	bool broken;  /* a claimed position is invalid */
	bool logged;  /* the log has `broken`; reset when no side is claimed */
	bool bad_record; /* a read() has found no valid header */
	u32 generation;

	/* For messages. Set before a process can open, and held until the ring goes. */
	struct device *dev;

	struct vfifo_side sides[2]; /* by enum vfifo_end */
};

static inline enum vfifo_end vfifo_peer(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

static inline struct vfifo_side *vfifo_side(struct vfifo_ring *ring,
					    enum vfifo_end end)
{
	return &ring->sides[end];
}

/*
 * Stable under the side's lock and under positions_lock, a hint otherwise. Acquire: pairs
 * with the release in set_claim() of claim.c: a caller that finds the side released also finds
 * the position that was taken over.
 */
static inline bool vfifo_side_claimed(struct vfifo_side *side)
{
	/* Acquire: as above. */
	return smp_load_acquire(&side->claimant);
}

u32 vfifo_side_room(struct vfifo_ring *ring, enum vfifo_end end);
u64 vfifo_side_bytes(struct vfifo_ring *ring, enum vfifo_end end);

u32 vfifo_side_sync(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_side_show_flags(struct vfifo_ring *ring);
void vfifo_side_next_generation(struct vfifo_ring *ring);

int vfifo_side_available(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_side_stream_goes_on(struct vfifo_ring *ring);
void vfifo_side_align(struct vfifo_ring *ring);
void vfifo_side_bad_record(struct vfifo_ring *ring, bool bad);

void vfifo_side_settle(struct vfifo_ring *ring, enum vfifo_end end);

/* --- the lock of a side ------------------------------------------------------------- */

/**
 * vfifo_side_lock() - lock a side
 * @ring: the ring
 * @end: the side; of two, the producer side is locked first
 *
 * No user memory may be touched that can fault while a side is locked: mmap(2) takes this
 * lock inside mmap_lock, and a fault can take for ever.
 *
 * Context: Process context. May sleep.
 */
static inline void vfifo_side_lock(struct vfifo_ring *ring, enum vfifo_end end)
{
	mutex_lock(&vfifo_side(ring, end)->lock);
}

/**
 * vfifo_side_lock_interruptible() - lock a side, unless a signal comes first
 * @ring: the ring
 * @end: the side
 *
 * Context: As vfifo_side_lock().
 * Return: 0; -ERESTARTSYS: a signal is pending, and the side is not locked.
 */
static inline int vfifo_side_lock_interruptible(struct vfifo_ring *ring,
						enum vfifo_end end)
{
	if (mutex_lock_interruptible(&vfifo_side(ring, end)->lock))
		return -ERESTARTSYS;
	return 0;
}

/**
 * vfifo_side_trylock() - lock a side, if no other task has it locked
 * @ring: the ring
 * @end: the side
 *
 * Context: As vfifo_side_lock(), but does not sleep.
 * Return: true: it is locked now.
 */
static inline bool vfifo_side_trylock(struct vfifo_ring *ring,
				      enum vfifo_end end)
{
	return mutex_trylock(&vfifo_side(ring, end)->lock);
}

/**
 * vfifo_side_unlock() - unlock a side
 * @ring: the ring
 * @end: the side
 *
 * Context: Process context.
 */
static inline void vfifo_side_unlock(struct vfifo_ring *ring,
				     enum vfifo_end end)
{
	mutex_unlock(&vfifo_side(ring, end)->lock);
}

/* --- the room of a side, and what may be done with it --------------------------------- */

/* The room between two positions that are believed. */
static inline u32 vfifo_side_room_between(const struct vfifo_ring *ring,
					  enum vfifo_end end, const u32 at[2])
{
	const u32 capacity = READ_ONCE(ring->buffer.capacity);

	/* The second position may have moved on after the first was loaded. */
	return min(vfifo_room(end, capacity, at[VFIFO_PRODUCER],
			      at[VFIFO_CONSUMER]),
		   capacity);
}

static inline bool vfifo_side_any_claimed(struct vfifo_ring *ring)
{
	return vfifo_side_claimed(vfifo_side(ring, VFIFO_PRODUCER)) ||
	       vfifo_side_claimed(vfifo_side(ring, VFIFO_CONSUMER));
}

/* The room of a side while no side is claimed: without a lock. */
static inline u32 vfifo_side_unclaimed_room(struct vfifo_ring *ring,
					    enum vfifo_end own)
{
	const enum vfifo_end peer = vfifo_peer(own);
	u32 at[2];

	/* Acquire: its own is loaded first, as in load_and_check(). */
	at[own] = smp_load_acquire(&vfifo_side(ring, own)->position);
	/* Acquire: pairs with the release in vfifo_side_commit(). */
	at[peer] = smp_load_acquire(&vfifo_side(ring, peer)->position);
	return vfifo_side_room_between(ring, own, at);
}

/**
 * vfifo_side_state() - find out why the kernel may not use a side
 * @ring: the ring
 * @end: the side
 *
 * A query. Under the side's lock the result is stable, except -EIO, which comes and goes
 * with what a holder stores.
 *
 * Context: Any.
 * Return: 0: it may be used; -ENODEV: the device was removed; -EBUSY: the side is claimed;
 * -EIO: the position of the other side is invalid.
 */
static inline int vfifo_side_state(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (READ_ONCE(ring->removed))
		return -ENODEV;
	if (vfifo_side_claimed(vfifo_side(ring, end)))
		return -EBUSY;
	if (READ_ONCE(ring->broken))
		return -EIO;
	return 0;
}

/**
 * vfifo_side_waits() - find out whether a side waits when it has too little room
 * @ring: the ring
 * @end: the side
 *
 * A query. Call it before the room is computed, so that bytes produced just before the end of
 * file are not missed.
 *
 * Context: Any.
 * Return: false: for a producer, overflow is drop or overwrite (a claimed producer always
 * waits); for a consumer, the stream has ended.
 */
static inline bool vfifo_side_waits(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (end == VFIFO_PRODUCER)
		return READ_ONCE(ring->overflow) == VFIFO_BLOCK ||
		       vfifo_side_claimed(vfifo_side(ring, end));
	/* Acquire: pairs with the release in vfifo_side_show_flags(). */
	return !smp_load_acquire(&ring->ended);
}

/* --- moving bytes ------------------------------------------------------------------- */

/*
 * Called where the position changes, under the lock that protects it. Updates are
 * serialised; readers are lockless, hence atomic64_set().
 */
static inline void vfifo_side_count_bytes(struct vfifo_ring *ring,
					  enum vfifo_end end, u32 n, u32 now)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	atomic64_set(&side->bytes, atomic64_read(&side->bytes) + n);
	if (!n)
		return;
	if (end == VFIFO_PRODUCER)
		trace_vfifo_produce(ring->number, n, now);
	else
		trace_vfifo_consume(ring->number, n, now);
}

/**
 * vfifo_side_at() - find where the available bytes of a side begin
 * @ring: the ring
 * @end: the side, whose lock the caller holds
 *
 * Context: Under the side's lock.
 * Return: the address. The available bytes are contiguous from there on.
 */
static inline void *vfifo_side_at(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&side->lock);
	return ring->buffer.data +
	       vfifo_offset(ring->buffer.capacity, side->position);
}

/**
 * vfifo_side_commit() - hand bytes over to the other side
 * @ring: the ring
 * @end: the side, whose lock the caller holds, and which is not claimed
 * @n: how many bytes, at most vfifo_side_available()
 *
 * When the lock is released, vfifo_ring_wake() is due. vfifo_ring_unlock_and_wake() does both.
 *
 * Context: Process context, under the side's lock.
 */
static inline void vfifo_side_commit(struct vfifo_ring *ring,
				     enum vfifo_end end, u32 n)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	const u32 now = side->position + n;

	lockdep_assert_held(&side->lock);
	/* The bytes before the position that stands for them. */
	vfifo_buffer_order(&ring->buffer);
	/*
	 * Update the kernel's copy first and the shared page second. A client that sees the
	 * new value and moves its own position must not appear to be ahead of the kernel's
	 * copy. Release: pairs with the acquire in load_and_check() and
	 * vfifo_side_unclaimed_room().
	 */
	smp_store_release(&side->position, now);
	/* Release: pairs with the acquire of the clients. */
	smp_store_release(&side->page->position, now);
	vfifo_side_count_bytes(ring, end, n, now);
	if (unlikely(READ_ONCE(ring->closing)) && end == VFIFO_PRODUCER)
		vfifo_side_stream_goes_on(ring);
}

/**
 * vfifo_side_count_call() - count a read() or write() that moved bytes
 * @ring: the ring
 * @end: the side, whose lock the caller holds
 *
 * Context: Under the side's lock.
 */
static inline void vfifo_side_count_call(struct vfifo_ring *ring,
					 enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&side->lock);
	atomic64_set(&side->calls, atomic64_read(&side->calls) + 1);
}

#endif /* _VFIFO_SIDE_H */
