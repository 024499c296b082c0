// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A write that has made room, because `overflow` was overwrite, finds that it must wait behind a
 * call that sleeps since `overflow` is block. It leaves the room that it has made to that call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

static int fd;
static char *stalled;
static char bytes[CAPACITY];

static int stall(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)stalled, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		skip("this kernel has no userfaultfd");
	check(!ioctl(uffd, UFFDIO_API, &api));
	check(!ioctl(uffd, UFFDIO_REGISTER, &range));
	return uffd;
}

static void *write_stalled(void *argument)
{
	(void)argument;
	check_equal(write(fd, stalled, PIPE_BUF), PIPE_BUF);
	return NULL;
}

static void write_large(void *argument)
{
	(void)argument;
	check_equal(write(fd, bytes, PIPE_BUF), PIPE_BUF);
}

static void write_one(void *argument)
{
	(void)argument;
	check_equal(write(fd, bytes, 1), 1);
}

int main(void)
{
	struct uffd_msg message;
	struct uffdio_copy copy;
	pthread_t thread;
	pid_t large;
	bool done = false;
	int uffd;

	fd = device(O_RDWR);
	stalled = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(stalled != MAP_FAILED);
	uffd = stall();
	check_equal(set_attribute("overflow", "overwrite"), 0);
	/* With more, the first call could be overtaken without bound, and nobody would be stuck. */
	check_equal(set_attribute("read_watermark", "61441"), 0);
	check(!pthread_create(&thread, NULL, write_stalled, NULL));
	check_equal(read(uffd, &message, sizeof(message)), sizeof(message));

	check_equal(set_attribute("overflow", "block"), 0);
	write_all(fd, bytes, CAPACITY - 100);
	large = start(write_large, NULL);
	wait_asleep(large, "vfifo_ring_wait");
	for (int i = 0; i < 16; i++)
		finish(start(write_one, NULL));
	check_equal(attribute("size"), CAPACITY - 84);

	copy = (struct uffdio_copy){ .dst = (uintptr_t)stalled,
				     .src = (uintptr_t)bytes,
				     .len = PAGE };
	check(!ioctl(uffd, UFFDIO_COPY, &copy));
	for (int i = 0; i < 50 && !done; i++) {
		sleep_ms(100);
		done = waitpid(large, NULL, WNOHANG) == large;
	}
	if (!done)
		fail("with %lld bytes stored there is room for the writer, which sleeps",
		     attribute("size"));
	read_all(fd, bytes, CAPACITY);
	check(!pthread_join(thread, NULL));
	return 0;
}
