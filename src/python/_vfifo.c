// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * _vfifo.c - the part of the Python module vfifo that is compiled: the ends of libvfifo
 *
 * It uses the stable ABI of Python 3.11, so one build serves that Python and all later ones.
 *
 * No Python program may reach memory that it has no right to. So
 *
 *  - a span is the memory of a memoryview, which asks this file for it and returns it. While it is
 *    out, nothing here gives the bytes back or unmaps them: BufferError;
 *  - `busy` keeps a second thread, a signal handler and a finalizer out of a handle, as a wait and a
 *    copy release the interpreter lock;
 *  - arguments are converted before a handle is looked at: a conversion can run Python code, which
 *    may close the handle.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "libvfifo.h"

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

/* A signal that came to another thread, or just before a sleep, is seen after this time. */
#define SLICE_MS 500

struct state {
	PyObject *broken; /* the exception BrokenError */
	PyObject *span;	  /* the type */
};

/* vfifo.Producer and vfifo.Consumer. */
struct end {
	PyObject ob_base;
	struct vfifo_handle *f; /* NULL: closed */
	PyObject *module;
	PyObject *name; /* as it was passed: str or bytes */
	PyObject *view; /* a weak reference to the memoryview of the last span; NULL: none */
	size_t serial;	/* of the last span: an older one has no memory */
	size_t exports; /* buffers of spans that are in use */
	enum vfifo_end end;
	bool records;
	bool busy;	     /* a thread is in a method */
	unsigned long owner; /* that thread */
	bool closing; /* closed, as far as Python can see: the last buffer closes it */
};

/* What a memoryview asks for its memory. */
struct span {
	PyObject ob_base;
	struct end *end;
	void *p;
	Py_ssize_t length;
	size_t serial;
	bool readonly;
};

static struct PyModuleDef module_def;

static struct end *to_end(PyObject *self)
{
	return (struct end *)self;
}

static void free_object(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	release(self);
	Py_DECREF(type);
}

/* --- errors -------------------------------------------------------------------------------- */

/* Where strerror() would mislead. */
static const char *message(int err, enum vfifo_end end)
{
	switch (err) {
	case EAGAIN:
		return end == VFIFO_PRODUCER ? "so many bytes are not free" :
					       "so many bytes are not stored";
	case EBADMSG:
		return "the position of the other end is invalid";
	case EBUSY:
		return "this end is claimed, or the generator is the producer";
	case EINVAL:
		return "there are fewer bytes, or there is no record";
	case EIO:
		return "the FIFO is broken: a claimed position is invalid";
	case EMSGSIZE:
		return "more bytes than can ever fit";
	case ENODEV:
		return "the device was removed";
	case ENOTTY:
		return "not a vfifo";
	case EPROTO:
		return "a FIFO of records needs records=True, and one of bytes False";
	case EPROTONOSUPPORT:
		return "a vfifo of another ABI";
	case ESTALE:
		return "no claim: it was revoked, or this is a child after fork";
	case ETIMEDOUT:
		return "timed out";
	default:
		return strerror(err);
	}
}

/* Raises OSError, or the subclass that Python or this module has for @err. */
static PyObject *raise_error(PyObject *type, int err, const char *text,
			     PyObject *name)
{
	PyObject *said = PyUnicode_DecodeLocale(text, "surrogateescape");
	PyObject *error = NULL;

	if (said)
		error = PyObject_CallFunction(type, "iOO", err, said, name);
	Py_XDECREF(said);
	if (error) {
		PyErr_SetObject((PyObject *)Py_TYPE(error), error);
		Py_DECREF(error);
	}
	return NULL;
}

/* @err is a negative errno of the library. */
static PyObject *failed(struct end *self, ssize_t err)
{
	const struct state *state = PyModule_GetState(self->module);
	bool broken = err == -EBADMSG || err == -EIO;

	const char *text = message((int)-err, self->end);

	if (err == -EBADMSG && self->records)
		text = "the position of the other end, or the header of the record, is invalid";
	return raise_error(broken ? state->broken : PyExc_OSError, (int)-err,
			   text, self->name);
}

static PyObject *closed_error(void)
{
	PyErr_SetString(PyExc_ValueError, "the end is closed");
	return NULL;
}

static PyObject *none_or_error(struct end *self, int err)
{
	return err ? failed(self, err) : Py_NewRef(Py_None);
}

/* --- who is in a method -------------------------------------------------------------------- */

static bool is_open(const struct end *self)
{
	return self->f && !self->closing;
}

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

/* Return: false, with an exception, if a method is in progress. */
static bool occupy(struct end *self)
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

/* Return: false, with an exception, if the handle must not be used now. */
static bool enter(struct end *self)
{
	if (!is_open(self))
		return closed_error();
	if (is_child(self))
		return failed(self, -ESTALE);
	return occupy(self);
}

static void leave(struct end *self)
{
	self->busy = false;
}

/*
 * Releases the memoryview of the last span. What was made of it, such as a slice or an array, keeps
 * the memory.
 */
static void release_view(struct end *self)
{
	PyObject *view = self->view ? PyObject_CallNoArgs(self->view) : NULL;
	PyObject *done = NULL;

	if (view && view != Py_None)
		done = PyObject_CallMethod(view, "release", NULL);
	/* An error is a buffer of the memoryview: `exports` counts it. */
	PyErr_Clear();
	Py_XDECREF(done);
	Py_XDECREF(view);
}

