// SPDX-License-Identifier: GPL-2.0
/*
 * ring.c - what the faces do to a ring: move bytes, change it, end it
 *
 * Each side has a position, a free-running u32, and a lock. Who holds the lock of
 * the producer side may fill the bytes from `in` up to `out` + capacity, who holds
 * that of the consumer side may take those from `out` up to `in`: the two never
 * touch the same byte, so they run at the same time. A side moves its position
 * with a store-release after its copy, and loads the other's with an acquire
 * before its copy. A side that is claimed is its holder's to move, by the same
 * rules, and nobody else's; its lock still guards that it is.
 */
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "ring.h"
#include "trace.h"

/* Bytes to move, or to zero, before others get the processor. */
#define VFIFO_PIECE ((u32)SZ_1M)

static int side_init(struct vfifo_side *side, u32 watermark)
{
	side->watermark = watermark;
	side->page = vfifo_page_alloc();
	return side->page ? 0 : -ENOMEM;
}

static int status_init(struct vfifo_ring *ring)
{
	ring->status = vfifo_page_alloc();
	if (!ring->status)
		return -ENOMEM;
	*ring->status = (struct vfifo_status){
		.magic = VFIFO_MAGIC,
		.abi = VFIFO_ABI,
		.capacity = ring->buffer.capacity,
		.watermark = {
			ring->sides[VFIFO_PRODUCER].watermark,
			ring->sides[VFIFO_CONSUMER].watermark,
		},
	};
	return 0;
}

/**
 * vfifo_ring_init() - make an empty ring
 * @ring: zeroed memory
 * @number: of its vfifo, for messages
 * @capacity: as vfifo_capacity_for() gives it
 *
 * Return: 0, or -ENOMEM, -EINTR with nothing to be destroyed.
 */
int vfifo_ring_init(struct vfifo_ring *ring, int number, u32 capacity)
{
	struct vfifo_side *producer = vfifo_side(ring, VFIFO_PRODUCER);
	struct vfifo_side *consumer = vfifo_side(ring, VFIFO_CONSUMER);
	int err;

	ring->number = number;
	/* Two calls, two lock classes. */
	mutex_init(&producer->lock);
	mutex_init(&consumer->lock);
	spin_lock_init(&ring->positions_lock);
	vfifo_ring_waiting_init(ring);
	atomic_set(&ring->mappings, 0);

	err = vfifo_buffer_alloc(&ring->buffer, capacity);
	if (err)
		return err;
	/* So that an atomic write succeeds when poll(2) says so. */
	err = side_init(producer, PIPE_BUF);
	if (err)
		goto err_buffer;
	err = side_init(consumer, 1);
	if (err)
		goto err_producer;
	err = status_init(ring);
	if (err)
		goto err_consumer;
	return 0;

err_consumer:
	vfifo_page_free(consumer->page);
err_producer:
	vfifo_page_free(producer->page);
err_buffer:
	vfifo_buffer_free(&ring->buffer);
	return err;
}

/* Nobody has it open, mapped or in sight any more. */
void vfifo_ring_destroy(struct vfifo_ring *ring)
{
	struct vfifo_side *producer = vfifo_side(ring, VFIFO_PRODUCER);
	struct vfifo_side *consumer = vfifo_side(ring, VFIFO_CONSUMER);

	vfifo_ring_waiting_exit(ring);
	vfifo_page_free(ring->status);
	vfifo_page_free(consumer->page);
	vfifo_page_free(producer->page);
	vfifo_buffer_free(&ring->buffer);
	mutex_destroy(&consumer->lock);
	mutex_destroy(&producer->lock);
}

/* Bytes stored: true of a moment. A query: it changes nothing. */
u32 vfifo_ring_used(struct vfifo_ring *ring)
{
	return vfifo_position_used(ring);
}

u32 vfifo_ring_capacity(struct vfifo_ring *ring)
{
	return READ_ONCE(ring->buffer.capacity);
}

/* -ERESTARTSYS: a signal came first. */
int vfifo_ring_lock(struct vfifo_ring *ring, enum vfifo_end end)
{
	return mutex_lock_interruptible(&vfifo_side(ring, end)->lock) ?
		       -ERESTARTSYS :
		       0;
}

