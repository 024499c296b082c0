/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.h - what is received, with its times, in a file
 *
 * Times are those of CLOCK_MONOTONIC, to which one number is added: what the time since 1970 was
 * ahead of that clock when the recording began. So the differences of times are exact, also if
 * the time of the day is set meanwhile.
 */
#ifndef VFIFO_RECORDER_H
#define VFIFO_RECORDER_H

#include <linux/vfifo.h>

#include "cli.h"
#include "pattern.h"
#include "pcapng.h"

enum recorder_format { RECORDER_PCAPNG, RECORDER_CSV, RECORDER_WAV };

struct recorder {
	/* Set by the caller. */
	enum recorder_format format;
	const char *application;
	bool records; /* of a FIFO of such: each is a packet */
	/* The state. */
	int file;
	bool began;
	uint64_t ahead; /* nanoseconds */
	struct pcapng_totals totals;
	bool numbered;	 /* a record had a header */
	uint64_t number; /* of the last one; its low half is the header's */
	char *text;	 /* of a packet, for CSV */
	size_t text_size;
	struct sampling sampling; /* of WAV */
	uint64_t bytes;		  /* the same */
};

/*
 * pcapng, csv, or wav, which may have options as in wav:rate=48k,format=s16le,channels=2. -EINVAL:
 * it is none, and `why` has the reason.
 */
int recorder_parse(struct recorder *r, const char *text, char why[WHY_MAX]);

/*
 * These write to the file while the tick of interrupt.h runs. After an error they return -1 and set
 * errno; EINTR: a signal came, or the tick, and nothing was written. A part of a packet is never
 * left in a regular file.
 *
 * WAV has no packets and no times: the bytes are samples. Its header is brought up to date with each
 * write, so that a recording which is not ended is good. ESPIPE: the file is not a regular one.
 *
 * recorder_begin() writes the header, and recorder_end() the totals. recorder_bytes() writes the
 * first of the n bytes as one packet of this time, and returns how many these are. recorder_record()
 * writes a record, of the time and with the number of its header, if that has a length.
 */
int recorder_begin(struct recorder *r, const struct device *d, int file);
ssize_t recorder_bytes(struct recorder *r, const void *bytes, size_t n);
ssize_t recorder_record(struct recorder *r, const void *bytes, size_t n,
			const struct vfifo_record *header);
int recorder_end(struct recorder *r);

#endif /* VFIFO_RECORDER_H */
