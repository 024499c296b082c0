// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A move wakes only one sleeper. That sleeper passes the wake-up on to the next one when it leaves
 * bytes over, when its memory is stalled, and when another process was faster and has left too
 * little for it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define READERS 8

static char bytes[CAPACITY];
static char *stalled;

static void read_some(void *argument)
{
	size_t n = (uintptr_t)argument;

	alarm(20);
	memset(bytes, 0,
	       n); /* make it resident: a page fault passes the wake-up on */
	check_equal(read(device(O_RDONLY), bytes, n), n);
}

static void write_some(void *argument)
{
	size_t n = (uintptr_t)argument;

	alarm(20);
	check_equal(write(device(O_WRONLY), bytes, n), n);
}

static pid_t start_asleep(void (*work)(void *), size_t n)
{
	pid_t pid = start(work, (void *)n);

	wait_asleep(pid, "vfifo_ring_wait");
	return pid;
}

/* Returns how often a process has gone to sleep. */
static long long sleeps(pid_t pid)
{
	char path[64], line[128];
	long long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	check(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "voluntary_ctxt_switches: %lld", &n);
	fclose(f);
	check(n >= 0);
	return n;
}

static void one_write_is_enough_for_all(void)
{
	int fd = device(O_RDWR);
	pid_t pids[READERS];

	for (int i = 0; i < READERS; i++)
		pids[i] = start_asleep(read_some, 10);
	check_equal(write(fd, bytes, 10 * READERS), 10 * READERS);
	for (int i = 0; i < READERS; i++)
		finish(pids[i]);
	check_equal(attribute("size"), 0);
	close(fd);
}

static void one_byte_wakes_one(void)
{
	int fd = device(O_RDWR);
	pid_t pids[READERS];
	long long before[READERS];

	for (int i = 0; i < READERS; i++)
		pids[i] = start_asleep(read_some, 1);
	for (int i = 0; i < READERS; i++)
		before[i] = sleeps(pids[i]);
	write_all(fd, bytes, 1);
	finish(pids[0]);
	sleep_ms(100);
	for (int i = 1; i < READERS; i++)
		check_equal(sleeps(pids[i]), before[i]);
	write_all(fd, bytes, READERS - 1);
	for (int i = 1; i < READERS; i++)
		finish(pids[i]);
	close(fd);
}

static void *read_stalled(void *argument)
{
	check_equal(read(*(int *)argument, stalled, 10), 10);
	return NULL;
}

static void one_that_is_stalled_passes_it_on(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .src = (uintptr_t)bytes, .len = PAGE };
	struct uffd_msg message;
	int fd = device(O_RDWR);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	pthread_t thread;
	pid_t pid;

	if (uffd < 0)
		skip("this kernel has no userfaultfd");
	stalled = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(stalled != MAP_FAILED);
	range.range.start = (uintptr_t)stalled;
	range.range.len = PAGE;
	check(!ioctl(uffd, UFFDIO_API, &api));
	check(!ioctl(uffd, UFFDIO_REGISTER, &range));

	check(!pthread_create(&thread, NULL, read_stalled, &fd));
	sleep_ms(200); /* wait_asleep() cannot wait for a thread */
	pid = start_asleep(read_some, 10);
	write_all(fd, bytes, 20);
	check_equal(read(uffd, &message, sizeof(message)), sizeof(message));
	finish(pid);
	check_equal(attribute("size"), 10);

	copy.dst = (uintptr_t)stalled;
	check(!ioctl(uffd, UFFDIO_COPY, &copy));
	check(!pthread_join(thread, NULL));
	check_equal(attribute("size"), 0);
	close(uffd);
	close(fd);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(!sched_setaffinity(0, sizeof(set), &set));
}

/* Keeps all other processes off processor 0 for a while. */
static void hog(void *argument)
{
	struct sched_param param = { .sched_priority = 50 };
	double until = now() + 0.7;

	(void)argument;
	pin(0);
	check(!sched_setscheduler(0, SCHED_FIFO, &param));
	while (now() < until)
		;
}

static void write_large_on_0(void *argument)
{
	pin(0);
	write_some(argument);
}

/*
 * The large writer is woken but cannot run. Then the generator takes a part of the room. The rest
 * is too little for the large writer, but enough for the small one.
 */
static void one_that_was_too_slow_passes_it_on(void)
{
	int fd = device(O_RDWR);
	pid_t large, small, busy;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("this takes two processors");
	pin(1);
	write_all(fd, bytes, CAPACITY);
	large = start_asleep(write_large_on_0, PIPE_BUF);
	small = start_asleep(write_some, 10);
	check_equal(set_attribute("mode", "1"), 0);
	sleep_ms(600);
	busy = start(
		hog,
		NULL); /* from 0.6 to 1.3 s; the generator produces at 1 s */
	sleep_ms(200);
	read_all(fd, bytes, PIPE_BUF);
	finish(busy);
	check_equal(set_attribute("mode", "0"), 0);
	finish(small);
	check_equal(attribute("size"), CAPACITY - PIPE_BUF + 15);
	wait_asleep(large, "vfifo_ring_wait");
	read_all(fd, bytes, 15);
	finish(large);
}

int main(void)
{
	run_case(one_write_is_enough_for_all());
	run_case(one_byte_wakes_one());
	run_case(one_that_is_stalled_passes_it_on());
	run_case(one_that_was_too_slow_passes_it_on());
	return 0;
}
