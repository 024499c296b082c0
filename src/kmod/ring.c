// SPDX-License-Identifier: GPL-2.0
/*
 * ring.c - the lifetime and the settings of a ring
 *
 * Also what drops stored bytes: VFIFO_CLEAR, and a write(2) with overflow=overwrite.
 */
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <vfifo_ring.h>

#include "record.h"
#include "ring.h"
#include "trace.h"
#include "wait.h"

/* Bytes to copy, or to zero, before other tasks get the processor. */
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
		.features = VFIFO_HAS_MEMORY | VFIFO_HAS_RECORDS |
			    (IS_ENABLED(CONFIG_DMA_SHARED_BUFFER) ?
				     VFIFO_HAS_EXPORT :
				     0),
		.memory = ring->buffer.pages.memory,
		.watermark = {
			ring->sides[VFIFO_PRODUCER].watermark,
			ring->sides[VFIFO_CONSUMER].watermark,
		},
	};
	return 0;
}

/**
 * vfifo_ring_init() - make an empty ring
 * @ring: zeroed memory; on failure there is nothing to destroy
 * @number: the number of the device, for trace events
 * @capacity: bytes, as vfifo_capacity_for() returns them
 * @memory: the kind of memory of the data
 *
 * Context: Process context. May sleep.
 * Return: 0; -EOPNOTSUPP: the machine does not have this kind of memory; -ENOMEM; -EINTR: the
 * caller was killed.
 */
int vfifo_ring_init(struct vfifo_ring *ring, int number, u32 capacity,
		    enum vfifo_memory memory)
{
	struct vfifo_side *producer = vfifo_side(ring, VFIFO_PRODUCER);
	struct vfifo_side *consumer = vfifo_side(ring, VFIFO_CONSUMER);
	int err;

	ring->number = number;
	mutex_init(&ring->buffer_lock);
	/* Two calls, so that lockdep has two classes. */
	mutex_init(&producer->lock);
	mutex_init(&consumer->lock);
	spin_lock_init(&ring->positions_lock);
	vfifo_ring_waiting_init(ring);
	atomic_set(&ring->mappings, 0);

	err = vfifo_buffer_alloc(&ring->buffer, capacity, memory);
	if (err)
		return err;
	/* So that an atomic write succeeds when poll(2) reports space. */
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

/**
 * vfifo_ring_remove() - make all calls fail, those that sleep included
 * @ring: the ring
 *
 * Clients see it in the status page. Mappings stay valid memory.
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_remove(struct vfifo_ring *ring)
{
	WRITE_ONCE(ring->removed, true);
	spin_lock(&ring->positions_lock);
	vfifo_side_next_generation(ring);
	spin_unlock(&ring->positions_lock);
	/* VFIFO_REMOVED before the bit in `need` that makes a client look for it. */
	smp_wmb();
	vfifo_ring_waiting_end(ring);
	vfifo_ring_changed(ring);
}

/**
 * vfifo_ring_destroy() - undo vfifo_ring_init()
 * @ring: the ring, which no file and no mapping uses any more
 *
 * Context: Process context. May sleep.
 */
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
	mutex_destroy(&ring->buffer_lock);
}

/* --- who could produce -------------------------------------------------------------- */

/**
 * vfifo_ring_open() - count a file that could produce
 * @ring: the ring
 * @mode: of the file
 *
 * Context: Process context. Takes positions_lock.
 */
