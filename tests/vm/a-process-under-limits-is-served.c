// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of no bytes and of more than 2 GiB, processes with resource limits, no_new_privs, seccomp or
 * a user namespace of their own, and one that is frozen in the middle of a call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define HUGE ((size_t)3 << 30)

static char bytes[CAPACITY];
static int fd;

static void calls_of_nothing(void)
{
	check_equal(read(fd, NULL, 0), 0);
	check_equal(write(fd, NULL, 0), 0);
	write_all(fd, bytes, CAPACITY);
	check_equal(write(fd, NULL, 0), 0);
	check_equal(attribute("size"), CAPACITY);
	read_all(fd, bytes, CAPACITY);
	check_equal(read(fd, NULL, 0), 0);
}

static void huge_calls(void)
{
	/* Lengths that no address space has; volatile, as the compiler would refuse them. */
	volatile size_t too_much[] = { SIZE_MAX, SIZE_MAX / 2 + 1 };
	int some = device(O_RDWR | O_NONBLOCK);
	char *p;

	if (sizeof(size_t) == 4)
		return; /* no process has so much memory */
	p = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(p != MAP_FAILED);
	fill_pattern(p, CAPACITY, 0);
	check_equal(write(some, p, HUGE), CAPACITY);
	memset(p, 0, CAPACITY);
	check_equal(read(some, p, HUGE), CAPACITY);
	check_pattern(p, CAPACITY, 0);
	check_errno(read(some, p, HUGE), EAGAIN);
	for (int i = 0; i < 2; i++) {
		check_errno(write(some, p, too_much[i]), EFAULT);
		check_errno(read(some, p, too_much[i]), EFAULT);
	}
	check_equal(attribute("size"), 0);
	check(!munmap(p, HUGE));
	close(some);
}

/* Uses both sides by system calls. */
static void use(void)
{
	char c = 0;

	check_equal(write(fd, "x", 1), 1);
	check_equal(read(fd, &c, 1), 1);
	check_equal(c, 'x');
}

static void work_under_limits(void *unused)
{
	static const struct rlimit none = { 0, 0 };
	uint32_t *at;

	(void)unused;
	check(!setrlimit(RLIMIT_FSIZE, &none));
	check(!setrlimit(RLIMIT_MEMLOCK, &none));
	check(!setrlimit(RLIMIT_SIGPENDING, &none));
	check(!setrlimit(RLIMIT_DATA, &none));
	become_alice();
	for (int i = 0; i < 100; i++)
		use();
	at = map_page(fd, VFIFO_MMAP_CONSUMER, PROT_READ | PROT_WRITE);
	check(at != MAP_FAILED);
	check_errno(mlock(at, PAGE), EPERM);
	check_equal(attribute("consumer"), getpid());
	/* No file more: a claim needs none. */
	check(!munmap(at, PAGE));
	check(!setrlimit(RLIMIT_NOFILE, &none));
	check_errno(open(DEVICE, O_RDWR), EMFILE);
	at = map_page(fd, VFIFO_MMAP_CONSUMER, PROT_READ | PROT_WRITE);
	check(at != MAP_FAILED);
	check_errno(read(fd, bytes, 1), EBUSY);
}

static void limits(void)
{
	finish(start(work_under_limits, NULL));
	check_equal(attribute("consumer"), 0);
	check_equal(attribute("mappings"), 0);
	use();
}

static void work_without_new_privileges(void *unused)
{
	char c = 0;

	(void)unused;
	become_alice();
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	use();
	/* Only read, write and exit are left. Some kernels do not have it. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) {
		check_equal(errno, EINVAL);
		return;
	}
	if (write(fd, "x", 1) != 1 || read(fd, &c, 1) != 1 || c != 'x')
		syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
}

static void no_new_privileges(void)
{
	finish(start(work_without_new_privileges, NULL));
	check_equal(attribute("size"), 0);
}

/* To be root in a namespace gives no right to the attributes. Some kernels have no namespaces. */
static void work_as_root_of_a_namespace(void *unused)
{
	int attributes;

	(void)unused;
	become_alice();
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER)) {
		check(errno == EINVAL || errno == EPERM || errno == ENOSPC);
		return;
	}
	attributes = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	check_equal(write(attributes, "0 1000 1", 8), 8);
	close(attributes);
	check_equal(geteuid(), 0);
	check_errno(open(ATTRIBUTES "capacity", O_WRONLY), EACCES);
	check_errno(open(ATTRIBUTES "consumer", O_WRONLY), EACCES);
	check_errno(open("/sys/class/vfifo/add", O_WRONLY), EACCES);
	use();
}

static void user_namespace(void)
{
	finish(start(work_as_root_of_a_namespace, NULL));
}

/* --- a frozen process ----------------------------------------------------------------- */

#define CGROUP "frozen/one"

static void store(const char *file, const char *text)
{
	int f = open(file, O_WRONLY | O_CLOEXEC);

	check(f >= 0);
	check_equal(write(f, text, strlen(text)), strlen(text));
	close(f);
}

static void freeze(const char *bit)
{
	char events[256] = "", want[16];
	int f = open(CGROUP "/cgroup.events", O_RDONLY | O_CLOEXEC);

	check(f >= 0);
	store(CGROUP "/cgroup.freeze", bit);
	snprintf(want, sizeof(want), "frozen %s", bit);
	for (double until = now() + 20; !strstr(events, want);) {
		check(now() < until);
		check(pread(f, events, sizeof(events) - 1, 0) > 0);
	}
	close(f);
}

static void work_read(void *unused)
{
	char got[10];

	(void)unused;
	store(CGROUP "/cgroup.procs", "0");
	read_all(fd, got, sizeof(got));
	check_pattern(got, sizeof(got), 0);
}

/* Bytes that come meanwhile are for others, and the frozen call continues later. */
static void frozen_in_a_call(void)
{
	pid_t pid;

	check(!mkdir("frozen", 0700));
	if (mount("cgroup2", "frozen", "cgroup2", 0, NULL)) {
		check_equal(errno, ENODEV); /* a kernel without cgroups */
		return;
	}
	check(!mkdir(CGROUP, 0700));
	pid = start(work_read, NULL);
	wait_asleep(pid, "vfifo_ring_wait");
	freeze("1");
	for (int i = 0; i < 100; i++)
		use();
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);
	check_equal(waitpid(pid, NULL, WNOHANG), 0);
	freeze("0");
	fill_pattern(bytes, 10, 0);
	write_all(fd, bytes, 10);
	finish(pid);
	check(!rmdir(CGROUP));
	check(!umount("frozen"));
}

int main(void)
{
	fd = device(O_RDWR);
	run_case(calls_of_nothing());
	run_case(huge_calls());
	run_case(limits());
	run_case(no_new_privileges());
	run_case(user_namespace());
	run_case(frozen_in_a_call());
	return 0;
}
