// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo show: the attributes of a device; --map: its memory. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static bool get_text(const struct device *d, struct value *v)
{
	ssize_t n = attribute_read(d, v->name, v->bytes, sizeof(v->bytes));

	if (n < 0)
		return false;
	/* The kernel adds a newline to every text but this one. */
	if (n && v->bytes[n - 1] == '\n' && strcmp(v->name, "generator/text"))
		n--;
	v->number = (uint64_t)n;
	return true;
}

/* false: the attribute cannot be read, or the running module does not have it. */
static bool get(const struct device *d, const struct attribute *a,
		struct value *v)
{
	*v = (struct value){
		.name = a->name,
		.kind = a->kind,
		.meaning = a->meaning,
	};
	if (a->access == ATTR_WO)
		return false;
	return a->kind == ATTR_TEXT ? get_text(d, v) :
				      !attribute_number(d, a->name, &v->number);
}

static int show_attributes(const struct device *d,
			   const struct table_options *o)
{
	struct value values[COLUMNS_MAX];
	size_t n = 0;

	value_text(&values[n++], "name", d->name, "the device");
	value_text(&values[n++], "node", d->node, "its path");
	for (size_t i = 0; i < attribute_count; i++)
		n += get(d, &attributes[i], &values[n]);
	return fields_print("devices", o, values, n);
}

static int help(void)
{
	printf("Usage: vfifo show [OPTION...] [DEVICE]\n"
	       "Shows the attributes of a device.\n\n"
	       "Options:\n"
	       "  -m, --map[=TEXT]      map its memory, write TEXT into free bytes and read it\n"
	       "                        back; the FIFO's contents do not change\n"
	       "  -b, --bytes           sizes in bytes, not in K, M and G\n"
	       "  -J, --json            JSON, with all sizes in bytes; for vfifo set --from\n"
	       "  -n, --noheadings      no line of headings; with --output only the values\n"
	       "  -o, --output NAMES    these values, separated by commas\n"
	       "  -h, --help            this text\n");
	return EXIT_OK;
}

int verb_show(int argc, char **argv)
{
	static const struct option options[] = {
		TABLE_LONG,
		{ "map", optional_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct table_options o = { 0 };
	const char *text = NULL;
	struct device d;
	int c, code;

	while ((c = getopt_long(argc, argv, TABLE_SHORT "m::h", options,
				NULL)) != -1) {
		if (c == 'h')
			return help();
		if (c == 'm')
			text = optarg ? optarg : "Hello from vfifo\n";
		else if (!table_option(&o, c, optarg))
			return misused("show", NULL);
	}
	if (argc - optind > 1)
		return misused("show", "one device is shown, not %d",
			       argc - optind);
	code = device_find(argv[optind], &d);
	if (code)
		return code;
	return text ? map_show(&d, text, &o) : show_attributes(&d, &o);
}
