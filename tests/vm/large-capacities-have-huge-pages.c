// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A buffer of the size of huge pages, and larger. Where a module can map huge pages (since 6.15, if
 * the policy of the system allows it), a fault maps one as a whole. There and everywhere else each
 * page of a mapping is the right one, wherever the mapping begins, is cut or is moved to.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libvfifo.h>

#include "numbered.h"
#include "testlib.h"

#define POLICY "/sys/kernel/mm/transparent_hugepage/"

static const int rw = PROT_READ | PROT_WRITE;
static int fd;
static bool huge;   /* whether huge pages are mapped */
static size_t size; /* of a huge page */
static size_t capacity;

/* --- huge pages ------------------------------------------------------------------------ */

static bool can_be_huge(void)
{
	FILE *f = fopen(POLICY "hpage_pmd_size", "re");
	int major, minor;
	struct utsname u;

	size = 2 << 20;
	if (!f)
		return false;
	check_equal(fscanf(f, "%zu", &size), 1);
	fclose(f);
	check(!uname(&u));
	check_equal(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 15);
}

static void store(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	check(file >= 0);
	check_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}

/* The bytes of the mapping at this address that are mapped by huge pages. */
static size_t mapped_huge(const void *at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib;
	char line[512];
	bool here = false;
	size_t sum = 0;

	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)at && (uintptr_t)at < end;
		else if (here && sscanf(line, "FilePmdMapped: %lu", &kib) == 1)
			sum = kib * 1024;
	}
	fclose(f);
	return sum;
}

static void check_huge(const void *at, size_t bytes)
{
	check_equal(mapped_huge(at), huge ? bytes : 0);
}

static char *map(size_t first, size_t bytes)
{
	char *p = mmap(NULL, bytes, rw, MAP_SHARED, fd, first * PAGE);

	check(p != MAP_FAILED);
	return p;
}

/* One load for each huge page. */
static void touch(const char *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += size)
		check_page(p + at, at / PAGE);
}

/* --- mappings ---------------------------------------------------------------------------- */

static void whole(void)
{
	static char bytes[4096];
	char *p = map(0, 2 * capacity);

	touch(p, 2 * capacity);
	check_huge(p, 2 * capacity);
	check_pages(p, 0, 2 * capacity / PAGE);

	/* The device shows what is stored, and the mapping what is written. */
	p[capacity + 10] = 'x';
	check_equal(p[10], 'x');
	fill_pattern(bytes, sizeof(bytes), 0);
	write_all(fd, bytes, sizeof(bytes));
	check_pattern(p, sizeof(bytes), 0);
	p[capacity] = 'y';
	read_all(fd, bytes, sizeof(bytes));
	check_equal(bytes[0], 'y');
	check(!munmap(p, 2 * capacity));
	number_pages(fd, capacity);
}

static void every_offset(void)
{
	const size_t each = size / PAGE, n = capacity / PAGE;
	const size_t firsts[] = { 1,	 each - 1, each,  each + 1,
				  n - 1, n,	   n + 1, 2 * n - 1 };
	const size_t ns[] = { 1, each - 1, each, each + 1, 2 * each, n };

	for (size_t f = 0; f < 8; f++)
		for (size_t k = 0; k < 6; k++) {
			char *p;

			if (firsts[f] + ns[k] > 2 * n)
				continue;
			p = map(firsts[f], ns[k] * PAGE);
			check_page(p + ns[k] / 2 * PAGE, firsts[f] + ns[k] / 2);
			check_pages(p, firsts[f], ns[k]);
			check(!munmap(p, ns[k] * PAGE));
		}
}

/* A mapping that could not show a whole huge page maps the pages around a fault. */
static void less_than_a_huge_page(void)
{
	static unsigned char mapped[8192];
	size_t n = size / PAGE, sum = 0;
	char *p = map(1, size);

	check(n <= sizeof(mapped));
	check_page(p + size / 2, 1 + n / 2);
	check(!mincore(p, size, mapped));
	for (size_t i = 0; i < n; i++)
		sum += mapped[i] & 1;
	check_equal(sum, ((size_t)256 << 10) / PAGE);
	check_huge(p, 0);
	check_pages(p, 1, n);
	check(!munmap(p, size));
}

