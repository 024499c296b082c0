// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thousand loads and unloads, each after some use, leave no memory behind. `make check`
 * does a share on each kernel; on a debug kernel five do, as kmemleak looks as well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
	 * A page each would be more, and of the smallest struct what a thousand would
	 * leave; less is what a cgroup has of pages ahead, for each processor.
	 */
	check(charged < 150 * (long long)PAGE);
	/* Where pages are large, what others do counts in those. */
	check(others < (PAGE > 4096 ? 16 * (long long)PAGE : 250000));
	return 0;
}
