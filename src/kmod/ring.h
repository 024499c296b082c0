/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ring.h - the buffer, its two sides, who holds them and who sleeps on them
 *
 * The two sides mirror each other: what the producer side fills, the consumer
 * side takes, and each waits for the other's position to move. Seven files, each
 * of which calls those below it only:
 *
 * ring.c: what the faces do to a ring
 *   vfifo_ring_init, _destroy     lifetime
 *   vfifo_ring_used, _capacity    a look from outside, without a lock
 *   vfifo_ring_lock, _trylock, _unlock
 *                                 one side, for the next three
 *   vfifo_ring_available          bytes that the side may take, or fill
 *   vfifo_ring_at                 where they are, contiguous
 *   vfifo_ring_commit             moves the side's position over them
 *   vfifo_ring_make_room          drops the oldest bytes for new ones
 *   vfifo_ring_dropped, _count_call
 *                                 counts what was not stored, and who moved
 *   vfifo_ring_clear, _resize     drop what is stored; another capacity
 *   vfifo_ring_set_watermark      from how much on poll(2) reports
 *   vfifo_ring_set_overflow, _set_eof
 *                                 where a producer, a consumer, need not wait
 *   vfifo_ring_open, _close       counts who could produce
 *   vfifo_ring_counts, _reset_counts
 *                                 what has gone on so far
 *   vfifo_ring_remove             the end, for all but what is mapped
 *
 * claim.c: who has it mapped, and who holds its sides
 *   vfifo_ring_generate_begin, _end
 *                                 keeps the producer side from being claimed
 *   vfifo_ring_map, _page         the data in somebody's address space
 *   vfifo_ring_watch, _claim, _claim_again, _release
 *                                 the same for the pages of numbers
 *   vfifo_ring_revoke             ends a claim against its holder's will
 *   vfifo_ring_map_again, _unmap  for all of them
 *
 * wait.c: who sleeps, and what wakes them
 *   vfifo_ring_waiting_init, _end, _exit
 *                                 lifetime; from the end on, clients are told so
 *   vfifo_ring_room               what a side may do, unlocked: a high estimate
 *   vfifo_ring_state              why a side may not be used at all
 *   vfifo_ring_waits              whether it waits for the other one at all
 *   vfifo_ring_overtake           whether a blocking call may take what there is
 *   vfifo_ring_wait, _leave, _pass_on
 *                                 sleeps until `need` bytes are available; after that
 *   vfifo_ring_poll, _fasync, _flush
 *                                 the same for poll(2), and for SIGIO
 *   vfifo_ring_wake, _kick        those that can go on after a move
 *   vfifo_ring_changed            those that can go on after any other change
 *
 * position.c: the positions, and what can be believed of claimed ones
 *   vfifo_ring_holder             whose the claim is
 *
 * queue.c: the blocking calls of a side, in the order in which they came
 *
 * notice.c: notices to everybody that anybody can cause, at a bounded rate
 *
 * buffer.c: the pages
 */
#ifndef _VFIFO_RING_H
#define _VFIFO_RING_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <vfifo.h>

/* Pages, mapped twice, back to back: see buffer.c. */
struct vfifo_buffer {
	void *data;
	struct page **pages; /* 2 * nr_pages entries, the second half again */
	unsigned int nr_pages;
	u32 capacity;
};

/* What a producer does where there is no space. */
enum vfifo_overflow {
	VFIFO_BLOCK,
	VFIFO_DROP,
	VFIFO_OVERWRITE,
	VFIFO_OVERFLOWS,
};

/* What has gone on since the beginning, or since it was reset. */
struct vfifo_counts {
	u64 bytes[2]; /* by enum vfifo_end */
	u64 calls[2];
	u64 dropped;
	u64 kicks;
	u64 wakeups;
};

/* A notice to everybody: see notice.c. */
struct vfifo_notice {
	spinlock_t lock;    /* the next two */
	u64 since;	    /* jiffies: when the present second began */
	unsigned int given; /* in that second */
	struct delayed_work work;
};

/* More than any call needs. */
#define VFIFO_NO_NEED U32_MAX

/* A blocked read() or write(): see queue.c. All but `queued` under the queue's lock. */
struct vfifo_sleeper {
	struct rb_node node;
	struct task_struct *task;
	u32 need;
	u32 least;   /* of its subtree */
	bool woken;  /* and keeps its place until it leaves */
	bool queued; /* only the call itself changes it */
};

