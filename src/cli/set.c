// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo set: stores attributes. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct assignment {
	const struct attribute *attribute;
	const char *value; /* as the user gave it */
	size_t n;
};

struct list {
	struct assignment *a;
	size_t n;
};

static void append(struct list *l, const struct attribute *attribute,
		   const char *value, size_t n)
{
	l->a[l->n++] = (struct assignment){ attribute, value, n };
}

/* --- the command line ------------------------------------------------------- */

/* A path may contain a =. A device whose label contains one is named in another way. */
static bool is_assignment(const char *argument)
{
	return (*argument != '/' && strchr(argument, '=')) ||
	       attribute_find(argument, strlen(argument));
}

static int parse(const char *argument, struct list *l)
{
	size_t n = strcspn(argument, "=");
	const struct attribute *a = attribute_find(argument, n);

	if (!argument[n])
		return misused("set", "%s needs a value: %s=VALUE", argument,
			       argument);
	if (!a)
		return misused("set", "there is no attribute %.*s", (int)n,
			       argument);
	if (a->access == ATTR_RO) {
		complain("%s can only be read", a->name);
		return EXIT_USAGE;
	}
	append(l, a, argument + n + 1, strlen(argument + n + 1));
	return 0;
}

static bool is_listed(const struct list *l, const struct attribute *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->a[i].attribute == a)
			return true;
	return false;
}

/*
 * The attributes of a file. The watermarks and the capacity limit each other, so their order
 * would depend on the old values: the watermarks become 1 first. The generator starts last.
 */
static void append_loaded(struct list *l, const struct loaded *values)
{
	const struct attribute *mode = attribute_find("mode", 4);

	for (size_t i = 0; i < attribute_count; i++)
		if (values[i].value && strstr(attributes[i].name, "_watermark"))
			append(l, &attributes[i], "1", 1);
	for (size_t i = 0; i < attribute_count; i++)
		if (values[i].value && &attributes[i] != mode)
			append(l, &attributes[i], values[i].value, values[i].n);
	if (values[mode - attributes].value)
		append(l, mode, values[mode - attributes].value,
		       values[mode - attributes].n);
}

/* Appends what the file has, except what `named` has too. */
static int load(const char *file, const struct list *named, struct list *l)
{
	struct loaded *values = calloc(attribute_count, sizeof(*values));
	int code;

	if (!values)
		return out_of_memory();
	code = load_attributes(file, values);
	for (size_t i = 0; i < attribute_count; i++)
		if (is_listed(named, &attributes[i]))
			values[i].value = NULL;
	if (!code)
		append_loaded(l, values);
	free(values);
	return code;
}

/* --- storing ---------------------------------------------------------------- */

static int refused(const struct device *d, const struct assignment *a)
{
	char safe[4 * ATTR_MAX];

	format_text(a->value, a->n, safe, sizeof(safe));
	complain("%s: '%s' is not a value of %s, which takes %s", d->name, safe,
		 a->attribute->name, a->attribute->takes);
	return EXIT_FAILED;
}

static int capacity_busy(const struct device *d)
{
	uint64_t mappings;

	if (attribute_number(d, "mappings", &mappings) || mappings)
		return explain(-EBUSY, d, "capacity");
	complain(
		"capacity: %s stores more than would fit; vfifo receive %s, or vfifo clear %s, then try again",
		d->name, d->name, d->name);
	return EXIT_FAILED;
}

static int explain_set(int err, const struct device *d,
		       const struct assignment *a)
{
	const char *name = a->attribute->name;

	switch (err) {
	case -EINVAL:
		return refused(d, a);
	case -ENOENT:
		complain(
			"%s has no attribute %s: the running module is older than this command; vfifo doctor",
			d->name, name);
		return EXIT_FAILED;
	case -EBUSY:
		if (!strcmp(name, "capacity"))
			return capacity_busy(d);
		break;
	case -EOPNOTSUPP:
		complain(
			"%s: %s cannot have it on this machine; vfifo(4) lists the kinds of memory and their limits",
			name, d->name);
		return EXIT_FAILED;
	case -ENOMEM:
		complain(
			"%s: %s: no memory, or (coherent and contiguous) no physically contiguous block of that size; set a smaller capacity first",
			name, d->name);
		return EXIT_FAILED;
	}
	return explain_root(err, d, name, "set");
}

static void tell_rounded(const struct device *d, const char *value)
{
	char now[ATTR_MAX];

	if (!attribute_get(d, "capacity", now, sizeof(now)) &&
	    strcmp(now, value))
		complain("%s: the capacity was rounded up to %s", d->name, now);
}

static int set_one(const struct device *d, const struct assignment *a)
{
	const char *name = a->attribute->name;
	char value[ATTR_MAX];
	uint64_t bytes;
	int err;

	if (a->n >= sizeof(value))
		return refused(d, a);
	memcpy(value, a->value, a->n);
	value[a->n] = 0;
	if (a->attribute->kind != ATTR_BYTES)
		err = attribute_write(d, name, value, a->n);
	else if (parse_size(value, &bytes))
		return refused(d, a);
	else {
		/* The kernel takes bytes only. */
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)bytes);
		err = attribute_set(d, name, value);
	}
	if (err)
		return explain_set(err, d, a);
	if (!strcmp(name, "capacity"))
		tell_rounded(d, value);
	return EXIT_OK;
}

/* Parses everything before the first store, so that a typing error changes nothing. */
static int set_all(const char *spec, const char *file, char **arguments,
		   size_t n)
{
	/* A watermark of a file is stored twice. */
	struct assignment *space =
		calloc(2 * (n + attribute_count), sizeof(*space));
	struct list named = { space, 0 }, all;
	struct device d;
	int code = 0;

	if (!space)
		return out_of_memory();
	for (size_t i = 0; !code && i < n; i++)
		code = parse(arguments[i], &named);
	all = (struct list){ space + n, 0 };
	if (!code)
		code = device_find(spec, &d);
	if (!code && file)
		code = load(file, &named, &all);
	for (size_t i = 0; !code && i < all.n; i++)
		code = set_one(&d, &all.a[i]);
	for (size_t i = 0; !code && i < named.n; i++)
		code = set_one(&d, &named.a[i]);
	free(space);
	return code;
}

static int help(void)
{
	printf("Usage: vfifo set [OPTION...] [DEVICE] ATTRIBUTE=VALUE...\n"
	       "Sets attributes in the given order, up to the first that fails. A size may be\n"
	       "4K or 4KiB (of 1024), or 4kB (of 1000). Needs root.\n\n"
	       "Options:\n"
	       "  -f, --from FILE  first set what vfifo show --json printed to FILE (-: standard\n"
	       "                   input), except the attributes that are given as well\n"
	       "  -h, --help       this text\n\n"
	       "Attributes:\n");
	for (size_t i = 0; i < attribute_count; i++)
		if (attributes[i].access != ATTR_RO)
			printf("  %-19s %s\n", attributes[i].name,
			       attributes[i].takes);
	return EXIT_OK;
}

int verb_set(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *spec = NULL, *file = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		if (c == 'h')
			return help();
		if (c != 'f')
			return misused("set", NULL);
		file = optarg;
	}
	if (optind < argc && !is_assignment(argv[optind]))
		spec = argv[optind++];
	if (optind == argc && !file)
		return misused("set", "which attribute? ATTRIBUTE=VALUE");
	return set_all(spec, file, argv + optind, (size_t)(argc - optind));
}
