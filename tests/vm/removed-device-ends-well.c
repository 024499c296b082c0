// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class attributes `add` and `remove` make and remove devices. A process that has a removed
 * device open, mapped or claimed, or sleeps in it, gets an error; mapped memory stays valid. The
 * number can be used again at once, even through an old node.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define CLASS "/sys/class/vfifo/"
#define NODE "node0" /* made by mknod(2), so it outlives the device */

static int store(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	check(fd >= 0);
	n = write(fd, text, strlen(text));
	err = n < 0 ? errno : 0;
	close(fd);
	return err;
}

static int node(int flags)
{
	int fd = open(NODE, flags | O_CLOEXEC);

	check(fd >= 0);
	return fd;
}

static void numbers_are_checked(void)
{
	static const char *const bad[] = { "-1", "256", "x", "1 2",
					   "4294967296" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check_equal(store(CLASS "add", bad[i]), EINVAL);
		check_equal(store(CLASS "remove", bad[i]), EINVAL);
	}
	check_equal(store(CLASS "add", "0"), EEXIST);
	check_equal(store(CLASS "remove", "3"), ENODEV);
	check_equal(store(CLASS "add", "3"), 0);
	check_equal(store(CLASS "add", "255\n"), 0);
	check(!access(CLASS "vfifo3/size", R_OK));
	check(!access(CLASS "vfifo255/size", R_OK));
	check_equal(store(CLASS "remove", "3"), 0);
	check_equal(store(CLASS "remove", "255"), 0);
	check_errno(access(CLASS "vfifo3", F_OK), ENOENT);
}

static void work_read(void *unused)
{
	char c;

	(void)unused;
	check_errno(read(node(O_RDONLY), &c, 1), ENODEV);
}

static void work_poll(void *unused)
{
	struct pollfd p = { .fd = node(O_RDONLY), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLHUP);
}

/* Polls for no event, and is woken by the removal. */
static void work_poll_for_the_end(void *flags)
{
	struct pollfd p = { .fd = node((int)(uintptr_t)flags) };

	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLHUP);
}

static void check_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int value = 0;
	char c;

	check_errno(read(fd, &c, 1), ENODEV);
	check_errno(write(fd, "x", 1), ENODEV);
	check_errno(ioctl(fd, FIONREAD, &value), ENODEV);
	check_errno(ioctl(fd, VFIFO_CLEAR), ENODEV);
	check_errno(ioctl(fd, VFIFO_KICK), ENODEV);
	check_errno(ioctl(fd, VFIFO_SET_MODE, &value), ENODEV);
	check_errno((long)map_page(fd, VFIFO_MMAP_STATUS, PROT_READ), ENODEV);
	check_errno((long)map_page(fd, VFIFO_MMAP_CONSUMER,
				   PROT_READ | PROT_WRITE),
		    ENODEV);
	check_errno((long)map_page(fd, VFIFO_MMAP_DATA, PROT_READ), ENODEV);
	check_equal(poll(&p, 1, 0), 1);
	check(p.revents & POLLHUP);
}

/* A device that nobody has claimed, with bytes and with space. */
static void stored_bytes_are_gone(void)
{
	int fd = device(O_RDWR);

	check_equal(write(fd, "bytes", 5), 5);
	check_equal(store(CLASS "remove", "0"), 0);
	check_gone(fd);
	check(!close(fd));
	check_equal(store(CLASS "add", "0"), 0);
}

/* Beyond the bound of their rate, notices are delayed. The device goes before they are given. */
static void notices_are_due(void)
{
	for (int i = 0; i < 5; i++) {
		int fd = device(O_RDWR), on = 1, off = 0;

		for (int n = 0; n < 20; n++) {
			check(!ioctl(fd, VFIFO_SET_MODE, &on));
			check(!ioctl(fd, VFIFO_SET_MODE, &off));
		}
		/* With the last file the memory goes, and later. */
		if (i % 2)
			check(!close(fd));
		check_equal(store(CLASS "remove", "0"), 0);
		sleep_ms(300);
		if (!(i % 2))
			check(!close(fd));
		check_equal(store(CLASS "add", "0"), 0);
	}
}

int main(void)
{
	pid_t pids[4];
	struct raw producer;
	struct stat st;
	char text[6] = "";
	int fd, again;

	run_case(numbers_are_checked());
	subtest("users of a removed device get an error");
	check(!stat(DEVICE, &st));
	check(!mknod(NODE, S_IFCHR | 0600, st.st_rdev));

	raw_claim(&producer, VFIFO_PRODUCER);
	fd = node(O_RDWR);
	pids[0] = start(work_read, NULL);
	pids[1] = start(work_poll, NULL);
	pids[2] = start(work_poll_for_the_end, (void *)O_RDONLY);
	/* For ioctls only: neither reading nor writing. */
	pids[3] = start(work_poll_for_the_end, (void *)O_ACCMODE);
	wait_asleep(pids[0], "vfifo");
	for (int i = 1; i < 4; i++)
		wait_asleep(pids[i], "poll");

	check_equal(store(CLASS "remove", "0"), 0);
	for (int i = 0; i < 4; i++)
		finish(pids[i]);
	check_errno(access(DEVICE, F_OK), ENOENT);
	check_errno(open(NODE, O_RDWR), ENODEV);
	check_gone(fd);
	check(producer.status->flags & VFIFO_REMOVED);

	subtest("the same number again, while the old device is in use");
	check_equal(store(CLASS "add", "0"), 0);
	again = node(O_RDWR);
	check_equal(write(again, "fresh", 5), 5);
	check_gone(fd);
	/* The old memory is still mapped, and separate. */
	fill_pattern(raw_here(&producer), CAPACITY, 0);
	check_pattern(raw_here(&producer), CAPACITY, 0);
	*producer.at[VFIFO_PRODUCER] = producer.own + 5;
	raw_release(&producer);
	close(fd);
	check_equal(attribute("size"), 5);
	check_equal(read(again, text, 5), 5);
	check(!strcmp(text, "fresh"));

	subtest("a hundred times, with the generator on");
	check_equal(set_attribute("mode", "1"), 0);
	close(again);
	for (int i = 0; i < 100; i++) {
		check_equal(store(CLASS "remove", "0"), 0);
		check_equal(store(CLASS "add", "0"), 0);
		/* So fast that its work is due when its timer is stopped. */
		check_equal(set_attribute("generator/period_us", "50"), 0);
		check_equal(set_attribute("mode", "1"), 0);
	}
	check(!unlink(NODE));
	check_equal(set_attribute("mode", "0"), 0);
	run_case(stored_bytes_are_gone());
	run_case(notices_are_due());
	return 0;
}
