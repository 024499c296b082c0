// SPDX-License-Identifier: GPL-2.0-or-later
/* O_NONBLOCK and RWF_NOWAIT behave as pipe(7) describes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[2 * CAPACITY];

int main(void)
{
	int fd = device(O_RDWR | O_NONBLOCK);
	int blocking = device(O_RDWR);
	struct iovec iov = { bytes, sizeof(bytes) };

	subtest("a read of an empty FIFO");
	check_errno(read(fd, bytes, 1), EAGAIN);
	check_errno(preadv2(blocking, &iov, 1, -1, RWF_NOWAIT), EAGAIN);

	subtest("a write of more than PIPE_BUF is short");
	check_equal(write(fd, bytes, sizeof(bytes)), CAPACITY);
	check_errno(write(fd, bytes, sizeof(bytes)), EAGAIN);
	check_errno(write(fd, bytes, 1), EAGAIN);
	check_errno(pwritev2(blocking, &iov, 1, -1, RWF_NOWAIT), EAGAIN);
	check_equal(attribute("size"), CAPACITY);

	subtest("a write of up to PIPE_BUF is whole or EAGAIN");
	check_equal(read(fd, bytes, PIPE_BUF - 1), PIPE_BUF - 1);
	check_errno(write(fd, bytes, PIPE_BUF), EAGAIN);
	check_equal(attribute("size"), CAPACITY - PIPE_BUF + 1);
	check_equal(write(fd, bytes, PIPE_BUF + 1), PIPE_BUF - 1);
	check_equal(read(fd, bytes, PIPE_BUF), PIPE_BUF);
	check_equal(write(fd, bytes, PIPE_BUF), PIPE_BUF);

	subtest("a read returns all stored bytes");
	check_equal(read(fd, bytes, sizeof(bytes)), CAPACITY);
	check_equal(preadv2(fd, &iov, 1, -1, RWF_NOWAIT), -1);
	check_equal(write(fd, "ab", 2), 2);
	check_equal(preadv2(blocking, &iov, 1, -1, RWF_NOWAIT), 2);
	return 0;
}
