/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample.h - how samples are stored: s8, s16, s24 (3 bytes), s32 and f32, in either byte order */
#ifndef VFIFO_SAMPLE_H
#define VFIFO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample_format {
	const char *name; /* s16le */
	size_t bytes;
	bool floats;
	bool big_endian;
};

/* The names, for messages and --help. s16 and so on, without an order, are little-endian. */
#define SAMPLE_FORMATS \
	"s8, s16le, s16be, s24le, s24be, s32le, s32be, f32le or f32be"

/* NULL: there is no such format. */
const struct sample_format *sample_format_find(const char *name);

/* Stores a value of 32 bits, which stands for -1 to 1, rounded to the format. */
void sample_store(const struct sample_format *f, int32_t value,
		  unsigned char *to);
/* Stores a float; the format must be one of floats. */
void sample_store_float(const struct sample_format *f, float value,
			unsigned char *to);

#endif /* VFIFO_SAMPLE_H */
