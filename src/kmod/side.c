// SPDX-License-Identifier: GPL-2.0
/*
 * side.c - the two sides of a ring: their positions, and what is believed of them
 *
 * Each side has a position, a free-running u32, and a lock. The task that holds the lock of
 * the producer side may fill the bytes from `in` up to `out` + capacity. The task that holds
 * the lock of the consumer side may take the bytes from `out` up to `in`. The two never touch
 * the same byte, so they run at the same time. A side loads the other side's position with an
 * acquire before its copy, and moves its own with a store-release after its copy.
 *
 * Each position is stored twice. The one in struct vfifo_side is the kernel's copy and
 * always valid: 0 <= in - out <= capacity. The other is in a page that user space maps.
 *
 * While a side is not claimed, its position moves under its lock, in the kernel's copy first.
 * The page only shows it; nothing is read back from there.
 *
 * A process that has claimed a side (see claim.c) is the holder: it moves the position in the
 * page by the same rules, and the kernel does not.
 *
 * A holder may store any value at any time. load_and_check() is the only function that reads a
 * claimed position. A valid one becomes the kernel's copy. An invalid one makes the ring
 * broken until a valid one is read or the claim ends; until then the kernel's copy stays.
 * positions_lock is held across load, check and record. Otherwise a task that loaded an older
 * value could record it after a task that loaded a newer one, and a valid position would look
 * like a step backwards.
 *
 * A claimed position is checked against the other side's position. If the other side is not
 * claimed, its (trusted) position is loaded second: it only ever moves so as to allow more,
 * so a valid claimed position is never rejected. If both sides are claimed there is no trusted
 * reference, so only the pair is checked, 0 <= in - out <= capacity, on a consistent
 * snapshot: the first position is loaded again after the second and must not have changed.
 * Without a snapshot after PAIR_TRIES attempts the result is UNDECIDED.
 *
 * With records, a claimed position must also be a multiple of VFIFO_RECORD_ALIGN. What is between
 * two positions is not looked at here: see record.c.
 *
 * vfifo_side_room() and the other queries compute and change nothing. vfifo_side_sync() is
 * the one function that records claimed positions: see there who calls it.
 */
#include <linux/dev_printk.h>
#include <linux/lockdep.h>

#include <vfifo_ring.h>

#include "side.h"
#include "trace.h"

/* Attempts to load a consistent pair of positions. */
#define PAIR_TRIES 4

enum verdict {
	GOOD,
	BAD,
	UNDECIDED,
};

/* --- what is believed of the positions ---------------------------------------------- */

/* The position in force: the holder's or the kernel's. Stable under positions_lock. */
static const u32 *position_of(const struct vfifo_side *side)
{
	return side->claim ? &side->page->position : &side->position;
}

/* With records, each position is that of a header. The kernel's own ones always are. */
static bool is_aligned(const struct vfifo_ring *ring, const u32 at[2])
{
	return ring->framing == VFIFO_BYTES ||
	       IS_ALIGNED(at[VFIFO_PRODUCER] | at[VFIFO_CONSUMER],
			  VFIFO_RECORD_ALIGN);
}

/*
 * Loads both positions, that of @own first, and checks those that are claimed. With its own
 * position loaded first, the room of @own is too large rather than too small while a position
 * moves.
 */
static enum verdict load_and_check(struct vfifo_ring *ring, enum vfifo_end own,
				   u32 at[2])
{
	const enum vfifo_end peer = vfifo_peer(own);
	const struct vfifo_side *mine = vfifo_side(ring, own);
	const struct vfifo_side *theirs = vfifo_side(ring, peer);
	const u32 *my_position = position_of(mine);
	const u32 *their_position = position_of(theirs);
	const u32 capacity = READ_ONCE(ring->buffer.capacity);
	bool good;
	int tries;
	u32 again;

	lockdep_assert_held(&ring->positions_lock);

	for (tries = 0; tries < PAIR_TRIES; tries++) {
		/*
		 * Acquire: pairs with the release in vfifo_side_commit(), or with the
		 * holder's, which touched the bytes before it moved. It also keeps the
		 * loads in order.
		 */
		at[own] = smp_load_acquire(my_position);
		/* Acquire: as above. */
		at[peer] = smp_load_acquire(their_position);
		if (!mine->claim && !theirs->claim)
			return GOOD;
		again = smp_load_acquire(my_position); /* as above */
		if (!mine->claim)
			good = vfifo_moved(peer, capacity, theirs->position,
					   at[peer], again);
		else if (!theirs->claim)
			good = vfifo_moved(own, capacity, mine->position,
					   at[own], at[peer]);
		else if (again == at[own])
			good = vfifo_valid(capacity, at[VFIFO_PRODUCER],
					   at[VFIFO_CONSUMER]);
		else
			continue;
		return good && is_aligned(ring, at) ? GOOD : BAD;
	}
	return UNDECIDED;
}

