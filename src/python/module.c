// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * module.c - the module: its types, its exception and its state
 */
#include "extension.h"

static struct PyModuleDef module_def;

PyObject *module_of(PyTypeObject *type)
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
