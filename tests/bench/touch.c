// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * touch [ROUNDS [FEWER]]: measures what a large mapping costs that is opened, mapped, touched once
 * in each page, unmapped and closed: of /dev/vfifo0, and of a memfd that has its pages already; in
 * a guest with one processor, whose clock counts instructions (see device.c)
 *
 * Each round prints a line for each number (see scripts/bench):
 *
 *	guest - WHAT 4096 1 CAPACITY WAY NUMBER instructions
 *
 * WHAT is touch-load or touch-store, WAY memfd or vfifo, and NUMBER that of 4,096 bytes. FEWER
 * divides the size.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "testlib.h"

static size_t bytes = 64 << 20;

static uint64_t instructions(void)
{
	struct timespec t;

	check(!clock_gettime(CLOCK_MONOTONIC, &t));
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void touch(const char *path, bool store)
{
	int fd = open(path, O_RDWR);
	volatile char *map;

	check(fd >= 0);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	for (size_t i = 0; i < bytes; i += PAGE) {
		if (store)
			map[i] = 1;
		else
			check_equal(map[i], 1);
	}
	check(!munmap((void *)map, bytes));
	close(fd);
}

static void measure(const char *what, const char *way, const char *path,
		    bool store)
{
	uint64_t from = instructions();

	touch(path, store);
	printf("guest - %s 4096 1 %zu %s %.1f instructions\n", what, bytes, way,
	       (double)(instructions() - from) / (bytes / 4096));
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	char memory[64];
	int fd;

	if (argc > 2)
		bytes /= strtoul(argv[2], NULL, 10);
	check_equal(set_capacity(bytes), 0);
	fd = memfd_create("touch", MFD_CLOEXEC);
	check(fd >= 0);
	check(!ftruncate(fd, bytes));
	snprintf(memory, sizeof(memory), "/proc/self/fd/%d", fd);
	touch(memory, true);
	touch(DEVICE, true);
	for (unsigned long r = 0; r < rounds; r++) {
		measure("touch-load", "memfd", memory, false);
		measure("touch-load", "vfifo", DEVICE, false);
		measure("touch-store", "memfd", memory, true);
		measure("touch-store", "vfifo", DEVICE, true);
	}
	check_equal(set_capacity(CAPACITY), 0);
	return 0;
}
