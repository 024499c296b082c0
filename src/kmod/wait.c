// SPDX-License-Identifier: GPL-2.0
/*
 * wait.c - who sleeps on a ring, and what wakes them
 *
 * This is store buffering (two stores, then two loads the other way round), so each side of
 * it has a full barrier:
 *
 *	a task that moves a position	a task that waits for it
 *	----------------------------	------------------------
 *	store the position		queue itself, set its bit in `need`
 *	smp_mb()      [A]		smp_mb()      [B], [C]
 *	look at the bit			load the position once more
 *
 * At least one of the two sees the other's store. The task that moves is the kernel, or the
 * holder of a claim, which has the barrier in its own code. If the bit is set, the kernel looks
 * at the queues, and a holder calls VFIFO_KICK, which does.
 *
 * Sleepers are blocked read() and write() calls. Each has a need, one byte or the whole of an
 * atomic write, and is woken only when that many bytes are available. Only one sleeper is woken
 * at a time. A sleeper that was woken passes the wake-up on to the next one of its own side: when
 * it sleeps again, before it waits for anything else, and when it leaves. The sleepers' bit is
 * set exactly while more room can wake one of them, and `threshold` is the least room that does:
 * queue, bit and threshold change together under the queue's lock.
 *
 * The sleepers of a side are served in the order of their arrival. A sleeper keeps its place
 * from its first sleep until it has moved bytes, or leaves for any other reason. (A signal is
 * one: a restarted call comes last again, so a call that gets signals more often than there is
 * room for it is not served.) While the need of the first sleeper is not met, or while it was
 * woken and has not run yet, calls behind it may go on, but only VFIFO_OVERTAKES of them; then
 * they wait behind it. That needs no clock, and no two tasks can wait for each other for ever:
 * if the need of the first sleeper is not met, then free < need, so used > capacity - need. If
 * need + watermark <= capacity + 1, it follows that used >= watermark, so each task of the
 * other side can go on, by read() or after a poll(). If need + watermark is more than that, the
 * other side may poll for bytes that only a smaller call behind the first one can write, so
 * the first one is overtaken without bound. tests/model/order.pml checks all of that. Calls that
 * may not wait, and the holders of claims, do not look at the queue.
 *
 * Pollers are all woken, with no key, so that each polls again and looks for itself. Their bit
 * is one-shot: every poll sets it, ready or not, because an EPOLLET waiter does not poll again
 * until it has drained the FIFO. A move wakes pollers only while the bit is set; otherwise no
 * task has polled since the last wake-up. A wake-up first tests whether there is enough (a
 * holder does so before it kicks), then clears the bit and wakes the pollers unconditionally.
 * With O_ASYNC no task polls again, so the bit is set again at once. On a claimed side only
 * the file that made the claim is reported ready. The other files do not set the bit, and are
 * woken by the notice of the release.
 *
 * Other changes than moves (a claim, a release, a close, a switch of the mode) also wake all
 * pollers, but by a notice, whose rate is bounded: see notice.c.
 */
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "trace.h"
#include "wait.h"

/*
 * How often the first sleeper of a side is overtaken: by calls that go on while it sleeps,
 * and, once for each time that it is woken, by calls that leave too little for it.
 */
#define VFIFO_OVERTAKES 16

/* Wake-ups under one hold of a queue's lock. */
#define VFIFO_WAKES_MAX 64U

static struct vfifo_queue *queue_of(struct vfifo_ring *ring, enum vfifo_end end)
{
	return &vfifo_side(ring, end)->sleepers;
}

/* --- the order of sleepers ---------------------------------------------------------- */

/*
 * The first sleeper, if no call behind it may go on before it: it was overtaken
 * VFIFO_OVERTAKES times, and pollers of the other side can go on. See the head of this file.
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

/* The sleeper to wake when @room bytes are available; NULL: none. */
static struct vfifo_sleeper *next_to_wake(struct vfifo_ring *ring,
					  enum vfifo_end end, u32 room)
{
	struct vfifo_sleeper *next = must_be_next(ring, end);

	if (unlikely(next))
		return !next->woken && next->need <= room ? next : NULL;
	return vfifo_queue_find(queue_of(ring, end), room);
}

/* The least room for which next_to_wake() returns a sleeper. */
static u32 least_to_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_sleeper *next = must_be_next(ring, end);

	if (unlikely(next))
		return next->woken ? VFIFO_NO_NEED : next->need;
	return vfifo_queue_least(queue_of(ring, end));
}