static void parts(void)
{
	const size_t each = size / PAGE, n = 2 * capacity / PAGE;
	char *p = map(0, 2 * capacity);

	touch(p, 2 * capacity);
	/* The access of one page in a huge page. */
	check(!mprotect(p + PAGE, PAGE, PROT_READ));
	check_equal(store_raises(p), 0);
	check_equal(store_raises(p + PAGE), SIGSEGV);
	check_equal(store_raises(p + 2 * PAGE), 0);
	check(!mprotect(p + PAGE, PAGE, rw));
	check_equal(store_raises(p + PAGE), 0);

	/* One page in a huge page is dropped, or unmapped. */
	check(!madvise(p + size + PAGE, PAGE, MADV_DONTNEED));
	check_pages(p + size, each, each);
	check(!munmap(p + 2 * size + PAGE, PAGE));
	check_page(p + 2 * size, 2 * each);
	check_pages(p + 2 * size + 2 * PAGE, 2 * each + 2, n - 2 * each - 2);
	check_pages(p, 0, 2 * each);
	check(!munmap(p, 2 * capacity));
	check_equal(attribute("mappings"), 0);
}

/* After any advice, for a part of a huge page or for all, the pages are the right ones. */
static void advice(void)
{
	const size_t n = 2 * capacity / PAGE;
	char *p;

	for (int a = 0; a <= 25; a++) {
		p = map(0, 2 * capacity);
		touch(p, 2 * capacity);
		madvise(p + size + PAGE, size / 2, a);
		check_pages(p, 0, n);
		touch(p, 2 * capacity);
		madvise(p, 2 * capacity, a);
		check_pages(p, 0, n);
		check(!munmap(p, 2 * capacity));
	}
	p = mmap(NULL, 2 * capacity, rw, MAP_SHARED | MAP_POPULATE, fd, 0);
	check(p != MAP_FAILED);
	check_huge(p, 2 * capacity);
	check_pages(p, 0, n);
	check(!mlock(p + PAGE, size));
	check(!munlock(p, capacity));
	check(!munmap(p, 2 * capacity));
}

/* To where no huge page can be mapped, and to where one can. */
static void moved(void)
{
	const size_t bytes = 2 * capacity + 3 * size;
	char *place = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *aligned = place + size - (uintptr_t)place % size;
	char *const to[] = { aligned + PAGE, aligned + capacity + size };
	char *p = map(0, capacity);

	check(place != MAP_FAILED);
	touch(p, capacity);
	for (int i = 0; i < 2; i++) {
		p = mremap(p, capacity, capacity, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to[i]);
		check(p == to[i]);
		check_pages(p, 0, capacity / PAGE);
		check(!madvise(p, capacity, MADV_DONTNEED));
		check_huge(p, 0);
		check_pages(p, 0, capacity / PAGE);
		check_huge(p, i ? capacity : 0);
	}
	check(!munmap(place, bytes));
}

static void in_child(void *argument)
{
	char *p = argument;

	check_pages(p, 0, 2 * capacity / PAGE);
	p[8] = 'c';
	check(!munmap(p + PAGE, PAGE));
}

static void children(void)
{
	char *p = map(0, 2 * capacity);

	touch(p, 2 * capacity);
	finish(start(in_child, p));
	check_equal(p[capacity + 8], 'c');
	check_pages(p, 0, 2 * capacity / PAGE);
	check(!munmap(p, 2 * capacity));
}

static void access_of_the_mapping(void)
{
	int in = device(O_RDONLY);
	char *p = mmap(NULL, capacity, PROT_READ, MAP_SHARED, in, 0);
	char *own = mmap(NULL, capacity, PROT_READ, MAP_PRIVATE, in, 0);

	check(p != MAP_FAILED && own != MAP_FAILED);
	touch(p, capacity);
	touch(own, capacity);
	check_huge(p, capacity);
	for (size_t at = 0; at < capacity; at += size / 2) {
		check_equal(store_raises(p + at), SIGSEGV);
		check_equal(store_raises(own + at), SIGSEGV);
	}
	check(!munmap(p, capacity));
	check(!munmap(own, capacity));
	close(in);

	/* Pages that are to be written again, as after a checkpoint. */
	p = map(0, capacity);
	touch(p, capacity);
	store("/proc/self/clear_refs", "4");
	for (size_t at = 0; at < capacity; at += size / 2)
		check_equal(store_raises(p + at), 0);
	check_pages(p, 0, capacity / PAGE);
	check(!munmap(p, capacity));
}

