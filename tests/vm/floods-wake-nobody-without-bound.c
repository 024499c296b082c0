// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An unprivileged user repeats an operation in a loop. Operations that concern no other process
 * wake others a bounded number of times a second. If one does concern them, they are woken at
 * once, or within an eighth of a second, the greatest delay of a notice.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define POLLERS 50
/* 8 immediate and 8 delayed notices a second. Only one side has pollers. */
#define MOST(seconds) (16 * ((seconds) + 1))

#define TURNS 500

/* More than is available during a flood, so the pollers wait. */
#define WATERMARK 60000
#define TOO_LITTLE 10000

static const short event_of[] = { POLLOUT, POLLIN };
static char bytes[CAPACITY];

/* Shared by this process, the flooder and the pollers. */
static struct shared {
	enum vfifo_end polled;	    /* the side of the pollers */
	unsigned int round;	    /* the pollers poll once in each */
	unsigned int told[POLLERS]; /* the last round in which each was woken */
	unsigned long turns;	    /* of the flooder */
} * shared;

/* --- floods --------------------------------------------------------------------------- */

static void turn(void)
{
	__atomic_add_fetch(&shared->turns, 1, __ATOMIC_RELAXED);
}

static unsigned long turns(void)
{
	return __atomic_load_n(&shared->turns, __ATOMIC_RELAXED);
}

