// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Offsets and lengths at the limits of each mapping. An access that mmap() refuses cannot be
 * got by mprotect() or mremap() either.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

static int fd;

static void *map(size_t length, off_t offset, int prot, int flags)
{
	return mmap(NULL, length, prot, flags, fd, offset);
}

static void check_maps(size_t length, off_t offset)
{
	char *p = map(length, offset, PROT_READ, MAP_SHARED);

	check(p != MAP_FAILED);
	/* The first and the last byte can be read. */
	check_equal(p[0] + p[length - 1], 0);
	check(!munmap(p, length));
}

static void check_refused(size_t length, off_t offset, int err)
{
	check_errno((long)map(length, offset, PROT_READ, MAP_SHARED), err);
}

/* VM_DONTDUMP and VM_DONTEXPAND; see proc(5). */
static void check_flags(const void *at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	unsigned long start, end;
	int here = 0, seen = 0;

	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (unsigned long)at;
		else if (here && !strncmp(line, "VmFlags:", 8))
			seen = strstr(line, " dd") && strstr(line, " de");
	}
	fclose(f);
	check(seen);
}

int main(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	const size_t capacity = 16 * PAGE;
	const off_t end = 2 * capacity;
	/* mmap() itself refuses the last page of the offsets of a long. */
	const off_t last = (off_t)ULONG_MAX - PAGE + 1;
	const int beyond = sizeof(long) == 8 ? EINVAL : EOVERFLOW;
	int in = device(O_RDONLY), out = device(O_WRONLY);
	char *p;

	fd = device(O_RDWR);
	check_equal(set_capacity(capacity), 0);

	subtest("valid lengths and offsets");
	check_maps(1, 0);
	check_maps(PAGE, 0);
	check_maps(PAGE, end - PAGE);
	check_maps(capacity, 0);
	check_maps(capacity, capacity);
	check_maps(end, 0);
	check_maps(end - PAGE, PAGE);

	subtest("invalid lengths and offsets");
	check_refused(0, 0, EINVAL);
	check_refused(end + 1, 0, EINVAL);
	check_refused(end + PAGE, 0, EINVAL);
	check_refused(end, PAGE, EINVAL);
	check_refused(capacity + PAGE, capacity, EINVAL);
	check_refused(2 * PAGE, end - PAGE, EINVAL);
	check_refused(PAGE, end, EINVAL);
	check_refused(PAGE, end + PAGE, EINVAL);
	check_refused(PAGE, 1, EINVAL);
	check_refused(PAGE, VFIFO_MMAP_STATUS - PAGE, EINVAL);
	check_refused(PAGE, VFIFO_MMAP_STATUS + PAGE, EINVAL);
	check_refused(2 * PAGE, VFIFO_MMAP_STATUS, EINVAL);
	check_refused(2 * PAGE, VFIFO_MMAP_PRODUCER, EINVAL);
	check_refused(2 * PAGE, VFIFO_MMAP_CONSUMER, EINVAL);
	check_refused(PAGE, last - PAGE, EINVAL);
	check_refused(PAGE, last, EOVERFLOW);
	check_refused(PAGE, 0x100000000 - 2 * PAGE, EINVAL);
	check_refused(PAGE, 0x100000000, beyond);
	check_refused(PAGE, 0x100000000 + VFIFO_MMAP_STATUS, beyond);
	check_refused(1UL << (sizeof(long) == 8 ? 40 : 30), 0, EINVAL);

	subtest("invalid access");
	check_errno((long)map(PAGE, 0, PROT_READ | PROT_EXEC, MAP_SHARED),
		    EPERM);
	check_errno((long)map(PAGE, 0, PROT_EXEC, MAP_SHARED), EPERM);
	check_errno((long)map(PAGE, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE),
		    EPERM);
	check_errno((long)map(PAGE, 0, rw, MAP_PRIVATE), EINVAL);
	check_errno((long)mmap(NULL, PAGE, rw, MAP_SHARED, in, 0), EACCES);
	check_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, out, 0),
		    EACCES);

	subtest("mprotect()");
	p = map(PAGE, 0, PROT_READ, MAP_SHARED);
	check_errno(mprotect(p, PAGE, rw), EACCES);
	check_errno(mprotect(p, PAGE, PROT_READ | PROT_EXEC), EACCES);
	check(!munmap(p, PAGE));
	p = map(PAGE, 0, PROT_READ, MAP_PRIVATE);
	check_errno(mprotect(p, PAGE, rw), EACCES);
	check(!munmap(p, PAGE));

	subtest("mremap() and parts of a mapping");
	p = map(end, 0, rw, MAP_SHARED);
	check_flags(p);
	check_errno(mprotect(p, end, rw | PROT_EXEC), EACCES);
	check(!mprotect(p, end, PROT_READ));
	check(!mprotect(p, end, rw));
	check_errno((long)mremap(p, end, end + PAGE, MREMAP_MAYMOVE), EFAULT);
	/* A mapping that is moved, shrunk and split counts until its last part is unmapped. */
	p = mremap(p, end, capacity, MREMAP_MAYMOVE);
	check(p != MAP_FAILED);
	check(!munmap(p + PAGE, PAGE));
	p[2 * PAGE] = 1;
	check_equal(set_capacity(2 * capacity), EBUSY);
	check(!munmap(p, PAGE));
	check_equal(set_capacity(2 * capacity), EBUSY);
	check(!munmap(p + 2 * PAGE, capacity - 2 * PAGE));
	check_equal(set_capacity(2 * capacity), 0);
	check_equal(attribute("capacity"), 2 * capacity);
	return 0;
}
