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

static const struct column *column_find(const struct table *t, const char *name,
					size_t length)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strncasecmp(t->columns[i].name, name, length) &&
		    !t->columns[i].name[length])
			return &t->columns[i];
	return NULL;
}

static int out_of_memory(void)
{
	complain("no memory");
	return EXIT_FAILED;
}

static struct libscols_column *scols_column(const struct table *t,
					    const char *name)
{
	struct libscols_iter *i = scols_new_iter(SCOLS_ITER_FORWARD);
	struct libscols_column *c, *found = NULL;

	while (i && !found && !scols_table_next_column(t->scols, i, &c))
		if (!strcmp(scols_cell_get_data(scols_column_get_header(c)),
			    name))
			found = c;
	scols_free_iter(i);
	return found;
}

static int column_add(struct table *t, const struct column *column)
{
	struct libscols_column *c;

	/* Named twice is shown once, as JSON has no such thing. */
	if (scols_column(t, column->name))
		return 0;
	c = scols_table_new_column(t->scols, column->name, 0,
				   column->right ? SCOLS_FL_RIGHT : 0);
	if (!c)
		return out_of_memory();
	scols_column_set_json_type(c, column->number ? SCOLS_JSON_NUMBER :
						       SCOLS_JSON_STRING);
	return 0;
}

/* Those of a list like `NAME,SIZE`. */
static int columns_add(struct table *t, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		const struct column *column = column_find(t, list, length);
		int code;

		if (!column) {
			complain("there is no column %.*s; --help lists them",
				 (int)length, list);
			return EXIT_USAGE;
		}
		code = column_add(t, column);
		if (code)
			return code;
		list += length + (list[length] == ',');
	}
	return 0;
}

static int columns_all(struct table *t)
{
	int code = 0;

	for (size_t i = 0; !code && i < t->n; i++)
		code = column_add(t, &t->columns[i]);
	return code;
}

static int columns_choose(struct table *t, const char *defaults)
{
	const char *output = t->options->output;
	int code;

	if (!output && !defaults)
		return columns_all(t);
	if (!output)
		return columns_add(t, defaults);
	if (*output != '+' || !defaults)
		return columns_add(t, output);
	code = columns_add(t, defaults);
	return code ? code : columns_add(t, output + 1);
}

int table_begin(struct table *t, const char *name,
		const struct table_options *options,
		const struct column *columns, size_t n, const char *defaults)
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
	/* What comes here is UTF-8 and safe, and would be made so a second time. */
	scols_table_enable_noencoding(t->scols,
				      !strcmp(nl_langinfo(CODESET), "UTF-8"));
	code = columns_choose(t, defaults);
	if (code)
		table_drop(t);
	return code;
}

void table_drop(struct table *t)
{
	scols_unref_table(t->scols);
}

void table_row(struct table *t)
{
	t->line = scols_table_new_line(t->scols, NULL);
}

void table_text(struct table *t, const char *column, const char *text)
{
	struct libscols_column *c = scols_column(t, column);

	if (t->line && c)
		scols_line_set_column_data(t->line, c, text);
}

void table_number(struct table *t, const char *column, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	table_text(t, column, text);
}

void table_size(struct table *t, const char *column, uint64_t bytes)
{
	char text[32];

	if (t->options->bytes || t->options->json) {
		table_number(t, column, bytes);
		return;
	}
	format_size(bytes, text, sizeof(text));
	table_text(t, column, text);
}

int table_end(struct table *t)
{
	int err = scols_print_table(t->scols);

	table_drop(t);
	if (!err)
		return EXIT_OK;
	complain("the table: %s", strerror(-err));
	return EXIT_FAILED;
}
