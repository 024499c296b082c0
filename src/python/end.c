// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * end.c - the type End: what a producer and a consumer have in common
 */
#include "extension.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* --- the life of an end -------------------------------------------------------------------- */

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
		error_opening(self, -err);
	return false;
}

PyObject *end_new(PyTypeObject *type, PyObject *args, PyObject *kwargs,
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
	if (!end_is_open(self))
		Py_RETURN_NONE;
	/* A child may close what another thread of its parent was using. */
	if (!call_occupy(self))
		return NULL;
	ended = span_end(self);
	call_leave(self);
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
	return end_is_open(to_end(object)) ? Py_NewRef(object) : error_closed();
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

/* --- waiting, looking and moving ----------------------------------------------------------- */

static PyObject *end_wait(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "n", "timeout", NULL };
	struct call call = { .step = call_wait, .deadline = FOREVER, .n = 1 };
	struct end *self = to_end(object);
	PyObject *n = NULL, *result = NULL;
	ssize_t got;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO&:wait", names, &n,
					 call_deadline_from, &call.deadline) ||
	    (n && !call_size_from(n, &call.n)) || !call_begin(self))
		return NULL;
	if (call_run(self, &call, &got)) {
		if (!got || got == -ENODATA)
			result = PyBool_FromLong(!got);
		else
			error_set(self, got);
	}
	call_leave(self);
	return result;
}

PyObject *end_look(struct end *self, PyObject *args, const char *format)
{
	PyObject *least = NULL, *view;
	size_t n = 1;
	ssize_t got;
	void *p = NULL;

	if (!PyArg_ParseTuple(args, format, &least) ||
	    (least && !call_size_from(least, &n)) || !call_begin(self))
		return NULL;
	got = self->end == VFIFO_PRODUCER ? vfifo_reserve(self->f, n, &p) :
					    vfifo_peek(self->f, n, &p);
	view = got < 0 ? error_set(self, got) : span_view(self, p, got);
	call_leave(self);
	return view;
}

int end_publish_if_claimed(struct vfifo_handle *f)
{
	int err = vfifo_lost(f);

	return err == -ESTALE ? err : vfifo_publish(f);
}

static PyObject *end_advance(PyObject *object, PyObject *value)
{
	struct end *self = to_end(object);
	PyObject *result;
	size_t n;

	if (!call_size_from(value, &n) || !call_begin(self))
		return NULL;
	result = error_or_none(self, vfifo_advance(self->f, n));
	call_leave(self);
	return result;
}

static PyObject *end_publish(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);
	PyObject *result;

	(void)ignored;
	if (!call_begin(self))
		return NULL;
	result = error_or_none(self, end_publish_if_claimed(self->f));
	call_leave(self);
	return result;
}

PyObject *end_move(PyObject *object, PyObject *value)
{
	struct end *self = to_end(object);
	PyObject *result;
	size_t n;
	int err;

	if (!call_size_from(value, &n) || !call_begin(self))
		return NULL;
	err = vfifo_lost(self->f);
	if (err != -ESTALE)
		err = vfifo_advance(self->f, n);
	if (!err)
		err = end_publish_if_claimed(self->f);
	result = error_or_none(self, err);
	call_leave(self);
	return result;
}

/* --- what an end tells --------------------------------------------------------------------- */

static PyObject *end_fileno(PyObject *object, PyObject *ignored)
{
	struct end *self = to_end(object);

	(void)ignored;
	return end_is_open(self) ? PyLong_FromLong(vfifo_fd(self->f)) :
				   error_closed();
}

static PyObject *end_closed(PyObject *object, void *ignored)
{
	(void)ignored;
	return PyBool_FromLong(!end_is_open(to_end(object)));
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
	return end_is_open(self) ? PyLong_FromSize_t(vfifo_capacity(self->f)) :
				   error_closed();
}

static PyObject *end_watermark(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);

	(void)ignored;
	return end_is_open(self) ? PyLong_FromSize_t(vfifo_watermark(self->f)) :
				   error_closed();
}

static PyObject *end_kicks(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);
	PyObject *count;

	(void)ignored;
	if (!call_enter(self))
		return NULL;
	count = PyLong_FromUnsignedLong(vfifo_kicks(self->f));
	call_leave(self);
	return count;
}

static PyObject *end_sleeps(PyObject *object, void *ignored)
{
	struct end *self = to_end(object);
	PyObject *count;

	(void)ignored;
	if (!call_enter(self))
		return NULL;
	count = PyLong_FromUnsignedLong(vfifo_sleeps(self->f));
	call_leave(self);
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
	if (!call_enter(self))
		return NULL;
	vfifo_set_spin(self->f, (unsigned int)us);
	call_leave(self);
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
	if (!call_enter(self))
		return NULL;
	copy = PyUnicode_FromString(copies[vfifo_copy(self->f)]);
	call_leave(self);
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
	if (!call_enter(self))
		return NULL;
	result = error_or_none(self, vfifo_set_copy(self->f, how));
	call_leave(self);
	return result;
}

static PyObject *end_repr(PyObject *object)
{
	struct end *self = to_end(object);
	PyObject *type = PyType_GetName(Py_TYPE(object)), *text = NULL;

	if (type)
		text = PyUnicode_FromFormat("<vfifo.%U %R%s>", type, self->name,
					    end_is_open(self) ? "" :
								", closed");
	Py_XDECREF(type);
	return text;
}

/* --- the type ------------------------------------------------------------------------------ */

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

PyType_Spec end_spec = {
	.name = "vfifo._vfifo.End",
	.basicsize = sizeof(struct end),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = end_slots,
};
