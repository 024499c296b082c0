// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A 32-bit program with a 32-bit off_t, on a 64-bit kernel if the architecture has both. Each
 * call and mapping works as in other programs. (programs.mk compiles it by its name.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#ifndef NO_32_BITS
_Static_assert(sizeof(void *) == 4, "32 bits");
_Static_assert(sizeof(off_t) == 4, "no large files");
#endif

static int fd;

static void calls(void)
{
	char buffer[8] = "";
	int value = 2;

	check_equal(write(fd, "12345", 5), 5);
	check(!ioctl(fd, FIONREAD, &value));
	check_equal(value, 5);
	check(!ioctl(fd, VFIFO_KICK));
	check(!ioctl(fd, VFIFO_CLEAR));
	check_errno(ioctl(fd, VFIFO_SET_MODE, &value), EINVAL);
	value = 1;
	check(!ioctl(fd, VFIFO_SET_MODE, &value));
	check_equal(attribute("mode"), 1);
	value = 0;
	check(!ioctl(fd, VFIFO_SET_MODE, &value));
	check_errno(read(fd, buffer, 8), EAGAIN);
}

static void work_read(void *unused)
{
	char buffer[10];

	(void)unused;
	check_equal(read(device(O_RDONLY), buffer, 10), 10);
	check_pattern(buffer, 10, 0);
}

static void claims(void)
{
	struct raw producer, consumer;
	pid_t pid;

	raw_claim(&producer, VFIFO_PRODUCER);
	pid = start(work_read, NULL);
	wait_asleep(pid, "vfifo");
	check_equal(producer.status->magic, VFIFO_MAGIC);
	check_equal(producer.status->capacity, CAPACITY);
	check_errno((long)map_page(fd, VFIFO_MMAP_PRODUCER,
				   PROT_READ | PROT_WRITE),
		    EBUSY);
	raw_put(&producer, 10, 0);
	check_equal(producer.kicks, 1);
	finish(pid);

	raw_claim(&consumer, VFIFO_CONSUMER);
	for (uint64_t at = 0; at < 4 * CAPACITY; at += 30000) {
		raw_put(&producer, 30000, at);
		raw_take(&consumer, 30000, at);
	}
	raw_release(&consumer);
	raw_release(&producer);
	check_equal(attribute("size"), 0);
}

int main(void)
{
#ifdef NO_32_BITS
	skip("Debian has no 32-bit programs for this architecture");
#endif
	fd = device(O_RDWR | O_NONBLOCK);
	run_case(calls());
	run_case(claims());
	return 0;
}
