/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wav.h - the header of a WAV file, behind which are samples */
#ifndef VFIFO_WAV_H
#define VFIFO_WAV_H

#include <stdbool.h>

#include "wave.h"

#define WAV_HEADER 44
/* The most bytes of samples, as the sizes in the header have 32 bits. */
#define WAV_BYTES_MAX (UINT32_MAX - WAV_HEADER)

/* Whether a WAV file can have such samples: not s8. */
bool wav_takes(const struct sampling *s);

/* Makes the header in front of so many bytes of samples. Big-endian ones make a RIFX file. */
void wav_header(unsigned char to[WAV_HEADER], const struct sampling *s,
		uint32_t bytes);

#endif /* VFIFO_WAV_H */
