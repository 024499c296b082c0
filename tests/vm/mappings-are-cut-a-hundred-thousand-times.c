// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process moves, splits, protects and advises mappings in each way that the kernel has, and starts
 * children with them. The counts return to zero, so the capacity can be changed afterwards.
 *
 * In full: 100,000 times; otherwise 4000.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static const int rw = PROT_READ | PROT_WRITE;
static int fd;
static unsigned long rounds;

static char *map(int prot)
{
	char *p = mmap(NULL, 2 * CAPACITY, prot, MAP_SHARED, fd, 0);

	check(p != MAP_FAILED);
	return p;
}

static void nothing_is_left(void)
{
	check_equal(attribute("mappings"), 0);
	check_equal(attribute("producer"), 0);
	check_equal(attribute("consumer"), 0);
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);
}

/* Each hole makes two mappings of one. */
static void holes(void)
{
	unsigned int seed = 1;

	for (unsigned long i = 0; i < rounds; i += 8) {
		const size_t pages = 2 * CAPACITY / PAGE;
		char *p = map(rw);

		for (int n = 0; n < 8; n++) {
			size_t at = rand_r(&seed) % pages;
			char *page = p + at * PAGE;

			if (n % 2)
				check(!munmap(page, PAGE));
			else if (mprotect(page, PAGE, PROT_READ))
				check_equal(errno, ENOMEM); /* a hole */
		}
		check(attribute("mappings") >= 1);
		check_equal(set_capacity(2 * CAPACITY), EBUSY);
		check(!munmap(p, 2 * CAPACITY));
		check_equal(attribute("mappings"), 0);
	}
	nothing_is_left();
}

/* No way of mremap(2) gives a second mapping, or a larger one. */
static void moves(void)
{
	uint32_t *claim = map_page(fd, VFIFO_MMAP_PRODUCER, rw);
	char *p = map(rw);

	check(claim != MAP_FAILED);
	for (int i = 0; i < 100; i++) {
		check(mremap(p, PAGE, PAGE,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED);
		check(mremap(claim, PAGE, PAGE,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED);
		check(mremap(p, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
		check(mremap(claim, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
		check(mremap(p, 2 * CAPACITY, 4 * CAPACITY, MREMAP_MAYMOVE) ==
		      MAP_FAILED);
	}
	check_equal(attribute("mappings"), 2);
	check_equal(attribute("producer"), getpid());
	check(!munmap(p, 2 * CAPACITY));
	check(!munmap(claim, PAGE));
	nothing_is_left();
}

/* Nothing can be removed from the buffer, whatever a process advises. */
static void advice(void)
{
	char *p = map(rw), *readable = map(PROT_READ);

	fill_pattern(p, CAPACITY, 0);
	for (int n = 0; n < 26; n++) {
		madvise(p, 2 * CAPACITY, n);
		madvise(readable, 2 * CAPACITY, n);
		check_pattern(p, CAPACITY, 0);
		check_pattern(readable + CAPACITY, CAPACITY, 0);
	}
	check(madvise(p, CAPACITY, MADV_REMOVE));
	check(madvise(readable, CAPACITY, MADV_REMOVE));
	check(!mlock(p, CAPACITY) && !munlock(p, CAPACITY));
	check_pattern(p, CAPACITY, 0);
	memset(p, 0, CAPACITY);
	check(!munmap(p, 2 * CAPACITY));
	check(!munmap(readable, 2 * CAPACITY));
	nothing_is_left();
}

static void work_be_traced(void *at)
{
	(void)at;
	check(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	check(!raise(SIGSTOP));
	_exit(0);
}

/* A debugger stores in no page that its process may only read. */
static void debuggers(void)
{
	char *p = map(PROT_READ);
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC), status;
	pid_t pid;

	check(memory >= 0);
	check(pwrite(memory, "x", 1, (uintptr_t)p) < 0);
	check_equal(*p, 0);
	pid = start(work_be_traced, NULL);
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSTOPPED(status));
	check(ptrace(PTRACE_POKEDATA, pid, p, (void *)-1L) < 0);
	check_equal(*p, 0);
	check(!ptrace(PTRACE_CONT, pid, NULL, NULL));
	finish(pid);
	check(!close(memory));
	check(!munmap(p, 2 * CAPACITY));
	nothing_is_left();
}

static void *work_map_and_unmap(void *unused)
{
	for (unsigned long i = 0; i < rounds / 16; i++) {
		char *p = map(rw);

		p[i % CAPACITY] = 0;
		check(!munmap(p, CAPACITY));
		check(!munmap(p + CAPACITY, CAPACITY));
	}
	return unused;
}

/* Children of fork(2) and vfork(2), beside threads that map. */
static void children(void)
{
	uint32_t *claim = map_page(fd, VFIFO_MMAP_CONSUMER, rw);
	char *name[] = { "true", NULL }, *none[] = { NULL };
	char *p = map(rw);
	pthread_t threads[4];
	pid_t pid;

	check(claim != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		check(!pthread_create(&threads[i], NULL, work_map_and_unmap,
				      NULL));
	for (int i = 0; i < 20; i++) {
		/* posix_spawn() shares the memory, as vfork(2) does. */
		check(!posix_spawn(&pid, "/bin/busybox", NULL, NULL, name,
				   none));
		finish(pid);
		pid = fork();
		check(pid >= 0);
		if (!pid) {
			check(!munmap(p, PAGE));
			raise(SIGKILL);
		}
		check_equal(waitpid(pid, NULL, 0), pid);
	}
	for (int i = 0; i < 4; i++)
		check(!pthread_join(threads[i], NULL));
	check_equal(attribute("mappings"), 2);
	check_equal(attribute("consumer"), getpid());
	check(!munmap(p, 2 * CAPACITY));
	check(!munmap(claim, PAGE));
	nothing_is_left();
}

int main(void)
{
	rounds = share(100000, 4000);
	fd = device(O_RDWR);
	run_case(holes());
	run_case(moves());
	run_case(advice());
	run_case(debuggers());
	run_case(children());
	return 0;
}
