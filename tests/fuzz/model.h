/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - a vfifo as protocol.rst, vfifo.h and sysfs-class-vfifo describe it, for one caller
 *
 * The model is sequential: one process makes all calls, so each result is determined. It has
 * the whole buffer, with the bytes that were consumed, so that what a mapping shows can be
 * compared as well. It knows nothing of the module's source.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfifo.h>

#define MODEL_TEXT_MAX 256
#define MODEL_LABEL_MAX 64

enum overflow { BLOCK, DROP, OVERWRITE };

struct fifo;

/* An open file. Descriptors, mappings and messages with rights refer to it. */
struct description {
	int refs;
	int number; /* of the device */
	struct fifo *fifo;
	bool reads, writes, nonblock, append, async;
};

struct fifo {
	int refs;
	int number;
	bool removed;

	uint32_t capacity;
	uint32_t memory;
	uint32_t framing;  /* enum vfifo_framing */
	uint8_t *data;	   /* the buffer, once */
	uint8_t *unknown;  /* by byte: its value is not determined */
	uint32_t at[2];	   /* by enum vfifo_end: the last valid position */
	uint32_t shown[2]; /* what is in the page of the position */
	uint32_t shown_sequence[2]; /* behind it */
	uint32_t sequence;	    /* of the next record */

	uint32_t watermark[2];
	enum overflow overflow;
	bool eof, closing, scrub, mode;
	char label[MODEL_LABEL_MAX + 1];
	unsigned int pattern;
	uint8_t text[MODEL_TEXT_MAX];
	size_t text_length;
	uint64_t period_us, burst, count;

	int writers;			 /* open files that could produce */
	struct description *claimant[2]; /* NULL: not claimed */
	struct description *revoked[2];	 /* while the mapping is there */
	void *revoked_map[2];		 /* that mapping */
	uint32_t claim[2];		 /* the number of the claim, or 0 */
	uint32_t claims[2];		 /* the number of the last claim */
	bool broken;
	bool bad_record; /* a read has found no valid header */
	uint32_t generation;
	int mappings; /* exact only as zero or not zero */

	uint64_t bytes[2], calls[2], dropped, dropped_records, kicks;
};

struct fifo *fifo_new(int number, uint32_t capacity, uint32_t memory);
void fifo_put(struct fifo *f);
void fifo_remove(struct fifo *f);

struct description *description_new(struct fifo *f, int number, bool reads,
				    bool writes);
struct description *description_get(struct description *d);
void description_put(struct description *d);

/* Looks at the claimed positions as a call that moves bytes does. */
void fifo_sync(struct fifo *f);
/* Computes, with the last valid positions where a claimed one is not valid. */
uint32_t fifo_room(const struct fifo *f, enum vfifo_end end);
/* Returns 0, or the errno that calls of the side get. */
int fifo_error(const struct fifo *f, enum vfifo_end end);
bool fifo_ended(const struct fifo *f);
uint32_t fifo_flags(const struct fifo *f);
/* The number of bytes from which poll(2) reports the side. */
uint32_t fifo_threshold(const struct fifo *f, enum vfifo_end end);
#define ALL_EVENTS (-1)

/* Returns what poll(2) reports to a poller of some events. */
short fifo_poll(struct fifo *f, const struct description *d, short events);

/*
 * With records: returns the length of the record whose header is at a position, up to which `stored`
 * bytes follow; 0: there is no valid one.
 */
uint32_t fifo_record_at(struct fifo *f, uint32_t position, uint32_t stored);
/* The length of the record that a read gets next; 0: there is none. */
uint32_t fifo_next_record(struct fifo *f);
/* The bytes that a record takes in the buffer. */
uint64_t record_space(uint64_t length);
/* Returns what FIONREAD gives, or a negative errno. */
long fifo_fionread(struct fifo *f);
/*
 * Not part of the model: the model needs a header whose value is not determined. This finds the value
 * of each such byte in a mapping.
 */
void fifo_learn(struct fifo *f);

/* What a call will do. */
struct plan {
	long result;	 /* or a negative errno */
	bool blocks;	 /* it waits; with a signal it returns `result` */
	bool looks, bad; /* it looks for a header, and finds no valid one */
	uint32_t drop_oldest; /* stored bytes that it drops first */
	uint32_t old_bytes;   /* how many of them are counted as dropped */
	uint32_t old_records; /* the same in records */
	uint32_t store;	      /* bytes that it stores, the last of them last */
	uint32_t drop_new;    /* bytes that are counted as dropped */
	uint32_t torn; /* bytes of no record, whose values are not determined */
};

/* @good: how many bytes of the buffer are accessible. */
struct plan fifo_plan_read(struct fifo *f, size_t count, size_t good,
			   bool nonblock);
struct plan fifo_plan_write(struct fifo *f, size_t count, size_t good,
			    bool nonblock);
/* A call has done what a plan to read says, whatever its result is. */
void fifo_looked(struct fifo *f, const struct plan *plan);
/* Takes n bytes by a call. They go to `bytes`, and to `unknown` whether each is not known. */
void fifo_take(struct fifo *f, uint8_t *bytes, uint8_t *unknown, uint32_t n);
/* The kernel has moved a position by n, and counts that. */
void fifo_moved(struct fifo *f, enum vfifo_end end, uint32_t n);
void fifo_write(struct fifo *f, const uint8_t *bytes, const struct plan *plan);

/* Each returns 0 or an errno. */
int fifo_clear(struct fifo *f);
int fifo_set_mode(struct fifo *f, int mode);
void fifo_end(struct fifo *f);
void fifo_kick(struct fifo *f, const struct description *d);
int fifo_resize(struct fifo *f, uint64_t bytes);
int fifo_set_memory(struct fifo *f, uint32_t memory);
int fifo_set_framing(struct fifo *f, uint32_t framing);
int fifo_set_watermark(struct fifo *f, enum vfifo_end end, uint64_t bytes);
void fifo_reset_counts(struct fifo *f);
uint64_t fifo_bytes(const struct fifo *f, enum vfifo_end end);

int fifo_claim(struct fifo *f, enum vfifo_end end, uint32_t framing,
	       struct description *d);
void fifo_release(struct fifo *f, enum vfifo_end end);
/* Returns whether there was a claim. */
bool fifo_revoke(struct fifo *f, enum vfifo_end end);

#endif