void vfifo_ring_open(struct vfifo_ring *ring, fmode_t mode)
{
	if (!(mode & FMODE_WRITE))
		return;
	spin_lock(&ring->positions_lock);
	ring->writers++;
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

/**
 * vfifo_ring_close() - undo vfifo_ring_open()
 * @ring: the ring
 * @mode: of the file, as when it was opened
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_close(struct vfifo_ring *ring, fmode_t mode)
{
	bool ended;

	if (!(mode & FMODE_WRITE))
		return;
	spin_lock(&ring->positions_lock);
	ring->writers--;
	vfifo_side_show_flags(ring);
	ended = ring->ended;
	spin_unlock(&ring->positions_lock);
	if (ended)
		vfifo_ring_changed(ring);
}

/**
 * vfifo_ring_end() - have the present stream end when no producer is left
 * @ring: the ring
 *
 * Holds until bytes are produced again, by write(2), by a claim or by the generator.
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_end(struct vfifo_ring *ring)
{
	spin_lock(&ring->positions_lock);
	WRITE_ONCE(ring->closing, true);
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_ring_changed(ring);
}

/* --- dropping bytes ----------------------------------------------------------------- */

static int lock_consumer(struct vfifo_ring *ring, bool nowait)
{
	if (!nowait)
		return vfifo_side_lock_interruptible(ring, VFIFO_CONSUMER);
	return vfifo_side_trylock(ring, VFIFO_CONSUMER) ? 0 : -EAGAIN;
}

static void drop_oldest(struct vfifo_ring *ring, u32 least, u32 stored)
{
	const u32 n = min(least, stored);

	if (ring->framing == VFIFO_RECORDS) {
		vfifo_record_drop_oldest(ring, least, stored);
		return;
	}
	vfifo_side_commit(ring, VFIFO_CONSUMER, n);
	atomic64_add(n, &ring->dropped);
}

/**
 * vfifo_ring_make_room() - drop the oldest bytes to make space for new ones
 * @ring: the ring
 * @n: the number of new bytes, with header and padding if it is a record
 * @nowait: fail rather than wait for the lock of the consumer side
 *
 * Best effort. Records are dropped as a whole. If @n is more than the capacity, all stored bytes
 * are dropped. None is dropped while the consumer side is claimed, because only its holder may
 * move that position, or while the ring is broken or removed. None of this is an error: call
 * vfifo_side_available() for the producer side afterwards. Producers that wait for space can
 * exist although `overflow` was VFIFO_OVERWRITE for the caller: it may have changed since.
 *
 * Context: Process context, under the producer side's lock. May sleep.
 * Return: 1: bytes were dropped, and vfifo_ring_wake() of the consumer side is due when the lock is
 * released; 0: none was, also if there is too little space; -EAGAIN: @nowait is set and the lock is
 * in use; -ERESTARTSYS: a signal.
 */
int vfifo_ring_make_room(struct vfifo_ring *ring, u32 n, bool nowait)
{
	int stored, err, dropped = 0;
	u32 space;

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	if (vfifo_side_room(ring, VFIFO_PRODUCER) >= n)
		return 0;
	err = lock_consumer(ring, nowait);
	if (err)
		return err;
	/* The consumer may have made room meanwhile. */
	space = vfifo_side_room(ring, VFIFO_PRODUCER);
	stored = vfifo_side_available(ring, VFIFO_CONSUMER);
	if (space < n && stored > 0) {
		drop_oldest(ring, n - space, stored);
		dropped = 1;
	}
	vfifo_side_unlock(ring, VFIFO_CONSUMER);
	return dropped;
}

/* In pieces, as half a gigabyte takes a while and other tasks want the processor. */
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
 * vfifo_ring_scrub() - zero bytes that were read
 * @ring: the ring
 * @at: their address: what vfifo_side_at() returned
 * @n: their number, before vfifo_side_commit() hands them back
 *
 * Context: Process context, under the consumer side's lock. May sleep.
 */
void vfifo_ring_scrub(struct vfifo_ring *ring, void *at, u32 n)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	wipe(at, n);
}

/**
 * vfifo_ring_clear() - drop all stored bytes
 * @ring: the ring
 *
 * Zeroes the bytes, so that a process that maps the buffer later does not find them. If there
 * is a mapping the bytes stay, as it may be there to change them in place. (No mapping of the
 * data begins while the consumer side's lock is held.)
 *
 * Context: Process context. May sleep.
 * Return: 0; nothing is dropped on failure: -ERESTARTSYS: a signal; -ENODEV: the device was
 * removed; -EBUSY: the consumer side is claimed; -EIO: the ring is broken.
 */