/* Return: false, with BufferError, if the bytes of the last span are in use. */
static bool end_span(struct end *self)
{
	release_view(self);
	if (self->exports) {
		PyErr_SetString(
			PyExc_BufferError,
			"a slice or an array of the last span is in use: delete it first");
		return false;
	}
	Py_CLEAR(self->view);
	self->serial++;
	return true;
}

/* The beginning of each method that moves, waits or looks. leave() is its end. */
static bool begin(struct end *self)
{
	if (!enter(self))
		return false;
	if (end_span(self))
		return true;
	leave(self);
	return false;
}

/* --- arguments ----------------------------------------------------------------------------- */

static bool size_from(PyObject *value, size_t *n)
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

#define FOREVER INT64_MAX
#define LONGEST_S 1e9 /* 30 years: longer is for ever */

/* A PyArg_Parse converter: None or seconds, to a time of the monotonic clock. */
static int deadline_from(PyObject *value, void *to)
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

/* --- calls that wait ----------------------------------------------------------------------- */

struct call {
	ssize_t (*step)(struct vfifo_handle *f, struct call *call, int ms);
	int64_t deadline;
	unsigned char *buffer;
	size_t n;
	struct vfifo_record record;
};

static ssize_t step_wait(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_wait(f, call->n, ms);
}

static ssize_t step_read(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_read(f, call->buffer, call->n, ms);
}

static ssize_t step_write(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_write(f, call->buffer, call->n, ms);
}

/*
 * Runs steps without the interpreter lock until one is more than a delay. A signal handler of Python
 * runs in between; if it raises, so does the call.
 *
 * Return: false, with that exception; or true, with the result of the last step.
 */
static bool run(struct end *self, struct call *call, ssize_t *got)
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

static PyObject *end_wait(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "n", "timeout", NULL };
	struct call call = { .step = step_wait, .deadline = FOREVER, .n = 1 };
	struct end *self = to_end(object);
	PyObject *n = NULL, *result = NULL;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO&:wait", names, &n,
					 deadline_from, &call.deadline) ||
	    (n && !size_from(n, &call.n)) || !begin(self))
		return NULL;
	if (run(self, &call, &got)) {
		if (!got || got == -ENODATA)
			result = PyBool_FromLong(!got);
		else
			failed(self, got);
	}
	leave(self);
	return result;
}

/* The bytes that are stored now, up to @n. There is one at least. */
static PyObject *take(struct end *self, size_t n)
{
	PyObject *bytes = NULL, *shorter;
	unsigned char *to;
	ssize_t got;
	void *p;

	got = vfifo_peek(self->f, 1, &p);
	if (got < 0)
		return failed(self, got);
	if (n > (size_t)got)
		n = (size_t)got;
	bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
	if (!bytes)
		return NULL;
	to = (unsigned char *)PyBytes_AsString(bytes);
	Py_BEGIN_ALLOW_THREADS;
	got = vfifo_read(self->f, to, n, 0);
	Py_END_ALLOW_THREADS;
	if (got == (ssize_t)n)
		return bytes;
	/* The claim or the device went in the middle. */
	shorter = got < 0 ? failed(self, got) :
			    PyBytes_FromStringAndSize((char *)to, got);
	Py_DECREF(bytes);
	return shorter;
}

static PyObject *consumer_read(PyObject *object, PyObject *args,
			       PyObject *kwargs)
{
	static char *names[] = { "n", "timeout", NULL };
	struct call call = { .step = step_wait, .deadline = FOREVER, .n = 1 };
	struct end *self = to_end(object);
	PyObject *limit = Py_None, *result = NULL;
	size_t n = SIZE_MAX;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO&:read", names,
					 &limit, deadline_from,
					 &call.deadline) ||
	    (limit != Py_None && !size_from(limit, &n)) || !begin(self))
		return NULL;
	if (!n)
		result = PyBytes_FromStringAndSize(NULL, 0);
	else if (run(self, &call, &got)) {
		if (!got)
			result = take(self, n);
		else if (got == -ENODATA)
			result = PyBytes_FromStringAndSize(NULL, 0);
		else
			failed(self, got);
	}
	leave(self);
	return result;
}

static PyObject *consumer_readinto(PyObject *object, PyObject *args,
				   PyObject *kwargs)
{
	static char *names[] = { "buffer", "timeout", NULL };
	struct call call = { .step = step_read, .deadline = FOREVER };
	struct end *self = to_end(object);
	PyObject *result = NULL;
	Py_buffer buffer;
	ssize_t got = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "w*|O&:readinto", names,
					 &buffer, deadline_from,
					 &call.deadline))
		return NULL;
	call.buffer = buffer.buf;
	call.n = (size_t)buffer.len;
	if (begin(self)) {
		if (run(self, &call, &got))
			result = got < 0 ? failed(self, got) :
					   PyLong_FromSsize_t(got);
		leave(self);
	}
	PyBuffer_Release(&buffer);
	return result;
}

/* Return: the number of bytes that were written; NULL with an exception, if there are none. */
static PyObject *write_all(struct end *self, struct call *call)
{
	size_t n = call->n;
	ssize_t got;

	do {
		if (!run(self, call, &got))
			return NULL;
		if (got <= 0)
			break;
		call->buffer += got;
		call->n -= (size_t)got;
	} while (call->n);
	return got < 0 && call->n == n ? failed(self, got) :
					 PyLong_FromSize_t(n - call->n);
}

