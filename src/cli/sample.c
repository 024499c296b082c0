// SPDX-License-Identifier: GPL-2.0-or-later
/* Stores samples byte by byte, so that the order of the machine does not matter. */
#include <string.h>

#include "sample.h"

static const struct sample_format formats[] = {
	{ "s8", 1, false, false },   { "s16le", 2, false, false },
	{ "s16be", 2, false, true }, { "s24le", 3, false, false },
	{ "s24be", 3, false, true }, { "s32le", 4, false, false },
	{ "s32be", 4, false, true }, { "f32le", 4, true, false },
	{ "f32be", 4, true, true },
};

const struct sample_format *sample_format_find(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const struct sample_format *f = &formats[i];

		if (!strcmp(name, f->name) ||
		    (n == 3 && !f->big_endian && !strncmp(name, f->name, n)))
			return f;
	}
	return NULL;
}

static void store_bits(const struct sample_format *f, uint32_t bits,
		       unsigned char *to)
{
	for (size_t i = 0; i < f->bytes; i++) {
		size_t byte = f->big_endian ? f->bytes - 1 - i : i;

		to[i] = (unsigned char)(bits >> 8 * byte);
	}
}

/* The upper `bits` bits of the value, rounded. */
static int32_t rounded(int32_t value, int bits)
{
	int64_t half = 1LL << (31 - bits), most = (1LL << (bits - 1)) - 1;
	int64_t result = ((int64_t)value + half) >> (32 - bits);

	return (int32_t)(result > most ? most : result);
}

void sample_store_float(const struct sample_format *f, float value,
			unsigned char *to)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	store_bits(f, bits, to);
}

void sample_store(const struct sample_format *f, int32_t value,
		  unsigned char *to)
{
	/* A float has 24 bits, so that both steps are exact on each machine. */
	if (f->floats)
		sample_store_float(f, (float)rounded(value, 24) / 8388608.0F,
				   to);
	else if (f->bytes == 4)
		store_bits(f, (uint32_t)value, to);
	else
		store_bits(f, (uint32_t)rounded(value, 8 * (int)f->bytes), to);
}
