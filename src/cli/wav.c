// SPDX-License-Identifier: GPL-2.0-or-later
/* The header of a WAV file. */
#include <string.h>

#include "wav.h"

enum { FORMAT_INTEGER = 1, FORMAT_FLOAT = 3 };

#define FORMAT_SIZE 16 /* of the chunk "fmt " */
#define CHUNK_HEAD 8   /* the name and the size of one */

struct wav_pen {
	unsigned char *at;
	bool big_endian;
};

static void write_name(struct wav_pen *p, const char *text)
{
	memcpy(p->at, text, 4);
	p->at += 4;
}

static void write_number(struct wav_pen *p, uint32_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		p->at[p->big_endian ? bytes - 1 - i : i] =
			(unsigned char)(value >> 8 * i);
	p->at += bytes;
}

/* 8 bits are unsigned in a WAV file. */
bool wav_takes(const struct sampling *s)
{
	return s->format->bytes > 1;
}

void wav_header(unsigned char to[WAV_HEADER], const struct sampling *s,
		uint32_t bytes)
{
	const struct sample_format *f = s->format;
	uint32_t frame = (uint32_t)sampling_frame(s);
	struct wav_pen p = { to, f->big_endian };

	write_name(&p, f->big_endian ? "RIFX" : "RIFF");
	write_number(&p, bytes + WAV_HEADER - CHUNK_HEAD, 4);
	write_name(&p, "WAVE");
	write_name(&p, "fmt ");
	write_number(&p, FORMAT_SIZE, 4);
	write_number(&p, f->floats ? FORMAT_FLOAT : FORMAT_INTEGER, 2);
	write_number(&p, s->channels, 2);
	write_number(&p, s->rate, 4);
	/* More bytes per second than that are for information only. */
	write_number(&p, s->rate < UINT32_MAX / frame ? s->rate * frame : 0, 4);
	write_number(&p, frame, 2);
	write_number(&p, (uint32_t)f->bytes * 8, 2);
	write_name(&p, "data");
	write_number(&p, bytes, 4);
}
