// SPDX-License-Identifier: GPL-2.0-or-later
/* lseek(), pread() and pwrite() return ESPIPE and change nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int fd = device(O_RDWR);
	char byte;

	check_equal(write(fd, "abc", 3), 3);
	check_errno(lseek(fd, 0, SEEK_SET), ESPIPE);
	check_errno(lseek(fd, 0, SEEK_CUR), ESPIPE);
	check_errno(lseek(fd, 0, SEEK_END), ESPIPE);
	check_errno(pread(fd, &byte, 1, 0), ESPIPE);
	check_errno(pwrite(fd, "x", 1, 0), ESPIPE);
	check_equal(attribute("size"), 3);
	return 0;
}
