// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads into memory that is not resident, while completions are queued. io_uring's task work
 * makes signal_pending() true, which must not end a read.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define READS 64
#define EACH 4096 /* at most a page */

static void writer(void *argument)
{
	int fd = device(O_WRONLY);

	(void)argument;
	for (;;)
		check_equal(write(fd, "0123456789", 10), 10);
}

static void read_into_fresh_memory(struct io_uring *ring, int fd)
{
	const int rounds = slow_kernel() ? 25 : 100;

	for (int round = 0; round < rounds; round++) {
		char *fresh = mmap(NULL, READS * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		check(fresh != MAP_FAILED);
		check(!ioctl(fd, VFIFO_CLEAR));
		for (int i = 0; i < READS; i++)
			io_uring_prep_read(io_uring_get_sqe(ring), fd,
					   fresh + i * PAGE, EACH, 0);
		check_equal(io_uring_submit(ring), READS);
		for (int i = 0; i < READS; i++) {
			struct io_uring_cqe *cqe;

			check_equal(io_uring_wait_cqe(ring, &cqe), 0);
			if (cqe->res <= 0)
				fail("a read gives %d in round %d", cqe->res,
				     round);
			io_uring_cqe_seen(ring, cqe);
		}
		check(!munmap(fresh, READS * PAGE));
	}
}

static void of(const char *framing)
{
	int fd = device(O_RDWR);
	struct io_uring ring;
	int err, status;
	pid_t pid;

	check_equal(set_attribute("framing", framing), 0);
	err = io_uring_queue_init(READS, &ring, 0);
	if (err == -ENOSYS || err == -EPERM)
		skip("this kernel has no io_uring");
	check_equal(err, 0);
	pid = start(writer, NULL);
	read_into_fresh_memory(&ring, fd);
	kill(pid, SIGKILL);
	check_equal(waitpid(pid, &status, 0), pid);
	io_uring_queue_exit(&ring);
	check(!ioctl(fd, VFIFO_CLEAR));
	check(!close(fd));
}

int main(void)
{
	run_case(of("bytes"));
	run_case(of("records"));
	return 0;
}
