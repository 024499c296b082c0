// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * direct-io FILE: reads the first 64 KiB of FILE with O_DIRECT into the mapped buffer, across its
 * end, and writes them from there to FILE.copy.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPACITY 65536
#define PAGE 4096

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	int fd = open("/dev/vfifo0", O_RDWR);
	char copy[4096];
	int file;
	char *map;

	must(argc == 2, "usage: direct-io FILE");
	must(fd >= 0, "open /dev/vfifo0");
	map = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	must(map != MAP_FAILED, "mmap /dev/vfifo0");

	file = open(argv[1], O_RDONLY | O_DIRECT);
	must(file >= 0, argv[1]);
	/*
	 * The mapping is not resident. 60 KiB lie before the end of the buffer and
	 * 4 KiB after it, at the start of the buffer.
	 */
	must(read(file, map + PAGE, CAPACITY) == CAPACITY, "read with "
							   "O_DIRECT");
	must(map[0] == map[CAPACITY], "the buffer appears twice");

	snprintf(copy, sizeof(copy), "%s.copy", argv[1]);
	file = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_DIRECT, 0600);
	must(file >= 0, copy);
	must(write(file, map + PAGE, CAPACITY) == CAPACITY, "write with "
							    "O_DIRECT");
	return 0;
}
