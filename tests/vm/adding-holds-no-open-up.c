// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process lists /dev into memory whose page fault is never served. /dev stays locked, so
 * the creation of a new device's node waits. Opening another device does not wait.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define LENGTH (16 * PAGE)
#define NEW_DEVICE "/sys/class/vfifo/vfifo3"

/* Returns memory whose first access waits for ever. */
static void *stalled_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	void *at;

	check(fd >= 0);
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(at != MAP_FAILED);
	check(!ioctl(fd, UFFDIO_API, &api));
	range.range.start = (uintptr_t)at;
	range.range.len = LENGTH;
	check(!ioctl(fd, UFFDIO_REGISTER, &range));
	return at;
}

static void list(void *unused)
{
	void *memory = stalled_memory();
	int fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)unused;
	check(fd >= 0);
	syscall(SYS_getdents64, fd, memory, LENGTH);
}

static void store(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check_equal(write(fd, "3", 1), 1);
	close(fd);
}

static void add(void *unused)
{
	(void)unused;
	store("/sys/class/vfifo/add");
}

int main(void)
{
	pid_t lister, adder;
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		skip("this kernel has no userfaultfd");
	close(uffd);
	lister = start(list, NULL);
	wait_asleep(lister, "handle_userfault");
	adder = start(add, NULL);
	while (access(NEW_DEVICE, F_OK))
		sleep_ms(1);
	sleep_ms(100);
	check_equal(waitpid(adder, NULL, WNOHANG), 0);

	close(device(O_RDWR));

	check(!kill(lister, SIGKILL));
	check_equal(waitpid(lister, NULL, 0), lister);
	finish(adder);
	store("/sys/class/vfifo/remove");
	return 0;
}