/*
 * Brings queue->least, the threshold and the sleep bit of a side up to date. It is called when
 * the queue has changed, or the watermark or the capacity, on which the order depends. While
 * the bit is clear, the threshold has no meaning and is left as it is.
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
		atomic_andnot(vfifo_sleep_bit(end), vfifo_ring_need(ring));
		return;
	}
	/*
	 * No ordering against the bit is needed. A client loads the threshold after
	 * its barrier [A]. If it sees the old value, the new one was stored later, by a
	 * task that looks at the position after its own barrier and sees the client's
	 * move: a sleeper after [B], or wake_changed_sleepers().
	 */
	WRITE_ONCE(ring->status->threshold[end], least);
	if (before == VFIFO_NO_NEED)
		atomic_or(vfifo_sleep_bit(end), vfifo_ring_need(ring));
}

/* --- waking sleepers ---------------------------------------------------------------- */

/*
 * Called under the lock of @sleeper's queue. The sleeper takes that lock before it returns, so
 * its task stays valid.
 */
static void sleeper_wake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper, u32 room)
{
	vfifo_queue_set_woken(queue_of(ring, end), sleeper, true);
	if (!wake_up_process(sleeper->task))
		return; /* it did not sleep, so this does not count */
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
 * Wakes all sleepers, because none of them may sleep any longer. A sleeper that sleeps again
 * meanwhile has found out that it may.
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

/* --- sleeping ----------------------------------------------------------------------- */

/* The sleeper was woken, found too little, and sleeps again. */
static void sleeper_sleeps_again(struct vfifo_ring *ring, enum vfifo_end end,
				 struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);

	vfifo_queue_set_woken(queue, sleeper, false);
	if (vfifo_queue_first(queue) == sleeper)
		queue->overtaken++;
}

/*
 * Queues the call, in its old place if it has one, and marks it as sleeping.
 *
 * Return: whether it may go on as far as the order of the sleepers is concerned.
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
		sleeper_sleeps_again(ring, end, sleeper);
	sleepers_changed(ring, end);
	next = must_be_next(ring, end);
	set_current_state(TASK_INTERRUPTIBLE); /* [B]: has a full barrier */
	spin_unlock(&queue->lock);
	return !next || next == sleeper;
}

/* Marks the call as awake, so that no wake-up is spent on it. It keeps its place. */
static void sleeper_get_up(struct vfifo_ring *ring, enum vfifo_end end,
			   struct vfifo_sleeper *sleeper)
{
	struct vfifo_queue *queue = queue_of(ring, end);

	__set_current_state(TASK_RUNNING);
	if (READ_ONCE(sleeper->woken))
		return; /* only the call itself clears it */
	spin_lock(&queue->lock);
	if (!sleeper->woken) {
		vfifo_queue_set_woken(queue, sleeper, true);
		sleepers_changed(ring, end);
	}
	spin_unlock(&queue->lock);
}

/**
 * vfifo_ring_overtake() - find out whether a blocking call may go on before the first sleeper
 * @ring: the ring
 * @end: the side of the call
 * @sleeper: the call
 *
 * Counts it if so. There is no need to ask when no call sleeps.
 *
 * Context: Process context, under the side's lock.
 * Return: true: it may, or it is the first sleeper; false: it has to wait behind that.
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

/* The capacity can have shrunk since the call has computed its need, or the framing changed. */
static bool never_met(struct vfifo_ring *ring, u32 need,
		      enum vfifo_framing framing)
{
	return need > READ_ONCE(ring->buffer.capacity) ||
	       framing != READ_ONCE(ring->framing);
}

/**
 * vfifo_ring_wait() - sleep until a side can go on
 * @ring: the ring
 * @end: the side of the call
 * @sleeper: the call: not queued, or as this function has left it before
 * @need: available bytes to wait for
 * @framing: the framing that @need was computed for
 *
 * Returns early if vfifo_side_state() reports an error, if the calls of the side do not wait any
 * more: see vfifo_side_waits(), if @need is more than the capacity, or if the framing is not
 * @framing. There may be fewer bytes again when the caller has taken the lock. Then the caller
 * calls vfifo_ring_pass_on(), as it has used the only wake-up, and this function again. The call
 * has a place in the queue from here on, so the caller calls vfifo_ring_leave() and then
 * vfifo_ring_pass_on() when it has moved bytes, before it waits for anything but the side's
 * lock, and before it returns.
 *
 * Context: Process context. Sleeps. The caller holds no lock.
 * Return: 0: the caller looks again; -ERESTARTSYS: a signal is pending. The call is queued in
 * both cases.
 */
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end,
		    struct vfifo_sleeper *sleeper, u32 need,
		    enum vfifo_framing framing)
{
	int err = 0;

