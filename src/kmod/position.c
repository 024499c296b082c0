// SPDX-License-Identifier: GPL-2.0
/*
 * position.c - the positions of the two sides, and what of them can be believed
 *
 * Each side has a position twice. The one in struct vfifo_side is the kernel's own
 * and always good: 0 <= in - out <= capacity. The other is in a page that user
 * space maps.
 *
 * While a side is not claimed, its position moves under its lock, in the kernel's
 * copy first, and the page only shows it: nothing is read back from there.
 *
 * While a side is claimed, its position is what the holder stores in the page, at
 * any time and whatever it likes. load_and_check() is the one place that reads it.
 * What can be is taken over, and if what is there cannot be, the ring is broken
 * until it can, or until the claim ends; the last good position stands meanwhile.
 * The positions_lock covers load, check and record, as two that look at one honest
 * position, the later one first, would else call it bad.
 *
 * What can be depends on the other side's position, which moves as well. With a
 * kernel's on the other side, that is loaded after the claimed one, so that it can
 * only have made more possible. If both are claimed, neither is to be trusted and
 * nobody has looked for any length of time, so the two are good if they are a
 * possible pair, and a pair they are if the one did not move around the load of
 * the other. While that cannot be had there is no verdict.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "ring.h"
#include "trace.h"

/* How often to try for a pair of positions that belong together. */
#define PAIR_TRIES 4

enum verdict {
	GOOD,
	BAD,
	UNDECIDED,
};

/*
 * The position of a side: its holder's, or the kernel's own. Stable under the
 * positions_lock.
 */
static const u32 *position_of(const struct vfifo_side *side)
{
	return side->claim ? &side->page->position : &side->position;
}

/*
 * Where its position has moved from, and under the same lock; so no two count at once,
 * but some look meanwhile.
 */
static void count_bytes(struct vfifo_ring *ring, enum vfifo_end end, u32 n,
			u32 now)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	atomic64_set(&side->bytes, atomic64_read(&side->bytes) + n);
	if (!n)
		return;
	if (end == VFIFO_PRODUCER)
		trace_vfifo_produce(ring->number, n, now);
	else
		trace_vfifo_consume(ring->number, n, now);
}

/*
 * Loads both positions, that of @own first, and checks what is claimed of them.
 * With its own loaded first, what a side can do comes out too much rather than
 * too little while things move.
 */
