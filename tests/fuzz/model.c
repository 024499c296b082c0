// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.c - a vfifo as its documents describe it, for one caller: see model.h
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vfifo_ring.h>

#include "model.h"
#include "testlib.h"

static enum vfifo_end peer_of(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

static uint32_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- lifetime ----------------------------------------------------------------- */

struct fifo *fifo_new(int number, uint32_t capacity, uint32_t memory)
{
	struct fifo *f = calloc(1, sizeof(*f));

	check(f);
	f->refs = 1;
	f->number = number;
	f->capacity = capacity;
	f->memory = memory;
	f->data = calloc(1, capacity);
	f->unknown = calloc(1, capacity);
	check(f->data && f->unknown);
	f->watermark[VFIFO_PRODUCER] = PIPE_BUF;
	f->watermark[VFIFO_CONSUMER] = 1;
	f->period_us = 1000000;
	memcpy(f->text, "AUTO ", 5);
	f->text_length = 5;
	return f;
}

void fifo_put(struct fifo *f)
{
	if (--f->refs)
		return;
	free(f->data);
	free(f->unknown);
	free(f);
}

void fifo_remove(struct fifo *f)
{
	f->removed = true;
	f->generation++;
	f->mode = false;
	fifo_put(f);
}

struct description *description_new(struct fifo *f, int number, bool reads,
				    bool writes)
{
	struct description *d = calloc(1, sizeof(*d));

	check(d);
	d->refs = 1;
	d->number = number;
	d->reads = reads;
	d->writes = writes;
	if (f) {
		d->fifo = f;
		f->refs++;
		f->writers += writes;
	}
	return d;
}

struct description *description_get(struct description *d)
{
	d->refs++;
	return d;
}

void description_put(struct description *d)
{
	if (--d->refs)
		return;
	if (d->fifo) {
		d->fifo->writers -= d->writes;
		fifo_put(d->fifo);
	}
	free(d);
}

/* --- positions ---------------------------------------------------------------- */

static bool positions_are_good(const struct fifo *f, uint32_t at[2])
{
	bool good = true;
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++)
		at[end] = f->claimant[end] ? f->shown[end] : f->at[end];
	if (f->claimant[VFIFO_PRODUCER] && f->claimant[VFIFO_CONSUMER])
		good = vfifo_valid(f->capacity, at[VFIFO_PRODUCER],
				   at[VFIFO_CONSUMER]);
	else if (f->claimant[VFIFO_PRODUCER])
		good = vfifo_moved(VFIFO_PRODUCER, f->capacity,
				   f->at[VFIFO_PRODUCER], at[VFIFO_PRODUCER],
				   at[VFIFO_CONSUMER]);
	else if (f->claimant[VFIFO_CONSUMER])
		good = vfifo_moved(VFIFO_CONSUMER, f->capacity,
				   f->at[VFIFO_CONSUMER], at[VFIFO_CONSUMER],
				   at[VFIFO_PRODUCER]);
	/* With records a position is that of a header. */
	if (f->framing == VFIFO_RECORDS)
		good &= !(at[VFIFO_PRODUCER] % 8) && !(at[VFIFO_CONSUMER] % 8);
	if (!good)
		memcpy(at, f->at, sizeof(f->at));
	return good;
}

static void remember(struct fifo *f, const uint32_t at[2])
{
	int end;

	for (end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		f->bytes[end] += (uint32_t)(at[end] - f->at[end]);
		f->at[end] = at[end];
	}
}

void fifo_sync(struct fifo *f)
{
	uint32_t at[2];

	if (!f->claimant[VFIFO_PRODUCER] && !f->claimant[VFIFO_CONSUMER])
		return;
	f->broken = !positions_are_good(f, at);
	if (!f->broken)
		remember(f, at);
}

uint32_t fifo_room(const struct fifo *f, enum vfifo_end end)
{
	uint32_t at[2];

	positions_are_good(f, at);
	return smaller(vfifo_room(end, f->capacity, at[VFIFO_PRODUCER],
				  at[VFIFO_CONSUMER]),
		       f->capacity);
}

uint64_t fifo_bytes(const struct fifo *f, enum vfifo_end end)
{
	uint32_t at[2];

	positions_are_good(f, at);
	return f->bytes[end] + (uint32_t)(at[end] - f->at[end]);
}

