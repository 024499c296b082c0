// SPDX-License-Identifier: GPL-2.0
/*
 * wait.c - who sleeps, and what wakes them
 *
 * This is store-buffering (two stores, then two loads the other way round), so a
 * full barrier stands on both sides:
 *
 *	who moves a position		who waits for it
 *	--------------------		----------------
 *	store position			queue itself, set its bit in `need`
 *	smp_mb()      [A]		smp_mb()      [B], [C]
 *	look who is queued		load the position once more
 *
 * At least one of them sees the other. Who moves is the kernel, which looks at the
 * queues, or the holder of a claim: its barrier stands in its own code, and it
 * looks at the bit and then calls VFIFO_KICK, which looks at the queues.
 *
 * Sleepers are blocked read() and write() calls. Each has a need of its own, one
 * byte or the whole of an atomic write, and is woken only where that is met. Only
 * one is woken at a time, so a sleeper that was woken passes it on to the next of
 * its own side whose need is met still: when it has to sleep on, before it waits
 * for anything else, and when it leaves. Their bit is set exactly while their
 * queue is not empty, and beside it stands the least of their needs: queue, bit
 * and threshold change together under the queue's lock, and a wake-up dequeues.
 *
 * Pollers are all woken, with no key, so that each polls again and sees for
 * itself. Their bit is one-shot: every poll sets it, whatever comes of it, as one
 * that is edge-triggered will not poll again before it has drained. A wake-up
 * clears it first, after it has looked whether there is enough to wake for (a
 * holder has before it kicks), and then wakes them unconditionally. With SIGIO
 * there is nobody who polls again, so the bit is set again at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "ring.h"
#include "trace.h"

/* A blocked read() or write(), on its side's queue of sleepers. */
struct vfifo_sleeper {
	struct wait_queue_entry wait;
	struct vfifo_ring *ring;
	enum vfifo_end end;
	u32 need;
};

static const struct {
	u32 sleep, poll;
} vfifo_need[] = {
	[VFIFO_PRODUCER] = { VFIFO_NEED_PRODUCER_SLEEP,
			     VFIFO_NEED_PRODUCER_POLL },
	[VFIFO_CONSUMER] = { VFIFO_NEED_CONSUMER_SLEEP,
			     VFIFO_NEED_CONSUMER_POLL },
};

/*
 * In the page that clients read. Nothing is decided by what is found there but
 * to leave out work that would change nothing.
 */
static atomic_t *need_of(struct vfifo_ring *ring)
{
	BUILD_BUG_ON(sizeof(atomic_t) != sizeof(ring->status->need));
	return (atomic_t *)&ring->status->need;
}

static void say_if_broken(struct vfifo_ring *ring)
{
	if (vfifo_position_tell(ring))
		pr_warn_ratelimited("vfifo%d: broken by a bad position\n",
				    ring->number);
}

/**
 * vfifo_ring_room() - bytes that a side may fill, or take
 * @ring: the ring
 * @end: the side
 *
 * True under the side's lock, a high estimate elsewhere. May wake; the caller
 * holds no lock but that of a side.
 */
u32 vfifo_ring_room(struct vfifo_ring *ring, enum vfifo_end end)
{
	bool turned;
	u32 room = vfifo_position_room(ring, end, &turned);

	if (unlikely(turned)) {
		vfifo_ring_wake_all(ring);
		say_if_broken(ring);
	}
	return room;
}

/**
 * vfifo_ring_state() - why a side cannot be used at all
 * @ring: the ring
 * @end: the side
 *
 * Stable under the side's lock, but for EIO, which is true of a moment.
 *
 * Return: 0; -ENODEV: removed; -EBUSY: claimed; -EIO: the position of the other
 * side cannot be.
 */
int vfifo_ring_state(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (READ_ONCE(ring->removed))
		return -ENODEV;
	if (vfifo_position_claimed(vfifo_side(ring, end)))
		return -EBUSY;
	if (READ_ONCE(ring->broken))
		return -EIO;
	return 0;
}

/**
 * vfifo_ring_waits() - whether a side has to wait where it has too little room
 * @ring: the ring
 * @end: the side
 *
 * A producer need not if it drops what does not fit (a holder sees for himself, and
 * waits), a consumer if nothing more can come. Asked before vfifo_ring_room(), so
 * that all that was produced before the end is seen.
 */
