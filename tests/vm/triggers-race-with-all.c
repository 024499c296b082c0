// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generator stops by itself while processes start, stop and trigger it, change its settings,
 * claim the producer side, remove the device and unload the module. Afterwards it works as before.
 * A debug kernel reports a work or a timer that outlives its device, and a lock taken in a wrong
 * order.
 *
 * In full: 2,000 removals of each kind; otherwise 320.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define CLASS "/sys/class/vfifo/"

static const char *const values[][2] = {
	{ "generator/trigger", "1" },
	{ "generator/count", "1" },
	{ "generator/period_us", "50" },
	{ "generator/trigger", "1" },
	{ "generator/burst", "1048576" },
	{ "mode", "1" },
	{ "generator/trigger", "1" },
	{ "generator/count", "3" },
	{ "generator/trigger", "1" },
	{ "generator/period_us", "1000" },
	{ "mode", "0" },
	{ "generator/burst", "16" },
	{ "generator/trigger", "1" },
	{ "framing", "records" },
	{ "generator/pattern", "prbs31" },
	{ "generator/count", "0" },
	{ "mode", "1" },
	{ "overflow", "overwrite" },
	{ "clear", "1" },
	{ "generator/trigger", "1" },
	{ "framing", "bytes" },
	{ "overflow", "block" },
};
#define VALUES (sizeof(values) / sizeof(*values))

static void change(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC);

	check(file >= 0);
	check_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}

/* The device may be gone at each moment. */
static void store_value(const char *const *value)
{
	char path[256];
	int file;

	snprintf(path, sizeof(path), ATTRIBUTES "%s", value[0]);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0) {
		check(errno == ENOENT || errno == ENODEV);
		return;
	}
	if (write(file, value[1], strlen(value[1])) < 0)
		check(errno == ENODEV || errno == EBUSY);
	close(file);
}

static void work_store(void *from)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = (uintptr_t)from;; i++)
		store_value(values[i % VALUES]);
}

/* Also keeps a removed device until the file is closed. */
static void work_use(void *unused)
{
	static char bytes[CAPACITY];

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int turn = 0;; turn++) {
		const int mode = turn / 4 % 2;
		int file = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		void *at;

		if (file < 0)
			continue;
		if (ioctl(file, VFIFO_SET_MODE, &mode))
			check(errno == EBUSY || errno == ENODEV);
		at = map_page(file,
			      turn % 2 ? VFIFO_MMAP_RECORD_PRODUCER :
					 VFIFO_MMAP_PRODUCER,
			      PROT_READ | PROT_WRITE);
		if (at != MAP_FAILED)
			check(!munmap(at, PAGE));
		while (read(file, bytes, sizeof(bytes)) > 0)
			;
		close(file);
	}
}

#define WORKERS 3

static void start_workers(pid_t pids[WORKERS])
{
	pids[0] = start(work_store, (void *)0);
	pids[1] = start(work_store, (void *)7);
	pids[2] = start(work_use, NULL);
}

static void stop_workers(pid_t pids[WORKERS])
{
	for (int i = 0; i < WORKERS; i++) {
		check_equal(waitpid(pids[i], NULL, WNOHANG), 0);
		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
}

static void set(const char *name, const char *text)
{
	check_equal(set_attribute(name, text), 0);
}

static void works_as_before(void)
{
	set("mode", "0");
	set("clear", "1");
	set("framing", "bytes");
	set("stats/reset", "1");
	set("generator/burst", "16");
	set("generator/period_us", "1000");
	set("generator/count", "5");
	set("generator/trigger", "1");
	while (attribute("mode"))
		sleep_ms(1);
	check_equal(attribute("stats/in_bytes"), 80);
	set("clear", "1");
}

static void starts_and_stops(double seconds)
{
	pid_t pids[WORKERS];

	start_workers(pids);
	sleep_ms(seconds * 1000);
	stop_workers(pids);
	works_as_before();
}

static void is_removed(unsigned long times)
{
	pid_t pids[WORKERS];

	start_workers(pids);
	for (unsigned long i = 0; i < times; i++) {
		change(CLASS "remove", "0");
		change(CLASS "add", "0");
		sleep_ms(i % 4);
	}
	stop_workers(pids);
	works_as_before();
}

/*
 * The device is removed while the last burst of a count is produced: the removal cuts the burst, so
 * the count is complete just then.
 */
static void is_removed_in_the_last_burst(unsigned long times)
{
	for (unsigned long i = 0; i < times; i++) {
		set("generator/pattern", "prbs31");
		set("generator/burst", "1048576");
		set("generator/count", i % 8 ? "1" : "3");
		set("generator/period_us", "50");
		set("generator/trigger", "1");
		if (i % 3)
			usleep(i % 3 * 100);
		change(CLASS "remove", "0");
		change(CLASS "add", "0");
	}
	works_as_before();
}

static void is_unloaded(unsigned long times)
{
	for (unsigned long i = 0; i < times; i++) {
		set("generator/pattern", "prbs31");
		set("generator/burst", i % 2 ? "1048576" : "8");
		set("generator/count", "1");
		set("generator/period_us", "50");
		set("generator/trigger", "1");
		check_equal(unload_module(), 0);
		check_equal(load_module(""), 0);
	}
	works_as_before();
}

int main(void)
{
	check_equal(load_module(""), 0);
	run_case(starts_and_stops(2 + share(60, 0)));
	run_case(is_removed(share(2000, 320)));
	run_case(is_removed_in_the_last_burst(share(2000, 320)));
	run_case(is_unloaded(share(400, 64)));
	check_equal(unload_module(), 0);
	return 0;
}