	if (!sleeper->queued) {
		sleeper->task = current;
		sleeper->need = need;
	}
	do {
		bool may = sleeper_enter(ring, end, sleeper);

		if (!vfifo_side_waits(ring, end) ||
		    (vfifo_side_sync(ring, end) >= need && may) ||
		    vfifo_side_state(ring, end) ||
		    never_met(ring, need, framing))
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
 * vfifo_ring_leave() - give up a call's place in the queue
 * @ring: the ring
 * @end: the side of the call
 * @sleeper: the call, which is queued
 *
 * After this vfifo_ring_pass_on() is due.
 *
 * Context: Process context. Takes the queue's lock.
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
 * vfifo_ring_pass_on() - wake the next sleeper of the caller's own side
 * @ring: the ring
 * @end: the side
 *
 * For a caller that stops waiting and may have used the only wake-up. The next sleeper is
 * woken only if the room that is left meets its need.
 *
 * Context: Process context. The caller holds no lock.
 */
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end)
{
	smp_mb(); /* [A]: pairs with [B] in sleeper_enter() */
	if (READ_ONCE(queue_of(ring, end)->least) != VFIFO_NO_NEED)
		sleepers_wake(ring, end, vfifo_side_room(ring, end));
}

/* --- pollers and O_ASYNC ------------------------------------------------------------ */

/* What the open mode of a file allows, and what poll(2) calls it. */
static const struct {
	fmode_t mode;
	__poll_t events;
} vfifo_ways[] = {
	[VFIFO_PRODUCER] = { FMODE_WRITE, EPOLLOUT | EPOLLWRNORM },
	[VFIFO_CONSUMER] = { FMODE_READ, EPOLLIN | EPOLLRDNORM },
};

/*
 * The list of files with O_ASYNC for an open mode. A file is in one list only, so that
 * fasync_helper() alone keeps list and O_ASYNC in step when several threads set and clear
 * O_ASYNC.
 */
static struct fasync_struct **async_list(struct vfifo_ring *ring, fmode_t mode)
{
	const fmode_t both = FMODE_READ | FMODE_WRITE;

