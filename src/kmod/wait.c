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
 * for anything else, and when it leaves. Their bit is set exactly while one of them
 * can be woken by more room, and beside it stands the least room for that: queue, bit
 * and threshold change together under the queue's lock.
 *
 * The sleepers of a side are served in the order in which they came. A sleeper keeps
 * its place from its first sleep until it has moved bytes, or leaves for any other
 * reason. (A signal is one: a call that is restarted comes last again, so one that gets a
 * signal more often than there is room for it is not served.) Where the need of the first
 * one is not met, or it was woken and has not run yet, calls behind it may go on, but only
 * so often, VFIFO_OVERTAKES; then they wait
 * behind it. That needs no clock, and no two can wait for each other for ever. Say that
 * the need of the first one is not met: free < need, so used > capacity - need. Where
 * need + watermark <= capacity + 1, it follows that used >= watermark: everybody on the
 * other side can go on, by read() or after a poll(). Where need and watermark are more
 * than that, the other side may be polling for bytes that only a smaller call behind the
 * first one can give, so that one is overtaken without bound. tests/model/order.pml
 * goes through all of that. Calls that may not wait, and the holders of claims, do not
 * look at the queue.
 *
 * Pollers are all woken, with no key, so that each polls again and sees for
 * itself. Their bit is one-shot: every poll sets it, ready or not, as one
 * that is edge-triggered will not poll again before it has drained. A move wakes
 * pollers only while it is set: else none has polled since the last wake-up. A wake-up
 * clears it first, after it has looked whether there is enough to wake for (a
 * holder has before it kicks), and then wakes them unconditionally. With SIGIO
 * there is nobody who polls again, so the bit is set again at once. On a claimed side
 * only the file that made the claim is told ready; the others do not set the bit, and
 * are woken by the notice of the release.
 *
 * What is no move (a claim, a release, a close, a switch of the mode) is told to all
 * pollers as well, but through a notice, whose rate is bounded: see notice.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "ring.h"
#include "trace.h"

/*
 * How often the first sleeper of a side is overtaken: by calls that go on while it sleeps,
 * or, once for each time that it is woken, by all those that leave it too little.
 */
#define VFIFO_OVERTAKES 16

/* Wake-ups under one hold of a queue's lock. */
#define VFIFO_WAKES_MAX 64U

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
		vfifo_ring_changed(ring);
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

static struct vfifo_queue *queue_of(struct vfifo_ring *ring, enum vfifo_end end)
{
	return &vfifo_side(ring, end)->sleepers;
}

/*
 * The first sleeper, if no call behind it may go on before it does: it has been overtaken
 * often enough, and those who poll the other side can go on meanwhile. See the head.
 */
static struct vfifo_sleeper *must_be_next(struct vfifo_ring *ring,
					  enum vfifo_end end)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	const struct vfifo_side *peer = vfifo_side(ring, vfifo_peer(end));
	struct vfifo_sleeper *first;

	lockdep_assert_held(&queue->lock);
	if (likely(queue->overtaken < VFIFO_OVERTAKES))
		return NULL;
	first = vfifo_queue_first(queue);
	if (!first || (u64)first->need + READ_ONCE(peer->watermark) >
			      (u64)READ_ONCE(ring->buffer.capacity) + 1)
		return NULL;
	return first;
}

/* The sleeper to wake where there is @room; NULL: none. */
static struct vfifo_sleeper *next_to_wake(struct vfifo_ring *ring,
					  enum vfifo_end end, u32 room)
{
	struct vfifo_sleeper *next = must_be_next(ring, end);

	if (unlikely(next))
		return !next->woken && next->need <= room ? next : NULL;
	return vfifo_queue_find(queue_of(ring, end), room);
}

/* The least room for which next_to_wake() finds one. */
static u32 least_to_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_sleeper *next = must_be_next(ring, end);

	if (unlikely(next))
		return next->woken ? VFIFO_NO_NEED : next->need;
	return vfifo_queue_least(queue_of(ring, end));
}

/*
 * The queue of sleepers has changed, or what its order depends on. The threshold in the
 * page is of no meaning while the bit is clear, and stays.
 */
