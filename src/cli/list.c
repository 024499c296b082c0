// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo list: the devices, one a line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct column columns[] = {
	{ "NAME", "the device", false, false },
	{ "NODE", "its path", false, false },
	{ "LABEL", "its label", false, false },
	{ "SIZE", "bytes stored", true, true },
	{ "CAPACITY", "bytes that can be stored", true, true },
	{ "FILL", "how full it is, in percent", true, true },
	{ "MODE", "1: the generator produces", true, true },
	{ "OVERFLOW", "what happens when it is full", false, false },
	{ "EOF", "1: readers see the end", true, true },
	{ "PATTERN", "what the generator produces", false, false },
	{ "MAPPINGS", "mappings of its memory", true, true },
	{ "PRODUCER", "process that claims this side, or 0", true, true },
	{ "CONSUMER", "process that claims this side, or 0", true, true },
	{ "IN", "bytes ever produced", true, true },
	{ "OUT", "bytes ever consumed", true, true },
	{ "DROPPED", "bytes lost for want of space", true, true },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define DEFAULTS "NAME,SIZE,CAPACITY,FILL,MODE,OVERFLOW,PRODUCER,CONSUMER,LABEL"

/* The columns that are an attribute as it is. */
static const struct {
	const char *column, *attribute;
} shown_as_is[] = {
	{ "LABEL", "label" },
	{ "SIZE", "size" },
	{ "CAPACITY", "capacity" },
	{ "MODE", "mode" },
	{ "OVERFLOW", "overflow" },
	{ "EOF", "eof" },
	{ "PATTERN", "generator/pattern" },
	{ "MAPPINGS", "mappings" },
	{ "PRODUCER", "producer" },
	{ "CONSUMER", "consumer" },
	{ "IN", "stats/in_bytes" },
	{ "OUT", "stats/out_bytes" },
	{ "DROPPED", "stats/dropped_bytes" },
};

static void text_cell(struct table *t, const char *column,
		      const struct device *d, const char *name)
{
	char raw[ATTR_MAX], safe[4 * ATTR_MAX];

	if (attribute_get(d, name, raw, sizeof(raw)))
		return;
	format_text(raw, strlen(raw), safe, sizeof(safe));
	table_text(t, column, safe);
}

static void attribute_cell(struct table *t, const char *column,
			   const struct device *d, const char *name)
{
	const struct attribute *a = attribute_find(name);
	uint64_t value;

	if (a->kind == ATTR_TEXT)
		text_cell(t, column, d, name);
	else if (attribute_number(d, name, &value))
		return;
	else if (a->kind == ATTR_BYTES)
		table_size(t, column, value);
	else
		table_number(t, column, value);
}

static void fill_cell(struct table *t, const struct device *d)
{
	uint64_t size, capacity;
	char text[32];

	if (attribute_number(d, "size", &size) ||
	    attribute_number(d, "capacity", &capacity) || !capacity)
		return;
	snprintf(text, sizeof(text), "%llu%s",
		 (unsigned long long)(size * 100 / capacity),
		 t->options->json ? "" : "%");
	table_text(t, "FILL", text);
}

static void row(struct table *t, const struct device *d)
{
	table_row(t);
	table_text(t, "NAME", d->name);
	table_text(t, "NODE", d->node);
	for (size_t i = 0; i < sizeof(shown_as_is) / sizeof(shown_as_is[0]);
	     i++)
		attribute_cell(t, shown_as_is[i].column, d,
			       shown_as_is[i].attribute);
	fill_cell(t, d);
}

/* Those that are named, or all. */
static int choose(char **names, size_t count, struct device **list, size_t *n)
{
	int code = 0;

	if (!count)
		return device_all(list, n);
	*list = calloc(count, sizeof(**list));
	if (!*list) {
		complain("no memory");
		return EXIT_FAILED;
	}
	for (*n = 0; !code && *n < count; (*n)++)
		code = device_find(names[*n], &(*list)[*n]);
	if (code)
		free(*list);
	return code;
}

static int print_list(const struct table_options *o, char **names, size_t count)
{
	struct device *list;
	struct table t;
	size_t n;
	int code = choose(names, count, &list, &n);

	if (code)
		return code;
	code = table_begin(&t, "devices", o, columns, COLUMNS, DEFAULTS);
	if (!code) {
		for (size_t i = 0; i < n; i++)
			row(&t, &list[i]);
		code = table_end(&t);
	}
	free(list);
	return code;
}

static int help(void)
{
	printf("Usage: vfifo list [OPTION...] [DEVICE...]\n"
	       "Lists the devices, or those that are named.\n\n"
	       "Options:\n" TABLE_HELP "  -h, --help            this text\n");
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

int verb_list(int argc, char **argv)
{
	struct table_options o = { 0 };
	int code;

	if (!table_options_only(&o, argc, argv, "list", help, &code))
		return code;
	return print_list(&o, argv + optind, (size_t)(argc - optind));
}
