// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A capacity is rounded up to a power of two, and reads back as that. The stored bytes are
 * kept, wherever they are in the buffer. EBUSY if they would not fit, or while the buffer is
 * mapped. A writer that sleeps for room continues when the capacity grows.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[1 << 20];

static size_t
	stored; /* more than a page; in two pages an atomic write has to wait */

static void check_rounds(size_t wish, size_t to)
{
	check_equal(set_capacity(wish), 0);
	check_equal(attribute("capacity"), to);
}

static void writer(void *argument)
{
	(void)argument;
	fill_pattern(bytes, PIPE_BUF, stored);
	check_equal(write(device(O_WRONLY), bytes, PIPE_BUF), PIPE_BUF);
}

static void await_space(void *argument)
{
	struct pollfd p = { .fd = device(O_WRONLY), .events = POLLOUT };

	(void)argument;
	check_equal(poll(&p, 1, 20000), 1);
}

/*
 * Writes to memory and frees it, so that the buffer is likely to get these pages. (The guest
 * runs with init_on_alloc=0.)
 */
static void dirty_memory(void *argument)
{
	const size_t n = (slow_kernel() || user_mode_linux() ? 100 : 400) << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argument;
	check(p != MAP_FAILED);
	memset(p, 0xaa, n);
}

int main(void)
{
	int fd = device(O_RDWR);
	char *map;
	pid_t pid;

	subtest("a capacity is rounded up");
	check_equal(attribute("capacity"), CAPACITY);
	check_rounds(1, PAGE);
	check_rounds(PAGE, PAGE);
	check_rounds(PAGE + 1, 2 * PAGE);
	check_equal(set_attribute("capacity", "1048576\n"), 0);
	check_equal(attribute("capacity"), 1048576);
	check_rounds(1048577, 2097152);

	subtest("bytes across the wrap are kept");
	check_rounds(2 * PAGE, 2 * PAGE);
	write_all(fd, bytes, 2 * PAGE - 2000);
	read_all(fd, bytes, 2 * PAGE - 2000);
	stored = 2 * PAGE - PIPE_BUF + 1000;
	fill_pattern(bytes, stored, 0);
	write_all(fd, bytes, stored);
	check_rounds(1048576, 1048576);
	check_equal(attribute("size"), stored);
	check_rounds(2 * PAGE, 2 * PAGE);
	check_equal(set_capacity(PAGE), EBUSY);
	check_equal(attribute("capacity"), 2 * PAGE);
	check_equal(attribute("size"), stored);

	subtest("waiting pollers continue");
	pid = start(await_space, NULL);
	wait_asleep(pid, "poll");
	/* What was done before can wake it up to an eighth of a second later. */
	sleep_ms(300);
	wait_asleep(pid, "poll");
	check_rounds(4 * PAGE, 4 * PAGE);
	finish(pid);
	check_rounds(2 * PAGE, 2 * PAGE);

	subtest("waiting writers continue");
	pid = start(writer, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	check_rounds(4 * PAGE, 4 * PAGE);
	finish(pid);

	/* The current capacity is allowed, as it changes nothing. */
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	check_rounds(4 * PAGE - 100, 4 * PAGE);
	check_equal(set_capacity(16 * PAGE), EBUSY);
	check_equal(attribute("capacity"), 4 * PAGE);
	check(!munmap(map, PAGE));

	read_all(fd, bytes, stored + PIPE_BUF);
	check_pattern(bytes, stored + PIPE_BUF, 0);
	check_equal(attribute("size"), 0);

	subtest("new memory is zeroed");
	finish(start(dirty_memory, NULL));
	check_rounds(16777216, 16777216);
	map = mmap(NULL, 16777216, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	/* memcmp: a loop over the bytes takes seconds in an emulator. */
	check_equal(map[0], 0);
	check(!memcmp(map, map + 1, 16777216 - 1));
	return 0;
}