/* The last valid positions instead of those that are claimed. */
static void fall_back(struct vfifo_ring *ring, u32 at[2])
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (vfifo_side(ring, end)->claim)
			at[end] = vfifo_side(ring, end)->position;
	}
}

/* The believed positions. Records nothing. */
static void believed_positions(struct vfifo_ring *ring, enum vfifo_end own,
			       u32 at[2])
{
	lockdep_assert_held(&ring->positions_lock);
	if (load_and_check(ring, own, at) != GOOD)
		fall_back(ring, at);
}

/*
 * GOOD: records @at for the claimed sides, and the ring is not broken. BAD: records nothing,
 * replaces @at by the last valid positions, and the ring is broken. UNDECIDED: changes
 * nothing, so @at stays unchecked.
 */
static void take_over(struct vfifo_ring *ring, enum verdict verdict, u32 at[2])
{
	int end;

	lockdep_assert_held(&ring->positions_lock);
	if (verdict == BAD)
		fall_back(ring, at);
	for (end = VFIFO_PRODUCER; verdict == GOOD && end <= VFIFO_CONSUMER;
	     end++) {
		struct vfifo_side *side = vfifo_side(ring, end);

		if (!side->claim)
			continue;
		vfifo_side_count_bytes(ring, end, at[end] - side->position,
				       at[end]);
		/*
		 * Release: pairs with the acquire of tasks that load it once the claim
		 * has ended. load_and_check() acquired what the holder did before it
		 * moved, and this hands it on.
		 */
		smp_store_release(&side->position, at[end]);
	}
	if (verdict != UNDECIDED)
		WRITE_ONCE(ring->broken, verdict == BAD);
}

/* Return: whether the ring has just become broken, or whole again. */
static bool refresh(struct vfifo_ring *ring, enum vfifo_end own, u32 at[2])
{
	const bool was_broken = ring->broken;
	const enum verdict verdict = load_and_check(ring, own, at);

	if (verdict == BAD && !was_broken)
		trace_vfifo_bad_position(ring->number, at[VFIFO_PRODUCER],
					 at[VFIFO_CONSUMER]);
	take_over(ring, verdict, at);
	return ring->broken != was_broken;
}

/* --- queries ------------------------------------------------------------------------ */

/**
 * vfifo_side_room() - compute how many bytes a side may fill, or take
 * @ring: the ring
 * @end: the side; for VFIFO_CONSUMER this is the number of stored bytes
 *
 * A query: it records and wakes nothing.
 *
 * Context: Process context. Takes positions_lock.
 * Return: bytes, at most the capacity. Exact under the side's lock. Without it the other
 * side may move meanwhile, so the result is an estimate.
 */
u32 vfifo_side_room(struct vfifo_ring *ring, enum vfifo_end end)
{
	u32 at[2];

	if (!vfifo_side_any_claimed(ring))
		return vfifo_side_unclaimed_room(ring, end);
	spin_lock(&ring->positions_lock);
	believed_positions(ring, end, at);
	spin_unlock(&ring->positions_lock);
	return vfifo_side_room_between(ring, end, at);
}

/**
 * vfifo_side_bytes() - count the bytes that a side has moved
 * @ring: the ring
 * @end: the side
 *
 * A query: it records nothing, although it counts what a holder has moved by now.
 *
 * Context: Process context. Takes positions_lock.
 * Return: bytes since the ring was made, or since its counters were reset.
 */