static PyObject *producer_write(PyObject *object, PyObject *args,
				PyObject *kwargs)
{
	static char *names[] = { "data", "timeout", NULL };
	struct call call = { .step = step_write, .deadline = FOREVER };
	struct end *self = to_end(object);
	PyObject *result = NULL;
	Py_buffer data;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|O&:write", names,
					 &data, deadline_from, &call.deadline))
		return NULL;
	call.buffer = data.buf;
	call.n = (size_t)data.len;
	if (begin(self)) {
		result = write_all(self, &call);
		leave(self);
	}
	PyBuffer_Release(&data);
	return result;
}

/* --- spans --------------------------------------------------------------------------------- */

static int span_getbuffer(PyObject *object, Py_buffer *buffer, int flags)
{
	struct span *self = (struct span *)object;

	if (self->serial != self->end->serial) {
		buffer->obj = NULL;
		PyErr_SetString(PyExc_BufferError, "the span has ended");
		return -1;
	}
	if (PyBuffer_FillInfo(buffer, object, self->p, self->length,
			      self->readonly, flags))
		return -1;
	self->end->exports++;
	return 0;
}

static void span_releasebuffer(PyObject *object, Py_buffer *buffer)
{
	struct end *end = ((struct span *)object)->end;

	(void)buffer;
	end->exports--;
	if (end->closing && !end->exports) {
		vfifo_close(end->f);
		end->f = NULL;
	}
}

static void span_dealloc(PyObject *object)
{
	struct span *self = (struct span *)object;

	Py_DECREF((PyObject *)self->end);
	free_object(object);
}

/* Return: a memoryview of the @n bytes at @p, which `end` knows. */
static PyObject *view_of(struct end *end, void *p, ssize_t n)
{
	const struct state *state = PyModule_GetState(end->module);
	PyTypeObject *type = (PyTypeObject *)state->span;
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	PyObject *object = alloc(type, 0), *view;
	struct span *span = (struct span *)object;

	if (!object)
		return NULL;
	span->end = (struct end *)Py_NewRef((PyObject *)end);
	span->p = p;
	span->length = n;
	span->serial = end->serial;
	span->readonly = end->end == VFIFO_CONSUMER;
	view = PyMemoryView_FromObject(object);
	Py_DECREF(object);
	if (!view)
		return NULL;
	end->view = PyWeakref_NewRef(view, NULL);
	if (!end->view)
		Py_CLEAR(view);
	return view;
}

static PyObject *look(struct end *self, PyObject *args, const char *format)
{
	PyObject *least = NULL, *view;
	size_t n = 1;
	ssize_t got;
	void *p = NULL;

	if (!PyArg_ParseTuple(args, format, &least) ||
	    (least && !size_from(least, &n)) || !begin(self))
		return NULL;
	got = self->end == VFIFO_PRODUCER ? vfifo_reserve(self->f, n, &p) :
					    vfifo_peek(self->f, n, &p);
	view = got < 0 ? failed(self, got) : view_of(self, p, got);
	leave(self);
	return view;
}

static PyObject *producer_reserve(PyObject *object, PyObject *args)
{
	return look(to_end(object), args, "|O:reserve");
}

static PyObject *consumer_peek(PyObject *object, PyObject *args)
{
	return look(to_end(object), args, "|O:peek");
}

/* --- moving -------------------------------------------------------------------------------- */

/* A store to the position of a claim that was revoked is SIGBUS. */
static int publish(struct vfifo_handle *f)
{
	int err = vfifo_lost(f);

	return err == -ESTALE ? err : vfifo_publish(f);
}

static PyObject *end_advance(PyObject *object, PyObject *value)
{
	struct end *self = to_end(object);
	PyObject *result;
	size_t n;

	if (!size_from(value, &n) || !begin(self))
		return NULL;
	result = none_or_error(self, vfifo_advance(self->f, n));
	leave(self);
	return result;
}

static PyObject *end_publish(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);
	PyObject *result;

	(void)ignored;
	if (!begin(self))
		return NULL;
	result = none_or_error(self, publish(self->f));
	leave(self);
	return result;
}

/* vfifo_commit() of a producer, vfifo_consume() of a consumer. */
static PyObject *move(PyObject *object, PyObject *value)
{
	struct end *self = to_end(object);
	PyObject *result;
	size_t n;
	int err;

	if (!size_from(value, &n) || !begin(self))
		return NULL;
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = vfifo_advance(self->f, n);
	if (!err)
		err = publish(self->f);
	result = none_or_error(self, err);
	leave(self);
	return result;
}

/* --- records ------------------------------------------------------------------------------- */

static ssize_t step_write_record(struct vfifo_handle *f, struct call *call,
				 int ms)
{
	return vfifo_write_record(f, call->buffer, call->n, ms);
}

/* Waits until there is a record, whose bytes are then at call->buffer. Moves nothing. */
static ssize_t step_find_record(struct vfifo_handle *f, struct call *call,
				int ms)
{
	ssize_t length = vfifo_lost(f);
	void *p = NULL;

	if (!length)
		length = vfifo_peek_record(f, &p, &call->record);
	if (length == -EAGAIN) {
		length = vfifo_wait(f, 1, ms);
		if (!length)
			length = vfifo_peek_record(f, &p, &call->record);
	}
	call->buffer = p;
	return length;
}

