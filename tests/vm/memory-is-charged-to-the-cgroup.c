// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The buffer is charged to the cgroup of the process that sets the capacity, and uncharged when
 * it is freed. If the cgroup's limit is too low, the result is ENOMEM, nothing changes, and no
 * process is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "testlib.h"

/* Each processor charges some pages in advance. */
#define SLACK ((long long)(256 * PAGE))

/* Before 5.11 pages that user space maps cannot be charged: see compat.h. */
static int can_charge(void)
{
	int major, minor;
	struct utsname u;

	check(!uname(&u));
	check_equal(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 5 || (major == 5 && minor >= 11);
}

int main(void)
{
	/* A 32-bit kernel has no address space for more. */
	const long long large = (sizeof(long) == 8 ? 64 : 32) << 20;
	long long before, with;
	char byte;
	int fd = device(O_RDWR);

	if (!can_charge())
		skip("this kernel cannot charge pages that users map");
	enter_cgroup();
	check_equal(write(fd, "x", 1), 1);
	subtest("charged and given back");
	before = cgroup_memory();
	check_equal(set_capacity(large), 0);
	with = cgroup_memory();
	if (with < before + large || with > before + large + SLACK)
		fail("%lld bytes charged before, %lld with %lld", before, with,
		     large);
	/* More than once: the list of the pages alone is smaller than the slack. */
	for (int i = 0; i < 16; i++) {
		check_equal(set_attribute("capacity", "65536"), 0);
		check_equal(set_capacity(large), 0);
	}
	check_equal(set_attribute("capacity", "65536"), 0);
	with = cgroup_memory();
	if (with > before + SLACK)
		fail("%lld bytes charged before, %lld after", before, with);

	/* One piece of memory as well. */
	subtest("contiguous memory");
	check_equal(set_attribute("memory", "contiguous"), 0);
	for (int i = 0; i < 2; i++) {
		check_equal(set_capacity(4 << 20), 0);
		with = cgroup_memory();
		if (with < before + (4 << 20) - CAPACITY - SLACK ||
		    with > before + (4 << 20) + SLACK)
			fail("%lld bytes charged before, %lld with a piece",
			     before, with);
		check_equal(set_capacity(CAPACITY), 0);
	}
	check_equal(set_attribute("memory", "cached"), 0);
	with = cgroup_memory();
	if (with > before + SLACK)
		fail("%lld bytes charged before, %lld after a piece", before,
		     with);

	subtest("a limit");
	limit_cgroup_memory("16777216");
	check_equal(set_capacity(large), ENOMEM);
	check_equal(attribute("capacity"), 65536);
	check(cgroup_memory() < before + SLACK);
	limit_cgroup_memory("max");
	check_equal(read(fd, &byte, 1), 1);
	check_equal(byte, 'x');
	return 0;
}
