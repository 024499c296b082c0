// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process holds both sides and moves them all the time. The kernel loads one position after the
 * other, so a pair can be one that never was. A FIFO is not broken by that: no look at the positions
 * says so, whichever side the kernel looks at first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static unsigned long *moves;

static void work_move(void *unused)
{
	struct raw producer, consumer;

	(void)unused;
	raw_claim(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	for (;;) {
		raw_move(&producer, raw_room(&producer));
		raw_move(&consumer, raw_room(&consumer));
		__atomic_add_fetch(moves, 2, __ATOMIC_RELAXED);
	}
}

static void look(const struct pollfd *file, unsigned long i)
{
	struct pollfd p = *file;

	if (i % 8)
		check(!ioctl(p.fd, VFIFO_KICK));
	/* For no event: an error is reported all the same. */
	check(poll(&p, 1, 0) >= 0);
	if (p.revents & POLLERR)
		fail("look %lu: the FIFO is broken", i);
}

int main(void)
{
	const unsigned long looks = share(1000000, 60000);
	struct pollfd files[2] = { { .fd = device(O_RDONLY) },
				   { .fd = device(O_WRONLY) } };
	unsigned long before;
	pid_t pid;

	moves = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(moves != MAP_FAILED);
	pid = start(work_move, NULL);
	while (!__atomic_load_n(moves, __ATOMIC_RELAXED))
		sleep_ms(1);
	before = __atomic_load_n(moves, __ATOMIC_RELAXED);
	for (unsigned long i = 0; i < looks; i++)
		look(&files[i & 1], i);
	printf("# %lu moves meanwhile\n",
	       __atomic_load_n(moves, __ATOMIC_RELAXED) - before);
	check(__atomic_load_n(moves, __ATOMIC_RELAXED) > before);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	return 0;
}
