// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fault in a mapping of the data maps the pages around it: those of the 256 KiB, aligned, that
 * are in the mapping. Each is the right page of the buffer, wherever the mapping begins and ends,
 * and whatever becomes of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "numbered.h"
#include "testlib.h"

#define BUFFER ((size_t)1 << 20) /* less than a huge page */
#define AROUND ((size_t)256 << 10)
#define PAGES (BUFFER / PAGE)
#define WINDOW (AROUND / PAGE) /* pages */
#define PAGES_MAX (BUFFER / 4096)

static const int rw = PROT_READ | PROT_WRITE;
static int fd;
/* Aligned to AROUND, for 2 * BUFFER and AROUND on both sides. */
static char *place;

/* --- what is mapped ------------------------------------------------------------------ */

/* Exactly the pages from `from` up to `to` of the n are mapped. */
static void check_mapped(char *map, size_t n, size_t from, size_t to)
{
	unsigned char mapped[2 * PAGES_MAX];

	check(!mincore(map, n * PAGE, mapped));
	for (size_t i = 0; i < n; i++)
		if ((mapped[i] & 1) != (i >= from && i < to))
			fail("page %zu of %zu is%s mapped; %zu to %zu are wanted",
			     i, n, mapped[i] & 1 ? "" : " not", from, to);
}

/* Exactly the pages around page i of the n are mapped. */
static void check_around(char *map, size_t n, size_t i)
{
	const size_t before =
		((uintptr_t)map % AROUND) / PAGE; /* in the window */
	const size_t window = (before + i) / WINDOW * WINDOW;
	const size_t from = window > before ? window - before : 0;
	const size_t to = window + WINDOW - before;

	check_mapped(map, n, from, to < n ? to : n);
}

/* --- mappings ------------------------------------------------------------------------ */

/* Maps n pages from page `first` of the buffer on, `at` pages behind the start of a window. */
static char *map_at(size_t at, size_t first, size_t n, int prot)
{
	char *map = mmap(place + at * PAGE, n * PAGE, prot,
			 MAP_SHARED | MAP_FIXED, fd, first * PAGE);

	check(map != MAP_FAILED);
	check_mapped(map, n, 0, 0);
	return map;
}

static void unmap(char *map, size_t n)
{
	check(!munmap(map, n * PAGE));
}

static void touch(size_t at, size_t first, size_t n, size_t i, bool store)
{
	char *map = map_at(at, first, n, rw);
	char *page = map + i * PAGE;

	if (store)
		*(volatile uint32_t *)page = 1 + (first + i) % PAGES;
	else
		check_page(page, first + i);
	check_around(map, n, i);
	check_pages(map, first, n);
	check_mapped(map, n, 0, n);
	unmap(map, n);
}

static void every_edge(void)
{
	const size_t ats[] = { 0, 1, WINDOW / 2, WINDOW - 1 };
	const size_t firsts[] = { 0, 3, PAGES - 2, PAGES, PAGES + 1 };
	const size_t ns[] = { 1, 2, WINDOW, 2 * WINDOW + 1, PAGES - 1 };

	for (size_t a = 0; a < 4; a++)
		for (size_t f = 0; f < 5; f++)
			for (size_t k = 0; k < 5; k++) {
				const size_t n = ns[k];

				touch(ats[a], firsts[f], n, 0, false);
				touch(ats[a], firsts[f], n, n - 1, true);
				touch(ats[a], firsts[f], n, n / 2, a % 2);
			}
	touch(0, 0, 2 * PAGES, 2 * PAGES - 1, false);
	touch(1, 0, 2 * PAGES, PAGES - 1, true);
}

static void parts_that_are_unmapped(void)
{
	const size_t n = 4 * WINDOW;
	char *map = map_at(0, 5, n, rw);

	/* A hole over the border of two windows: no fault beside it maps into it. */
	unmap(map + (WINDOW - 2) * PAGE, 4);
	check_page(map, 5);
	check_mapped(map, WINDOW - 2, 0, WINDOW - 2);
	check_page(map + (WINDOW + 3) * PAGE, 5 + WINDOW + 3);
	check_mapped(map + (WINDOW + 2) * PAGE, n - WINDOW - 2, 0, WINDOW - 2);
	check_errno(mincore(map + (WINDOW - 1) * PAGE, PAGE, (void *)map),
		    ENOMEM);
	unmap(map, n);
}

static void parts_that_are_dropped(void)
{
	const size_t n = 2 * WINDOW;
	char *map = map_at(0, PAGES - WINDOW, n, rw);

	check_pages(map, PAGES - WINDOW, n);
	check(!madvise(map + PAGE, 2 * PAGE, MADV_DONTNEED));
	check_mapped(map + PAGE, 2, 0, 0);
	check_page(map + PAGE, PAGES - WINDOW + 1);
	/* The pages beside it are there already, and that is no error. */
	check_pages(map, PAGES - WINDOW, n);
	check(!madvise(map, n * PAGE, MADV_DONTNEED));
	check_mapped(map, n, 0, 0);
	check_page(map + WINDOW * PAGE, 0);
	check_mapped(map, n, WINDOW, n);
	check_pages(map, PAGES - WINDOW, n);
	unmap(map, n);
}

