// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thing with many values: for people a line each, for JSON one object, whose keys are
 * the names.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

void value_text(struct value *v, const char *name, const char *text,
		const char *meaning)
{
	*v = (struct value){ name, ATTR_TEXT, meaning, 0, "" };
	format_text(text, strlen(text), v->text, sizeof(v->text));
}

void value_number(struct value *v, const char *name, uint64_t number,
		  const char *meaning)
{
	*v = (struct value){ name, ATTR_NUMBER, meaning, number, "" };
}

void value_bytes(struct value *v, const char *name, uint64_t bytes,
		 const char *meaning)
{
	*v = (struct value){ name, ATTR_BYTES, meaning, bytes, "" };
}

static void cell(struct table *t, const char *column, const struct value *v)
{
	switch (v->kind) {
	case ATTR_TEXT:
		table_text(t, column, v->text);
		break;
	case ATTR_NUMBER:
		table_number(t, column, v->number);
		break;
	case ATTR_BYTES:
		table_size(t, column, v->number);
		break;
	}
}

static void line(struct table *t, const struct value *v)
{
	table_row(t);
	table_text(t, "NAME", v->name);
	cell(t, "VALUE", v);
	table_text(t, "MEANING", v->meaning);
}

static const struct value *value_find(const struct value *v, size_t n,
				      const char *name, size_t length)
{
	for (size_t i = 0; i < n; i++)
		if (!strncasecmp(v[i].name, name, length) && !v[i].name[length])
			return &v[i];
	return NULL;
}

/* Those of a list like `size,mode`. */
static int chosen_lines(struct table *t, const char *list,
			const struct value *v, size_t n)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		const struct value *one = value_find(v, n, list, length);

		if (!one) {
			complain(
				"there is no %.*s here; without --output all is shown",
				(int)length, list);
			return EXIT_USAGE;
		}
		line(t, one);
		list += length + (list[length] == ',');
	}
	return 0;
}

static int print_lines(const char *name, const struct table_options *o,
		       const struct value *v, size_t n)
{
	static const struct column columns[] = {
		{ "NAME", "", false, false },
		{ "VALUE", "", false, false },
		{ "MEANING", "", false, false },
	};
	struct table_options all = *o;
	struct table t;
	int code;

	all.output = NULL;
	code = table_begin(&t, name, &all, columns, 3, "NAME,VALUE,MEANING");
	if (code)
		return code;
	if (o->output)
		code = chosen_lines(&t, o->output, v, n);
	else
		for (size_t i = 0; i < n; i++)
			line(&t, &v[i]);
	if (!code)
		return table_end(&t);
	table_drop(&t);
	return code;
}

static int print_object(const char *name, const struct table_options *o,
			const struct value *v, size_t n)
{
	struct column columns[VALUES_MAX] = { 0 };
	struct table t;
	int code;

	for (size_t i = 0; i < n; i++)
		columns[i] = (struct column){
			.name = v[i].name,
			.number = v[i].kind != ATTR_TEXT,
		};
	code = table_begin(&t, name, o, columns, n, NULL);
	if (code)
		return code;
	table_row(&t);
	for (size_t i = 0; i < n; i++)
		cell(&t, v[i].name, &v[i]);
	return table_end(&t);
}

int record_print(const char *name, const struct table_options *o,
		 const struct value *v, size_t n)
{
	return o->json ? print_object(name, o, v, n) :
			 print_lines(name, o, v, n);
}