static void claim_and_release(void *end)
{
	int fd = device(O_RDWR);

	for (;; turn()) {
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
	for (;; turn())
		close(dup(fd));
}

static void clear(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	for (;; turn())
		check(!ioctl(fd, VFIFO_CLEAR));
}

/* Kicks while another file has claimed the other side. */
static void kick(void *unused)
{
	struct raw raw;
	int fd = device(O_RDWR);

	(void)unused;
	raw_claim(&raw, other(shared->polled));
	for (;; turn())
		check(!ioctl(fd, VFIFO_KICK));
}

static void switch_the_mode(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	for (int mode = 0;; mode = !mode, turn())
		check(!ioctl(fd, VFIFO_SET_MODE, &mode));
}

/* Stores an invalid and a valid position in turn, each seen by a call. */
static void break_and_mend(void *unused)
{
	struct pollfd p = { .fd = device(O_RDWR) };
	struct raw raw;

	(void)unused;
	raw_claim(&raw, other(shared->polled));
	for (;; turn()) {
		*raw.at[raw.end] = raw.own + 2 * CAPACITY;
		check_equal(poll(&p, 1, 0), 1);
		check_equal(p.revents, POLLERR);
		*raw.at[raw.end] = raw.own;
		check_equal(poll(&p, 1, 0), 0);
	}
}

/* With `eof`, each open and close of a writer ends and continues the stream. */
static void come_and_go_as_a_writer(void *unused)
{
	(void)unused;
	for (;; turn())
		close(device(O_WRONLY));
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

/* --- the pollers ---------------------------------------------------------------------- */

/* Any other event is a temporary error or end of file, after which the poller continues. */
static void poll_until_ready(int fd, short event)
{
	struct pollfd p = { .fd = fd, .events = event };

	for (;;) {
		check_equal(poll(&p, 1, -1), 1);
		if (p.revents & event)
			return;
		sleep_ms(20);
	}
}

static void epoll_until_ready(int fd, short event)
{
	struct epoll_event e = { .events = EPOLLET | event };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	do
		check_equal(epoll_wait(epoll, &e, 1, -1), 1);
	while (!(e.events & (uint32_t)event));
	close(epoll);
}

static void work_poll(void *number)
{
	const unsigned int me = (uintptr_t)number;
	int fd = device(shared->polled == VFIFO_CONSUMER ? O_RDONLY : O_WRONLY);

	for (unsigned int round = 1;; round++) {
		while (__atomic_load_n(&shared->round, __ATOMIC_ACQUIRE) <
		       round)
			usleep(5000);
		if (me % 2)
			epoll_until_ready(fd, event_of[shared->polled]);
		else
			poll_until_ready(fd, event_of[shared->polled]);
		__atomic_store_n(&shared->told[me], round, __ATOMIC_RELEASE);
	}
}

static unsigned long times_asleep(pid_t pid)
{
	unsigned long n = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	fclose(f);
	return n;
}

static pid_t pollers[POLLERS];

static void start_pollers(enum vfifo_end end)
{
	shared->polled = end;
	shared->round = 0;
	for (uintptr_t i = 0; i < POLLERS; i++) {
		shared->told[i] = 0;
		pollers[i] = start(work_poll, (void *)i);
	}
}

static void stop_pollers(void)
{
	for (int i = 0; i < POLLERS; i++) {
		check(!kill(pollers[i], SIGKILL));
		check_equal(waitpid(pollers[i], NULL, 0), pollers[i]);
	}
}

static void all_poll(void)
{
	__atomic_add_fetch(&shared->round, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < POLLERS; i++)
		wait_asleep(pollers[i], "poll");
}

/* There are bytes, or room, for the pollers: they are woken within a second. */
static void all_are_woken(const char *name)
{
	const unsigned int round = shared->round;
	const double began = now(), until = began + (slow_kernel() ? 5 : 1);

	for (int i = 0; i < POLLERS; i++) {
		while (__atomic_load_n(&shared->told[i], __ATOMIC_ACQUIRE) !=
		       round) {
			if (now() > until)
				fail("%s: then poller %d is not woken", name,
				     i);
			usleep(1000);
		}
	}
	printf("# %s: then woken within %.3f s\n", name, now() - began);
}

/* --- both ----------------------------------------------------------------------------- */

static void put(size_t n)
{
	int fd = device(O_WRONLY);

	check_equal(write(fd, bytes, n), n);
	close(fd);
}

static void take(size_t n)
{
	int fd = device(O_RDONLY);

	check_equal(read(fd, bytes, n), n);
	close(fd);
}

static void check_bound(const char *name, const char *what, long long n,
			double seconds)
{
	printf("# %s: %lld %s in %.1f s\n", name, n, what, seconds);
	if (n > MOST(seconds))
		fail("%s: %lld %s in %.1f s", name, n, what, seconds);
}

/* If the pollers poll again by themselves, only the kernel's own count is meaningful. */
static void flood(const char *name, void (*work)(void *), void *argument,
		  bool pollers_sleep)
{
	const char *eof = work == come_and_go_as_a_writer ? "1" : "0";
	const bool consumer = shared->polled == VFIFO_CONSUMER;
	struct flood f = { work, argument };
	unsigned long asleep[POLLERS], most = 0;
	long long woken;
	double began, seconds;
	pid_t pid;

	check_equal(set_attribute("mode", "0"), 0);
	check_equal(set_attribute("clear", "1"), 0);
	subtest("%s", name);
	if (!consumer)
		put(TOO_LITTLE);
	all_poll();
	check_equal(set_attribute("eof", eof), 0);

	shared->turns = 0;
	woken = attribute("stats/wakeups");
	for (int i = 0; i < POLLERS; i++)
		asleep[i] = times_asleep(pollers[i]);
	began = now();
	pid = start(work_as_alice, &f);
	sleep_ms(user_mode_linux() ? 700 : 1500);
	/* A busy machine can need longer for a flood. */
	while (turns() < TURNS && now() < began + 20)
		sleep_ms(10);
	check(turns() >= TURNS);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_equal(set_attribute("eof", "0"), 0);
	sleep_ms(150); /* for the last notice, which can be delayed */
	woken = attribute("stats/wakeups") - woken;
	seconds = now() - began;
	for (int i = 0; i < POLLERS; i++) {
		asleep[i] = times_asleep(pollers[i]) - asleep[i];
		if (asleep[i] > most)
			most = asleep[i];
	}

	printf("# %s: %lu turns\n", name, turns());
	check_bound(name, "wake-ups of all", woken, seconds);
	if (pollers_sleep)
		check_bound(name, "of a poller", most, seconds);

	if (consumer)
		put(WATERMARK);
	else
		take(TOO_LITTLE);
	all_are_woken(name);
}

static void floods_by_all_means(enum vfifo_end end)
{
	start_pollers(end);
	flood("claim and release the consumer side", claim_and_release,
	      (void *)VFIFO_CONSUMER, true);
	flood("claim and release the producer side", claim_and_release,
	      (void *)VFIFO_PRODUCER, true);
	flood("close copies of a file", close_copies, NULL, true);
	flood("kick", kick, NULL, true);
	flood("switch the mode", switch_the_mode, NULL, true);
	flood("break and mend", break_and_mend, NULL, false);
	if (end == VFIFO_CONSUMER) {
		flood("clear", clear, NULL, true);
		flood("come and go as a writer", come_and_go_as_a_writer, NULL,
		      false);
	}
	stop_pollers();
}

/* A change that concerns the pollers is reported at once, among many that do not. */
static void woken_by_a_byte(void)
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
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	woken_by_a_byte();
	check_equal(set_attribute("generator/period_us", "3600000000"), 0);

	check_equal(set_attribute("read_watermark", "60000"), 0);
	floods_by_all_means(VFIFO_CONSUMER);
	check_equal(set_attribute("clear", "1"), 0);
	check_equal(set_attribute("read_watermark", "1"), 0);
	check_equal(set_attribute("write_watermark", "60000"), 0);
	floods_by_all_means(VFIFO_PRODUCER);
	return 0;
}
