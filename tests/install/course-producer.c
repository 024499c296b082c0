// SPDX-License-Identifier: GPL-2.0
/* course-producer TEXT: the producer of the course. Stores TEXT in the mapped buffer. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open("/dev/vfifo0", O_RDWR);
	char *p;

	if (fd < 0) {
		perror("open /dev/vfifo0");
		return 1;
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror("mmap /dev/vfifo0");
		return 1;
	}
	strncpy(p, argc > 1 ? argv[1] : "Hello", 4096);
	munmap(p, 4096);
	close(fd);
	return 0;
}
