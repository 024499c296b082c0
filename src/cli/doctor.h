/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.h - what the files of vfifo doctor share
 *
 * doctor.c prints what the checks find; doctor-module.c looks at how the module comes to
 * the kernel, doctor-load.c at what keeps it from being loaded, doctor-device.c at how the
 * caller comes to a device.
 *
 * A mend is a command line for sh that works as it stands (the install lane's doctor-mends
 * runs them); where more is to be done by hand, that follows after a comma.
 */
#ifndef VFIFO_DOCTOR_H
#define VFIFO_DOCTOR_H

#include "cli.h"

struct report {
	struct table table;
	bool green;
	/* No kernel is installed, as in a container: all that is its host's. */
	bool contained;
};

/* One line: all is well, and how. */
void well(struct report *r, const char *check, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
/* One line: what is not well, and the command that mends it. */
void unwell(struct report *r, const char *check, const char *mend,
	    const char *detail, ...) __attribute__((format(printf, 4, 5)));

/* Whether there is a file, under the sysroot. */
bool exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Its first line; false: there is none. */
bool first_line(const char *path, char *line, size_t size);

void check_module(struct report *r);
void check_loaded(struct report *r);
void check_devices(struct report *r);

#endif /* VFIFO_DOCTOR_H */
