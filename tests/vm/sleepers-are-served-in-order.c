// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fifty readers, or writers, go to sleep one after the other. They get bytes, or space, in the
 * order of their arrival, whether it comes in parts or all at once. Killed ones leave no gap.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define SLEEPERS 50
#define SMALL 10

static char bytes[CAPACITY];
static volatile unsigned char *got; /* the byte of each reader */
static pid_t pids[SLEEPERS];
static int fd;

static void work_read(void *number)
{
	unsigned char byte;

	check_equal(read(device(O_RDONLY), &byte, 1), 1);
	got[(uintptr_t)number] = byte;
}

static void work_write(void *number)
{
	char text[SMALL];

	memset(text, 1 + (int)(uintptr_t)number, SMALL);
	check_equal(write(device(O_WRONLY), text, SMALL), SMALL);
}

static void put_to_sleep(void (*work)(void *))
{
	memset((void *)got, 0, SLEEPERS);
	for (uintptr_t i = 0; i < SLEEPERS; i++) {
		pids[i] = start(work, (void *)i);
		wait_asleep(pids[i], "vfifo_ring_wait");
	}
}

/* Kills every third sleeper, beginning with the first. */
static void kill_some(void)
{
	for (int i = 0; i < SLEEPERS; i += 3) {
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
		pids[i] = 0;
	}
}

static void readers(int at_once, int killed)
{
	unsigned char byte[SLEEPERS];
	int n = 0;

	put_to_sleep(work_read);
	if (killed)
		kill_some();
	for (int i = 0; i < SLEEPERS; i++) {
		if (pids[i])
			byte[n++] = 1 + i;
	}
	if (at_once)
		check_equal(write(fd, byte, n), n);
	n = 0;
	for (int i = 0; i < SLEEPERS; i++) {
		if (!pids[i])
			continue;
		if (!at_once)
			check_equal(write(fd, &byte[n], 1), 1);
		finish(pids[i]);
		check_equal(got[i], byte[n++]);
	}
	check_equal(attribute("size"), 0);
}

static void writers(int at_once, int killed)
{
	int n = 0, left = 0;

	write_all(fd, bytes, CAPACITY);
	put_to_sleep(work_write);
	if (killed)
		kill_some();
	for (int i = 0; i < SLEEPERS; i++)
		left += !!pids[i];
	if (at_once)
		read_all(fd, bytes, left * SMALL);
	for (int i = 0; i < SLEEPERS; i++) {
		if (!pids[i])
			continue;
		if (!at_once)
			read_all(fd, bytes, SMALL);
		finish(pids[i]);
	}
	read_all(fd, bytes, CAPACITY - left * SMALL);
	read_all(fd, bytes, left * SMALL);
	for (int i = 0; i < SLEEPERS; i++) {
		if (pids[i])
			check_equal(bytes[n++ * SMALL], 1 + i);
	}
	memset(bytes, 0, sizeof(bytes));
	check_equal(attribute("size"), 0);
}

int main(void)
{
	got = mmap(NULL, SLEEPERS, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(got != MAP_FAILED);
	fd = device(O_RDWR);
	for (int at_once = 0; at_once <= 1; at_once++) {
		for (int killed = 0; killed <= 1; killed++) {
			run_case(readers(at_once, killed));
			run_case(writers(at_once, killed));
		}
	}
	return 0;
}