/* A page in the middle of a huge page outlives the mapping and the buffer. */
static void pins(void)
{
	const size_t middle = size / PAGE / 2 + 1;
	char *p = map(0, capacity);
	struct iovec theirs = { p + middle * PAGE, PAGE };
	static char page[PAGE_MAX];
	int pipe_of_pages[2];

	check(!pipe(pipe_of_pages));
	check_equal(vmsplice(pipe_of_pages[1], &theirs, 1, 0), PAGE);
	check_huge(p, size);
	check(!munmap(p, capacity));
	check_equal(set_capacity(PAGE), 0);
	check_equal(set_capacity(capacity), 0);
	p = map(0, capacity);
	for (size_t i = 0; i < capacity; i++)
		check_equal(p[i], 0);
	memset(p, 0xee, capacity);
	check(!munmap(p, capacity));
	read_all(pipe_of_pages[0], page, PAGE);
	check_equal(*(uint32_t *)page, 1 + middle);
	check_equal(*(uint32_t *)(page + PAGE - 4), 1 + middle);
	close(pipe_of_pages[0]);
	close(pipe_of_pages[1]);
	number_pages(fd, capacity);
}

/* --- several threads ------------------------------------------------------------------- */

static bool over;

static void *load_some(void *argument)
{
	char *p = argument;
	size_t i = (uintptr_t)&p / 64;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		i = (i * 1103515245 + 12345) % (2 * capacity / PAGE);
		check_page(p + i * PAGE, i);
	}
	return NULL;
}

/* Drops parts, also of huge pages, while others load them. */
static void work_threads(void *unused)
{
	const unsigned long rounds = share(20000, 1000);
	char *p = map(0, 2 * capacity);
	pthread_t thread[3];

	(void)unused;
	for (size_t i = 0; i < 3; i++)
		check(!pthread_create(&thread[i], NULL, load_some, p));
	for (unsigned long r = 0; r < rounds; r++) {
		size_t at = r * 37 % (2 * capacity / PAGE);
		size_t bytes = r % 2 ? PAGE : 2 * capacity - at * PAGE;

		check(!madvise(p + at * PAGE, bytes, MADV_DONTNEED));
		sched_yield();
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 3; i++)
		check(!pthread_join(thread[i], NULL));
	check(!munmap(p, 2 * capacity));
}

/*
 * In a child. Before 6.7 the stack of a thread can lie in a huge page, of which the C library gives
 * all but its end back: the whole huge page stays charged until the process ends.
 */
static void threads(void)
{
	finish(start(work_threads, NULL));
}

/* The library asks for huge pages where the system wants to be asked. */
static void policy_madvise(void)
{
	struct vfifo_handle *f;
	void *p;

	store(POLICY "enabled", "madvise");
	check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &f), 0);
	check(vfifo_reserve(f, capacity, &p) >= 0);
	check_equal(mapped_huge(p), 0);
	*(volatile char *)p = 'z';
	check_huge(p, size);
	vfifo_close(f);
	store(POLICY "enabled", "always");
	number_pages(fd, capacity);
}

static void policy_never(void)
{
	char *p;

	huge = false;
	store(POLICY "enabled", "never");
	p = map(0, 2 * capacity);
	touch(p, 2 * capacity);
	check_huge(p, 0);
	check_pages(p, 0, 2 * capacity / PAGE);
	check(!munmap(p, 2 * capacity));
	store(POLICY "enabled", "always");
}

int main(void)
{
	long long before, with;
	bool charged;

	huge = can_be_huge();
	if (size > 32 << 20)
		skip("a huge page of this machine is as large as the buffer");
	capacity = 4 * size;
	if (huge) {
		store(POLICY "enabled", "always");
		store("/proc/sys/vm/compact_memory", "1");
	}
	fd = device(O_RDWR);
	enter_cgroup();
	before = cgroup_memory();
	check_equal(set_capacity(capacity), 0);
	with = cgroup_memory();
	/* Before 5.11 the pages cannot be charged: see compat.h. */
	charged = with >= before + (long long)capacity;
	check(charged || !huge);
	number_pages(fd, capacity);

	run_case(whole());
	run_case(every_offset());
	run_case(less_than_a_huge_page());
	run_case(parts());
	run_case(advice());
	run_case(moved());
	run_case(children());
	run_case(access_of_the_mapping());
	run_case(pins());
	run_case(threads());
	if (huge) {
		run_case(policy_madvise());
		run_case(policy_never());
	}
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(PAGE), 0);
	subtest("all pages are given back");
	if (charged && cgroup_memory() > before + (long long)size)
		fail("%lld bytes charged before, %lld after", before,
		     cgroup_memory());
	return 0;
}
