/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.h - what the files of vfifo doctor share
 *
 * doctor-module.c checks how the module gets into the kernel, doctor-load.c what keeps it
 * from being loaded, doctor-device.c whether the caller may use the devices.
 *
 * The mend of a problem is a command line for sh that works as it is printed (the test
 * tests/install/doctor-mends runs them). Steps that need a person follow after a comma.
 */
#ifndef VFIFO_DOCTOR_H
#define VFIFO_DOCTOR_H

#include "cli.h"

enum {
	REPORT_CHECK,
	REPORT_STATE,
	REPORT_DETAIL,
	REPORT_MEND,
	REPORT_COLUMNS,
};

struct report {
	struct table table;
	bool healthy; /* no problem so far */
	/* No kernel is installed, as in a container: its host has kernel and module. */
	bool contained;
};

/* report.c */

/* Adds a line for a check that passed; `detail` is a format. */
void well(struct report *r, const char *check, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds a line for a problem, and the command that mends it. */
void unwell(struct report *r, const char *check, const char *mend,
	    const char *detail, ...) __attribute__((format(printf, 4, 5)));

/* Whether the file exists, under the sysroot. */
bool exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reads the first line of a file. false: there is none. */
bool first_line(const char *path, char *line, size_t size);

void check_module(struct report *r);
void check_loaded(struct report *r);
void check_devices(struct report *r);

#endif /* VFIFO_DOCTOR_H */
