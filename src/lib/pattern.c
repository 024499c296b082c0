// SPDX-License-Identifier: LGPL-2.1-or-later
/* The generator's patterns by name, and finding a place in one; see <vfifo_pattern.h>. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "libvfifo.h"

static const char *const names[] = {
	[VFIFO_PATTERN_TEXT] = "text", [VFIFO_PATTERN_COUNTER] = "counter",
	[VFIFO_PATTERN_RAMP] = "ramp", [VFIFO_PATTERN_PRBS31] = "prbs31",
	[VFIFO_PATTERN_ZERO] = "zero",
};

static int set_text(struct vfifo_pattern *p, const void *text, size_t length)
{
	if (!length || length > VFIFO_TEXT_MAX)
		return -EINVAL;
	p->length = (__u32)length;
	memcpy(p->text, text, length);
	return 0;
}

int vfifo_pattern_set(struct vfifo_pattern *p, const char *name,
		      const void *text, size_t length)
{
	struct vfifo_pattern made = { .kind = VFIFO_PATTERN_TEXT };
	int err = 0;

	while (strcmp(name, names[made.kind]))
		if (++made.kind == VFIFO_PATTERNS)
			return -EINVAL;
	if (made.kind == VFIFO_PATTERN_TEXT)
		err = set_text(&made, text, length);
	if (err)
		return err;
	vfifo_pattern_rewind(&made);
	*p = made;
	return 0;
}

/* Return: the number of bytes below which no place can be found. */
static size_t least(const struct vfifo_pattern *p)
{
	switch (p->kind) {
	case VFIFO_PATTERN_TEXT:
		return p->length;
	case VFIFO_PATTERN_COUNTER:
	case VFIFO_PATTERN_PRBS31:
		return 8;
	default:
		return 1;
	}
}

static __u32 word_at(const unsigned char *bytes)
{
	return (__u32)bytes[0] | (__u32)bytes[1] << 8 | (__u32)bytes[2] << 16 |
	       (__u32)bytes[3] << 24;
}

/* The first byte is byte @at of its word, so the first whole word gives the counter. */
static __u32 counter_state(const unsigned char *bytes, __u32 at)
{
	return at ? word_at(bytes + 4 - at) - 1 : word_at(bytes);
}

/*
 * Return: the state before these four bytes. Each new bit is the sum of the bits 31 and 28
 * places before it, so the bit that was shifted out is the sum of the new bit and of the
 * bit 28 places before that: 32 steps back.
 */
static __u32 prbs31_state(const unsigned char *bytes)
{
	__u32 state = ((__u32)bytes[0] << 24 | (__u32)bytes[1] << 16 |
		       (__u32)bytes[2] << 8 | (__u32)bytes[3]) &
		      VFIFO_PRBS31_SEED;

	for (int bit = 0; bit < 32; bit++)
		state = state >> 1 | ((state ^ state >> 28) & 1) << 30;
	return state;
}

/* Sets the pattern to the place of the first byte, if that is byte @at of its unit. */
static void place(struct vfifo_pattern *p, const unsigned char *bytes, __u32 at)
{
	p->at = at;
	p->state = 0;
	if (p->kind == VFIFO_PATTERN_COUNTER)
		p->state = counter_state(bytes, at);
	else if (p->kind == VFIFO_PATTERN_RAMP)
		p->state = bytes[0];
	else if (p->kind == VFIFO_PATTERN_PRBS31)
		p->state = prbs31_state(bytes);
}

static bool follows(struct vfifo_pattern *p, const unsigned char *bytes,
		    size_t n)
{
	/* A state of all zeros repeats forever; prbs31 never reaches it. */
	if (p->kind == VFIFO_PATTERN_PRBS31 && !p->state)
		return false;
	while (n--)
		if (*bytes++ != vfifo_pattern_next(p))
			return false;
	return true;
}

/* Return: the number of places of a unit that match; the first of them in *found. */
static unsigned int places(const struct vfifo_pattern *p, const void *bytes,
			   size_t n, struct vfifo_pattern *found)
{
	unsigned int fit = 0;

	for (__u32 at = 0; at < vfifo_pattern_unit(p); at++) {
		struct vfifo_pattern here = *p;

		place(&here, bytes, at);
		if (!follows(&here, bytes, n))
			continue;
		if (!fit++)
			*found = here;
	}
	return fit;
}

/*
 * A text that repeats a shorter text matches at several places, and any of them will do. A
 * counter can match at two places because of a carry; twelve bytes decide.
 */
int vfifo_pattern_sync(struct vfifo_pattern *p, const void *bytes, size_t n)
{
	struct vfifo_pattern found;
	unsigned int fit;

	if (n < least(p))
		return -EAGAIN;
	fit = places(p, bytes, n, &found);
	if (!fit)
		return -EBADMSG;
	if (fit > 1 && p->kind == VFIFO_PATTERN_COUNTER)
		return -EAGAIN;
	*p = found;
	return 0;
}
