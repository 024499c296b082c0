// SPDX-License-Identifier: GPL-2.0
/*
 * What programs do with a pipe is done with a pipe and with the vfifo that stands for it. The results
 * must be the same, but for those of the list below, which must differ.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char page[PIPE_BUF];
static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* Each returns what a program can see; errors are negative. */

static long result(long r)
{
	return r < 0 ? -errno : r;
}

static long revents(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static long read_empty(int *fds)
{
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return result(read(fds[0], page, 1));
}

static long read_what_was_written(int *fds)
{
	return result(write(fds[1], "hello", 5)) * 10 +
	       result(read(fds[0], page, 3)) + page[2] * 100;
}

static long end_of_file(int *fds)
{
	result(write(fds[1], "x", 1));
	close(fds[1]);
	return result(read(fds[0], page, 2)) * 10 +
	       result(read(fds[0], page, 2));
}

static long poll_empty(int *fds)
{
	return revents(fds[0], POLLIN) << 16 | revents(fds[1], POLLOUT);
}

static long poll_stored(int *fds)
{
	return result(write(fds[1], "x", 1)) << 16 | revents(fds[0], POLLIN);
}

static long poll_ended(int *fds)
{
	close(fds[1]);
	return revents(fds[0], POLLIN);
}

static long poll_no_reader(int *fds)
{
	close(fds[0]);
	return revents(fds[1], POLLOUT);
}

static long write_when_full(int *fds)
{
	long n;

	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while ((n = result(write(fds[1], page, PIPE_BUF))) == PIPE_BUF)
		;
	return n;
}

/* All or nothing. */
static long write_too_large(int *fds)
{
	int stored;

	write_when_full(fds);
	result(read(fds[0], page, 1));
	return ioctl(fds[0], FIONREAD, &stored) ?
		       -errno :
		       result(write(fds[1], page, PIPE_BUF));
}

static long write_without_reader(int *fds)
{
	close(fds[0]);
	signals = 0;
	signal(SIGPIPE, count_signal);
	return result(write(fds[1], "x", 1)) * 10 + signals;
}

static long stored(int *fds)
{
	int n = -1;

	result(write(fds[1], page, 123));
	return ioctl(fds[0], FIONREAD, &n) ? -errno : n;
}

static long wrong_end(int *fds)
{
	return result(read(fds[1], page, 1)) * 1000 +
	       result(write(fds[0], page, 1));
}

static long seek(int *fds)
{
	return result(lseek(fds[0], 0, SEEK_SET)) * 1000 +
	       result(pread(fds[0], page, 1, 0));
}

static long size(int *fds)
{
	return result(fcntl(fds[0], F_GETPIPE_SZ)) > 0;
}

static long resize(int *fds)
{
	return result(fcntl(fds[0], F_SETPIPE_SZ, 1 << 20));
}

static long type(int *fds)
{
	struct stat s;

	return fstat(fds[0], &s) ? -errno : (long)(s.st_mode & S_IFMT);
}

static long vmsplice_into(int *fds)
{
	struct iovec v = { page, 10 };

	return result(vmsplice(fds[1], &v, 1, 0));
}

static long splice_file(int *fds)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	long n = result(splice(file, NULL, fds[1], NULL, 100, 0));

	close(file);
	return n;
}

static long splice_pipe(int *fds)
{
	int other[2];
	long n;

	/* A real one in both cases. */
	if (syscall(SYS_pipe2, other, O_CLOEXEC))
		return -errno;
	result(write(fds[1], page, 100));
	n = result(splice(fds[0], NULL, other[1], NULL, 100, 0)) * 1000 +
	    result(splice(other[0], NULL, fds[1], NULL, 100, 0));
	close(other[0]);
	close(other[1]);
	return n;
}

static long tee_pipe(int *fds)
{
	int other[2];
	long n;

	if (syscall(SYS_pipe2, other, O_CLOEXEC))
		return -errno;
	result(write(fds[1], page, 100));
	n = result(tee(fds[0], other[1], 100, SPLICE_F_NONBLOCK));
	close(other[0]);
	close(other[1]);
	return n;
}

static long edge(int *fds)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	long n = result(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e));

	for (int i = 0; i < 2; i++) {
		result(write(fds[1], "x", 1));
		n = n * 10 + epoll_wait(ep, &e, 1, 0);
		n = n * 10 + epoll_wait(ep, &e, 1, 0);
	}
	close(ep);
	return n;
}

static const struct {
	const char *name;
	long (*probe)(int *fds);
	const char *differs; /* why */
} probes[] = {
	{ "read of an empty one", read_empty, NULL },
	{ "read after write", read_what_was_written, NULL },
	{ "end of file", end_of_file, NULL },
	{ "poll when empty", poll_empty, NULL },
	{ "poll when not empty", poll_stored, NULL },
	{ "poll at the end of file", poll_ended, NULL },
	{ "write when full", write_when_full, NULL },
	{ "write of PIPE_BUF bytes with less room", write_too_large, NULL },
	{ "FIONREAD", stored, NULL },
	{ "the wrong end", wrong_end, NULL },
	{ "seek", seek, NULL },
	{ "splice with a pipe", splice_pipe, NULL },
	{ "edge-triggered epoll", edge, NULL },
	{ "write without a reader", write_without_reader,
	  "a reader may open the device later: the bytes are kept, and there is no SIGPIPE" },
	{ "poll without a reader", poll_no_reader,
	  "a reader may open the device later: it can be written, and there is no POLLERR" },
	{ "fstat", type, "it is a character device" },
	{ "F_GETPIPE_SZ", size, "the attribute capacity has the size" },
	{ "F_SETPIPE_SZ", resize,
	  "the attribute capacity has the size, and only root sets it" },
	{ "vmsplice", vmsplice_into, "vmsplice(2) takes pipes only" },
	{ "splice from a file", splice_file,
	  "one of the two files of splice(2) must be a pipe" },
	{ "tee", tee_pipe, "tee(2) takes pipes only" },
};

static long run(long (*probe)(int *fds), bool real)
{
	int fds[2];
	long r;

	if (real ? syscall(SYS_pipe2, fds, O_CLOEXEC) : pipe2(fds, O_CLOEXEC)) {
		perror(real ? "pipe2" : "the vfifo");
		exit(1);
	}
	r = probe(fds);
	close(fds[0]);
	close(fds[1]);
	return r;
}

int main(void)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		long of_pipe = run(probes[i].probe, true);
		long of_vfifo = run(probes[i].probe, false);

		if ((of_pipe != of_vfifo) == (probes[i].differs != NULL))
			continue;
		bad++;
		printf("%s: %ld of a pipe, %ld of a vfifo; expected %s\n",
		       probes[i].name, of_pipe, of_vfifo,
		       probes[i].differs ?: "the same");
	}
	printf("%zu compared, %d unexpected\n",
	       sizeof(probes) / sizeof(probes[0]), bad);
	return bad != 0;
}
