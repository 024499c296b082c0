// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mapping is the buffer, twice, and initially zero. Stores and loads move no position.
 * Bytes of write() appear in the mapping, and stores appear in read().
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

static void write_in_child(void *map)
{
	((char *)map)[5] = 'c';
}

int main(void)
{
	int fd = device(O_RDWR), in = device(O_RDONLY);
	const size_t capacity = 16 * PAGE;
	static char bytes[16 * PAGE_MAX];
	char *map, *view, *page;

	check_equal(set_capacity(capacity), 0);
	subtest("zero");
	map = mmap(NULL, 2 * capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	check(map != MAP_FAILED);
	for (size_t i = 0; i < 2 * capacity; i++)
		check_equal(map[i], 0);

	subtest("twice");
	strcpy(map, "a store");
	check(!strcmp(map + capacity, "a store"));
	strcpy(map + 2 * capacity - 10, "the end");
	check(!strcmp(map + capacity - 10, "the end"));
	check_equal(attribute("size"), 0);

	subtest("across the wrap");
	write_all(fd, bytes, capacity - 10);
	read_all(fd, bytes, capacity - 10);
	fill_pattern(bytes, 20, 0);
	write_all(fd, bytes, 20);
	check_pattern(map + capacity - 10, 20, 0);
	check_pattern(map, 10, 10);
	map[capacity - 10] = 'X';
	read_all(fd, bytes, 20);
	check_equal(bytes[0], 'X');
	check_pattern(bytes + 1, 19, 1);

	subtest("other mappings");
	view = mmap(NULL, capacity, PROT_READ, MAP_SHARED, in, 0);
	check(view != MAP_FAILED);
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, in, capacity + PAGE);
	check(page != MAP_FAILED);
	map[PAGE] = 'm';
	check_equal(view[PAGE], 'm');
	check_equal(page[0], 'm');

	subtest("a child has it, and MADV_DONTNEED keeps the bytes");
	finish(start(write_in_child, map));
	check_equal(map[5], 'c');
	check(!madvise(map, 2 * capacity, MADV_DONTNEED));
	check_equal(map[5], 'c');

	subtest("it outlives the file");
	close(fd);
	close(in);
	strcpy(map, "still");
	check(!strcmp(view, "still"));
	return 0;
}
