/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ring.h - the lifetime and the settings of a ring
 */
#ifndef _VFIFO_RING_H
#define _VFIFO_RING_H

#include <linux/fs.h>

#include "side.h"

/* What has happened since the ring was made, or since the counters were reset. */
struct vfifo_counts {
	u64 bytes[2]; /* by enum vfifo_end */
	u64 calls[2];
	u64 dropped; /* bytes */
	u64 dropped_records;
	u64 kicks;
	u64 wakeups;
};

int vfifo_ring_init(struct vfifo_ring *ring, int number, u32 capacity,
		    enum vfifo_memory memory);
void vfifo_ring_remove(struct vfifo_ring *ring);
void vfifo_ring_destroy(struct vfifo_ring *ring);

void vfifo_ring_open(struct vfifo_ring *ring, fmode_t mode);
void vfifo_ring_close(struct vfifo_ring *ring, fmode_t mode);
void vfifo_ring_end(struct vfifo_ring *ring);

int vfifo_ring_make_room(struct vfifo_ring *ring, u32 n, bool nowait);
void vfifo_ring_scrub(struct vfifo_ring *ring, void *at, u32 n);
int vfifo_ring_clear(struct vfifo_ring *ring);

int vfifo_ring_resize(struct vfifo_ring *ring, u32 capacity);
int vfifo_ring_set_memory(struct vfifo_ring *ring, enum vfifo_memory memory);
int vfifo_ring_set_framing(struct vfifo_ring *ring, enum vfifo_framing framing);
int vfifo_ring_set_watermark(struct vfifo_ring *ring, enum vfifo_end end,
			     u32 watermark);
void vfifo_ring_set_overflow(struct vfifo_ring *ring,
			     enum vfifo_overflow overflow);
void vfifo_ring_set_eof(struct vfifo_ring *ring, bool eof);

void vfifo_ring_counts(struct vfifo_ring *ring, struct vfifo_counts *counts);
int vfifo_ring_reset_counts(struct vfifo_ring *ring);

#endif /* _VFIFO_RING_H */
