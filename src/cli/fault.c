// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults on purpose. The numbers of each kind depend on the seed, the kind and how often it was
 * drawn, so that a seed makes the same faults again, whatever the other kinds do.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "fault.h"
#include "mix.h"

/* --- the command line ------------------------------------------------------- */

/* Longer times would overflow, and are a mistake. */
#define TIME_MAX (24 * 3600 * 1000000000ULL)
#define BURST_MAX 1000000
#define DRIFT_MAX 100000000 /* 10^-9 */

static const struct {
	const char *name;
	enum fault_kind kind;
} rates[] = {
	{ "bit-errors", FAULT_BIT_ERROR }, { "lost", FAULT_LOST },
	{ "doubled", FAULT_DOUBLED },	   { "overrun", FAULT_OVERRUN },
	{ "stall", FAULT_STALL },	   { "burst", FAULT_BURST },
};

static int take_time(const char *text, uint64_t *ns)
{
	int err = parse_duration(text, ns);

	return !err && *ns > TIME_MAX ? -ERANGE : err;
}

/* What follows the colon, if the kind has that. */
static int take_extent(struct fault_settings *f, enum fault_kind kind,
		       const char *extent)
{
	if (kind == FAULT_STALL)
		return extent ? take_time(extent, &f->stall) : -EINVAL;
	if (kind != FAULT_BURST)
		return extent ? -EINVAL : 0;
	if (!extent || parse_decimal(extent, 0, &f->burst) || !f->burst ||
	    f->burst > BURST_MAX)
		return -EINVAL;
	return 0;
}

static int take_rate(struct fault_settings *f, enum fault_kind kind,
		     char *value)
{
	char *extent = strchr(value, ':');

	if (extent)
		*extent++ = 0;
	if (parse_probability(value, &f->probability[kind]))
		return -EINVAL;
	return take_extent(f, kind, extent);
}

static int take_drift(struct fault_settings *f, const char *value)
{
	bool negative = *value == '-';
	uint64_t drift;

	if (parse_decimal(value + negative, 3, &drift) || drift > DRIFT_MAX)
		return -EINVAL;
	f->drift = negative ? -(int64_t)drift : (int64_t)drift;
	return 0;
}

static int take_fault(struct fault_settings *f, const char *name, char *value)
{
	if (!strcmp(name, "jitter"))
		return take_time(value, &f->jitter);
	if (!strcmp(name, "drift"))
		return take_drift(f, value);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (!strcmp(name, rates[i].name))
			return take_rate(f, rates[i].kind, value);
	return -ENOENT;
}

int fault_parse(const char *text, struct fault_settings *f, char why[WHY_MAX])
{
	char *name = strdup(text), *value = name ? strchr(name, '=') : NULL;
	int err = -EINVAL;

	if (value) {
		*value++ = 0;
		err = take_fault(f, name, value);
	}
	free(name);
	if (err == -ENOENT)
		snprintf(why, WHY_MAX, "%s: there is no such fault", text);
	else if (err)
		snprintf(why, WHY_MAX,
			 "%s: it is not of the form that --help has", text);
	return err;
}

/* --- chance ----------------------------------------------------------------- */

static uint64_t draw(struct faults *f, enum fault_kind kind)
{
	return mixed_number(f->settings.seed * FAULT_KINDS + kind,
			    f->drawn[kind]++);
}

static bool happens(struct faults *f, enum fault_kind kind)
{
	uint64_t probability = f->settings.probability[kind];

	/* Without the kind no number is drawn. 1 is all numbers. */
	return probability &&
	       (draw(f, kind) < probability || probability == UINT64_MAX);
}

/* A number from 0 to n - 1. */
static uint64_t one_of(struct faults *f, enum fault_kind kind, uint64_t n)
{
	return part_times(draw(f, kind), n);
}

/* --- bit errors ------------------------------------------------------------- */

/*
 * One number a byte decides whether it has an error at all. If it has, each bit in turn is drawn
 * under the condition that there is one: for the bit n that is p / (1 - (1 - p)^(8 - n)) until the
 * first error, and p behind it.
 */
static void begin_bits(struct faults *f)
{
	uint64_t p = f->settings.probability[FAULT_BIT_ERROR], any = 0;

	for (int bit = 7; bit >= 0; bit--) {
		any += part_times(p, UINT64_MAX - any);
		if (any < p)
			any = p;
		f->bit[bit] = p < any ? part_of(p, any) : UINT64_MAX;
	}
	f->any_bit = any;
}

