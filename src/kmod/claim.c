// SPDX-License-Identifier: GPL-2.0
/*
 * claim.c - who has a ring mapped, and who holds its sides
 *
 * A mapping of any kind pins the buffer, so that no resize can pull it away. One of
 * a position that may be written is the claim of that side besides: its holder then
 * moves it, and read(2), write(2) and the generator do not. The generator holds the
 * producer side in the same way, as mode 1 and a claim exclude each other.
 *
 * A claim is an object of its own, which its mapping knows. It is the claim of a side while
 * the side knows it, and can be revoked: then it stays an object, of a mapping that gives
 * SIGBUS, until that is unmapped.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <vfifo.h>

#include "ring.h"

/**
 * vfifo_ring_generate_begin() - have a producer in the kernel
 * @ring: the ring
 *
 * Until vfifo_ring_generate_end(), the producer side cannot be claimed.
 *
 * Return: 0; -EBUSY: it is claimed; -ENODEV: removed.
 */
int vfifo_ring_generate_begin(struct vfifo_ring *ring)
{
	struct vfifo_side *side = vfifo_side(ring, VFIFO_PRODUCER);
	int err = 0;

	mutex_lock(&side->lock);
	if (READ_ONCE(ring->removed))
		err = -ENODEV;
	else if (vfifo_position_claimed(side))
		err = -EBUSY;
	else
		vfifo_position_set_generating(ring, true);
	mutex_unlock(&side->lock);
	if (!err)
		vfifo_ring_changed(ring);
	return err;
}

void vfifo_ring_generate_end(struct vfifo_ring *ring)
{
	struct vfifo_side *side = vfifo_side(ring, VFIFO_PRODUCER);

	mutex_lock(&side->lock);
	vfifo_position_set_generating(ring, false);
	mutex_unlock(&side->lock);
	vfifo_ring_changed(ring);
}

/*
 * Called with the mmap_lock held. That is allowed, as nobody faults on user
 * memory while it holds a side's lock. -EINTR: killed (mmap(2) knows no other
 * interruption); -ENODEV: removed.
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
 * vfifo_ring_map() - count a new mapping of the data, which pins the buffer
 * @ring: the ring
 * @first: its first page, out of twice the buffer
 * @pages: how many pages
 *
 * Return: 0; -EINVAL: beyond the second appearance of the buffer; -EINTR, -ENODEV.
 */
int vfifo_ring_map(struct vfifo_ring *ring, pgoff_t first, unsigned long pages)
{
	unsigned long end;
	int err;

	/* Either side's lock keeps vfifo_ring_resize() out. */
	err = lock_to_map(ring, VFIFO_CONSUMER);
	if (err)
		return err;
	end = 2UL * ring->buffer.nr_pages;
	if (first < end && pages <= end - first)
		atomic_inc(&ring->mappings);
	else
		err = -EINVAL;
	mutex_unlock(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	return err;
}

/* The same for a page of numbers that is only to be read. */
int vfifo_ring_watch(struct vfifo_ring *ring)
{
	int err = lock_to_map(ring, VFIFO_CONSUMER);

	if (err)
		return err;
	atomic_inc(&ring->mappings);
	mutex_unlock(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	return 0;
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

/**
 * vfifo_ring_claim() - count a new mapping of a position that the caller will move
 * @ring: the ring
 * @end: whose
 * @file: the file that is mapped
 *
 * Return: the claim, which vfifo_ring_release() takes back; -EBUSY: another process has
 * claimed the side, or the generator is on; -ENOMEM, -EINTR, -ENODEV.
 */
struct vfifo_claim *vfifo_ring_claim(struct vfifo_ring *ring,
				     enum vfifo_end end, struct file *file)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	struct vfifo_claim *claim = claim_alloc(file);
	int err;

	if (!claim)
		return ERR_PTR(-ENOMEM);
	err = lock_to_map(ring, end);
	if (err)
		goto err_free;
	if (vfifo_position_claimed(side) ||
	    (end == VFIFO_PRODUCER && ring->generating)) {
		err = -EBUSY;
		goto err_unlock;
	}
	atomic_inc(&ring->mappings);
	vfifo_position_claim(ring, end, claim);
	mutex_unlock(&side->lock);

	vfifo_ring_changed(ring);
	return claim;

err_unlock:
	mutex_unlock(&side->lock);
err_free:
	claim_put(claim);
	return ERR_PTR(err);
}

/* One more mapping of a claim that is there already: mremap(2) opens before it closes. */
void vfifo_ring_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim)
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
	if (last && side->revoked == claim->file)
		WRITE_ONCE(side->revoked, NULL);
	spin_unlock(&ring->positions_lock);
	return last;
}

