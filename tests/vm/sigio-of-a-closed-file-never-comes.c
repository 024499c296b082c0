// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One process sets O_ASYNC of a file and another one clears it at the same time, while bytes
 * move. They share their descriptors, not their memory: User-Mode Linux never runs two threads of
 * a process at once. Afterwards signals come only if the flag is set, none once the flag is cleared, and none
 * after the file is closed: a signal would mean that the kernel uses freed memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define SWITCHES 20

static int fd; /* of both processes, when a round begins */

static struct shared {
	int fd;
	unsigned int round_begun, round_done;
} * shared;

static void switch_async(int on)
{
	for (unsigned int n = 0; n < SWITCHES; n++) {
		if (n & 1)
			check(!ioctl(fd, FIOASYNC, &on));
		else
			check(!fcntl(fd, F_SETFL,
				     O_NONBLOCK | (on ? O_ASYNC : 0)));
	}
}

static int work_clear(void *unused)
{
	(void)unused;
	for (unsigned int round = 1;; round++) {
		while (__atomic_load_n(&shared->round_begun, __ATOMIC_ACQUIRE) <
		       round)
			relax();
		fd = shared->fd;
		switch_async(0);
		__atomic_store_n(&shared->round_done, round, __ATOMIC_RELEASE);
	}
	return 0;
}

static pid_t start_clearer(void)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	pid = clone(work_clear, stack + sizeof(stack), CLONE_FILES | SIGCHLD,
		    NULL);
	check(pid >= 0);
	return pid;
}

static void run_round(unsigned int round)
{
	shared->fd = fd;
	__atomic_store_n(&shared->round_begun, round, __ATOMIC_RELEASE);
	switch_async(1);
	while (__atomic_load_n(&shared->round_done, __ATOMIC_ACQUIRE) < round)
		relax();
}

static void move_a_byte(int other)
{
	char byte = 0;

	check_equal(write(other, &byte, 1), 1);
	check_equal(read(other, &byte, 1), 1);
}

/* Moves bytes in a process of its own, which gets none of the signals. */
static void work_move(void *unused)
{
	int own;

	(void)unused;
	become_alice();
	own = device(O_RDWR);
	for (;;)
		move_a_byte(own);
}

static int signalled(void)
{
	struct timespec no_time = { 0, 0 };
	int n = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	while (sigtimedwait(&set, NULL, &no_time) == SIGIO)
		n++;
	return n;
}

/* Signals come exactly if the flag is set, as the race has left it or after it is cleared. */
static void check_signals(unsigned long round, int other)
{
	int flags;

	if (round & 1)
		check(!fcntl(fd, F_SETFL, O_NONBLOCK));
	flags = fcntl(fd, F_GETFL);
	check(flags >= 0);
	signalled();
	move_a_byte(other);
	check_equal(!!signalled(), !!(flags & O_ASYNC));
	close(fd);
	move_a_byte(other);
	check_equal(signalled(), 0);
}

static void run_rounds(unsigned long *round, unsigned long rounds, int other)
{
	for (rounds += *round; *round < rounds;) {
		fd = device(O_RDWR | O_NONBLOCK);
		check(!fcntl(fd, F_SETOWN, getpid()));
		run_round(++*round);
		if (other >= 0)
			check_signals(*round, other);
		else
			close(fd);
	}
}

int main(void)
{
	const unsigned long rounds = share(100000, 4000);
	unsigned long round = 0;
	pid_t mover, clearer;
	sigset_t set;
	int other;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	check(!sigprocmask(SIG_BLOCK, &set, NULL));
	mover = start(work_move, NULL);
	become_alice();
	other = device(O_RDWR);
	clearer = start_clearer();

	/* While the mover runs, the number of signals is random, so it is not checked. */
	run_rounds(&round, rounds / 4, -1);
	check(!kill(mover, SIGKILL));
	check_equal(waitpid(mover, NULL, 0), mover);
	check(!ioctl(other, VFIFO_CLEAR));
	run_rounds(&round, rounds, other);
	check(!kill(clearer, SIGKILL));
	check_equal(waitpid(clearer, NULL, 0), clearer);

	fd = device(O_RDWR | O_NONBLOCK);
	check(!fcntl(fd, F_SETOWN, getpid()));
	check(!fcntl(fd, F_SETFL, O_ASYNC));
	signalled();
	move_a_byte(other);
	check(signalled() > 0);
	return 0;
}
