// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module cannot be unloaded while the device is open, or closed but mapped. A node that
 * is left behind gives ENXIO at once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int fd, other, i;
	struct stat s;
	char *map;

	subtest("open");
	check_equal(load_module(""), 0);
	fd = device(O_RDWR);
	check_equal(unload_module(), EWOULDBLOCK);
	check_equal(write(fd, "x", 1), 1);

	subtest("a node that is left behind");
	check(!fstat(fd, &s));
	check(!mknod("/tmp/node", S_IFCHR | 0600, s.st_rdev));
	close(fd);
	other = open("/tmp/node", O_RDWR);
	check(other >= 0);
	close(other);
	check_equal(unload_module(), 0);
	for (i = 0; i < 200; i++) {
		check_errno(open("/tmp/node", O_RDWR), ENXIO);
		sleep_ms(5);
	}
	check_equal(load_module(""), 0);
	fd = device(O_RDWR);

	subtest("mapped");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	close(fd);
	check_equal(unload_module(), EWOULDBLOCK);
	strcpy(map, "x");
	check(!munmap(map, PAGE));

	/* The generator does not count as a user. */
	subtest("with the generator on");
	check_equal(set_attribute("mode", "1"), 0);
	other = device(O_RDONLY);
	check_equal(unload_module(), EWOULDBLOCK);
	close(other);
	check_equal(unload_module(), 0);
	check_errno(open(DEVICE, O_RDONLY), ENOENT);
	/*
	 * A timer that was not cancelled would expire now. On a debug kernel the cdev would be
	 * released within four seconds (DEBUG_KOBJECT_RELEASE).
	 */
	sleep_ms(slow_kernel() && !user_mode_linux() ? 5500 : 1500);
	return 0;
}
