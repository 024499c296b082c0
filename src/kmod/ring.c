// SPDX-License-Identifier: GPL-2.0
/*
 * ring.c - the buffer, its two sides, and who sleeps on them
 *
 * Moving bytes. Each side has a position, a free-running u32, and a lock. Who
 * holds the lock of the producer side may fill the bytes from `in` up to `out` +
 * capacity, who holds that of the consumer side may take those from `out` up to
 * `in`: the two never touch the same byte, so they run at the same time. A side
 * moves its position with a store-release after its copy, and loads the other's
 * with an acquire before its copy.
 *
 * Waking. This is store-buffering (two stores, then two loads the other way
 * round), so a full barrier stands on both sides:
 *
 *	who moves a position		who waits for it
 *	--------------------		----------------
 *	store position			queue itself
 *	smp_mb()      [A]		smp_mb()      [B], [C]
 *	look who is queued		load the position once more
 *
 * At least one of them sees the other. A sleeper (a blocked read() or write())
 * has a need of its own, one byte or the whole of an atomic write, and is woken
 * only where that is met; only one is woken at a time, so a sleeper that was
 * woken passes it on to the next of its own side whose need is met still: when
 * it has to sleep on, before it waits for anything else, and when it leaves.
 * Pollers are all woken, with no key, so that each
 * polls again and sees for itself.
 */
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "compat.h"
#include "ring.h"

/* poll(2) reports a side from this many available bytes on. */
static const u32 vfifo_watermark[] = {
	[VFIFO_PRODUCER] = PIPE_BUF, /* so that an atomic write then succeeds */
	[VFIFO_CONSUMER] = 1,
};

/* A blocked read() or write(), on its side's queue of sleepers. */
struct vfifo_sleeper {
	struct wait_queue_entry wait;
	struct vfifo_ring *ring;
	enum vfifo_end end;
	u32 need;
};

static struct vfifo_side *side_of(struct vfifo_ring *ring, enum vfifo_end end)
{
	return &ring->sides[end];
}

static enum vfifo_end peer_of(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

/*
 * The buffer: its pages appear twice in one mapping,
 *
 *	data                    data + capacity         data + 2 * capacity
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *	|  0  |  1  | .. | n-1 |  0  |  1  | .. | n-1 |
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *
 * so no span of up to capacity bytes ever wraps. Order-0 pages, as each is
 * handed to user space alone, zeroed as somebody's secrets were there before.
 */
static void buffer_free(struct vfifo_buffer *buffer)
{
	unsigned int i;

	vunmap(buffer->data);
	for (i = 0; i < buffer->nr_pages; i++)
		put_page(buffer->pages[i]);
	kvfree(buffer->pages);
}

/* -ENOMEM, or -EINTR for whoever was killed meanwhile. */
static int buffer_alloc(struct vfifo_buffer *buffer, u32 capacity)
{
	/* Rather fail than have the OOM killer make room. */
	const gfp_t gfp = __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	const unsigned int n = capacity >> PAGE_SHIFT;
	int err = -ENOMEM;

	*buffer = (struct vfifo_buffer){ .capacity = capacity };
	buffer->pages = kvmalloc_array(2 * (size_t)n, sizeof(*buffer->pages),
				       GFP_KERNEL_ACCOUNT | gfp);
	if (!buffer->pages)
		return err;

	for (; buffer->nr_pages < n; buffer->nr_pages++) {
		struct page *page;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_free;
		}
		page = alloc_page(VFIFO_GFP_PAGES | gfp | __GFP_HIGHMEM |
				  __GFP_ZERO);
		if (!page)
			goto err_free;
		buffer->pages[buffer->nr_pages] = page;
		buffer->pages[buffer->nr_pages + n] = page;
		cond_resched();
	}

	buffer->data = vmap(buffer->pages, 2 * n, VM_MAP, PAGE_KERNEL);
	if (!buffer->data)
		goto err_free;
	return 0;

err_free:
	buffer_free(buffer);
	return err;
}

static void side_init(struct vfifo_side *side)
{
	init_waitqueue_head(&side->sleepers);
	init_waitqueue_head(&side->pollers);
}

/**
 * vfifo_ring_init() - make an empty ring
 * @ring: zeroed memory
 * @capacity: as vfifo_capacity_for() gives it
 */
int vfifo_ring_init(struct vfifo_ring *ring, u32 capacity)
{
	struct vfifo_side *producer = side_of(ring, VFIFO_PRODUCER);
	struct vfifo_side *consumer = side_of(ring, VFIFO_CONSUMER);

	side_init(producer);
	side_init(consumer);
	/* Two calls, two lock classes. */
	mutex_init(&producer->lock);
	mutex_init(&consumer->lock);
	atomic_set(&ring->mappings, 0);
	return buffer_alloc(&ring->buffer, capacity);
}

