// SPDX-License-Identifier: GPL-2.0
/*
 * side.c - the two sides of a ring: positions, claims, and the lock of a side
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
 * A process claims a side by a writable mapping of that page. The process is the holder: it
 * moves the position by the same rules, and read(2), write(2) and the generator do not. The
 * side's lock still guards that the side is claimed. The generator excludes a claim of the
 * producer side in the same way. A claim is an object of its own, which its mapping has as
 * vm_private_data. When root revokes the claim, the object stays as long as the mapping, which
 * gives SIGBUS from then on.
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
#include <linux/err.h>
#include <linux/file.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>

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

/**
 * vfifo_side_holder() - find the process that has claimed a side
 * @ring: the ring
 * @end: the side
 *
 * Context: Process context. Takes positions_lock.
 * Return: its number in the caller's PID namespace; 0: the side is not claimed, or the
 * process is in no PID namespace that the caller sees.
 */
pid_t vfifo_side_holder(struct vfifo_ring *ring, enum vfifo_end end)
{
	const struct vfifo_claim *claim;
	pid_t pid;

	spin_lock(&ring->positions_lock);
	claim = vfifo_side(ring, end)->claim;
	pid = claim ? pid_vnr(claim->holder) : 0;
	spin_unlock(&ring->positions_lock);
	return pid;
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

/* --- the generator ------------------------------------------------------------------ */

/**
 * vfifo_side_generate_begin() - reserve the producer side for the generator
 * @ring: the ring
 *
 * Until vfifo_side_generate_end() the producer side cannot be claimed. After success
 * vfifo_ring_changed() is due.
 *
 * Context: Process context. May sleep. Takes the producer side's lock.
 * Return: 0; -EBUSY: the side is claimed; -ENODEV: the device was removed.
 */
int vfifo_side_generate_begin(struct vfifo_ring *ring)
{
	int err = 0;

	vfifo_side_lock(ring, VFIFO_PRODUCER);
	spin_lock(&ring->positions_lock);
	if (READ_ONCE(ring->removed)) {
		err = -ENODEV;
	} else if (vfifo_side(ring, VFIFO_PRODUCER)->claim) {
		err = -EBUSY;
	} else {
		ring->generating = true;
		WRITE_ONCE(ring->closing, false);
		vfifo_side_show_flags(ring);
	}
	spin_unlock(&ring->positions_lock);
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
	return err;
}

/**
 * vfifo_side_generate_end() - undo vfifo_side_generate_begin()
 * @ring: the ring
 *
 * After this vfifo_ring_changed() is due.
 *
 * Context: Process context. May sleep. Takes the producer side's lock.
 */
void vfifo_side_generate_end(struct vfifo_ring *ring)
{
	vfifo_side_lock(ring, VFIFO_PRODUCER);
	spin_lock(&ring->positions_lock);
	ring->generating = false;
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
}

/* --- mappings and claims ------------------------------------------------------------ */

/*
 * Called with mmap_lock held. That is allowed, as no task faults on user memory while it
 * holds a side's lock. -EINTR: the caller was killed; -ENODEV: the device was removed.
 */
static int lock_to_map(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	int err = mutex_lock_killable(&side->lock);

	if (err)
		return err;
	if (!READ_ONCE(ring->removed))
		return 0;
	mutex_unlock(&side->lock);
	return -ENODEV;
}

/**
 * vfifo_side_map() - count a mapping that moves no position
 * @ring: the ring
 * @first: its first page, out of twice the buffer; 0 for a page of numbers
 * @pages: its length in pages; 1 for a page of numbers
 *
 * A mapping pins the buffer: vfifo_ring_resize() fails. ring->mappings has to be decremented
 * when the mapping goes.
 *
 * Context: Process context. May sleep. Takes the consumer side's lock.
 * Return: 0; -EINVAL: it ends behind the second appearance of the buffer; -EINTR: the caller
 * was killed; -ENODEV: the device was removed.
 */
int vfifo_side_map(struct vfifo_ring *ring, unsigned long first,
		   unsigned long pages)
{
	unsigned long end;
	int err;

	/* Either side's lock keeps the buffer from being replaced. */
	err = lock_to_map(ring, VFIFO_CONSUMER);
	if (err)
		return err;
	end = 2UL * ring->buffer.pages.n;
	if (first < end && pages <= end - first)
		atomic_inc(&ring->mappings);
	else
		err = -EINVAL;
	vfifo_side_unlock(ring, VFIFO_CONSUMER);
	return err;
}

static struct vfifo_claim *claim_alloc(struct file *file)
{
	struct vfifo_claim *claim = kzalloc(sizeof(*claim), GFP_KERNEL_ACCOUNT);

	if (!claim)
		return NULL;
	refcount_set(&claim->refs, 1);
	claim->mappings = 1;
	claim->holder = get_pid(task_tgid(current));
	claim->file = file;
	return claim;
}

static void claim_put(struct vfifo_claim *claim)
{
	if (!refcount_dec_and_test(&claim->refs))
		return;
	put_pid(claim->holder);
	kfree(claim);
}

/*
 * The holder of the consumer side has a file open for writing, as a claim needs one, but
 * does not intend to write.
 */
static void count_holder(struct vfifo_ring *ring, enum vfifo_end end, int more)
{
	if (end == VFIFO_CONSUMER)
		ring->writers -= more;
}

/* @claim is NULL: the side is the kernel's. */
static void set_claim(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&ring->positions_lock);
	side->claim = claim;
	/* Release: pairs with the acquire in vfifo_side_claimed(). */
	smp_store_release(&side->claimant, claim ? claim->file : NULL);
	WRITE_ONCE(ring->status->claim[end], claim ? side->claims : 0);
}