bool vfifo_ring_trylock(struct vfifo_ring *ring, enum vfifo_end end)
{
	return mutex_trylock(&vfifo_side(ring, end)->lock);
}

void vfifo_ring_unlock(struct vfifo_ring *ring, enum vfifo_end end)
{
	mutex_unlock(&vfifo_side(ring, end)->lock);
}

/**
 * vfifo_ring_available() - bytes that a side may take, or fill
 * @ring: the ring
 * @end: the side, whose lock is held
 *
 * The one look at the other side's position for an operation.
 *
 * Return: how many; -ENODEV, -EBUSY, -EIO as vfifo_ring_state().
 */
int vfifo_ring_available(struct vfifo_ring *ring, enum vfifo_end end)
{
	u32 room;
	int err;

	lockdep_assert_held(&vfifo_side(ring, end)->lock);
	room = vfifo_ring_room(ring, end);
	err = vfifo_ring_state(ring, end);
	return err ?: room;
}

/* Where a side's available bytes begin; they are contiguous. */
void *vfifo_ring_at(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

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
	vfifo_position_move(ring, end, n);
}

/* Counts a call that moves bytes, once, under the lock of its side. */
void vfifo_ring_count_call(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&side->lock);
	atomic64_set(&side->calls, atomic64_read(&side->calls) + 1);
}

/* Counts bytes that found no space. */
void vfifo_ring_dropped(struct vfifo_ring *ring, u64 n)
{
	atomic64_add(n, &ring->dropped);
}

static int lock_consumer(struct vfifo_ring *ring, bool nowait)
{
	if (!nowait)
		return vfifo_ring_lock(ring, VFIFO_CONSUMER);
	return vfifo_ring_trylock(ring, VFIFO_CONSUMER) ? 0 : -EAGAIN;
}

/**
 * vfifo_ring_make_room() - drop the oldest bytes, so that new ones find space
 * @ring: the ring, whose producer side's lock is held
 * @n: how many new ones
 * @nowait: rather fail than wait for the lock of the other side
 *
 * As far as that can be: only what is stored, and nothing while the consumer side is
 * claimed, as its position is its holder's. What comes of it vfifo_ring_available()
 * tells.
 *
 * Return: 0; -EAGAIN: @nowait, and the lock is in use; -ERESTARTSYS: a signal.
 */
int vfifo_ring_make_room(struct vfifo_ring *ring, u32 n, bool nowait)
{
	u32 space;
	int stored;
	int err;

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	space = vfifo_ring_room(ring, VFIFO_PRODUCER);
	if (space >= n)
		return 0;
	err = lock_consumer(ring, nowait);
	if (err)
		return err;
	/* It may have moved until here. */
	space = vfifo_ring_room(ring, VFIFO_PRODUCER);
	stored = vfifo_ring_available(ring, VFIFO_CONSUMER);
	if (space < n && stored > 0) {
		u32 oldest = min_t(u32, n - space, stored);

		vfifo_ring_commit(ring, VFIFO_CONSUMER, oldest);
		vfifo_ring_dropped(ring, oldest);
	}
	vfifo_ring_unlock(ring, VFIFO_CONSUMER);
	return 0;
}

/* In pieces, as half a gigabyte takes a while and others want the processor. */
static void wipe(void *at, u32 n)
{
	while (n) {
		u32 piece = min(n, VFIFO_PIECE);

		memset(at, 0, piece);
		at += piece;
		n -= piece;
		cond_resched();
	}
}

/**
 * vfifo_ring_scrub() - zero what was taken
 * @ring: the ring, whose consumer side's lock is held
 * @at: what vfifo_ring_at() gave
 * @n: bytes, before vfifo_ring_commit() hands them back
 */
void vfifo_ring_scrub(struct vfifo_ring *ring, void *at, u32 n)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	wipe(at, n);
}