void fifo_moved(struct fifo *f, enum vfifo_end end, uint32_t n)
{
	/* A claimed side shows what its holder stores, and does not move here. */
	if (!n)
		return;
	f->at[end] += n;
	f->shown[end] = f->at[end];
	f->bytes[end] += n;
}

/* --- state -------------------------------------------------------------------- */

int fifo_error(const struct fifo *f, enum vfifo_end end)
{
	if (f->removed)
		return ENODEV;
	if (f->claimant[end])
		return EBUSY;
	return f->broken ? EIO : 0;
}

bool fifo_ended(const struct fifo *f)
{
	return (f->eof || f->closing) && !f->writers && !f->mode &&
	       !f->claimant[VFIFO_PRODUCER];
}

uint32_t fifo_flags(const struct fifo *f)
{
	return (f->claimant[VFIFO_PRODUCER] ? VFIFO_PRODUCER_CLAIMED : 0) |
	       (f->claimant[VFIFO_CONSUMER] ? VFIFO_CONSUMER_CLAIMED : 0) |
	       (f->broken || f->bad_record ? VFIFO_BROKEN : 0) |
	       (f->removed ? VFIFO_REMOVED : 0) |
	       (fifo_ended(f) ? VFIFO_ENDED : 0);
}

uint32_t fifo_threshold(const struct fifo *f, enum vfifo_end end)
{
	if (end == VFIFO_CONSUMER)
		return fifo_ended(f) ? 1 : f->watermark[end];
	if (f->overflow != BLOCK && !f->claimant[end])
		return 0;
	return f->watermark[end];
}

static bool may_use(const struct fifo *f, enum vfifo_end end,
		    const struct description *d)
{
	return !f->claimant[end] || f->claimant[end] == d;
}

/* The holder of the producer side is a reader only if it asks for bytes. */
static bool told_of_bad_record(const struct fifo *f,
			       const struct description *d, short events)
{
	return d->reads && (f->claimant[VFIFO_PRODUCER] != d ||
			    events & (POLLIN | POLLRDNORM));
}

short fifo_poll(struct fifo *f, const struct description *d, short events)
{
	short ready = 0;

	fifo_sync(f);
	if (d->reads && may_use(f, VFIFO_CONSUMER, d) &&
	    fifo_room(f, VFIFO_CONSUMER) >= fifo_threshold(f, VFIFO_CONSUMER))
		ready |= POLLIN | POLLRDNORM;
	if (d->writes && may_use(f, VFIFO_PRODUCER, d) &&
	    fifo_room(f, VFIFO_PRODUCER) >= fifo_threshold(f, VFIFO_PRODUCER))
		ready |= POLLOUT | POLLWRNORM;
	if (f->removed || fifo_ended(f))
		ready |= POLLHUP;
	if (f->broken || f->revoked[VFIFO_PRODUCER] == d ||
	    f->revoked[VFIFO_CONSUMER] == d ||
	    (f->bad_record && told_of_bad_record(f, d, events)))
		ready |= POLLERR;
	return ready & (events | POLLERR | POLLHUP);
}

/* --- records ------------------------------------------------------------------ */

#define HEADER 16U
#define LENGTH_BITS 0x1fffffffU

uint64_t record_space(uint64_t length)
{
	return HEADER + (length + 7) / 8 * 8;
}

/* Copies bytes to where a position is, and they are known. */
static void put(struct fifo *f, uint32_t position, const void *bytes,
		uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t at = vfifo_offset(f->capacity, position + i);

		f->data[at] = bytes ? ((const uint8_t *)bytes)[i] : 0;
		f->unknown[at] = 0;
	}
}

static void put_unknown(struct fifo *f, uint32_t position, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		f->unknown[vfifo_offset(f->capacity, position + i)] = 1;
}

uint32_t fifo_record_at(struct fifo *f, uint32_t position, uint32_t stored)
{
	uint8_t bytes[4];
	uint32_t word;

	for (uint32_t i = 0; i < sizeof(bytes); i++) {
		const uint32_t at = vfifo_offset(f->capacity, position + i);

		if (f->unknown[at])
			fifo_learn(f);
		bytes[i] = f->data[at];
	}
	memcpy(&word, bytes, sizeof(word));
	word &= LENGTH_BITS;
	return word && record_space(word) <= stored ? word : 0;
}

