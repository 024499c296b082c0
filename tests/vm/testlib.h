/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * testlib.h - what the test programs share
 *
 * A test is a program. At the first failed check it prints what failed and where, and
 * exits with 1; otherwise it exits with 0. The guest has just loaded the module, with its
 * default parameters.
 */
#ifndef TESTLIB_H
#define TESTLIB_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define DEVICE "/dev/vfifo0"
#define ATTRIBUTES "/sys/class/vfifo/vfifo0/"
#define CAPACITY 65536 /* the default */

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define PAGE_MAX 65536 /* the largest of all architectures */

#define fail(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)

#define check(condition)                                          \
	do {                                                      \
		if (!(condition))                                 \
			fail("false: %s (errno: %s)", #condition, \
			     strerror(errno));                    \
	} while (0)

/* Compares both as long long. */
#define check_equal(is, want)                                              \
	do {                                                               \
		long long is_ = (is), want_ = (want);                      \
		if (is_ != want_)                                          \
			fail("%s is %lld, not %lld (errno: %s)", #is, is_, \
			     want_, strerror(errno));                      \
	} while (0)

/* The call must return -1 and set errno to `want`. */
#define check_errno(call, want)                                              \
	do {                                                                 \
		errno = 0;                                                   \
		long long is_ = (long long)(call);                           \
		int errno_ = errno, want_ = (want);                          \
		if (is_ != -1 || errno_ != want_)                            \
			fail("%s returns %lld, errno %s, not -1 and %s",     \
			     #call, is_, strerror(errno_), strerror(want_)); \
	} while (0)

__attribute__((noreturn, format(printf, 3, 4))) void
fail_at(const char *file, int line, const char *format, ...);

/*
 * Begins a case of the test, with a name; the case before it has passed. The cases are
 * printed as TAP. The message of a failed check begins with the name of the case.
 */
__attribute__((format(printf, 1, 2))) void subtest(const char *format, ...);
/* Runs a call as a case that is named after the function. */
#define run_case(call) (begin_case(#call), call)
void begin_case(const char *call);
/* Puts this before the names of the following cases. */
void cases_of(const char *prefix);

/* Ends the test as skipped. */
__attribute__((noreturn)) void skip(const char *reason);

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

/*
 * Gives the device the owner and mode of the udev rule, and makes this process one of alice,
 * a member of the device's group without other rights.
 */
void become_alice(void);

/* Starts a process that runs work(argument) and exits with 0. */
pid_t start(void (*work)(void *argument), void *argument);
/* Waits for a process, which must exit with 0. */
void finish(pid_t pid);
/* Waits until a process sleeps in a kernel function whose name contains `function`. */
void wait_asleep(pid_t pid, const char *function);

/* Moves this process into a new memory cgroup, which allocations for it are charged to. */
void enter_cgroup(void);
/* Returns the bytes that are charged to that cgroup. */
long long cgroup_memory(void);
/* Returns those of them that are in slabs. */
long long cgroup_slabs(void);
/* Limits them; "max" removes the limit. */
void limit_cgroup_memory(const char *bytes);
/* Returns the bytes that the kernel has allocated for itself, without those of cgroups. */
long long kernel_memory(void);

/*
 * Whether this kernel calls ->access for /proc/PID/mem: not without HAVE_IOREMAP_PROT, as on
 * 32-bit ARM and in User-Mode Linux.
 */
int debuggers_see_devices(void);

/* Whether this is a debug kernel, which is several times slower: long tests do less there. */
int slow_kernel(void);

/* Whether this is User-Mode Linux: a process, without devices and page tables of its own. */
int user_mode_linux(void);

/*
 * Returns how many rounds a long test runs: `whole` for make check-long, otherwise
 * `short_count`, or an eighth of that on a debug kernel.
 */
unsigned long share(unsigned long whole, unsigned long short_count);

/* For busy waiting: makes the emulator switch to another processor. */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Loads the module with these parameters, or unloads it. Returns 0 or an errno. */
int load_module(const char *parameters);
int unload_module(void);

void sleep_ms(unsigned int ms);
double now(void); /* seconds, monotonic */

#endif
