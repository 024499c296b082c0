// SPDX-License-Identifier: GPL-2.0-or-later
/* splice() from a pipe into the FIFO and from the FIFO into a pipe. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "testlib.h"

#define TOTAL (4 << 20)

static char bytes[CAPACITY];

static void feed(void *argument)
{
	int fd = device(O_WRONLY);
	int p[2];

	(void)argument;
	check(!pipe(p));
	for (size_t at = 0; at < TOTAL;) {
		size_t n = 1 + pattern(at) * 100;

		if (n > TOTAL - at)
			n = TOTAL - at;
		fill_pattern(bytes, n, at);
		check_equal(write(p[1], bytes, n), n);
		at += n;
		while (n) {
			ssize_t done = splice(p[0], NULL, fd, NULL, n, 0);

			check(done > 0);
			n -= done;
		}
	}
}

int main(void)
{
	int in = device(O_RDONLY), nonblock = device(O_RDONLY | O_NONBLOCK);
	int p[2];
	pid_t pid;

	check(!pipe(p));
	check_errno(splice(nonblock, NULL, p[1], NULL, 100, 0), EAGAIN);
	/* From a character device the kernel splices only into pipes. */
	check_errno(sendfile(memfd_create("to", 0), in, NULL, 10), EINVAL);

	pid = start(feed, NULL);
	for (size_t at = 0; at < TOTAL;) {
		ssize_t n = splice(in, NULL, p[1], NULL, sizeof(bytes), 0);

		check(n > 0);
		read_all(p[0], bytes, n);
		check_pattern(bytes, n, at);
		at += n;
	}
	finish(pid);
	check_equal(attribute("size"), 0);
	return 0;
}
