// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thousand loads and unloads, each after some use, leave no memory behind (on a
 * debug kernel twenty, where kmemleak counts as well).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "testlib.h"

#define TIMES 1000

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
	int fd = open(getenv("VFIFO_KO"), O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	check(!syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	use(i);
	check(!syscall(SYS_delete_module, "vfifo", O_NONBLOCK));
}

/* The buffers' pages are charged to the cgroup, the rest is counted above. */
int main(void)
{
	/* There a release waits for seconds (DEBUG_KOBJECT_RELEASE). */
	const int times = slow_kernel() ? TIMES / 50 : TIMES;
	long long charged, others;

	enter_cgroup();
	for (int i = 0; i < times / 10; i++)
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
	/* A page each would be a thousand, the smallest struct a quarter of a million. */
	check(charged < (PAGE > 4096 ? 250 * (long long)PAGE : 1000000));
	/* Where pages are large, what others do counts in those. */
	check(others < (PAGE > 4096 ? 16 * (long long)PAGE : 250000));
	return 0;
}