/* Nobody has it open, mapped or in sight any more. */
void vfifo_ring_destroy(struct vfifo_ring *ring)
{
	buffer_free(&ring->buffer);
	mutex_destroy(&side_of(ring, VFIFO_CONSUMER)->lock);
	mutex_destroy(&side_of(ring, VFIFO_PRODUCER)->lock);
}

/* Bytes stored: true of a moment, where both sides keep still meanwhile. */
u32 vfifo_ring_used(struct vfifo_ring *ring)
{
	/*
	 * Acquire: `in` is loaded after `out`, so their difference is never
	 * negative; it may count what came and went in between.
	 */
	u32 out = smp_load_acquire(&side_of(ring, VFIFO_CONSUMER)->position);
	u32 in = READ_ONCE(side_of(ring, VFIFO_PRODUCER)->position);

	return min(vfifo_used(in, out), vfifo_ring_capacity(ring));
}

u32 vfifo_ring_capacity(struct vfifo_ring *ring)
{
	return READ_ONCE(ring->buffer.capacity);
}

/* -ERESTARTSYS: a signal came first. */
int vfifo_ring_lock(struct vfifo_ring *ring, enum vfifo_end end)
{
	return mutex_lock_interruptible(&side_of(ring, end)->lock) ?
		       -ERESTARTSYS :
		       0;
}

bool vfifo_ring_trylock(struct vfifo_ring *ring, enum vfifo_end end)
{
	return mutex_trylock(&side_of(ring, end)->lock);
}

void vfifo_ring_unlock(struct vfifo_ring *ring, enum vfifo_end end)
{
	mutex_unlock(&side_of(ring, end)->lock);
}

/*
 * Its own position is loaded first: where that is moving, what comes out is too
 * much rather than too little. Whoever was woken for it finds out and passes the
 * wake-up on.
 */
static u32 side_available(struct vfifo_ring *ring, enum vfifo_end end)
{
	/* Acquire: only to come before the next load. */
	u32 own = smp_load_acquire(&side_of(ring, end)->position);
	/*
	 * Acquire: pairs with the release in vfifo_ring_commit(). The peer has
	 * copied before we touch the bytes.
	 */
	u32 peer = smp_load_acquire(&side_of(ring, peer_of(end))->position);

	if (end == VFIFO_CONSUMER)
		return vfifo_used(peer, own);
	return vfifo_free(vfifo_ring_capacity(ring), own, peer);
}

/**
 * vfifo_ring_available() - bytes that a side may take, or fill
 * @ring: the ring
 * @end: the side, whose lock is held
 *
 * The one look at the other side's position for an operation.
 */
u32 vfifo_ring_available(struct vfifo_ring *ring, enum vfifo_end end)
{
	lockdep_assert_held(&side_of(ring, end)->lock);
	return side_available(ring, end);
}

/* Where a side's available bytes begin; they are contiguous. */
void *vfifo_ring_at(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = side_of(ring, end);

	lockdep_assert_held(&side->lock);
	return ring->buffer.data +
	       vfifo_offset(ring->buffer.capacity, side->position);
}

/**
 * vfifo_ring_commit() - hand the next bytes over to the other side
 * @ring: the ring
 * @end: the side that is done with them, whose lock is held
 * @n: how many, at most those available
 *
 * After the unlock, vfifo_ring_wake() is due.
 */
void vfifo_ring_commit(struct vfifo_ring *ring, enum vfifo_end end, u32 n)
{
	struct vfifo_side *side = side_of(ring, end);

	lockdep_assert_held(&side->lock);
	/* Release: pairs with the acquire in side_available(). */
	smp_store_release(&side->position, side->position + n);
}

/**
 * vfifo_ring_copy_in() - produce bytes of the kernel's own, all or none
 * @ring: the ring
 * @bytes: the bytes
 * @n: how many
 *
 * Does not wait for a reader. Return: false if they do not fit.
 */
bool vfifo_ring_copy_in(struct vfifo_ring *ring, const void *bytes, u32 n)
{
	struct vfifo_side *side = side_of(ring, VFIFO_PRODUCER);
	bool fits;

	mutex_lock(&side->lock);
	fits = vfifo_ring_available(ring, VFIFO_PRODUCER) >= n;
	if (fits) {
		memcpy(vfifo_ring_at(ring, VFIFO_PRODUCER), bytes, n);
		vfifo_ring_commit(ring, VFIFO_PRODUCER, n);
	}
	mutex_unlock(&side->lock);

	if (fits)
		vfifo_ring_wake(ring, VFIFO_PRODUCER);
	return fits;
}

/*
 * Called under the queue's lock by whoever wakes. Dequeues as it wakes, so that
 * the next wake-up goes to the next one. 0: this one cannot go on, try another.
 */
