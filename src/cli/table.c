// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables, and the same as JSON, by libsmartcols. */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool table_option(struct table_options *o, int c, const char *argument)
{
	switch (c) {
	case 'b':
		o->bytes = true;
		return true;
	case 'J':
		o->json = true;
		return true;
	case 'n':
		o->noheadings = true;
		return true;
	case 'o':
		o->output = argument;
		return true;
	}
	return false;
}

bool table_options_only(struct table_options *o, int argc, char **argv,
			const char *verb, int (*help)(void), int *code)
{
	static const struct option options[] = {
		TABLE_LONG,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, TABLE_SHORT "h", options, NULL)) !=
	       -1) {
		if (table_option(o, c, optarg))
			continue;
		*code = c == 'h' ? help() : misused(verb, NULL);
		return false;
	}
	return true;
}

void print_columns(const struct column *columns, size_t n)
{
	printf("\nColumns:\n");
	for (size_t i = 0; i < n; i++)
		printf("  %-12s %s\n", columns[i].name, columns[i].help);
}

/* --- columns ---------------------------------------------------------------- */

static int column_show(struct table *t, size_t i)
{
	const struct column *column = &t->columns[i];

	/* A column that is named twice is shown once, as a JSON key must be unique. */
	if (t->shown[i])
		return 0;
	t->shown[i] = scols_table_new_column(
		t->scols, column->name, 0, column->number ? SCOLS_FL_RIGHT : 0);
	if (!t->shown[i])
		return out_of_memory();
	/* Printed as it is: table_bytes() makes the strings of JSON. */
	scols_column_set_json_type(t->shown[i], SCOLS_JSON_NUMBER);
	return 0;
}

static int columns_default(struct table *t)
{
	int code = 0;

	for (size_t i = 0; !code && i < t->n; i++)
		if (!t->columns[i].optional)
			code = column_show(t, i);
	return code;
}

/* Shows the column whose name is the first n bytes of `name`. */
static int column_named(struct table *t, const char *name, size_t n)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strncasecmp(t->columns[i].name, name, n) &&
		    !t->columns[i].name[n])
			return column_show(t, i);
	complain("%.*s: no such column; to list the columns: --help", (int)n,
		 name);
	return EXIT_USAGE;
}

/* `list` is like NAME,SIZE or +NODE. */
static int columns_choose(struct table *t, const char *list)
{
	int code = 0;

	if (!list || *list == '+')
		code = columns_default(t);
	if (list && *list == '+')
		list++;
	while (!code && list && *list) {
		size_t n = strcspn(list, ",");

		code = column_named(t, list, n);
		list += n + (list[n] == ',');
	}
	return code;
}

int table_begin(struct table *t, const char *name,
		const struct table_options *options,
		const struct column *columns, size_t n)
{
	int code;

	*t = (struct table){
		.scols = scols_new_table(),
		.columns = columns,
		.n = n,
		.options = options,
	};
	if (!t->scols || scols_table_set_name(t->scols, name))
		return out_of_memory();
	scols_table_enable_json(t->scols, options->json);
	scols_table_enable_noheadings(t->scols, options->noheadings);
	/*
	 * The cells are escaped already, and libsmartcols would escape them again. It may do
	 * so for a locale that is not UTF-8, as only it knows what that can print.
	 */
	scols_table_enable_noencoding(
		t->scols,
		options->json || !strcmp(nl_langinfo(CODESET), "UTF-8"));
	code = columns_choose(t, options->output);
	if (code)
		table_drop(t);
	return code;
}

void table_drop(struct table *t)
{
	scols_unref_table(t->scols);
}

/* --- cells ------------------------------------------------------------------ */

void table_row(struct table *t)
{
	t->line = scols_table_new_line(t->scols, NULL);
}

void table_raw(struct table *t, size_t column, const char *text)
{
	if (t->line && t->shown[column])
		scols_line_set_column_data(t->line, t->shown[column], text);
}

void table_bytes(struct table *t, size_t column, const char *bytes, size_t n)
{
	char text[8192];

	if (t->options->json)
		format_json(bytes, n, text, sizeof(text));
	else
		format_text(bytes, n, text, sizeof(text));
	table_raw(t, column, text);
}

void table_text(struct table *t, size_t column, const char *text)
{
	table_bytes(t, column, text, strlen(text));
}

void table_number(struct table *t, size_t column, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	table_raw(t, column, text);
}

void table_size(struct table *t, size_t column, uint64_t bytes)
{
	char text[32];

	if (t->options->bytes || t->options->json) {
		table_number(t, column, bytes);
		return;
	}
	format_size(bytes, text, sizeof(text));
	table_raw(t, column, text);
}

void table_percent(struct table *t, size_t column, uint64_t part, uint64_t all)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu%s",
		 (unsigned long long)(all ? part * 100 / all : 0),
		 t->options->json ? "" : "%");
	table_raw(t, column, text);
}

/* --- printing --------------------------------------------------------------- */

/*
 * Without line breaks and indentation. A string of JSON has no newline, so all of them are
 * libsmartcols' own.
 */
static int print_one_line(struct table *t)
{
	char *text, *to;
	int err = scols_print_table_to_string(t->scols, &text);

	if (err)
		return err;
	to = text;
	for (const char *from = text; *from;) {
		if (*from == '\n')
			from += strspn(from, "\n ");
		else
			*to++ = *from++;
	}
	*to = 0;
	puts(text);
	free(text);
	return 0;
}

int table_end(struct table *t)
{
	int err = t->options->one_line ? print_one_line(t) :
					 scols_print_table(t->scols);

	table_drop(t);
	if (!err)
		return EXIT_OK;
	complain("the table: %s", strerror(-err));
	return EXIT_FAILED;
}
