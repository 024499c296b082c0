// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes store to attributes, and hold them open, while the device is removed and added again and
 * while the module is unloaded. A file of a removed device gives ENODEV, also once there is a new
 * device of that number.
 *
 * In full: 10,000 removals; otherwise 200.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define CLASS "/sys/class/vfifo/"

static const char *const values[][2] = {
	{ "capacity", "131072" }, { "capacity", "65536" },
	{ "mode", "1" },	  { "mode", "0" },
	{ "label", "a" },	  { "label", "b" },
	{ "overflow", "drop" },	  { "generator/period_us", "1000" },
	{ "consumer", "0" },	  { "clear", "1" },
	{ "stats/reset", "1" },	  { "read_watermark", "2" },
};
#define VALUES (sizeof(values) / sizeof(*values))
#define STORERS 4

static void change(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The device may be gone at each moment. */
static void work_store(void *number)
{
	char path[256];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = (uintptr_t)number;; i++) {
		const char *const *value = values[i % VALUES];
		int fd;

		snprintf(path, sizeof(path), ATTRIBUTES "%s", value[0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			check(errno == ENOENT || errno == ENODEV);
			continue;
		}
		if (write(fd, value[1], strlen(value[1])) < 0)
			check_equal(errno, ENODEV);
		close(fd);
	}
}

static void open_over_a_removal(void)
{
	int capacity = open(ATTRIBUTES "capacity", O_RDWR | O_CLOEXEC);
	char text[32];

	check(capacity >= 0);
	check(pread(capacity, text, sizeof(text), 0) > 0);
	change(CLASS "remove", "0");
	check_errno(pread(capacity, text, sizeof(text), 0), ENODEV);
	check_errno(pwrite(capacity, "131072", 6, 0), ENODEV);
	change(CLASS "add", "0");
	check_errno(pread(capacity, text, sizeof(text), 0), ENODEV);
	check_errno(pwrite(capacity, "131072", 6, 0), ENODEV);
	check_equal(attribute("capacity"), CAPACITY);
	close(capacity);
}

static void removed_in_stores(unsigned long times)
{
	for (unsigned long i = 0; i < times; i++) {
		change(CLASS "remove", "0");
		change(CLASS "add", "0");
	}
}

static void unloaded_in_stores(unsigned long times)
{
	for (unsigned long i = 0; i < times; i++) {
		check_equal(unload_module(), 0);
		check_equal(load_module(""), 0);
	}
}

int main(void)
{
	pid_t pids[STORERS];

	check_equal(load_module(""), 0);
	run_case(open_over_a_removal());
	for (int i = 0; i < STORERS; i++)
		pids[i] = start(work_store, (void *)(uintptr_t)(3 * i));
	run_case(removed_in_stores(share(10000, 200)));
	run_case(unloaded_in_stores(share(1000, 40)));
	for (int i = 0; i < STORERS; i++) {
		check_equal(waitpid(pids[i], NULL, WNOHANG), 0);
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	check_equal(unload_module(), 0);
	return 0;
}
