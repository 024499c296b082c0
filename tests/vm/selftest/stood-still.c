// SPDX-License-Identifier: GPL-2.0-or-later
/* Has the processors run nothing else for a while, and fails. When it is run again, it passes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

/* Not in /tmp, which is a new one in each try. */
#define MARK "/stood-still"

static void work_spin(void *unused)
{
	const struct sched_param p = { .sched_priority = 50 };
	const double until = now() + 0.8;

	(void)unused;
	check(!sched_setscheduler(0, SCHED_FIFO, &p));
	while (now() < until)
		;
}

int main(void)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int fd = open(MARK, O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return 0;
	subtest("time passes");
	for (long i = 0; i < processors; i++)
		start(work_spin, NULL);
	while (wait(NULL) > 0)
		;
	fail("the machine stood still");
}
