/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw.h - a claim by the ABI alone, for tests that break the rules
 *
 * All functions end the test when they fail, like those of testlib.h.
 */
#ifndef RAW_H
#define RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfifo.h>
#include <vfifo_ring.h>

/* Returns the offset at which a side's position page is mapped. */
static inline off_t position_offset(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_MMAP_PRODUCER :
				       VFIFO_MMAP_CONSUMER;
}

static inline enum vfifo_end other(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

/* Maps one page. Returns the result of mmap(2), with its errno. */
void *map_page(int fd, off_t offset, int prot);

/* Returns the header of the record that is read next; some bytes if there is none. */
struct vfifo_record next_record(int fd);

/* A holder of one side. */
struct raw {
	int fd;
	enum vfifo_end end;
	const struct vfifo_status *status;
	uint8_t *data;		  /* twice the capacity */
	volatile uint32_t *at[2]; /* both positions, the own one writable */
	uint32_t own;		  /* the own position */
	unsigned long kicks, polls;
};

void raw_claim(struct raw *raw, enum vfifo_end end);
void raw_release(struct raw *raw);

/* Loads the other position and returns how many bytes the holder can fill or take. */
uint32_t raw_room(struct raw *raw);
/* Returns the address of these bytes. */
uint8_t *raw_here(struct raw *raw);
/* Moves the position by n bytes, and kicks if the other side needs it. */
void raw_move(struct raw *raw, uint32_t n);
/* Polls until there is room for n, for at most 20 s. */
void raw_wait(struct raw *raw, uint32_t n);

/* Produces bytes of the pattern from `at` on, or consumes and checks them. */
void raw_put(struct raw *raw, uint32_t n, uint64_t at);
void raw_take(struct raw *raw, uint32_t n, uint64_t at);

#endif
