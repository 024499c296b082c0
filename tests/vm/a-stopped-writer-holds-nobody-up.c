// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A large write is the first of the queue and may not be overtaken any more when its process
 * is stopped. A stopped process has no place in the queue, so the others continue. So does
 * the large write when its process is continued.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define SMALL 10
#define OVERTAKES 16

static char bytes[CAPACITY];
static int fd;

static void work_write(void *n)
{
	check_equal(write(fd, bytes, (uintptr_t)n), (intptr_t)n);
}

static pid_t sleeping_writer(uintptr_t n)
{
	pid_t pid = start(work_write, (void *)n);

	wait_asleep(pid, "vfifo_ring_wait");
	return pid;
}

/* Makes room for a small write, which fills it. */
static void small_one_goes_on(void)
{
	pid_t pid = sleeping_writer(SMALL);

	read_all(fd, bytes, SMALL);
	finish(pid);
}

static void stop(pid_t pid)
{
	int status;

	check(!kill(pid, SIGSTOP));
	check_equal(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
}

int main(void)
{
	pid_t large, second;

	fd = device(O_RDWR);
	write_all(fd, bytes, CAPACITY);
	large = sleeping_writer(PIPE_BUF);
	for (int i = 0; i < OVERTAKES; i++)
		small_one_goes_on();
	second = sleeping_writer(SMALL);

	/* The room is for the first write. Once that is stopped, the second one gets it. */
	read_all(fd, bytes, SMALL);
	sleep_ms(50);
	check_equal(attribute("size"), CAPACITY - SMALL);
	stop(large);
	finish(second);
	for (int i = 0; i < 2 * OVERTAKES; i++)
		small_one_goes_on();

	/* Also if the room suffices for the large one. */
	read_all(fd, bytes, PIPE_BUF);
	finish(start(work_write, (void *)SMALL));
	check_equal(attribute("size"), CAPACITY - PIPE_BUF + SMALL);

	check(!kill(large, SIGCONT));
	wait_asleep(large, "vfifo_ring_wait");
	read_all(fd, bytes, SMALL);
	finish(large);
	check_equal(attribute("size"), CAPACITY);
	return 0;
}
