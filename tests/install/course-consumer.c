// SPDX-License-Identifier: GPL-2.0
/*
 * course-consumer [-r]: the consumer of the course. Prints the text in the mapped buffer, or
 * with -r all its bytes.
 */
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
	if (argc > 1 && !strcmp(argv[1], "-r"))
		fwrite(p, 1, 4096, stdout);
	else
		printf("%.4096s\n", p);
	munmap(p, 4096);
	close(fd);
	return 0;
}