	return &ring->fasync[(__force unsigned int)(mode & both)];
}

static bool has_async(struct vfifo_ring *ring, enum vfifo_end end)
{
	return READ_ONCE(*async_list(ring, vfifo_ways[end].mode)) ||
	       READ_ONCE(*async_list(ring, FMODE_READ | FMODE_WRITE));
}

static void signal_async(struct vfifo_ring *ring, enum vfifo_end end)
{
	const int band = end == VFIFO_CONSUMER ? POLL_IN : POLL_OUT;

	kill_fasync(async_list(ring, vfifo_ways[end].mode), SIGIO, band);
	kill_fasync(async_list(ring, FMODE_READ | FMODE_WRITE), SIGIO, band);
}

/* The function of a bookmark, which wakes no task. */
static int wake_nobody(struct wait_queue_entry *entry, unsigned int mode,
		       int flags, void *key)
{
	return 0;
}

/*
 * As wake_up_all(), but at most VFIFO_WAKES_MAX under one hold of the lock. A bookmark keeps
 * the place in between. Pollers that come meanwhile, behind @last, look for themselves.
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
		/* Before the call, which may take the entry off the queue. */
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
 * Wakes the pollers of a side. A caller with a condition tests it before: once the bit is
 * cleared, the pollers have to be woken.
 */
static void wake_pollers(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct wait_queue_head *pollers = &vfifo_side(ring, end)->pollers;
	const u32 bit = vfifo_poll_bit(end);
	bool async;

	/*
	 * Fully ordered: a poller that is woken sees what moved before. [D]: pairs with the
	 * barrier in vfifo_ring_fasync(): if this clears the bit that was set there, the
	 * next line sees the entry that was added before.
	 */
	atomic_fetch_andnot(bit, vfifo_ring_need(ring));
	async = has_async(ring, end);
	if (async)
		atomic_fetch_or(bit, vfifo_ring_need(ring));
	/* The operation on the bit orders this with the poller's: see above. */
	if (!async && !waitqueue_active(pollers))
		return;
	atomic64_inc(&ring->wakeups);
	pollers_wake(pollers);
	if (async)
		signal_async(ring, end);
}

/*
 * The number of bytes from which poll(2) reports a side. When the side does not wait, the
 * watermark does not apply: it would leave the last bytes of a stream unread.
 */
static u32 poll_threshold(struct vfifo_ring *ring, enum vfifo_end end)
{
	if (vfifo_side_waits(ring, end))
		return READ_ONCE(vfifo_side(ring, end)->watermark);
	return end == VFIFO_PRODUCER ? 0 : 1;
}

/* Whether a poller waits for a side. Called after a full barrier. */
static bool poll_bit(struct vfifo_ring *ring, enum vfifo_end end)
{
	return atomic_read(vfifo_ring_need(ring)) & vfifo_poll_bit(end);
}

/* Whether poll(2) reports a side to a file: when claimed, only to the claim's file. */
static bool may_use(struct vfifo_side *side, const struct file *file)
{
	/* Acquire: as in vfifo_side_claimed(). */
	const struct file *claimant = smp_load_acquire(&side->claimant);

	return !claimant || claimant == file;
}

static bool holds(struct vfifo_side *side, const struct file *file)
{
	return READ_ONCE(side->claimant) == file;
}

/* Whether a claim that was made by the file was revoked and is still mapped. */
static bool was_revoked(struct vfifo_ring *ring, const struct file *file)
{
	return READ_ONCE(ring->sides[VFIFO_PRODUCER].revoked) == file ||
	       READ_ONCE(ring->sides[VFIFO_CONSUMER].revoked) == file;
}

/*
 * Whether an invalid record concerns a poller. write() does not fail for that, nor does it stop the
 * holder of the producer side: its file is open for reading as well, as a claim needs that.
 */
static bool reads_records(struct vfifo_ring *ring, const struct file *file,
			  __poll_t wanted)
{
	return (file->f_mode & FMODE_READ) &&
	       (!holds(vfifo_side(ring, VFIFO_PRODUCER), file) ||
		(wanted & vfifo_ways[VFIFO_CONSUMER].events));
}

/**
 * vfifo_ring_poll() - report what a file can do, and queue it for what it cannot do yet
 * @ring: the ring
 * @file: the file; only the directions that it is open for count
 * @wait: the argument of ->poll
 *
 * Context: Process context. May sleep.
 * Return: EPOLLIN, EPOLLOUT: enough bytes are stored, or free; EPOLLHUP: the device was
 * removed, or the stream has ended; EPOLLERR: the ring is broken, the file's claim was revoked, or
 * a read() of the file would find no valid record (the holder of the producer side has to ask for
 * EPOLLIN).
 */
__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait)
{
	const __poll_t wanted = poll_requested_events(wait);
	bool may[ARRAY_SIZE(vfifo_ways)] = {};
	bool ended, queued = false;
	__poll_t ready = 0;
	int end;

	/*
	 * One queue for each direction, so two at most: io_uring refuses a third. Also those of
	 * events that are not wanted: epoll queues a file once, and can want others later.
	 */
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (!(file->f_mode & vfifo_ways[end].mode))
			continue;
		poll_wait(file, &vfifo_side(ring, end)->pollers, wait);
		queued = true;
	}
	/* A file without a direction: for the end and for errors, which wake all pollers. */
	if (!queued)
		poll_wait(file, &vfifo_side(ring, VFIFO_CONSUMER)->pollers,
			  wait);

	/*
	 * [C]: pairs with [A] of a release, which clears the claim and then looks at the
	 * queue. (poll_wait() has no barrier for a poller that is queued already.)
	 */
	smp_mb();
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		may[end] = (file->f_mode & vfifo_ways[end].mode) &&
			   may_use(vfifo_side(ring, end), file);
		if (may[end] && (wanted & vfifo_ways[end].events))
			atomic_or(vfifo_poll_bit(end), vfifo_ring_need(ring));
	}
	smp_mb__after_atomic(); /* [C]: pairs with [A] of a move */

	ended = !vfifo_side_waits(ring, VFIFO_CONSUMER);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		const u32 threshold = poll_threshold(ring, end);

		if (vfifo_side_sync(ring, end) >= threshold && may[end])
			ready |= vfifo_ways[end].events;
	}
	if (READ_ONCE(ring->removed) || ended)
		ready |= EPOLLHUP;
	if (READ_ONCE(ring->broken) || was_revoked(ring, file))
		ready |= EPOLLERR;
	if (READ_ONCE(ring->bad_record) && reads_records(ring, file, wanted))
		ready |= EPOLLERR;
	return ready;
}

