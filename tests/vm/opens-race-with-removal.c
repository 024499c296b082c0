// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes open the device, claim a side, store an invalid position, poll, fork and are
 * killed, while the device is removed and added again. Each position that the kernel finds invalid is a
 * message that names the device, also after its removal. In the end nothing holds the module.
 *
 * In full: 10,000 removals, and as many invalid positions at least; otherwise 200.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define MEMBERS 3

static volatile unsigned long *lies; /* of all processes */

static void change(const char *name)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check_equal(write(fd, "0", 1), 1);
	close(fd);
}

static void lie(int fd, off_t side, unsigned int seed)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	struct vfifo_position *page =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, side);
	char byte;

	if (page == MAP_FAILED) {
		check(errno == EBUSY || errno == ENODEV);
		return;
	}
	__atomic_add_fetch(lies, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&page->position, page->position + CAPACITY + 1 + seed,
			 __ATOMIC_RELEASE);
	check(poll(&p, 1, 0) >= 0);
	if (read(fd, &byte, 1) < 0)
		check(errno == EAGAIN || errno == EIO || errno == EBUSY ||
		      errno == ENODEV);
	ioctl(fd, VFIFO_KICK);
	if (seed % 16 == 0 && !fork())
		_exit(0);
	munmap(page, PAGE);
}

static void *thread(void *number)
{
	const bool second = number;

	for (unsigned int seed = 0;; seed++) {
		int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0) {
			check(errno == ENOENT || errno == ENXIO ||
			      errno == ENODEV);
			continue;
		}
		lie(fd, second ? VFIFO_MMAP_PRODUCER : VFIFO_MMAP_CONSUMER,
		    seed);
		close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	return NULL;
}

static void work(void *unused)
{
	pthread_t other;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(!pthread_create(&other, NULL, thread, (void *)1));
	thread(NULL);
}

static void killed(pid_t pid)
{
	check_equal(waitpid(pid, NULL, WNOHANG), 0);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const unsigned long times = share(10000, 200);
	pid_t pids[MEMBERS];

	check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	lies = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(lies != MAP_FAILED);
	for (int i = 0; i < MEMBERS; i++)
		pids[i] = start(work, NULL);
	/* The processes may need longer than the removals. */
	for (unsigned long i = 0; i < times || *lies < times; i++) {
		change("/sys/class/vfifo/remove");
		change("/sys/class/vfifo/add");
		if (i % 8 == 0) {
			killed(pids[i / 8 % MEMBERS]);
			pids[i / 8 % MEMBERS] = start(work, NULL);
		}
	}
	for (int i = 0; i < MEMBERS; i++)
		killed(pids[i]);
	/* What these had forked may still hold a file. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	check_equal(unload_module(), 0);
	check_equal(load_module(""), 0);
	return 0;
}
