/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mix.h - numbers that look random, the same on each machine */
#ifndef VFIFO_MIX_H
#define VFIFO_MIX_H

#include <stdint.h>

/* The finaliser of SplitMix64: each bit of the result depends on each of the number. */
static inline uint64_t mixed(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

/* The number n of a series. */
static inline uint64_t mixed_number(uint64_t series, uint64_t n)
{
	return mixed(mixed(series) + n * 0x9e3779b97f4a7c15);
}

#endif /* VFIFO_MIX_H */