static enum verdict load_and_check(struct vfifo_ring *ring, enum vfifo_end own,
				   u32 at[2])
{
	const enum vfifo_end peer = vfifo_peer(own);
	const struct vfifo_side *mine = vfifo_side(ring, own);
	const struct vfifo_side *theirs = vfifo_side(ring, peer);
	const u32 *my_position = position_of(mine);
	const u32 *their_position = position_of(theirs);
	const u32 capacity = ring->buffer.capacity;
	bool good;
	int tries;
	u32 again;

	lockdep_assert_held(&ring->positions_lock);

	for (tries = 0; tries < PAIR_TRIES; tries++) {
		/*
		 * Acquire: pairs with the release in vfifo_position_move(), or with
		 * that of the holder, who has touched the bytes before it moved. And
		 * to load in order.
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
		return good ? GOOD : BAD;
	}
	return UNDECIDED;
}

/* @at becomes both positions, as far as they can be believed. */
static void take_over(struct vfifo_ring *ring, enum verdict verdict, u32 at[2])
{
	int end;

	lockdep_assert_held(&ring->positions_lock);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		struct vfifo_side *side = vfifo_side(ring, end);

		if (!side->claim)
			continue;
		if (verdict == GOOD) {
			count_bytes(ring, end, at[end] - side->position,
				    at[end]);
			/*
			 * Release: pairs with the acquire of those who load it once
			 * the claim has ended. What the holder did before it moved
			 * was acquired by load_and_check(), and is handed on.
			 */
			smp_store_release(&side->position, at[end]);
		} else if (verdict == BAD) {
			at[end] = side->position;
		}
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

/*
 * Whether nobody is left who could produce. A holder of the producer side is not
 * always among the writers: it may hold the other side by the same file.
 */
static bool has_ended(struct vfifo_ring *ring)
{
	return ring->eof && !ring->writers && !ring->generating &&
	       !vfifo_position_claimed(vfifo_side(ring, VFIFO_PRODUCER));
}

/* Those who map the status page are told. */
static void show_flags(struct vfifo_ring *ring)
{
	u32 flags = 0;

	lockdep_assert_held(&ring->positions_lock);
	if (has_ended(ring))
		flags |= VFIFO_ENDED;
	if (vfifo_position_claimed(vfifo_side(ring, VFIFO_PRODUCER)))
		flags |= VFIFO_PRODUCER_CLAIMED;
	if (vfifo_position_claimed(vfifo_side(ring, VFIFO_CONSUMER)))
		flags |= VFIFO_CONSUMER_CLAIMED;
	if (ring->broken)
		flags |= VFIFO_BROKEN;
	if (READ_ONCE(ring->removed))
		flags |= VFIFO_REMOVED;
	/*
	 * Release: pairs with the acquire of clients, which look what is stored after
	 * they have seen VFIFO_ENDED. Before the kernel's own, so that whoever gets
	 * POLLHUP for that one finds here what it is for.
	 */
	smp_store_release(&ring->status->flags, flags);
	/* Release: pairs with the acquire in vfifo_ring_waits(). */
	smp_store_release(&ring->ended, flags & VFIFO_ENDED);
}

/**
 * vfifo_position_room() - bytes that a side may fill, or take
 * @ring: the ring
 * @end: the side
 * @turned: set if the ring has just become broken, or whole again
 *
 * True under the lock of the side; else too much rather than too little, while it
 * moves. At most the capacity.
 */
u32 vfifo_position_room(struct vfifo_ring *ring, enum vfifo_end end,
			bool *turned)
{
	struct vfifo_side *own = vfifo_side(ring, end);
	struct vfifo_side *peer = vfifo_side(ring, vfifo_peer(end));
	const u32 capacity = READ_ONCE(ring->buffer.capacity);
	u32 at[2];

	*turned = false;
	/* Whoever claims or releases a side wakes everybody afterwards. */
	if (!vfifo_position_claimed(own) && !vfifo_position_claimed(peer)) {
		/* Acquire: its own is loaded first, as in load_and_check(). */
		at[end] = smp_load_acquire(&own->position);
		/* Acquire: pairs with the release in vfifo_position_move(). */
		at[vfifo_peer(end)] = smp_load_acquire(&peer->position);
	} else {
		spin_lock(&ring->positions_lock);
		*turned = refresh(ring, end, at);
		if (*turned)
			show_flags(ring);
		spin_unlock(&ring->positions_lock);
	}
	return min(vfifo_room(end, capacity, at[VFIFO_PRODUCER],
			      at[VFIFO_CONSUMER]),
		   capacity);
}

/*
 * The two positions as far as they can be believed, and nothing changes: neither what is
 * recorded, nor whether the ring is broken.
 */
static void look(struct vfifo_ring *ring, u32 at[2])
{
	int end;

	lockdep_assert_held(&ring->positions_lock);
	if (load_and_check(ring, VFIFO_CONSUMER, at) == GOOD)
		return;
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		if (vfifo_position_claimed(vfifo_side(ring, end)))
			at[end] = vfifo_side(ring, end)->position;
	}
}

/* Bytes stored: true of a moment. A query: it changes nothing. */
u32 vfifo_position_used(struct vfifo_ring *ring)
{
	u32 at[2];

	spin_lock(&ring->positions_lock);
	look(ring, at);
	spin_unlock(&ring->positions_lock);
	/* The producer's was loaded second, and may have moved on meanwhile. */
	return min(vfifo_used(at[VFIFO_PRODUCER], at[VFIFO_CONSUMER]),
		   READ_ONCE(ring->buffer.capacity));
}

/* Bytes that each side has moved. A query as well. */
void vfifo_position_counts(struct vfifo_ring *ring, u64 bytes[2])
{
	u32 at[2];
	int end;

	spin_lock(&ring->positions_lock);
	look(ring, at);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		struct vfifo_side *side = vfifo_side(ring, end);

		bytes[end] = atomic64_read(&side->bytes);
		if (vfifo_position_claimed(side))
			bytes[end] += (u32)(at[end] - side->position);
	}
	spin_unlock(&ring->positions_lock);
}

/* Hands the next @n bytes of a side that is not claimed to the other one. */
void vfifo_position_move(struct vfifo_ring *ring, enum vfifo_end end, u32 n)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	const u32 now = side->position + n;

	lockdep_assert_held(&side->lock);
	/*
	 * Release: pairs with the acquire in load_and_check(). The page comes second: who
	 * has seen it there, and moved accordingly, is not to be ahead of what we
	 * know.
	 */
	smp_store_release(&side->position, now);
	/* Release: pairs with the acquire of the clients. */
	smp_store_release(&side->page->position, now);
	count_bytes(ring, end, n, now);
}

static void next_generation(struct vfifo_ring *ring)
{
	lockdep_assert_held(&ring->positions_lock);
	WRITE_ONCE(ring->status->generation, ++ring->generation);
}