/**
 * vfifo_ring_clear() - drop what is stored
 * @ring: the ring
 *
 * The bytes are zeroed, so that who maps the buffer later does not find them; but not
 * while it is mapped, as a mapping may have been made to change them in place. (No mapping
 * of the data begins while the lock of the consumer side is held.)
 *
 * Return: 0; with nothing dropped, -ERESTARTSYS: a signal came first, and what
 * vfifo_ring_available() says.
 */
int vfifo_ring_clear(struct vfifo_ring *ring)
{
	int stored;
	int err = vfifo_ring_lock(ring, VFIFO_CONSUMER);

	if (err)
		return err;
	stored = vfifo_ring_available(ring, VFIFO_CONSUMER);
	if (stored > 0) {
		if (!atomic_read(&ring->mappings))
			wipe(vfifo_ring_at(ring, VFIFO_CONSUMER), stored);
		vfifo_ring_commit(ring, VFIFO_CONSUMER, stored);
	}
	vfifo_ring_unlock(ring, VFIFO_CONSUMER);
	if (stored < 0)
		return stored;

	vfifo_position_changed(ring);
	if (stored)
		vfifo_ring_wake(ring, VFIFO_CONSUMER);
	return 0;
}

/*
 * Brings the stored bytes over to where their positions are in the new buffer.
 * In pieces, as half a gigabyte takes a while and others want the processor.
 */
static void ring_move(struct vfifo_ring *ring, struct vfifo_buffer *to)
{
	const struct vfifo_buffer *from = &ring->buffer;
	u32 at = vfifo_side(ring, VFIFO_CONSUMER)->position;
	u32 left = vfifo_ring_used(ring);

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	lockdep_assert_held(&vfifo_side(ring, VFIFO_CONSUMER)->lock);

	while (left) {
		u32 n = min(left, VFIFO_PIECE);

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

/*
 * More than that, and both sides could poll for ever: not enough stored for the one,
 * not enough free for the other.
 */
static bool watermarks_fit(u32 one, u32 other, u32 capacity)
{
	return (u64)one + other <= (u64)capacity + 1;
}

/* 1: yes; 0: it is so. Stable only under both locks; without them, a good guess. */
static int ring_may_resize(struct vfifo_ring *ring, u32 capacity)
{
	if (capacity == vfifo_ring_capacity(ring))
		return 0;
	if (atomic_read(&ring->mappings) || vfifo_ring_used(ring) > capacity)
		return -EBUSY;
	if (!watermarks_fit(READ_ONCE(ring->sides[VFIFO_PRODUCER].watermark),
			    READ_ONCE(ring->sides[VFIFO_CONSUMER].watermark),
			    capacity))
		return -EINVAL;
	return 1;
}

static void ring_exchange(struct vfifo_ring *ring, struct vfifo_buffer *buffer)
{
	struct vfifo_buffer *at = &ring->buffer;
	struct vfifo_buffer old = *at;

	at->data = buffer->data;
	at->pages = buffer->pages;
	at->nr_pages = buffer->nr_pages;
	WRITE_ONCE(at->capacity, buffer->capacity); /* some look with no lock */
	WRITE_ONCE(ring->status->capacity, buffer->capacity);
	*buffer = old;
}

/**
 * vfifo_ring_resize() - another capacity, with the same bytes stored
 * @ring: the ring
 * @capacity: as vfifo_capacity_for() gives it
 *
 * Return: 1: done; 0: it was so; with nothing changed, -EBUSY: mapped, or more is
 * stored than would fit; -EINVAL: too small for the watermarks; -ENOMEM;
 * -ERESTARTSYS, -EINTR: a signal.
 */
int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity)
{
	struct vfifo_buffer buffer;
	int err;

	err = ring_may_resize(ring, capacity);
	if (err <= 0)
		return err;
	/* Before the locks, so that nobody waits for the allocator. */
	err = vfifo_buffer_alloc(&buffer, capacity);
	if (err)
		return err;

	err = ring_lock_both(ring);
	if (err)
		goto err_free;
	err = ring_may_resize(ring, capacity);
	if (err <= 0)
		goto err_unlock;
	trace_vfifo_resize(ring->number, ring->buffer.capacity, capacity);
	ring_move(ring, &buffer);
	ring_exchange(ring, &buffer);
	ring_unlock_both(ring);

	vfifo_position_changed(ring);
	vfifo_ring_changed(ring);
	vfifo_buffer_free(&buffer);
	return 1;

err_unlock:
	ring_unlock_both(ring);
err_free:
	vfifo_buffer_free(&buffer);
	return err;
}

/**
 * vfifo_ring_set_watermark() - from how many bytes on poll(2) reports a side
 * @ring: the ring
 * @end: the side
 * @watermark: bytes
 *
 * Return: 0; -EINVAL: none, or the two are too much: see watermarks_fit();
 * -ERESTARTSYS: a signal.
 */
int vfifo_ring_set_watermark(struct vfifo_ring *ring, enum vfifo_end end,
			     u32 watermark)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	u32 other;
	int err;

	/* One lock for both watermarks; vfifo_ring_resize() holds both. */
	err = vfifo_ring_lock(ring, VFIFO_PRODUCER);
	if (err)
		return err;
	other = vfifo_side(ring, vfifo_peer(end))->watermark;
	if (watermark &&
	    watermarks_fit(watermark, other, ring->buffer.capacity)) {
		WRITE_ONCE(side->watermark, watermark);
		WRITE_ONCE(ring->status->watermark[end], watermark);
	} else {
		err = -EINVAL;
	}
	vfifo_ring_unlock(ring, VFIFO_PRODUCER);
	if (err)
		return err;

	vfifo_ring_changed(ring);
	return 0;
}

