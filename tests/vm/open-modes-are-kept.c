// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that the open mode excludes return EBADF; a minor without a device is ENODEV. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int in = device(O_RDONLY), out = device(O_WRONLY);
	struct stat st;
	char byte;

	subtest("the wrong direction");
	check_errno(read(out, &byte, 1), EBADF);
	check_errno(write(in, "x", 1), EBADF);
	check_equal(attribute("size"), 0);

	subtest("a minor without a device");
	check(!stat(DEVICE, &st));
	check(S_ISCHR(st.st_mode));
	check_equal(st.st_mode & 0777, 0600); /* the udev rule changes it */
	check(!mknod("other", S_IFCHR | 0600, makedev(major(st.st_rdev), 1)));
	check_errno(open("other", O_RDWR), ENODEV);

	subtest("another node of the same minor");
	check(!mknod("same", S_IFCHR | 0600, st.st_rdev));
	check_equal(write(open("same", O_WRONLY), "x", 1), 1);
	check_equal(read(in, &byte, 1), 1);
	return 0;
}
