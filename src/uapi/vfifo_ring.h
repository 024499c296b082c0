/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo_ring.h - the arithmetic of positions
 *
 * Pure functions on numbers, compiled by the module, by the library and by the tests
 * alike. A position is a free-running count of bytes, modulo 2^32: `in` of those ever
 * produced, `out` of those ever consumed. A capacity is a power of two of at
 * most VFIFO_CAPACITY_MAX, so 0 <= in - out <= capacity always tells full from
 * empty, whatever wrapped. All sizes are in bytes.
 */
#ifndef _UAPI_VFIFO_RING_H
#define _UAPI_VFIFO_RING_H

#include <linux/types.h>
#include "vfifo.h"

/* Bytes stored. */
static inline __u32 vfifo_used(__u32 in, __u32 out)
{
	return in - out;
}

/* Bytes that can still be stored. */
static inline __u32 vfifo_free(__u32 capacity, __u32 in, __u32 out)
{
	return capacity - vfifo_used(in, out);
}

/* Bytes that a side may fill, or take. */
static inline __u32 vfifo_room(enum vfifo_end end, __u32 capacity, __u32 in,
			       __u32 out)
{
	return end == VFIFO_PRODUCER ? vfifo_free(capacity, in, out) :
				       vfifo_used(in, out);
}

/* Whether two positions can be those of one FIFO. */
static inline int vfifo_valid(__u32 capacity, __u32 in, __u32 out)
{
	return vfifo_used(in, out) <= capacity;
}

/*
 * Whether a side can have moved from `old`, a position that was good, to `now`,
 * when the other side is at `peer` by then: forward, and no further than there was
 * something to fill, or to take.
 */
static inline int vfifo_moved(enum vfifo_end end, __u32 capacity, __u32 old,
			      __u32 now, __u32 peer)
{
	__u32 limit = end == VFIFO_PRODUCER ? peer + capacity : peer;

	return now - old <= limit - old;
}

/*
 * Where in the buffer a position is. Because the buffer appears twice, back to
 * back, the `capacity` bytes from there on are contiguous.
 */
static inline __u32 vfifo_offset(__u32 capacity, __u32 position)
{
	return position & (capacity - 1);
}

/*
 * The capacity for a wish of `bytes`: the next power of two, at least a page.
 * 0: no capacity is that large (`max`, itself a power of two) or that small.
 */
static inline __u32 vfifo_capacity_for(__u64 bytes, __u32 page, __u32 max)
{
	__u32 capacity = page;

	if (!bytes || bytes > max)
		return 0;
	while (capacity < bytes)
		capacity <<= 1;
	return capacity;
}

#endif /* _UAPI_VFIFO_RING_H */
