// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libfaults.c - makes allocations and copies fail
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "faults.h"
#include "testlib.h"

#define DEBUG "/sys/kernel/debug/"
#define FAIL_NTH "/proc/thread-self/fail-nth"

static int fail_nth;

int store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

/* All kinds of allocations fail, without a line in the kernel's log. */
void set_up_faults(void)
{
	if (access(FAIL_NTH, W_OK))
		skip("this kernel has no fault injection");
	check(!store(DEBUG "failslab/ignore-gfp-wait", "N"));
	check(!store(DEBUG "failslab/verbose", "0"));
	check(!store(DEBUG "fail_page_alloc/ignore-gfp-wait", "N"));
	check(!store(DEBUG "fail_page_alloc/ignore-gfp-highmem", "N"));
	check(!store(DEBUG "fail_page_alloc/min-order", "0"));
	check(!store(DEBUG "fail_page_alloc/verbose", "0"));
	check(!store(DEBUG "fail_usercopy/verbose", "0"));
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	check(fail_nth >= 0);
}

static void arm(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	check(pwrite(fail_nth, text, strlen(text), 0) > 0);
}

/* How many are left until the one that fails; 0: it has failed. */
static int left(void)
{
	char text[16] = "";

	/* If the copy of this read fails, one was left. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return 1;
	return atoi(text);
}

static void disarm(void)
{
	while (pwrite(fail_nth, "0", 1, 0) < 0)
		check(errno == EFAULT);
}

bool with_fault(int n, int (*act)(void), int *err)
{
	bool reached;

	arm(n);
	*err = act();
	reached = !left();
	disarm();
	return reached;
}

int count_faults(int (*act)(void))
{
	const int more = 100000;
	int count;

	arm(more);
	check_equal(act(), 0);
	count = more - left();
	disarm();
	return count;
}
