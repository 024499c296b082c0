// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * While `add` fails, and while the module fails to load, nothing can be opened, not even
 * by a node of mknod(2) that is older than the device. So no mode becomes 1 in a device
 * that is about to be freed. Every allocation fails in turn, while two threads open the
 * node and set the mode. Needs a kernel with fault injection, such as the debug kernel,
 * which also reports a timer that is freed while it runs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "testlib.h"

#define CLASS "/sys/class/vfifo/"
#define DEBUG "/sys/kernel/debug/"
#define MINOR "3"
#define NODE "node"
#define OPENERS 2

static int fail_nth; /* the file that does it, for this thread */
static unsigned long failures;

/* --- who opens ---------------------------------------------------------------- */

static struct {
	unsigned long turns[OPENERS];
	unsigned long opened;
	bool pause, stop;
} openers;

static void open_and_start(void)
{
	const int on = 1;
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		check(errno == ENXIO || errno == ENODEV);
		return;
	}
	__atomic_fetch_add(&openers.opened, 1, __ATOMIC_SEQ_CST);
	/* It may be removed by now. */
	check(!ioctl(fd, VFIFO_SET_MODE, &on) || errno == ENODEV);
	close(fd);
}

static void *work_open(void *turns)
{
	while (!__atomic_load_n(&openers.stop, __ATOMIC_SEQ_CST)) {
		if (__atomic_load_n(&openers.pause, __ATOMIC_SEQ_CST))
			sleep_ms(1);
		else
			open_and_start();
		__atomic_fetch_add((unsigned long *)turns, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Each has ended the turn that it was in, and one more. */
static void wait_for_openers(void)
{
	unsigned long from[OPENERS];

	for (int i = 0; i < OPENERS; i++)
		from[i] = __atomic_load_n(&openers.turns[i], __ATOMIC_SEQ_CST);
	for (int i = 0; i < OPENERS; i++)
		while (__atomic_load_n(&openers.turns[i], __ATOMIC_SEQ_CST) -
			       from[i] <
		       2)
			usleep(100);
}

static unsigned long opened(void)
{
	wait_for_openers();
	return __atomic_load_n(&openers.opened, __ATOMIC_SEQ_CST);
}

static void pause_openers(bool pause)
{
	__atomic_store_n(&openers.pause, pause, __ATOMIC_SEQ_CST);
	wait_for_openers();
}

/* --- what fails --------------------------------------------------------------- */

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

static int store(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC), err;

	if (file < 0)
		return errno;
	err = write(file, text, strlen(text)) < 0 ? errno : 0;
	close(file);
	return err;
}

static int load(void)
{
	int ret, ko = open(getenv("VFIFO_KO"), O_RDONLY | O_CLOEXEC);

	if (ko < 0)
		return errno;
	ret = syscall(SYS_finit_module, ko, "", 0) ? errno : 0;
	close(ko);
	return ret;
}

static void unload(void)
{
	pause_openers(true);
	check(!syscall(SYS_delete_module, "vfifo", O_NONBLOCK));
	pause_openers(false);
}

static int add(void)
{
	return store(CLASS "add", MINOR);
}

static void remove_it(void)
{
	check_equal(store(CLASS "remove", MINOR), 0);
}

/*
 * Does it with that one failing, and undoes it where it works all the same.
 *
 * Return: whether it came to that one. @too_early: how many were opened though it failed.
 */
static bool with_failure(int n, int (*act)(void), void (*undo)(void),
			 unsigned long *too_early)
{
	const unsigned long before = opened();
	bool hit;
	int err;

	arm(n);
	err = act();
	hit = disarm();
	if (!err) {
		undo();
	} else {
		check(err == ENOMEM || err == EFAULT);
		failures++;
		*too_early += opened() - before;
	}
	return hit;
}

static void in_adding(void)
{
	unsigned long too_early = 0;
	int n = 1;

	failures = 0;
	while (with_failure(n, add, remove_it, &too_early))
		n++;
	printf("adding: %lu of %d failed it, %lu opened meanwhile\n", failures,
	       n - 1, too_early);
	check(failures);
	check_equal(too_early, 0);
}

/*
 * The loader makes hundreds, and a load takes seconds on this kernel: from the last one
 * backwards, until three have failed it, as those are nearest to where all is done. (Of
 * those after that nobody misses any.)
 */
static void in_loading(void)
{
	const int many = 100000, most = 120, step = 3;
	unsigned long too_early = 0;
	int all, n;

	arm(many);
	check_equal(load(), 0);
	all = many - left();
	disarm();
	unload();
	failures = 0;
	for (n = all; n > all - most && failures < 3; n -= step)
		with_failure(n, load, unload, &too_early);
	printf("loading: %lu of the last %d failed it, %lu opened meanwhile\n",
	       failures, all - n, too_early);
	check(failures);
	check_equal(too_early, 0);
}

/* The major stays the same from load to load, as nobody else takes it. */
static void make_node(int number)
{
	struct stat st;

	unlink(NODE);
	check(!stat(DEVICE, &st));
	check(!mknod(NODE, S_IFCHR | 0600, makedev(major(st.st_rdev), number)));
}

int main(void)
{
	pthread_t threads[OPENERS];
	unsigned long times;

	if (access("/proc/thread-self/fail-nth", W_OK))
		skip("this kernel has no fault injection");
	set_up();
	times = share(40, 16);

	/* The first load makes more allocations than those that follow. */
	check_equal(load(), 0);
	make_node(atoi(MINOR));
	for (int i = 0; i < OPENERS; i++)
		check(!pthread_create(&threads[i], NULL, work_open,
				      &openers.turns[i]));
	for (unsigned long i = 0; i < times; i++)
		in_adding();

	/* Of the device that is there when the module is. */
	pause_openers(true);
	make_node(0);
	unload();
	in_loading();
	__atomic_store_n(&openers.stop, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < OPENERS; i++)
		check(!pthread_join(threads[i], NULL));
	return 0;
}
