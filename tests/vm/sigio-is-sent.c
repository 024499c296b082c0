// SPDX-License-Identifier: GPL-2.0-or-later
/* With O_ASYNC a reader gets SIGIO for bytes and a writer for space, and none after close(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

static int band_of_next(int fd)
{
	sigset_t set;
	siginfo_t info;
	struct timespec wait = { 0, 300000000 };

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	if (sigtimedwait(&set, &info, &wait) < 0) {
		check_equal(errno, EAGAIN);
		return 0;
	}
	check_equal(info.si_fd, fd);
	return info.si_code;
}

static int async(int flags)
{
	int fd = device(flags);

	check(!fcntl(fd, F_SETOWN, getpid()));
	check(!fcntl(fd, F_SETSIG, SIGRTMIN));
	check(!fcntl(fd, F_SETFL, O_ASYNC | fcntl(fd, F_GETFL)));
	return fd;
}

int main(void)
{
	int plain = device(O_RDWR);
	sigset_t set;
	int in, out, both;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	check(!sigprocmask(SIG_BLOCK, &set, NULL));

	subtest("a reader");
	in = async(O_RDONLY);
	write_all(plain, "abc", 3);
	check_equal(band_of_next(in), POLL_IN);
	read_all(plain, bytes, 1);
	check_equal(band_of_next(in), 0);
	close(in);
	write_all(plain, "abc", 3);
	check_equal(band_of_next(in), 0);

	subtest("a writer");
	out = async(O_WRONLY);
	read_all(plain, bytes, 1);
	check_equal(band_of_next(out), POLL_OUT);
	close(out);

	subtest("both");
	both = async(O_RDWR);
	write_all(plain, "abc", 3);
	check_equal(band_of_next(both), POLL_IN);
	read_all(plain, bytes, 1);
	check_equal(band_of_next(both), POLL_OUT);
	check(!fcntl(both, F_SETFL, 0));
	write_all(plain, "abc", 3);
	read_all(plain, bytes, 1);
	check_equal(band_of_next(both), 0);
	return 0;
}