static int sleeper_wake(struct wait_queue_entry *wait, unsigned int mode,
			int flags, void *key)
{
	struct vfifo_sleeper *sleeper =
		container_of(wait, struct vfifo_sleeper, wait);

	if (side_available(sleeper->ring, sleeper->end) < sleeper->need)
		return 0;
	return autoremove_wake_function(wait, mode, flags, key);
}

/* Only after a full barrier since the position moved. */
static void side_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = side_of(ring, end);

	if (waitqueue_active(&side->sleepers))
		wake_up_interruptible(&side->sleepers);
	if (side_available(ring, end) < vfifo_watermark[end])
		return;
	if (waitqueue_active(&side->pollers))
		wake_up_all(&side->pollers);
	if (READ_ONCE(side->fasync))
		kill_fasync(&side->fasync, SIGIO,
			    end == VFIFO_CONSUMER ? POLL_IN : POLL_OUT);
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
	struct vfifo_side *side = side_of(ring, end);

	smp_mb(); /* [A]: pairs with [B] in vfifo_ring_wait() */
	if (waitqueue_active(&side->sleepers))
		wake_up_interruptible(&side->sleepers);
}

/**
 * vfifo_ring_wake() - wake whoever can go on after a vfifo_ring_commit()
 * @ring: the ring
 * @end: the side whose position moved; the caller holds no lock
 */
void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end)
{
	smp_mb(); /* [A]: pairs with [B] in vfifo_ring_wait(), [C] in _poll() */
	side_wake(ring, peer_of(end));
}

/* What changed may matter to anyone. */
static void ring_wake_all(struct vfifo_ring *ring)
{
	vfifo_ring_wake(ring, VFIFO_PRODUCER);
	vfifo_ring_wake(ring, VFIFO_CONSUMER);
}

/**
 * vfifo_ring_wait() - sleep until a side can go on
 * @ring: the ring
 * @end: the side of the caller, who holds no lock
 * @need: available bytes to wait for, at most the capacity
 *
 * There may be less again by the time that the caller has taken the lock.
 * Whoever called this calls vfifo_ring_pass_on() when it leaves, however.
 *
 * Return: 0, or -ERESTARTSYS for a signal.
 */
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end, u32 need)
{
	struct vfifo_side *side = side_of(ring, end);
	struct vfifo_sleeper sleeper = {
		.ring = ring,
		.end = end,
		.need = need,
	};
	bool woken = false;
	int err = 0;

	init_wait(&sleeper.wait);
	sleeper.wait.func = sleeper_wake;
	for (;;) {
		/*
		 * [B]: it sets the task's state with a full barrier, after it
		 * has queued; pairs with [A].
		 */
		prepare_to_wait_exclusive(&side->sleepers, &sleeper.wait,
					  TASK_INTERRUPTIBLE);
		if (side_available(ring, end) >= need)
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
		schedule();
		woken = true;
	}
	finish_wait(&side->sleepers, &sleeper.wait);
	return err;
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
	static const struct {
		enum vfifo_end end;
		fmode_t mode;
		__poll_t events;
	} ways[] = {
		{ VFIFO_CONSUMER, FMODE_READ, EPOLLIN | EPOLLRDNORM },
		{ VFIFO_PRODUCER, FMODE_WRITE, EPOLLOUT | EPOLLWRNORM },
	};
	const __poll_t wanted = poll_requested_events(wait);
	__poll_t ready = 0;
	size_t i;

	/* One queue a direction, two at most: io_uring refuses a third. */
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if ((file->f_mode & ways[i].mode) && (wanted & ways[i].events))
			poll_wait(file, &side_of(ring, ways[i].end)->pollers,
				  wait);
	}

	/*
	 * [C]: pairs with [A]. poll_wait() has no barrier when it is called for
	 * a poll that is queued already.
	 */
	smp_mb();

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		const enum vfifo_end end = ways[i].end;

		if ((file->f_mode & ways[i].mode) &&
		    side_available(ring, end) >= vfifo_watermark[end])
			ready |= ways[i].events;
	}
	return ready;
}

/* Drops what is stored. -ERESTARTSYS: a signal came first, nothing dropped. */
int vfifo_ring_clear(struct vfifo_ring *ring)
{
	int err = vfifo_ring_lock(ring, VFIFO_CONSUMER);

	if (err)
		return err;
	vfifo_ring_commit(ring, VFIFO_CONSUMER,
			  vfifo_ring_available(ring, VFIFO_CONSUMER));
	vfifo_ring_unlock(ring, VFIFO_CONSUMER);

	vfifo_ring_wake(ring, VFIFO_CONSUMER);
	return 0;
}

/*
 * Brings the stored bytes over to where their positions are in the new buffer.
 * In pieces, as half a gigabyte takes a while and others want the processor.
 */