static void begin_claim(struct vfifo_ring *ring, enum vfifo_end end,
			struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	lockdep_assert_held(&side->lock);
	spin_lock(&ring->positions_lock);
	/* A process that has the page pinned may have stored here. */
	WRITE_ONCE(side->page->position, side->position);
	side->claims = side->claims + 1 ?: 1; /* 0 is no number of a claim */
	set_claim(ring, end, claim);
	count_holder(ring, end, 1);
	if (end == VFIFO_PRODUCER) {
		WRITE_ONCE(side->page->sequence, ring->sequence);
		WRITE_ONCE(ring->closing, false);
	} else {
		/* The holder looks at the records, and the kernel does not. */
		WRITE_ONCE(ring->bad_record, false);
	}
	trace_vfifo_claim(ring->number, end, pid_nr(claim->holder),
			  side->position);
	vfifo_side_next_generation(ring);
	spin_unlock(&ring->positions_lock);
}

/**
 * vfifo_side_claim() - claim a side for a new mapping of its position
 * @ring: the ring
 * @end: the side
 * @framing: what the process takes the ring for
 * @file: the file that is mapped
 *
 * Also counts the mapping. After success vfifo_ring_changed() is due. When the mapping goes,
 * vfifo_side_release() is due, and ring->mappings has to be decremented.
 *
 * Context: Process context. May sleep. Takes the side's lock and positions_lock.
 * Return: the claim; -EPROTO: the ring has another framing; -EBUSY: the side is claimed, or it is
 * the producer side and the generator is on; -ENOMEM; -EINTR: the caller was killed; -ENODEV: the
 * device was removed.
 */
struct vfifo_claim *vfifo_side_claim(struct vfifo_ring *ring,
				     enum vfifo_end end,
				     enum vfifo_framing framing,
				     struct file *file)
{
	struct vfifo_claim *claim = claim_alloc(file);
	int err;

	if (!claim)
		return ERR_PTR(-ENOMEM);
	err = lock_to_map(ring, end);
	if (err)
		goto err_free;
	if (framing != ring->framing) {
		err = -EPROTO;
		goto err_unlock;
	}
	if (vfifo_side_claimed(vfifo_side(ring, end)) ||
	    (end == VFIFO_PRODUCER && ring->generating)) {
		err = -EBUSY;
		goto err_unlock;
	}
	atomic_inc(&ring->mappings);
	begin_claim(ring, end, claim);
	vfifo_side_unlock(ring, end);
	return claim;

err_unlock:
	vfifo_side_unlock(ring, end);
err_free:
	claim_put(claim);
	return ERR_PTR(err);
}

/**
 * vfifo_side_claim_again() - count one more mapping of a claim
 * @ring: the ring
 * @claim: a claim that is mapped: mremap(2) opens the new mapping before it closes the old
 *
 * Context: Process context. Takes positions_lock.
 */
void vfifo_side_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim)
{
	spin_lock(&ring->positions_lock);
	claim->mappings++;
	spin_unlock(&ring->positions_lock);
}

/* Return: whether that was the last one. Its file may go after that. */
static bool claim_unmapped(struct vfifo_ring *ring, enum vfifo_end end,
			   struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	bool last;

	spin_lock(&ring->positions_lock);
	last = !--claim->mappings;
	/* The same file can have claimed the side again. */
	if (last && side->revoked_claim == claim) {
		WRITE_ONCE(side->revoked, NULL);
		side->revoked_claim = NULL;
	}
	spin_unlock(&ring->positions_lock);
	return last;
}

/* For poll(2): when the side is no longer claimed by it, and while it is mapped. */
static void mark_revoked(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);

	spin_lock(&ring->positions_lock);
	if (claim->revoked && claim->mappings) {
		WRITE_ONCE(side->revoked, claim->file);
		side->revoked_claim = claim;
	}
	spin_unlock(&ring->positions_lock);
}

