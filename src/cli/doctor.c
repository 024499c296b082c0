// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: what is wrong, and the command that mends it. */
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

static const struct column columns[] = {
	{ "CHECK", "what was looked at", false, false },
	{ "STATE", "ok or problem", false, false },
	{ "DETAIL", "what was found", false, false },
	{ "MEND", "what mends it", false, false },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void cell(struct report *r, const char *column, const char *text)
{
	char safe[4096];

	format_text(text, strlen(text), safe, sizeof(safe));
	table_text(&r->table, column, safe);
}

static void detail_cell(struct report *r, const char *fmt, va_list arguments)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, arguments);
	cell(r, "DETAIL", text);
}

void well(struct report *r, const char *check, const char *detail, ...)
{
	va_list arguments;

	table_row(&r->table);
	cell(r, "CHECK", check);
	cell(r, "STATE", "ok");
	va_start(arguments, detail);
	detail_cell(r, detail, arguments);
	va_end(arguments);
}

void unwell(struct report *r, const char *check, const char *mend,
	    const char *detail, ...)
{
	va_list arguments;

	r->green = false;
	table_row(&r->table);
	cell(r, "CHECK", check);
	cell(r, "STATE", "problem");
	cell(r, "MEND", mend);
	va_start(arguments, detail);
	detail_cell(r, detail, arguments);
	va_end(arguments);
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

/* modinfo and dkms are where only root looks for commands. */
static void extend_path(void)
{
	const char *path = getenv("PATH");
	char *longer;

	if (asprintf(&longer, "%s:/usr/sbin:/sbin",
		     path ? path : "/usr/bin:/bin") < 0)
		return;
	setenv("PATH", longer, 1);
	free(longer);
}

static int examine(const struct table_options *o)
{
	struct report r = { .green = true };
	int code = table_begin(&r.table, "checks", o, columns, COLUMNS, NULL);

	if (code)
		return code;
	extend_path();
	check_module(&r);
	check_devices(&r);
	code = table_end(&r.table);
	return code ? code : r.green ? EXIT_OK : EXIT_FAILED;
}

static int help(void)
{
	printf("Usage: vfifo doctor [OPTION...]\n"
	       "Looks at all that must be in place for vfifo to work here, for this user, and\n"
	       "tells what mends what is not. Changes nothing. Ends with 0 if all is well.\n\n"
	       "Options:\n"
	       "  -J, --json            JSON\n"
	       "  -n, --noheadings      no line of headings\n"
	       "  -o, --output COLUMNS  these columns, with commas between them\n"
	       "  -h, --help            this text\n");
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

int verb_doctor(int argc, char **argv)
{
	struct table_options o = { 0 };
	int code;

	if (!table_options_only(&o, argc, argv, "doctor", help, &code))
		return code;
	if (optind < argc)
		return misused("doctor", "it takes no arguments");
	return examine(&o);
}
