// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records with a copy, and records that are dropped. */
#include <errno.h>
#include <string.h>

#include "internal.h"

static ssize_t reserve_in_time(struct vfifo_handle *f, size_t n, void **p,
			       int timeout_ms)
{
	struct vfifo_time time = { timeout_ms, 0 };
	ssize_t room = vfifo_reserve_record(f, n, p);
	int err;

	if (room != -EAGAIN)
		return room;
	err = vfifo_wait_until(f, vfifo_record_space((__u32)n), &time);
	return err ? err : vfifo_reserve_record(f, n, p);
}

ssize_t vfifo_write_record(struct vfifo_handle *f, const void *buffer, size_t n,
			   int timeout_ms)
{
	ssize_t room = n ? vfifo_lost(f) : -EINVAL;
	void *p = NULL;

	if (!room)
		room = reserve_in_time(f, n, &p, timeout_ms);
	if (room < 0)
		return room;
	vfifo_copy_in(vfifo_inner(f), p, buffer, n);
	vfifo_advance_record(f, n, vfifo_now());
	/* The record is stored, even if this fails. */
	vfifo_publish(f);
	return (ssize_t)n;
}

static ssize_t peek_in_time(struct vfifo_handle *f, void **p,
			    struct vfifo_record *record, int timeout_ms)
{
	struct vfifo_time time = { timeout_ms, 0 };
	ssize_t length = vfifo_peek_record(f, p, record);
	int err;

	if (length != -EAGAIN)
		return length;
	err = vfifo_wait_until(f, 1, &time);
	return err ? err : vfifo_peek_record(f, p, record);
}

ssize_t vfifo_read_record(struct vfifo_handle *f, void *buffer, size_t n,
			  struct vfifo_record *record, int timeout_ms)
{
	ssize_t length = vfifo_lost(f);
	void *p = NULL;

	if (!length)
		length = peek_in_time(f, &p, record, timeout_ms);
	if (length < 0)
		return length == -ENODATA ? 0 : length;
	if ((size_t)length > n)
		return -EMSGSIZE;
	memcpy(buffer, p, (size_t)length);
	/* The record is taken, even if this fails. */
	vfifo_consume_record(f);
	return length;
}

int vfifo_drop_records(struct vfifo_handle *f)
{
	struct __vfifo_records *r = __vfifo_records(f);
	int err;

	if (r->hot.end != VFIFO_CONSUMER)
		return __vfifo_not_this_end(f, &r->hot);
	err = __vfifo_look_at(&r->hot, __VFIFO_RECORDS_UNALIGNED);
	if (err)
		return err;
	r->hot.own = r->hot.limit;
	r->next = r->hot.own;
	return __vfifo_publish_records(f);
}
