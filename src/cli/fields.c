// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several values of one thing. For people each is a line; as JSON they are the members of
 * one object.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

void value_text(struct value *v, const char *name, const char *text,
		const char *meaning)
{
	*v = (struct value){ name, ATTR_TEXT, meaning, strlen(text), "" };
	memcpy(v->bytes, text, v->number);
}

void value_number(struct value *v, const char *name, uint64_t number,
		  const char *meaning)
{
	*v = (struct value){ name, ATTR_NUMBER, meaning, number, "" };
}

void value_size(struct value *v, const char *name, uint64_t bytes,
		const char *meaning)
{
	*v = (struct value){ name, ATTR_BYTES, meaning, bytes, "" };
}

static void set_cell(struct table *t, size_t column, const struct value *v)
{
	switch (v->kind) {
	case ATTR_TEXT:
		table_bytes(t, column, v->bytes, v->number);
		break;
	case ATTR_NUMBER:
		table_number(t, column, v->number);
		break;
	case ATTR_BYTES:
		table_size(t, column, v->number);
		break;
	}
}

/* Appends the values that a list like size,mode names. Return: 0, or the exit code. */
static int choose(const char *list, const struct value *v, size_t n,
		  const struct value **chosen, size_t *count)
{
	while (*list) {
		size_t length = strcspn(list, ","), i = 0;

		while (i < n && (strncasecmp(v[i].name, list, length) ||
				 v[i].name[length]))
			i++;
		if (i == n || *count == COLUMNS_MAX) {
			complain(
				"%.*s: no such value; to see all: leave out --output",
				(int)length, list);
			return EXIT_USAGE;
		}
		chosen[(*count)++] = &v[i];
		list += length + (list[length] == ',');
	}
	return 0;
}

static int print_lines(const char *name, const struct table_options *o,
		       const struct value *v, size_t n)
{
	enum { NAME, VALUE, MEANING, COLUMNS };
	/* With --output and --noheadings only the value is left. */
	const bool bare = o->output && o->noheadings;
	const struct column columns[COLUMNS] = {
		[NAME] = { .name = "NAME", .optional = bare },
		[VALUE] = { .name = "VALUE" },
		[MEANING] = { .name = "MEANING", .optional = bare },
	};
	const struct value *chosen[COLUMNS_MAX];
	struct table_options all = *o;
	size_t count = 0;
	struct table t;
	int code = 0;

	if (o->output)
		code = choose(o->output, v, n, chosen, &count);
	else
		for (; count < n; count++)
			chosen[count] = &v[count];
	all.output = NULL;
	if (!code)
		code = table_begin(&t, name, &all, columns, COLUMNS);
	if (code)
		return code;
	for (size_t i = 0; i < count; i++) {
		table_row(&t);
		table_text(&t, NAME, chosen[i]->name);
		set_cell(&t, VALUE, chosen[i]);
		table_text(&t, MEANING, chosen[i]->meaning);
	}
	return table_end(&t);
}

static int print_object(const char *name, const struct table_options *o,
			const struct value *v, size_t n)
{
	struct column columns[COLUMNS_MAX] = { 0 };
	struct table t;
	int code;

	for (size_t i = 0; i < n; i++)
		columns[i].name = v[i].name;
	code = table_begin(&t, name, o, columns, n);
	if (code)
		return code;
	table_row(&t);
	for (size_t i = 0; i < n; i++)
		set_cell(&t, i, &v[i]);
	return table_end(&t);
}

int fields_print(const char *name, const struct table_options *o,
		 const struct value *v, size_t n)
{
	return o->json ? print_object(name, o, v, n) :
			 print_lines(name, o, v, n);
}
