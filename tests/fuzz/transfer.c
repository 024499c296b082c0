// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * transfer.c - the steps that move bytes with system calls
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"
#include "testlib.h"

#define PIPE_SIZE 65536

enum how { CALL, VECTOR, VECTOR2, NOWAIT, HOWS };

static bool moves(struct world *w, const struct file_slot *f)
{
	return w->exact || care_of(f->of) != CARE_STREAM;
}

/* A file of a device whose sides are claimed cannot move a byte. */
static void must_not_move(struct world *w, const struct file_slot *f, long ret)
{
	if (!w->exact && care_of(f->of) == CARE_CLAIMED && ret > 0)
		mismatch(w, "%ld bytes were moved on a claimed side", ret);
}

/* The buffer in up to three parts, some of which can be empty. */
static int parts(uint8_t *at, size_t n, uint16_t arg, struct iovec *v)
{
	const size_t one = n ? arg % n : 0,
		     two = n - one ? arg / 7 % (n - one) : 0;

	v[0] = (struct iovec){ at, one };
	v[1] = (struct iovec){ at + one, two };
	v[2] = (struct iovec){ at + one + two, n - one - two };
	return 3;
}

static long call_read(int fd, uint8_t *at, size_t n, enum how how, uint16_t arg)
{
	struct iovec v[3];
	const int count = parts(at, n, arg, v);

	switch (how) {
	case VECTOR:
		return outcome(readv(fd, v, count));
	case VECTOR2:
		return outcome(preadv2(fd, v, count, -1, 0));
	case NOWAIT:
		return outcome(preadv2(fd, v, count, -1, RWF_NOWAIT));
	default:
		return outcome(read(fd, at, n));
	}
}

static long call_write(int fd, const uint8_t *at, size_t n, enum how how,
		       uint16_t arg)
{
	struct iovec v[3];
	const int count = parts((uint8_t *)at, n, arg, v);

	switch (how) {
	case VECTOR:
		return outcome(writev(fd, v, count));
	case VECTOR2:
		return outcome(pwritev2(fd, v, count, -1, 0));
	case NOWAIT:
		return outcome(pwritev2(fd, v, count, -1, RWF_NOWAIT));
	default:
		return outcome(write(fd, at, n));
	}
}

/* How many bytes of a buffer of n are accessible. Most buffers are whole. */
static size_t some_good(size_t n, uint16_t arg)
{
	return arg % 8 || !n ? n : arg / 8 % n;
}

/* Leaves most of the calls out that wait, as each takes a millisecond. Returns whether it did. */
static bool leave_out(struct world *w, const struct file_slot *f,
		      const struct plan *plan, uint16_t arg)
{
	if (!w->exact || !plan->blocks || arg % 8 == 0)
		return false;
	look_too(f);
	return true;
}

static void did_look(struct world *w, const struct file_slot *f,
		     const struct plan *plan)
{
	if (w->exact)
		fifo_looked(f->of->fifo, plan);
}

static void op_read(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	const enum how how = arg[2] % HOWS;
	struct plan plan = { .blocks = true };
	size_t n, good;
	uint8_t *at;
	long ret;

	if (!f || !moves(w, f))
		return;
	n = some_size(w, f->of, arg[1]);
	good = some_good(n, arg[2] / HOWS);
	at = w->edge - good;
	if (w->exact && f->of->reads)
		plan = fifo_plan_read(f->of->fifo, n, good,
				      f->of->nonblock || how == NOWAIT);
	else if (w->exact)
		plan = (struct plan){ .result = -EBADF };
	if (leave_out(w, f, &plan, arg[3]))
		return;
	if (plan.blocks)
		alarm_on();
	ret = call_read(f->fd, at, n, how, arg[3]);
	if (plan.blocks)
		alarm_off();
	must_not_move(w, f, ret);
	expect(w, "read", ret, plan.result);
	did_look(w, f, &plan);
	did_read(w, f->of->fifo, at, ret);
}

/* The signal that ends a wait can come earlier, while the bytes before the wait are copied. */
static void shorten(struct plan *plan, long ret)
{
	if (!plan->blocks || ret <= 0 || ret >= plan->result)
		return;
	plan->result = ret;
	plan->store = (uint32_t)ret;
}

/* splice(2) and sendfile(2) look for a signal before the first byte as well. */
static void shorten_splice(struct plan *plan, long ret)
{
	if (plan->blocks && ret == -EINTR) {
		plan->result = ret;
		plan->store = 0;
	}
	shorten(plan, ret);
}

static void op_write(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	const enum how how = arg[2] % HOWS;
	struct plan plan = { .blocks = true };
	size_t n, good;
	uint8_t *at;
	long ret;

	if (!f || !moves(w, f))
		return;
	n = some_size(w, f->of, arg[1]);
	good = some_good(n, arg[2] / HOWS);
	at = w->edge - good;
	if (w->exact && f->of->writes)
		plan = fifo_plan_write(f->of->fifo, n, good,
				       f->of->nonblock || how == NOWAIT);
	else if (w->exact)
		plan = (struct plan){ .result = -EBADF };
	if (leave_out(w, f, &plan, arg[3]))
		return;
	fresh_bytes(w, at, good);
	if (plan.blocks)
		alarm_on();
	ret = call_write(f->fd, at, n, how, arg[3]);
	if (plan.blocks)
		alarm_off();
	must_not_move(w, f, ret);
	shorten(&plan, ret);
	expect(w, "write", ret, plan.result);
	if (w->exact && f->of->writes)
		fifo_write(f->of->fifo, at, &plan);
}

