/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.h - faults on purpose: a source in front of another one, by rate and seed */
#ifndef VFIFO_FAULT_H
#define VFIFO_FAULT_H

#include "protocol.h"
#include "source.h"

/* For a verb's --help. */
#define FAULT_HELP                                                                       \
	"A FAULT is one of these; P is a probability, such as 0.01 or 1e-6:\n\n"         \
	"  bit-errors=P    each bit is inverted\n"                                       \
	"  lost=P          a block is left out\n"                                        \
	"  doubled=P       a block comes twice\n"                                        \
	"  overrun=P       the first samples of a block are left out, a random number\n" \
	"  stall=P:TIME    from a block on nothing comes for TIME, then all at once\n"   \
	"  burst=P:N       N blocks come at once, ahead of their times\n"                \
	"  jitter=TIME     a block comes later, by a random time up to TIME\n"           \
	"  drift=PPM       the clock is faster, or slower if it is negative\n"

/* The kinds that happen at random. Each has a series of numbers of its own. */
enum fault_kind {
	FAULT_BIT_ERROR,
	FAULT_LOST,
	FAULT_DOUBLED,
	FAULT_OVERRUN,
	FAULT_STALL,
	FAULT_BURST,
	FAULT_JITTER,
	FAULT_KINDS,
};

struct fault_settings {
	uint64_t probability[FAULT_KINDS]; /* as parts of 2^64 */
	uint64_t stall, jitter;		   /* ns */
	uint64_t burst;			   /* blocks */
	int64_t drift;			   /* 10^-9 */
	uint64_t seed;
};

/* Takes KIND=VALUE. -EINVAL: `why` has the reason. */
int fault_parse(const char *text, struct fault_settings *f, char why[WHY_MAX]);

struct faults {
	struct source source;
	struct source *inner;
	struct fault_settings settings;
	struct protocol *protocol;
	uint64_t drawn[FAULT_KINDS]; /* numbers of each series so far */
	/* Bit n: an error in that bit, if none of the n bits before it has one but one of 8 has. */
	uint64_t any_bit, bit[8];
	struct source_block block;
	unsigned char *copy; /* of a block that comes twice */
	bool doubles;	     /* the copy is next */
	uint64_t not_before; /* a stall ends */
	uint64_t burst_due, burst_left;
	uint64_t last_due;
};

/* -ENOMEM. The inner source is closed with this one. */
int faults_begin(struct faults *f, struct source *inner,
		 const struct fault_settings *settings,
		 struct protocol *protocol);

/* Inverts bits of bytes that are about to be stored. */
void faults_flip(struct faults *f, unsigned char *bytes, size_t n);

#endif /* VFIFO_FAULT_H */
