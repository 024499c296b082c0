// SPDX-License-Identifier: GPL-2.0-or-later
/* The largest capacity, in a guest with less than twice that memory: ENOMEM, or it works. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int fd = device(O_RDWR);
	char byte;
	int err;

	check_equal(write(fd, "x", 1), 1);
	for (int i = 0; i < (slow_kernel() ? 1 : 3); i++) {
		err = set_attribute("capacity", "536870912");
		if (err) {
			check_equal(err, ENOMEM);
			check_equal(attribute("capacity"), CAPACITY);
		} else {
			check_equal(attribute("capacity"), 536870912);
			check_equal(set_attribute("capacity", "65536"), 0);
		}
	}
	check_equal(read(fd, &byte, 1), 1);
	check_equal(byte, 'x');
	return 0;
}
