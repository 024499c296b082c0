/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wait.h - who sleeps on a ring, and what wakes them
 */
#ifndef _VFIFO_WAIT_H
#define _VFIFO_WAIT_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/poll.h>

#include "side.h"

void vfifo_ring_waiting_init(struct vfifo_ring *ring);
void vfifo_ring_waiting_end(struct vfifo_ring *ring);
void vfifo_ring_waiting_exit(struct vfifo_ring *ring);

bool vfifo_ring_overtake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper);
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end,
		    struct vfifo_sleeper *sleeper, u32 need,
		    enum vfifo_framing framing);
void vfifo_ring_leave(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_sleeper *sleeper);
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end);

__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait);
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on);

void vfifo_ring_wake_waiters(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_kick(struct vfifo_ring *ring, const struct file *file);
void vfifo_ring_changed(struct vfifo_ring *ring);
void vfifo_ring_wake_sleepers(struct vfifo_ring *ring);
void vfifo_ring_released(struct vfifo_ring *ring, enum vfifo_end end,
			 bool moved);
void vfifo_ring_flush(struct vfifo_ring *ring);

/*
 * The word `need`. It is in a page that clients can only read, so the kernel uses it to skip work
 * that would change nothing.
 */
static inline atomic_t *vfifo_ring_need(struct vfifo_ring *ring)
{
	BUILD_BUG_ON(sizeof(atomic_t) != sizeof(ring->status->need));
	return (atomic_t *)&ring->status->need;
}

/* The bits of `need` that say that a call sleeps on a side, and that a task has polled it. */
static inline u32 vfifo_sleep_bit(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_NEED_PRODUCER_SLEEP :
				       VFIFO_NEED_CONSUMER_SLEEP;
}

static inline u32 vfifo_poll_bit(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_NEED_PRODUCER_POLL :
				       VFIFO_NEED_CONSUMER_POLL;
}

/*
 * Whether `need` has a bit of a side: a call sleeps there that more room can wake, or a task has
 * polled the side since its pollers were woken last. Called after a full barrier.
 */
static inline bool vfifo_ring_awaited(struct vfifo_ring *ring,
				      enum vfifo_end end)
{
	return atomic_read(vfifo_ring_need(ring)) &
	       (vfifo_sleep_bit(end) | vfifo_poll_bit(end));
}

/**
 * vfifo_ring_wake() - wake the waiters that can go on after a vfifo_side_commit()
 * @ring: the ring
 * @end: the side whose position moved; its peer is woken
 *
 * Context: Process context. May sleep. The caller holds no lock.
 */
static inline void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	/* [A]: pairs with [B] in sleeper_enter(), [C] in vfifo_ring_poll() */
	smp_mb();
	if (unlikely(vfifo_ring_awaited(ring, vfifo_peer(end))))
		vfifo_ring_wake_waiters(ring, end);
}

/**
 * vfifo_ring_unlock_and_wake() - unlock a side after a vfifo_side_commit(), and wake the waiters
 * @ring: the ring
 * @end: the side, whose lock the caller holds, and whose position moved
 *
 * As vfifo_side_unlock() and then vfifo_ring_wake(), but with no barrier instruction where the
 * atomic operation in the unlock is a full barrier already.
 *
 * Context: Process context. May sleep. The caller holds no other lock.
 */
static inline void vfifo_ring_unlock_and_wake(struct vfifo_ring *ring,
					      enum vfifo_end end)
{
	vfifo_side_unlock(ring, end);
	/*
	 * [A]: pairs with [B] and [C], as in vfifo_ring_wake(). It belongs to the atomic
	 * read-modify-write operation of mutex_unlock(), which has one in every configuration,
	 * whether or not a task waits for the lock. On x86 and s390 that operation is a full
	 * barrier, and this is nothing.
	 */
	smp_mb__after_atomic();
	if (unlikely(vfifo_ring_awaited(ring, vfifo_peer(end))))
		vfifo_ring_wake_waiters(ring, end);
}

#endif /* _VFIFO_WAIT_H */
