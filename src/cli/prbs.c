// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pseudo-random sequences of bits. A step is a linear map of the state, so that many steps are a
 * matrix over the field of two elements: any place is reached with a few dozen products.
 */
#include <errno.h>
#include <stdlib.h>

#include "prbs.h"

/* The bits that must follow the first `order` ones by the rule, so that this is no accident. */
#define ENOUGH_BITS 64

static const struct {
	unsigned int order, tap;
} sequences[] = {
	{ 7, 6 },  { 9, 5 },   { 11, 9 },  { 15, 14 },
	{ 20, 3 }, { 23, 18 }, { 31, 28 },
};

static uint32_t all_ones(const struct prbs *p)
{
	return (1U << p->order) - 1;
}

int prbs_begin(struct prbs *p, unsigned int order, bool inverted)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		if (sequences[i].order != order)
			continue;
		*p = (struct prbs){ .order = order,
				    .tap = sequences[i].tap,
				    .inverted = inverted };
		p->state = all_ones(p);
		return 0;
	}
	return -EINVAL;
}

uint64_t prbs_period(const struct prbs *p)
{
	return all_ones(p);
}

static uint32_t next_bit(const struct prbs *p, uint32_t state)
{
	return (state >> (p->order - 1) ^ state >> (p->tap - 1)) & 1;
}

static uint32_t shifted(const struct prbs *p, uint32_t state)
{
	return (state << 1 | next_bit(p, state)) & all_ones(p);
}

static unsigned char next_byte(const struct prbs *p, uint32_t *state)
{
	uint32_t byte = 0;

	/* None of eight bits depends on another of them if the tap is far enough. */
	if (p->tap >= 8) {
		byte = (*state >> (p->order - 8) ^ *state >> (p->tap - 8)) &
		       255;
		*state = (*state << 8 | byte) & all_ones(p);
		return (unsigned char)byte;
	}
	for (int i = 0; i < 8; i++) {
		*state = shifted(p, *state);
		byte = byte << 1 | (*state & 1);
	}
	return (unsigned char)byte;
}

/* --- many steps at once ----------------------------------------------------- */

/* The images of the states that have one bit set. */
struct matrix {
	uint32_t of[32];
};

static uint32_t apply(const struct matrix *m, uint32_t state)
{
	uint32_t result = 0;

	for (int i = 0; state; i++, state >>= 1)
		if (state & 1)
			result ^= m->of[i];
	return result;
}

static struct matrix one_step(const struct prbs *p)
{
	struct matrix m = { 0 };

	for (unsigned int i = 0; i < p->order; i++)
		m.of[i] = shifted(p, 1U << i);
	return m;
}

static void square(struct matrix *m)
{
	struct matrix twice = { 0 };

	for (int i = 0; i < 32; i++)
		twice.of[i] = apply(m, m->of[i]);
	*m = twice;
}

/* The state that is n steps after another one. */
static uint32_t advance(const struct prbs *p, uint32_t state, uint64_t n)
{
	struct matrix m = one_step(p);

	for (; n; n >>= 1) {
		if (n & 1)
			state = apply(&m, state);
		square(&m);
	}
	return state;
}

static void seek(struct prbs *p, uint64_t at)
{
	uint64_t period = prbs_period(p);

	if (p->at == at)
		return;
	p->state = advance(p, all_ones(p), at % period * 8 % period);
	p->at = at;
}

void prbs_fill(struct prbs *p, uint64_t at, unsigned char *bytes, size_t n)
{
	unsigned char flip = p->inverted ? 255 : 0;

	seek(p, at);
	for (size_t i = 0; i < n; i++)
		bytes[i] = next_byte(p, &p->state) ^ flip;
	p->at += n;
}

/* --- the place of bytes ----------------------------------------------------- */

/* A state near the beginning, and the number of steps to it. */
struct known {
	uint32_t state;
	uint32_t steps;
};

static int by_state(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->state > y->state) - (x->state < y->state);
}

/* The first n states, sorted. NULL: there is no memory. */
static struct known *make_known(const struct prbs *p, uint32_t n)
{
	struct known *k = malloc(n * sizeof(*k));
	uint32_t state = all_ones(p);

	for (uint32_t i = 0; k && i < n; i++) {
		k[i] = (struct known){ state, i };
		state = shifted(p, state);
	}
	if (k)
		qsort(k, n, sizeof(*k), by_state);
	return k;
}

/*
 * The number of steps to a state that is not 0: it goes on in strides of as many steps as states
 * near the beginning are known, until it meets one of these.
 */
static int steps_to(const struct prbs *p, uint32_t state, uint64_t *steps)
{
	uint64_t period = prbs_period(p), done = 0;
	uint32_t n = 1U << (p->order + 1) / 2;
	struct known *known = make_known(p, n), *met = NULL;
	struct matrix stride = one_step(p);

	if (!known)
		return -ENOMEM;
	for (uint32_t i = 1; i < n; i <<= 1)
		square(&stride);
	while (!met) {
		struct known wanted = { .state = state };

		met = bsearch(&wanted, known, n, sizeof(*known), by_state);
		state = apply(&stride, state);
		done += n;
	}
	done -= n;
	*steps = (met->steps + 2 * period - done % period) % period;
	free(known);
	return 0;
}

static uint32_t bit_of(const struct prbs *p, const unsigned char *bytes,
		       size_t i)
{
	return (bytes[i / 8] >> (7 - i % 8) & 1) ^ p->inverted;
}

int prbs_find(const struct prbs *p, const unsigned char *bytes, size_t n,
	      uint64_t *at)
{
	uint64_t period = prbs_period(p), steps;
	uint32_t state = 0;
	int err;

	if (8 * n < p->order + ENOUGH_BITS)
		return -EAGAIN;
	for (size_t i = 0; i < 8 * n; i++) {
		uint32_t bit = bit_of(p, bytes, i);

		if (i >= p->order && bit != next_bit(p, state))
			return -EBADMSG;
		state = (state << 1 | bit) & all_ones(p);
	}
	if (!state)
		return -EBADMSG;
	err = steps_to(p, state, &steps);
	if (err)
		return err;
	/* In bits, then in bytes: 2^(order - 3) is one eighth, modulo 2^order - 1. */
	steps = (steps + period - 8 * n % period) % period;
	*at = steps * (1ULL << (p->order - 3)) % period;
	return 0;
}
