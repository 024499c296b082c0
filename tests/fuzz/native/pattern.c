// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generator's patterns: a reader that starts anywhere finds its place, and arbitrary bytes
 * are a place in a pattern only if they obey its rule.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "input.h"
#include "libvfifo.h"

#define BYTES 600

static const char *const names[] = { "text",   "counter", "ramp",
				     "prbs31", "zero",	  "no pattern" };

/* The bits of @bytes, most significant bit first. */
static unsigned int bit(const uint8_t *bytes, size_t i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static uint32_t word(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool is_text(const struct vfifo_pattern *p, const uint8_t *bytes,
		    size_t n)
{
	size_t i, at;

	for (at = 0; at < p->length; at++) {
		for (i = 0; i < n; i++)
			if (bytes[i] != p->text[(at + i) % p->length])
				break;
		if (i == n)
			return true;
	}
	return false;
}

static bool is_counter(const uint8_t *bytes, size_t n)
{
	size_t i, at;

	for (at = 0; at < 4; at++) {
		/* The first whole word is at byte `at`; what is before it ends the word before. */
		uint32_t first = at + 4 <= n ? word(bytes + at) : 0;

		for (i = 0; i < n; i++) {
			uint32_t value = first + (uint32_t)(i + 4 - at) / 4 - 1;

			if (bytes[i] !=
			    (uint8_t)(value >> (i + 4 - at) % 4 * 8))
				break;
		}
		if (i == n)
			return true;
	}
	return false;
}

static bool is_prbs31(const uint8_t *bytes, size_t n)
{
	bool zero = true;

	for (size_t i = 0; i < 8 * n; i++)
		if (i >= 31 &&
		    bit(bytes, i) != (bit(bytes, i - 31) ^ bit(bytes, i - 28)))
			return false;
	for (size_t i = 0; i < n; i++)
		zero = zero && !bytes[i];
	return !zero;
}

static bool is_ramp(const uint8_t *bytes, size_t n, unsigned int step)
{
	uint8_t next = step ? bytes[0] : 0;

	for (size_t i = 0; i < n; i++, next = (uint8_t)(next + step))
		if (bytes[i] != next)
			return false;
	return true;
}

static bool obeys(const struct vfifo_pattern *p, const uint8_t *bytes, size_t n)
{
	switch (p->kind) {
	case VFIFO_PATTERN_TEXT:
		return is_text(p, bytes, n);
	case VFIFO_PATTERN_COUNTER:
		return is_counter(bytes, n);
	case VFIFO_PATTERN_PRBS31:
		return is_prbs31(bytes, n);
	default:
		return is_ramp(bytes, n, p->kind == VFIFO_PATTERN_RAMP);
	}
}

/* Searches a place for @n bytes. @theirs: they are of the pattern. */
static void find(struct vfifo_pattern p, const uint8_t *bytes, size_t n,
		 bool theirs)
{
	uint8_t all[2 * BYTES];
	int err = vfifo_pattern_sync(&p, bytes, n);

	MUST(!err || err == -EAGAIN || err == -EBADMSG);
	MUST(err != -EBADMSG || !theirs);
	MUST(err != -EAGAIN || n < VFIFO_SYNC_ENOUGH);
	if (!n || err == -EAGAIN)
		return;
	MUST(!err == obeys(&p, bytes, n));
	if (err)
		return;
	/* The pattern goes on from there. */
	memcpy(all, bytes, n);
	vfifo_pattern_fill(&p, all + n, BYTES);
	MUST(obeys(&p, all, n + BYTES));
}

/* What comes next must match, up to the first byte that does not. */
static void match(struct vfifo_pattern p, size_t wrong)
{
	struct vfifo_pattern q = p;
	uint8_t bytes[BYTES];

	vfifo_pattern_fill(&p, bytes, BYTES);
	bytes[wrong % BYTES] ^= 1;
	MUST(vfifo_pattern_match(&q, bytes, BYTES) == wrong % BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = { bytes, n };
	struct vfifo_pattern p;
	uint8_t part[BYTES];
	size_t kind = take(&in, 1) % 6, skip = take(&in, 2) % 5000, length;
	int err;

	length = take(&in, 2) % 300;
	if (length > in.left)
		length = in.left;
	err = vfifo_pattern_set(&p, names[kind], in.at, length);
	MUST(err ==
	     (kind == 5 || (!kind && (!length || length > VFIFO_TEXT_MAX)) ?
		      -EINVAL :
		      0));
	if (err)
		return 0;
	in.at += length;
	in.left -= length;
	if (kind == VFIFO_PATTERN_COUNTER)
		p.state = (uint32_t)take(&in, 4);
	vfifo_pattern_skip(&p, (uint32_t)skip);
	match(p, take(&in, 2));
	length = in.left < BYTES ? in.left : BYTES;
	find(p, in.at, length, false);
	vfifo_pattern_fill(&p, part, (uint32_t)length);
	find(p, part, length, true);
	return 0;
}
