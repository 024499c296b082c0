/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * protocol.h - a list of the faults that were made, to compare with what a receiver found
 *
 * A line of the file has the offset in the stream as it was played, the number of bytes, the kind,
 * and a detail: the bit of a bit error, or the nanoseconds of a stall.
 */
#ifndef VFIFO_PROTOCOL_H
#define VFIFO_PROTOCOL_H

#include <stdint.h>
#include <stdio.h>

struct protocol {
	FILE *file;	 /* NULL: nothing is written */
	uint64_t offset; /* of the next byte that is played */
	uint64_t faults;
};

/* 0 or a negative errno. */
int protocol_open(struct protocol *p, const char *name);
void protocol_note(struct protocol *p, uint64_t offset, uint64_t length,
		   const char *kind, uint64_t detail);
/* 0, or a negative errno: not all of it was written. */
int protocol_close(struct protocol *p);

#endif /* VFIFO_PROTOCOL_H */