uint32_t fifo_next_record(struct fifo *f)
{
	const uint32_t stored = fifo_room(f, VFIFO_CONSUMER);

	if (f->removed || f->claimant[VFIFO_CONSUMER] || !stored)
		return 0;
	return fifo_record_at(f, f->at[VFIFO_CONSUMER], stored);
}

long fifo_fionread(struct fifo *f)
{
	const uint32_t stored = fifo_room(f, VFIFO_CONSUMER);
	const int err = fifo_error(f, VFIFO_CONSUMER);

	if (f->framing == VFIFO_BYTES)
		return f->removed ? -ENODEV : (long)stored;
	if (err)
		return -err;
	return !stored ? 0 : (long)fifo_next_record(f) ?: -EIO;
}

void fifo_looked(struct fifo *f, const struct plan *plan)
{
	if (plan->looks)
		f->bad_record = plan->bad;
}

static struct plan plan_record_read(struct fifo *f, size_t count, size_t good)
{
	const uint32_t length = fifo_next_record(f);
	struct plan plan = { .looks = true, .bad = !length };

	if (!length)
		plan.result = -EIO;
	else if (length > count)
		plan.result = -EMSGSIZE;
	else
		plan.result = good < length ? -EFAULT : (long)length;
	return plan;
}

/* The oldest records are dropped until there is space; all that is stored behind no valid header. */
static void plan_to_drop_records(struct fifo *f, struct plan *plan,
				 uint32_t least)
{
	const uint32_t stored = fifo_room(f, VFIFO_CONSUMER);

	while (plan->drop_oldest < least && plan->drop_oldest < stored) {
		const uint32_t left = stored - plan->drop_oldest;
		const uint32_t length = fifo_record_at(
			f, f->at[VFIFO_CONSUMER] + plan->drop_oldest, left);

		plan->drop_oldest += length ? record_space(length) : left;
		plan->old_bytes += length ?: left;
		plan->old_records += length > 0;
	}
}

static void plan_wait(struct plan *plan, bool nonblock);

static struct plan plan_record_write(struct fifo *f, size_t count, size_t good,
				     bool nonblock)
{
	const uint64_t need = record_space(count);
	const bool too_long = count > f->capacity / 2;
	struct plan plan = { 0 };
	uint32_t space;

	/* Old records are not dropped for one that cannot be read. */
	if (f->overflow == OVERWRITE && !too_long && good < count) {
		plan.result = -EFAULT;
		return plan;
	}
	fifo_sync(f);
	plan.result = -fifo_error(f, VFIFO_PRODUCER);
	if (!plan.result && too_long)
		plan.result = -EMSGSIZE;
	if (plan.result)
		return plan;
	space = fifo_room(f, VFIFO_PRODUCER);
	if (space < need && f->overflow == OVERWRITE &&
	    !f->claimant[VFIFO_CONSUMER]) {
		plan_to_drop_records(f, &plan, need - space);
		space += plan.drop_oldest;
	}
	if (space < need && f->overflow == BLOCK) {
		plan_wait(&plan, nonblock);
	} else if (space < need) {
		plan.drop_new = count;
		plan.result = count;
	} else if (good < count) {
		plan.torn = good;
		plan.result = -EFAULT;
	} else {
		plan.store = count;
		plan.result = count;
	}
	return plan;
}

static void take_record(struct fifo *f, uint8_t *bytes, uint8_t *unknown,
			uint32_t n)
{
	const uint32_t from = f->at[VFIFO_CONSUMER];

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t at =
			vfifo_offset(f->capacity, from + HEADER + i);

		bytes[i] = f->data[at];
		unknown[i] = f->unknown[at];
	}
	if (f->scrub)
		put(f, from, NULL, record_space(n));
	fifo_moved(f, VFIFO_CONSUMER, record_space(n));
}

