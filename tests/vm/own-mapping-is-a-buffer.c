// SPDX-License-Identifier: GPL-2.0-or-later
/* read() into and write() from the FIFO's own mapping, which is not resident before. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int fd = device(O_RDWR);
	char bytes[8192];
	char *map;

	fill_pattern(bytes, sizeof(bytes), 0);
	for (int i = 0; i < 100; i++) {
		map = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
		check(map != MAP_FAILED);

		/* Reads the first 8 KiB of the buffer into the second 8 KiB. */
		write_all(fd, bytes, sizeof(bytes));
		check_equal(read(fd, map + 8192, sizeof(bytes)), sizeof(bytes));
		check_pattern(map + 8192, sizeof(bytes), 0);
		check_equal(write(fd, map + CAPACITY + 8192, 4096), 4096);
		check(!munmap(map, 2 * CAPACITY));
		read_all(fd, bytes, 4096);
		check_pattern(bytes, 4096, 0);

		/* Moves the positions back to the start of the buffer. */
		for (int left = CAPACITY - 8192 - 4096; left; left -= 4096) {
			write_all(fd, bytes, 4096);
			read_all(fd, bytes, 4096);
		}
	}
	return 0;
}
