// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a new device, and of a new buffer, may have been another process's. Whoever maps
 * them sees zeroes, and in the pages of numbers nothing but their fields.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

/* The largest block: one that is freed merges with no other, so the next allocation gets it. */
#define LARGE (4 << 20)
#define ADDED 20 /* devices: the first pages can be clean all the same */

/* Writes to memory and frees it, so that the next allocations are likely to get its pages. */
static void dirty_memory(void *unused)
{
	const size_t n = (slow_kernel()	    ? 100 :
			  user_mode_linux() ? 600 :
					      400)
			 << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	check(p != MAP_FAILED);
	memset(p, 0xaa, n);
}

static void check_zero(int fd, off_t offset, size_t from, size_t n)
{
	const unsigned char *map =
		mmap(NULL, n, PROT_READ, MAP_SHARED, fd, offset);

	check(map != MAP_FAILED);
	for (size_t i = from; i < n; i++)
		if (map[i])
			fail("byte %zu of offset %lld is %#x", i,
			     (long long)offset, map[i]);
	check(!munmap((void *)map, n));
}

static void store(const char *name, int number)
{
	char path[64], text[16];
	int fd, n = snprintf(text, sizeof(text), "%d", number);

	snprintf(path, sizeof(path), "/sys/class/vfifo/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0);
	check_equal(write(fd, text, n), n);
	close(fd);
}

static int open_added(int number, int flags)
{
	char node[64];
	int fd;

	snprintf(node, sizeof(node), "/dev/vfifo%d", number);
	fd = open(node, flags | O_CLOEXEC);
	check(fd >= 0);
	return fd;
}

/* The kernel keeps pages that it uses itself apart from those of processes, so dirty some of its own. */
static void dirty_added(void)
{
	for (int i = 1; i <= ADDED; i++)
		store("add", i);
	for (int i = 1; i <= ADDED; i++) {
		int fd = open_added(i, O_RDWR);
		void *map = mmap(NULL, CAPACITY, PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, VFIFO_MMAP_DATA);

		check(map != MAP_FAILED);
		memset(map, 0xaa, CAPACITY);
		check(!munmap(map, CAPACITY));
		close(fd);
	}
	for (int i = 1; i <= ADDED; i++)
		store("remove", i);
}

static void of_a_new_device(void)
{
	finish(start(dirty_memory, NULL));
	dirty_added();
	for (int i = 1; i <= ADDED; i++)
		store("add", i);
	for (int i = 1; i <= ADDED; i++) {
		int fd = open_added(i, O_RDONLY);

		check_zero(fd, VFIFO_MMAP_STATUS, sizeof(struct vfifo_status),
			   PAGE);
		check_zero(fd, VFIFO_MMAP_PRODUCER, 0, PAGE);
		check_zero(fd, VFIFO_MMAP_CONSUMER, 0, PAGE);
		check_zero(fd, VFIFO_MMAP_DATA, 0, CAPACITY);
		close(fd);
		store("remove", i);
	}
}

/* The buffer is dirty, and is freed as a whole. */
static void dirty_buffer(int fd, size_t capacity)
{
	void *map;

	check_equal(set_capacity(capacity), 0);
	map = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	memset(map, 0xaa, capacity);
	check(!munmap(map, capacity));
	check_equal(set_capacity(CAPACITY), 0);
}

static void of_a_new_buffer(const char *kind)
{
	size_t capacity = LARGE;
	int fd = device(O_RDWR), err;

	subtest("a new buffer, %s", kind);
	check_equal(set_capacity(CAPACITY), 0);
	err = set_attribute("memory", kind);
	if (err) {
		check_equal(err, EOPNOTSUPP);
		printf("# this machine has no %s memory\n", kind);
		return;
	}
	finish(start(dirty_memory, NULL));
	/* Not each architecture has blocks so large. */
	if (set_capacity(LARGE) == ENOMEM)
		capacity = 1 << 20;
	dirty_buffer(fd, capacity);
	check_equal(set_capacity(capacity), 0);
	check_zero(fd, VFIFO_MMAP_DATA, 0, capacity);
	close(fd);
}

int main(void)
{
	run_case(of_a_new_device());
	of_a_new_buffer("cached");
	of_a_new_buffer("write-combining");
	of_a_new_buffer("uncached");
	of_a_new_buffer("coherent");
	of_a_new_buffer("contiguous");
	return 0;
}
