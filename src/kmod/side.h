/* SPDX-License-Identifier: GPL-2.0 */
/*
 * side.h - a ring and its two sides: positions, claims, and the lock of a side
 *
 * The two sides mirror each other: what the producer side fills, the consumer side takes,
 * and each waits for the other's position to move. Nothing here waits or wakes (that is
 * wait.h); a function that makes a wake-up necessary says so.
 */
#ifndef _VFIFO_SIDE_H
#define _VFIFO_SIDE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <vfifo.h>

#include "buffer.h"
#include "notice.h"
#include "queue.h"

struct fasync_struct;
struct file;

/* What a producer does when there is no space. */
enum vfifo_overflow {
	VFIFO_BLOCK,
	VFIFO_DROP,
	VFIFO_OVERWRITE,
};

/* A claim of a side: vm_private_data of the mapping that makes it. See side.c. */
struct vfifo_claim {
	refcount_t refs; /* one for all its mappings, one for each revoke */
	unsigned int mappings; /* 1; 2 while mremap(2) moves it; 0: it ends */
	bool revoked;
	struct pid *holder;
	struct file *file; /* valid as long as there is a mapping */
};

struct vfifo_side {
	struct mutex lock;
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
	int number;		    /* of the device, for messages */
	struct mutex buffer_lock;   /* one task replaces the buffer */
	struct vfifo_buffer buffer; /* changes under both locks, unmapped */
	struct vfifo_status *status;
	atomic_t mappings; /* becomes 1 only under a side's lock */
	bool removed;
	bool scrub; /* zero what read(2) took */
	enum vfifo_overflow overflow;
	struct fasync_struct *fasync[4]; /* by open mode: see wait.c */
	struct vfifo_notice notice;	 /* wakes all waiters */

	atomic64_t dropped;
	atomic64_t kicks;
	atomic64_t wakeups;

	spinlock_t positions_lock; /* the claims, and all that follows */
	bool generating;	   /* and under the producer side's lock */
	bool eof;     /* the stream ends when no producer is left */
	bool closing; /* the same for the present stream: VFIFO_END */
	bool ended;   /* the stream has ended */
	int writers;  /* open files that could produce */
	bool broken;  /* a claimed position is invalid */
	bool logged;  /* the log has that; reset when no side is claimed */
	u32 generation;

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
 * with the release in set_claim() of side.c: a caller that finds the side released also finds
 * the position that was taken over.
 */
static inline bool vfifo_side_claimed(struct vfifo_side *side)
{
	/* Acquire: as above. */
	return smp_load_acquire(&side->claimant);
}

void vfifo_side_lock(struct vfifo_ring *ring, enum vfifo_end end);
int vfifo_side_lock_interruptible(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_side_trylock(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_side_unlock(struct vfifo_ring *ring, enum vfifo_end end);

u32 vfifo_side_room(struct vfifo_ring *ring, enum vfifo_end end);
u64 vfifo_side_bytes(struct vfifo_ring *ring, enum vfifo_end end);
int vfifo_side_state(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_side_waits(struct vfifo_ring *ring, enum vfifo_end end);
pid_t vfifo_side_holder(struct vfifo_ring *ring, enum vfifo_end end);

u32 vfifo_side_sync(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_side_show_flags(struct vfifo_ring *ring);
void vfifo_side_next_generation(struct vfifo_ring *ring);

int vfifo_side_available(struct vfifo_ring *ring, enum vfifo_end end);
void *vfifo_side_at(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_side_commit(struct vfifo_ring *ring, enum vfifo_end end, u32 n);
void vfifo_side_count_call(struct vfifo_ring *ring, enum vfifo_end end);

int vfifo_side_generate_begin(struct vfifo_ring *ring);
void vfifo_side_generate_end(struct vfifo_ring *ring);

int vfifo_side_map(struct vfifo_ring *ring, unsigned long first,
		   unsigned long pages);
struct vfifo_claim *vfifo_side_claim(struct vfifo_ring *ring,
				     enum vfifo_end end, struct file *file);
void vfifo_side_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim);
bool vfifo_side_release(struct vfifo_ring *ring, enum vfifo_end end,
			struct vfifo_claim *claim, bool *moved);
bool vfifo_side_revoke(struct vfifo_ring *ring, enum vfifo_end end,
		       bool *moved);

#endif /* _VFIFO_SIDE_H */
