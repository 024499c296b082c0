// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding devices by their names, numbers, nodes and labels. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli.h"

/* The number in a name like vfifo0, or -1. */
static int number_of(const char *name)
{
	uint64_t n;

	if (strncmp(name, "vfifo", 5) || parse_number(name + 5, &n) ||
	    n > DEVICE_NUMBER_MAX)
		return -1;
	return (int)n;
}

static int device_make(int number, struct device *d)
{
	d->number = number;
	snprintf(d->name, sizeof(d->name), "vfifo%d", number);
	return rooted(d->node, sizeof(d->node), "/dev/%s", d->name);
}

static int compare_numbers(const void *a, const void *b)
{
	return ((const struct device *)a)->number -
	       ((const struct device *)b)->number;
}

/* `list` has space for every number. */
static int read_class(DIR *dir, struct device *list, size_t *n)
{
	struct dirent *entry;
	int number, err;

	while (*n <= DEVICE_NUMBER_MAX && (entry = readdir(dir))) {
		number = number_of(entry->d_name);
		if (number < 0)
			continue;
		err = device_make(number, &list[(*n)++]);
		if (err)
			return err;
	}
	qsort(list, *n, sizeof(*list), compare_numbers);
	return 0;
}

/* As device_all(), but returns a negative errno and prints nothing. */
static int enumerate(struct device **list, size_t *n)
{
	int fd = class_open("", O_RDONLY | O_DIRECTORY), err;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	*n = 0;
	*list = calloc(DEVICE_NUMBER_MAX + 1, sizeof(**list));
	err = *list ? read_class(dir, *list, n) : -ENOMEM;
	closedir(dir);
	if (err)
		free(*list);
	return err;
}

int device_all(struct device **list, size_t *n)
{
	int err = enumerate(list, n);

	return err ? explain(err, NULL, "/sys/class/vfifo") : 0;
}

/* The only device whose attribute has the value. -ENODEV; -ENOTUNIQ: several have it. */
static int find_by(const char *attribute, const char *value, struct device *d)
{
	struct device *list;
	size_t n, found = 0;
	char text[ATTR_MAX];
	int err = enumerate(&list, &n);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (!attribute_get(&list[i], attribute, text, sizeof(text)) &&
		    !strcmp(text, value) && !found++)
			*d = list[i];
	free(list);
	return found == 1 ? 0 : found ? -ENOTUNIQ : -ENODEV;
}

static int find_numbered(int number, struct device *d)
{
	int err = device_make(number, d), fd;

	if (err)
		return err;
	fd = class_open(d->name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return -ENODEV;
	close(fd);
	return 0;
}

static int find_name(const char *name, struct device *d)
{
	int number = number_of(name);

	return number < 0 ? -ENODEV : find_numbered(number, d);
}

/* A node may have any name, for example in a container, so its device number decides. */
static int find_node(const struct stat *s, const char *path, struct device *d)
{
	char numbers[32];
	int err;

	snprintf(numbers, sizeof(numbers), "%u:%u", major(s->st_rdev),
		 minor(s->st_rdev));
	err = find_by("dev", numbers, d);
	if (!err && snprintf(d->node, sizeof(d->node), "%s", path) >=
			    (int)sizeof(d->node))
		err = -ENAMETOOLONG;
	return err;
}

/* The device whose node is missing or wrong: opening it reports which of these. */
static int find_place(const char *path, struct device *d)
{
	int err = find_name(strrchr(path, '/') + 1, d);

	return err ? err : strcmp(d->node, path) ? -ENODEV : 0;
}

static int find_path(const char *path, struct device *d)
{
	char full[PATH_MAX], target[PATH_MAX];
	struct stat s;
	int err = rooted(full, sizeof(full), "%s", path);

	if (err)
		return err;
	if (!realpath(full, target) || stat(target, &s))
		err = -errno;
	else if (S_ISCHR(s.st_mode))
		err = find_node(&s, target, d);
	else
		/* Under a sysroot a file stands for the node, so its name decides. */
		err = *sysroot() ? find_name(strrchr(target, '/') + 1, d) :
				   -ENODEV;
	if (err == -ENODEV || err == -ENOENT)
		err = find_place(full, d);
	return err;
}

static int find(const char *spec, struct device *d)
{
	uint64_t number;
	int err;

	if (strchr(spec, '/'))
		return find_path(spec, d);
	err = find_name(spec, d);
	if (err == -ENODEV && !parse_number(spec, &number) &&
	    number <= DEVICE_NUMBER_MAX)
		err = find_numbered((int)number, d);
	/* Without a label the attribute is empty. */
	if (err == -ENODEV && *spec)
		err = find_by("label", spec, d);
	return err;
}

static int no_such_device(const char *spec)
{
	struct device *list;
	size_t n, used = 0;
	char names[256];

	if (device_all(&list, &n))
		return EXIT_NO_DEVICE;
	for (size_t i = 0; i < n && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used,
					 "%s%s", i ? ", " : "", list[i].name);
	free(list);
	if (n)
		complain("there is no device %s; there are: %s", spec, names);
	else
		complain("there is no device; to make one: sudo vfifo add 0");
	return EXIT_NO_DEVICE;
}

int device_find(const char *spec, struct device *d)
{
	int err;

	if (!spec)
		spec = "vfifo0";
	err = find(spec, d);
	switch (err) {
	case 0:
		return 0;
	case -ENODEV:
	case -ENOENT:
		return no_such_device(spec);
	case -ENOTUNIQ:
		complain(
			"several devices have the label %s; use a device name (to see them: vfifo list)",
			spec);
		return EXIT_NO_DEVICE;
	default:
		return explain(err, NULL, spec);
	}
}