bool vfifo_ring_waits(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (end == VFIFO_PRODUCER)
		return READ_ONCE(ring->overflow) == VFIFO_BLOCK ||
		       vfifo_position_claimed(vfifo_side(ring, end));
	/* Acquire: pairs with the release in show_flags() of position.c. */
	return !smp_load_acquire(&ring->ended);
}

/*
 * The queue of sleepers has changed, so its bit and its threshold do. The
 * threshold of an empty queue is of no meaning, and stays.
 */
static void sleepers_changed(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct wait_queue_head *queue = &vfifo_side(ring, end)->sleepers;
	const struct vfifo_sleeper *sleeper;
	u32 least = U32_MAX;

	lockdep_assert_held(&queue->lock);
	if (list_empty(&queue->head)) {
		atomic_andnot(vfifo_need[end].sleep, need_of(ring));
		return;
	}
	list_for_each_entry(sleeper, &queue->head, wait.entry)
		least = min(least, sleeper->need);
	/*
	 * In no order: a client that sees an old one has loaded it after its
	 * barrier, [A], so whoever stored the new one, before [B], sees its move.
	 */
	WRITE_ONCE(ring->status->threshold[end], least);
	atomic_or(vfifo_need[end].sleep, need_of(ring));
}

/*
 * Dequeues as it wakes, so that the next wake-up goes to the next one; and also one
 * that a signal has woken already, whose bit would be worth a kick at every move
 * until it runs. Once it is off the queue it may return at any time, and itself be
 * gone. Return: false: it was awake, so this was no wake-up.
 */
static bool sleeper_wake(struct vfifo_sleeper *sleeper)
{
	bool woken = default_wake_function(&sleeper->wait, TASK_INTERRUPTIBLE,
					   0, NULL);

	list_del_init_careful(&sleeper->wait.entry);
	return woken;
}

/*
 * The first whose need is met by @room, or all of those. Walks the queue itself, as
 * bit and threshold are to change with it, once, however many are woken: __wake_up()
 * of kernels before 6.8 gives up the lock in between, and leaves bookmarks.
 */
static void sleepers_wake(struct vfifo_ring *ring, enum vfifo_end end, u32 room,
			  bool all)
{
	struct wait_queue_head *queue = &vfifo_side(ring, end)->sleepers;
	struct vfifo_sleeper *sleeper, *next;
	unsigned long flags;

	if (!waitqueue_active(queue))
		return;
	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry_safe(sleeper, next, &queue->head, wait.entry) {
		if (room < sleeper->need || !sleeper_wake(sleeper))
			continue;
		atomic64_inc(&ring->wakeups);
		trace_vfifo_wake(ring->number, end, room);
		if (!all)
			break;
	}
	sleepers_changed(ring, end);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Under the queue's lock, like whoever wakes. [B]: pairs with [A]. */
static void sleeper_enter(struct vfifo_sleeper *sleeper)
{
	struct wait_queue_head *queue =
		&vfifo_side(sleeper->ring, sleeper->end)->sleepers;

	spin_lock_irq(&queue->lock);
	if (list_empty(&sleeper->wait.entry)) {
		__add_wait_queue_entry_tail_exclusive(queue, &sleeper->wait);
		sleepers_changed(sleeper->ring, sleeper->end);
	}
	set_current_state(TASK_INTERRUPTIBLE); /* [B]: has a full barrier */
	spin_unlock_irq(&queue->lock);
}

static void sleeper_leave(struct vfifo_sleeper *sleeper)
{
	struct wait_queue_head *queue =
		&vfifo_side(sleeper->ring, sleeper->end)->sleepers;

	__set_current_state(TASK_RUNNING);
	/* Careful: whoever has just dequeued us may not be done with us yet. */
	if (list_empty_careful(&sleeper->wait.entry))
		return;
	spin_lock_irq(&queue->lock);
	if (!list_empty(&sleeper->wait.entry)) {
		list_del_init(&sleeper->wait.entry);
		sleepers_changed(sleeper->ring, sleeper->end);
	}
	spin_unlock_irq(&queue->lock);
}

/**
 * vfifo_ring_wait() - sleep until a side can go on
 * @ring: the ring
 * @end: the side of the caller, who holds no lock
 * @need: available bytes to wait for, at most the capacity
 *
 * There may be less again by the time that the caller has taken the lock, and it
 * comes back early if the side cannot be used any more. Whoever called this calls
 * vfifo_ring_pass_on() when it leaves, however.
 *
 * Return: 0, or -ERESTARTSYS for a signal.
 */
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end, u32 need)
{
	struct vfifo_sleeper sleeper = {
		.ring = ring,
		.end = end,
		.need = need,
	};
	bool woken = false;
	int err = 0;

	init_wait(&sleeper.wait);
	for (;;) {
		sleeper_enter(&sleeper);
		if (!vfifo_ring_waits(ring, end) ||
		    vfifo_ring_room(ring, end) >= need ||
		    vfifo_ring_state(ring, end))
			break;
		/*
		 * The one wake-up is used up, but somebody was faster and has
		 * left too little for this one.
		 */
		if (woken)
			vfifo_ring_pass_on(ring, end);
		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		trace_vfifo_sleep(ring->number, end, need);
		schedule();
		woken = true;
	}
	sleeper_leave(&sleeper);
	return err;
}

