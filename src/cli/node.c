// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a device, and what is wrong with its node.
 *
 * While there is no device, a write of root to /dev/vfifo0 makes a regular file, which then
 * stays in the place of the node; and a node that mknod(1) made outlives the module. So a
 * node is used only if its type and number are right and VFIFO_KICK succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfifo.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <libvfifo.h>

#include "cli.h"

/*
 * The trees of the tests have a named pipe in place of a node, or a regular file that is long
 * enough for every mapping.
 */
static bool is_stand_in(const struct stat *s)
{
	if (!*sysroot())
		return false;
	return S_ISFIFO(s->st_mode) ||
	       (S_ISREG(s->st_mode) && s->st_size > VFIFO_MMAP_CONSUMER);
}

/* 0, -ENOTTY: not the node of this device, or an error of stat(2). */
static int look(const struct device *d, struct stat *s)
{
	char numbers[32], wanted[32];

	if (stat(d->node, s))
		return -errno;
	if (is_stand_in(s))
		return 0;
	if (!S_ISCHR(s->st_mode))
		return -ENOTTY;
	snprintf(numbers, sizeof(numbers), "%u:%u", major(s->st_rdev),
		 minor(s->st_rdev));
	return attribute_get(d, "dev", wanted, sizeof(wanted)) ||
			       !strcmp(numbers, wanted) ?
		       0 :
		       -ENOTTY;
}

int device_open(const struct device *d, int flags)
{
	struct stat s;
	int err = look(d, &s), fd;

	if (err)
		return err;
	fd = open(d->node, flags | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (S_ISCHR(s.st_mode) && ioctl(fd, VFIFO_KICK)) {
		err = errno == ENODEV ? -ENODEV : -ENOTTY;
		close(fd);
		return err;
	}
	return fd;
}

int device_claim(const struct device *d, enum vfifo_end end, unsigned int flags,
		 struct vfifo_handle **f)
{
	struct stat s;
	int err = look(d, &s);

	/* The library calls VFIFO_KICK itself. */
	return err ? err : vfifo_open(d->node, end, flags, f);
}

int device_end(int fd)
{
	return ioctl(fd, VFIFO_END) ? -errno : 0;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a named pipe";
	case S_IFLNK:
		return "a dangling link";
	case S_IFCHR:
		return "the node of another device";
	}
	return "not a character device";
}

/* Only the kernel makes nodes, and only when it makes a device. */
static void set_mend(const struct device *d, const char *removal,
		     struct node_fault *f)
{
	snprintf(f->mend, sizeof(f->mend),
		 "%ssudo vfifo remove %d && sudo vfifo add %d", removal,
		 d->number, d->number);
}

bool node_fault(const struct device *d, struct node_fault *f)
{
	char removal[sizeof(d->node) + 32] = "";
	struct stat s;
	int err = look(d, &s);

	if (err != -ENOENT && err != -ENOTTY)
		return false;
	if (err == -ENOENT && lstat(d->node, &s)) {
		snprintf(f->what, sizeof(f->what), "there is no %s", d->node);
	} else {
		snprintf(f->what, sizeof(f->what), "%s is %s, and not %s",
			 d->node, kind_of(s.st_mode), d->name);
		snprintf(removal, sizeof(removal), "sudo %s %s && ",
			 S_ISDIR(s.st_mode) ? "rmdir" : "rm", d->node);
	}
	set_mend(d, removal, f);
	return true;
}

bool nodes_left(char *names, size_t size)
{
	size_t used = 0;

	*names = 0;
	for (int i = 0; i <= DEVICE_NUMBER_MAX; i++) {
		char path[PATH_MAX];
		struct stat s;
		int n;

		if (rooted(path, sizeof(path), "/dev/vfifo%d", i) ||
		    lstat(path, &s) || is_stand_in(&s))
			continue;
		n = snprintf(names + used, size - used, "%s%s", used ? " " : "",
			     path);
		/* Names that do not fit are reported after these have been removed. */
		if (n < 0 || (size_t)n >= size - used) {
			names[used] = 0;
			break;
		}
		used += (size_t)n;
	}
	return used;
}