static PyObject *producer_write_record(PyObject *object, PyObject *args,
				       PyObject *kwargs)
{
	static char *names[] = { "data", "timeout", NULL };
	struct call call = { .step = step_write_record, .deadline = FOREVER };
	struct end *self = to_end(object);
	PyObject *result = NULL;
	Py_buffer data;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|O&:write_record",
					 names, &data, deadline_from,
					 &call.deadline))
		return NULL;
	call.buffer = data.buf;
	call.n = (size_t)data.len;
	if (!call.n) {
		PyErr_SetString(PyExc_ValueError,
				"a record has at least one byte");
	} else if (begin(self)) {
		if (run(self, &call, &got))
			result = none_or_error(self, got < 0 ? (int)got : 0);
		leave(self);
	}
	PyBuffer_Release(&data);
	return result;
}

/* Return: (@bytes, sequence, time). Takes the reference to @bytes, which may be NULL. */
static PyObject *tuple_of(PyObject *bytes, const struct vfifo_record *record)
{
	return bytes ? Py_BuildValue("NkK", bytes,
				     (unsigned long)record->sequence,
				     (unsigned long long)record->time) :
		       NULL;
}

/* A copy of the record that was found. It is taken only if there is memory for the copy. */
static PyObject *take_record(struct end *self, const struct call *call,
			     ssize_t length)
{
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, length), *result;
	int err;

	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	memcpy(PyBytes_AsString(bytes), call->buffer, (size_t)length);
	Py_END_ALLOW_THREADS;
	result = tuple_of(bytes, &call->record);
	if (!result)
		return NULL;
	err = vfifo_lost(self->f);
	if (err == -ESTALE) {
		Py_DECREF(result);
		return failed(self, err);
	}
	/* The record is taken, also if the call that wakes the producer fails. */
	vfifo_consume_record(self->f);
	return result;
}

static PyObject *consumer_read_record(PyObject *object, PyObject *args,
				      PyObject *kwargs)
{
	static char *names[] = { "timeout", NULL };
	struct call call = { .step = step_find_record, .deadline = FOREVER };
	struct end *self = to_end(object);
	PyObject *result = NULL;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O&:read_record", names,
					 deadline_from, &call.deadline) ||
	    !begin(self))
		return NULL;
	if (run(self, &call, &got)) {
		if (got > 0)
			result = take_record(self, &call, got);
		else
			result = none_or_error(self,
					       got == -ENODATA ? 0 : (int)got);
	}
	leave(self);
	return result;
}

static PyObject *producer_reserve_record(PyObject *object, PyObject *args)
{
	struct end *self = to_end(object);
	PyObject *least = NULL, *view;
	size_t n = 1;
	ssize_t got;
	void *p = NULL;

	if (!PyArg_ParseTuple(args, "|O:reserve_record", &least) ||
	    (least && !size_from(least, &n)) || !begin(self))
		return NULL;
	got = vfifo_reserve_record(self->f, n, &p);
	view = got < 0 ? failed(self, got) : view_of(self, p, got);
	leave(self);
	return view;
}

static PyObject *consumer_peek_record(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);
	struct vfifo_record record;
	PyObject *result;
	ssize_t got;
	void *p = NULL;

	(void)ignored;
	if (!begin(self))
		return NULL;
	got = vfifo_peek_record(self->f, &p, &record);
	result = got < 0 ? failed(self, got) :
			   tuple_of(view_of(self, p, got), &record);
	leave(self);
	return result;
}

/* Moves past a record: advance_record() and, if @publishes, commit_record(). */
static PyObject *make_record(PyObject *object, PyObject *args, bool publishes)
{
	struct end *self = to_end(object);
	unsigned long long time = 0;
	PyObject *size, *result;
	size_t n;
	int err;

	if (!PyArg_ParseTuple(args, "O|K", &size, &time) ||
	    !size_from(size, &n) || !begin(self))
		return NULL;
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = vfifo_advance_record(self->f, n, time);
	if (!err && publishes)
		err = publish(self->f);
	result = none_or_error(self, err);
	leave(self);
	return result;
}

static PyObject *producer_advance_record(PyObject *object, PyObject *args)
{
	return make_record(object, args, false);
}

static PyObject *producer_commit_record(PyObject *object, PyObject *args)
{
	return make_record(object, args, true);
}

/* vfifo_skip_record(), vfifo_consume_record() or vfifo_drop_records() */
static PyObject *call_record(PyObject *object,
			     int (*move)(struct vfifo_handle *))
{
	struct end *self = to_end(object);
	PyObject *result;
	int err;

	if (!begin(self))
		return NULL;
	/* They may store to the position. */
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = move(self->f);
	result = none_or_error(self, err);
	leave(self);
	return result;
}

static PyObject *consumer_skip_record(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return call_record(object, vfifo_skip_record);
}

static PyObject *consumer_consume_record(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return call_record(object, vfifo_consume_record);
}

static PyObject *consumer_drop_records(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return call_record(object, vfifo_drop_records);
}

/* --- the life of an end -------------------------------------------------------------------- */

/* Return: this module, from @type or one of the types that it is derived from; borrowed. */
static PyObject *module_of(PyTypeObject *type)
{
	for (; type; type = PyType_GetSlot(type, Py_tp_base)) {
		PyObject *module = PyType_GetModule(type);

		if (module && PyModule_GetDef(module) == &module_def)
			return module;
		PyErr_Clear();
	}
	PyErr_SetString(PyExc_SystemError, "a type without its module");
	return NULL;
}

