// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * While `add` fails, and while the module fails to load, no process can open the device, not
 * even through a node of mknod(2) that is older than the device. So no process can set mode 1
 * on a device that is about to be freed. Each allocation fails in turn, while two threads open
 * the node and set the mode. Needs a kernel with fault injection, such as the debug kernel,
 * which also reports a timer that is freed while it runs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/vfifo.h>

#include "faults.h"
#include "testlib.h"

#define MINOR "3"
#define NODE "node"
#define OPENERS 2

static unsigned long failures;

/* --- the threads that open ---------------------------------------------------- */

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
	/* The device can have been removed since. */
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

/* Waits until each opener has ended its current turn and one more. */
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

/* --- the operations that fail ------------------------------------------------- */

static int load(void)
{
	return load_module("");
}

static void unload(void)
{
	pause_openers(true);
	check_equal(unload_module(), 0);
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
 * Calls act() while the n-th allocation fails, and undo() if act() succeeds all the same. Adds
 * to @too_early how often the device was opened although act() failed.
 *
 * Return: whether act() made that many allocations.
 */
static bool with_failure(int n, int (*act)(void), void (*undo)(void),
			 unsigned long *too_early)
{
	const unsigned long before = opened();
	bool reached;
	int err;

	reached = with_fault(n, act, &err);
	if (!err) {
		undo();
	} else {
		if (err != ENOMEM && err != EFAULT)
			fail("failure %d: %s", n, strerror(err));
		failures++;
		*too_early += opened() - before;
	}
	return reached;
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
 * A load makes hundreds of allocations and takes seconds on this kernel. So only the last ones
 * fail, the last one first, until three loads have failed: those are the loads that fail
 * latest. (A load survives some of the failures.)
 */
static void in_loading(void)
{
	const int most = 120, step = 3;
	unsigned long too_early = 0;
	int all, n;

	all = count_faults(load);
	unload();
	failures = 0;
	for (n = all; n > all - most && failures < 3; n -= step)
		with_failure(n, load, unload, &too_early);
	printf("loading: %lu of the last %d failed it, %lu opened meanwhile\n",
	       failures, all - n, too_early);
	check(failures);
	check_equal(too_early, 0);
}

/* Each load gets the same major number, as no other driver takes it. */
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

	set_up_faults();
	times = share(40, 16);

	/* The first load makes more allocations than later ones. */
	check_equal(load(), 0);
	make_node(atoi(MINOR));
	for (int i = 0; i < OPENERS; i++)
		check(!pthread_create(&threads[i], NULL, work_open,
				      &openers.turns[i]));
	subtest("add");
	for (unsigned long i = 0; i < times; i++)
		in_adding();

	/* The device that exists once the module is loaded. */
	subtest("load");
	pause_openers(true);
	make_node(0);
	unload();
	in_loading();
	__atomic_store_n(&openers.stop, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < OPENERS; i++)
		check(!pthread_join(threads[i], NULL));
	return 0;
}