static void sleepers_changed(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	const u32 least = least_to_wake(ring, end);
	const u32 before = queue->least;

	lockdep_assert_held(&queue->lock);
	if (least == before)
		return;
	WRITE_ONCE(queue->least, least);
	if (least == VFIFO_NO_NEED) {
		atomic_andnot(vfifo_need[end].sleep, need_of(ring));
		return;
	}
	/*
	 * No ordering against the bit is needed. A client loads the threshold after
	 * its barrier [A]. If it sees the old value, the sleeper stored the new one
	 * later, and looks at the position again after [B]: it sees the client's
	 * move.
	 */
	WRITE_ONCE(ring->status->threshold[end], least);
	if (before == VFIFO_NO_NEED)
		atomic_or(vfifo_need[end].sleep, need_of(ring));
}

/*
 * Called under the lock of @sleeper's queue, which it has to take before it can return:
 * so its task stays.
 */
static void sleeper_wake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper, u32 room)
{
	vfifo_queue_set_woken(queue_of(ring, end), sleeper, true);
	if (!wake_up_process(sleeper->task))
		return; /* it was awake, so this was no wake-up */
	atomic64_inc(&ring->wakeups);
	trace_vfifo_wake(ring->number, end, room);
}

/* Wakes the next sleeper whose need is met by @room. Called after a full barrier. */
static void sleepers_wake(struct vfifo_ring *ring, enum vfifo_end end, u32 room)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	struct vfifo_sleeper *sleeper;

	if (room < READ_ONCE(queue->least))
		return;
	spin_lock(&queue->lock);
	sleeper = next_to_wake(ring, end, room);
	if (sleeper) {
		sleeper_wake(ring, end, sleeper, room);
		sleepers_changed(ring, end);
	}
	spin_unlock(&queue->lock);
}

/*
 * Wakes all sleepers, where none of them can sleep on. Those that sleep again meanwhile
 * saw that they can after all.
 */
static void sleepers_wake_all(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	unsigned int left = READ_ONCE(queue->count);

	while (left) {
		struct vfifo_sleeper *sleeper;
		unsigned int n = min(left, VFIFO_WAKES_MAX);

		left -= n;
		spin_lock(&queue->lock);
		while (n-- &&
		       (sleeper = vfifo_queue_find(queue, VFIFO_NO_NEED - 1)))
			sleeper_wake(ring, end, sleeper, 0);
		sleepers_changed(ring, end);
		spin_unlock(&queue->lock);
		cond_resched();
	}
}

static void sleeper_woken_in_vain(struct vfifo_ring *ring, enum vfifo_end end,
				  struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);

	vfifo_queue_set_woken(queue, sleeper, false);
	if (vfifo_queue_first(queue) == sleeper)
		queue->overtaken++;
}

/*
 * Queues the call, in its place if it has one, and says that it sleeps.
 *
 * Return: whether it may go on, as far as the other sleepers are concerned.
 */
static bool sleeper_enter(struct vfifo_ring *ring, enum vfifo_end end,
			  struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	struct vfifo_sleeper *next;

	spin_lock(&queue->lock);
	if (!sleeper->queued)
		vfifo_queue_add(queue, sleeper);
	else if (sleeper->woken)
		sleeper_woken_in_vain(ring, end, sleeper);
	sleepers_changed(ring, end);
	next = must_be_next(ring, end);
	set_current_state(TASK_INTERRUPTIBLE); /* [B]: has a full barrier */
	spin_unlock(&queue->lock);
	return !next || next == sleeper;
}

/* The call is awake, and no wake-up need be spent on it; it keeps its place. */
static void sleeper_get_up(struct vfifo_ring *ring, enum vfifo_end end,
			   struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);

	__set_current_state(TASK_RUNNING);
	if (READ_ONCE(sleeper->woken))
		return; /* only the call itself changes that back */
	spin_lock(&queue->lock);
	if (!sleeper->woken) {
		vfifo_queue_set_woken(queue, sleeper, true);
		sleepers_changed(ring, end);
	}
	spin_unlock(&queue->lock);
}

