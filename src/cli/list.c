// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo list: the devices, one a line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
	NAME,
	NODE,
	SIZE,
	CAPACITY,
	FILL,
	MODE,
	OVERFLOW,
	END_OF_FILE,
	PATTERN,
	MAPPINGS,
	PRODUCER,
	CONSUMER,
	IN,
	OUT,
	DROPPED,
	LABEL,
	COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[NAME] = { "NAME", "the device", false, false },
	[NODE] = { "NODE", "its path", false, true },
	[SIZE] = { "SIZE", "bytes stored", true, false },
	[CAPACITY] = { "CAPACITY", "bytes that can be stored", true, false },
	[FILL] = { "FILL", "how full it is, in percent", true, false },
	[MODE] = { "MODE", "1: the generator produces", true, false },
	[OVERFLOW] = { "OVERFLOW", "what a write does when it is full", false,
		       false },
	[END_OF_FILE] = { "EOF", "1: without writers a read ends", true, true },
	[PATTERN] = { "PATTERN", "what the generator produces", false, true },
	[MAPPINGS] = { "MAPPINGS", "mappings of its memory", true, true },
	[PRODUCER] = { "PRODUCER", "process that claims this side, or 0", true,
		       false },
	[CONSUMER] = { "CONSUMER", "process that claims this side, or 0", true,
		       false },
	[IN] = { "IN", "bytes ever produced", true, true },
	[OUT] = { "OUT", "bytes ever consumed", true, true },
	[DROPPED] = { "DROPPED", "bytes lost for lack of space", true, true },
	[LABEL] = { "LABEL", "its label", false, false },
};

/* The columns that show an attribute. */
static const char *const attribute_of[COLUMNS] = {
	[SIZE] = "size",	   [CAPACITY] = "capacity",
	[MODE] = "mode",	   [OVERFLOW] = "overflow",
	[END_OF_FILE] = "eof",	   [PATTERN] = "generator/pattern",
	[MAPPINGS] = "mappings",   [PRODUCER] = "producer",
	[CONSUMER] = "consumer",   [IN] = "stats/in_bytes",
	[OUT] = "stats/out_bytes", [DROPPED] = "stats/dropped_bytes",
	[LABEL] = "label",
};

static void attribute_cell(struct table *t, size_t column,
			   const struct device *d, const char *name)
{
	const struct attribute *a = attribute_find(name, strlen(name));
	char text[ATTR_MAX];
	uint64_t value;

	if (a->kind == ATTR_TEXT) {
		if (!attribute_get(d, name, text, sizeof(text)))
			table_text(t, column, text);
	} else if (!attribute_number(d, name, &value)) {
		if (a->kind == ATTR_BYTES)
			table_size(t, column, value);
		else
			table_number(t, column, value);
	}
}

static void row(struct table *t, const struct device *d)
{
	uint64_t size, capacity;

	table_row(t);
	table_text(t, NAME, d->name);
	table_text(t, NODE, d->node);
	for (size_t i = 0; i < COLUMNS; i++)
		if (attribute_of[i] && t->shown[i])
			attribute_cell(t, i, d, attribute_of[i]);
	if (!attribute_number(d, "size", &size) &&
	    !attribute_number(d, "capacity", &capacity))
		table_percent(t, FILL, size, capacity);
}

/* The named devices, or all. The caller frees *list. */
static int choose(char **names, size_t count, struct device **list, size_t *n)
{
	int code = 0;

	if (!count)
		return device_all(list, n);
	*list = calloc(count, sizeof(**list));
	if (!*list)
		return out_of_memory();
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
	code = table_begin(&t, "devices", o, columns, COLUMNS);
	if (!code) {
		for (size_t i = 0; i < n; i++)
			row(&t, &list[i]);
		code = table_end(&t);
	}
	free(list);
	return code;
}

static int print_metrics(char **names, size_t count)
{
	struct device *list;
	size_t n;
	int code = choose(names, count, &list, &n);

	if (code)
		return code;
	prometheus_print(list, n);
	free(list);
	return EXIT_OK;
}

static int help(void)
{
	printf("Usage: vfifo list [OPTION...] [DEVICE...]\n"
	       "Lists the named devices, or all.\n\n"
	       "Options:\n" TABLE_HELP
	       "  -p, --prometheus      metrics for node_exporter's textfile collector\n"
	       "  -h, --help            this text\n");
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		TABLE_LONG,
		{ "prometheus", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct table_options o = { 0 };
	bool table = false, prometheus = false;
	int c;

	while ((c = getopt_long(argc, argv, TABLE_SHORT "ph", options, NULL)) !=
	       -1) {
		if (c == 'h')
			return help();
		if (c == 'p')
			prometheus = true;
		else if (table_option(&o, c, optarg))
			table = true;
		else
			return misused("list", NULL);
	}
	if (prometheus && table)
		return misused("list",
			       "--prometheus takes no option of the table");
	argv += optind;
	argc -= optind;
	return prometheus ? print_metrics(argv, (size_t)argc) :
			    print_list(&o, argv, (size_t)argc);
}
