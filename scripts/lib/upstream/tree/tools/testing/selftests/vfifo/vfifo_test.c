// SPDX-License-Identifier: GPL-2.0
/*
 * What the test programs share
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "vfifo_test.h"

#define CONTROL "/sys/class/vfifo/"

static char case_name[256];
static char group[32]; /* goes before the name of a case */
static pid_t test_pid; /* the process that prints the results */

/* Returns 0 or an errno. */
static int control(const char *file)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), CONTROL "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, NUMBER, strlen(NUMBER)) < 0)
		err = errno;
	close(fd);
	return err;
}

/* Each program has a device of its own, with the default attributes. */
static __attribute__((constructor)) void begin(void)
{
	int err;

	test_pid = getpid();
	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("not root\n");
	if (access(CONTROL "add", F_OK) && system("modprobe -q vfifo"))
		ksft_exit_skip("there is no driver vfifo\n");
	control("remove");
	err = control("add");
	if (err)
		ksft_exit_fail_msg("vfifo" NUMBER ": %s\n", strerror(err));
	check_attribute("capacity", "65536");
}

/* A program without cases is one. */
static const char *name_of_case(void)
{
	if (case_name[0])
		return case_name;
	return program_invocation_short_name;
}

static void pass_case(void)
{
	ksft_test_result_pass("%s\n", name_of_case());
}

/* Ends a program whose checks have passed. */
static __attribute__((destructor)) void end(void)
{
	if (getpid() != test_pid)
		return;
	pass_case();
	ksft_set_plan(ksft_test_num());
	ksft_print_cnts();
	control("remove");
}

void subtest(const char *format, ...)
{
	va_list arguments;

	if (case_name[0])
		pass_case();
	va_start(arguments, format);
	vsnprintf(case_name, sizeof(case_name), format, arguments);
	va_end(arguments);
}

void name_group(const char *prefix)
{
	snprintf(group, sizeof(group), "%s%s", prefix ? prefix : "",
		 prefix ? ": " : "");
}

void begin_case(const char *call)
{
	const char *arguments = strchr(call, '(');

	if (!strcmp(arguments, "()"))
		arguments = "";
	subtest("%s%.*s%s", group, (int)strcspn(call, "("), call, arguments);
}

void fail_at(const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ksft_print_msg("%s:%d: %s\n", file, line, text);
	if (getpid() == test_pid) {
		ksft_test_result_fail("%s\n", name_of_case());
		ksft_set_plan(ksft_test_num());
		ksft_print_cnts();
		control("remove");
	}
	fflush(stdout);
	_exit(KSFT_FAIL);
}
