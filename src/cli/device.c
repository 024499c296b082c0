// SPDX-License-Identifier: GPL-2.0-or-later
/* The sysroot, and reading and writing the files of /sys/class/vfifo. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	/* "/" is the same as no sysroot. */
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

int class_open(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd = rooted(full, sizeof(full), "/sys/class/vfifo/%s", path);

	if (fd)
		return fd;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int attribute_open(const struct device *d, const char *name, int flags)
{
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/%s", d->name, name);

	return n < (int)sizeof(path) ? class_open(path, flags) : -ENAMETOOLONG;
}

ssize_t attribute_read(const struct device *d, const char *name, char *buf,
		       size_t size)
{
	int fd = attribute_open(d, name, O_RDONLY);
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

/* Stores with one write(2), as an attribute takes each write(2) for a new value. */
static int store(int fd, const char *bytes, size_t n)
{
	ssize_t stored = write(fd, bytes, n);
	int err = stored < 0 ? -errno : (size_t)stored < n ? -EIO : 0;

	close(fd);
	return err;
}

/* The newline is there for an empty value: a write(2) of no bytes is not passed to a store. */
static int store_line(int fd, const char *bytes, size_t n)
{
	char line[ATTR_MAX + 1];

	if (n > ATTR_MAX) {
		close(fd);
		return -EINVAL;
	}
	memcpy(line, bytes, n);
	line[n] = '\n';
	return store(fd, line, n + 1);
}

int attribute_write(const struct device *d, const char *name, const char *bytes,
		    size_t n)
{
	bool exact = !strcmp(name, "generator/text");
	int fd;

	if (exact && !n)
		return -EINVAL;
	fd = attribute_open(d, name, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return fd;
	return exact ? store(fd, bytes, n) : store_line(fd, bytes, n);
}

int attribute_set(const struct device *d, const char *name, const char *text)
{
	return attribute_write(d, name, text, strlen(text));
}

int class_set(const char *name, const char *text)
{
	int fd = class_open(name, O_WRONLY | O_TRUNC);

	return fd < 0 ? fd : store_line(fd, text, strlen(text));
}
