// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * consumer.c - the type Consumer: it reads, or looks at spans, of bytes and of records
 */
#include "extension.h"

#include <errno.h>
#include <string.h>

static PyObject *consumer_new(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	return end_new(type, args, kwargs, VFIFO_CONSUMER);
}

/* --- bytes --------------------------------------------------------------------------------- */

static PyObject *consumer_peek(PyObject *object, PyObject *args)
{
	return end_look(to_end(object), args, "|O:peek");
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
		return error_set(self, got);
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
	shorter = got < 0 ? error_set(self, got) :
			    PyBytes_FromStringAndSize((char *)to, got);
	Py_DECREF(bytes);
	return shorter;
}

static PyObject *consumer_read(PyObject *object, PyObject *args,
			       PyObject *kwargs)
{
	static char *names[] = { "n", "timeout", NULL };
	struct call call = { .step = call_wait, .deadline = FOREVER, .n = 1 };
	struct end *self = to_end(object);
	PyObject *limit = Py_None, *result = NULL;
	size_t n = SIZE_MAX;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO&:read", names,
					 &limit, call_deadline_from,
					 &call.deadline) ||
	    (limit != Py_None && !call_size_from(limit, &n)) ||
	    !call_begin(self))
		return NULL;
	if (!n)
		result = PyBytes_FromStringAndSize(NULL, 0);
	else if (call_run(self, &call, &got)) {
		if (!got)
			result = take(self, n);
		else if (got == -ENODATA)
			result = PyBytes_FromStringAndSize(NULL, 0);
		else
			error_set(self, got);
	}
	call_leave(self);
	return result;
}

static ssize_t step_read(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_read(f, call->buffer, call->n, ms);
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
					 &buffer, call_deadline_from,
					 &call.deadline))
		return NULL;
	call.buffer = buffer.buf;
	call.n = (size_t)buffer.len;
	if (call_begin(self)) {
		if (call_run(self, &call, &got))
			result = got < 0 ? error_set(self, got) :
					   PyLong_FromSsize_t(got);
		call_leave(self);
	}
	PyBuffer_Release(&buffer);
	return result;
}

/* --- records ------------------------------------------------------------------------------- */

/* Return: (@bytes, sequence, time). Takes the reference to @bytes, which may be NULL. */
static PyObject *tuple_of(PyObject *bytes, const struct vfifo_record *record)
{
	return bytes ? Py_BuildValue("NkK", bytes,
				     (unsigned long)record->sequence,
				     (unsigned long long)record->time) :
		       NULL;
}

static PyObject *consumer_peek_record(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);
	struct vfifo_record record;
	PyObject *result;
	ssize_t got;
	void *p = NULL;

	(void)ignored;
	if (!call_begin(self))
		return NULL;
	got = vfifo_peek_record(self->f, &p, &record);
	result = got < 0 ? error_set(self, got) :
			   tuple_of(span_view(self, p, got), &record);
	call_leave(self);
	return result;
}

/* vfifo_skip_record(), vfifo_consume_record() or vfifo_drop_records() */
static PyObject *pass_record(PyObject *object,
			     int (*move)(struct vfifo_handle *))
{
	struct end *self = to_end(object);
	PyObject *result;
	int err;

	if (!call_begin(self))
		return NULL;
	/* They may store to the position. */
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = move(self->f);
	result = error_or_none(self, err);
	call_leave(self);
	return result;
}

static PyObject *consumer_skip_record(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return pass_record(object, vfifo_skip_record);
}

static PyObject *consumer_consume_record(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return pass_record(object, vfifo_consume_record);
}

static PyObject *consumer_drop_records(PyObject *object, PyObject *ignored)
{
	(void)ignored;
	return pass_record(object, vfifo_drop_records);
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
		return error_set(self, err);
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
					 call_deadline_from, &call.deadline) ||
	    !call_begin(self))
		return NULL;
	if (call_run(self, &call, &got)) {
		if (got > 0)
			result = take_record(self, &call, got);
		else
			result = error_or_none(self,
					       got == -ENODATA ? 0 : (int)got);
	}
	call_leave(self);
	return result;
}

/* --- the type ------------------------------------------------------------------------------ */

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
	{ "consume", end_move, METH_O, consume_doc },
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

PyType_Spec consumer_spec = {
	.name = "vfifo._vfifo.Consumer",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE,
	.slots = consumer_slots,
};
