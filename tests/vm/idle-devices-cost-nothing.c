// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 256 devices that nobody uses take no processor time, and as much memory as the capacity of each, 4
 * pages, and small objects in slabs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "testlib.h"

#define CLASS "/sys/class/vfifo/"
#define MORE 255 /* than the one that is there */

/* Each processor has charged some pages in advance. */
#define SLACK (512LL << 10)

static void store(const char *path, int number)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[16];

	check(fd >= 0);
	snprintf(text, sizeof(text), "%d", number);
	check_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Returns how often a processor has gone from one task to another, since the boot. */
static long long switches(void)
{
	FILE *f = fopen("/proc/stat", "re");
	long long n = -1;
	char line[4096];

	check(f);
	while (n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "ctxt %lld", &n);
	fclose(f);
	check(n >= 0);
	return n;
}

/* The least number in a second, of several seconds. */
static long long switches_in_a_second(void)
{
	long long least = -1;

	for (int i = 0; i < 4; i++) {
		long long n = switches();

		sleep_ms(1000);
		n = switches() - n;
		if (least < 0 || n < least)
			least = n;
	}
	return least;
}

/* What is charged to the cgroup, but for its slabs. */
static long long used(void)
{
	return cgroup_memory() - cgroup_slabs();
}

int main(void)
{
	const long long bound =
		MORE * (attribute("capacity") + 4 * (long long)PAGE) + SLACK;
	long long before, with, one, all;

	enter_cgroup();
	subtest("memory");
	before = used();
	for (int i = 1; i <= MORE; i++)
		store(CLASS "add", i);
	with = used() - before;
	printf("# %lld bytes for each device besides its slabs\n", with / MORE);
	/* Before 5.11 the pages cannot be charged: see compat.h. */
	if (with > MORE * attribute("capacity") / 2)
		check(with <= bound);

	subtest("processor time");
	all = switches_in_a_second();
	for (int i = 1; i <= MORE; i++)
		store(CLASS "remove", i);
	one = switches_in_a_second();
	printf("# %lld context switches in a second with all, %lld with one\n",
	       all, one);
	/* Half of the devices would show, if each did something once a second. */
	check(all <= one + MORE / 2);

	subtest("all is given back");
	with = used() - before;
	printf("# %lld bytes more than before\n", with);
	check(with <= SLACK);
	return 0;
}
