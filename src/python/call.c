// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * call.c - what the methods share: their arguments, who is in one, and how one waits
 */
#include "extension.h"

#include <errno.h>
#include <time.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

/* A signal that came to another thread, or just before a sleep, is seen after this time. */
#define SLICE_MS 500
#define LONGEST_S 1e9 /* 30 years: longer is for ever */

/* --- arguments ----------------------------------------------------------------------------- */

bool call_size_from(PyObject *value, size_t *n)
{
	Py_ssize_t size = PyNumber_AsSsize_t(value, PyExc_OverflowError);

	if (size == -1 && PyErr_Occurred())
		return false;
	if (size < 0) {
		PyErr_SetString(PyExc_ValueError,
				"a number of bytes must not be negative");
		return false;
	}
	*n = (size_t)size;
	return true;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int call_deadline_from(PyObject *value, void *to)
{
	int64_t *deadline = to;
	double seconds;

	*deadline = FOREVER;
	if (value == Py_None)
		return 1;
	seconds = PyFloat_AsDouble(value);
	if (seconds == -1.0 && PyErr_Occurred())
		return 0;
	/* In this form for NaN. */
	if (!(seconds >= 0)) {
		PyErr_SetString(PyExc_ValueError,
				"a timeout must not be negative or NaN");
		return 0;
	}
	if (seconds < LONGEST_S)
		*deadline = now_ns() + (int64_t)(seconds * (double)NS_PER_S);
	return 1;
}

/* Return: the time left, rounded up, in milliseconds, and at most a slice; 0: none. */
static int ms_left(int64_t deadline)
{
	int64_t now, slice = SLICE_MS * NS_PER_MS;

	if (deadline == FOREVER)
		return SLICE_MS;
	now = now_ns();
	if (now >= deadline)
		return 0;
	if (deadline - now > slice)
		return SLICE_MS;
	return (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* --- who is in a method -------------------------------------------------------------------- */

static bool is_child(const struct end *self)
{
	return !vfifo_capacity(self->f);
}

/* In a child after fork(2) only the thread exists that has called fork(2). */
static bool is_busy(const struct end *self)
{
	return self->busy &&
	       (self->owner == PyThread_get_thread_ident() || !is_child(self));
}

bool call_occupy(struct end *self)
{
	if (is_busy(self)) {
		PyErr_SetString(PyExc_RuntimeError,
				"another call of this end is in progress");
		return false;
	}
	self->busy = true;
	self->owner = PyThread_get_thread_ident();
	return true;
}

bool call_enter(struct end *self)
{
	if (!end_is_open(self))
		return error_closed();
	if (is_child(self))
		return error_set(self, -ESTALE);
	return call_occupy(self);
}

void call_leave(struct end *self)
{
	self->busy = false;
}

bool call_begin(struct end *self)
{
	if (!call_enter(self))
		return false;
	if (span_end(self))
		return true;
	call_leave(self);
	return false;
}

/* --- calls that wait ----------------------------------------------------------------------- */

ssize_t call_wait(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_wait(f, call->n, ms);
}

bool call_run(struct end *self, struct call *call, ssize_t *got)
{
	int ms;

	do {
		if (is_child(self)) {
			/* A handler has forked. */
			*got = -ESTALE;
			return true;
		}
		ms = ms_left(call->deadline);
		Py_BEGIN_ALLOW_THREADS;
		*got = call->step(self->f, call, ms);
		Py_END_ALLOW_THREADS;
		if (PyErr_CheckSignals())
			return false;
	} while (*got == -EINTR || (*got == -ETIMEDOUT && ms));
	return true;
}