/**
 * vfifo_ring_overtake() - whether a blocking call may go on before the first sleeper
 * @ring: the ring
 * @end: the side of the caller, who holds its lock
 * @sleeper: the call
 *
 * Counts it if so. Where nobody sleeps there is no need to ask.
 *
 * Return: true, also if the caller is the first one; false: it has to wait behind that.
 */
bool vfifo_ring_overtake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	struct vfifo_sleeper *first;
	bool may = true;

	lockdep_assert_held(&vfifo_side(ring, end)->lock);
	spin_lock(&queue->lock);
	first = vfifo_queue_first(queue);
	if (first && first != sleeper)
		may = !must_be_next(ring, end);
	if (may && first && first != sleeper && !first->woken) {
		queue->overtaken++;
		sleepers_changed(ring, end);
	}
	spin_unlock(&queue->lock);
	return may;
}

/**
 * vfifo_ring_wait() - sleep until a side can go on
 * @ring: the ring
 * @end: the side of the caller, who holds no lock
 * @sleeper: the call; not queued, or as this function has left it before
 * @need: available bytes to wait for, at most the capacity
 *
 * There may be less again by the time that the caller has taken the lock. Then it calls
 * vfifo_ring_pass_on(), as it has used up the one wake-up that there was, and this again.
 * It comes back early if the side cannot be used any more. The call has a place in the
 * queue from here on, so the caller calls vfifo_ring_leave() and then
 * vfifo_ring_pass_on() when it has moved bytes, when it waits for anything else, and when
 * it returns.
 *
 * Return: 0, or -ERESTARTSYS for a signal.
 */
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end,
		    struct vfifo_sleeper *sleeper, u32 need)
{
	int err = 0;

	if (!sleeper->queued) {
		sleeper->task = current;
		sleeper->need = need;
	}
	do {
		bool may = sleeper_enter(ring, end, sleeper);

		if (!vfifo_ring_waits(ring, end) ||
		    (vfifo_ring_room(ring, end) >= need && may) ||
		    vfifo_ring_state(ring, end))
			break;
		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		trace_vfifo_sleep(ring->number, end, need);
		schedule();
	} while (!READ_ONCE(sleeper->woken));
	sleeper_get_up(ring, end, sleeper);
	return err;
}

/**
 * vfifo_ring_leave() - give up one's place in the queue
 * @ring: the ring
 * @end: the side of the caller
 * @sleeper: the call, which has one
 *
 * A vfifo_ring_pass_on() is due.
 */
void vfifo_ring_leave(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);

	spin_lock(&queue->lock);
	if (vfifo_queue_first(queue) == sleeper)
		queue->overtaken = 0;
	vfifo_queue_remove(queue, sleeper);
	sleepers_changed(ring, end);
	spin_unlock(&queue->lock);
}

/**
 * vfifo_ring_pass_on() - wake the next sleeper of one's own side
 * @ring: the ring
 * @end: the side of the caller, who holds no lock
 *
 * For a caller that stops waiting and may have been given the one wake-up that there
 * was. The next one is woken only if its need is met by the room that is left.
 */
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end)
{
	smp_mb(); /* [A]: pairs with [B] in sleeper_enter() */
	if (READ_ONCE(queue_of(ring, end)->least) != VFIFO_NO_NEED)
		sleepers_wake(ring, end, vfifo_ring_room(ring, end));
}

/* The lists of files with O_ASYNC that can use a side. */
static const enum vfifo_async vfifo_asyncs[][2] = {
	[VFIFO_PRODUCER] = { VFIFO_ASYNC_WRITE, VFIFO_ASYNC_BOTH },
	[VFIFO_CONSUMER] = { VFIFO_ASYNC_READ, VFIFO_ASYNC_BOTH },
};

static bool has_async(struct vfifo_ring *ring, enum vfifo_end end)
{
	return READ_ONCE(ring->fasync[vfifo_asyncs[end][0]]) ||
	       READ_ONCE(ring->fasync[vfifo_asyncs[end][1]]);
}

