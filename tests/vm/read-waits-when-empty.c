// SPDX-License-Identifier: GPL-2.0-or-later
/* A read of an empty FIFO sleeps until there is a byte, then returns all stored bytes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "testlib.h"

static void reader(void *argument)
{
	char bytes[100];

	(void)argument;
	check_equal(read(device(O_RDONLY), bytes, sizeof(bytes)), 5);
	check(!memcmp(bytes, "hello", 5));
}

int main(void)
{
	int fd = device(O_RDWR);
	pid_t pid = start(reader, NULL);

	wait_asleep(pid, "vfifo_ring_wait");
	check_equal(write(fd, "hello", 5), 5);
	finish(pid);
	check_equal(attribute("size"), 0);

	/* A read of 0 bytes does not wait. */
	check_equal(read(fd, NULL, 0), 0);
	return 0;
}
