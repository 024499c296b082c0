// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The arithmetic of vfifo_ring.h, compared with counts of 64 bits, which do not wrap.
 *
 * The input is a sequence of cases: a capacity, where two streams are, and a new position.
 */
#include <linux/vfifo.h>
#include <vfifo_ring.h>

#include "input.h"

#define WRAP (1ULL << 32)

/* How far it is from one position to another, forward. */
static uint64_t ahead(uint32_t from, uint32_t to)
{
	return to >= from ? (uint64_t)to - from : WRAP - from + to;
}

/* Two positions that may be anything. */
static void compare_any(uint32_t capacity, uint32_t in, uint32_t out)
{
	uint64_t used = ahead(out, in);

	MUST(vfifo_used(in, out) == used);
	MUST(!vfifo_valid(capacity, in, out) == (used > capacity));
	MUST(vfifo_offset(capacity, in) == in % capacity);
}

/* A valid pair: @in64 bytes were produced, and @out64 of them consumed. */
static void compare_valid(uint32_t capacity, uint64_t in64, uint64_t out64)
{
	uint32_t in = (uint32_t)in64, out = (uint32_t)out64;
	uint64_t used = in64 - out64, unused = capacity - used;

	MUST(vfifo_valid(capacity, in, out));
	MUST(vfifo_used(in, out) == used);
	MUST(vfifo_free(capacity, in, out) == unused);
	MUST(vfifo_room(VFIFO_CONSUMER, capacity, in, out) == used);
	MUST(vfifo_room(VFIFO_PRODUCER, capacity, in, out) == unused);
}

/* One side of that pair moves to @now, as it says. */
static void compare_move(uint32_t capacity, uint64_t in64, uint64_t out64,
			 uint32_t now)
{
	uint32_t in = (uint32_t)in64, out = (uint32_t)out64;
	uint64_t used = in64 - out64;

	MUST(!vfifo_moved(VFIFO_PRODUCER, capacity, in, now, out) ==
	     (ahead(in, now) > capacity - used));
	MUST(!vfifo_moved(VFIFO_CONSUMER, capacity, out, now, in) ==
	     (ahead(out, now) > used));
}

/* Of all powers of two, the first that is enough. */
static void compare_capacity(uint64_t bytes, uint32_t page, uint32_t max)
{
	uint32_t capacity = vfifo_capacity_for(bytes, page, max);
	uint64_t least = bytes > page ? bytes : page, power = 1;

	while (power < least && power < WRAP)
		power *= 2;
	MUST(capacity == (bytes && bytes <= max ? power : 0));
}

static void one_case(struct input *in)
{
	uint32_t capacity = 4096U << take(in, 1) % 18;
	uint64_t out64 = take(in, 5),
		 in64 = out64 + take(in, 4) % (capacity + 1);
	uint32_t now = (uint32_t)take(in, 4);
	uint32_t near = (uint32_t)take(in, 1) % 4 - 2;

	compare_any(capacity, now, (uint32_t)out64);
	compare_valid(capacity, in64, out64);
	compare_move(capacity, in64, out64, now);
	/* The limits of the two sides, and their neighbours. */
	compare_move(capacity, in64, out64, (uint32_t)in64 + near);
	compare_move(capacity, in64, out64, (uint32_t)out64 + near);
	compare_move(capacity, in64, out64, (uint32_t)out64 + capacity + near);
	compare_any(capacity, (uint32_t)out64 + capacity + near,
		    (uint32_t)out64);
	compare_capacity(in64, 4096U << now % 5, VFIFO_CAPACITY_MAX);
	compare_capacity(capacity + (uint64_t)near, 4096, VFIFO_CAPACITY_MAX);
	compare_capacity(take(in, 8), 4096, capacity);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = { bytes, n };

	while (in.left)
		one_case(&in);
	return 0;
}
