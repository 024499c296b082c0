/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h - whether what is received is one of the generator's patterns */
#ifndef VFIFO_CHECK_H
#define VFIFO_CHECK_H

#include <libvfifo.h>

#include "cli.h"

/* For a verb's --help. */
#define PATTERN_HELP                                                 \
	"PATTERN is text:TEXT, counter, ramp, prbs31 or zero, as of" \
	" generator/pattern.\n"

/* `text:TEXT`, or the name of another. 0, or -EINVAL. */
int pattern_parse(const char *option, struct vfifo_pattern *p);

struct check {
	const char *name; /* as it was given, for what is said */
	struct vfifo_pattern pattern;
	bool joins; /* where in the pattern it begins has to be found yet */
	uint64_t offset; /* of the next byte */
	size_t held;	 /* of those that tell where it is */
	unsigned char first[VFIFO_SYNC_ENOUGH];
};

/* The next n bytes. false: it has said which is the first that is wrong. */
bool check_bytes(struct check *c, const void *bytes, size_t n);

/* No more come. false: it has said that they were too few, or are not of the pattern. */
bool check_end(struct check *c);

#endif /* VFIFO_CHECK_H */