/*
 * Takes over the holder's last position if it is valid and stable; a page that is still
 * pinned can change after the last unmap. Otherwise the last valid position stays. If the
 * other side is claimed too, that position may be too old to use: the ring becomes empty at
 * the other side's current position.
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

/* Return: whether the side has moved. */
static bool end_claim(struct vfifo_ring *ring, enum vfifo_end end)
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
	/* Any number does no harm: it is only shown to readers. */
	if (end == VFIFO_PRODUCER && ring->framing == VFIFO_RECORDS)
		ring->sequence = READ_ONCE(side->page->sequence);
	trace_vfifo_release(ring->number, end, pid_nr(side->claim->holder),
			    side->position);
	count_holder(ring, end, -1);
	set_claim(ring, end, NULL);
	if (!vfifo_side(ring, vfifo_peer(end))->claim)
		ring->logged = false;
	vfifo_side_next_generation(ring);
	spin_unlock(&ring->positions_lock);
	return moved;
}

/* Return: whether the side was claimed by @claim; @moved: see vfifo_side_release(). */
static bool side_release(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_claim *claim, bool *moved)
{
	bool ends;

	vfifo_side_lock(ring, end);
	ends = vfifo_side(ring, end)->claim == claim;
	*moved = ends && end_claim(ring, end);
	vfifo_side_unlock(ring, end);
	mark_revoked(ring, end, claim);
	return ends;
}

/**
 * vfifo_side_release() - uncount one mapping of a claim
 * @ring: the ring
 * @end: the side
 * @claim: what vfifo_side_claim() returned; it may be freed here
 * @moved: set if the claim ends: whether the side's position has moved by that
 *
 * The last mapping ends the claim, unless the claim was revoked: the side is the kernel's
 * again.
 *
 * Context: Process context. May sleep. Takes the side's lock.
 * Return: true: the claim has ended, and vfifo_ring_released() is due.
 */
bool vfifo_side_release(struct vfifo_ring *ring, enum vfifo_end end,
			struct vfifo_claim *claim, bool *moved)
{
	bool ends;

	if (!claim_unmapped(ring, end, claim))
		return false;
	ends = side_release(ring, end, claim, moved);
	claim_put(claim);
	return ends;
}

/*
 * The claim of a side, with a reference to it and one to its file; NULL: there is none, or
 * its last mapping has gone, so it ends.
 */
static struct vfifo_claim *claim_to_revoke(struct vfifo_ring *ring,
					   enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	struct vfifo_claim *claim;

	spin_lock(&ring->positions_lock);
	claim = side->claim;
	if (claim && claim->mappings) {
		refcount_inc(&claim->refs);
		WRITE_ONCE(claim->revoked, true);
		get_file(claim->file); /* valid, as it is mapped */
	} else {
		claim = NULL;
	}
	spin_unlock(&ring->positions_lock);
	return claim;
}

/*
 * Takes the page of a position out of the claim's mapping. A fault that found the claim not
 * revoked keeps the page locked until the page is mapped, and from here on every fault finds
 * the claim revoked. So lock_page() waits for the former, and unmap_mapping_range() finds what
 * they mapped.
 */
static void claim_zap(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_claim *claim)
{
	const loff_t offset[] = {
		[VFIFO_PRODUCER] = VFIFO_MMAP_PRODUCER,
		[VFIFO_CONSUMER] = VFIFO_MMAP_CONSUMER,
	};
	const loff_t record_offset[] = {
		[VFIFO_PRODUCER] = VFIFO_MMAP_RECORD_PRODUCER,
		[VFIFO_CONSUMER] = VFIFO_MMAP_RECORD_CONSUMER,
	};
	struct address_space *mapping = claim->file->f_mapping;
	struct page *page = virt_to_page(vfifo_side(ring, end)->page);

	lock_page(page);
	unlock_page(page);
	unmap_mapping_range(mapping, offset[end], PAGE_SIZE, 1);
	unmap_mapping_range(mapping, record_offset[end], PAGE_SIZE, 1);
}

/**
 * vfifo_side_revoke() - end the claim of a side against its holder's will
 * @ring: the ring
 * @end: the side
 * @moved: set if a claim ends: whether the side's position has moved by that
 *
 * The holder's last valid position is taken over. Its mapping gives SIGBUS from here on,
 * wherever it is moved to. The caller holds no lock.
 *
 * Context: Process context. May sleep. Takes the side's lock, and mmap's locks.
 * Return: true: a claim has ended, and vfifo_ring_released() is due; false: the side was
 * not claimed.
 */
bool vfifo_side_revoke(struct vfifo_ring *ring, enum vfifo_end end, bool *moved)
{
	const char *name = end == VFIFO_PRODUCER ? "producer" : "consumer";
	struct vfifo_claim *claim = claim_to_revoke(ring, end);
	struct file *file;
	bool ends;

	if (!claim)
		return false;
	file = claim->file;
	dev_notice(ring->dev, "%s side revoked from process %d\n", name,
		   pid_nr(claim->holder));
	claim_zap(ring, end, claim);
	ends = side_release(ring, end, claim, moved);
	claim_put(claim);
	fput(file);
	return ends;
}
