// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A reader that was woken is not woken again for each write that comes before it runs: a blocked
 * read(), poll(), epoll, io_uring, and a mapped consumer. All run on one processor, where the
 * writer goes first. After that the reader finds all bytes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"
#include "waiters.h"

#define WRITES 100

static char bytes[WRITES];

static void on_one_processor(int policy)
{
	const struct sched_param param = { .sched_priority = policy ==
							     SCHED_FIFO };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	check(!sched_setaffinity(0, sizeof(one), &one));
	check(!sched_setscheduler(0, policy, &param));
}

static void await_and_read(void *argument)
{
	const struct waiter *waiter = argument;
	struct waiting w = {
		.fd = device(O_RDONLY | (waiter->blocks ? 0 : O_NONBLOCK)),
		.events = POLLIN,
	};

	on_one_processor(SCHED_OTHER);
	if (waiter->prepare)
		waiter->prepare(&w);
	if (!waiter->blocks)
		waiter->wait(&w);
	check_equal(read(w.fd, bytes, WRITES), WRITES);
}

static void await_mapped(void *unused)
{
	struct vfifo_handle *f;
	void *p;

	(void)unused;
	on_one_processor(SCHED_OTHER);
	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &f), 0);
	check_equal(vfifo_wait(f, 1, WAKE_UP_MS), 0);
	check_equal(vfifo_peek(f, WRITES, &p), WRITES);
	check_equal(vfifo_consume(f, WRITES), 0);
	vfifo_close(f);
}

static const char *sleeps_in(const struct waiter *waiter)
{
	if (waiter->blocks)
		return "vfifo_ring_wait";
	return strstr(waiter->name, "io_uring") ? "io_" : "poll";
}

static void is_woken_once(void (*reader)(void *), const struct waiter *waiter,
			  const char *where)
{
	const int fd = device(O_WRONLY);
	const pid_t pid = start(reader, (void *)waiter);
	long long wakeups;

	wait_asleep(pid, where);
	/* Until the process that is about to sleep does so. */
	sleep_ms(50);
	wakeups = attribute("stats/wakeups");
	on_one_processor(SCHED_FIFO);
	for (int i = 0; i < WRITES; i++)
		check_equal(write(fd, "x", 1), 1);
	wakeups = attribute("stats/wakeups") - wakeups;
	on_one_processor(SCHED_OTHER);
	finish(pid);
	check_equal(wakeups, 1);
	check_equal(attribute("size"), 0);
	close(fd);
}

int main(void)
{
	for (int i = 0; i < nr_waiters; i++) {
		/* SIGIO is sent for each write, as no poll asks for it again. */
		if (!strcmp(waiters[i].name, "SIGIO"))
			continue;
		subtest("%s", waiters[i].name);
		is_woken_once(await_and_read, &waiters[i],
			      sleeps_in(&waiters[i]));
	}
	subtest("a mapped consumer");
	is_woken_once(await_mapped, NULL, "poll");
	return 0;
}
