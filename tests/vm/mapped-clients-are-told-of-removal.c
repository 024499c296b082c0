// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After the removal of a device, the library's next call that can wait or wake returns ENODEV,
 * so that its clients do not continue to fill a buffer without a reader.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

#define CLASS "/sys/class/vfifo/"

static void store(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	check(!close(fd));
}

static struct vfifo_handle *claim(enum vfifo_end end)
{
	struct vfifo_handle *f;

	check_equal(vfifo_open(DEVICE, end, 0, &f), 0);
	return f;
}

static void work_read(void *unused)
{
	struct vfifo_handle *f = claim(VFIFO_CONSUMER);
	char c;

	(void)unused;
	check_equal(vfifo_read(f, &c, 1, -1), -ENODEV);
	vfifo_close(f);
}

static void work_write(void *unused)
{
	static char bytes[CAPACITY + 1];
	struct vfifo_handle *f = claim(VFIFO_PRODUCER);

	(void)unused;
	/* The first call that waits returns the bytes moved so far, the next one the error. */
	check_equal(vfifo_write(f, bytes, sizeof(bytes), -1), CAPACITY);
	check_equal(vfifo_write(f, bytes, 1, -1), -ENODEV);
	vfifo_close(f);
}

static void a_sleep_ends(void (*work)(void *unused))
{
	pid_t pid = start(work, NULL);

	wait_asleep(pid, "poll");
	store(CLASS "remove", "0");
	finish(pid);
	store(CLASS "add", "0");
}

static void calls_fail_at_once(void)
{
	struct vfifo_handle *producer = claim(VFIFO_PRODUCER);
	struct vfifo_handle *consumer = claim(VFIFO_CONSUMER);
	char bytes[8];
	void *p;

	check_equal(vfifo_write(producer, "abc", 3, 0), 3);
	store(CLASS "remove", "0");

	check_equal(vfifo_write(producer, "def", 3, -1), -ENODEV);
	check_equal(vfifo_wait(producer, 1, -1), -ENODEV);
	check_equal(vfifo_reserve(producer, CAPACITY, &p), -ENODEV);
	check_equal(vfifo_read(consumer, bytes, sizeof(bytes), -1), -ENODEV);
	check_equal(vfifo_wait(consumer, 1, -1), -ENODEV);
	check_equal(vfifo_peek(consumer, 4, &p), -ENODEV);

	/* The memory is still mapped, with the stored bytes. */
	check_equal(vfifo_peek(consumer, 3, &p), 3);
	check(!memcmp(p, "abc", 3));
	check(vfifo_reserve(producer, 1, &p) > 0);

	/* The calls return the error although no process waits. */
	check_equal(vfifo_commit(producer, 1), -ENODEV);
	check_equal(vfifo_consume(consumer, 1), -ENODEV);

	vfifo_close(producer);
	vfifo_close(consumer);
	store(CLASS "add", "0");
}

int main(void)
{
	run_case(a_sleep_ends(work_read));
	run_case(a_sleep_ends(work_write));
	run_case(calls_fail_at_once());
	return 0;
}
