// SPDX-License-Identifier: GPL-2.0-or-later
/* The lines of vfifo doctor, and looking at files. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

static void line(struct report *r, const char *check, const char *state,
		 const char *fmt, va_list arguments)
{
	char detail[1024];

	vsnprintf(detail, sizeof(detail), fmt, arguments);
	table_row(&r->table);
	table_text(&r->table, REPORT_CHECK, check);
	table_text(&r->table, REPORT_STATE, state);
	table_text(&r->table, REPORT_DETAIL, detail);
}

void well(struct report *r, const char *check, const char *detail, ...)
{
	va_list arguments;

	va_start(arguments, detail);
	line(r, check, "ok", detail, arguments);
	va_end(arguments);
}

void unwell(struct report *r, const char *check, const char *mend,
	    const char *detail, ...)
{
	va_list arguments;

	r->healthy = false;
	va_start(arguments, detail);
	line(r, check, "problem", detail, arguments);
	va_end(arguments);
	table_text(&r->table, REPORT_MEND, mend);
}

bool exists(const char *fmt, ...)
{
	char path[PATH_MAX], full[PATH_MAX];
	va_list arguments;
	int n;

	va_start(arguments, fmt);
	n = vsnprintf(path, sizeof(path), fmt, arguments);
	va_end(arguments);
	return n < (int)sizeof(path) &&
	       !rooted(full, sizeof(full), "%s", path) && !access(full, F_OK);
}

bool first_line(const char *path, char *line, size_t size)
{
	char full[PATH_MAX];
	FILE *f;
	bool read;

	if (rooted(full, sizeof(full), "%s", path))
		return false;
	f = fopen(full, "re");
	if (!f)
		return false;
	read = fgets(line, (int)size, f) != NULL;
	fclose(f);
	if (read)
		line[strcspn(line, "\n")] = 0;
	return read;
}