int vfifo_ring_clear(struct vfifo_ring *ring)
{
	int stored;
	int err = vfifo_side_lock_interruptible(ring, VFIFO_CONSUMER);

	if (err)
		return err;
	stored = vfifo_side_available(ring, VFIFO_CONSUMER);
	if (stored > 0) {
		if (!atomic_read(&ring->mappings))
			wipe(vfifo_side_at(ring, VFIFO_CONSUMER), stored);
		vfifo_side_bad_record(ring, false);
		vfifo_side_commit(ring, VFIFO_CONSUMER, stored);
	}
	vfifo_side_unlock(ring, VFIFO_CONSUMER);
	if (stored < 0)
		return stored;

	spin_lock(&ring->positions_lock);
	vfifo_side_next_generation(ring);
	spin_unlock(&ring->positions_lock);
	if (stored)
		vfifo_ring_wake(ring, VFIFO_CONSUMER);
	return 0;
}

/* --- settings ----------------------------------------------------------------------- */

static int lock_both(struct vfifo_ring *ring)
{
	int err = vfifo_side_lock_interruptible(ring, VFIFO_PRODUCER);

	if (err)
		return err;
	err = vfifo_side_lock_interruptible(ring, VFIFO_CONSUMER);
	if (err)
		vfifo_side_unlock(ring, VFIFO_PRODUCER);
	return err;
}

static void unlock_both(struct vfifo_ring *ring)
{
	vfifo_side_unlock(ring, VFIFO_CONSUMER);
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
}

