// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device's node: the only place where it is opened, and what is wrong with it.
 *
 * Whatever root writes to /dev/vfifo0 while there is no device becomes a regular file,
 * which stays in the place of the node; and a node that mknod(1) made outlives the module.
 * So a node is not believed before a vfifo has answered.
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
 * In the made-up trees of the tests a named pipe stands for a device, or a file that is so
 * long that it has all that can be mapped.
 */
static bool is_stand_in(const struct stat *s)
{
	if (!*sysroot())
		return false;
	return S_ISFIFO(s->st_mode) ||
	       (S_ISREG(s->st_mode) && s->st_size > VFIFO_MMAP_CONSUMER);
}

/* -ENOTTY: it is no node of this device; else as stat(2). */
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

int device_claim(const struct device *d, enum vfifo_end end,
		 struct vfifo_handle **f)
{
	struct stat s;
	int err = look(d, &s);

	/* The library asks for an answer itself. */
	return err ? err : vfifo_open(d->node, end, 0, f);
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
		return "a link to nothing";
	case S_IFCHR:
		return "the node of another device";
	}
	return "no character device";
}

/* Only the kernel makes nodes, and only when a device is made. */
static void say_mend(const struct device *d, const char *removal,
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
	say_mend(d, removal, f);
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
		/* What has no space is told the next time. */
		if (n < 0 || (size_t)n >= size - used) {
			names[used] = 0;
			break;
		}
		used += (size_t)n;
	}
	return used;
}
