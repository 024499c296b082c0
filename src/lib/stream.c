// SPDX-License-Identifier: LGPL-2.1-or-later
/* Past the caches: streaming (non-temporal) stores, and lines that are flushed. */
#include <string.h>

#include "internal.h"

#define LINE 64U

#if VFIFO_CAN_STREAM
#include <cpuid.h>
#include <emmintrin.h>

#define CLFLUSHOPT (1U << 23) /* in ebx of leaf 7 */

vfifo_hidden bool vfifo_can_flush(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       (ebx & CLFLUSHOPT);
}

static void flush_line(unsigned char *line)
{
	__asm__ volatile("clflushopt %0" : "+m"(*line));
}

static void stream_line(unsigned char *to, const unsigned char *from)
{
	__m128i part[4];

	for (int i = 0; i < 4; i++)
		part[i] = _mm_loadu_si128((const __m128i *)from + i);
	for (int i = 0; i < 4; i++)
		_mm_stream_si128((__m128i *)to + i, part[i]);
}

/*
 * Streaming stores are not ordered by the release of the position that publishes the bytes, so the
 * sfence comes before it. Pairs with the consumer's acquire, in __vfifo_look(), or in
 * load_and_check() of the kernel.
 */
static void end_stream(void)
{
	_mm_sfence();
}
#else
vfifo_hidden bool vfifo_can_flush(void)
{
	return false;
}

static void flush_line(unsigned char *line)
{
	(void)line;
}

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

vfifo_hidden void vfifo_flush(unsigned char *p, size_t n)
{
	unsigned char *end = p + n;

	for (p -= (uintptr_t)p % LINE; p + LINE <= end; p += LINE)
		flush_line(p);
}
