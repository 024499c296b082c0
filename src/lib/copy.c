// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing with a copy. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "internal.h"

/* Up to n bytes: as many as there are now, at least one. */
static ssize_t span_up_to(struct vfifo *f, size_t n, void **p)
{
	ssize_t room = vfifo_span(f, n < f->capacity ? n : f->capacity, p);

	if (room == -EAGAIN)
		room = vfifo_span(f, 1, p);
	return room < 0 || (size_t)room < n ? room : (ssize_t)n;
}

static ssize_t wait_for_span(struct vfifo *f, size_t n, void **p,
			     uint64_t deadline)
{
	ssize_t room = span_up_to(f, n, p);
	int err;

	if (room != -EAGAIN)
		return room;
	err = vfifo_wait_until(f, 1, deadline);
	return err ? err : span_up_to(f, n, p);
}

ssize_t vfifo_write(struct vfifo *f, const void *buffer, size_t n,
		    int timeout_ms)
{
	uint64_t deadline = vfifo_deadline(timeout_ms);
	size_t done = 0;
	ssize_t room = 0;
	int err = 0;
	void *p;

	if (f->end != VFIFO_PRODUCER)
		return -EBADF;
	if (n > SSIZE_MAX)
		return -EINVAL;
	while (done < n && !err) {
		room = wait_for_span(f, n - done, &p, deadline);
		if (room < 0) {
			err = (int)room;
			break;
		}
		memcpy(p, (const char *)buffer + done, (size_t)room);
		/* Handed over, even where the other side could not be told. */
		err = vfifo_commit(f, (size_t)room);
		done += (size_t)room;
	}
	return done || !err ? (ssize_t)done : err;
}

ssize_t vfifo_read(struct vfifo *f, void *buffer, size_t n, int timeout_ms)
{
	ssize_t stored;
	void *p;

	if (f->end != VFIFO_CONSUMER)
		return -EBADF;
	if (!n)
		return 0;
	stored = wait_for_span(f, n, &p, vfifo_deadline(timeout_ms));
	if (stored < 0)
		return stored;
	memcpy(buffer, p, (size_t)stored);
	/* Ours, even where the other side could not be told. */
	vfifo_consume(f, (size_t)stored);
	return stored;
}