static void signal_async(struct vfifo_ring *ring, enum vfifo_end end)
{
	const int band = end == VFIFO_CONSUMER ? POLL_IN : POLL_OUT;

	kill_fasync(&ring->fasync[vfifo_asyncs[end][0]], SIGIO, band);
	kill_fasync(&ring->fasync[vfifo_asyncs[end][1]], SIGIO, band);
}

/* A bookmark's, which is nobody to be woken. */
static int wake_nobody(struct wait_queue_entry *entry, unsigned int mode,
		       int flags, void *key)
{
	return 0;
}

/*
 * wake_up_all(), but at most VFIFO_WAKES_MAX under one hold of the lock. In between a
 * bookmark keeps the place. Those who came meanwhile, beyond @last, have looked for
 * themselves.
 */
static void pollers_wake(struct wait_queue_head *queue)
{
	struct wait_queue_entry mark = { .func = wake_nobody };
	struct wait_queue_entry last = { .func = wake_nobody };
	struct wait_queue_entry *at;
	unsigned long flags;
	unsigned int n = 0;

	spin_lock_irqsave(&queue->lock, flags);
	list_add(&mark.entry, &queue->head);
	list_add_tail(&last.entry, &queue->head);
	while ((at = list_next_entry(&mark, entry)) != &last) {
		/* Before the function, which may take the entry off the queue. */
		list_move(&mark.entry, &at->entry);
		at->func(at, TASK_NORMAL, 0, NULL);
		if (++n % VFIFO_WAKES_MAX)
			continue;
		spin_unlock_irqrestore(&queue->lock, flags);
		cond_resched();
		spin_lock_irqsave(&queue->lock, flags);
	}
	list_del(&mark.entry);
	list_del(&last.entry);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/*
 * Has those who poll a side poll again. A caller that has a condition tests it before:
 * once the bit is cleared, they have to be woken.
 */
static void wake_pollers(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct wait_queue_head *pollers = &vfifo_side(ring, end)->pollers;
	const u32 bit = vfifo_need[end].poll;
	bool async;

	/*
	 * Fully ordered: those who are woken see what moved before. [D]: pairs with
	 * the barrier in vfifo_ring_fasync(): if this clears the bit that was set
	 * there, the next line sees the entry that was added before.
	 */
	atomic_fetch_andnot(bit, need_of(ring));
	async = has_async(ring, end);
	if (async)
		atomic_fetch_or(bit, need_of(ring));
	if (!async && !waitqueue_active(pollers))
		return;
	atomic64_inc(&ring->wakeups);
	pollers_wake(pollers);
	if (async)
		signal_async(ring, end);
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

/* Whether a poll waits for a side to be ready. Only after a full barrier. */
static bool poll_bit(struct vfifo_ring *ring, enum vfifo_end end)
{
	return atomic_read(need_of(ring)) & vfifo_need[end].poll;
}

/* Only after a full barrier since the position moved. */
static void side_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	const u32 threshold = poll_threshold(ring, end);
	const u32 room = vfifo_ring_room(ring, end);

	sleepers_wake(ring, end, room);
	if (room >= threshold && poll_bit(ring, end))
		wake_pollers(ring, end);
}

/**
 * vfifo_ring_wake() - wake those that can go on after a vfifo_ring_commit()
 * @ring: the ring
 * @end: the side whose position moved; the caller holds no lock
 */
void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	/* [A]: pairs with [B] in sleeper_enter(), [C] in vfifo_ring_poll() */
	smp_mb();
	side_wake(ring, vfifo_peer(end));
}

/* Whether a file is told ready, and wakes: on a claimed side only the claim's own. */
static bool may_use(struct vfifo_side *side, const struct file *file)
{
	/* Acquire: as vfifo_position_claimed(). */
	const struct file *claimant = smp_load_acquire(&side->claimant);

	return !claimant || claimant == file;
}

static bool holds(struct vfifo_side *side, const struct file *file)
{
	return READ_ONCE(side->claimant) == file;
}

/*
 * The holder of the other side has moved it. It has looked whether there is enough for
 * those who poll before it called, and what it saw may be gone by now: if their bit were
 * left for that, it would call again at every move.
 */
static void side_kick(struct vfifo_ring *ring, enum vfifo_end end)
{
	sleepers_wake(ring, end, vfifo_ring_room(ring, end));
	if (poll_bit(ring, end))
		wake_pollers(ring, end);
}

