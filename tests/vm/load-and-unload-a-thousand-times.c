// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thousand loads and unloads, with some use between, leave no memory behind. `make check`
 * does 160 of them. On a debug kernel five suffice, as kmemleak searches for leaks as well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

static void use(int i)
{
	int fd = device(O_RDWR);
	char *map =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(map != MAP_FAILED);
	map[0] = 1;
	write_all(fd, "x", 1);
	check_equal(set_attribute("mode", i % 2 ? "1" : "0"), 0);
	check(!munmap(map, 2 * PAGE));
	check_equal(set_capacity(i % 3 ? PAGE : 2 * CAPACITY), 0);
	close(fd);
}

static void once(int i)
{
	check_equal(load_module(""), 0);
	use(i);
	check_equal(unload_module(), 0);
}

/* The pages of the buffers are charged to the cgroup; kernel_memory() has the rest. */
int main(void)
{
	/* On a debug kernel a release takes seconds (DEBUG_KOBJECT_RELEASE). */
	const int times = slow_kernel() ? 5 : share(1000, 160);
	long long charged, others;

	enter_cgroup();
	for (int i = 0; i <= times / 10; i++)
		once(i);
	sleep_ms(1000);
	charged = cgroup_memory();
	others = kernel_memory();
	for (int i = 0; i < times; i++)
		once(i);
	sleep_ms(1000);
	charged = cgroup_memory() - charged;
	others = kernel_memory() - others;
	printf("%lld bytes more are charged, %lld more are the kernel's\n",
	       charged, others);
	/*
	 * A page for each load exceeds the limit, and so does the smallest struct for a
	 * thousand loads. Below the limit are the pages that a cgroup caches for each processor.
	 */
	check(charged < 150 * (long long)PAGE);
	/* Other allocations come in whole pages, so large pages need a larger limit. */
	check(others < (PAGE > 4096 ? 16 * (long long)PAGE : 250000));
	return 0;
}