/* The time of a record is not determined. */
static void write_record(struct fifo *f, const uint8_t *bytes,
			 const struct plan *plan)
{
	const uint32_t to = f->at[VFIFO_PRODUCER];
	const uint32_t end = HEADER + plan->store;
	const uint32_t space = record_space(plan->store);

	put_unknown(f, to + HEADER, plan->torn);
	if (plan->drop_new)
		f->sequence++;
	if (plan->drop_oldest)
		f->bad_record = false;
	f->dropped_records += plan->old_records + (plan->drop_new > 0);
	if (!plan->store)
		return;
	put(f, to, &plan->store, 4);
	put(f, to + 4, &f->sequence, 4);
	put_unknown(f, to + 8, 8);
	put(f, to + HEADER, bytes, plan->store);
	put(f, to + end, NULL, space - end);
	f->sequence++;
	fifo_moved(f, VFIFO_PRODUCER, space);
}

/* --- reading and writing ------------------------------------------------------ */

struct plan fifo_plan_read(struct fifo *f, size_t count, size_t good,
			   bool nonblock)
{
	struct plan plan = { 0 };
	uint32_t stored;

	if (!count)
		return plan;
	fifo_sync(f);
	plan.result = -fifo_error(f, VFIFO_CONSUMER);
	if (plan.result)
		return plan;
	stored = fifo_room(f, VFIFO_CONSUMER);
	if (stored && f->framing == VFIFO_RECORDS) {
		plan = plan_record_read(f, count, good);
	} else if (stored) {
		plan.result =
			good ? (long)smaller(smaller(stored, count), good) :
			       -EFAULT;
	} else if (!fifo_ended(f)) {
		plan.blocks = !nonblock;
		plan.result = nonblock ? -EAGAIN : -EINTR;
	}
	return plan;
}

/* The call waits for space, or returns what it has stored. */
static void plan_wait(struct plan *plan, bool nonblock)
{
	plan->blocks = !nonblock;
	if (plan->store)
		plan->result = plan->store;
	else
		plan->result = nonblock ? -EAGAIN : -EINTR;
}

/* With overflow=block, and with drop, where the call never waits. */
static void plan_to_fill(struct plan *plan, enum overflow overflow,
			 uint32_t space, size_t count, size_t good,
			 bool nonblock)
{
	const bool whole = count <= PIPE_BUF;
	const size_t n = smaller(count, good);

	if (space >= (whole ? count : 1)) {
		plan->store = smaller(space, n);
		plan->result = n ? (long)plan->store : -EFAULT;
		/* All of it, or all that can be read. */
		if (plan->store == count || n < space || whole)
			return;
	}
	if (overflow == BLOCK) {
		plan_wait(plan, nonblock);
		return;
	}
	plan->drop_new = count - plan->store;
	plan->result = count;
}

/* The consumer side is claimed: the oldest bytes cannot be dropped. */
static void plan_not_to_overwrite(struct plan *plan, uint32_t space,
				  size_t count, size_t n)
{
	if (count <= PIPE_BUF) {
		plan->store = space >= n ? n : 0;
		plan->drop_new = n - plan->store;
		plan->result = n;
		return;
	}
	plan->store = smaller(space, n);
	if (n > plan->store) {
		plan->drop_new = count - plan->store;
		plan->result = count;
	} else {
		plan->result = n;
	}
}

struct plan fifo_plan_write(struct fifo *f, size_t count, size_t good,
			    bool nonblock)
{
	const size_t n = smaller(count, good);
	struct plan plan = { 0 };
	uint32_t space;

	if (!count)
		return plan;
	if (f->framing == VFIFO_RECORDS)
		return plan_record_write(f, count, good, nonblock);
	/* Old bytes are not dropped for new ones that cannot be read. */
	if (f->overflow == OVERWRITE && !n) {
		plan.result = -EFAULT;
		return plan;
	}
	fifo_sync(f);
	plan.result = -fifo_error(f, VFIFO_PRODUCER);
	if (plan.result)
		return plan;
	space = fifo_room(f, VFIFO_PRODUCER);
	if (f->overflow != OVERWRITE) {
		plan_to_fill(&plan, f->overflow, space, count, good, nonblock);
	} else if (f->claimant[VFIFO_CONSUMER]) {
		plan_not_to_overwrite(&plan, space, count, n);
	} else {
		plan.store = n;
		plan.drop_oldest = n > space ? n - space : 0;
		plan.old_bytes = plan.drop_oldest;
		plan.result = n;
	}
	return plan;
}

