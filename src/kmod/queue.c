// SPDX-License-Identifier: GPL-2.0
/*
 * queue.c - the blocking calls of a side, in the order of their arrival
 *
 * The queue is a tree in the order of arrival. Each node has the least need of its subtree, so
 * every function takes O(log n) steps, n being the number of calls that sleep. A call that was
 * woken keeps its place until it leaves. Until it sleeps again, its need does not count.
 *
 * Each function but vfifo_queue_init() needs the queue's lock, and none sleeps.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>

#include "queue.h"

static struct vfifo_sleeper *sleeper_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct vfifo_sleeper, node);
}

static u32 own_need(const struct vfifo_sleeper *sleeper)
{
	return sleeper->woken ? VFIFO_NO_NEED : sleeper->need;
}

static u32 subtree_least(struct rb_node *node)
{
	return node ? sleeper_of(node)->least : VFIFO_NO_NEED;
}

/* For RB_DECLARE_CALLBACKS(). Return: true: @exit is set and the value is unchanged. */
static bool compute_least(struct vfifo_sleeper *sleeper, bool exit)
{
	const u32 least = min3(own_need(sleeper),
			       subtree_least(sleeper->node.rb_left),
			       subtree_least(sleeper->node.rb_right));

	if (exit && sleeper->least == least)
		return true;
	sleeper->least = least;
	return false;
}

RB_DECLARE_CALLBACKS(static, least_callbacks, struct vfifo_sleeper, node, least,
		     compute_least);

/**
 * vfifo_queue_init() - make an empty queue
 * @queue: zeroed memory
 */
void vfifo_queue_init(struct vfifo_queue *queue)
{
	spin_lock_init(&queue->lock);
	queue->sleepers = RB_ROOT_CACHED;
	queue->least = VFIFO_NO_NEED;
}

/**
 * vfifo_queue_add() - add a call behind all others, asleep
 * @queue: the queue, locked
 * @sleeper: the call; its task and need are set
 */
void vfifo_queue_add(struct vfifo_queue *queue, struct vfifo_sleeper *sleeper)
{
	struct rb_node **link = &queue->sleepers.rb_root.rb_node;
	struct rb_node *parent = NULL;

	lockdep_assert_held(&queue->lock);
	/* The last to arrive has the rightmost place. */
	while (*link) {
		parent = *link;
		link = &parent->rb_right;
	}
	sleeper->woken = false;
	sleeper->queued = true;
	sleeper->least = sleeper->need;
	rb_link_node(&sleeper->node, parent, link);
	least_callbacks.propagate(parent, NULL);
	rb_insert_augmented_cached(&sleeper->node, &queue->sleepers, !parent,
				   &least_callbacks);
	WRITE_ONCE(queue->count, queue->count + 1); /* read without the lock */
}

/**
 * vfifo_queue_remove() - remove a call
 * @queue: the queue, locked
 * @sleeper: the call, which is in the queue
 */
void vfifo_queue_remove(struct vfifo_queue *queue,
			struct vfifo_sleeper *sleeper)
{
	lockdep_assert_held(&queue->lock);
	rb_erase_augmented_cached(&sleeper->node, &queue->sleepers,
				  &least_callbacks);
	sleeper->queued = false;
	WRITE_ONCE(queue->count, queue->count - 1);
}

/**
 * vfifo_queue_set_woken() - note that a call was woken, or sleeps again
 * @queue: the queue, locked
 * @sleeper: the call, which is in the queue
 * @woken: false: its need counts
 */
void vfifo_queue_set_woken(struct vfifo_queue *queue,
			   struct vfifo_sleeper *sleeper, bool woken)
{
	lockdep_assert_held(&queue->lock);
	WRITE_ONCE(sleeper->woken, woken);
	least_callbacks.propagate(&sleeper->node, NULL);
}

/**
 * vfifo_queue_first() - find the call that arrived first
 * @queue: the queue, locked
 *
 * Return: the call, asleep or woken; NULL: the queue is empty.
 */
struct vfifo_sleeper *vfifo_queue_first(struct vfifo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	return sleeper_of(rb_first_cached(&queue->sleepers));
}

/**
 * vfifo_queue_find() - find the first sleeping call that can go on
 * @queue: the queue, locked
 * @room: available bytes
 *
 * Return: the first sleeping call that needs at most @room bytes; NULL: there is none.
 */
struct vfifo_sleeper *vfifo_queue_find(struct vfifo_queue *queue, u32 room)
{
	struct rb_node *node = queue->sleepers.rb_root.rb_node;

	lockdep_assert_held(&queue->lock);
	while (subtree_least(node) <= room) {
		struct vfifo_sleeper *sleeper = sleeper_of(node);

		if (subtree_least(node->rb_left) <= room) {
			node = node->rb_left;
			continue;
		}
		if (own_need(sleeper) <= room)
			return sleeper;
		node = node->rb_right;
	}
	return NULL;
}

/**
 * vfifo_queue_least() - compute the least need of all sleeping calls
 * @queue: the queue, locked
 *
 * Return: bytes; VFIFO_NO_NEED: no call sleeps.
 */
u32 vfifo_queue_least(struct vfifo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	return subtree_least(queue->sleepers.rb_root.rb_node);
}
