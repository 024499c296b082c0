// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices: finding them, and reading and writing their attributes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli.h"

static char root[PATH_MAX];

const char *sysroot(void)
{
	return root;
}

int set_sysroot(const char *dir)
{
	char full[PATH_MAX];
	struct stat s;

	if (!realpath(dir, full) || stat(full, &s) || !S_ISDIR(s.st_mode))
		return -EINVAL;
	/* "/" is what there is without it. */
	strcpy(root, full[1] ? full : "");
	return 0;
}

int rooted(char *buf, size_t size, const char *fmt, ...)
{
	size_t n = strlen(root);
	va_list arguments;
	int more;

	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, root, n);
	va_start(arguments, fmt);
	more = vsnprintf(buf + n, size - n, fmt, arguments);
	va_end(arguments);
	return more < 0 || (size_t)more >= size - n ? -ENAMETOOLONG : 0;
}

/* Opens a file of /sys/class/vfifo: the fd or a negative errno. */
static int class_open(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd = rooted(full, sizeof(full), "/sys/class/vfifo/%s", path);

	if (fd)
		return fd;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int attr_open(const struct device *d, const char *name, int flags)
{
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/%s", d->name, name);

	return n < (int)sizeof(path) ? class_open(path, flags) : -ENAMETOOLONG;
}

ssize_t attribute_read(const struct device *d, const char *name, char *buf,
		       size_t size)
{
	int fd = attr_open(d, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, size);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

int attribute_get(const struct device *d, const char *name, char *buf,
		  size_t size)
{
	ssize_t n = attribute_read(d, name, buf, size - 1);

	if (n < 0)
		return (int)n;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return 0;
}

int attribute_number(const struct device *d, const char *name, uint64_t *value)
{
	char text[32];
	int err = attribute_get(d, name, text, sizeof(text));

	return err ? err : parse_number(text, value);
}

/* In one write(2), as an attribute wants it. */
static int store(int fd, const char *text, size_t n)
{
	ssize_t stored = write(fd, text, n);
	int err = stored < 0 ? -errno : (size_t)stored < n ? -EIO : 0;

	close(fd);
	return err;
}

/* A store of nothing never reaches the kernel's attribute, so there is a newline. */
static int store_line(int fd, const char *text)
{
	char line[ATTR_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (n < (int)sizeof(line))
		return store(fd, line, (size_t)n);
	close(fd);
	return -EINVAL;
}

int attribute_set(const struct device *d, const char *name, const char *text)
{
	bool exact = !strcmp(name, "generator/text");
	int fd;

	if (exact && !*text)
		return -EINVAL;
	fd = attr_open(d, name, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return fd;
	return exact ? store(fd, text, strlen(text)) : store_line(fd, text);
}

int class_set(const char *name, const char *text)
{
	int fd = class_open(name, O_WRONLY | O_TRUNC);

	return fd < 0 ? fd : store_line(fd, text);
}

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

static bool device_exists(const struct device *d)
{
	int fd = class_open(d->name, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int compare_numbers(const void *a, const void *b)
{
	return ((const struct device *)a)->number -
	       ((const struct device *)b)->number;
}

/* Appends what is in the folder to a list that has space for all numbers. */
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

static int open_class(DIR **dir)
{
	char path[PATH_MAX];
	int err = rooted(path, sizeof(path), "/sys/class/vfifo");

	if (err)
		return err;
	*dir = opendir(path);
	return *dir ? 0 : -errno;
}

/* What device_all() does, with a negative errno. */
static int enumerate(struct device **list, size_t *n)
{
	DIR *dir;
	int err = open_class(&dir);

	if (err)
		return err;
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

/* Into *d the one that `fits`; 0, -ENODEV, or -ENOTUNIQ where there are several. */
static int find_by(bool (*fits)(const struct device *d, const char *what),
		   const char *what, struct device *d)
{
	struct device *list;
	size_t n, found = 0;
	int err = enumerate(&list, &n);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (fits(&list[i], what) && !found++)
			*d = list[i];
	free(list);
	return found == 1 ? 0 : found ? -ENOTUNIQ : -ENODEV;
}

static bool has_label(const struct device *d, const char *label)
{
	char text[ATTR_MAX];

	return *label && !attribute_get(d, "label", text, sizeof(text)) &&
	       !strcmp(text, label);
}

static bool has_numbers(const struct device *d, const char *major_minor)
{
	char text[32];

	return !attribute_get(d, "dev", text, sizeof(text)) &&
	       !strcmp(text, major_minor);
}

static int find_name(const char *name, struct device *d)
{
	int number = number_of(name), err;

	if (number < 0)
		return -ENODEV;
	err = device_make(number, d);
	return err ? err : device_exists(d) ? 0 : -ENODEV;
}

/* A node may have any name (in a container, say): its numbers tell what it is. */
static int find_node(const struct stat *s, const char *path, struct device *d)
{
	char numbers[32];
	int err;

	snprintf(numbers, sizeof(numbers), "%u:%u", major(s->st_rdev),
		 minor(s->st_rdev));
	err = find_by(has_numbers, numbers, d);
	if (!err && snprintf(d->node, sizeof(d->node), "%s", path) >=
			    (int)sizeof(d->node))
		err = -ENAMETOOLONG;
	return err;
}

/* The device whose node should be there: that it is not is found out when it is opened. */
static int find_place(const char *path, struct device *d)
{
	int err = find_name(strrchr(path, '/') + 1, d);

	return err ? err : strcmp(d->node, path) ? -ENODEV : 0;
}

/* Under the sysroot, where /dev may be files, it goes by the name that a link leads to. */
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
		err = *root ? find_name(strrchr(target, '/') + 1, d) : -ENODEV;
	if (err == -ENODEV || err == -ENOENT)
		err = find_place(full, d);
	return err;
}

static int find_number(const char *text, struct device *d)
{
	uint64_t number;
	char name[16];

	if (parse_number(text, &number) || number > DEVICE_NUMBER_MAX)
		return -ENODEV;
	snprintf(name, sizeof(name), "vfifo%d", (int)number);
	return find_name(name, d);
}

static int find(const char *spec, struct device *d)
{
	int err;

	if (strchr(spec, '/'))
		return find_path(spec, d);
	err = find_name(spec, d);
	if (err == -ENODEV)
		err = find_number(spec, d);
	if (err == -ENODEV)
		err = find_by(has_label, spec, d);
	return err;
}

/* Names those that there are, or says how to get one. */
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
			"several devices have the label %s; give the name of the one that you mean (vfifo list)",
			spec);
		return EXIT_NO_DEVICE;
	default:
		return explain(err, NULL, spec);
	}
}
