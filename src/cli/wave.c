// SPDX-License-Identifier: GPL-2.0-or-later
/* Waveforms, computed with integers. */
#include <string.h>

#include "decimal.h"
#include "mix.h"
#include "wave.h"

#define FULL_SCALE 0x7fffffff

/* One sample of each channel has no more bytes. */
#define FRAME_MAX (CHANNELS_MAX * 4)

size_t sampling_frame(const struct sampling *s)
{
	return s->format->bytes * s->channels;
}

/* --- phases ----------------------------------------------------------------- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* In thousandths of a hertz, as frequencies are. */
static uint64_t rate_of(const struct wave *w)
{
	return 1000ULL * w->sampling.rate;
}

/*
 * The step is rounded up: after half a period the phase must not be less than one half. In one
 * period the error stays below 2^-24 of a cycle, and the next one begins with the phase 0.
 */
void wave_set_frequency(struct wave *w, uint64_t frequency)
{
	uint64_t rate = rate_of(w), divisor = common_divisor(frequency, rate);

	frequency /= divisor;
	rate /= divisor;
	w->period = rate;
	w->step = part_of(frequency, rate);
	/* A divisor of 2^64 leaves no rest. */
	if (rate & (rate - 1))
		w->step++;
}

void wave_set_sweep(struct wave *w, uint64_t from, uint64_t to,
		    uint64_t samples)
{
	uint64_t rate = rate_of(w);

	w->period = samples;
	w->step = part_of(from, rate);
	w->rise = to > from ? part_of(to - from, rate) / samples :
			      -(part_of(from - to, rate) / samples);
}

/* The phase of the sample n of a period. */
static uint64_t phase_at(const struct wave *w, uint64_t n)
{
	uint64_t phase = n * w->step;

	/* n is less than 2^32. The sum of 0, 1 ... n - 1. */
	if (w->shape == WAVE_CHIRP && n)
		phase += n * (n - 1) / 2 * w->rise;
	return phase;
}

/* --- shapes ----------------------------------------------------------------- */

/*
 * sin(x * pi/2) for x from 0 to 1, in units of 2^-31, by seven terms of Taylor's series: the
 * error is below 2^-29.
 */
static uint32_t quarter_sine(uint32_t x)
{
	/* (pi/2)^k / k!, for k = 1, 3 ... 13. */
	static const uint32_t terms[] = { 3373259426, 1387197337, 171138612,
					  10053990,   344545,	  7728,
					  122 };
	uint64_t square = (uint64_t)x * x >> 31, sum = 0;

	for (size_t i = sizeof(terms) / sizeof(terms[0]); i--;)
		sum = terms[i] - (sum * square >> 31);
	return (uint32_t)(sum * x >> 31);
}

static int32_t sine(uint64_t phase)
{
	uint32_t x = (uint32_t)(phase << 2 >> 33), y;

	if (phase >> 62 & 1)
		x = (1U << 31) - x;
	y = quarter_sine(x);
	if (y > FULL_SCALE)
		y = FULL_SCALE;
	return phase >> 63 ? -(int32_t)y : (int32_t)y;
}

/* From 0 up to 1, then from -1 to 0. */
static int32_t saw(uint64_t phase)
{
	int64_t value = (int64_t)(phase >> 32);

	if (value > FULL_SCALE)
		value -= 1LL << 32;
	return value < -FULL_SCALE ? -FULL_SCALE : (int32_t)value;
}

/* From 0 up to 1, down to -1, and up to 0, as a sine. */
static int32_t triangle(uint64_t phase)
{
	int64_t value = (int64_t)(phase << 1 >> 32);

	/* The second and the third quarter are a line that falls. */
	if ((phase >> 62) == 1 || (phase >> 62) == 2)
		value = (1LL << 32) - (int64_t)(phase >> 31);
	else if (phase >> 62 == 3)
		value -= 1LL << 32;
	return value > FULL_SCALE  ? FULL_SCALE :
	       value < -FULL_SCALE ? -FULL_SCALE :
				     (int32_t)value;
}

static int32_t noise(const struct wave *w, uint64_t n)
{
	return saw(mixed_number(w->seed, n));
}

static int32_t shaped(const struct wave *w, uint64_t phase)
{
	switch (w->shape) {
	case WAVE_SQUARE:
		return phase >> 63 ? -FULL_SCALE : FULL_SCALE;
	case WAVE_TRIANGLE:
		return triangle(phase);
	case WAVE_SAW:
		return saw(phase);
	default:
		return sine(phase);
	}
}

/* --- bytes ------------------------------------------------------------------ */

static int32_t scaled(const struct wave *w, int32_t value)
{
	return (int32_t)((int64_t)value * w->scale >> 31);
}

/* All channels have the same samples, but noises of their own. */
static void store_frame(const struct wave *w, uint64_t n, uint64_t in_period,
			unsigned char *to)
{
	const struct sampling *s = &w->sampling;
	int32_t value = 0;

	if (w->shape != WAVE_NOISE)
		value = scaled(w, shaped(w, phase_at(w, in_period)));
	for (unsigned int c = 0; c < s->channels; c++) {
		if (w->shape == WAVE_NOISE)
			value = scaled(w, noise(w, n * s->channels + c));
		sample_store(s->format, value, to + c * s->format->bytes);
	}
}

void wave_fill(const struct wave *w, uint64_t at, unsigned char *bytes,
	       size_t n)
{
	size_t size = sampling_frame(&w->sampling), skip = at % size;
	uint64_t frame = at / size;
	uint64_t in_period = w->period ? frame % w->period : 0;
	unsigned char whole[FRAME_MAX];

	while (n) {
		size_t takes = size - skip < n ? size - skip : n;

		store_frame(w, frame, in_period, whole);
		memcpy(bytes, whole + skip, takes);
		bytes += takes;
		n -= takes;
		skip = 0;
		frame++;
		if (++in_period == w->period)
			in_period = 0;
	}
}