static void ring_move(struct vfifo_ring *ring, struct vfifo_buffer *to)
{
	const u32 piece = 1U << 20;
	const struct vfifo_buffer *from = &ring->buffer;
	u32 at = side_of(ring, VFIFO_CONSUMER)->position;
	u32 left = side_available(ring, VFIFO_CONSUMER);

	lockdep_assert_held(&side_of(ring, VFIFO_PRODUCER)->lock);
	lockdep_assert_held(&side_of(ring, VFIFO_CONSUMER)->lock);

	while (left) {
		u32 n = min(left, piece);

		memcpy(to->data + vfifo_offset(to->capacity, at),
		       from->data + vfifo_offset(from->capacity, at), n);
		at += n;
		left -= n;
		cond_resched();
	}
}

static int ring_lock_both(struct vfifo_ring *ring)
{
	int err = vfifo_ring_lock(ring, VFIFO_PRODUCER);

	if (err)
		return err;
	err = vfifo_ring_lock(ring, VFIFO_CONSUMER);
	if (err)
		vfifo_ring_unlock(ring, VFIFO_PRODUCER);
	return err;
}

static void ring_unlock_both(struct vfifo_ring *ring)
{
	vfifo_ring_unlock(ring, VFIFO_CONSUMER);
	vfifo_ring_unlock(ring, VFIFO_PRODUCER);
}

/* Stable only under both locks; without them, a good guess. */
static int ring_may_resize(struct vfifo_ring *ring, u32 capacity)
{
	if (atomic_read(&ring->mappings) || vfifo_ring_used(ring) > capacity)
		return -EBUSY;
	return 0;
}

static void ring_exchange(struct vfifo_ring *ring, struct vfifo_buffer *buffer)
{
	struct vfifo_buffer *at = &ring->buffer;
	struct vfifo_buffer old = *at;

	at->data = buffer->data;
	at->pages = buffer->pages;
	at->nr_pages = buffer->nr_pages;
	WRITE_ONCE(at->capacity, buffer->capacity); /* some look with no lock */
	*buffer = old;
}

/**
 * vfifo_ring_resize() - another capacity, with the same bytes stored
 * @ring: the ring
 * @capacity: as vfifo_capacity_for() gives it
 *
 * Return: 0; -EBUSY: mapped, or more is stored than would fit; -ENOMEM;
 * -ERESTARTSYS, -EINTR: a signal. Nothing has changed unless 0.
 */
int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity)
{
	struct vfifo_buffer buffer;
	int err;

	if (capacity == vfifo_ring_capacity(ring))
		return 0;
	err = ring_may_resize(ring, capacity);
	if (err)
		return err;
	/* Before the locks, so that nobody waits for the allocator. */
	err = buffer_alloc(&buffer, capacity);
	if (err)
		return err;

	err = ring_lock_both(ring);
	if (err)
		goto err_free;
	err = ring_may_resize(ring, capacity);
	if (err)
		goto err_unlock;
	ring_move(ring, &buffer);
	ring_exchange(ring, &buffer);
	ring_unlock_both(ring);

	ring_wake_all(ring);
	buffer_free(&buffer);
	return 0;

err_unlock:
	ring_unlock_both(ring);
err_free:
	buffer_free(&buffer);
	return err;
}

/**
 * vfifo_ring_map() - count a new mapping, which pins the buffer
 * @ring: the ring
 * @first: its first page, out of twice the buffer
 * @pages: how many pages
 *
 * Called with the mmap_lock held. That is allowed, as nobody faults on user
 * memory while it holds a side's lock.
 *
 * Return: 0; -EINVAL: beyond the second appearance of the buffer; -EINTR: killed
 * (mmap(2) knows no other interruption).
 */
int vfifo_ring_map(struct vfifo_ring *ring, pgoff_t first, unsigned long pages)
{
	struct vfifo_side *side = side_of(ring, VFIFO_CONSUMER);
	unsigned long end;
	int err;

	/* Either side's lock keeps vfifo_ring_resize() out. */
	err = mutex_lock_killable(&side->lock);
	if (err)
		return err;
	end = 2UL * ring->buffer.nr_pages;
	if (first < end && pages <= end - first)
		atomic_inc(&ring->mappings);
	else
		err = -EINVAL;
	mutex_unlock(&side->lock);
	return err;
}

/* One more of a mapping that is there already (fork, or split in two). */
void vfifo_ring_map_again(struct vfifo_ring *ring)
{
	atomic_inc(&ring->mappings);
}

void vfifo_ring_unmap(struct vfifo_ring *ring)
{
	atomic_dec(&ring->mappings);
}

/* The page at @index of a mapping that exists, or NULL. */
struct page *vfifo_ring_page(struct vfifo_ring *ring, pgoff_t index)
{
	const struct vfifo_buffer *buffer = &ring->buffer;

	return index < 2UL * buffer->nr_pages ? buffer->pages[index] : NULL;
}