/* What is cached elsewhere has become old: the capacity, or what is stored. */
void vfifo_position_changed(struct vfifo_ring *ring)
{
	spin_lock(&ring->positions_lock);
	next_generation(ring);
	show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

void vfifo_position_set_eof(struct vfifo_ring *ring, bool eof)
{
	spin_lock(&ring->positions_lock);
	WRITE_ONCE(ring->eof, eof);
	show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

void vfifo_position_set_generating(struct vfifo_ring *ring, bool generating)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	spin_lock(&ring->positions_lock);
	ring->generating = generating;
	show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

/* @more, or less if negative, can produce. Return: whether it has ended now. */
bool vfifo_position_writers(struct vfifo_ring *ring, int more)
{
	bool ended;

	spin_lock(&ring->positions_lock);
	ring->writers += more;
	show_flags(ring);
	ended = ring->ended;
	spin_unlock(&ring->positions_lock);
	return ended;
}

void vfifo_position_reset_counts(struct vfifo_ring *ring)
{
	int end;

	spin_lock(&ring->positions_lock);
	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		struct vfifo_side *side = vfifo_side(ring, end);

		lockdep_assert_held(&side->lock);
		atomic64_set(&side->bytes, 0);
		atomic64_set(&side->calls, 0);
	}
	spin_unlock(&ring->positions_lock);
}

/*
 * Whoever holds the consumer side has a file that is open for writing, as claims need
 * one, but does not mean to write.
 */
static void count_holder(struct vfifo_ring *ring, enum vfifo_end end, int more)
{
	if (end == VFIFO_CONSUMER)
		ring->writers -= more;
}

/*
 * Both or none: @claim is NULL, or that of @claimant. Release: pairs with the acquire in
 * vfifo_position_claimed().
 */
static void side_set_claim(struct vfifo_ring *ring, enum vfifo_end end,
			   struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&ring->positions_lock);
	side->claim = claim;
	/* Release: as above. */
	smp_store_release(&side->claimant, claim ? claim->file : NULL);
	WRITE_ONCE(ring->status->claim[end], claim ? side->claims : 0);
}

/* The number of the next claim: never 0. */
static u32 next_claim(struct vfifo_side *side)
{
	return side->claims + 1 ?: 1;
}

/* From here on the caller's process has a side's position. */
void vfifo_position_claim(struct vfifo_ring *ring, enum vfifo_end end,
			  struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&side->lock);
	spin_lock(&ring->positions_lock);
	/* A process may have stored here, through a page that it had pinned. */
	WRITE_ONCE(side->page->position, side->position);
	side->claims = next_claim(side);
	side_set_claim(ring, end, claim);
	count_holder(ring, end, 1);
	trace_vfifo_claim(ring->number, end, pid_nr(claim->holder),
			  side->position);
	next_generation(ring);
	show_flags(ring);
	spin_unlock(&ring->positions_lock);
}

/*
 * A last look at what the holder left. If it is bad, or moves although nobody has it
 * mapped any more (a page can be pinned), the last good position stands; with the
 * other side claimed as well that may be a long time old, and one that the other has
 * left behind, so that nobody knows what was good: the ring is then empty from where
 * the other is.
 */
static void settle(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	struct vfifo_side *peer = vfifo_side(ring, vfifo_peer(end));
	enum verdict verdict;
	u32 at[2], left;

	verdict = load_and_check(ring, end, at);
	if (verdict == UNDECIDED)
		verdict = BAD;
	left = at[vfifo_peer(end)];
	take_over(ring, verdict, at);
	if (verdict == BAD && vfifo_position_claimed(peer)) {
		/*
		 * Release: as in take_over(). What was lost in between is not
		 * counted: nobody knows.
		 */
		smp_store_release(&peer->position, left);
		/* Release: as above. */
		smp_store_release(&side->position, left);
	}
	WRITE_ONCE(ring->broken, false);
}

/* The end of the claim of a side. Return: whether the side has moved. */
bool vfifo_position_release(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	u32 before;
	bool moved;

	lockdep_assert_held(&side->lock);
	spin_lock(&ring->positions_lock);
	before = side->position;
	settle(ring, end);
	moved = side->position != before;
	WRITE_ONCE(side->page->position, side->position);
	trace_vfifo_release(ring->number, end, pid_nr(side->claim->holder),
			    side->position);
	count_holder(ring, end, -1);
	side_set_claim(ring, end, NULL);
	if (!vfifo_position_claimed(vfifo_side(ring, vfifo_peer(end))))
		ring->told = false;
	next_generation(ring);
	show_flags(ring);
	spin_unlock(&ring->positions_lock);
	return moved;
}

/* The process that holds a side, as the caller numbers it, or 0. */
pid_t vfifo_ring_holder(struct vfifo_ring *ring, enum vfifo_end end)
{
	const struct vfifo_claim *claim;
	pid_t pid;

	spin_lock(&ring->positions_lock);
	claim = vfifo_side(ring, end)->claim;
	pid = claim ? pid_vnr(claim->holder) : 0;
	spin_unlock(&ring->positions_lock);
	return pid;
}

/* Whether the log should have a line on the ring's being broken: once, while claimed. */
bool vfifo_position_tell(struct vfifo_ring *ring)
{
	bool tell;

	spin_lock(&ring->positions_lock);
	tell = ring->broken && !ring->told;
	if (tell)
		ring->told = true;
	spin_unlock(&ring->positions_lock);
	return tell;
}
