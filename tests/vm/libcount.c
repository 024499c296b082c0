// SPDX-License-Identifier: GPL-2.0-or-later
/* libcount.c - see count.h */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "count.h"
#include "testlib.h"

#define KPROBES "/sys/bus/event_source/devices/kprobe/type"

static uint64_t number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long n;

	if (!f || fscanf(f, "%llu", &n) != 1)
		fail("%s: %s", path, strerror(errno));
	fclose(f);
	return n;
}

static int open_counter(struct perf_event_attr *attr, pid_t pid)
{
	int fd;

	attr->size = sizeof(*attr);
	fd = syscall(SYS_perf_event_open, attr, pid, -1, -1,
		     PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		fail("perf_event_open: %s", strerror(errno));
	return fd;
}

int calls_can_be_counted(void)
{
	return !access(KPROBES, F_OK);
}

int count_calls(pid_t pid, const char *kernel_function)
{
	struct perf_event_attr attr = {
		.type = number_in(KPROBES),
		.kprobe_func = (uintptr_t)kernel_function,
	};

	return open_counter(&attr, pid);
}

int count_system_calls(pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.config = number_in(
			"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"),
	};

	return open_counter(&attr, pid);
}

uint64_t counted(int counter)
{
	uint64_t n;

	check_equal(read(counter, &n, sizeof(n)), sizeof(n));
	return n;
}