static void mappings_that_are_moved(void)
{
	const size_t n = 2 * WINDOW;
	char *map = map_at(0, 7, n, rw), *moved;

	check_page(map, 7);
	/* To a place that is aligned in another way. */
	moved = mremap(map, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       place + (4 * WINDOW + 1) * PAGE);
	check(moved == place + (4 * WINDOW + 1) * PAGE);
	check_mapped(moved, n, 0, WINDOW);
	check_pages(moved, 7, n);
	check(!madvise(moved, n * PAGE, MADV_DONTNEED));
	check_page(moved, 7);
	check_around(moved, n, 0);
	/* Only its last page is left. */
	unmap(moved, n - 1);
	check(!madvise(moved + (n - 1) * PAGE, PAGE, MADV_DONTNEED));
	check_page(moved + (n - 1) * PAGE, 7 + n - 1);
	unmap(moved + (n - 1) * PAGE, 1);
}

static void in_child(void *map)
{
	check_pages(map, 0, 2 * PAGES);
	strcpy((char *)map + 8, "child");
	check(!madvise(map, 2 * BUFFER, MADV_DONTNEED));
	check_pages(map, 0, 2 * PAGES);
	check(!strcmp((char *)map + BUFFER + 8, "child"));
	unmap(map, 2 * PAGES);
}

static void children(void)
{
	char *map = map_at(0, 0, 2 * PAGES, rw);

	finish(start(in_child, map));
	check(!strcmp(map + 8, "child"));
	memset(map + 8, 0, 6);
	check_pages(map, 0, 2 * PAGES);
	finish(start(in_child, map));
	check(!strcmp(map + BUFFER + 8, "child"));
	memset(map + 8, 0, 6);
	unmap(map, 2 * PAGES);
}

/* --- access ------------------------------------------------------------------------------ */

/* No page that a fault brings in beside it has more rights than the mapping. */
static void access_of_the_mapping(void)
{
	int in = device(O_RDONLY);
	char *map = map_at(0, 0, WINDOW, rw), *shown, *own;

	check_page(map, 0);
	check(!mprotect(map, WINDOW * PAGE, PROT_READ));
	check_equal(store_raises(map), SIGSEGV);
	check_equal(store_raises(map + PAGE), SIGSEGV);
	check(!madvise(map, WINDOW * PAGE, MADV_DONTNEED));
	check_page(map, 0);
	check_equal(store_raises(map + PAGE), SIGSEGV);
	check(!mprotect(map, WINDOW * PAGE, rw));
	check_equal(store_raises(map), 0);
	check_equal(store_raises(map + PAGE), 0);

	shown = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, in, BUFFER);
	own = mmap(NULL, BUFFER, PROT_READ, MAP_PRIVATE, in, 0);
	check(shown != MAP_FAILED && own != MAP_FAILED);
	check_page(shown, 0);
	check_page(own, 0);
	for (size_t i = 0; i < WINDOW; i++) {
		check_equal(store_raises(shown + i * PAGE), SIGSEGV);
		check_equal(store_raises(own + i * PAGE), SIGSEGV);
	}
	check_pages(shown, PAGES, PAGES);
	check_pages(own, 0, PAGES);
	unmap(shown, PAGES);
	unmap(own, PAGES);
	unmap(map, WINDOW);
	close(in);
}

/* A page that the kernel itself faults in, for a pin, brings in the others as well. */
static void pins(void)
{
	char *map = map_at(0, 0, 2 * WINDOW, rw);
	uint32_t number;
	struct iovec ours = { &number, 4 };
	struct iovec theirs = { map + (WINDOW + 1) * PAGE, 4 };

	check_equal(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0), 4);
	check_equal(number, 1 + (WINDOW + 1) % PAGES);
	check_mapped(map, 2 * WINDOW, WINDOW, 2 * WINDOW);
	unmap(map, 2 * WINDOW);
}

/* --- several threads ------------------------------------------------------------------- */

struct work {
	char *map;
	size_t from;
	unsigned long rounds;
};

static void *load_all(void *argument)
{
	const struct work *work = argument;

	for (unsigned long r = 0; r < work->rounds; r++)
		for (size_t i = 0; i < 2 * PAGES; i++) {
			size_t at = (work->from + i) % (2 * PAGES);

			check_page(work->map + at * PAGE, at);
		}
	return NULL;
}

/* Drops the pages again and again. */
static void *drop_all(void *argument)
{
	const struct work *work = argument;

	for (unsigned long r = 0; r < 20 * work->rounds; r++) {
		size_t at = r * 37 % (2 * PAGES);

		check(!madvise(work->map + at * PAGE, (2 * PAGES - at) * PAGE,
			       MADV_DONTNEED));
		sched_yield();
	}
	return NULL;
}

static void threads(void)
{
	char *map = map_at(0, 0, 2 * PAGES, rw);
	const unsigned long rounds = share(1000, 40);
	struct work work[] = {
		{ map, 0, rounds },
		{ map, 1, rounds },
		{ map, PAGES, rounds },
		{ map, 0, rounds },
	};
	pthread_t thread[4];

	for (size_t i = 0; i < 4; i++)
		check(!pthread_create(&thread[i], NULL,
				      i < 3 ? load_all : drop_all, &work[i]));
	for (size_t i = 0; i < 4; i++)
		check(!pthread_join(thread[i], NULL));
	unmap(map, 2 * PAGES);
}

int main(void)
{
	const size_t all = 2 * BUFFER + 3 * AROUND;

	fd = device(O_RDWR);
	check_equal(set_capacity(BUFFER), 0);
	number_pages(fd, BUFFER);
	place = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(place != MAP_FAILED);
	place += AROUND - (uintptr_t)place % AROUND;

	run_case(every_edge());
	run_case(parts_that_are_unmapped());
	run_case(parts_that_are_dropped());
	run_case(mappings_that_are_moved());
	run_case(children());
	run_case(access_of_the_mapping());
	run_case(pins());
	run_case(threads());
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(PAGE), 0);
	return 0;
}