static unsigned char flips_of_byte(struct faults *f)
{
	uint64_t p = f->settings.probability[FAULT_BIT_ERROR];
	unsigned char flips = 0;

	if (draw(f, FAULT_BIT_ERROR) >= f->any_bit && f->any_bit != UINT64_MAX)
		return 0;
	for (int bit = 0; bit < 8; bit++) {
		uint64_t limit = flips ? p : f->bit[bit];

		if (draw(f, FAULT_BIT_ERROR) < limit || limit == UINT64_MAX)
			flips |= (unsigned char)(1 << bit);
	}
	return flips;
}

void faults_flip(struct faults *f, unsigned char *bytes, size_t n)
{
	if (!f->settings.probability[FAULT_BIT_ERROR])
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned char flips = flips_of_byte(f);

		bytes[i] ^= flips;
		for (unsigned int bit = 0; bit < 8; bit++)
			if (flips >> bit & 1)
				protocol_note(f->protocol,
					      f->protocol->offset + i, 1,
					      "bit-error", bit);
	}
}

/* --- times ------------------------------------------------------------------ */

/* A clock that is faster by a part: each time comes earlier, and nothing adds up. */
static uint64_t drifted(const struct faults *f, uint64_t due)
{
	const uint64_t second = 1000000000;
	uint64_t faster = (uint64_t)((int64_t)second + f->settings.drift);

	return due / faster * second + due % faster * second / faster;
}

static void stall(struct faults *f, uint64_t due)
{
	if (!happens(f, FAULT_STALL))
		return;
	f->not_before = due + f->settings.stall;
	protocol_note(f->protocol, f->protocol->offset, 0, "stall",
		      f->settings.stall);
}

static uint64_t burst(struct faults *f, uint64_t due)
{
	if (!f->burst_left && happens(f, FAULT_BURST)) {
		f->burst_left = f->settings.burst;
		f->burst_due = due;
		protocol_note(f->protocol, f->protocol->offset, 0, "burst",
			      f->settings.burst);
	}
	if (!f->burst_left)
		return due;
	f->burst_left--;
	return f->burst_due;
}

static uint64_t due_of(struct faults *f, uint64_t due)
{
	due = burst(f, drifted(f, due));
	stall(f, due);
	if (f->settings.jitter)
		due += one_of(f, FAULT_JITTER, f->settings.jitter + 1);
	if (due < f->not_before)
		due = f->not_before;
	if (due < f->last_due)
		due = f->last_due;
	f->last_due = due;
	return due;
}

/* --- blocks ----------------------------------------------------------------- */

/*
 * What is left out, and what comes twice, has the offset of the next byte that is played. Such
 * lines of one offset can be added up, and so can one of a block that did not fit.
 */
static void note(struct faults *f, size_t length, const char *kind)
{
	protocol_note(f->protocol, f->protocol->offset, length, kind, 0);
}

/* Return: whether the block is left out. */
static bool is_lost(struct faults *f)
{
	if (!happens(f, FAULT_LOST))
		return false;
	note(f, f->block.n, "lost");
	return true;
}

/* At least one sample of each channel stays. */
static void overrun(struct faults *f)
{
	size_t frame = f->source.frame, samples = f->block.n / frame, cut;

	if (samples < 2 || !happens(f, FAULT_OVERRUN))
		return;
	cut = (1 + (size_t)one_of(f, FAULT_OVERRUN, samples - 1)) * frame;
	f->block.bytes += cut;
	f->block.n -= cut;
	note(f, cut, "overrun");
}

static int next_of_faults(struct source *source, struct source_block *b)
{
	struct faults *f = (struct faults *)source;
	int result;

	if (f->doubles) {
		f->doubles = false;
		note(f, f->block.n, "doubled");
		*b = f->block;
		b->bytes = f->copy;
		b->due = f->last_due;
		return 1;
	}
	do {
		result = f->inner->next(f->inner, &f->block);
		if (result != 1)
			return result;
	} while (is_lost(f));
	overrun(f);
	f->doubles = happens(f, FAULT_DOUBLED);
	/* The caller may change the bytes. */
	if (f->doubles)
		memcpy(f->copy, f->block.bytes, f->block.n);
	*b = f->block;
	b->due = due_of(f, f->block.due);
	return 1;
}

static void close_faults(struct source *source)
{
	struct faults *f = (struct faults *)source;

	f->inner->close(f->inner);
	free(f->copy);
}

int faults_begin(struct faults *f, struct source *inner,
		 const struct fault_settings *settings,
		 struct protocol *protocol)
{
	*f = (struct faults){ .source = { .frame = inner->frame,
					  .largest = inner->largest,
					  .next = next_of_faults,
					  .close = close_faults },
			      .inner = inner,
			      .settings = *settings,
			      .protocol = protocol,
			      .copy = malloc(inner->largest) };
	begin_bits(f);
	return f->copy ? 0 : -ENOMEM;
}