u64 vfifo_side_bytes(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	u64 bytes;
	u32 at[2];

	spin_lock(&ring->positions_lock);
	believed_positions(ring, end, at);
	bytes = atomic64_read(&side->bytes);
	if (side->claim)
		bytes += (u32)(at[end] - side->position);
	spin_unlock(&ring->positions_lock);
	return bytes;
}

/* --- the status page ---------------------------------------------------------------- */

/*
 * Whether no producer is left. The holder of the producer side counts although its file may
 * not be among the writers: the same file may hold the consumer side.
 */
static bool has_ended(struct vfifo_ring *ring)
{
	return (ring->eof || ring->closing) && !ring->writers &&
	       !ring->generating &&
	       !vfifo_side_claimed(vfifo_side(ring, VFIFO_PRODUCER));
}

/**
 * vfifo_side_show_flags() - store the flags in the status page, and whether the stream ended
 * @ring: the ring, one of whose flags may have changed
 *
 * If the stream has ended by that, vfifo_ring_changed() is due.
 *
 * Context: Under positions_lock.
 */
void vfifo_side_show_flags(struct vfifo_ring *ring)
{
	u32 flags = 0;

	lockdep_assert_held(&ring->positions_lock);
	if (has_ended(ring))
		flags |= VFIFO_ENDED;
	if (vfifo_side_claimed(vfifo_side(ring, VFIFO_PRODUCER)))
		flags |= VFIFO_PRODUCER_CLAIMED;
	if (vfifo_side_claimed(vfifo_side(ring, VFIFO_CONSUMER)))
		flags |= VFIFO_CONSUMER_CLAIMED;
	if (ring->broken || ring->bad_record)
		flags |= VFIFO_BROKEN;
	if (READ_ONCE(ring->removed))
		flags |= VFIFO_REMOVED;
	/*
	 * Release: pairs with the acquire of clients, which load the position after they
	 * have seen VFIFO_ENDED. Stored before ring->ended: a client that gets POLLHUP
	 * because of ring->ended must find VFIFO_ENDED here.
	 */
	smp_store_release(&ring->status->flags, flags);
	/* Release: pairs with the acquire in vfifo_side_waits(). */
	smp_store_release(&ring->ended, flags & VFIFO_ENDED);
}

/**
 * vfifo_side_next_generation() - tell clients to drop what they have cached
 * @ring: the ring, whose capacity, stored bytes, claims or existence changed
 *
 * Context: Under positions_lock.
 */
void vfifo_side_next_generation(struct vfifo_ring *ring)
{
	lockdep_assert_held(&ring->positions_lock);
	WRITE_ONCE(ring->status->generation, ++ring->generation);
	vfifo_side_show_flags(ring);
}

/* --- moving bytes ------------------------------------------------------------------- */

/**
 * vfifo_side_sync() - record the positions of claimed sides
 * @ring: the ring
 * @end: the side whose room the caller wants
 *
 * Its callers are vfifo_side_available(), before bytes are moved; vfifo_ring_wait(), before a
 * call sleeps; vfifo_ring_poll(); vfifo_ring_kick(); and vfifo_ring_reset_counts(). If the ring
 * turns broken or whole again, all waiters get a notice. Once for each claim the log gets a
 * line about a broken ring.
 *
 * Context: Process context. May sleep. The caller holds at most the locks of the sides.
 * Return: as vfifo_side_room(). If both sides are claimed and the verdict is UNDECIDED, the
 * positions are not checked, and the room is an estimate.
 */
u32 vfifo_side_sync(struct vfifo_ring *ring, enum vfifo_end end)
{
	bool turned = false, log = false;
	u32 at[2];

	if (!vfifo_side_any_claimed(ring))
		return vfifo_side_unclaimed_room(ring, end);
	spin_lock(&ring->positions_lock);
	if (refresh(ring, end, at)) {
		turned = true;
		log = ring->broken && !ring->logged;
		ring->logged |= log;
		vfifo_side_show_flags(ring);
	}
	spin_unlock(&ring->positions_lock);
	if (unlikely(turned))
		vfifo_notice(&ring->notice);
	if (unlikely(log))
		dev_warn_ratelimited(ring->dev,
				     "broken by an invalid position\n");
	return vfifo_side_room_between(ring, end, at);
}

