// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 64 threads kick all the time. Meanwhile a message goes from a claimed producer to one of several
 * waiters with EPOLLONESHOT, each of which polls again after a message: none is lost, and no waiter
 * starves. A producer that never kicks leaves the waiters asleep, and they can be killed.
 *
 * In full: 10,000,000 messages; otherwise 100.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define KICKERS 64
#define WAITERS 4

static int stop;
static unsigned long
	*taken; /* shared by all processes: messages of each waiter */

static void *work_kick(void *unused)
{
	int fd = device(O_RDWR);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		check(!ioctl(fd, VFIFO_KICK));
		sleep_ms(5);
	}
	close(fd);
	return unused;
}

static void work_wait(void *number)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd;
	char c;

	fd = device(O_RDONLY | O_NONBLOCK);
	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	for (;;) {
		check_equal(epoll_wait(epoll, &e, 1, -1), 1);
		check_equal(e.events, EPOLLIN);
		if (read(fd, &c, 1) == 1)
			__atomic_add_fetch(&taken[(uintptr_t)number], 1,
					   __ATOMIC_SEQ_CST);
		else
			check_equal(errno, EAGAIN);
		e.events = EPOLLIN | EPOLLONESHOT;
		check(!epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e));
	}
}

static unsigned long all_taken(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < WAITERS; i++)
		sum += __atomic_load_n(&taken[i], __ATOMIC_SEQ_CST);
	return sum;
}

static void start_waiters(pid_t *pids)
{
	for (int i = 0; i < WAITERS; i++)
		pids[i] = start(work_wait, (void *)(uintptr_t)i);
	for (int i = 0; i < WAITERS; i++)
		wait_asleep(pids[i], "epoll_wait");
}

static void kill_waiters(const pid_t *pids)
{
	int status;

	for (int i = 0; i < WAITERS; i++) {
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], &status, 0), pids[i]);
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static void each_message_arrives(unsigned long messages)
{
	pthread_t threads[KICKERS];
	pid_t pids[WAITERS];
	struct raw producer;

	start_waiters(pids);
	raw_claim(&producer, VFIFO_PRODUCER);
	for (int i = 0; i < KICKERS; i++)
		check(!pthread_create(&threads[i], NULL, work_kick, NULL));
	for (unsigned long i = 1; i <= messages; i++) {
		const double until = now() + 20;

		raw_put(&producer, 1, i);
		while (all_taken() != i) {
			if (now() > until)
				fail("message %lu is not taken", i);
			sched_yield();
		}
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < KICKERS; i++)
		check(!pthread_join(threads[i], NULL));
	raw_release(&producer);
	kill_waiters(pids);
	check_equal(all_taken(), messages);
}

/* The byte is stored, or a waiter has read it, which may have been killed before it counted it. */
static void check_whole(long long before)
{
	check_equal(attribute("size") + attribute("stats/out_bytes"),
		    before + 1);
}

static void without_kicks_they_can_be_killed(void)
{
	const long long out = attribute("stats/out_bytes");
	const unsigned long before = all_taken();
	struct raw producer;
	pid_t pids[WAITERS];

	start_waiters(pids);
	raw_claim(&producer, VFIFO_PRODUCER);
	sleep_ms(300); /* the claim wakes them; they wait again */
	raw_here(&producer)[0] = 1;
	*producer.at[VFIFO_PRODUCER] = ++producer.own;
	sleep_ms(300);
	check_equal(all_taken(), before);
	kill_waiters(pids);
	/* The end of one wakes the others, which may take the byte. */
	check_whole(out);
	raw_release(&producer);
	check_whole(out);
}

int main(void)
{
	taken = mmap(NULL, WAITERS * sizeof(*taken), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(taken != MAP_FAILED);
	run_case(each_message_arrives(share(10000000, 100)));
	run_case(without_kicks_they_can_be_killed());
	return 0;
}
