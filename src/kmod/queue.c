// SPDX-License-Identifier: GPL-2.0
/*
 * queue.c - the blocking calls of a side, in the order in which they came
 *
 * A tree by ticket, with the least need of each subtree beside it, so that all of
 * this takes O(log n) steps, however many calls sleep. A call that was woken keeps its
 * place until it leaves; until it sleeps again, nothing is looked for on its behalf.
 *
 * All functions want the queue's lock but vfifo_queue_init().
 */
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>

#include "ring.h"

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

/* As RB_DECLARE_CALLBACKS() wants it. Return: true: unchanged, and @exit. */
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

void vfifo_queue_init(struct vfifo_queue *queue)
{
	spin_lock_init(&queue->lock);
	queue->sleepers = RB_ROOT_CACHED;
	queue->least = VFIFO_NO_NEED;
}

/* Adds a call behind all others, asleep. */
void vfifo_queue_add(struct vfifo_queue *queue, struct vfifo_sleeper *sleeper)
{
	struct rb_node **link = &queue->sleepers.rb_root.rb_node;
	struct rb_node *parent = NULL;

	lockdep_assert_held(&queue->lock);
	/* Its ticket is the highest, so its place is the rightmost. */
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
	WRITE_ONCE(queue->count, queue->count + 1); /* some look with no lock */
}

void vfifo_queue_remove(struct vfifo_queue *queue,
			struct vfifo_sleeper *sleeper)
{
	lockdep_assert_held(&queue->lock);
	rb_erase_augmented_cached(&sleeper->node, &queue->sleepers,
				  &least_callbacks);
	sleeper->queued = false;
	WRITE_ONCE(queue->count, queue->count - 1);
}

/* A call in the queue was woken, or sleeps again. */
void vfifo_queue_set_woken(struct vfifo_queue *queue,
			   struct vfifo_sleeper *sleeper, bool woken)
{
	lockdep_assert_held(&queue->lock);
	sleeper->woken = woken;
	least_callbacks.propagate(&sleeper->node, NULL);
}

/* The call that came first, asleep or woken; NULL: there is none. */
struct vfifo_sleeper *vfifo_queue_first(struct vfifo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	return sleeper_of(rb_first_cached(&queue->sleepers));
}

/* Of those that sleep, the first whose need is at most @room; NULL: there is none. */
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

/* The least need of those that sleep; VFIFO_NO_NEED: none does. */
u32 vfifo_queue_least(struct vfifo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	return subtree_least(queue->sleepers.rb_root.rb_node);
}
