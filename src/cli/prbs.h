/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prbs.h - pseudo-random sequences of bits by ITU-T O.150, and the place of bytes in one
 *
 * The bits fill bytes, the most significant first. The bits before the first are all ones, as in
 * the generator's prbs31, which is the same sequence. A sequence of order n repeats after
 * 2^n - 1 bits, and so its bytes repeat after 2^n - 1 bytes.
 */
#ifndef VFIFO_PRBS_H
#define VFIFO_PRBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prbs {
	unsigned int order, tap; /* x^order + x^tap + 1 */
	bool inverted;
	/* The last `order` bits before the byte `at`; computed anew for another place. */
	uint32_t state;
	uint64_t at;
};

/* -EINVAL: there is no sequence of that order. */
int prbs_begin(struct prbs *p, unsigned int order, bool inverted);

/* After so many bytes the bytes repeat. */
uint64_t prbs_period(const struct prbs *p);

/* Stores the n bytes that begin at the byte `at`. */
void prbs_fill(struct prbs *p, uint64_t at, unsigned char *bytes, size_t n);

/*
 * Finds the place of n bytes, less than the period. 0; -EAGAIN: they are too few; -EBADMSG: they
 * are not in the sequence; -ENOMEM.
 */
int prbs_find(const struct prbs *p, const unsigned char *bytes, size_t n,
	      uint64_t *at);

#endif /* VFIFO_PRBS_H */
