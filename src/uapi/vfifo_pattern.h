/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo_pattern.h - the bytes that the generator produces
 *
 * Pure functions on memory, compiled by the module, by the library and by the tests
 * alike, so that who reads can tell what should have come. In the attribute
 * generator/pattern each has the name that is said here.
 */
#ifndef _UAPI_VFIFO_PATTERN_H
#define _UAPI_VFIFO_PATTERN_H

#include <linux/types.h>

/* The longest text, in bytes. */
#define VFIFO_TEXT_MAX 256

enum vfifo_pattern_kind {
	VFIFO_PATTERN_TEXT,    /* text: a text again and again */
	VFIFO_PATTERN_COUNTER, /* counter: 0, 1, 2 ..., 32 bits, little-endian */
	VFIFO_PATTERN_RAMP,    /* ramp: the bytes 0 to 255 again and again */
	VFIFO_PATTERN_PRBS31,  /* prbs31: x^31 + x^28 + 1 from all ones on */
	VFIFO_PATTERN_ZERO,    /* zero */
	VFIFO_PATTERNS,
};

/* Where in a pattern somebody is. */
struct vfifo_pattern {
	enum vfifo_pattern_kind kind;
	__u32 state;  /* the word of counter; the last 31 bits of prbs31 */
	__u32 at;     /* byte of the unit: see vfifo_pattern_unit() */
	__u32 length; /* of the text */
	unsigned char text[VFIFO_TEXT_MAX];
};

/* All ones: what prbs31 is taken to have been before its first bit. */
#define VFIFO_PRBS31_SEED 0x7fffffffU

/* To the beginning. */
static inline void vfifo_pattern_rewind(struct vfifo_pattern *p)
{
	p->state = p->kind == VFIFO_PATTERN_PRBS31 ? VFIFO_PRBS31_SEED : 0;
	p->at = 0;
}

/* Bytes that belong together: the text, or a word. */
static inline __u32 vfifo_pattern_unit(const struct vfifo_pattern *p)
{
	switch (p->kind) {
	case VFIFO_PATTERN_TEXT:
		return p->length;
	case VFIFO_PATTERN_COUNTER:
		return 4;
	default:
		return 1;
	}
}

/*
 * The next eight bits of prbs31, each the sum of those 31 and 28 before it, the first
 * one on top. They are of 28 older ones at least, so they can be had all at once.
 */
static inline unsigned char vfifo_prbs31_next(__u32 *state)
{
	unsigned char byte = (unsigned char)(*state >> 23 ^ *state >> 20);

	*state = (*state << 8 | byte) & 0x7fffffffU;
	return byte;
}

/* The next byte; the text may not be empty. */
static inline unsigned char vfifo_pattern_next(struct vfifo_pattern *p)
{
	unsigned char byte;

	switch (p->kind) {
	case VFIFO_PATTERN_TEXT:
		byte = p->text[p->at];
		p->at = p->at + 1 < p->length ? p->at + 1 : 0;
		return byte;
	case VFIFO_PATTERN_COUNTER:
		byte = (unsigned char)(p->state >> 8 * p->at);
		p->at = (p->at + 1) % 4;
		if (!p->at)
			p->state++;
		return byte;
	case VFIFO_PATTERN_RAMP:
		return (unsigned char)p->state++;
	case VFIFO_PATTERN_PRBS31:
		return vfifo_prbs31_next(&p->state);
	default:
		return 0;
	}
}

/* The next `n` bytes. */
static inline void vfifo_pattern_fill(struct vfifo_pattern *p, void *bytes,
				      __u32 n)
{
	unsigned char *to = (unsigned char *)bytes;

	while (n--)
		*to++ = vfifo_pattern_next(p);
}

/* As if they had been filled. */
static inline void vfifo_pattern_skip(struct vfifo_pattern *p, __u32 n)
{
	while (n--)
		vfifo_pattern_next(p);
}

/*
 * How many of `n` bytes are what comes next, up to the first that is not, which the
 * pattern has passed as well.
 */
static inline __u32 vfifo_pattern_match(struct vfifo_pattern *p,
					const void *bytes, __u32 n)
{
	const unsigned char *at = (const unsigned char *)bytes;
	__u32 i;

	for (i = 0; i < n; i++)
		if (at[i] != vfifo_pattern_next(p))
			break;
	return i;
}

#endif /* _UAPI_VFIFO_PATTERN_H */
