// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unmapped user memory: a call whose first byte is unmapped returns EFAULT and changes
 * nothing. Otherwise it transfers the bytes before the unmapped part. No byte is lost.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "testlib.h"

#define MUCH ((size_t)2 << 20)

static char stored[16 * PAGE_MAX];

int main(void)
{
	int fd = device(O_RDWR);
	/* Two mapped pages, then an unmapped one. */
	char *memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *nothing = memory + 2 * PAGE;
	char *volatile null = NULL; /* volatile: the compiler warns of NULL */
	struct iovec iov[2] = { { memory, 10 }, { nothing, 10 } };
	const size_t capacity = 16 * PAGE;

	check(memory != MAP_FAILED);
	check(!munmap(nothing, PAGE));
	check_equal(set_capacity(capacity), 0);

	subtest("a write from unmapped memory");
	check_errno(write(fd, nothing, 10), EFAULT);
	check_errno(write(fd, null, PIPE_BUF), EFAULT);
	check_errno(write(fd, nothing, capacity), EFAULT);
	check_equal(attribute("size"), 0);

	subtest("a write that reaches unmapped memory is short");
	fill_pattern(memory, 2 * PAGE, 0);
	check_equal(write(fd, nothing - 10, 100), 10);
	check_equal(write(fd, memory, 3 * PAGE), 2 * PAGE);
	check_equal(writev(fd, iov, 2), 10);
	check_equal(attribute("size"), 20 + 2 * PAGE);

	subtest("a read into unmapped memory");
	check_errno(read(fd, nothing, 10), EFAULT);
	check_errno(read(fd, null, 10), EFAULT);
	check_equal(attribute("size"), 20 + 2 * PAGE);
	check_equal(read(fd, nothing - 4, 100), 4);
	check_equal(readv(fd, iov, 2), 10);
	check_equal(attribute("size"), 6 + 2 * PAGE);
	read_all(fd, stored, 6 + 2 * PAGE);

	/* The kernel's copy can report fewer bytes than it has copied. */
	subtest("short by any number of bytes");
	for (size_t n = 1; n < 200; n++) {
		fill_pattern(memory, 2 * PAGE, n);
		check_equal(write(fd, nothing - n, 200), n);
		check_equal(write(fd, nothing - n, PIPE_BUF + 1), n);
		check_equal(attribute("size"), 2 * n);
		write_all(fd, memory, 200);
		check_equal(read(fd, nothing - n, 2 * PAGE), n);
		check_pattern(nothing - n, n, 2 * PAGE);
		read_all(fd, stored, n + 200);
		check_pattern(stored, n, 2 * PAGE);
		check_pattern(stored + n, 200, n);
		check_equal(attribute("size"), 0);
	}

	subtest("a read into read-only memory");
	write_all(fd, "abc", 3);
	check(!mprotect(memory, PAGE, PROT_READ));
	check_errno(read(fd, memory, 3), EFAULT);
	read_all(fd, stored, 3);
	check(!memcmp(stored, "abc", 3));

	subtest("a read into memory that is not resident is whole");
	fill_pattern(stored, capacity, 7);
	write_all(fd, stored, capacity);
	memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	check_equal(read(fd, memory, capacity), capacity);
	check_pattern(memory, capacity, 7);

	/* A call faults in 256 KiB at once. */
	subtest("however often it has to be faulted in");
	check_equal(set_capacity(MUCH), 0);
	memory = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	fill_pattern(memory, MUCH, 9);
	write_all(fd, memory, MUCH);
	check(!madvise(memory, MUCH, MADV_DONTNEED));
	check_equal(read(fd, memory, MUCH), MUCH);
	check_pattern(memory, MUCH, 9);
	return 0;
}
