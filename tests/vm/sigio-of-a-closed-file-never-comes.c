// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread sets O_ASYNC of a file and another one clears it at the same time, while bytes
 * move. Signals come afterwards only if the file says so, none after it was cleared for good,
 * and never after the file was closed: the kernel would go by what was freed.
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

/* Of a process, so that it is where this one's signals are not. */
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

/* Left as the race has left it, or cleared: what the file says is so. */
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

	/* The signals of a mover are anybody's guess, but not what they are sent by. */
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
