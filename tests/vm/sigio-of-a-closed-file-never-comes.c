// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread sets O_ASYNC of a file and another one clears it at the same time, while bytes
 * move. Afterwards signals come only if the flag is set, none once the flag is cleared, and none
 * after the file is closed: a signal would mean that the kernel uses freed memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define SWITCHES 20

static int fd;
static unsigned int round_begun, round_done;

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

static void *clearer(void *unused)
{
	(void)unused;
	for (unsigned int round = 1;; round++) {
		while (__atomic_load_n(&round_begun, __ATOMIC_ACQUIRE) < round)
			relax();
		switch_async(0);
		__atomic_store_n(&round_done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void run_round(unsigned int round)
{
	__atomic_store_n(&round_begun, round, __ATOMIC_RELEASE);
	switch_async(1);
	while (__atomic_load_n(&round_done, __ATOMIC_ACQUIRE) < round)
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
	pthread_t thread;
	sigset_t set;
	pid_t mover;
	int other;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	check(!sigprocmask(SIG_BLOCK, &set, NULL));
	mover = start(work_move, NULL);
	become_alice();
	other = device(O_RDWR);
	check(!pthread_create(&thread, NULL, clearer, NULL));

	/* While the mover runs, the number of signals is random, so it is not checked. */
	run_rounds(&round, rounds / 4, -1);
	check(!kill(mover, SIGKILL));
	check_equal(waitpid(mover, NULL, 0), mover);
	check(!ioctl(other, VFIFO_CLEAR));
	run_rounds(&round, rounds, other);

	fd = device(O_RDWR | O_NONBLOCK);
	check(!fcntl(fd, F_SETOWN, getpid()));
	check(!fcntl(fd, F_SETFL, O_ASYNC));
	signalled();
	move_a_byte(other);
	check(signalled() > 0);
	return 0;
}
