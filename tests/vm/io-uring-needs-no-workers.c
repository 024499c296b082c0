// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads of an empty FIFO and writes to a full one wait in poll, not in worker threads.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include "testlib.h"

#define READS 64

static char bytes[CAPACITY + 10];
static char got[READS][10];

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = -2; /* . and .. */

	check(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int next_result(struct io_uring *ring)
{
	struct __kernel_timespec wait = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int result;

	check_equal(io_uring_wait_cqe_timeout(ring, &cqe, &wait), 0);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

int main(void)
{
	int fd = device(O_RDWR);
	struct io_uring ring;
	int err = io_uring_queue_init(READS, &ring, 0);

	if (err == -ENOSYS || err == -EPERM)
		skip("this kernel has no io_uring");
	check_equal(err, 0);

	subtest("reads of an empty FIFO");
	for (int i = 0; i < READS; i++)
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, got[i], 10, 0);
	check_equal(io_uring_submit(&ring), READS);
	sleep_ms(200);
	check_equal(threads(), 1);
	check_equal(io_uring_sq_ready(&ring), 0);

	for (int i = 0; i < READS; i++) {
		fill_pattern(bytes, 10, 10 * i);
		check_equal(write(fd, bytes, 10), 10);
		check_equal(next_result(&ring), 10);
	}
	check_equal(threads(), 1);
	/* The reads complete in any order, and each gets one whole record. */
	for (int i = 0; i < READS; i++) {
		int record;

		for (record = 0; record < READS; record++) {
			fill_pattern(bytes, 10, 10 * record);
			if (!memcmp(bytes, got[i], 10))
				break;
		}
		check(record < READS);
	}

	subtest("writes to a full FIFO");
	write_all(fd, bytes, CAPACITY);
	io_uring_prep_write(io_uring_get_sqe(&ring), fd, bytes, 4096, 0);
	check_equal(io_uring_submit(&ring), 1);
	sleep_ms(100);
	check_equal(threads(), 1);
	check_equal(io_uring_cq_ready(&ring), 0);
	read_all(fd, bytes, 4096);
	check_equal(next_result(&ring), 4096);
	check_equal(attribute("size"), CAPACITY);
	check_equal(threads(), 1);

	subtest("a cancelled read takes no bytes");
	read_all(fd, bytes, CAPACITY);
	io_uring_prep_read(io_uring_get_sqe(&ring), fd, got[0], 10, 0);
	check_equal(io_uring_submit(&ring), 1);
	io_uring_queue_exit(&ring);
	sleep_ms(100);
	write_all(fd, "abc", 3);
	check_equal(attribute("size"), 3);
	return 0;
}