/**
 * vfifo_ring_pass_on() - wake the next sleeper of one's own side
 * @ring: the ring
 * @end: the side of the caller, who holds no lock
 *
 * For whoever stops waiting and may have been given the one wake-up that there
 * was. The next one is woken only if what is there meets its need.
 */
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	smp_mb(); /* [A]: pairs with [B] in sleeper_enter() */
	if (waitqueue_active(&side->sleepers))
		sleepers_wake(ring, end, vfifo_ring_room(ring, end), false);
}

static bool anybody_polls(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	return waitqueue_active(&side->pollers) || READ_ONCE(side->fasync);
}

/**
 * vfifo_ring_wake_pollers() - have those who poll a side poll again
 * @ring: the ring
 * @end: the side
 *
 * Whoever has a reason tests it before, never in here: once the bit is cleared
 * they have to be woken.
 */
void vfifo_ring_wake_pollers(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	const u32 bit = vfifo_need[end].poll;

	/* Fully ordered: what moves from here on is seen by those woken. */
	atomic_fetch_andnot(bit, need_of(ring));
	if (READ_ONCE(side->fasync))
		atomic_fetch_or(bit, need_of(ring));
	if (anybody_polls(ring, end))
		atomic64_inc(&ring->wakeups);
	wake_up_all(&side->pollers);
	kill_fasync(&side->fasync, SIGIO,
		    end == VFIFO_CONSUMER ? POLL_IN : POLL_OUT);
}

/*
 * From how many bytes on poll(2) reports a side. At the end a watermark would leave the
 * last bytes where they are.
 */
static u32 poll_threshold(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (vfifo_ring_waits(ring, end))
		return READ_ONCE(vfifo_side(ring, end)->watermark);
	return end == VFIFO_PRODUCER ? 0 : 1;
}

/* Only after a full barrier since the position moved. */
static void side_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	const u32 threshold = poll_threshold(ring, end);
	const u32 room = vfifo_ring_room(ring, end);

	sleepers_wake(ring, end, room, false);
	if (room >= threshold && anybody_polls(ring, end))
		vfifo_ring_wake_pollers(ring, end);
}

/**
 * vfifo_ring_wake() - wake whoever can go on after a vfifo_ring_commit()
 * @ring: the ring
 * @end: the side whose position moved; the caller holds no lock
 */
void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	/* [A]: pairs with [B] in sleeper_enter(), [C] in vfifo_ring_poll() */
	smp_mb();
	side_wake(ring, vfifo_peer(end));
}

/* The bit that those who hold the other side go by. */
static bool poll_bit(struct vfifo_ring *ring, enum vfifo_end end)
{
	return atomic_read(need_of(ring)) & vfifo_need[end].poll;
}

/*
 * A holder has looked whether there is enough for those who poll before it called,
 * and what it saw may be gone by now. If the bit were left for that, it would call
 * again at every move.
 */
static void side_kick(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (vfifo_position_claimed(vfifo_side(ring, vfifo_peer(end))) &&
	    poll_bit(ring, end))
		vfifo_ring_wake_pollers(ring, end);
	side_wake(ring, end);
}

