// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * span.c - the type Span: the memory of a memoryview
 */
#include "extension.h"

/* What a memoryview asks for its memory. */
struct span {
	PyObject ob_base;
	struct end *end;
	void *p;
	Py_ssize_t length;
	size_t serial;
	bool readonly;
};

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

bool span_end(struct end *self)
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

PyObject *span_view(struct end *end, void *p, ssize_t n)
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

static PyType_Slot span_slots[] = {
	{ Py_tp_doc, "The memory of a span. Its only use is by a memoryview." },
	{ Py_tp_dealloc, span_dealloc },
	{ Py_bf_getbuffer, span_getbuffer },
	{ Py_bf_releasebuffer, span_releasebuffer },
	{ 0, NULL },
};

PyType_Spec span_spec = {
	.name = "vfifo._vfifo.Span",
	.basicsize = sizeof(struct span),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = span_slots,
};
