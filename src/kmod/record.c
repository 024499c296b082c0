// SPDX-License-Identifier: GPL-2.0
/*
 * record.c - records in a ring whose framing is VFIFO_RECORDS
 *
 * A record is stored as a header, its bytes and up to 7 bytes of padding. A position moves by
 * whole records, so with both sides in the kernel's hands a side that has bytes has a record.
 *
 * The header is in memory that clients map, and a holder of the producer side moves the
 * position. So each header can have any value at any time. The kernel loads the length once, and
 * uses it only if the record is within what is stored. Otherwise there is no way to know where
 * the next record begins: read(2) fails, and nothing is lost, until the header has a valid
 * value, or all that is stored is dropped. The other fields of a header are for clients: the
 * kernel stores and never loads them.
 *
 * ring->sequence is the number of the next record. It is protected by the lock of the producer
 * side. While that side is claimed, the holder counts, in the page of its position. A new record
 * that is dropped uses up a number, so a reader sees that it is missing.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <vfifo_ring.h>

#include "record.h"
#include "side.h"

/* Records to look at before other tasks get the processor. */
#define VFIFO_LOOKS_MAX 4096U

/* The length of the record at @position, up to which @stored bytes follow; 0: there is none. */
static u32 length_at(struct vfifo_ring *ring, u32 position, u32 stored)
{
	const u32 offset = vfifo_offset(ring->buffer.capacity, position);
	const struct vfifo_record *record = ring->buffer.data + offset;

	lockdep_assert_held(&vfifo_side(ring, VFIFO_CONSUMER)->lock);
	return vfifo_record_length(READ_ONCE(record->length), stored);
}

/**
 * vfifo_record_next() - find the record that a reader gets next
 * @ring: the ring
 * @stored: what vfifo_side_available() has returned for the consumer side, not 0
 *
 * The bytes begin behind the header, which is at vfifo_side_at().
 *
 * Context: Process context, under the consumer side's lock. May sleep.
 * Return: its length in bytes; -EIO: there is no valid header, which is noted for poll(2).
 */
int vfifo_record_next(struct vfifo_ring *ring, u32 stored)
{
	const u32 position = vfifo_side(ring, VFIFO_CONSUMER)->position;
	const u32 length = length_at(ring, position, stored);

	if (unlikely(!length))
		trace_vfifo_bad_record(ring->number, position, stored);
	vfifo_side_bad_record(ring, !length);
	return length ?: -EIO;
}

/**
 * vfifo_record_look() - compute the length of the record that a reader gets next
 * @ring: the ring
 *
 * A query: it records nothing.
 *
 * Context: Process context. May sleep. Takes the consumer side's lock.
 * Return: bytes; 0: there is no record; -EBUSY: the consumer side is claimed; -EIO: there is no
 * valid header, or the ring is broken; -ENODEV: the device was removed; -ERESTARTSYS: a signal.
 */
int vfifo_record_look(struct vfifo_ring *ring)
{
	int ret = vfifo_side_lock_interruptible(ring, VFIFO_CONSUMER);
	u32 stored;

	if (ret)
		return ret;
	stored = vfifo_side_room(ring, VFIFO_CONSUMER);
	/* The position of the other side before the bytes that it stands for. */
	vfifo_buffer_order(&ring->buffer);
	ret = vfifo_side_state(ring, VFIFO_CONSUMER);
	if (!ret && ring->framing == VFIFO_BYTES)
		ret = stored;
	else if (!ret && stored)
		ret = length_at(ring, vfifo_side(ring, VFIFO_CONSUMER)->position, stored) ?:
			      -EIO;
	vfifo_side_unlock(ring, VFIFO_CONSUMER);
	return ret;
}

/**
 * vfifo_record_commit() - hand a record over to the other side
 * @ring: the ring
 * @length: its bytes, which the caller has stored behind the place of the header
 *
 * Its time is now. Further as vfifo_side_commit() for the producer side.
 *
 * Context: Process context, under the producer side's lock.
 */
void vfifo_record_commit(struct vfifo_ring *ring, u32 length)
{
	struct vfifo_record *record = vfifo_side_at(ring, VFIFO_PRODUCER);
	const u32 space = vfifo_record_space(length);
	const u32 used = sizeof(*record) + length;

	*record = (struct vfifo_record){
		.length = length,
		.sequence = ring->sequence++,
		.time = ktime_get_ns(),
	};
	memset((void *)record + used, 0, space - used);
	vfifo_side_commit(ring, VFIFO_PRODUCER, space);
}

static void count_dropped(struct vfifo_ring *ring, u64 bytes, u64 records)
{
	atomic64_add(bytes, &ring->dropped);
	atomic64_add(records, &ring->dropped_records);
}

/**
 * vfifo_record_drop_new() - drop a record that there is no space for
 * @ring: the ring
 * @length: its bytes
 *
 * Context: Under the producer side's lock.
 */
void vfifo_record_drop_new(struct vfifo_ring *ring, u32 length)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	ring->sequence++;
	count_dropped(ring, length, 1);
}

/**
 * vfifo_record_drop_many() - drop new records of one length
 * @ring: the ring
 * @records: their number
 * @length: the bytes of each
 *
 * Context: Under the producer side's lock.
 */
void vfifo_record_drop_many(struct vfifo_ring *ring, u64 records, u32 length)
{
	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	ring->sequence += (u32)records;
	count_dropped(ring, records * length, records);
}

/**
 * vfifo_record_drop_oldest() - drop whole records, the oldest first
 * @ring: the ring
 * @least: the number of bytes to drop, headers and padding included
 * @stored: what vfifo_side_available() has returned for the consumer side
 *
 * Drops all that is stored if @least is more, or if there is an invalid header on the way: it
 * hides where the next record begins.
 *
 * Context: Process context, under both side locks. May sleep. vfifo_ring_wake() of the consumer
 * side is due when they are released.
 */
void vfifo_record_drop_oldest(struct vfifo_ring *ring, u32 least, u32 stored)
{
	const u32 from = vfifo_side(ring, VFIFO_CONSUMER)->position;
	u32 dropped = 0, bytes = 0, records = 0;

	while (dropped < min(least, stored)) {
		const u32 left = stored - dropped;
		const u32 length = length_at(ring, from + dropped, left);

		if (!length) {
			bytes += left;
			dropped = stored;
			break;
		}
		bytes += length;
		dropped += vfifo_record_space(length);
		if (!(++records % VFIFO_LOOKS_MAX))
			cond_resched();
	}
	count_dropped(ring, bytes, records);
	vfifo_side_bad_record(ring, false);
	vfifo_side_commit(ring, VFIFO_CONSUMER, dropped);
}
