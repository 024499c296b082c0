// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - the steps that open, close and duplicate files, and change their flags
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"
#include "testlib.h"

/* Returns the result of open(2) that the model says; 0 stands for a descriptor. */
static long open_result(const struct fifo *f, int flags)
{
	if (!f)
		return -ENOENT;
	return flags & O_DIRECT ? -EINVAL : 0;
}

static void opened(struct world *w, struct file_slot *f, int fd, int number,
		   int flags)
{
	const int mode = flags & O_ACCMODE;

	if (fd < 0)
		return;
	take_fd(f, fd,
		description_new(w->exact ? w->fifos[number] : NULL, number,
				mode != O_WRONLY, mode != O_RDONLY));
	f->of->nonblock = flags & O_NONBLOCK;
	f->of->append = flags & O_APPEND;
}

static int some_flags(uint16_t arg)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };

	return modes[arg % 4] | (arg & 4 ? O_NONBLOCK : 0) |
	       (arg & 8 ? O_CLOEXEC : 0) | (arg & 0x30 ? 0 : O_TRUNC) |
	       (arg & 0xc0 ? 0 : O_APPEND) | (arg & 0x7f00 ? 0 : O_DIRECT);
}

static void op_open(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = &w->files[arg[0] % FILES];
	const int number = some_number(arg[1]);
	const int flags = some_flags(arg[2]);
	char path[32];
	int fd;

	close_slot(w, f);
	/* The mob has nodes that are older than their devices: see mob.c. */
	snprintf(path, sizeof(path), "%s/vfifo%d",
		 !w->exact && arg[3] % 4 == 0 ? "/tmp" : "/dev", number);
	fd = open(path, flags);
	expect(w, "open", fd < 0 ? -errno : 0,
	       open_result(w->fifos[number], flags));
	opened(w, f, fd, number, flags);
}

/*
 * Opens a file again by its link in /proc. The device may be another one now, of the same
 * number, or none.
 */
static void op_reopen(struct world *w, const uint16_t *arg)
{
	struct file_slot *from = some_file(w, arg[0]);
	struct file_slot *f = &w->files[arg[1] % FILES];
	const int flags = some_flags(arg[2]);
	char path[32];
	long want;
	int fd, number;

	if (!from || from == f)
		return;
	close_slot(w, f);
	number = from->of->number;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", from->fd);
	fd = open(path, flags);
	want = open_result(w->fifos[number], flags);
	expect(w, "open again", fd < 0 ? -errno : 0,
	       want == -ENOENT ? -ENODEV : want);
	opened(w, f, fd, number, flags);
}

static void op_close(struct world *w, const uint16_t *arg)
{
	close_slot(w, &w->files[arg[0] % FILES]);
}

static void op_dup(struct world *w, const uint16_t *arg)
{
	struct file_slot *from = some_file(w, arg[0]);
	struct file_slot *to = &w->files[arg[1] % FILES];
	int fd;

	if (!from || from == to)
		return;
	if (arg[2] % 2 && to->fd >= 0 && !to->watched) {
		/* dup3() closes the old file of the descriptor. */
		fd = dup3(from->fd, to->fd, arg[2] & 2 ? O_CLOEXEC : 0);
		expect(w, "dup3", fd < 0 ? -errno : 0, 0);
		description_put(to->of);
	} else {
		close_slot(w, to);
		fd = arg[2] & 2 ?
			     dup(from->fd) :
			     fcntl(from->fd, F_DUPFD_CLOEXEC, arg[2] / 4 % 64);
		expect(w, "dup", fd < 0 ? -errno : 0, 0);
	}
	if (fd >= 0)
		take_fd(to, fd, description_get(from->of));
	else
		to->fd = -1;
}

