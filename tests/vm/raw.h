/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw.h - a claim by the ABI alone, for tests that must be able to do it wrong
 *
 * Like testlib.h, everything here ends the test where it is not as it must be.
 */
#ifndef RAW_H
#define RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfifo.h>
#include <vfifo_ring.h>

/* Where a side's position is to be mapped. */
static inline off_t position_offset(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_MMAP_PRODUCER :
				       VFIFO_MMAP_CONSUMER;
}

static inline enum vfifo_end other(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

/* mmap(2) of one page; MAP_FAILED and errno as it gives them. */
void *map_page(int fd, off_t offset, int prot);

/* A holder of one side. */
struct raw {
	int fd;
	enum vfifo_end end;
	const struct vfifo_status *status;
	uint8_t *data;		  /* twice the capacity */
	volatile uint32_t *at[2]; /* both positions, the own one writable */
	uint32_t own;		  /* where it is */
	unsigned long kicks, polls;
};

void raw_claim(struct raw *raw, enum vfifo_end end);
void raw_release(struct raw *raw);

/* Bytes that it may fill, or take, by a fresh look at the other side. */
uint32_t raw_room(struct raw *raw);
/* Where they are. */
uint8_t *raw_here(struct raw *raw);
/* Moves over n of them, and kicks if somebody wants to be told. */
void raw_move(struct raw *raw, uint32_t n);
/* Polls until there is room for n, for at most 20 s. */
void raw_wait(struct raw *raw, uint32_t n);

/* Puts the bytes of the pattern from `at` on in, or takes and checks them. */
void raw_put(struct raw *raw, uint32_t n, uint64_t at);
void raw_take(struct raw *raw, uint32_t n, uint64_t at);

#endif