struct vfifo_queue {
	spinlock_t lock;
	struct rb_root_cached sleepers;
	unsigned int count;
	unsigned int overtaken; /* the first one, by calls behind it */
	u32 least; /* room for which one is to be woken; read without the lock */
};

/* One claim of a side, and what its mapping has as vm_private_data: see claim.c. */
struct vfifo_claim {
	refcount_t refs; /* one for all mappings, one for each revoke under way */
	unsigned int mappings; /* one; two while mremap(2) moves it; 0: it ends */
	bool revoked;
	struct pid *holder;
	struct file *file; /* a mapping has it, so it stays as long */
};

struct vfifo_side {
	struct mutex lock;
	u32 position; /* the last that was good: see position.c */
	struct vfifo_position *page; /* the one that user space sees */
	struct vfifo_claim *claim;   /* NULL: the side is the kernel's */
	struct file *claimant; /* its file; to be compared, without the lock */
	struct file *revoked; /* ... of the last claim that was, while mapped */
	u32 claims;	      /* ever made: the number of the last one */
	u32 watermark;	      /* poll(2) reports from here on */
	struct vfifo_queue sleepers;
	wait_queue_head_t pollers;
	atomic64_t bytes; /* that it moved: stored like its position */
	atomic64_t calls; /* that moved any: stored under the lock */
} ____cacheline_aligned_in_smp;

/* By what a file is open for. Each file is in one list only. */
enum vfifo_async {
	VFIFO_ASYNC_NEITHER,
	VFIFO_ASYNC_READ,
	VFIFO_ASYNC_WRITE,
	VFIFO_ASYNC_BOTH,
	VFIFO_ASYNCS,
};

struct vfifo_ring {
	int number;		    /* of its vfifo, for messages */
	struct vfifo_buffer buffer; /* changes under both locks, unmapped */
	struct vfifo_status *status;
	atomic_t mappings; /* leaves 0 only under a side's lock */
	bool removed;
	bool scrub; /* zero what read(2) took */
	enum vfifo_overflow overflow;
	struct fasync_struct *fasync[VFIFO_ASYNCS];
	struct vfifo_notice notice; /* to all pollers */

	atomic64_t dropped;
	atomic64_t kicks;
	atomic64_t wakeups;

	spinlock_t positions_lock; /* the claims, and all that follows */
	bool generating;	   /* and under the producer side's lock */
	bool eof;    /* it ends when nobody is left who produces */
	bool ended;  /* ... as is the case */
	int writers; /* open files that could produce */
	bool broken; /* a claimed position cannot be */
	bool told;   /* ... and the log has it; while claimed */
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
 * Changes under the positions_lock; without it, true of a moment. Acquire: pairs with the
 * release in side_set_claim() of position.c: a caller that finds the side released finds
 * the position that was taken over.
 */
static inline bool vfifo_position_claimed(struct vfifo_side *side)
{
	/* Acquire: as above. */
	return smp_load_acquire(&side->claimant);
}

/* buffer.c */
int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity);
void vfifo_buffer_free(struct vfifo_buffer *buffer);
void *vfifo_page_alloc(void);
void vfifo_page_free(void *page);

/* position.c */
u32 vfifo_position_room(struct vfifo_ring *ring, enum vfifo_end end,
			bool *turned);
u32 vfifo_position_used(struct vfifo_ring *ring);
void vfifo_position_move(struct vfifo_ring *ring, enum vfifo_end end, u32 n);
void vfifo_position_claim(struct vfifo_ring *ring, enum vfifo_end end,
			  struct vfifo_claim *claim);