/* Where an error means something else than in a later call, the text is that of open(2) or mmap(2). */
static void open_failed(struct end *self, int err)
{
	const struct state *state = PyModule_GetState(self->module);
	bool other = err == EAGAIN || err == EINVAL || err == EIO;

	raise_error(err == EBADMSG ? state->broken : PyExc_OSError, err,
		    other ? strerror(err) : message(err, self->end),
		    self->name);
}

/* Return: false, with an exception. */
static bool open_end(struct end *self)
{
	const unsigned int flags = self->records ? VFIFO_OPEN_RECORDS : 0;
	/* self->f stays NULL meanwhile: other threads can find the object. */
	struct vfifo_handle *f = NULL;
	PyObject *path;
	int err;

	if (!PyUnicode_FSConverter(self->name, &path))
		return false;
	do {
		Py_BEGIN_ALLOW_THREADS;
		err = vfifo_open(PyBytes_AsString(path), self->end, flags, &f);
		Py_END_ALLOW_THREADS;
	} while (err == -EINTR && !PyErr_CheckSignals());
	Py_DECREF(path);
	if (!err) {
		self->f = f;
		return true;
	}
	if (!PyErr_Occurred())
		open_failed(self, -err);
	return false;
}

static PyObject *new_end(PyTypeObject *type, PyObject *args, PyObject *kwargs,
			 enum vfifo_end end)
{
	static char *names[] = { "path", "records", NULL };
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	PyObject *path, *object, *module = module_of(type);
	struct end *self;
	int records = 0;

	if (!module || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|$p", names,
						    &path, &records))
		return NULL;
	path = PyOS_FSPath(path);
	if (!path)
		return NULL;
	object = alloc(type, 0);
	if (!object) {
		Py_DECREF(path);
		return NULL;
	}
	self = to_end(object);
	self->module = Py_NewRef(module);
	self->name = path;
	self->end = end;
	self->records = records;
	if (!open_end(self)) {
		Py_DECREF(object);
		return NULL;
	}
	return object;
}

static PyObject *producer_new(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	return new_end(type, args, kwargs, VFIFO_PRODUCER);
}

static PyObject *consumer_new(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	return new_end(type, args, kwargs, VFIFO_CONSUMER);
}

/* A memoryview of a span keeps the end alive, so none is left here. */
static void end_dealloc(PyObject *object)
{
	struct end *self = to_end(object);

	vfifo_close(self->f);
	Py_CLEAR(self->view);
	Py_CLEAR(self->name);
	Py_CLEAR(self->module);
	free_object(object);
}

static PyObject *end_close(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);
	struct vfifo_handle *f;
	bool ended;

	(void)ignored;
	if (!is_open(self))
		Py_RETURN_NONE;
	/* A child may close what another thread of its parent was using. */
	if (!occupy(self))
		return NULL;
	ended = end_span(self);
	leave(self);
	if (!ended)
		return NULL;
	f = self->f;
	self->f = NULL;
	Py_BEGIN_ALLOW_THREADS;
	vfifo_close(f);
	Py_END_ALLOW_THREADS;
	Py_RETURN_NONE;
}

static PyObject *end_enter(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return is_open(to_end(object)) ? Py_NewRef(object) : closed_error();
}

/*
 * An exception that leaves a `with` block is more important than BufferError. Its traceback keeps the
 * variables of the block, and so the arrays of a span, for a while: the last of them closes the end.
 */
static PyObject *end_exit(PyObject *object, PyObject *args)
{
	struct end *self = to_end(object);
	PyObject *type = Py_None, *value, *traceback, *done;

	if (!PyArg_ParseTuple(args, "OOO:__exit__", &type, &value, &traceback))
		return NULL;
	done = PyObject_CallMethod(object, "close", NULL);
	if (!done && type != Py_None &&
	    PyErr_ExceptionMatches(PyExc_BufferError) && self->exports) {
		PyErr_Clear();
		self->closing = true;
		/* No new buffer of that span: it would outlive the mapping. */
		self->serial++;
		done = Py_NewRef(Py_None);
	}
	return done;
}

/* --- what an end tells --------------------------------------------------------------------- */

static PyObject *end_fileno(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);

	(void)ignored;
	return is_open(self) ? PyLong_FromLong(vfifo_fd(self->f)) :
			       closed_error();
}

static PyObject *end_closed(PyObject *object, void *ignored)
{
	(void)ignored;
	return PyBool_FromLong(!is_open(to_end(object)));
}

static PyObject *end_name(PyObject *object, void *ignored)
{
	(void)ignored;
	return Py_NewRef(to_end(object)->name);
}

static PyObject *end_capacity(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);

	(void)ignored;
	return is_open(self) ? PyLong_FromSize_t(vfifo_capacity(self->f)) :
			       closed_error();
}

static PyObject *end_watermark(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);

	(void)ignored;
	return is_open(self) ? PyLong_FromSize_t(vfifo_watermark(self->f)) :
			       closed_error();
}

static PyObject *end_kicks(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);
	PyObject *count;

	(void)ignored;
	if (!enter(self))
		return NULL;
	count = PyLong_FromUnsignedLong(vfifo_kicks(self->f));
	leave(self);
	return count;
}

static PyObject *end_sleeps(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);
	PyObject *count;

	(void)ignored;
	if (!enter(self))
		return NULL;
	count = PyLong_FromUnsignedLong(vfifo_sleeps(self->f));
	leave(self);
	return count;
}