/**
 * vfifo_side_available() - find out how many bytes a side may fill, or take
 * @ring: the ring
 * @end: the side, whose lock the caller holds
 *
 * Calls vfifo_side_sync().
 *
 * Context: Process context, under the side's lock. May sleep.
 * Return: bytes; -ENODEV: the device was removed; -EBUSY: the side is claimed; -EIO: the
 * position of the other side is invalid.
 */
int vfifo_side_available(struct vfifo_ring *ring, enum vfifo_end end)
{
	u32 room;
	int err;

	lockdep_assert_held(&vfifo_side(ring, end)->lock);
	room = vfifo_side_sync(ring, end);
	/* The position of the other side before the bytes that it stands for. */
	vfifo_buffer_order(&ring->buffer);
	err = vfifo_side_state(ring, end);
	return err ?: room;
}

/**
 * vfifo_side_stream_goes_on() - note that bytes are produced again after VFIFO_END
 * @ring: the ring
 *
 * Context: Process context, under the producer side's lock. Takes positions_lock.
 */
void vfifo_side_stream_goes_on(struct vfifo_ring *ring)
{
	spin_lock(&ring->positions_lock);
	WRITE_ONCE(ring->closing, false);
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

/**
 * vfifo_side_align() - move both positions to where a record may begin
 * @ring: the ring, which is empty and not mapped
 *
 * Context: Process context, under both side locks. Takes positions_lock.
 */
void vfifo_side_align(struct vfifo_ring *ring)
{
	int end;

	spin_lock(&ring->positions_lock);
	/* The producer's first, so that a query finds the ring nearly empty, not nearly full. */
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		struct vfifo_side *side = vfifo_side(ring, end);
		const u32 at = ALIGN(side->position, VFIFO_RECORD_ALIGN);

		lockdep_assert_held(&side->lock);
		/* Release: as in vfifo_side_commit(), so that the two are seen in order. */
		smp_store_release(&side->position, at);
		WRITE_ONCE(side->page->position, at);
	}
	spin_unlock(&ring->positions_lock);
}

/**
 * vfifo_side_bad_record() - note whether what is stored begins with a valid record
 * @ring: the ring
 * @bad: false: it does, or the ring is empty, or the consumer side is claimed
 *
 * Context: Process context, under the consumer side's lock. May sleep. Takes positions_lock.
 */
void vfifo_side_bad_record(struct vfifo_ring *ring, bool bad)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	if (likely(READ_ONCE(ring->bad_record) == bad))
		return;
	spin_lock(&ring->positions_lock);
	WRITE_ONCE(ring->bad_record, bad);
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_notice(&ring->notice);
	if (bad)
		dev_warn_ratelimited(ring->dev,
				     "broken by an invalid record\n");
}

/**
 * vfifo_side_settle() - set the positions that stay when a claim ends
 * @ring: the ring
 * @end: the side, which is still claimed
 *
 * Takes over the holder's last position if it is valid and stable; a page that is still
 * pinned can change after the last unmap. Otherwise the last valid position stays. If the
 * other side is claimed too, that position may be too old to use: the ring becomes empty at
 * the other side's current position. The ring is not broken after that.
 *
 * Context: Under the side's lock and positions_lock.
 */
void vfifo_side_settle(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	struct vfifo_side *peer = vfifo_side(ring, vfifo_peer(end));
	enum verdict verdict;
	u32 at[2], left;

	lockdep_assert_held(&side->lock);
	verdict = load_and_check(ring, end, at);
	if (verdict == UNDECIDED)
		verdict = BAD;
	left = at[vfifo_peer(end)];
	if (ring->framing == VFIFO_RECORDS)
		left = ALIGN_DOWN(left, VFIFO_RECORD_ALIGN);
	take_over(ring, verdict, at);
	if (verdict == BAD && peer->claim) {
		/*
		 * Release: as in take_over(). The bytes in between are not counted: their
		 * number is not known.
		 */
		smp_store_release(&peer->position, left);
		/* Release: as above. */
		smp_store_release(&side->position, left);
	}
	WRITE_ONCE(ring->broken, false);
}