/* For poll(2), once the side is no longer the claim's, and while there is a mapping. */
static void mark_revoked(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_claim *claim)
{
	spin_lock(&ring->positions_lock);
	if (claim->revoked && claim->mappings)
		WRITE_ONCE(vfifo_side(ring, end)->revoked, claim->file);
	spin_unlock(&ring->positions_lock);
}

/* The side is the kernel's again, if it has been that claim's. */
static void claim_end(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_claim *claim)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	bool ends, moved = false;

	mutex_lock(&side->lock);
	ends = side->claim == claim;
	if (ends)
		moved = vfifo_position_release(ring, end);
	mutex_unlock(&side->lock);

	mark_revoked(ring, end, claim);
	if (moved)
		vfifo_ring_wake(ring, end);
	if (ends)
		vfifo_ring_changed(ring);
}

/* One mapping of a claim less; with the last one the side is the kernel's again. */
void vfifo_ring_release(struct vfifo_ring *ring, enum vfifo_end end,
			struct vfifo_claim *claim)
{
	if (!claim_unmapped(ring, end, claim))
		return;
	claim_end(ring, end, claim);
	claim_put(claim);
}

/*
 * The claim of a side, with a reference, and one to its file; NULL: none, or one that
 * ends, as its last mapping has gone.
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
		get_file(claim->file); /* its mapping has it, so it is there */
	} else {
		claim = NULL;
	}
	spin_unlock(&ring->positions_lock);
	return claim;
}

/*
 * Takes a position's page out of the claim's mapping. A fault that has found the claim
 * good keeps the page locked until the page is mapped, and no fault finds it good from
 * here on. So those that are under way end here, and what they have mapped is found.
 */
static void claim_zap(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_claim *claim)
{
	const loff_t offset[] = {
		[VFIFO_PRODUCER] = VFIFO_MMAP_PRODUCER,
		[VFIFO_CONSUMER] = VFIFO_MMAP_CONSUMER,
	};
	struct page *page = virt_to_page(vfifo_side(ring, end)->page);

	lock_page(page);
	unlock_page(page);
	unmap_mapping_range(claim->file->f_mapping, offset[end], PAGE_SIZE, 1);
}

/**
 * vfifo_ring_revoke() - end the claim of a side, if there is one
 * @ring: the ring; the caller holds no lock
 * @end: the side
 *
 * What the holder had moved by then is taken over. Its mapping gives SIGBUS from here on,
 * wherever it is moved to.
 */
void vfifo_ring_revoke(struct vfifo_ring *ring, enum vfifo_end end)
{
	const char *side = end == VFIFO_PRODUCER ? "producer" : "consumer";
	struct vfifo_claim *claim = claim_to_revoke(ring, end);
	struct file *file;

	if (!claim)
		return;
	file = claim->file;
	pr_notice("vfifo%d: %s side revoked from process %d\n", ring->number,
		  side, pid_nr(claim->holder));
	claim_zap(ring, end, claim);
	claim_end(ring, end, claim);
	claim_put(claim);
	fput(file);
}

/* One more of any mapping that is there already (fork, mremap, or split in two). */
void vfifo_ring_map_again(struct vfifo_ring *ring)
{
	atomic_inc(&ring->mappings);
}

void vfifo_ring_unmap(struct vfifo_ring *ring)
{
	atomic_dec(&ring->mappings);
}

/* The page at @index of a mapping of the data that exists, or NULL. */
struct page *vfifo_ring_page(struct vfifo_ring *ring, pgoff_t index)
{
	const struct vfifo_buffer *buffer = &ring->buffer;

	return index < 2UL * buffer->nr_pages ? buffer->pages[index] : NULL;
}
