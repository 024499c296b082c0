// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A writer and a reader with random sizes get signals all the time, while another process
 * resizes, reads attributes, polls and maps. Each byte arrives once, in order.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testlib.h"

#define TOTAL (64 << 20)
#define LARGEST 100000

static char bytes[LARGEST];

static void ignore(int signal)
{
	(void)signal;
}

static size_t size_for(unsigned int *seed)
{
	static const size_t upto[] = { 10, 300, 5000, LARGEST };

	return 1 + rand_r(seed) % upto[rand_r(seed) % 4];
}

/* Sends a signal every few milliseconds. */
static void rain(int flags)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = flags };
	struct timespec every = { 0, 3000000 };
	struct itimerspec spec = { every, every };
	timer_t timer;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGUSR1 };

	check(!sigaction(SIGUSR1, &action, NULL));
	check(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	check(!timer_settime(timer, 0, &spec, NULL));
}

static void writer(void *argument)
{
	unsigned int seed = 1;
	int fd = device(O_WRONLY);

	(void)argument;
	rain(0);
	for (uint64_t at = 0; at < TOTAL;) {
		size_t n = size_for(&seed);
		ssize_t done;

		if (n > TOTAL - at)
			n = TOTAL - at;
		fill_pattern(bytes, n, at);
		done = write(fd, bytes, n);
		if (done < 0)
			check_equal(errno, EINTR);
		else
			at += done;
	}
}

static void reader(void *argument)
{
	unsigned int seed = 2;
	int fd = device(O_RDONLY);
	uint64_t at = 0;

	(void)argument;
	rain(SA_RESTART);
	while (at < TOTAL) {
		ssize_t done = read(fd, bytes, size_for(&seed));

		check(done > 0);
		check_pattern(bytes, done, at);
		at += done;
	}
	check_equal(at, TOTAL);
}

static int *resized; /* shared memory */

static void meddler(void *argument)
{
	const size_t sizes[] = { PAGE, 2 * PAGE, 16 * PAGE, 1048576 };
	int fd = device(O_RDWR);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	unsigned int seed = 3;

	(void)argument;
	for (;;) {
		int err = set_capacity(sizes[rand_r(&seed) % 4]);
		long long size = attribute("size");
		void *map;

		check(!err || err == EBUSY);
		*resized += !err;
		check(size >= 0 && size <= 1048576);
		check(poll(&p, 1, 0) >= 0);
		map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		check(map != MAP_FAILED);
		check(*(volatile char *)map | 1);
		check(!munmap(map, PAGE));
	}
}

int main(void)
{
	pid_t w, r, m;
	int status;

	resized = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(resized != MAP_FAILED);
	w = start(writer, NULL);
	r = start(reader, NULL);
	m = start(meddler, NULL);
	finish(w);
	finish(r);
	check_equal(attribute("size"), 0);
	check_equal(waitpid(m, &status, WNOHANG), 0);
	check(*resized > 3);
	kill(m, SIGKILL);
	check_equal(waitpid(m, &status, 0), m);
	return 0;
}