void move_a_byte(struct world *w, const struct file_slot *f)
{
	uint8_t *at = w->edge - 1;
	struct plan plan;
	long ret;

	if (f->of->writes) {
		plan = fifo_plan_write(f->of->fifo, 1, 1, true);
		fresh_bytes(w, at, 1);
		ret = call_write(f->fd, at, 1, NOWAIT, 0);
		expect(w, "write", ret, plan.result);
		fifo_write(f->of->fifo, at, &plan);
	}
	if (f->of->reads) {
		plan = fifo_plan_read(f->of->fifo, 1, 1, true);
		ret = call_read(f->fd, at, 1, NOWAIT, 0);
		expect(w, "read", ret, plan.result);
		did_look(w, f, &plan);
		did_read(w, f->of->fifo, at, ret);
	}
}

static size_t drain(struct world *w, uint8_t *to)
{
	size_t n = 0;
	ssize_t got;

	while (n < BYTES && (got = read(w->pipe[0], to + n, BYTES - n)) > 0)
		n += got;
	return n;
}

/* From the FIFO into the pipe, which is empty. */
static void op_splice_out(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct plan plan = { .blocks = true };
	size_t n;
	long ret;

	if (!f || !moves(w, f))
		return;
	n = some_size(w, f->of, arg[1]);
	if (!n || n > PIPE_SIZE)
		n = 1;
	if (w->exact && f->of->reads)
		plan = fifo_plan_read(f->of->fifo, n, n, f->of->nonblock);
	else if (w->exact)
		plan = (struct plan){ .result = -EBADF };
	if (leave_out(w, f, &plan, arg[3]))
		return;
	if (plan.blocks)
		alarm_on();
	ret = outcome(splice(f->fd, NULL, w->pipe[1], NULL, n, 0));
	if (plan.blocks)
		alarm_off();
	must_not_move(w, f, ret);
	/*
	 * The kernel can get fewer pages for the pipe at once than it asks for. Then a long record does
	 * not fit.
	 */
	if (ret > 0 && ret < plan.result && ret % PAGE == 0 && !plan.looks)
		plan.result = ret;
	if (ret == -EMSGSIZE && plan.looks && plan.result > (long)PAGE)
		plan.result = ret;
	expect(w, "splice", ret, plan.result);
	did_look(w, f, &plan);
	if (ret < 0)
		return;
	if (drain(w, w->got) != (size_t)ret)
		mismatch(w, "the pipe does not have %ld bytes", ret);
	did_read(w, f->of->fifo, w->got, ret);
}

/* The kernel splices nothing to the end of a file. */
static struct plan plan_splice(const struct description *d, size_t n)
{
	if (d->append)
		return (struct plan){ .result = -EINVAL };
	return fifo_plan_write(d->fifo, n, n, d->nonblock);
}

/* From the pipe into the FIFO. */
static void op_splice_in(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct plan plan = { .blocks = true };
	size_t n;
	long ret;

	if (!f || !moves(w, f))
		return;
	n = some_size(w, f->of, arg[1]);
	if (!n || n > PIPE_SIZE)
		n = 1;
	if (w->exact && f->of->writes)
		plan = plan_splice(f->of, n);
	else if (w->exact)
		plan = (struct plan){ .result = -EBADF };
	if (leave_out(w, f, &plan, arg[3]))
		return;
	fresh_bytes(w, w->bytes, n);
	if (write(w->pipe[1], w->bytes, n) != (ssize_t)n)
		mismatch(w, "the pipe does not take %zu bytes", n);
	if (plan.blocks)
		alarm_on();
	ret = outcome(splice(w->pipe[0], NULL, f->fd, NULL, n, 0));
	if (plan.blocks)
		alarm_off();
	must_not_move(w, f, ret);
	shorten_splice(&plan, ret);
	expect(w, "splice", ret, plan.result);
	if (w->exact && f->of->writes)
		fifo_write(f->of->fifo, w->bytes, &plan);
	drain(w, w->got);
}

/* From a file of the memory's file system into the FIFO; the other way is refused. */
static void op_sendfile(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct plan plan = { .blocks = true };
	off_t from = 0;
	size_t n;
	long ret;
	int fd;

	if (!f || !moves(w, f))
		return;
	n = some_size(w, f->of, arg[1]) % PIPE_SIZE;
	/* How many records a longer one becomes depends on the other file. */
	if (w->exact && f->of->fifo->framing == VFIFO_RECORDS)
		n %= PAGE;
	if (!n)
		n = 1;
	if (w->exact && f->of->writes)
		plan = plan_splice(f->of, n);
	else if (w->exact)
		plan = (struct plan){ .result = -EBADF };
	if (leave_out(w, f, &plan, arg[3]))
		return;
	fresh_bytes(w, w->bytes, n);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (f->of->reads)
		expect(w, "sendfile from the device",
		       outcome(sendfile(fd, f->fd, NULL, 1)), -EINVAL);
	if (fd < 0 || write(fd, w->bytes, n) != (ssize_t)n)
		mismatch(w, "a file in memory does not take %zu bytes", n);
	if (plan.blocks)
		alarm_on();
	ret = outcome(sendfile(f->fd, fd, &from, n));
	if (plan.blocks)
		alarm_off();
	close(fd);
	must_not_move(w, f, ret);
	shorten_splice(&plan, ret);
	expect(w, "sendfile", ret, plan.result);
	if (w->exact && f->of->writes)
		fifo_write(f->of->fifo, w->bytes, &plan);
}

const struct operation transfer_operations[] = {
	{ "read", "read_iter", 500, 300, op_read },
	{ "write", "write_iter", 550, 300, op_write },
	{ "splice-out", "splice_read read_iter", 75, 75, op_splice_out },
	{ "splice-in", "splice_write write_iter", 75, 75, op_splice_in },
	{ "sendfile", "splice_write write_iter", 30, 30, op_sendfile },
	{ 0 },
};
