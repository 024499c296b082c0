// SPDX-License-Identifier: GPL-2.0
/*
 * claim.c - who has a side of a ring: a process by a mapping, the generator, or the kernel
 *
 * A process claims a side by a writable mapping of the page with its position. The process is
 * the holder: it moves the position, and read(2), write(2) and the generator do not. The side's
 * lock guards that the side is claimed. The generator excludes a claim of the producer side in
 * the same way.
 *
 * A claim is an object of its own, which its mapping has as vm_private_data. When root revokes
 * the claim, the object stays as long as the mapping, which gives SIGBUS from then on.
 *
 * What a holder stores, and what the kernel believes of it, is in side.c.
 */
#include <linux/dev_printk.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <vfifo_ring.h>

#include "claim.h"
#include "side.h"
#include "trace.h"

/* --- mappings --------------------------------------------------------------------------- */

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
 * vfifo_pin_buffer() - count a mapping that moves no position
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
int vfifo_pin_buffer(struct vfifo_ring *ring, unsigned long first,
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

/* --- claims ------------------------------------------------------------------------- */

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
 * vfifo_claim_begin() - claim a side for a new mapping of its position
 * @ring: the ring
 * @end: the side
 * @framing: what the process takes the ring for
 * @file: the file that is mapped
 *
 * Also counts the mapping. After success vfifo_ring_changed() is due. When the mapping goes,
 * vfifo_claim_release() is due, and ring->mappings has to be decremented.
 *
 * Context: Process context. May sleep. Takes the side's lock and positions_lock.
 * Return: the claim; -EPROTO: the ring has another framing; -EBUSY: the side is claimed, or it is
 * the producer side and the generator is on; -ENOMEM; -EINTR: the caller was killed; -ENODEV: the
 * device was removed.
 */
struct vfifo_claim *vfifo_claim_begin(struct vfifo_ring *ring,
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
 * vfifo_claim_again() - count one more mapping of a claim
 * @ring: the ring
 * @claim: a claim that is mapped: mremap(2) opens the new mapping before it closes the old
 *
 * Context: Process context. Takes positions_lock.
 */
void vfifo_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim)
{
	spin_lock(&ring->positions_lock);
	claim->mappings++;
	spin_unlock(&ring->positions_lock);
}

/**
 * vfifo_claim_holder() - find the process that has claimed a side
 * @ring: the ring
 * @end: the side
 *
 * Context: Process context. Takes positions_lock.
 * Return: its number in the caller's PID namespace; 0: the side is not claimed, or the
 * process is in no PID namespace that the caller sees.
 */
pid_t vfifo_claim_holder(struct vfifo_ring *ring, enum vfifo_end end)
{
	const struct vfifo_claim *claim;
	pid_t pid;

	spin_lock(&ring->positions_lock);
	claim = vfifo_side(ring, end)->claim;
	pid = claim ? pid_vnr(claim->holder) : 0;
	spin_unlock(&ring->positions_lock);
	return pid;
}

/* --- the end of a claim --------------------------------------------------------------- */

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

/* Return: whether the side has moved. */
static bool end_claim(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	u32 before;
	bool moved;

	lockdep_assert_held(&side->lock);
	spin_lock(&ring->positions_lock);
	before = side->position;
	vfifo_side_settle(ring, end);
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

/* Return: whether the side was claimed by @claim; @moved: see vfifo_claim_release(). */
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
 * vfifo_claim_release() - uncount one mapping of a claim
 * @ring: the ring
 * @end: the side
 * @claim: what vfifo_claim_begin() returned; it may be freed here
 * @moved: set if the claim ends: whether the side's position has moved by that
 *
 * The last mapping ends the claim, unless the claim was revoked: the side is the kernel's
 * again.
 *
 * Context: Process context. May sleep. Takes the side's lock.
 * Return: true: the claim has ended, and vfifo_ring_released() is due.
 */
bool vfifo_claim_release(struct vfifo_ring *ring, enum vfifo_end end,
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
 * vfifo_claim_revoke() - end the claim of a side against its holder's will
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
bool vfifo_claim_revoke(struct vfifo_ring *ring, enum vfifo_end end,
			bool *moved)
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

/* --- the generator ------------------------------------------------------------------ */

/**
 * vfifo_claim_reserve() - reserve the producer side for the generator
 * @ring: the ring
 *
 * A claim of the producer side fails with -EBUSY until vfifo_claim_unreserve(). After success
 * vfifo_ring_changed() is due.
 *
 * Context: Process context. May sleep. Takes the producer side's lock.
 * Return: 0; -EBUSY: the side is claimed; -ENODEV: the device was removed.
 */
int vfifo_claim_reserve(struct vfifo_ring *ring)
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
 * vfifo_claim_unreserve() - undo vfifo_claim_reserve()
 * @ring: the ring
 *
 * After this vfifo_ring_changed() is due.
 *
 * Context: Process context. May sleep. Takes the producer side's lock.
 */
void vfifo_claim_unreserve(struct vfifo_ring *ring)
{
	vfifo_side_lock(ring, VFIFO_PRODUCER);
	spin_lock(&ring->positions_lock);
	ring->generating = false;
	vfifo_side_show_flags(ring);
	spin_unlock(&ring->positions_lock);
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
}
