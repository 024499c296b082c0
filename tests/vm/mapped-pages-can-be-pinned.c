// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a mapping are ordinary pages, which get_user_pages() can pin, resident or not:
 * here by process_vm_readv(), process_vm_writev(), vmsplice() and the fixed buffers of io_uring.
 * A pinned page outlives its mapping, its buffer and its device.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "testlib.h"

static void by_calls(void)
{
	int fd = device(O_RDWR);
	char *map = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	static char bytes[CAPACITY];
	struct iovec ours = { bytes, CAPACITY };
	struct iovec theirs = { map, CAPACITY };
	int p[2];

	check(map != MAP_FAILED);
	fill_pattern(bytes, CAPACITY, 0);
	check_equal(process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0),
		    CAPACITY);
	check_pattern(map, CAPACITY, 0);

	memset(bytes, 0, CAPACITY);
	theirs.iov_base = map + CAPACITY;
	check_equal(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0),
		    CAPACITY);
	check_pattern(bytes, CAPACITY, 0);

	/* A page in a pipe outlives the mapping and the buffer. */
	check(!pipe(p));
	theirs.iov_len = 4096;
	check_equal(vmsplice(p[1], &theirs, 1, 0), 4096);
	check(!munmap(map, 2 * CAPACITY));
	check_equal(set_capacity(2 * CAPACITY), 0);
	read_all(p[0], bytes, 4096);
	check_pattern(bytes, 4096, 0);
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* Moves n bytes between a pipe and the fixed buffer. */
static void move(struct io_uring *ring, bool in, int fd, void *at, size_t n)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;

	if (in)
		io_uring_prep_read_fixed(sqe, fd, at, n, 0, 0);
	else
		io_uring_prep_write_fixed(sqe, fd, at, n, 0, 0);
	check_equal(io_uring_submit(ring), 1);
	check(!io_uring_wait_cqe(ring, &cqe));
	check_equal(cqe->res, n);
	io_uring_cqe_seen(ring, cqe);
}

static void change(const char *name)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check_equal(write(fd, "0", 1), 1);
	close(fd);
}

/* Kernels before 6.5 refuse to pin a shared mapping of a file for so long. */
static void by_io_uring(void)
{
	static char bytes[PAGE_MAX];
	int fd = device(O_RDWR), p[2], err;
	struct io_uring ring;
	struct iovec buffer = { .iov_len = 4096 };

	err = io_uring_queue_init(4, &ring, 0);
	if (err == -ENOSYS || err == -EPERM)
		return;
	check_equal(err, 0);
	check(!pipe(p));
	buffer.iov_base =
		mmap(NULL, CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(buffer.iov_base != MAP_FAILED);
	err = io_uring_register_buffers(&ring, &buffer, 1);
	if (err) {
		check(err == -EOPNOTSUPP || err == -EFAULT);
		return;
	}
	fill_pattern(bytes, 4096, 9);
	write_all(p[1], bytes, 4096);
	move(&ring, true, p[0], buffer.iov_base, 4096);
	check_pattern(buffer.iov_base, 4096, 9);

	check(!munmap(buffer.iov_base, CAPACITY));
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(4 * CAPACITY), 0);
	move(&ring, false, p[1], buffer.iov_base, 4096);
	read_all(p[0], bytes, 4096);
	check_pattern(bytes, 4096, 9);
	close(fd);
	change("/sys/class/vfifo/remove");
	change("/sys/class/vfifo/add");
	write_all(p[1], bytes, 4096);
	move(&ring, true, p[0], buffer.iov_base, 4096);

	/* The new device has pages of its own. */
	fd = device(O_RDWR);
	write_all(fd, bytes, 1);
	memset(bytes, 0, 4096);
	move(&ring, false, p[1], buffer.iov_base, 4096);
	read_all(p[0], bytes, 4096);
	check_pattern(bytes, 4096, 9);
	check_equal(attribute("size"), 1);
	io_uring_queue_exit(&ring);
	close(fd);
}

int main(void)
{
	run_case(by_calls());
	run_case(by_io_uring());
	return 0;
}
