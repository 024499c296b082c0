/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decimal.h - decimal fractions of the command line, exactly
 *
 * Floating point is not used: the same text must give the same samples and the same faults on
 * every machine and in every locale.
 */
#ifndef VFIFO_DECIMAL_H
#define VFIFO_DECIMAL_H

#include <stdint.h>

/*
 * Parses 5, 0.5, 1e-6, 44.1k (k, M and G are of 1000) as a number of units of 10^-places:
 * with places 3, 44.1k is 44100000. -EINVAL: no number, or one between two units. -ERANGE: too
 * large.
 */
int parse_decimal(const char *text, int places, uint64_t *units);

/* Parses 1.5 or 1.5s, 20ms, 50us, 100ns as nanoseconds. -EINVAL, -ERANGE. */
int parse_duration(const char *text, uint64_t *ns);

/* Parses a probability, from 0 to 1, as a part of 2^64; 1 is UINT64_MAX. -EINVAL, -ERANGE. */
int parse_probability(const char *text, uint64_t *part);

/* a / b as a part of 2^64, rounded down; a < b. */
uint64_t part_of(uint64_t a, uint64_t b);

/* The upper 64 bits of a * b: a part of a part. */
uint64_t part_times(uint64_t a, uint64_t b);

#endif /* VFIFO_DECIMAL_H */
