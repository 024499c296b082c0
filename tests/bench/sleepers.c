// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sleepers: measures what calls cost while one reader sleeps, and while 4,000 do; in a guest with
 * one processor, whose clock counts instructions (see device.c)
 *
 * Prints a line for each number:
 *
 *	sleepers WHAT SLEEPERS NUMBER instructions
 *
 * WHAT is eagain, a read(2) of an empty FIFO; kick, VFIFO_KICK; write, of a byte, which wakes one
 * of the sleepers; or claim, which maps and unmaps the consumer's position and wakes all sleepers,
 * divided by their number. write-read and claim-other (of the producer's position) include the
 * work of the woken sleepers until they sleep again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define ROUNDS 15
#define MANY 4000
#define SOME 400

static int fd;

/* The sleepers are a separate process, as many mappings in one process make mmap() slower. */
static struct {
	unsigned int wanted, started;
	unsigned int asleep_soon; /* counts how often one was about to sleep */
	pid_t threads[MANY];
} * shared;

/* Reads byte after byte, also after a claim has ended the read. */
static void *sleeper(void *number)
{
	char byte;

	shared->threads[(uintptr_t)number] = gettid();
	for (;;) {
		__atomic_add_fetch(&shared->asleep_soon, 1, __ATOMIC_RELAXED);
		if (read(fd, &byte, 1) < 0)
			check_equal(errno, EBUSY);
	}
	return NULL;
}

static void work_start_sleepers(void *unused)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)unused;
	check(!pthread_attr_init(&attributes));
	check(!pthread_attr_setstacksize(&attributes, 16384));
	for (uintptr_t i = 0; i < MANY; i++) {
		while (__atomic_load_n(&shared->wanted, __ATOMIC_ACQUIRE) <= i)
			sleep_ms(10);
		check(!pthread_create(&thread, &attributes, sleeper,
				      (void *)i));
		__atomic_store_n(&shared->started, i + 1, __ATOMIC_RELEASE);
	}
	pause();
}

static void start_sleepers(unsigned int n)
{
	__atomic_store_n(&shared->wanted, n, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->started, __ATOMIC_ACQUIRE) < n)
		sleep_ms(10);
}

/* Woken sleepers run at once (first), or when this process sleeps. */
static void let_sleepers_run_first(bool first)
{
	const struct sched_param param = { .sched_priority = first };

	for (unsigned int i = 0; i < shared->started; i++)
		check(!sched_setscheduler(shared->threads[i],
					  first ? SCHED_FIFO : SCHED_OTHER,
					  &param));
}

/* There is one processor, so all runnable threads run while this process sleeps. */
static void settle(void)
{
	unsigned int before;

	do {
		before =
			__atomic_load_n(&shared->asleep_soon, __ATOMIC_RELAXED);
		sleep_ms(20);
	} while (before !=
		 __atomic_load_n(&shared->asleep_soon, __ATOMIC_RELAXED));
}

static void eagain(void)
{
	static int nonblock = -1;
	char byte;

	if (nonblock < 0)
		nonblock = device(O_RDONLY | O_NONBLOCK);
	check_errno(read(nonblock, &byte, 1), EAGAIN);
}

static void kick(void)
{
	check(!ioctl(fd, VFIFO_KICK));
}

static void write_a_byte(void)
{
	check_equal(write(fd, "", 1), 1);
}

static void claim_at(off_t offset)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			offset);

	check(at != MAP_FAILED);
	check(!munmap(at, PAGE));
}

static void claim(void)
{
	claim_at(VFIFO_MMAP_CONSUMER);
}

static void claim_other(void)
{
	claim_at(VFIFO_MMAP_PRODUCER);
}

static int compare(const void *one, const void *other)
{
	const double *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

/* Prints the median, as the timer interrupt adds to some of the numbers. */
static void measure(const char *what, void (*call)(void), unsigned int sleepers,
		    unsigned int parts)
{
	double seconds[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double began;

		settle();
		began = now();
		call();
		seconds[i] = now() - began;
	}
	qsort(seconds, ROUNDS, sizeof(*seconds), compare);
	printf("sleepers %s %u %.1f instructions\n", what, sleepers,
	       seconds[ROUNDS / 2] * 1e9 / parts);
}

int main(void)
{
	/* Woken sleepers run when this process sleeps, not before. */
	const struct sched_param first = { .sched_priority = 1 };
	const unsigned int counts[] = { 1, SOME, MANY };
	pid_t pid;

	check_equal(set_attribute("mode", "0"), 0);
	fd = device(O_RDWR);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	pid = start(work_start_sleepers, NULL);
	for (size_t i = 0; i < 3; i++) {
		start_sleepers(counts[i]);
		check(!sched_setscheduler(0, SCHED_FIFO, &first));
		if (counts[i] != SOME) {
			measure("eagain", eagain, counts[i], 1);
			measure("kick", kick, counts[i], 1);
			measure("write", write_a_byte, counts[i], 1);
		}
		if (counts[i] != 1)
			measure("claim", claim, counts[i], counts[i]);
		check(!sched_setscheduler(0, SCHED_OTHER,
					  &(struct sched_param){ 0 }));
		if (counts[i] == SOME)
			continue;
		let_sleepers_run_first(true);
		measure("write-read", write_a_byte, counts[i], 1);
		measure("claim-other", claim_other, counts[i], 1);
		let_sleepers_run_first(false);
	}
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	return 0;
}
