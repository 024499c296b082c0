// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * producer.c - the type Producer: it writes, or fills spans, of bytes and of records
 */
#include "extension.h"

#include <errno.h>

static PyObject *producer_new(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	return end_new(type, args, kwargs, VFIFO_PRODUCER);
}

/* --- bytes --------------------------------------------------------------------------------- */

static PyObject *producer_reserve(PyObject *object, PyObject *args)
{
	return end_look(to_end(object), args, "|O:reserve");
}

static ssize_t step_write(struct vfifo_handle *f, struct call *call, int ms)
{
	return vfifo_write(f, call->buffer, call->n, ms);
}

/* Return: the number of bytes that were written; NULL with an exception, if there are none. */
static PyObject *write_all(struct end *self, struct call *call)
{
	size_t n = call->n;
	ssize_t got;

	do {
		if (!call_run(self, call, &got))
			return NULL;
		if (got <= 0)
			break;
		call->buffer += got;
		call->n -= (size_t)got;
	} while (call->n);
	return got < 0 && call->n == n ? error_set(self, got) :
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
					 &data, call_deadline_from,
					 &call.deadline))
		return NULL;
	call.buffer = data.buf;
	call.n = (size_t)data.len;
	if (call_begin(self)) {
		result = write_all(self, &call);
		call_leave(self);
	}
	PyBuffer_Release(&data);
	return result;
}

/* --- records ------------------------------------------------------------------------------- */

static PyObject *producer_reserve_record(PyObject *object, PyObject *args)
{
	struct end *self = to_end(object);
	PyObject *least = NULL, *view;
	size_t n = 1;
	ssize_t got;
	void *p = NULL;

	if (!PyArg_ParseTuple(args, "|O:reserve_record", &least) ||
	    (least && !call_size_from(least, &n)) || !call_begin(self))
		return NULL;
	got = vfifo_reserve_record(self->f, n, &p);
	view = got < 0 ? error_set(self, got) : span_view(self, p, got);
	call_leave(self);
	return view;
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
	    !call_size_from(size, &n) || !call_begin(self))
		return NULL;
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = vfifo_advance_record(self->f, n, time);
	if (!err && publishes)
		err = end_publish_if_claimed(self->f);
	result = error_or_none(self, err);
	call_leave(self);
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

static ssize_t step_write_record(struct vfifo_handle *f, struct call *call,
				 int ms)
{
	return vfifo_write_record(f, call->buffer, call->n, ms);
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
					 names, &data, call_deadline_from,
					 &call.deadline))
		return NULL;
	call.buffer = data.buf;
	call.n = (size_t)data.len;
	if (!call.n) {
		PyErr_SetString(PyExc_ValueError,
				"a record has at least one byte");
	} else if (call_begin(self)) {
		if (call_run(self, &call, &got))
			result = error_or_none(self, got < 0 ? (int)got : 0);
		call_leave(self);
	}
	PyBuffer_Release(&data);
	return result;
}

/* --- the type ------------------------------------------------------------------------------ */

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
	{ "commit", end_move, METH_O, commit_doc },
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

PyType_Spec producer_spec = {
	.name = "vfifo._vfifo.Producer",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE,
	.slots = producer_slots,
};
