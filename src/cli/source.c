// SPDX-License-Identifier: GPL-2.0-or-later
/* What sources of samples share: the size of their blocks, and the time of each. */
#include "source.h"

/* A larger block is a mistake. */
#define BLOCK_MAX (256U << 20)

size_t block_samples(const struct block_size *b, const struct sampling *s)
{
	size_t frame = sampling_frame(s);
	uint64_t samples = b->samples ? b->samples : s->rate / 100;

	if (!b->samples && b->capacity && samples > b->capacity / 4 / frame)
		samples = b->capacity / 4 / frame;
	if (!samples)
		samples = 1;
	return samples > BLOCK_MAX / frame ? 0 : (size_t)samples;
}

uint64_t samples_ns(uint64_t samples, uint32_t rate)
{
	const uint64_t second = 1000000000;

	return samples / rate * second + samples % rate * second / rate;
}
