// SPDX-License-Identifier: LGPL-2.1-or-later
/* Copying with streaming (non-temporal) stores. */
#include <string.h>

#include "internal.h"

#define LINE 64U

#if VFIFO_CAN_STREAM
#include <emmintrin.h>

static void stream_line(unsigned char *to, const unsigned char *from)
{
	__m128i part[4];

	for (int i = 0; i < 4; i++)
		part[i] = _mm_loadu_si128((const __m128i *)from + i);
	for (int i = 0; i < 4; i++)
		_mm_stream_si128((__m128i *)to + i, part[i]);
}

/* sfence: before the store of the position that publishes the bytes, whose release does not order
 * streaming stores. Its partner is the acquire of the consumer, in __vfifo_look() or the kernel.
 */
static void end_stream(void)
{
	_mm_sfence();
}
#else
static void stream_line(unsigned char *to, const unsigned char *from)
{
	memcpy(to, from, LINE);
}

static void end_stream(void)
{
}
#endif

vfifo_hidden void vfifo_stream(unsigned char *to, const unsigned char *from,
			       size_t n)
{
	size_t head = -(uintptr_t)to % LINE;

	if (head > n)
		head = n;
	memcpy(to, from, head);
	to += head;
	from += head;
	for (n -= head; n >= LINE; n -= LINE) {
		stream_line(to, from);
		to += LINE;
		from += LINE;
	}
	memcpy(to, from, n);
	end_stream();
}
