// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever allocation or copy fails, and each in turn: a clear errno, nothing changed,
 * nothing lost, nothing left. Needs a kernel with fault injection, such as the debug
 * kernel, whose kmemleak then also tells what was forgotten.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define CLASS "/sys/class/vfifo/"
#define DEBUG "/sys/kernel/debug/"

static int fail_nth; /* the file that does it, for this process */
static char bytes[12288];

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s to %s: %s", text, path, strerror(errno));
	close(fd);
}

/* All allocations count, and nothing is said of those that fail. */
static void set_up(void)
{
	put(DEBUG "failslab/ignore-gfp-wait", "N");
	put(DEBUG "failslab/verbose", "0");
	put(DEBUG "fail_page_alloc/ignore-gfp-wait", "N");
	put(DEBUG "fail_page_alloc/ignore-gfp-highmem", "N");
	put(DEBUG "fail_page_alloc/min-order", "0");
	put(DEBUG "fail_page_alloc/verbose", "0");
	put(DEBUG "fail_usercopy/verbose", "0");
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	check(fail_nth >= 0);
}

static void arm(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	check(pwrite(fail_nth, text, strlen(text), 0) > 0);
}

/* How many are still to go: 0 if it has come to the one that was to fail. */
static int left(void)
{
	char text[16] = "";

	/* If it is this very copy that fails, that was the last one to go. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return 1;
	return atoi(text);
}

static int disarm(void)
{
	int hit = !left();

	while (pwrite(fail_nth, "0", 1, 0) < 0)
		check(errno == EFAULT);
	return hit;
}

/* Does it with that one failing. Return: whether it came to that one. */
static int with_failure(const char *what, int n, int (*act)(void),
			void (*undo)(void), void (*look)(void), int *failures)
{
	int err, hit;

	arm(n);
	err = act();
	hit = disarm();
	if (!err) {
		undo();
		return hit;
	}
	check(hit);
	if (err != ENOMEM && err != EFAULT)
		fail("%s, failure %d: %s", what, n, strerror(err));
	(*failures)++;
	look();
	return hit;
}

/*
 * Does it with the first, then the second failing and so on until none does. `act`
 * returns 0 or an errno; `undo` is called after a success, `look` after a failure.
 */
static void in_turn(const char *what, int (*act)(void), void (*undo)(void),
		    void (*look)(void))
{
	int failures = 0, n = 1;

	while (with_failure(what, n, act, undo, look, &failures))
		n++;
	printf("%s: %d of %d failed it\n", what, failures, n - 1);
}

static int fd;

static int load_with(const char *parameters)
{
	int ret, ko = open(getenv("VFIFO_KO"), O_RDONLY | O_CLOEXEC);

	if (ko < 0)
		return errno;
	ret = syscall(SYS_finit_module, ko, parameters, 0) ? errno : 0;
	close(ko);
	return ret;
}

/* With no device: each that one needs fails in turn where one is added. */
static int load(void)
{
	return load_with("devices=0");
}

static void unload(void)
{
	check(!syscall(SYS_delete_module, "vfifo", O_NONBLOCK));
}

static void is_not_loaded(void)
{
	check_errno(access(CLASS, F_OK), ENOENT);
	check_errno(access("/sys/module/vfifo", F_OK), ENOENT);
	check_errno(access(DEVICE, F_OK), ENOENT);
}

/*
 * The kernel's loader makes hundreds before our init makes some twenty, after which a
 * few more follow, and a load takes seconds on this kernel: every other of the last
 * ones. How many there are, and which of them nobody misses, differs from load to load.
 */
static void in_loading(void)
{
	const int many = 100000, last = 40;
	int failures = 0, all;

	/* The first load makes more than those that follow. */
	check_equal(load(), 0);
	unload();
	arm(many);
	check_equal(load(), 0);
	all = many - left();
	disarm();
	unload();
	for (int n = all - last; n < all; n += 2)
		with_failure("loading", n, load, unload, is_not_loaded,
			     &failures);
	printf("loading: %d of %d failed it\n", failures, last / 2);
	check(failures);
}

static int store(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC), err;

	if (file < 0)
		return errno;
	err = write(file, text, strlen(text)) < 0 ? errno : 0;
	close(file);
	return err;
}

static int add(void)
{
	return store(CLASS "add", "7");
}

static void remove_it(void)
{
	check_equal(store(CLASS "remove", "7"), 0);
}

static void was_not_added(void)
{
	check_errno(access(CLASS "vfifo7", F_OK), ENOENT);
	check_equal(store(CLASS "remove", "7"), ENODEV);
}

static int enlarge(void)
{
	return store(ATTRIBUTES "capacity", "131072");
}

static void has_all(void)
{
	check_equal(attribute("size"), 1000);
	check_equal(attribute("mappings"), 0);
	check_equal(attribute("producer"), 0);
}

static void shrink(void)
{
	has_all();
	check_equal(set_attribute("capacity", "65536"), 0);
}

static void is_as_it_was(void)
{
	has_all();
	check_equal(attribute("capacity"), CAPACITY);
}

static int claim(void)
{
	uint32_t *at =
		map_page(fd, VFIFO_MMAP_PRODUCER, PROT_READ | PROT_WRITE);

	if (at == MAP_FAILED)
		return errno;
	return munmap(at, PAGE) ? errno : 0;
}

static int send_and_receive(void)
{
	static char back[sizeof(bytes)];
	ssize_t n = write(fd, bytes, sizeof(bytes));

	if (n < 0)
		return errno;
	/* What a failing copy leaves over comes with the next one. */
	for (ssize_t done = 0, one; done < n; done += one) {
		one = read(fd, back + done, n - done);
		if (one < 0)
			one = 0;
	}
	check(!memcmp(back, bytes, n));
	return 0;
}

static void is_empty(void)
{
	check_equal(attribute("size"), 0);
}

static int epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int err = 0, e = epoll_create1(EPOLL_CLOEXEC);

	if (e < 0)
		return errno;
	if (epoll_ctl(e, EPOLL_CTL_ADD, fd, &event))
		err = errno;
	close(e);
	return err;
}

static int async(void)
{
	int err = fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) ? errno : 0;

	if (!err)
		check(!fcntl(fd, F_SETFL, O_NONBLOCK));
	return err;
}

static void nothing(void)
{
}

int main(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK))
		skip("this kernel has no fault injection");
	set_up();
	fill_pattern(bytes, sizeof(bytes), 0);

	in_loading();
	check_equal(load_with(""), 0);
	in_turn("adding", add, remove_it, was_not_added);

	fd = device(O_RDWR | O_NONBLOCK);
	in_turn("write and read", send_and_receive, nothing, is_empty);
	check_equal(write(fd, bytes, 1000), 1000);
	in_turn("claiming", claim, has_all, has_all);
	in_turn("polling", epoll, nothing, has_all);
	in_turn("SIGIO", async, nothing, has_all);
	in_turn("capacity", enlarge, shrink, is_as_it_was);
	close(fd);
	unload();
	is_not_loaded();
	return 0;
}