static void take_bytes(struct fifo *f, uint8_t *bytes, uint8_t *unknown,
		       uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t from =
			vfifo_offset(f->capacity, f->at[VFIFO_CONSUMER] + i);

		bytes[i] = f->data[from];
		unknown[i] = f->unknown[from];
		if (f->scrub) {
			f->data[from] = 0;
			f->unknown[from] = 0;
		}
	}
	fifo_moved(f, VFIFO_CONSUMER, n);
}

void fifo_take(struct fifo *f, uint8_t *bytes, uint8_t *unknown, uint32_t n)
{
	if (!n)
		return;
	if (f->framing == VFIFO_RECORDS)
		take_record(f, bytes, unknown, n);
	else
		take_bytes(f, bytes, unknown, n);
	f->calls[VFIFO_CONSUMER]++;
}

static void write_bytes(struct fifo *f, const uint8_t *bytes,
			const struct plan *plan)
{
	put(f, f->at[VFIFO_PRODUCER], bytes, plan->store);
	fifo_moved(f, VFIFO_PRODUCER, plan->store);
}

void fifo_write(struct fifo *f, const uint8_t *bytes, const struct plan *plan)
{
	if (f->framing == VFIFO_RECORDS)
		write_record(f, bytes, plan);
	else
		write_bytes(f, bytes, plan);
	if (plan->drop_oldest)
		fifo_moved(f, VFIFO_CONSUMER, plan->drop_oldest);
	f->dropped += plan->old_bytes + plan->drop_new;
	if (!plan->store)
		return;
	f->calls[VFIFO_PRODUCER]++;
	f->closing = false;
}

/* --- ioctls and attributes ----------------------------------------------------- */

int fifo_clear(struct fifo *f)
{
	uint32_t stored;
	int err;

	fifo_sync(f);
	err = fifo_error(f, VFIFO_CONSUMER);
	if (err)
		return err;
	stored = fifo_room(f, VFIFO_CONSUMER);
	for (uint32_t i = 0; !f->mappings && i < stored; i++) {
		const uint32_t at =
			vfifo_offset(f->capacity, f->at[VFIFO_CONSUMER] + i);

		f->data[at] = 0;
		f->unknown[at] = 0;
	}
	fifo_moved(f, VFIFO_CONSUMER, stored);
	f->bad_record = false;
	f->generation++;
	return 0;
}

int fifo_set_mode(struct fifo *f, int mode)
{
	if (mode != 0 && mode != 1)
		return EINVAL;
	if (mode && !f->mode && f->claimant[VFIFO_PRODUCER])
		return EBUSY;
	if (mode && !f->mode)
		f->closing = false;
	f->mode = mode;
	return 0;
}

void fifo_end(struct fifo *f)
{
	f->closing = true;
}

void fifo_kick(struct fifo *f, const struct description *d)
{
	f->kicks++;
	/* A holder's kick is for the other side, which looks at the positions. */
	for (int end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++)
		if (f->claimant[peer_of(end)] == d || f->claimant[end] != d)
			fifo_sync(f);
}

static bool watermarks_fit(uint64_t one, uint64_t other, uint32_t capacity)
{
	return one + other <= (uint64_t)capacity + 1;
}

int fifo_resize(struct fifo *f, uint64_t bytes)
{
	const uint32_t capacity =
		vfifo_capacity_for(bytes, PAGE, VFIFO_CAPACITY_MAX);
	const uint32_t stored = fifo_room(f, VFIFO_CONSUMER);
	uint8_t *data, *unknown;

	if (!capacity)
		return EINVAL;
	if (capacity == f->capacity)
		return 0;
	if (f->mappings || stored > capacity)
		return EBUSY;
	if (!watermarks_fit(f->watermark[VFIFO_PRODUCER],
			    f->watermark[VFIFO_CONSUMER], capacity))
		return EINVAL;
	data = calloc(1, capacity);
	unknown = calloc(1, capacity);
	check(data && unknown);
	for (uint32_t i = 0; i < stored; i++) {
		const uint32_t at = f->at[VFIFO_CONSUMER] + i;

		data[vfifo_offset(capacity, at)] =
			f->data[vfifo_offset(f->capacity, at)];
		unknown[vfifo_offset(capacity, at)] =
			f->unknown[vfifo_offset(f->capacity, at)];
	}
	free(f->data);
	free(f->unknown);
	f->data = data;
	f->unknown = unknown;
	f->capacity = capacity;
	f->generation++;
	return 0;
}