/*
 * The holder of this side runs, so its poll is over. The bit that this has left would cost
 * the holder of the other side a call.
 */
static void side_end_poll(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (poll_bit(ring, end) &&
	    !waitqueue_active(&vfifo_side(ring, end)->pollers) &&
	    !has_async(ring, end))
		wake_pollers(ring, end);
}

/* The other side may have moved, if it is claimed; the caller may be anybody. */
static void side_kick_by_other(struct vfifo_ring *ring, enum vfifo_end end)
{
	sleepers_wake(ring, end, vfifo_ring_room(ring, end));
	if (vfifo_position_claimed(vfifo_side(ring, vfifo_peer(end))))
		vfifo_notice(&ring->notice);
}

/**
 * vfifo_ring_kick() - the same as vfifo_ring_wake(), for the holder of a claim
 * @ring: the ring
 * @file: the file of the caller, who does not say which side has moved
 */
void vfifo_ring_kick(struct vfifo_ring *ring, const struct file *file)
{
	int end;

	atomic64_inc(&ring->kicks);
	trace_vfifo_kick(ring->number, atomic_read(need_of(ring)));
	/* [A]: as above, for clients that left out theirs. */
	smp_mb();
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (holds(vfifo_side(ring, vfifo_peer(end)), file))
			side_kick(ring, end);
		else if (holds(vfifo_side(ring, end), file))
			side_end_poll(ring, end);
		else
			side_kick_by_other(ring, end);
	}
}

/*
 * Wakes the sleepers that can go on, after what was no move. A holder may break and mend the
 * ring meanwhile, without end, so that is told by a later notice and not from here.
 */
static void side_changed(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	bool turned;
	u32 room;

	if (!READ_ONCE(queue->count))
		return;
	/* The watermark or the capacity may have changed, so the order has. */
	spin_lock(&queue->lock);
	sleepers_changed(ring, end);
	spin_unlock(&queue->lock);
	room = vfifo_position_room(ring, end, &turned);
	if (unlikely(turned))
		vfifo_notice_later(&ring->notice);
	if (vfifo_ring_state(ring, end) || !vfifo_ring_waits(ring, end))
		sleepers_wake_all(ring, end);
	else
		sleepers_wake(ring, end, room);
}

static void give_notice(struct work_struct *work)
{
	struct vfifo_ring *ring =
		container_of(work, struct vfifo_ring, notice.work.work);

	smp_mb(); /* [A]: pairs with [B] and [C], for what is no position */
	side_changed(ring, VFIFO_PRODUCER);
	side_changed(ring, VFIFO_CONSUMER);
	wake_pollers(ring, VFIFO_CONSUMER);
	wake_pollers(ring, VFIFO_PRODUCER);
}

/**
 * vfifo_ring_changed() - wake those that can go on after any change but a move
 * @ring: the ring; the caller holds no lock but that of a side, and may sleep
 *
 * All pollers get a notice, of which there are only so many a second, as it needs no
 * privilege to cause one.
 */
void vfifo_ring_changed(struct vfifo_ring *ring)
{
	smp_mb(); /* [A]: pairs with [B] and [C], for what is no position */
	side_changed(ring, VFIFO_PRODUCER);
	side_changed(ring, VFIFO_CONSUMER);
	vfifo_notice(&ring->notice);
}

/*
 * A file was closed, perhaps by a process that was killed when it had just been
 * woken as the only one of several; by now another one may have taken what it
 * was woken for, so the others poll again, whatever there is.
 */