/* Copies the stored bytes to where their positions are in the new buffer. */
static void copy_stored(struct vfifo_ring *ring, struct vfifo_buffer *to)
{
	const struct vfifo_buffer *from = &ring->buffer;
	u32 at = vfifo_side(ring, VFIFO_CONSUMER)->position;
	u32 left = vfifo_side_room(ring, VFIFO_CONSUMER);

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

/*
 * With larger watermarks pollers of both sides could wait for ever: not enough stored for
 * the one, not enough free for the other.
 */
static bool watermarks_fit(u32 one, u32 other, u32 capacity)
{
	return (u64)one + other <= (u64)capacity + 1;
}

/*
 * Return: 1 if the buffer may be replaced, 0 if it is as wanted, -EBUSY or -EINVAL if it may
 * not. Authoritative with both side locks held, otherwise only a hint.
 */
static int may_replace(struct vfifo_ring *ring, u32 capacity,
		       enum vfifo_memory memory)
{
	lockdep_assert_held(&ring->buffer_lock);
	if (capacity == ring->buffer.capacity &&
	    memory == ring->buffer.pages.memory)
		return 0;
	if (atomic_read(&ring->mappings) ||
	    vfifo_side_room(ring, VFIFO_CONSUMER) > capacity)
		return -EBUSY;
	if (!watermarks_fit(READ_ONCE(ring->sides[VFIFO_PRODUCER].watermark),
			    READ_ONCE(ring->sides[VFIFO_CONSUMER].watermark),
			    capacity))
		return -EINVAL;
	return 1;
}

static void exchange_buffer(struct vfifo_ring *ring,
			    struct vfifo_buffer *buffer)
{
	struct vfifo_buffer *at = &ring->buffer;
	struct vfifo_buffer old = *at;

	at->data = buffer->data;
	at->pages.n = buffer->pages.n;
	at->pages.huge = buffer->pages.huge;
	at->pages.page = buffer->pages.page;
	at->pages.piece = buffer->pages.piece;
	at->pages.dma = buffer->pages.dma;
	/* These two are read without a lock. */
	WRITE_ONCE(at->pages.memory, buffer->pages.memory);
	WRITE_ONCE(at->capacity, buffer->capacity);
	WRITE_ONCE(ring->status->memory, buffer->pages.memory);
	WRITE_ONCE(ring->status->capacity, buffer->capacity);
	*buffer = old;
}

/* After a change of what a call may move at once. Each call that sleeps looks again. */
static void next_setting(struct vfifo_ring *ring)
{
	spin_lock(&ring->positions_lock);
	vfifo_side_next_generation(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_ring_changed(ring);
	vfifo_ring_wake_sleepers(ring);
}

/* Return: as vfifo_ring_resize(). */
static int replace_buffer(struct vfifo_ring *ring, u32 capacity,
			  enum vfifo_memory memory)
{
	struct vfifo_buffer buffer;
	int err;

	err = may_replace(ring, capacity, memory);
	if (err <= 0)
		return err;
	/* Before the locks of the sides, so that no call waits for the allocator. */
	err = vfifo_buffer_alloc(&buffer, capacity, memory);
	if (err)
		return err;

	err = lock_both(ring);
	if (err)
		goto err_free;
	err = may_replace(ring, capacity, memory);
	if (err <= 0)
		goto err_unlock;
	trace_vfifo_resize(ring->number, ring->buffer.capacity, capacity);
	copy_stored(ring, &buffer);
	exchange_buffer(ring, &buffer);
	unlock_both(ring);

	next_setting(ring);
	vfifo_buffer_free(&buffer);
	return 1;

err_unlock:
	unlock_both(ring);
err_free:
	vfifo_buffer_free(&buffer);
	return err;
}

/**
 * vfifo_ring_resize() - change the capacity and keep the stored bytes
 * @ring: the ring
 * @capacity: bytes, as vfifo_capacity_for() returns them
 *
 * Context: Process context. May sleep. Takes buffer_lock and both side locks.
 * Return: 1: changed; 0: unchanged, as the capacity is @capacity. Nothing changes on failure:
 * -EBUSY: the ring is mapped, or more bytes are stored; -EINVAL: too small for the watermarks;
 * -ENOMEM; -ERESTARTSYS, -EINTR: a signal.
 */
int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity)
{
	int ret;

	if (mutex_lock_interruptible(&ring->buffer_lock))
		return -ERESTARTSYS;
	ret = replace_buffer(ring, capacity, ring->buffer.pages.memory);
	mutex_unlock(&ring->buffer_lock);
	return ret;
}

/**
 * vfifo_ring_set_memory() - change the kind of memory and keep the stored bytes
 * @ring: the ring
 * @memory: the kind
 *
 * Context: Process context. May sleep. Takes buffer_lock and both side locks.
 * Return: 1: changed; 0: unchanged, as the ring has that kind. Nothing changes on failure:
 * -EOPNOTSUPP: the machine does not have this kind; -EBUSY: the ring is mapped; -ENOMEM: no
 * memory, or no block of that size; -ERESTARTSYS, -EINTR: a signal.
 */
int vfifo_ring_set_memory(struct vfifo_ring *ring, enum vfifo_memory memory)
{
	int ret;

	if (!vfifo_memory_supported(memory))
		return -EOPNOTSUPP;
	if (mutex_lock_interruptible(&ring->buffer_lock))
		return -ERESTARTSYS;
	ret = replace_buffer(ring, ring->buffer.capacity, memory);
	mutex_unlock(&ring->buffer_lock);
	return ret;
}

/* Under both side locks. Return: 1: changed; 0: it is the framing in force; or -EBUSY. */
static int change_framing(struct vfifo_ring *ring, enum vfifo_framing framing)
{
	if (framing == ring->framing)
		return 0;
	if (atomic_read(&ring->mappings) ||
	    vfifo_side_room(ring, VFIFO_CONSUMER))
		return -EBUSY;
	if (framing == VFIFO_RECORDS)
		vfifo_side_align(ring);
	WRITE_ONCE(ring->framing, framing);
	WRITE_ONCE(ring->status->framing, framing);
	return 1;
}

/**
 * vfifo_ring_set_framing() - set whether messages are kept apart
 * @ring: the ring
 * @framing: as bytes, or as records
 *
 * Context: Process context. May sleep. Takes both side locks.
 * Return: 1: changed; 0: unchanged, as the framing is @framing. Nothing changes on failure: -EBUSY:
 * the ring is mapped, or bytes are stored; -ERESTARTSYS: a signal.
 */
int vfifo_ring_set_framing(struct vfifo_ring *ring, enum vfifo_framing framing)
{
	int ret = lock_both(ring);

	if (ret)
		return ret;
	ret = change_framing(ring, framing);
	unlock_both(ring);
	if (ret > 0)
		next_setting(ring);
	return ret;
}

/**
 * vfifo_ring_set_watermark() - set the number of bytes from which poll(2) reports a side
 * @ring: the ring
 * @end: the side
 * @watermark: bytes
 *
 * Context: Process context. May sleep. Takes the producer side's lock.
 * Return: 0; -EINVAL: 0 bytes, or together with the other watermark more than the capacity
 * and 1; -ERESTARTSYS: a signal.
 */
int vfifo_ring_set_watermark(struct vfifo_ring *ring, enum vfifo_end end,
			     u32 watermark)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	u32 other;
	int err;

	/* One lock for both watermarks; vfifo_ring_resize() holds both locks. */
	err = vfifo_side_lock_interruptible(ring, VFIFO_PRODUCER);
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
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
	if (err)
		return err;

	vfifo_ring_changed(ring);
	return 0;
}

