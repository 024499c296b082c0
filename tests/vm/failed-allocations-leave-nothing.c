// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each allocation and each copy to or from user memory fails in turn. Each time the call must
 * return ENOMEM or EFAULT, change nothing, lose no byte and leave nothing behind. Needs a
 * kernel with fault injection, such as the debug kernel, whose kmemleak then also finds memory
 * that is not freed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"
#include "raw.h"
#include "testlib.h"

static char bytes[12288];

/*
 * Calls act() while the n-th allocation or copy fails; then undo() after a success, or
 * verify() after a failure. Returns whether act() made that many.
 */
static bool with_failure(int n, int (*act)(void), void (*undo)(void),
			 void (*verify)(void), int *failures)
{
	int err;
	bool reached = with_fault(n, act, &err);

	if (!err) {
		undo();
		return reached;
	}
	check(reached);
	(*failures)++;
	verify();
	return reached;
}

/* Has each allocation and copy of act() fail in turn. */
static void in_turn(const char *what, int (*act)(void), void (*undo)(void),
		    void (*verify)(void))
{
	int failures = 0, n = 1;

	subtest("%s", what);
	while (with_failure(n, act, undo, verify, &failures))
		n++;
	printf("# %s: %d of %d failed it\n", what, failures, n - 1);
}

static int fd;

/* Without a device: adding one is a case of its own. */
static int load(void)
{
	return load_module("devices=0");
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
 * A load makes hundreds of allocations before the module's init makes some twenty, after which
 * a few more follow, and takes seconds on this kernel. So every other one of the last 40 fails.
 * The number differs from load to load, and a load survives some of the failures.
 */
static void in_loading(void)
{
	const int last = 40;
	int failures = 0, all;

	subtest("load");
	/* The first load makes more allocations than later ones. */
	check_equal(load(), 0);
	unload();
	all = count_faults(load);
	unload();
	for (int n = all - last; n < all; n += 2)
		with_failure(n, load, unload, is_not_loaded, &failures);
	printf("# load: %d of %d failed it\n", failures, last / 2);
	check(failures);
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

static void is_unchanged(void)
{
	has_all();
	check_equal(attribute("capacity"), CAPACITY);
	check_attribute("memory", "cached");
}

static const char *kind;

static int change_kind(void)
{
	return store(ATTRIBUTES "memory", kind);
}

static void change_back(void)
{
	has_all();
	check_equal(set_attribute("memory", "cached"), 0);
}

static int export_and_close(void)
{
	struct vfifo_export export = { .flags = O_CLOEXEC };

	if (ioctl(fd, VFIFO_EXPORT, &export))
		return errno;
	close(export.fd);
	return 0;
}

/* An mmap(2) that fails half way leaves no mapping. */
static int map_data(void)
{
	void *at = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);

	if (at == MAP_FAILED)
		return errno;
	return munmap(at, 2 * CAPACITY) ? errno : 0;
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
	/* The next read gets what a failing copy has left. */
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
	static const char *const kinds[] = { "write-combining", "uncached",
					     "coherent", "contiguous" };

	set_up_faults();
	fill_pattern(bytes, sizeof(bytes), 0);

	in_loading();
	check_equal(load_module(""), 0);
	in_turn("add", add, remove_it, was_not_added);

	fd = device(O_RDWR | O_NONBLOCK);
	in_turn("write and read", send_and_receive, nothing, is_empty);
	check_equal(write(fd, bytes, 1000), 1000);
	in_turn("claim", claim, has_all, has_all);
	in_turn("poll", epoll, nothing, has_all);
	in_turn("SIGIO", async, nothing, has_all);
	in_turn("capacity", enlarge, shrink, is_unchanged);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		kind = kinds[i];
		in_turn(kind, change_kind, change_back, is_unchanged);
		check_equal(change_kind(), 0);
		in_turn("map", map_data, has_all, has_all);
		change_back();
	}
	if (export_and_close() != EOPNOTSUPP)
		in_turn("export", export_and_close, has_all, has_all);
	close(fd);
	unload();
	is_not_loaded();
	return 0;
}
