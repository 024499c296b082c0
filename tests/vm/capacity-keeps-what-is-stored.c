// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any capacity within the limits rounds up to a power of two and reads back as it
 * is; the stored bytes stay, wherever they were in the buffer; EBUSY where they
 * would not fit, or while mapped; a writer that slept for room goes on.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
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

int main(void)
{
	int fd = device(O_RDWR);
	char *map;
	pid_t pid;

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
	check_rounds("16384", 16384);
	finish(pid);

	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	check_equal(set_attribute("capacity", "65536"), EBUSY);
	check_equal(attribute("capacity"), 16384);
	check(!munmap(map, 4096));

	read_all(fd, bytes, 5000 + PIPE_BUF);
	check_pattern(bytes, 5000 + PIPE_BUF, 0);
	check_equal(attribute("size"), 0);

	/* New memory is zeroed. */
	check_rounds("65536", 65536);
	map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	for (int i = 0; i < 65536; i++)
		check_equal(map[i], 0);
	return 0;
}
