/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extension.h - what the files of the extension _vfifo share; nothing here is exported
 *
 * The extension is the part of the Python module vfifo that is compiled: the ends of libvfifo. It
 * uses the stable ABI of Python 3.11, so one build serves that Python and all later ones. Each file
 * includes this header first, as Python.h looks for the macro that selects this ABI.
 *
 * No Python program may reach memory that it has no right to. So
 *
 *  - a span is the memory of a memoryview, which asks span.c for it and returns it. While it is
 *    out, nothing here gives the bytes back or unmaps them: BufferError;
 *  - `busy` keeps a second thread, a signal handler and a finalizer out of a handle, as a wait and a
 *    copy release the interpreter lock;
 *  - arguments are converted before a handle is looked at: a conversion can run Python code, which
 *    may close the handle.
 *
 * module.c adds the types. end.c has what a producer and a consumer have in common, producer.c and
 * consumer.c the rest, span.c the memory of a memoryview. call.c has what surrounds each call, and
 * error.c the exceptions.
 */
#ifndef VFIFO_EXTENSION_H
#define VFIFO_EXTENSION_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "libvfifo.h"

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

static inline struct end *to_end(PyObject *self)
{
	return (struct end *)self;
}

static inline bool end_is_open(const struct end *self)
{
	return self->f && !self->closing;
}

static inline void free_object(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	release(self);
	Py_DECREF(type);
}

/* For a table of methods. */
#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

/* module.c: the module, its exception and its state */

/* Return: this module, from @type or one of the types that it is derived from; borrowed. */
PyObject *module_of(PyTypeObject *type);

/* end.c: what a producer and a consumer have in common */

extern PyType_Spec end_spec;

/* Producer() and Consumer(). Return: the new object; NULL, with an exception. */
PyObject *end_new(PyTypeObject *type, PyObject *args, PyObject *kwargs,
		  enum vfifo_end end);
/* reserve() and peek(). @format: of the arguments, with the name of the method. */
PyObject *end_look(struct end *self, PyObject *args, const char *format);
/* commit() and consume(): vfifo_commit() of a producer, vfifo_consume() of a consumer. */
PyObject *end_move(PyObject *object, PyObject *value);
/*
 * vfifo_publish(), unless the claim was revoked: a store to its position is SIGBUS then.
 * Return: what vfifo_publish() returns; -ESTALE: no claim.
 */
int end_publish_if_claimed(struct vfifo_handle *f);

/* producer.c, consumer.c */

extern PyType_Spec producer_spec;
extern PyType_Spec consumer_spec;

/* span.c: the memory of a memoryview */

extern PyType_Spec span_spec;

/* Return: a memoryview of the @n bytes at @p, which `end` knows. */
PyObject *span_view(struct end *end, void *p, ssize_t n);
/* Return: false, with BufferError, if the bytes of the last span are in use. */
bool span_end(struct end *self);

/* call.c: the arguments of a call, who is in it, and how it waits */

/* Converts a number of bytes. Return: false, with an exception. */
bool call_size_from(PyObject *value, size_t *n);
/* A PyArg_Parse converter: None or seconds, to a time of the monotonic clock. */
int call_deadline_from(PyObject *value, void *to);

#define FOREVER INT64_MAX /* a deadline */

/*
 * The beginning of each method that moves, waits or looks: call_enter(), and the last span ends.
 * call_leave() is its end. Return: false, with an exception.
 */
bool call_begin(struct end *self);
/* Return: false, with an exception, if the handle must not be used now. */
bool call_enter(struct end *self);
/* Return: false, with an exception, if a method is in progress. A child after fork(2) may call it. */
bool call_occupy(struct end *self);
void call_leave(struct end *self);

/* A call that waits. */
struct call {
	ssize_t (*step)(struct vfifo_handle *f, struct call *call, int ms);
	int64_t deadline;
	unsigned char *buffer;
	size_t n;
	struct vfifo_record record;
};

/* A step: waits for call->n bytes. */
ssize_t call_wait(struct vfifo_handle *f, struct call *call, int ms);
/*
 * Runs steps without the interpreter lock until one is more than a delay. A signal handler of Python
 * runs in between; if it raises, so does the call.
 *
 * Return: false, with that exception; or true, with the result of the last step.
 */
bool call_run(struct end *self, struct call *call, ssize_t *got);

/* error.c: the exceptions. @err is a negative errno of the library */

/* Raises OSError, or the subclass that Python or this module has for @err. Return: NULL. */
PyObject *error_set(struct end *self, ssize_t err);
/* The same for an error of vfifo_open(), which is a positive errno here. */
void error_opening(struct end *self, int err);
/* Return: NULL, with ValueError. */
PyObject *error_closed(void);
/* Return: None, or NULL as error_set(). */
PyObject *error_or_none(struct end *self, int err);

#endif /* VFIFO_EXTENSION_H */
