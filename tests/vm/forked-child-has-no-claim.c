// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handle of the library after fork(2): in the child every function returns -ESTALE, and
 * vfifo_close() unmaps what the child inherited and nothing else. The parent goes on. The
 * same for a child made by the system call clone, which runs no handler of the C library.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

static struct vfifo_handle *ends[2];

/* A mapping of the device in this process. */
struct range {
	unsigned long start, end;
};

/* From /proc/self/maps. Return: how many there are. */
static int find_maps(struct range *ranges, int most)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[256];
	int n = 0;

	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, DEVICE))
			continue;
		check(n < most);
		check_equal(sscanf(line, "%lx-%lx", &ranges[n].start,
				   &ranges[n].end),
			    2);
		n++;
	}
	fclose(f);
	return n;
}

static void every_function_is_stale(struct vfifo_handle *f)
{
	static char bytes[CAPACITY + 1];
	const size_t sizes[] = { 0, 1, CAPACITY, CAPACITY + 1 };
	void *p = NULL;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		check_equal(vfifo_reserve(f, sizes[i], &p), -ESTALE);
		check_equal(vfifo_peek(f, sizes[i], &p), -ESTALE);
		check_equal(vfifo_advance(f, sizes[i]), -ESTALE);
		check_equal(vfifo_commit(f, sizes[i]), -ESTALE);
		check_equal(vfifo_consume(f, sizes[i]), -ESTALE);
		check_equal(vfifo_wait(f, sizes[i], -1), -ESTALE);
		check_equal(vfifo_write(f, bytes, sizes[i], -1), -ESTALE);
		check_equal(vfifo_read(f, bytes, sizes[i], -1), -ESTALE);
	}
	check_equal(vfifo_publish(f), -ESTALE);
	check_equal(vfifo_lost(f), -ESTALE);
	check_equal(vfifo_capacity(f), 0);
	check_equal(vfifo_watermark(f), 0);
	check(fcntl(vfifo_fd(f), F_GETFD) >= 0);
	vfifo_kicks(f);
	vfifo_sleeps(f);
	vfifo_set_spin(f, 1);
	check(!p);
}

/* The pages of numbers, which a child does not inherit, are its own memory by now. */
static void take_their_addresses(const struct range *ranges, int n)
{
	for (int i = 0; i < n; i++) {
		void *at = (void *)ranges[i].start;

		if (ranges[i].end - ranges[i].start != PAGE)
			continue;
		check(mmap(at, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			   -1, 0) == at);
		memset(at, 7, PAGE);
	}
}

static void they_are_untouched(const struct range *ranges, int n)
{
	int pages = 0;

	for (int i = 0; i < n; i++) {
		const char *at = (const char *)ranges[i].start;

		if (ranges[i].end - ranges[i].start != PAGE)
			continue;
		check(at[0] == 7 && at[PAGE - 1] == 7);
		pages++;
	}
	check_equal(pages, 6); /* a status and two positions each */
}

static void child(const struct range *before, int n)
{
	struct range ranges[8];
	int fds[2];

	take_their_addresses(before, n);
	check_equal(find_maps(ranges, 8), 2); /* the data of each */
	for (int end = 0; end < 2; end++) {
		every_function_is_stale(ends[end]);
		fds[end] = vfifo_fd(ends[end]);
		vfifo_close(ends[end]);
		check_errno(fcntl(fds[end], F_GETFD), EBADF);
	}
	check_equal(find_maps(ranges, 8), 0);
	they_are_untouched(before, n);
	/* Both ends are still the parent's. */
	check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &ends[0]), -EBUSY);
	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &ends[1]), -EBUSY);
	check(!ends[0] && !ends[1]);
	exit(0);
}

static void parent_goes_on(char byte)
{
	char got = 0;

	check_equal(vfifo_lost(ends[VFIFO_PRODUCER]), 0);
	check_equal(vfifo_write(ends[VFIFO_PRODUCER], &byte, 1, 0), 1);
	check_equal(vfifo_read(ends[VFIFO_CONSUMER], &got, 1, 0), 1);
	check_equal(got, byte);
}

/* The C library does not notice. On s390 the stack comes before the flags. */
static pid_t raw_clone(void)
{
#ifdef __s390x__
	return syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0);
#else
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

int main(void)
{
	struct range ranges[8];
	int n;

	for (int end = 0; end < 2; end++)
		check_equal(vfifo_open(DEVICE, end, 0, &ends[end]), 0);
	parent_goes_on('a');
	n = find_maps(ranges, 8);
	check_equal(n, 8);
	for (int raw = 0; raw < 2; raw++) {
		pid_t pid = raw ? raw_clone() : fork();

		check(pid >= 0);
		if (!pid)
			child(ranges, n);
		/* While the child is at it, too. */
		parent_goes_on('b');
		finish(pid);
		parent_goes_on('c');
	}
	check_equal(find_maps(ranges, 8), 8);
	vfifo_close(ends[VFIFO_PRODUCER]);
	vfifo_close(ends[VFIFO_CONSUMER]);
	check_equal(attribute("mappings"), 0);
	check_equal(attribute("producer"), 0);
	check_equal(attribute("consumer"), 0);
	return 0;
}