/**
 * vfifo_ring_set_overflow() - set what a producer does when there is no space
 * @ring: the ring
 * @overflow: wait, drop the new bytes, or drop the oldest
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_set_overflow(struct vfifo_ring *ring,
			     enum vfifo_overflow overflow)
{
	WRITE_ONCE(ring->overflow, overflow);
	vfifo_ring_changed(ring);
}

/**
 * vfifo_ring_set_eof() - set whether a stream ends when no producer is left
 * @ring: the ring
 * @eof: whether it does
 *
 * Context: Process context. May sleep.
 */
void vfifo_ring_set_eof(struct vfifo_ring *ring, bool eof)
{
	spin_lock(&ring->positions_lock);
	WRITE_ONCE(ring->eof, eof);
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_ring_changed(ring);
}

/* --- counters ----------------------------------------------------------------------- */

/**
 * vfifo_ring_counts() - read the counters
 * @ring: the ring
 * @counts: filled in
 *
 * A query.
 *
 * Context: Process context. Takes positions_lock.
 */
void vfifo_ring_counts(struct vfifo_ring *ring, struct vfifo_counts *counts)
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		counts->bytes[end] = vfifo_side_bytes(ring, end);
		counts->calls[end] =
			atomic64_read(&vfifo_side(ring, end)->calls);
	}
	counts->dropped = atomic64_read(&ring->dropped);
	counts->dropped_records = atomic64_read(&ring->dropped_records);
	counts->kicks = atomic64_read(&ring->kicks);
	counts->wakeups = atomic64_read(&ring->wakeups);
}

/**
 * vfifo_ring_reset_counts() - set the counters to 0
 * @ring: the ring
 *
 * Context: Process context. May sleep. Takes both side locks.
 * Return: 0; -ERESTARTSYS: a signal, and nothing changed.
 */
int vfifo_ring_reset_counts(struct vfifo_ring *ring)
{
	int end, err = lock_both(ring);

	if (err)
		return err;
	/* What the holders have moved by now belongs to the old counts. */
	vfifo_side_sync(ring, VFIFO_CONSUMER);
	spin_lock(&ring->positions_lock);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		atomic64_set(&vfifo_side(ring, end)->bytes, 0);
		atomic64_set(&vfifo_side(ring, end)->calls, 0);
	}
	spin_unlock(&ring->positions_lock);
	atomic64_set(&ring->dropped, 0);
	atomic64_set(&ring->dropped_records, 0);
	atomic64_set(&ring->kicks, 0);
	atomic64_set(&ring->wakeups, 0);
	unlock_both(ring);
	return 0;
}
