// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * error.c - the exceptions: which one an errno of the library becomes, and its text
 */
#include "extension.h"

#include <errno.h>
#include <string.h>

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

PyObject *error_set(struct end *self, ssize_t err)
{
	const struct state *state = PyModule_GetState(self->module);
	bool broken = err == -EBADMSG || err == -EIO;

	const char *text = message((int)-err, self->end);

	if (err == -EBADMSG && self->records)
		text = "the position of the other end, or the header of the record, is invalid";
	return raise_error(broken ? state->broken : PyExc_OSError, (int)-err,
			   text, self->name);
}

/* Where an error means something else than in a later call, the text is that of open(2) or mmap(2). */
void error_opening(struct end *self, int err)
{
	const struct state *state = PyModule_GetState(self->module);
	bool other = err == EAGAIN || err == EINVAL || err == EIO;

	raise_error(err == EBADMSG ? state->broken : PyExc_OSError, err,
		    other ? strerror(err) : message(err, self->end),
		    self->name);
}

PyObject *error_closed(void)
{
	PyErr_SetString(PyExc_ValueError, "the end is closed");
	return NULL;
}

PyObject *error_or_none(struct end *self, int err)
{
	return err ? error_set(self, err) : Py_NewRef(Py_None);
}