/* The stored bytes are copied, and the others are zero. */
int fifo_set_memory(struct fifo *f, uint32_t memory)
{
	uint8_t *data, *unknown;

	if (memory == f->memory)
		return 0;
	if (f->mappings)
		return EBUSY;
	data = calloc(1, f->capacity);
	unknown = calloc(1, f->capacity);
	check(data && unknown);
	for (uint32_t i = 0; i < fifo_room(f, VFIFO_CONSUMER); i++) {
		const uint32_t at =
			vfifo_offset(f->capacity, f->at[VFIFO_CONSUMER] + i);

		data[at] = f->data[at];
		unknown[at] = f->unknown[at];
	}
	free(f->data);
	free(f->unknown);
	f->data = data;
	f->unknown = unknown;
	f->memory = memory;
	f->generation++;
	return 0;
}

int fifo_set_framing(struct fifo *f, uint32_t framing)
{
	if (framing == f->framing)
		return 0;
	if (f->mappings || fifo_room(f, VFIFO_CONSUMER))
		return EBUSY;
	f->framing = framing;
	/* Each record begins at a multiple of 8. No byte has moved. */
	for (int end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++)
		if (framing == VFIFO_RECORDS)
			f->shown[end] = f->at[end] = (f->at[end] + 7) & ~7U;
	f->generation++;
	return 0;
}

int fifo_set_watermark(struct fifo *f, enum vfifo_end end, uint64_t bytes)
{
	if (!bytes || bytes > UINT32_MAX ||
	    !watermarks_fit(bytes, f->watermark[peer_of(end)], f->capacity))
		return EINVAL;
	f->watermark[end] = bytes;
	return 0;
}

void fifo_reset_counts(struct fifo *f)
{
	fifo_sync(f);
	for (int end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++)
		f->bytes[end] = f->calls[end] = 0;
	f->dropped = f->dropped_records = f->kicks = 0;
}

/* --- claims ------------------------------------------------------------------- */

/* The holder of the consumer side is no producer, although its file could write. */
static void count_holder(struct fifo *f, enum vfifo_end end, int more)
{
	if (end == VFIFO_CONSUMER)
		f->writers -= more;
}

int fifo_claim(struct fifo *f, enum vfifo_end end, uint32_t framing,
	       struct description *d)
{
	if (f->removed)
		return ENODEV;
	if (framing != f->framing)
		return EPROTO;
	if (f->claimant[end] || (end == VFIFO_PRODUCER && f->mode))
		return EBUSY;
	f->claimant[end] = d;
	f->shown[end] = f->at[end];
	f->claim[end] = f->claims[end] = f->claims[end] + 1 ?: 1;
	count_holder(f, end, 1);
	if (end == VFIFO_PRODUCER) {
		f->closing = false;
		f->shown_sequence[end] = f->sequence;
	} else {
		f->bad_record = false;
	}
	f->generation++;
	return 0;
}

void fifo_release(struct fifo *f, enum vfifo_end end)
{
	const enum vfifo_end peer = peer_of(end);
	uint32_t at[2];

	if (positions_are_good(f, at)) {
		remember(f, at);
	} else if (f->claimant[peer]) {
		/* No valid position is known: empty where the other side is. */
		f->at[end] = f->at[peer] = f->shown[peer];
		if (f->framing == VFIFO_RECORDS)
			f->at[end] = f->at[peer] = f->shown[peer] & ~7U;
	}
	if (end == VFIFO_PRODUCER && f->framing == VFIFO_RECORDS)
		f->sequence = f->shown_sequence[end];
	f->broken = false;
	f->shown[end] = f->at[end];
	f->claimant[end] = NULL;
	f->claim[end] = 0;
	count_holder(f, end, -1);
	f->generation++;
}

bool fifo_revoke(struct fifo *f, enum vfifo_end end)
{
	struct description *d = f->claimant[end];

	if (!d)
		return false;
	fifo_release(f, end);
	f->revoked[end] = d;
	return true;
}
