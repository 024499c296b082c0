// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads store to huge pages, drop them, and forbid and allow huge pages, all at once. So a fault
 * that is about to map a huge page finds that another thread has mapped single pages there meanwhile.
 * The kernel warns of nothing, each page stays the right one, and all memory is given back.
 *
 * In full: 5 minutes; otherwise 30 seconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "numbered.h"
#include "testlib.h"

#define BYTES (8U << 20) /* of the device; the mappings are of 8 and of 2 MiB */

static bool over;
static char *map;
static size_t length;
static int fd;

static bool is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

/* Not to the start of a page, where its number is. */
static void *work_store(void *unused)
{
	size_t page = 1;

	while (!is_over()) {
		page = (page * 1103515245 + 12345) % (length / PAGE);
		__atomic_fetch_add((uint64_t *)(map + page * PAGE + 64), 1,
				   __ATOMIC_RELAXED);
	}
	return unused;
}

static void *work_drop(void *unused)
{
	while (!is_over()) {
		check(!madvise(map, length, MADV_DONTNEED));
		sched_yield();
	}
	return unused;
}

static void *work_forbid(void *unused)
{
	while (!is_over()) {
		check(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
		check(!prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	}
	return unused;
}

/* What the soft-dirty bits need takes the access away from the entries of huge pages. */
static void *work_clear_refs(void *unused)
{
	int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	check(file >= 0);
	while (!is_over()) {
		check_equal(write(file, "4", 1), 1);
		sleep_ms(1);
	}
	close(file);
	return unused;
}

static void work_race(void *with_clear_refs)
{
	void *(*const works[])(void *) = { work_store, work_store, work_drop,
					   work_forbid, work_clear_refs };
	const int n = with_clear_refs ? 5 : 4;
	pthread_t threads[5];

	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	for (int i = 0; i < n; i++)
		check(!pthread_create(&threads[i], NULL, works[i], NULL));
	/* User-Mode Linux has no huge pages: what is left there is the race of the small ones. */
	sleep(user_mode_linux() ? 1 :
	      with_clear_refs	? share(30, 3) :
				  share(120, 12));
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		check(!pthread_join(threads[i], NULL));
	check_pages(map, 0, length / PAGE);
	/* The rest of the mapping goes with the process. */
	check(!munmap(map + 5 * PAGE, PAGE));
}

static void race(size_t bytes, bool with_clear_refs)
{
	length = bytes;
	finish(start(work_race, with_clear_refs ? &fd : NULL));
}

int main(void)
{
	long long before;

	fd = device(O_RDWR);
	enter_cgroup();
	before = cgroup_memory();
	check_equal(set_capacity(BYTES), 0);
	number_pages(fd, BYTES);
	run_case(race(BYTES, false));
	run_case(race(2 << 20, false));
	run_case(race(BYTES, true));
	run_case(race(2 << 20, true));
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(PAGE), 0);
	if (cgroup_memory() > before + (1 << 20))
		fail("%lld bytes charged before, %lld after", before,
		     cgroup_memory());
	return 0;
}
