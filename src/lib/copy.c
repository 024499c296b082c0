// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing with a copy. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "internal.h"

/* One call of vfifo_write() or vfifo_read(). */
struct copy {
	struct vfifo_handle *f;
	unsigned char *buffer;
	size_t left;
	struct vfifo_time time; /* of all its waits */
};

/* Return: the bytes to publish at a time: so few that both ends can copy at once. */
static size_t piece_of(const struct copy *c)
{
	size_t piece = vfifo_capacity(c->f) / 4;

	return c->left < piece ? c->left : piece;
}

/* Return: the bytes that can be copied now, at most a piece; -EAGAIN: none. */
static ssize_t span_for(const struct copy *c, void **p)
{
	size_t piece = piece_of(c);
	ssize_t room = __vfifo_span(c->f, piece, p);

	if (room == -EAGAIN)
		room = __vfifo_span(c->f, 1, p);
	return room < 0 || (size_t)room < piece ? room : (ssize_t)piece;
}

static ssize_t wait_for_span(struct copy *c, void **p)
{
	ssize_t room = span_for(c, p);
	int err;

	if (room != -EAGAIN)
		return room;
	err = vfifo_wait_until(c->f, 1, &c->time);
	return err ? err : span_for(c, p);
}

/* --- how bytes pass the caches ------------------------------------------------------------ */

/* Other memory is not cached, or not by lines. */
static bool can_stream(const struct vfifo_inner *h)
{
	if (h->used->memory != VFIFO_MEMORY_CACHED &&
	    h->used->memory != VFIFO_MEMORY_CONTIGUOUS)
		return false;
	return h->used->end == VFIFO_PRODUCER ? VFIFO_CAN_STREAM :
						vfifo_can_flush();
}

vfifo_hidden void vfifo_copy_begin(struct vfifo_inner *h)
{
	vfifo_tune_begin(&h->copy, can_stream(h));
	h->flushed = h->used->own;
}

int vfifo_set_copy(struct vfifo_handle *f, enum vfifo_copying how)
{
	struct vfifo_inner *h = vfifo_inner(f);

	if (!h->used->capacity)
		return -ESTALE;
	switch (how) {
	case VFIFO_COPY_AUTO:
		vfifo_copy_begin(h);
		return 0;
	case VFIFO_COPY_STREAMING:
		if (!can_stream(h))
			return -EOPNOTSUPP;
		break;
	case VFIFO_COPY_CACHED:
		break;
	default:
		return -EINVAL;
	}
	vfifo_copy_begin(h);
	h->copy.max = 0;
	h->copy.level = h->copy.now = how == VFIFO_COPY_STREAMING;
	return 0;
}

int vfifo_copy(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->copy.level ? VFIFO_COPY_STREAMING :
					    VFIFO_COPY_CACHED;
}

/*
 * In the first lap of an epoch the lines of the buffer are where the epoch before has left them, so
 * that lap does not show what a flush gains. So an epoch has four laps. It has fewer in a buffer of
 * more than 8 MiB: a trial of the slower copy must not take long.
 */
#define EPOCH_LAPS 4
#define EPOCH_MIN (1U << 20)
#define EPOCH_MAX (32U << 20)

vfifo_hidden void vfifo_tune_copy(struct vfifo_inner *h, size_t n)
{
	uint64_t enough = (uint64_t)EPOCH_LAPS * h->used->capacity;

	if (enough < EPOCH_MIN)
		enough = EPOCH_MIN;
	if (enough > EPOCH_MAX)
		enough = EPOCH_MAX;
	if (h->copy.max)
		vfifo_tune_work(&h->copy, n, n, enough);
}

vfifo_hidden void vfifo_copy_in(struct vfifo_inner *h, void *p,
				const void *buffer, size_t n)
{
	if (n < VFIFO_STREAM_MIN) {
		memcpy(p, buffer, n);
		return;
	}
	if (h->copy.now)
		vfifo_stream(p, buffer, n);
	else
		memcpy(p, buffer, n);
	vfifo_tune_copy(h, n);
}

/* --- reading and writing ------------------------------------------------------------------ */

/* The bytes are moved, even if vfifo_publish() fails (*err). */
static size_t copy_piece(struct copy *c, void *p, size_t n, int *err)
{
	if (__vfifo_hot(c->f)->end == VFIFO_PRODUCER)
		vfifo_copy_in(vfifo_inner(c->f), p, c->buffer, n);
	else
		memcpy(c->buffer, p, n);
	vfifo_advance(c->f, n);
	*err = vfifo_publish(c->f);
	c->buffer += n;
	c->left -= n;
	return n;
}

/* A writer waits for room for all of it, a reader for its first byte. */
static ssize_t copy_all(struct copy *c)
{
	size_t done = 0;
	int err = vfifo_lost(c->f);
	void *p;

	if (c->left > SSIZE_MAX)
		return -EINVAL;
	while (c->left && !err) {
		bool wait = !done || __vfifo_hot(c->f)->end == VFIFO_PRODUCER;
		ssize_t n = wait ? wait_for_span(c, &p) : span_for(c, &p);

		if (n < 0)
			err = (int)n;
		else
			done += copy_piece(c, p, (size_t)n, &err);
	}
	if (err == -ENODATA)
		err = 0;
	return done || !err ? (ssize_t)done : err;
}

ssize_t vfifo_write(struct vfifo_handle *f, const void *buffer, size_t n,
		    int timeout_ms)
{
	/* A producer does not store to the buffer. */
	struct copy c = { f, (unsigned char *)buffer, n, { timeout_ms, 0 } };

	return __vfifo_hot(f)->end == VFIFO_PRODUCER ? copy_all(&c) :
						       __vfifo_wrong_end(f);
}

ssize_t vfifo_read(struct vfifo_handle *f, void *buffer, size_t n,
		   int timeout_ms)
{
	struct copy c = { f, buffer, n, { timeout_ms, 0 } };

	return __vfifo_hot(f)->end == VFIFO_CONSUMER ? copy_all(&c) :
						       __vfifo_wrong_end(f);
}