static PyObject *end_set_spin(PyObject *object, PyObject *value)
{
	struct end *self = to_end(object);
	unsigned long us = PyLong_AsUnsignedLong(value);

	if (us == ULONG_MAX && PyErr_Occurred())
		return NULL;
	if (us > UINT_MAX) {
		PyErr_SetString(PyExc_OverflowError, "too many microseconds");
		return NULL;
	}
	if (!enter(self))
		return NULL;
	vfifo_set_spin(self->f, (unsigned int)us);
	leave(self);
	Py_RETURN_NONE;
}

static const char *const copies[] = {
	[VFIFO_COPY_AUTO] = "auto",
	[VFIFO_COPY_CACHED] = "cached",
	[VFIFO_COPY_STREAMING] = "streaming",
};

#define COPIES ((int)(sizeof(copies) / sizeof(copies[0])))

static PyObject *end_copy(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);
	PyObject *copy;

	(void)ignored;
	if (!enter(self))
		return NULL;
	copy = PyUnicode_FromString(copies[vfifo_copy(self->f)]);
	leave(self);
	return copy;
}

static PyObject *end_set_copy(PyObject *object, PyObject *args)
{
	struct end *self = to_end(object);
	const char *name;
	PyObject *result;
	int how = 0;

	if (!PyArg_ParseTuple(args, "s:set_copy", &name))
		return NULL;
	while (how < COPIES && strcmp(copies[how], name))
		how++;
	if (how == COPIES) {
		PyErr_SetString(PyExc_ValueError,
				"neither auto, cached nor streaming");
		return NULL;
	}
	if (!enter(self))
		return NULL;
	result = none_or_error(self, vfifo_set_copy(self->f, how));
	leave(self);
	return result;
}

static PyObject *end_repr(PyObject *object)
{
	struct end *self = to_end(object);
	PyObject *type = PyType_GetName(Py_TYPE(object)), *text = NULL;

	if (type)
		text = PyUnicode_FromFormat("<vfifo.%U %R%s>", type, self->name,
					    is_open(self) ? "" : ", closed");
	Py_XDECREF(type);
	return text;
}

/* --- the types ----------------------------------------------------------------------------- */

#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

PyDoc_STRVAR(
	wait_doc,
	"wait($self, /, n=1, timeout=None)\n--\n\n"
	"Waits until at least n bytes are free (producer) or stored (consumer).\n\n"
	"timeout is in seconds; None: no limit, 0: do not wait. What was advanced past is\n"
	"published first. Returns True, or False if fewer bytes are stored and the stream has\n"
	"ended. Raises TimeoutError; OSError with EMSGSIZE if n is more than the capacity.\n\n"
	"Other threads run meanwhile. A signal runs its handler, which may raise. If n is not the\n"
	"attribute watermark, the wait can end up to 16 milliseconds late.");

PyDoc_STRVAR(
	advance_doc,
	"advance($self, n, /)\n--\n\n"
	"Moves past n bytes that were reserved or peeked at, without publishing.\n\n"
	"Raises OSError with EINVAL if there are fewer.");

PyDoc_STRVAR(
	publish_doc,
	"publish($self, /)\n--\n\n"
	"Hands all that was advanced past to the other end, and wakes it if it waits.\n\n"
	"After OSError with ENODEV, and after BrokenError, the bytes are published, but the other\n"
	"end may not have been woken.");

PyDoc_STRVAR(
	close_doc,
	"close($self, /)\n--\n\n"
	"Releases the end. What was not published is not moved. A second call does nothing.\n\n"
	"Raises BufferError, and closes nothing, while a slice or an array of a span is in use.");

PyDoc_STRVAR(
	fileno_doc,
	"fileno($self, /)\n--\n\n"
	"Returns the file descriptor, for an event loop: POLLOUT for a producer, POLLIN for a\n"
	"consumer, at the attribute watermark. The end owns it. Move bytes until BlockingIOError,\n"
	"publish, then wait, in this order.");

PyDoc_STRVAR(
	set_spin_doc,
	"set_spin($self, microseconds, /)\n--\n\n"
	"Sets the longest time that a wait spins before it sleeps; 0: never.");

PyDoc_STRVAR(
	set_copy_doc,
	"set_copy($self, how, /)\n--\n\n"
	"Sets how read() and write() copy: 'auto' (measured, the default), 'cached' or\n"
	"'streaming', past the caches. Raises OSError with EOPNOTSUPP if this processor or this\n"
	"kind of memory cannot do it.");

static PyMethodDef end_methods[] = {
	{ "wait", WITH_KEYWORDS(end_wait), METH_VARARGS | METH_KEYWORDS,
	  wait_doc },
	{ "advance", end_advance, METH_O, advance_doc },
	{ "publish", end_publish, METH_NOARGS, publish_doc },
	{ "close", end_close, METH_NOARGS, close_doc },
	{ "fileno", end_fileno, METH_NOARGS, fileno_doc },
	{ "set_spin", end_set_spin, METH_O, set_spin_doc },
	{ "set_copy", end_set_copy, METH_VARARGS, set_copy_doc },
	{ "__enter__", end_enter, METH_NOARGS, NULL },
	{ "__exit__", end_exit, METH_VARARGS, NULL },
	{ 0 },
};

