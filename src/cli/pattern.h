/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pattern.h - streams of bytes that are known in advance: the waveforms and sequences of play, and
 * the patterns of the generator in the kernel
 *
 * A pattern gives the bytes of any place, and finds the place of bytes. Its text form is the
 * same for all verbs: counter, or sine:rate=48k,frequency=1k,format=s16le,channels=2.
 */
#ifndef VFIFO_PATTERN_OF_CLI_H
#define VFIFO_PATTERN_OF_CLI_H

#include <sys/types.h>

#include <libvfifo.h>

#include "prbs.h"
#include "wave.h"

/* For a verb's --help. */
#define PATTERN_HELP                                                                         \
	"A PATTERN of the generator is text:TEXT, counter, ramp, prbs31 or zero, as in\n"    \
	"the attribute generator/pattern. A PATTERN of samples is one of these with\n"       \
	"options, as in sine:rate=48k,frequency=440,format=s16le,channels=2:\n\n"            \
	"  sine, square, triangle, saw  frequency=1k\n"                                      \
	"  chirp                        frequency=100, to=10k, time=1 (seconds)\n"           \
	"  noise                        seed=1\n"                                            \
	"  prbs7, 9, 11, 15, 20, 23, 31 invert=no; bits, whatever the format\n\n"            \
	"Options of all: rate=48k (samples per second), format=s16le, channels=1 (to 64),\n" \
	"and of all but prbs: amplitude=1. A format is " SAMPLE_FORMATS ".\n"

/* The longest reason why a text is no pattern, with a NUL. */
#define WHY_MAX 256

struct pattern {
	const struct pattern_kind *kind;
	struct sampling sampling; /* how play plays it */
	uint64_t period;	  /* bytes, after which it repeats; 0: never */
	size_t unit;		  /* bytes that belong together */
	size_t enough;		  /* so many bytes give the place */
	struct vfifo_pattern generated;
	struct prbs prbs;
	struct wave wave;
};

/* 0; -EINVAL: the text is none, and `why` has the reason. */
int pattern_parse(const char *text, struct pattern *p, char why[WHY_MAX]);

/* The same for the options rate, format and channels alone. */
int sampling_parse(const char *text, struct sampling *s, char why[WHY_MAX]);

/* Whether a text is meant as a pattern: it begins with the name of one. */
bool pattern_is_named(const char *text);

/* Stores the n bytes that begin at the byte `at`. */
void pattern_fill(struct pattern *p, uint64_t at, void *bytes, size_t n);

/*
 * Whether the direction of a gap can be told: the period is so long that bytes a little before
 * a place are not taken for bytes far behind it.
 */
bool pattern_is_long(const struct pattern *p);

/*
 * Finds the place of n bytes and sets *distance to its distance from the place `near`. If it is
 * known modulo the period only, that is the shorter way for a long pattern and the way forward for
 * another one. Some patterns are searched byte by byte, at most *budget of them, which is reduced
 * by what was searched. 0; -EAGAIN: they are too few; -EBADMSG: they are not found; -ENOMEM.
 */
int pattern_find(struct pattern *p, const unsigned char *bytes, size_t n,
		 uint64_t near, uint64_t *budget, int64_t *distance);

/*
 * Whether the n bytes at a place, at most VFIFO_TEXT_MAX, give that place: soon after it, and in the
 * same period, there are no such bytes. Those of a slow waveform do not.
 */
bool pattern_is_distinct(struct pattern *p, uint64_t at, size_t n);

#endif /* VFIFO_PATTERN_OF_CLI_H */
