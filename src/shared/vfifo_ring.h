/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo_ring.h - the arithmetic of positions
 *
 * Pure functions on numbers. The module, the library and the tests compile this one file,
 * and so does every user of <libvfifo.h>. A position is a free-running count of bytes,
 * modulo 2^32: `in` counts the bytes ever produced, `out` those ever consumed. A capacity
 * is a power of two of at most VFIFO_CAPACITY_MAX, so the difference in - out, modulo 2^32,
 * distinguishes full from empty even after a position has wrapped. All sizes are in bytes.
 */
#ifndef VFIFO_RING_H
#define VFIFO_RING_H

#ifdef __KERNEL__
#include <vfifo.h>
#else
#include <linux/vfifo.h>
#endif

/* Return: the number of bytes stored. */
static inline __u32 vfifo_used(__u32 in, __u32 out)
{
	return in - out;
}

/* Return: the number of bytes that can still be stored. */
static inline __u32 vfifo_free(__u32 capacity, __u32 in, __u32 out)
{
	return capacity - vfifo_used(in, out);
}

/* Return: the number of bytes that @end may fill (the producer) or take (the consumer). */
static inline __u32 vfifo_room(enum vfifo_end end, __u32 capacity, __u32 in,
			       __u32 out)
{
	return end == VFIFO_PRODUCER ? vfifo_free(capacity, in, out) :
				       vfifo_used(in, out);
}

/* Return: nonzero if the pair is valid, 0 <= in - out <= capacity. */
static inline int vfifo_valid(__u32 capacity, __u32 in, __u32 out)
{
	return vfifo_used(in, out) <= capacity;
}

/*
 * Return: nonzero if @end may have moved from @old, a valid position, to @now, given that
 * the other side is at @peer: forward, and by no more bytes than it could fill or take.
 */
static inline int vfifo_moved(enum vfifo_end end, __u32 capacity, __u32 old,
			      __u32 now, __u32 peer)
{
	__u32 limit = end == VFIFO_PRODUCER ? peer + capacity : peer;

	return now - old <= limit - old;
}

/*
 * Return: the offset of a position in the buffer. The buffer appears twice, back to back,
 * so the @capacity bytes from that offset on are contiguous.
 */
static inline __u32 vfifo_offset(__u32 capacity, __u32 position)
{
	return position & (capacity - 1);
}

/* Return: the bytes that a record takes in the buffer: with its header and its padding. */
static inline __u32 vfifo_record_space(__u32 length)
{
	return (__u32)sizeof(struct vfifo_record) +
	       ((length + VFIFO_RECORD_ALIGN - 1) & ~(VFIFO_RECORD_ALIGN - 1));
}

/* Return: the length of the longest record that may be written, in bytes. */
static inline __u32 vfifo_record_max(__u32 capacity)
{
	return capacity / 2;
}

/*
 * Return: the length of the record whose header begins with @word, given that @stored bytes
 * are stored from there on; 0: there is no such record. (The capacity can have shrunk since the
 * record was written, so vfifo_record_max() is no limit here.)
 */
static inline __u32 vfifo_record_length(__u32 word, __u32 stored)
{
	__u32 length = word & VFIFO_RECORD_LENGTH;

	return length && vfifo_record_space(length) <= stored ? length : 0;
}

/*
 * Return: the smallest valid capacity of at least @bytes: a power of two, and at least one
 * @page; 0 if @bytes is 0 or more than @max, itself a power of two.
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

#endif /* VFIFO_RING_H */
