// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an ordinary user can do in a loop, and what others have no use for, wakes those
 * others a bounded number of times a second. And when there is something for them, they are
 * told at once, or within the eighth of a second that a notice may be late.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define SECONDS 2.0
/* 8 notices at once in each second and 8 late ones, each for both sides. */
#define MOST(seconds) (2 * 16 * ((seconds) + 1))

static void claim_and_release(void *end)
{
	int fd = device(O_RDWR);

	for (;;) {
		void *at = map_page(fd, position_offset((uintptr_t)end),
				    PROT_READ | PROT_WRITE);

		check(at != MAP_FAILED);
		check(!munmap(at, PAGE));
	}
}

static void close_copies(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	for (;;)
		close(dup(fd));
}

static void clear(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	for (;;)
		check(!ioctl(fd, VFIFO_CLEAR));
}

/* While another file has claimed the producer side. */
static void kick(void *unused)
{
	struct raw raw;
	int fd = device(O_RDWR);

	(void)unused;
	raw_claim(&raw, VFIFO_PRODUCER);
	for (;;)
		check(!ioctl(fd, VFIFO_KICK));
}

static void switch_the_mode(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	for (int mode = 0;; mode = !mode)
		check(!ioctl(fd, VFIFO_SET_MODE, &mode));
}

/* Bad and good in turn, and a call that looks. */
static void break_and_mend(void *unused)
{
	int fd = device(O_RDWR | O_NONBLOCK);
	struct raw raw;
	char byte;

	(void)unused;
	raw_claim(&raw, VFIFO_PRODUCER);
	for (;;) {
		*raw.at[VFIFO_PRODUCER] = raw.own + 2 * CAPACITY;
		check_errno(read(fd, &byte, 1), EIO);
		*raw.at[VFIFO_PRODUCER] = raw.own;
		check_errno(read(fd, &byte, 1), EAGAIN);
	}
}

/* It polls for what does not come: read_watermark is more than is ever stored. */
static void poll_in_vain(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)unused;
	for (;;)
		check(poll(&p, 1, 60000) >= 0);
}

struct flood {
	void (*work)(void *);
	void *argument;
};

static void work_as_alice(void *argument)
{
	struct flood *f = argument;

	become_alice();
	f->work(f->argument);
}

static void flood(const char *name, void (*work)(void *), void *argument)
{
	struct flood f = { work, argument };
	const double began = now();
	long long woken;
	pid_t pid;

	woken = attribute("stats/wakeups");
	pid = start(work_as_alice, &f);
	sleep_ms(SECONDS * 1000);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	woken = attribute("stats/wakeups") - woken;
	printf("# %s: %lld wake-ups in %.1f s\n", name, woken, now() - began);
	if (woken > MOST(now() - began))
		fail("%s: %lld wake-ups in %.1f s", name, woken, now() - began);
}

/* A change that matters, after so many that did not. */
static void told_of_a_byte(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd = device(O_RDWR);
	char byte = 0;
	pid_t pid;

	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	pid = start(close_copies, NULL);
	for (int i = 0; i < 100; i++) {
		check_equal(write(fd, &byte, 1), 1);
		check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
		check_equal(read(fd, &byte, 1), 1);
	}
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	close(epoll);
	close(fd);
}

int main(void)
{
	pid_t pollers[10];

	told_of_a_byte();
	check_equal(set_attribute("read_watermark", "60000"), 0);
	for (int i = 0; i < 10; i++)
		pollers[i] = start(poll_in_vain, NULL);
	for (int i = 0; i < 10; i++)
		wait_asleep(pollers[i], "poll");

	flood("claim and release the consumer side", claim_and_release,
	      (void *)VFIFO_CONSUMER);
	flood("claim and release the producer side", claim_and_release,
	      (void *)VFIFO_PRODUCER);
	flood("close copies of a file", close_copies, NULL);
	flood("clear", clear, NULL);
	flood("kick", kick, NULL);
	flood("switch the mode", switch_the_mode, NULL);
	flood("break and mend", break_and_mend, NULL);

	for (int i = 0; i < 10; i++) {
		check(!kill(pollers[i], SIGKILL));
		check_equal(waitpid(pollers[i], NULL, 0), pollers[i]);
	}
	return 0;
}
