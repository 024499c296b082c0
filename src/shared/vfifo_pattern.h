/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo_pattern.h - the bytes that the generator produces
 *
 * Pure functions on memory. The module, the library and the tests compile this one file,
 * so that a reader can check the bytes. The word in front of each comment below is the
 * pattern's name in the attribute generator/pattern.
 */
#ifndef VFIFO_PATTERN_H
#define VFIFO_PATTERN_H

#include <linux/types.h>

/* The longest text, in bytes. */
#define VFIFO_TEXT_MAX 256

enum vfifo_pattern_kind {
	VFIFO_PATTERN_TEXT,    /* text: a text, repeated */
	VFIFO_PATTERN_COUNTER, /* counter: 0, 1, 2 ..., 32 bits, little-endian */
	VFIFO_PATTERN_RAMP,    /* ramp: the bytes 0 to 255, repeated */
	VFIFO_PATTERN_PRBS31,  /* prbs31: x^31 + x^28 + 1, seed all ones */
	VFIFO_PATTERN_ZERO,    /* zero */
	VFIFO_PATTERNS,
};

/* A pattern and a place in it. */
struct vfifo_pattern {
	enum vfifo_pattern_kind kind;
	__u32 state; /* counter: the word; ramp: the byte; prbs31: its last 31 bits */
	__u32 at;     /* byte of the unit, see vfifo_pattern_unit() */
	__u32 length; /* of the text */
	unsigned char text[VFIFO_TEXT_MAX];
};

/* All ones: the 31 bits before the first bit of prbs31. */
#define VFIFO_PRBS31_SEED 0x7fffffffU

/* Goes back to the beginning of the pattern. */
static inline void vfifo_pattern_rewind(struct vfifo_pattern *p)
{
	p->state = p->kind == VFIFO_PATTERN_PRBS31 ? VFIFO_PRBS31_SEED : 0;
	p->at = 0;
}

/* Return: the number of bytes that belong together: the text, a word, or one byte. */
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
 * Return: the next eight bits of prbs31, most significant bit first. Each bit is the sum,
 * modulo 2, of the bits 31 and 28 places before it. None of the eight depends on another
 * of them, so all eight are computed at once.
 */
static inline unsigned char vfifo_prbs31_next(__u32 *state)
{
	unsigned char byte = (unsigned char)(*state >> 23 ^ *state >> 20);

	*state = (*state << 8 | byte) & 0x7fffffffU;
	return byte;
}

/* Return: the next byte. The text must not be empty. */
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

/* Stores the next @n bytes of the pattern at @bytes. */
static inline void vfifo_pattern_fill(struct vfifo_pattern *p, void *bytes,
				      __u32 n)
{
	unsigned char *to = (unsigned char *)bytes;

	while (n--)
		*to++ = vfifo_pattern_next(p);
}

/* Skips the next @n bytes of the pattern. */
static inline void vfifo_pattern_skip(struct vfifo_pattern *p, __u32 n)
{
	while (n--)
		vfifo_pattern_next(p);
}

/*
 * Compares @n bytes with the next bytes of the pattern, up to and including the first one
 * that differs. Return: the number of equal bytes before that one, or @n.
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

#endif /* VFIFO_PATTERN_H */
