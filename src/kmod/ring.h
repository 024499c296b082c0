/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ring.h - the buffer, its two sides, and who sleeps on them
 *
 * APIs:
 *   vfifo_ring_init, _destroy     lifetime
 *   vfifo_ring_used, _capacity    a look from outside, without a lock
 *   vfifo_ring_lock, _trylock, _unlock
 *                                 one side, for the next three
 *   vfifo_ring_available          bytes that the side may take, or fill
 *   vfifo_ring_at                 where they are, contiguous
 *   vfifo_ring_commit             moves the side's position over them
 *   vfifo_ring_copy_in            all of that for a buffer of the kernel's own
 *   vfifo_ring_wake               after the unlock: whoever can go on now
 *   vfifo_ring_wait, _pass_on     sleeps until `need` bytes are available; after that
 *   vfifo_ring_poll               the same for poll(2)
 *   vfifo_ring_clear, _resize     drop what is stored; another capacity
 *   vfifo_ring_map, _map_again, _unmap, _page
 *                                 the buffer in somebody's address space
 *
 * The two sides mirror each other: what the producer side fills, the consumer
 * side takes, and each waits for the other's position to move.
 */
#ifndef _VFIFO_RING_H
#define _VFIFO_RING_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/types.h>
#include <linux/wait.h>

enum vfifo_end {
	VFIFO_PRODUCER,
	VFIFO_CONSUMER,
};

/* Pages, mapped twice, back to back: see buffer_alloc(). */
struct vfifo_buffer {
	void *data;
	struct page **pages; /* 2 * nr_pages entries, the second half again */
	unsigned int nr_pages;
	u32 capacity;
};

struct vfifo_side {
	struct mutex lock;
	u32 position;		    /* written under the lock, read by anyone */
	wait_queue_head_t sleepers; /* blocked read() or write(), exclusive */
	wait_queue_head_t pollers;
	struct fasync_struct *fasync;
} ____cacheline_aligned_in_smp;

struct vfifo_ring {
	struct vfifo_buffer buffer; /* changes under both locks, unmapped */
	atomic_t mappings;	    /* leaves 0 only under a side's lock */
	struct vfifo_side sides[2]; /* by enum vfifo_end */
};

int vfifo_ring_init(struct vfifo_ring *ring, u32 capacity);
void vfifo_ring_destroy(struct vfifo_ring *ring);

u32 vfifo_ring_used(struct vfifo_ring *ring);
u32 vfifo_ring_capacity(struct vfifo_ring *ring);

int vfifo_ring_lock(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_ring_trylock(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_unlock(struct vfifo_ring *ring, enum vfifo_end end);
u32 vfifo_ring_available(struct vfifo_ring *ring, enum vfifo_end end);
void *vfifo_ring_at(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_commit(struct vfifo_ring *ring, enum vfifo_end end, u32 n);
bool vfifo_ring_copy_in(struct vfifo_ring *ring, const void *bytes, u32 n);

void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end);
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end, u32 need);
__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait);

int vfifo_ring_clear(struct vfifo_ring *ring);
int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity);

int vfifo_ring_map(struct vfifo_ring *ring, pgoff_t first, unsigned long pages);
void vfifo_ring_map_again(struct vfifo_ring *ring);
void vfifo_ring_unmap(struct vfifo_ring *ring);
struct page *vfifo_ring_page(struct vfifo_ring *ring, pgoff_t index);

#endif /* _VFIFO_RING_H */
