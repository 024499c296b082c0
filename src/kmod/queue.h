/* SPDX-License-Identifier: GPL-2.0 */
/*
 * queue.h - the blocking calls of a side, in the order of their arrival
 */
#ifndef _VFIFO_QUEUE_H
#define _VFIFO_QUEUE_H

#include <linux/limits.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct task_struct;

/* More than any call needs. */
#define VFIFO_NO_NEED U32_MAX

/* A blocked read() or write(). All fields but `queued` change under the queue's lock. */
struct vfifo_sleeper {
	struct rb_node node;
	struct task_struct *task;
	u32 need;    /* bytes */
	u32 least;   /* the least need in its subtree */
	bool woken;  /* it keeps its place until it leaves */
	bool queued; /* only the call itself changes it */
};

struct vfifo_queue {
	spinlock_t lock; /* all below */
	struct rb_root_cached sleepers;
	unsigned int count;	/* may be read without the lock */
	unsigned int overtaken; /* how often the first call was: see wait.c */
	u32 least; /* the least room that wakes a call; read without the lock */
};

void vfifo_queue_init(struct vfifo_queue *queue);
void vfifo_queue_add(struct vfifo_queue *queue, struct vfifo_sleeper *sleeper);
void vfifo_queue_remove(struct vfifo_queue *queue,
			struct vfifo_sleeper *sleeper);
void vfifo_queue_set_woken(struct vfifo_queue *queue,
			   struct vfifo_sleeper *sleeper, bool woken);
struct vfifo_sleeper *vfifo_queue_first(struct vfifo_queue *queue);
struct vfifo_sleeper *vfifo_queue_find(struct vfifo_queue *queue, u32 room);
u32 vfifo_queue_least(struct vfifo_queue *queue);

#endif /* _VFIFO_QUEUE_H */
