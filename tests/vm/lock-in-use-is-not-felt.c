// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * While a resize holds the locks of both sides to move many bytes: a nonblocking call returns
 * EAGAIN; mmap() waits, and a signal does not interrupt it; what is mapped then is not replaced;
 * mode=0 stops the generator although its work waits for the lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

/*
 * A 32-bit kernel has no address space for more. User-Mode Linux maps the pages of a buffer one by
 * one once its memory is in pieces, and the machine below allows it 65,530 mappings.
 */
#define MIB(in_64_bits, in_32)                           \
	((size_t)(sizeof(long) != 8 ? (in_32) :          \
		  user_mode_linux() ? (in_64_bits) / 2 : \
				      (in_64_bits))      \
	 << 20)
#define LARGER MIB(128, 16)
#define SMALLER MIB(64, 8)
#define STORED MIB(50, 6)

static void ignore(int signal)
{
	(void)signal;
}

static void resizer(void *argument)
{
	(void)argument;
	for (;;) {
		int err = set_capacity(LARGER);

		check(!err || err == EBUSY);
		err = set_capacity(SMALLER);
		check(!err || err == EBUSY);
	}
}

static void nowait_does_not_wait(int fd)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	const double until = now() + 30;

	while (preadv2(fd, &iov, 1, -1, RWF_NOWAIT) == 1)
		if (now() > until)
			fail("a lock was never found in use");
	check_equal(errno, EAGAIN);
	check(attribute("size") > (long long)STORED / 2);
}

static void mode_0_stops_the_generator(void)
{
	for (int i = 0; i < 2; i++) {
		long long size;

		check_equal(set_attribute("mode", "1"), 0);
		sleep_ms(1001 + i);
		check_equal(set_attribute("mode", "0"), 0);
		size = attribute("size");
		sleep_ms(400);
		check_equal(attribute("size"), size);
	}
}

static void mmap_is_not_interrupted(int fd)
{
	struct sigaction action = { .sa_handler = ignore };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };
	const double until = now() + 1;

	check(!sigaction(SIGALRM, &action, NULL));
	check(!setitimer(ITIMER_REAL, &every, NULL));
	while (now() < until) {
		void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

		if (map == MAP_FAILED)
			fail("mmap: %s", strerror(errno));
		check(!munmap(map, PAGE));
	}
	memset(&every, 0, sizeof(every));
	check(!setitimer(ITIMER_REAL, &every, NULL));
}

/* The mapping comes before the resize, or after it. The capacity does not change under it. */
static void mapped_buffer_stays(int fd)
{
	const double until = now() + 1;

	while (now() < until) {
		void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		long long capacity;

		check(map != MAP_FAILED);
		capacity = attribute("capacity");
		sleep_ms(5);
		check_equal(attribute("capacity"), capacity);
		check(!munmap(map, PAGE));
		sleep_ms(1);
	}
}

int main(void)
{
	static char bytes[1 << 20];
	int fd = device(O_RDWR);
	int status;
	pid_t pid;

	check_equal(set_capacity(SMALLER), 0);
	for (size_t i = 0; i < STORED; i += sizeof(bytes))
		write_all(fd, bytes, sizeof(bytes));
	pid = start(resizer, NULL);
	run_case(nowait_does_not_wait(fd));
	run_case(mode_0_stops_the_generator());
	run_case(mmap_is_not_interrupted(fd));
	run_case(mapped_buffer_stays(fd));
	kill(pid, SIGKILL);
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status));
	return 0;
}
