// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page tables of x86 have the protection of each kind, in the mapping of the kernel, in that
 * of user space, and in the linear mapping, which is cached again afterwards. Read from debugfs,
 * which only the debug kernel has.
 *
 * x86 has write-combining as PWT alone, and uncached (UC-) as PCD alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

#define TABLES "/sys/kernel/debug/page_tables/"

enum caching {
	CACHED,
	WRITE_COMBINING,
	UNCACHED,
	OTHER,
};

/* Whether the words of the flags of a line have this one. */
static int has(const char *flags, const char *word)
{
	const char *at = strstr(flags, word);

	return at != NULL;
}

static enum caching caching_of(const char *flags)
{
	int pwt = has(flags, "PWT"), pcd = has(flags, "PCD");

	if (has(flags, " PAT "))
		return OTHER;
	if (pwt && pcd)
		return OTHER;
	return pwt ? WRITE_COMBINING : pcd ? UNCACHED : CACHED;
}

struct range {
	unsigned long long start, end;
};

static int parse(const char *line, struct range *range, const char **flags)
{
	int n = 0;

	if (sscanf(line, "0x%llx-0x%llx%n", &range->start, &range->end, &n) !=
		    2 ||
	    !n)
		return 0;
	*flags = line + n;
	return 1;
}

/* Every page of n bytes from `at` on must have this caching. */
static void check_range(const char *file, unsigned long long at, size_t n,
			enum caching want)
{
	FILE *tables = fopen(file, "r");
	unsigned long long seen = 0;
	struct range range;
	const char *flags;
	char line[256];

	check(tables);
	while (fgets(line, sizeof(line), tables)) {
		if (!parse(line, &range, &flags) || !has(flags, "pte"))
			continue;
		if (range.start < at)
			range.start = at;
		if (range.end > at + n)
			range.end = at + n;
		if (range.start >= range.end || !has(flags, "NX"))
			continue;
		if (caching_of(flags) != want)
			fail("%s has%s", file, flags);
		seen += range.end - range.start;
	}
	fclose(tables);
	check_equal(seen, n);
}

/* Counts the bytes of the linear mapping that are not cached. */
static unsigned long long not_cached(void)
{
	FILE *tables = fopen(TABLES "kernel", "r");
	unsigned long long bytes = 0;
	struct range range;
	const char *flags;
	char line[256];
	int linear = 0;

	check(tables);
	while (fgets(line, sizeof(line), tables)) {
		if (!strncmp(line, "---[", 4))
			linear = strstr(line, "Low Kernel Mapping") != NULL;
		else if (linear && parse(line, &range, &flags) &&
			 caching_of(flags) != CACHED)
			bytes += range.end - range.start;
	}
	fclose(tables);
	return bytes;
}

/* Finds where the kernel has mapped the data. */
static unsigned long long kernel_address(void)
{
	FILE *areas = fopen("/proc/vmallocinfo", "r");
	unsigned long long start, end, found = 0;
	char line[512];

	check(areas);
	while (fgets(line, sizeof(line), areas)) {
		if (!strstr(line, "vfifo_buffer_alloc") ||
		    !strstr(line, "vmap"))
			continue;
		check_equal(sscanf(line, "0x%llx-0x%llx", &start, &end), 2);
		/* A guard page follows. */
		if (end - start >= 2 * CAPACITY)
			found = start;
	}
	fclose(areas);
	check(found > 1ULL << 63);
	return found;
}

static void check_caching(const char *kind, enum caching want)
{
	unsigned long long linear;
	int fd = device(O_RDWR);
	char *map;

	subtest("%s", kind);
	check_equal(set_attribute("memory", "cached"), 0);
	linear = not_cached();
	check_equal(set_attribute("memory", kind), 0);
	check_range(TABLES "kernel", kernel_address(), 2 * CAPACITY, want);
	check_equal(not_cached() - linear, want == CACHED ? 0 : CAPACITY);

	map = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, fd, 0);
	check(map != MAP_FAILED);
	memset(map, 1, 2 * CAPACITY);
	check_range(TABLES "current_kernel", (uintptr_t)map, 2 * CAPACITY,
		    want);
	/* mprotect(2) makes new page table entries. */
	check(!mprotect(map, CAPACITY, PROT_READ));
	check_range(TABLES "current_kernel", (uintptr_t)map, 2 * CAPACITY,
		    want);
	check(!munmap(map, 2 * CAPACITY));
	/* A part, with one of the middle. */
	map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
		   CAPACITY - PAGE);
	check(map != MAP_FAILED);
	check_equal(map[0], 1);
	check_equal(map[PAGE], 1);
	check_range(TABLES "current_kernel", (uintptr_t)map, 2 * PAGE, want);
	check(!munmap(map, 2 * PAGE));

	check_equal(set_attribute("memory", "cached"), 0);
	check_equal(not_cached(), linear);
	close(fd);
}

int main(void)
{
	int kptr;

	if (access(TABLES "current_kernel", R_OK))
		skip("this kernel has no page_tables in debugfs");
	/* With 1, root finds addresses in /proc/vmallocinfo and not hashes. */
	kptr = open("/proc/sys/kernel/kptr_restrict", O_WRONLY);
	check_equal(write(kptr, "1", 1), 1);
	close(kptr);

	check_caching("cached", CACHED);
	check_caching("contiguous", CACHED);
	check_caching("coherent", CACHED);
	check_caching("write-combining", WRITE_COMBINING);
	check_caching("uncached", UNCACHED);
	return 0;
}