/* Sends a descriptor to this process, and closes it while it is on its way. */
static void op_rights(struct world *w, const uint16_t *arg)
{
	struct file_slot *from = some_file(w, arg[0]);
	struct file_slot *to = &w->files[arg[1] % FILES];
	char byte = 0;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct description *of;
	int fd;

	if (!from || w->pair[0] < 0)
		return;
	of = description_get(from->of);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &from->fd, sizeof(int));
	expect(w, "sendmsg", outcome(sendmsg(w->pair[0], &message, 0)), 1);
	if (arg[2] % 2)
		close_slot(w, from);
	close_slot(w, to);
	expect(w, "recvmsg", outcome(recvmsg(w->pair[1], &message, 0)), 1);
	c = CMSG_FIRSTHDR(&message);
	if (!c) {
		description_put(of);
		return;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	take_fd(to, fd, of);
}

int flags_of(const struct description *d)
{
	return (d->nonblock ? O_NONBLOCK : 0) | (d->append ? O_APPEND : 0) |
	       (d->async ? O_ASYNC : 0);
}

static void op_nonblock(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	int on = arg[1] % 2;

	if (!f)
		return;
	f->of->nonblock = on;
	if (arg[2] % 2)
		expect(w, "FIONBIO", outcome(ioctl(f->fd, FIONBIO, &on)), 0);
	else
		expect(w, "F_SETFL",
		       outcome(fcntl(f->fd, F_SETFL, flags_of(f->of))), 0);
}

/* Has signals sent to this process, which has them blocked: see wait.c. */
static void op_async(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	int on = arg[1] % 4 != 0;

	if (!f)
		return;
	w->signals = true;
	expect(w, "F_SETOWN", outcome(fcntl(f->fd, F_SETOWN, getpid())), 0);
	expect(w, "F_SETSIG",
	       outcome(fcntl(f->fd, F_SETSIG, arg[2] % 8 ? SIGRTMIN + 1 : 0)),
	       0);
	f->of->async = on;
	if (arg[2] & 2)
		expect(w, "FIOASYNC", outcome(ioctl(f->fd, FIOASYNC, &on)), 0);
	else
		expect(w, "O_ASYNC",
		       outcome(fcntl(f->fd, F_SETFL, flags_of(f->of))), 0);
	if (!w->exact)
		return;
	expect(w, "F_GETFL",
	       fcntl(f->fd, F_GETFL) &
		       (O_ASYNC | O_NONBLOCK | O_APPEND | O_ACCMODE),
	       flags_of(f->of) | (f->of->reads && f->of->writes ? O_RDWR :
				  f->of->writes			? O_WRONLY :
								  O_RDONLY));
}

/* Calls that a vfifo does not have, or that the VFS answers. */
static void op_foreign(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct stat st;

	if (!f)
		return;
	switch (arg[1] % 8) {
	case 0:
		expect(w, "lseek", outcome(lseek(f->fd, 0, arg[2] % 5)),
		       -ESPIPE);
		break;
	case 1:
		expect(w, "pread", outcome(pread(f->fd, w->got, 1, 0)),
		       -ESPIPE);
		break;
	case 2:
		expect(w, "pwrite", outcome(pwrite(f->fd, w->got, 1, 0)),
		       -ESPIPE);
		break;
	case 3:
		expect(w, "ftruncate", outcome(ftruncate(f->fd, arg[2])),
		       -EINVAL);
		break;
	case 4:
		expect(w, "fsync", outcome(fsync(f->fd)), -EINVAL);
		break;
	case 5:
		expect(w, "fstat", outcome(fstat(f->fd, &st)), 0);
		break;
	case 6:
		expect(w, "getdents",
		       outcome(syscall(SYS_getdents64, f->fd, w->got, 4096)),
		       -ENOTDIR);
		break;
	case 7:
		expect(w, "fallocate", outcome(fallocate(f->fd, 0, 0, 1)),
		       f->of->writes ? -ENODEV : -EBADF);
		break;
	}
}

const struct operation file_operations[] = {
	{ "open", "open", 200, 200, op_open },
	{ "reopen", "open", 30, 50, op_reopen },
	{ "close", "flush release", 100, 100, op_close },
	{ "dup", "flush", 50, 50, op_dup },
	{ "rights", "flush release", 25, 25, op_rights },
	{ "nonblock", "", 75, 50, op_nonblock },
	{ "async", "fasync", 50, 100, op_async },
	{ "foreign", "", 25, 25, op_foreign },
	{ 0 },
};