/**
 * vfifo_ring_fasync() - start or stop sending SIGIO for a file
 * @ring: the ring
 * @fd: the argument of ->fasync
 * @file: the file: a reader gets SIGIO for stored bytes, a writer for free ones
 * @on: 0: stop
 *
 * Context: Process context. May sleep.
 * Return: as fasync_helper(): 0: unchanged; 1: added or removed; -ENOMEM.
 */
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on)
{
	int ret = fasync_helper(fd, file, on, async_list(ring, file->f_mode));
	int end;

	if (ret <= 0 || !on)
		return ret;
	/* [D]: pairs with atomic_fetch_andnot() in wake_pollers() */
	smp_mb();
	/* The bits stay set from here on: see wake_pollers(). */
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (file->f_mode & vfifo_ways[end].mode)
			atomic_or(vfifo_poll_bit(end), vfifo_ring_need(ring));
	}
	smp_mb__after_atomic(); /* [C]: pairs with [A] */
	return ret;
}

/* --- what wakes --------------------------------------------------------------------- */

/**
 * vfifo_ring_wake_waiters() - wake the waiters that can go on, where there may be some
 * @ring: the ring
 * @end: the side whose position moved; its peer is woken
 *
 * The second half of vfifo_ring_wake(), whose barrier [A] comes between the move and this.
 *
 * Context: Process context. May sleep. The caller holds no lock.
 */
void vfifo_ring_wake_waiters(struct vfifo_ring *ring, enum vfifo_end end)
{
	const enum vfifo_end peer = vfifo_peer(end);
	/* First, so that bytes produced just before the end of file are not missed. */
	const u32 threshold = poll_threshold(ring, peer);
	const u32 room = vfifo_side_room(ring, peer);

	sleepers_wake(ring, peer, room);
	if (room >= threshold && poll_bit(ring, peer))
		wake_pollers(ring, peer);
}

/* Wakes the waiters of one side for a kick by @file. */
static void side_kick(struct vfifo_ring *ring, enum vfifo_end end,
		      const struct file *file)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	struct vfifo_side *peer = vfifo_side(ring, vfifo_peer(end));

	if (holds(peer, file)) {
		/*
		 * The holder tested the watermark before it called VFIFO_KICK, so wake the
		 * pollers without testing again. The bytes may be gone by now, but if the
		 * bit stayed set the holder would call again at every move.
		 */
		sleepers_wake(ring, end, vfifo_side_sync(ring, end));
		if (poll_bit(ring, end))
			wake_pollers(ring, end);
	} else if (holds(side, file)) {
		/*
		 * The holder of this side runs, so its poll is over. The bit that the poll
		 * has left would cost the holder of the other side a call.
		 */
		if (poll_bit(ring, end) && !waitqueue_active(&side->pollers) &&
		    !has_async(ring, end))
			wake_pollers(ring, end);
	} else {
		/* Any process may call this, so pollers get a notice. */
		sleepers_wake(ring, end, vfifo_side_sync(ring, end));
		if (vfifo_side_claimed(peer))
			vfifo_notice(&ring->notice);
	}
}

/**
 * vfifo_ring_kick() - do what vfifo_ring_wake() does, for the holder of a claim
 * @ring: the ring
 * @file: the file of the caller; if it holds a side, that side may have moved
 *
 * Context: Process context. May sleep. The caller holds no lock.
 */
void vfifo_ring_kick(struct vfifo_ring *ring, const struct file *file)
{
	atomic64_inc(&ring->kicks);
	trace_vfifo_kick(ring->number, atomic_read(vfifo_ring_need(ring)));
	/* [A]: as in vfifo_ring_wake(), for a client that left out its barrier. */
	smp_mb();
	side_kick(ring, VFIFO_PRODUCER, file);
	side_kick(ring, VFIFO_CONSUMER, file);
}

/* Wakes the sleepers of a side that can go on after a change that is no move. */
static void wake_changed_sleepers(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_queue *queue = queue_of(ring, end);
	u32 room;

	if (!READ_ONCE(queue->count))
		return;
	/* The order depends on the watermark and on the capacity. */
	spin_lock(&queue->lock);
	sleepers_changed(ring, end);
	spin_unlock(&queue->lock);
	/*
	 * [E]: the new `least` and threshold before the position: this task looks on behalf of
	 * the sleepers, as each of them does after [B]. Pairs with [A]: a task that moves
	 * and finds the old values is seen here.
	 */
	smp_mb();
	room = vfifo_side_room(ring, end);
	if (vfifo_side_state(ring, end) || !vfifo_side_waits(ring, end))
		sleepers_wake_all(ring, end);
	else
		sleepers_wake(ring, end, room);
}