/**
 * vfifo_ring_set_overflow() - what a producer does where there is no space
 * @ring: the ring
 * @overflow: which
 */
void vfifo_ring_set_overflow(struct vfifo_ring *ring,
			     enum vfifo_overflow overflow)
{
	WRITE_ONCE(ring->overflow, overflow);
	vfifo_ring_changed(ring);
}

/* Whether a read finds the end where nobody is left who could produce. */
void vfifo_ring_set_eof(struct vfifo_ring *ring, bool eof)
{
	vfifo_position_set_eof(ring, eof);
	vfifo_ring_changed(ring);
}

/* Whether what read(2) took is zeroed in the buffer. */
void vfifo_ring_set_scrub(struct vfifo_ring *ring, bool scrub)
{
	WRITE_ONCE(ring->scrub, scrub);
}

/* A file that can write is somebody who could produce. */
void vfifo_ring_open(struct vfifo_ring *ring, fmode_t mode)
{
	if (mode & FMODE_WRITE)
		vfifo_position_writers(ring, 1);
}

void vfifo_ring_close(struct vfifo_ring *ring, fmode_t mode)
{
	if ((mode & FMODE_WRITE) && vfifo_position_writers(ring, -1))
		vfifo_ring_changed(ring);
}

/* What has gone on so far. A query: it changes nothing. */
void vfifo_ring_counts(struct vfifo_ring *ring, struct vfifo_counts *counts)
{
	int end;

	vfifo_position_counts(ring, counts->bytes);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		struct vfifo_side *side = vfifo_side(ring, end);

		counts->calls[end] = atomic64_read(&side->calls);
	}
	counts->dropped = atomic64_read(&ring->dropped);
	counts->kicks = atomic64_read(&ring->kicks);
	counts->wakeups = atomic64_read(&ring->wakeups);
}

/* Return: 0; -ERESTARTSYS: a signal, and nothing changed. */
int vfifo_ring_reset_counts(struct vfifo_ring *ring)
{
	int err = ring_lock_both(ring);

	if (err)
		return err;
	vfifo_position_reset_counts(ring);
	atomic64_set(&ring->dropped, 0);
	atomic64_set(&ring->kicks, 0);
	atomic64_set(&ring->wakeups, 0);
	ring_unlock_both(ring);
	return 0;
}

/* From here on all calls fail, those that sleep included, and clients are told. */
void vfifo_ring_remove(struct vfifo_ring *ring)
{
	WRITE_ONCE(ring->removed, true);
	vfifo_position_changed(ring);
	/* After the flag that says why: see show_flags() in position.c. */
	smp_wmb();
	vfifo_ring_waiting_end(ring);
	vfifo_ring_changed(ring);
}
