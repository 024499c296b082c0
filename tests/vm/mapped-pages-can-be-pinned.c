// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a mapping are ordinary pages, which get_user_pages() can pin, resident or not:
 * here by process_vm_readv(), process_vm_writev() and vmsplice().
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "testlib.h"

int main(void)
{
	int fd = device(O_RDWR);
	char *map = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	static char bytes[CAPACITY];
	struct iovec ours = { bytes, CAPACITY };
	struct iovec theirs = { map, CAPACITY };
	int p[2];

	check(map != MAP_FAILED);
	fill_pattern(bytes, CAPACITY, 0);
	check_equal(process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0),
		    CAPACITY);
	check_pattern(map, CAPACITY, 0);

	memset(bytes, 0, CAPACITY);
	theirs.iov_base = map + CAPACITY;
	check_equal(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0),
		    CAPACITY);
	check_pattern(bytes, CAPACITY, 0);

	/* A page in a pipe outlives the mapping and the buffer. */
	check(!pipe(p));
	theirs.iov_len = 4096;
	check_equal(vmsplice(p[1], &theirs, 1, 0), 4096);
	check(!munmap(map, 2 * CAPACITY));
	check_equal(set_capacity(2 * CAPACITY), 0);
	read_all(p[0], bytes, 4096);
	check_pattern(bytes, 4096, 0);
	return 0;
}