void vfifo_ring_flush(struct vfifo_ring *ring)
{
	if (wq_has_sleeper(&vfifo_side(ring, VFIFO_CONSUMER)->pollers) ||
	    wq_has_sleeper(&vfifo_side(ring, VFIFO_PRODUCER)->pollers))
		vfifo_notice(&ring->notice);
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

/* Whether the file's claim of a side was revoked, and is mapped still. */
static bool was_revoked(struct vfifo_ring *ring, const struct file *file)
{
	return READ_ONCE(ring->sides[VFIFO_PRODUCER].revoked) == file ||
	       READ_ONCE(ring->sides[VFIFO_CONSUMER].revoked) == file;
}

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
	bool may[ARRAY_SIZE(vfifo_ways)] = {};
	bool ended, queued = false;
	__poll_t ready = 0;
	size_t i;

	/* One queue a direction, two at most: io_uring refuses a third. */
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		if (!(file->f_mode & vfifo_ways[i].mode) ||
		    !(wanted & vfifo_ways[i].events))
			continue;
		poll_wait(file, &vfifo_side(ring, vfifo_ways[i].end)->pollers,
			  wait);
		queued = true;
	}
	/* For the end and for errors, which everybody is woken for. */
	if (!queued)
		poll_wait(file, &vfifo_side(ring, VFIFO_CONSUMER)->pollers,
			  wait);

	/*
	 * [C]: pairs with [A] of a release, which clears the claim and then looks at
	 * the queue. (poll_wait() has no barrier when it is called for a poll that is
	 * queued already.)
	 */
	smp_mb();
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		const enum vfifo_end end = vfifo_ways[i].end;

		may[i] = (file->f_mode & vfifo_ways[i].mode) &&
			 may_use(vfifo_side(ring, end), file);
		if (may[i] && (wanted & vfifo_ways[i].events))
			atomic_or(vfifo_need[end].poll, need_of(ring));
	}
	smp_mb__after_atomic(); /* [C]: pairs with [A] of those who move */

	ended = !vfifo_ring_waits(ring, VFIFO_CONSUMER);
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		const enum vfifo_end end = vfifo_ways[i].end;
		const u32 threshold = poll_threshold(ring, end);

		if (vfifo_ring_room(ring, end) >= threshold && may[i])
			ready |= vfifo_ways[i].events;
	}
	if (READ_ONCE(ring->removed) || ended)
		ready |= EPOLLHUP;
	if (READ_ONCE(ring->broken) || was_revoked(ring, file))
		ready |= EPOLLERR;
	return ready;
}

static enum vfifo_async async_of(const struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE))
		return file->f_mode & FMODE_READ ? VFIFO_ASYNC_READ :
						   VFIFO_ASYNC_NEITHER;
	return file->f_mode & FMODE_READ ? VFIFO_ASYNC_BOTH : VFIFO_ASYNC_WRITE;
}

/**
 * vfifo_ring_fasync() - begin or end sending SIGIO for a file
 * @ring: the ring
 * @fd: as ->fasync gets it
 * @file: a file that can read hears of bytes to read, one that can write of space
 * @on: 0: end it
 *
 * The file is in one list, so that fasync_helper() alone keeps list and O_ASYNC in step
 * when several threads set and clear that.
 *
 * Return: as fasync_helper().
 */
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on)
{
	int ret = fasync_helper(fd, file, on, &ring->fasync[async_of(file)]);
	size_t i;

	if (ret <= 0 || !on)
		return ret;
	/* [D]: pairs with atomic_fetch_andnot() in wake_pollers() */
	smp_mb();
	/* The bits stay set from here on: see wake_pollers(). */
	for (i = 0; i < ARRAY_SIZE(vfifo_ways); i++) {
		if (file->f_mode & vfifo_ways[i].mode)
			atomic_or(vfifo_need[vfifo_ways[i].end].poll,
				  need_of(ring));
	}
	smp_mb__after_atomic(); /* [C]: pairs with [A] */
	return ret;
}

void vfifo_ring_waiting_init(struct vfifo_ring *ring)
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		vfifo_queue_init(queue_of(ring, end));
		init_waitqueue_head(&vfifo_side(ring, end)->pollers);
	}
	vfifo_notice_init(&ring->notice, give_notice);
}

/* Nobody waits any more, or can. */
void vfifo_ring_waiting_exit(struct vfifo_ring *ring)
{
	vfifo_notice_cancel(&ring->notice);
}

/* Tells clients, for good, that the device is gone. */
void vfifo_ring_waiting_end(struct vfifo_ring *ring)
{
	atomic_or(VFIFO_NEED_REMOVED, need_of(ring));
}