static PyGetSetDef end_getset[] = {
	{ "closed", end_closed, NULL, "whether the end is closed", NULL },
	{ "name", end_name, NULL, "the path that was opened", NULL },
	{ "capacity", end_capacity, NULL, "the bytes that the FIFO can store",
	  NULL },
	{ "watermark", end_watermark, NULL,
	  "the bytes from which on poll(2) reports this end ready", NULL },
	{ "copy", end_copy, NULL,
	  "how read() and write() copy now: 'cached' or 'streaming'", NULL },
	{ "kicks", end_kicks, NULL,
	  "the calls to the kernel so far that woke the other end", NULL },
	{ "sleeps", end_sleeps, NULL,
	  "the calls to the kernel so far that slept", NULL },
	{ 0 },
};

static PyType_Slot end_slots[] = {
	{ Py_tp_doc, "What a producer and a consumer have in common." },
	{ Py_tp_dealloc, end_dealloc },
	{ Py_tp_repr, end_repr },
	{ Py_tp_methods, end_methods },
	{ Py_tp_getset, end_getset },
	{ 0, NULL },
};

static PyType_Spec end_spec = {
	.name = "vfifo._vfifo.End",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = end_slots,
};

PyDoc_STRVAR(
	reserve_doc,
	"reserve($self, least=1, /)\n--\n\n"
	"Returns a writable memoryview of the free bytes: at least `least`, at most the capacity.\n\n"
	"It ends with the next call that moves, waits or looks: using it afterwards is ValueError.\n"
	"Raises BlockingIOError if fewer bytes are free now; BrokenError.");

PyDoc_STRVAR(
	commit_doc,
	"commit($self, n, /)\n--\n\n"
	"Hands the first n reserved bytes to the consumer: advance(n), then publish().");

PyDoc_STRVAR(
	write_doc,
	"write($self, /, data, timeout=None)\n--\n\n"
	"Stores a copy of all bytes of data, and waits while the FIFO is full.\n\n"
	"Returns their number; fewer if the timeout, in seconds, or an error came in between. If\n"
	"nothing was written, that is an exception. The next call reports the error.");

PyDoc_STRVAR(
	reserve_record_doc,
	"reserve_record($self, least=1, /)\n--\n\n"
	"Returns a writable memoryview for the bytes of the next record: at least `least`.\n\n"
	"It is a span, as that of reserve(). Raises BlockingIOError if there is no room now; OSError\n"
	"with EMSGSIZE if `least` is more than half of the capacity.");

PyDoc_STRVAR(
	advance_record_doc,
	"advance_record($self, n, time=0, /)\n--\n\n"
	"Makes a record of the first n reserved bytes, without publishing. time: see commit_record().");

PyDoc_STRVAR(
	commit_record_doc,
	"commit_record($self, n, time=0, /)\n--\n\n"
	"Hands a record of the first n reserved bytes to the consumer. time is when it was produced:\n"
	"time.monotonic_ns(), or 0 if that is not known.");

PyDoc_STRVAR(
	write_record_doc,
	"write_record($self, /, data, timeout=None)\n--\n\n"
	"Stores a copy of data as a record with the time of now, whole or not at all.\n\n"
	"Waits while there is no room for it. Raises TimeoutError.");

static PyMethodDef producer_methods[] = {
	{ "reserve_record", producer_reserve_record, METH_VARARGS,
	  reserve_record_doc },
	{ "advance_record", producer_advance_record, METH_VARARGS,
	  advance_record_doc },
	{ "commit_record", producer_commit_record, METH_VARARGS,
	  commit_record_doc },
	{ "write_record", WITH_KEYWORDS(producer_write_record),
	  METH_VARARGS | METH_KEYWORDS, write_record_doc },
	{ "reserve", producer_reserve, METH_VARARGS, reserve_doc },
	{ "commit", move, METH_O, commit_doc },
	{ "write", WITH_KEYWORDS(producer_write), METH_VARARGS | METH_KEYWORDS,
	  write_doc },
	{ 0 },
};

static PyType_Slot producer_slots[] = {
	{ Py_tp_doc, "Producer(path, *, records=False)\n--\n\n"
		     "The producer's end of the FIFO at path, claimed." },
	{ Py_tp_new, producer_new },
	{ Py_tp_methods, producer_methods },
	{ 0, NULL },
};

static PyType_Spec producer_spec = {
	.name = "vfifo._vfifo.Producer",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE,
	.slots = producer_slots,
};

PyDoc_STRVAR(
	peek_doc,
	"peek($self, least=1, /)\n--\n\n"
	"Returns a read-only memoryview of the stored bytes: at least `least`, at most the capacity.\n\n"
	"It ends with the next call that moves, waits or looks: using it afterwards is ValueError.\n"
	"Raises BlockingIOError if fewer bytes are stored now; BrokenError.");

PyDoc_STRVAR(
	consume_doc,
	"consume($self, n, /)\n--\n\n"
	"Gives the first n bytes back to the producer: advance(n), then publish().");

PyDoc_STRVAR(
	read_doc,
	"read($self, /, n=None, timeout=None)\n--\n\n"
	"Waits for the first byte, then takes what is stored, up to n bytes. None: no limit.\n\n"
	"Returns a copy; b'' at the end of the stream. timeout is in seconds. Raises TimeoutError.");

PyDoc_STRVAR(
	readinto_doc,
	"readinto($self, /, buffer, timeout=None)\n--\n\n"
	"As read(), into a writable buffer. Returns the number of bytes; 0 at the end of the stream.");

