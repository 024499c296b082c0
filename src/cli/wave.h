/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wave.h - the samples of waveforms
 *
 * Each sample is a function of its number alone, computed with integers: any place can be reached
 * at once, nothing adds up, and every machine computes the same bytes.
 */
#ifndef VFIFO_WAVE_H
#define VFIFO_WAVE_H

#include "sample.h"

enum wave_shape {
	WAVE_SINE,
	WAVE_SQUARE,
	WAVE_TRIANGLE,
	WAVE_SAW,
	WAVE_CHIRP, /* a sine whose frequency rises or falls steadily, again and again */
	WAVE_NOISE, /* white; each value is as likely as another */
};

#define CHANNELS_MAX 64

/* How samples become bytes, and how many there are in a second. */
struct sampling {
	uint32_t rate; /* samples of each channel per second */
	const struct sample_format *format;
	unsigned int channels;
};

/* The bytes of one sample of each channel. */
size_t sampling_frame(const struct sampling *s);

struct wave {
	enum wave_shape shape;
	struct sampling sampling;
	uint32_t scale; /* the amplitude; 2^31 is full scale */
	uint64_t seed;	/* noise */
	/* Phases are parts of 2^64. */
	uint64_t period; /* samples, after which the wave repeats; 0: never */
	uint64_t step; /* the phase from one sample to the next; chirp: of the first */
	uint64_t rise; /* chirp: by so much the step grows with each sample */
};

/*
 * For all shapes but noise and chirp. The frequency is in thousandths of a hertz, not 0 and at
 * most half of the rate.
 */
void wave_set_frequency(struct wave *w, uint64_t frequency);
/* Chirp: from one frequency to another one in so many samples, at least 1 and less than 2^32. */
void wave_set_sweep(struct wave *w, uint64_t from, uint64_t to,
		    uint64_t samples);

/* Stores the n bytes that begin at the byte `at`. */
void wave_fill(const struct wave *w, uint64_t at, unsigned char *bytes,
	       size_t n);

#endif /* VFIFO_WAVE_H */
