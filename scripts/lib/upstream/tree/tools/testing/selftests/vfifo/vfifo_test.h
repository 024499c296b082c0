/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test programs share
 *
 * A test is a program. It has a device of its own, with the default attributes. At the first
 * failed check it prints what failed and where, and exits with KSFT_FAIL.
 */
#ifndef VFIFO_TEST_H
#define VFIFO_TEST_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../kselftest.h"

#define NUMBER "255"
#define DEVICE "/dev/vfifo" NUMBER
#define ATTRIBUTES "/sys/class/vfifo/vfifo" NUMBER "/"
#define CAPACITY 65536 /* the default */

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define PAGE_MAX 65536 /* the largest of all architectures */

/* MACROS */
void __noreturn __printf(3, 4)
	fail_at(const char *file, int line, const char *format, ...);

/* Begins a case of the test, with a name; the case before it has passed. */
void __printf(1, 2) subtest(const char *format, ...);
/* Runs a call as a case that is named after the function. */
#define run_case(call) (begin_case(#call), call)
void begin_case(const char *call);
/* Puts this before the names of the following cases. */
void name_group(const char *prefix);

/* Opens the device, with the flags of open(2). */
int device(int flags);

/* Returns the number that is the value of an attribute. */
long long attribute(const char *name);
/* Writes text to an attribute. Returns 0 or an errno. */
int set_attribute(const char *name, const char *text);
int set_capacity(size_t bytes);
/* The value of the attribute must be this line. */
void check_attribute(const char *name, const char *line);

/* Transfer exactly n bytes, in as many calls as necessary. */
void write_all(int fd, const void *bytes, size_t n);
void read_all(int fd, void *bytes, size_t n);

/* Returns the byte at a position of the test pattern, in which short sequences do not recur. */
uint8_t pattern(uint64_t at);
void fill_pattern(void *bytes, size_t n, uint64_t at);
void check_pattern(const void *bytes, size_t n, uint64_t at);

/* Starts a process that runs work(argument) and exits with 0. */
pid_t start(void (*work)(void *argument), void *argument);
/* Waits for a process, which must exit with 0. */
void finish(pid_t pid);
/* Waits until a process sleeps in a kernel function whose name contains `function`. */
void wait_asleep(pid_t pid, const char *function);

void sleep_ms(unsigned int ms);
double now(void); /* seconds, monotonic */

#endif
