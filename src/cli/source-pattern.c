// SPDX-License-Identifier: GPL-2.0-or-later
/* A pattern as a source of samples, without end. */
#include <stdlib.h>

#include "cli.h"
#include "source.h"

struct pattern_source {
	struct source source;
	struct pattern *pattern;
	size_t samples;	       /* of a block */
	uint64_t done;	       /* samples in the blocks so far */
	unsigned char bytes[]; /* of a block */
};

static int next_of_pattern(struct source *source, struct source_block *b)
{
	struct pattern_source *s = (struct pattern_source *)source;

	pattern_fill(s->pattern, s->done * source->frame, s->bytes,
		     source->largest);
	s->done += s->samples;
	/* A block is complete when its last sample has come. */
	*b = (struct source_block){
		.bytes = s->bytes,
		.n = source->largest,
		.due = samples_ns(s->done, s->pattern->sampling.rate),
	};
	return 1;
}

static void close_pattern(struct source *source)
{
	free(source);
}

struct source *pattern_source(struct pattern *p, const struct block_size *b)
{
	size_t samples = block_samples(b, &p->sampling);
	size_t frame = sampling_frame(&p->sampling);
	struct pattern_source *s = NULL;

	if (samples)
		s = malloc(sizeof(*s) + samples * frame);
	if (!s) {
		out_of_memory();
		return NULL;
	}
	*s = (struct pattern_source){ .source = { .frame = frame,
						  .largest = samples * frame,
						  .next = next_of_pattern,
						  .close = close_pattern },
				      .pattern = p,
				      .samples = samples };
	return &s->source;
}
