// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal ends a sleeping read or write with EINTR, or restarts it with SA_RESTART. A write
 * that has stored bytes returns their number.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY + 1000];
static volatile sig_atomic_t handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	handled = 0;
	check(!sigaction(SIGUSR1, &action, NULL));
}

static void read_interrupted(void *argument)
{
	(void)argument;
	handle(0);
	check_errno(read(device(O_RDONLY), bytes, 1), EINTR);
	check_equal(handled, 1);
}

static void read_restarted(void *argument)
{
	(void)argument;
	handle(SA_RESTART);
	check_equal(read(device(O_RDONLY), bytes, 1), 1);
	check_equal(handled, 1);
}

static void write_partial(void *argument)
{
	(void)argument;
	handle(SA_RESTART);
	check_equal(write(device(O_WRONLY), bytes, sizeof(bytes)), CAPACITY);
	check_equal(handled, 1);
}

static void write_interrupted(void *argument)
{
	(void)argument;
	handle(0);
	check_errno(write(device(O_WRONLY), bytes, 1), EINTR);
}

static pid_t start_asleep(void (*work)(void *))
{
	pid_t pid = start(work, NULL);

	wait_asleep(pid, "vfifo_ring_wait");
	return pid;
}

int main(void)
{
	int fd = device(O_RDWR);
	pid_t pid;

	subtest("a read is interrupted");
	pid = start_asleep(read_interrupted);
	kill(pid, SIGUSR1);
	finish(pid);

	subtest("a read is restarted");
	pid = start_asleep(read_restarted);
	kill(pid, SIGUSR1);
	sleep_ms(200);
	wait_asleep(pid, "vfifo_ring_wait");
	write_all(fd, "x", 1);
	finish(pid);

	subtest("a partial write");
	pid = start_asleep(write_partial);
	kill(pid, SIGUSR1);
	finish(pid);
	check_equal(attribute("size"), CAPACITY);

	subtest("a write is interrupted");
	pid = start_asleep(write_interrupted);
	kill(pid, SIGUSR1);
	finish(pid);
	check_equal(attribute("size"), CAPACITY);
	return 0;
}