/* The same as vfifo_ring_wake() for the holder of a claim, who does not say which. */
void vfifo_ring_kick(struct vfifo_ring *ring)
{
	atomic64_inc(&ring->kicks);
	trace_vfifo_kick(ring->number, atomic_read(need_of(ring)));
	/* [A]: as above, for those who left out theirs. */
	smp_mb();
	side_kick(ring, VFIFO_CONSUMER);
	side_kick(ring, VFIFO_PRODUCER);
}

/* What changed may matter to anyone, whatever he waits for. */
void vfifo_ring_wake_all(struct vfifo_ring *ring)
{
	int end;

	smp_mb(); /* [A]: pairs with [B] and [C], for what is no position */
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		sleepers_wake(ring, end, U32_MAX, true);
		vfifo_ring_wake_pollers(ring, end);
	}
}

/*
 * A file was closed, perhaps by a process that was killed when it had just been
 * woken as the only one of several; by now somebody else may have taken what it
 * was woken for, so whatever is there, the others poll again.
 */
void vfifo_ring_flush(struct vfifo_ring *ring)
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (wq_has_sleeper(&vfifo_side(ring, end)->pollers))
			vfifo_ring_wake_pollers(ring, end);
	}
}

/* What a file that is open so can do, and what poll(2) calls it. */
static const struct {
	enum vfifo_end end;
	fmode_t mode;
	__poll_t events;
} vfifo_ways[] = {
	{ VFIFO_CONSUMER, FMODE_READ, EPOLLIN | EPOLLRDNORM },
	{ VFIFO_PRODUCER, FMODE_WRITE, EPOLLOUT | EPOLLWRNORM },
};

/**
 * vfifo_ring_poll() - what a file can do now, and queue it for when it can more
 * @ring: the ring
 * @file: the file; only the directions that it is open for count
 * @wait: as ->poll gets it
 */
__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait)
{
	const __poll_t wanted = poll_requested_events(wait);
	bool ended, queued = false;
	__poll_t ready = 0;
	size_t i;

	/* One queue a direction, two at most: io_uring refuses a third. */
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		const enum vfifo_end end = vfifo_ways[i].end;

		if (!(file->f_mode & vfifo_ways[i].mode) ||
		    !(wanted & vfifo_ways[i].events))
			continue;
		poll_wait(file, &vfifo_side(ring, end)->pollers, wait);
		atomic_or(vfifo_need[end].poll, need_of(ring));
		queued = true;
	}
	/* For the end and for errors, which everybody is woken for. */
	if (!queued)
		poll_wait(file, &vfifo_side(ring, VFIFO_CONSUMER)->pollers,
			  wait);

	/*
	 * [C]: pairs with [A]. poll_wait() has no barrier when it is called for
	 * a poll that is queued already.
	 */
	smp_mb();

	ended = !vfifo_ring_waits(ring, VFIFO_CONSUMER);
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		const enum vfifo_end end = vfifo_ways[i].end;
		const u32 threshold = poll_threshold(ring, end);

		if (vfifo_ring_room(ring, end) >= threshold &&
		    (file->f_mode & vfifo_ways[i].mode))
			ready |= vfifo_ways[i].events;
	}
	if (READ_ONCE(ring->removed) || ended)
		ready |= EPOLLHUP;
	if (READ_ONCE(ring->broken))
		ready |= EPOLLERR;
	return ready;
}

static int side_fasync(struct vfifo_ring *ring, enum vfifo_end end, int fd,
		       struct file *file, int on)
{
	int err = fasync_helper(fd, file, on, &vfifo_side(ring, end)->fasync);

	/* It stays set from here on: see vfifo_ring_wake_pollers(). */
	if (err >= 0 && on) {
		atomic_or(vfifo_need[end].poll, need_of(ring));
		smp_mb__after_atomic(); /* [C]: pairs with [A] */
	}
	return err;
}

/* A file that can read hears of bytes to read, one that can write of space. */
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on)
{
	int err = 0;

	if (file->f_mode & FMODE_READ)
		err = side_fasync(ring, VFIFO_CONSUMER, fd, file, on);
	if (err >= 0 && (file->f_mode & FMODE_WRITE)) {
		err = side_fasync(ring, VFIFO_PRODUCER, fd, file, on);
		if (err < 0 && (file->f_mode & FMODE_READ))
			side_fasync(ring, VFIFO_CONSUMER, -1, file, 0);
	}
	return err;
}
