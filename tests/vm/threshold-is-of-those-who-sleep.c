// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hundreds of writers with the same need sleep on one side, while the other side is claimed and
 * released repeatedly. The status page always shows their need as the threshold, and in the end
 * each of them is woken. (tests/bench/sleepers.c measures the cost of many sleepers.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define WRITERS 200
#define EACH 4096

static char bytes[CAPACITY];
static int fd;

static void *write_one(void *unused)
{
	(void)unused;
	write_all(fd, bytes, EACH);
	return NULL;
}

static void work_write(void *unused)
{
	pthread_t threads[WRITERS];

	(void)unused;
	for (int i = 0; i < WRITERS; i++)
		check(!pthread_create(&threads[i], NULL, write_one, NULL));
	for (int i = 0; i < WRITERS; i++)
		check(!pthread_join(threads[i], NULL));
}

/* At each claim and each release the kernel checks whether a sleeper can continue. */
static void work_claim(void *unused)
{
	int own = device(O_RDWR);

	(void)unused;
	for (;;) {
		void *at = map_page(own, VFIFO_MMAP_CONSUMER,
				    PROT_READ | PROT_WRITE);

		if (at != MAP_FAILED)
			check(!munmap(at, PAGE));
	}
}

int main(void)
{
	const volatile struct vfifo_status *status;
	pid_t writers, claimer;
	double until;

	fd = device(O_RDWR);
	status = map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);
	check(status != MAP_FAILED);
	write_all(fd, bytes, CAPACITY);
	writers = start(work_write, NULL);
	while (!(status->need & VFIFO_NEED_PRODUCER_SLEEP))
		sleep_ms(1);
	check_equal(status->threshold[VFIFO_PRODUCER], EACH);

	claimer = start(work_claim, NULL);
	for (until = now() + 2; now() < until;) {
		for (int i = 0; i < 10000; i++)
			check_equal(status->threshold[VFIFO_PRODUCER], EACH);
	}
	check(!kill(claimer, SIGKILL));
	check_equal(waitpid(claimer, NULL, 0), claimer);

	for (int left = CAPACITY + WRITERS * EACH; left; left -= EACH)
		read_all(fd, bytes, EACH);
	finish(writers);
	check_equal(status->need, 0);
	check_equal(attribute("size"), 0);
	return 0;
}
