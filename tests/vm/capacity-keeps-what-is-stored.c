// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any capacity within the limits rounds up to a power of two and reads back as it
 * is; the stored bytes stay, wherever they were in the buffer; EBUSY where they
 * would not fit, or while mapped; a writer that slept for room goes on.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[1 << 20];

static void check_rounds(const char *text, long long to)
{
	check_equal(set_attribute("capacity", text), 0);
	check_equal(attribute("capacity"), to);
}

static void writer(void *argument)
{
	(void)argument;
	fill_pattern(bytes, PIPE_BUF, 5000);
	check_equal(write(device(O_WRONLY), bytes, PIPE_BUF), PIPE_BUF);
}

static void await_space(void *argument)
{
	struct pollfd p = { .fd = device(O_WRONLY), .events = POLLOUT };

	(void)argument;
	check_equal(poll(&p, 1, 20000), 1);
}

/*
 * Memory that others have used lately, so that the buffer is likely to get it;
 * the guest runs with init_on_alloc=0.
 */
static void dirty_memory(void *argument)
{
	const size_t n = 400 << 20;
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
	pid_t pid, poller;

	check_equal(attribute("capacity"), CAPACITY);
	check_rounds("1", 4096);
	check_rounds("4096\n", 4096);
	check_rounds("4097", 8192);
	check_rounds("100000", 131072);
	check_rounds("1048576", 1048576);

	/* 5000 bytes across the wrap of 8 KiB, through all sizes. */
	check_rounds("8192", 8192);
	write_all(fd, bytes, 6000);
	read_all(fd, bytes, 6000);
	fill_pattern(bytes, 5000, 0);
	write_all(fd, bytes, 5000);
	check_rounds("1048576", 1048576);
	check_equal(attribute("size"), 5000);
	check_rounds("8192", 8192);
	check_equal(set_attribute("capacity", "4096"), EBUSY);
	check_equal(attribute("capacity"), 8192);
	check_equal(attribute("size"), 5000);

	pid = start(writer, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	poller = start(await_space, NULL);
	wait_asleep(poller, "poll");
	check_rounds("16384", 16384);
	finish(pid);
	finish(poller);

	/* The same again is no change, and as such allowed. */
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	check_rounds("16000", 16384);
	check_equal(set_attribute("capacity", "65536"), EBUSY);
	check_equal(attribute("capacity"), 16384);
	check(!munmap(map, 4096));

	read_all(fd, bytes, 5000 + PIPE_BUF);
	check_pattern(bytes, 5000 + PIPE_BUF, 0);
	check_equal(attribute("size"), 0);

	/* New memory is zeroed. */
	finish(start(dirty_memory, NULL));
	check_rounds("16777216", 16777216);
	map = mmap(NULL, 16777216, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	for (int i = 0; i < 16777216; i++)
		check_equal(map[i], 0);
	return 0;
}