bool vfifo_position_release(struct vfifo_ring *ring, enum vfifo_end end);
pid_t vfifo_ring_holder(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_position_changed(struct vfifo_ring *ring);
bool vfifo_position_tell(struct vfifo_ring *ring);
void vfifo_position_set_eof(struct vfifo_ring *ring, bool eof);
void vfifo_position_set_generating(struct vfifo_ring *ring, bool generating);
bool vfifo_position_writers(struct vfifo_ring *ring, int more);
void vfifo_position_counts(struct vfifo_ring *ring, u64 bytes[2]);
void vfifo_position_reset_counts(struct vfifo_ring *ring);

/* queue.c */
void vfifo_queue_init(struct vfifo_queue *queue);
void vfifo_queue_add(struct vfifo_queue *queue, struct vfifo_sleeper *sleeper);
void vfifo_queue_remove(struct vfifo_queue *queue,
			struct vfifo_sleeper *sleeper);
void vfifo_queue_set_woken(struct vfifo_queue *queue,
			   struct vfifo_sleeper *sleeper, bool woken);
struct vfifo_sleeper *vfifo_queue_first(struct vfifo_queue *queue);
struct vfifo_sleeper *vfifo_queue_find(struct vfifo_queue *queue, u32 room);
u32 vfifo_queue_least(struct vfifo_queue *queue);

/* notice.c */
void vfifo_notice_init(struct vfifo_notice *notice, work_func_t give);
void vfifo_notice(struct vfifo_notice *notice);
void vfifo_notice_later(struct vfifo_notice *notice);
void vfifo_notice_cancel(struct vfifo_notice *notice);
int vfifo_notices_init(void);
void vfifo_notices_exit(void);

/* wait.c */
void vfifo_ring_waiting_init(struct vfifo_ring *ring);
void vfifo_ring_waiting_end(struct vfifo_ring *ring);
void vfifo_ring_waiting_exit(struct vfifo_ring *ring);
u32 vfifo_ring_room(struct vfifo_ring *ring, enum vfifo_end end);
int vfifo_ring_state(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_ring_waits(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_ring_overtake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper);
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end,
		    struct vfifo_sleeper *sleeper, u32 need);
void vfifo_ring_leave(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_sleeper *sleeper);
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end);
__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait);
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on);
void vfifo_ring_flush(struct vfifo_ring *ring);
void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_kick(struct vfifo_ring *ring, const struct file *file);
void vfifo_ring_changed(struct vfifo_ring *ring);

/* claim.c */
int vfifo_ring_generate_begin(struct vfifo_ring *ring);
void vfifo_ring_generate_end(struct vfifo_ring *ring);
int vfifo_ring_map(struct vfifo_ring *ring, pgoff_t first, unsigned long pages);
struct page *vfifo_ring_page(struct vfifo_ring *ring, pgoff_t index);
int vfifo_ring_watch(struct vfifo_ring *ring);
struct vfifo_claim *vfifo_ring_claim(struct vfifo_ring *ring,
				     enum vfifo_end end, struct file *file);
void vfifo_ring_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim);
void vfifo_ring_release(struct vfifo_ring *ring, enum vfifo_end end,
			struct vfifo_claim *claim);
void vfifo_ring_revoke(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_map_again(struct vfifo_ring *ring);
void vfifo_ring_unmap(struct vfifo_ring *ring);

/* ring.c */
int vfifo_ring_init(struct vfifo_ring *ring, int number, u32 capacity);
void vfifo_ring_destroy(struct vfifo_ring *ring);

u32 vfifo_ring_used(struct vfifo_ring *ring);
u32 vfifo_ring_capacity(struct vfifo_ring *ring);

int vfifo_ring_lock(struct vfifo_ring *ring, enum vfifo_end end);
bool vfifo_ring_trylock(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_unlock(struct vfifo_ring *ring, enum vfifo_end end);
int vfifo_ring_available(struct vfifo_ring *ring, enum vfifo_end end);
void *vfifo_ring_at(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_commit(struct vfifo_ring *ring, enum vfifo_end end, u32 n);
int vfifo_ring_make_room(struct vfifo_ring *ring, u32 n, bool nowait);
void vfifo_ring_scrub(struct vfifo_ring *ring, void *at, u32 n);
void vfifo_ring_dropped(struct vfifo_ring *ring, u64 n);
void vfifo_ring_count_call(struct vfifo_ring *ring, enum vfifo_end end);

int vfifo_ring_clear(struct vfifo_ring *ring);
int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity);
int vfifo_ring_set_watermark(struct vfifo_ring *ring, enum vfifo_end end,
			     u32 watermark);
void vfifo_ring_set_overflow(struct vfifo_ring *ring,
			     enum vfifo_overflow overflow);
void vfifo_ring_set_eof(struct vfifo_ring *ring, bool eof);
void vfifo_ring_set_scrub(struct vfifo_ring *ring, bool scrub);
void vfifo_ring_open(struct vfifo_ring *ring, fmode_t mode);
void vfifo_ring_close(struct vfifo_ring *ring, fmode_t mode);
void vfifo_ring_counts(struct vfifo_ring *ring, struct vfifo_counts *counts);
int vfifo_ring_reset_counts(struct vfifo_ring *ring);
void vfifo_ring_remove(struct vfifo_ring *ring);

#endif /* _VFIFO_RING_H */
