// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo set: stores attributes. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

struct assignment {
	const struct attribute *attribute;
	const char *text; /* as it was given */
};

/* A path may have a =; a label that has one is to be given as a path. */
static bool is_assignment(const char *argument)
{
	return (*argument != '/' && strchr(argument, '=')) ||
	       attribute_find(argument);
}

/* What the name before the = is of; NULL: of nothing. */
static const struct attribute *attribute_of(const char *argument)
{
	size_t n = strcspn(argument, "=");
	char name[64];

	if (n >= sizeof(name))
		return NULL;
	memcpy(name, argument, n);
	name[n] = 0;
	return attribute_find(name);
}

static int parse(const char *argument, struct assignment *a)
{
	const char *equals = strchr(argument, '=');

	if (!equals)
		return misused("set", "%s: which value? %s=VALUE", argument,
			       argument);
	a->attribute = attribute_of(argument);
	a->text = equals + 1;
	if (!a->attribute)
		return misused("set", "there is no attribute %.*s",
			       (int)(equals - argument), argument);
	if (a->attribute->access == ATTR_RO) {
		complain("%s can only be read", a->attribute->name);
		return EXIT_USAGE;
	}
	return 0;
}

/* A size as the kernel takes it: in bytes. */
static int value_of(const struct assignment *a, char *value, size_t size)
{
	uint64_t bytes;

	if (a->attribute->kind == ATTR_BYTES) {
		if (parse_size(a->text, &bytes))
			return -EINVAL;
		snprintf(value, size, "%llu", (unsigned long long)bytes);
		return 0;
	}
	return snprintf(value, size, "%s", a->text) < (int)size ? 0 : -EINVAL;
}

static int refused(const struct device *d, const struct attribute *a,
		   const char *text)
{
	char safe[4 * ATTR_MAX];

	format_text(text, strlen(text), safe, sizeof(safe));
	complain("%s: %s cannot be '%s'; it is %s", d->name, a->name, safe,
		 a->takes);
	return EXIT_FAILED;
}

/* More is stored than would fit, unless something is mapped. */
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
		return refused(d, a->attribute, a->text);
	case -ENOENT:
		complain(
			"%s has no attribute %s: the module that runs is older than this command; vfifo doctor",
			d->name, name);
		return EXIT_FAILED;
	case -EBUSY:
		if (!strcmp(name, "capacity"))
			return capacity_busy(d);
	}
	return explain_root(err, d, name, "set");
}

/* Says so where the kernel has rounded a capacity up. */
static void tell_rounded(const struct device *d, const char *name,
			 const char *value)
{
	char now[ATTR_MAX];

	if (strcmp(name, "capacity") ||
	    attribute_get(d, name, now, sizeof(now)) || !strcmp(now, value))
		return;
	complain("%s: the capacity was rounded up to %s", d->name, now);
}

static int set_one(const struct device *d, const struct assignment *a)
{
	char value[ATTR_MAX];
	int err = value_of(a, value, sizeof(value));

	if (!err)
		err = attribute_set(d, a->attribute->name, value);
	if (err)
		return explain_set(err, d, a);
	tell_rounded(d, a->attribute->name, value);
	return EXIT_OK;
}

/* All are looked at before the first is stored. */
static int set_all(const struct device *d, char **arguments, size_t n)
{
	struct assignment a;
	int code = EXIT_OK;

	for (size_t i = 0; !code && i < n; i++)
		code = parse(arguments[i], &a);
	for (size_t i = 0; !code && i < n; i++) {
		code = parse(arguments[i], &a);
		if (!code)
			code = set_one(d, &a);
	}
	return code;
}

static int help(void)
{
	printf("Usage: vfifo set [DEVICE] ATTRIBUTE=VALUE...\n"
	       "Sets attributes, in the order in which they stand there, up to the first that\n"
	       "fails. Sizes may have K, M or G. For root.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n\n"
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
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *spec = NULL;
	struct device d;
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return help();
		return misused("set", NULL);
	}
	if (optind < argc && !is_assignment(argv[optind]))
		spec = argv[optind++];
	if (optind == argc)
		return misused("set", "which attribute? ATTRIBUTE=VALUE");
	code = device_find(spec, &d);
	return code ? code :
		      set_all(&d, argv + optind, (size_t)(argc - optind));
}
