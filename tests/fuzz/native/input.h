/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * input.h - the bytes that libFuzzer gives, for the programs of this folder
 *
 * libFuzzer calls LLVMFuzzerTestOneInput() with one input after the other, and looks which of
 * them reach code that no other did. A program ends by abort() when something is wrong.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define MUST(condition)                                                  \
	do {                                                             \
		if (!(condition)) {                                      \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition);                   \
			abort();                                         \
		}                                                        \
	} while (0)

struct input {
	const uint8_t *at;
	size_t left;
};

/* Takes a number of @bytes bytes, little-endian. What is not there is 0. */
static inline uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->at++ << 8 * i;
	return value;
}

#endif /* FUZZ_INPUT_H */