PyDoc_STRVAR(
	peek_record_doc,
	"peek_record($self, /)\n--\n\n"
	"Returns the next record: (a read-only memoryview of its bytes, its number, its time).\n\n"
	"The memoryview is a span, as that of peek(). A number that is not one more than that of the\n"
	"record before, modulo 2**32, shows how many are missing. The time is that of\n"
	"time.monotonic_ns(), or 0. Raises BlockingIOError if no record is stored now; BrokenError,\n"
	"also for an invalid header: then drop_records() goes on.");

PyDoc_STRVAR(skip_record_doc,
	     "skip_record($self, /)\n--\n\n"
	     "Moves past the record that was peeked at, without publishing.");

PyDoc_STRVAR(consume_record_doc,
	     "consume_record($self, /)\n--\n\n"
	     "Gives the record that was peeked at back to the producer.");

PyDoc_STRVAR(drop_records_doc,
	     "drop_records($self, /)\n--\n\n"
	     "Gives all that is stored back to the producer, unread.");

PyDoc_STRVAR(
	read_record_doc,
	"read_record($self, /, timeout=None)\n--\n\n"
	"Waits for a record and takes it: (a copy of its bytes, its number, its time).\n\n"
	"Returns None at the end of the stream. Raises TimeoutError, and otherwise as peek_record().");

static PyMethodDef consumer_methods[] = {
	{ "peek_record", consumer_peek_record, METH_NOARGS, peek_record_doc },
	{ "skip_record", consumer_skip_record, METH_NOARGS, skip_record_doc },
	{ "consume_record", consumer_consume_record, METH_NOARGS,
	  consume_record_doc },
	{ "drop_records", consumer_drop_records, METH_NOARGS,
	  drop_records_doc },
	{ "read_record", WITH_KEYWORDS(consumer_read_record),
	  METH_VARARGS | METH_KEYWORDS, read_record_doc },
	{ "peek", consumer_peek, METH_VARARGS, peek_doc },
	{ "consume", move, METH_O, consume_doc },
	{ "read", WITH_KEYWORDS(consumer_read), METH_VARARGS | METH_KEYWORDS,
	  read_doc },
	{ "readinto", WITH_KEYWORDS(consumer_readinto),
	  METH_VARARGS | METH_KEYWORDS, readinto_doc },
	{ 0 },
};

static PyType_Slot consumer_slots[] = {
	{ Py_tp_doc, "Consumer(path, *, records=False)\n--\n\n"
		     "The consumer's end of the FIFO at path, claimed." },
	{ Py_tp_new, consumer_new },
	{ Py_tp_methods, consumer_methods },
	{ 0, NULL },
};

static PyType_Spec consumer_spec = {
	.name = "vfifo._vfifo.Consumer",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE,
	.slots = consumer_slots,
};

static PyType_Slot span_slots[] = {
	{ Py_tp_doc, "The memory of a span. Its only use is by a memoryview." },
	{ Py_tp_dealloc, span_dealloc },
	{ Py_bf_getbuffer, span_getbuffer },
	{ Py_bf_releasebuffer, span_releasebuffer },
	{ 0, NULL },
};

static PyType_Spec span_spec = {
	.name = "vfifo._vfifo.Span",
	.basicsize = sizeof(struct span),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = span_slots,
};

/* --- the module ---------------------------------------------------------------------------- */

/* Return: the new type, borrowed from the module; or NULL. */
static PyObject *add_type(PyObject *module, PyType_Spec *spec, PyObject *base)
{
	PyObject *type = PyType_FromModuleAndSpec(module, spec, base);
	int err;

	if (!type)
		return NULL;
	err = PyModule_AddType(module, (PyTypeObject *)type);
	Py_DECREF(type);
	return err ? NULL : type;
}

PyDoc_STRVAR(
	broken_doc,
	"A claimed position of the FIFO is invalid: the other end lies, or has a bug.\n\n"
	"The end is unchanged, and works again once the position is valid or its claim ends.");

static int module_exec(PyObject *module)
{
	struct state *state = PyModule_GetState(module);
	PyObject *end;

	state->broken = PyErr_NewExceptionWithDoc(
		"vfifo.BrokenError", broken_doc, PyExc_OSError, NULL);
	if (!state->broken ||
	    PyModule_AddObjectRef(module, "BrokenError", state->broken))
		return -1;
	state->span = PyType_FromModuleAndSpec(module, &span_spec, NULL);
	end = add_type(module, &end_spec, NULL);
	if (!state->span || !end || !add_type(module, &producer_spec, end) ||
	    !add_type(module, &consumer_spec, end))
		return -1;
	return 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
	struct state *state = PyModule_GetState(module);

	Py_VISIT(state->broken);
	Py_VISIT(state->span);
	return 0;
}

static int module_clear(PyObject *module)
{
	struct state *state = PyModule_GetState(module);

	Py_CLEAR(state->broken);
	Py_CLEAR(state->span);
	return 0;
}

static PyModuleDef_Slot module_slots[] = {
	{ Py_mod_exec, module_exec },
	{ 0, NULL },
};

static struct PyModuleDef module_def = {
	PyModuleDef_HEAD_INIT,
	.m_name = "vfifo._vfifo",
	.m_doc = "The ends of libvfifo: see the package vfifo.",
	.m_size = sizeof(struct state),
	.m_slots = module_slots,
	.m_traverse = module_traverse,
	.m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__vfifo(void)
{
	return PyModuleDef_Init(&module_def);
}