/* Wakes all waiters that can go on: what a notice does. */
static void give_notice(struct work_struct *work)
{
	struct vfifo_ring *ring =
		container_of(work, struct vfifo_ring, notice.work.work);

	smp_mb(); /* [A]: pairs with [B] and [C], for a change that is no move */
	wake_changed_sleepers(ring, VFIFO_PRODUCER);
	wake_changed_sleepers(ring, VFIFO_CONSUMER);
	wake_pollers(ring, VFIFO_CONSUMER);
	wake_pollers(ring, VFIFO_PRODUCER);
}

/**
 * vfifo_ring_changed() - wake the waiters that can go on after a change that is no move
 * @ring: the ring
 *
 * Sleepers that can go on are woken at once. Pollers get a notice, whose rate is bounded, as
 * no privilege is needed to cause one.
 *
 * Context: Process context. May sleep. The caller holds at most the locks of the sides.
 */
void vfifo_ring_changed(struct vfifo_ring *ring)
{
	if (vfifo_notice(&ring->notice))
		return; /* give_notice() has woken sleepers as well */
	smp_mb();	/* [A]: pairs with [B], for a change that is no move */
	wake_changed_sleepers(ring, VFIFO_PRODUCER);
	wake_changed_sleepers(ring, VFIFO_CONSUMER);
}

/**
 * vfifo_ring_wake_sleepers() - have each call that sleeps look again
 * @ring: the ring, whose capacity or framing changed, so that a call can need more than there is
 *
 * Only root causes such a change.
 *
 * Context: Process context. May sleep. The caller holds no lock.
 */
void vfifo_ring_wake_sleepers(struct vfifo_ring *ring)
{
	smp_mb(); /* [A]: pairs with [B], for a change that is no move */
	sleepers_wake_all(ring, VFIFO_PRODUCER);
	sleepers_wake_all(ring, VFIFO_CONSUMER);
}

/**
 * vfifo_ring_released() - wake the waiters that can go on after the end of a claim
 * @ring: the ring
 * @end: the side that was claimed
 * @moved: whether its position has moved by that
 *
 * Context: As vfifo_ring_changed(), with no lock held.
 */
void vfifo_ring_released(struct vfifo_ring *ring, enum vfifo_end end,
			 bool moved)
{
	if (moved)
		vfifo_ring_wake(ring, end);
	vfifo_ring_changed(ring);
}

/**
 * vfifo_ring_flush() - wake all pollers when a file is closed
 * @ring: the ring
 *
 * The file may have been closed because its process was killed, just after that had been
 * woken as the only one of several (EPOLLEXCLUSIVE). Another process may have taken the bytes
 * of that wake-up by now, so the pollers are woken whatever is available.
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_flush(struct vfifo_ring *ring)
{
	if (wq_has_sleeper(&vfifo_side(ring, VFIFO_CONSUMER)->pollers) ||
	    wq_has_sleeper(&vfifo_side(ring, VFIFO_PRODUCER)->pollers))
		vfifo_notice(&ring->notice);
}

/* --- lifetime ----------------------------------------------------------------------- */

/**
 * vfifo_ring_waiting_init() - prepare a ring for waiters
 * @ring: the ring
 */
void vfifo_ring_waiting_init(struct vfifo_ring *ring)
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		vfifo_queue_init(queue_of(ring, end));
		init_waitqueue_head(&vfifo_side(ring, end)->pollers);
	}
	vfifo_notice_init(&ring->notice, give_notice);
}

/**
 * vfifo_ring_waiting_end() - report to clients, for good, that the device was removed
 * @ring: the ring
 *
 * Context: Any.
 */
void vfifo_ring_waiting_end(struct vfifo_ring *ring)
{
	atomic_or(VFIFO_NEED_REMOVED, vfifo_ring_need(ring));
}

/**
 * vfifo_ring_waiting_exit() - undo vfifo_ring_waiting_init()
 * @ring: the ring, on which no task waits any more
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_waiting_exit(struct vfifo_ring *ring)
{
	vfifo_notice_cancel(&ring->notice);
}
