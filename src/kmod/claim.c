// SPDX-License-Identifier: GPL-2.0
/*
 * claim.c - who has a ring mapped, and who holds its sides
 *
 * A mapping of any kind pins the buffer, so that no resize can pull it away. One of
 * a position that may be written is the claim of that side besides: its holder then
 * moves it, and read(2), write(2) and the generator do not. The generator holds the
 * producer side in the same way, as mode 1 and a claim exclude each other.
 */
#include <linux/mutex.h>

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
		vfifo_ring_wake_all(ring);
	return err;
}

void vfifo_ring_generate_end(struct vfifo_ring *ring)
{
	struct vfifo_side *side = vfifo_side(ring, VFIFO_PRODUCER);

	mutex_lock(&side->lock);
	vfifo_position_set_generating(ring, false);
	mutex_unlock(&side->lock);
	vfifo_ring_wake_all(ring);
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

/**
 * vfifo_ring_claim() - the same for a position that the caller will move
 * @ring: the ring
 * @end: whose
 *
 * Return: 0; -EBUSY: somebody else has claimed it, or the generator is on; -EINTR,
 * -ENODEV.
 */
int vfifo_ring_claim(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	int err = lock_to_map(ring, end);

	if (err)
		return err;
	if (vfifo_position_claimed(side) ||
	    (end == VFIFO_PRODUCER && ring->generating)) {
		mutex_unlock(&side->lock);
		return -EBUSY;
	}
	atomic_inc(&ring->mappings);
	vfifo_position_claim(ring, end);
	mutex_unlock(&side->lock);

	vfifo_ring_wake_all(ring);
	return 0;
}

/* One less; with the last one the side is the kernel's again. */
void vfifo_ring_release(struct vfifo_ring *ring, enum vfifo_end end)
{
	struct vfifo_side *side = vfifo_side(ring, end);
	bool last;

	mutex_lock(&side->lock);
	last = vfifo_position_release(ring, end);
	mutex_unlock(&side->lock);
	if (last)
		vfifo_ring_wake_all(ring);
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
