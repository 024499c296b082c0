/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * testlib.h - what the test programs share
 *
 * A test is a program that ends with 0, or at the first thing that is not as it
 * must be: check() and its kin then print what and where and end it with 1. The
 * guest has loaded the module with its default parameters just before.
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
#define PAGE_MAX 65536 /* of all architectures */

#define fail(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)

#define check(condition)                                           \
	do {                                                       \
		if (!(condition))                                  \
			fail("not so: %s (errno: %s)", #condition, \
			     strerror(errno));                     \
	} while (0)

/* Both are compared as long long and printed when they differ. */
#define check_equal(is, want)                                              \
	do {                                                               \
		long long is_ = (is), want_ = (want);                      \
		if (is_ != want_)                                          \
			fail("%s is %lld, not %lld (errno: %s)", #is, is_, \
			     want_, strerror(errno));                      \
	} while (0)

/* The call gives -1 and this errno, whatever errno was before. */
#define check_errno(call, want)                                               \
	do {                                                                  \
		errno = 0;                                                    \
		long long is_ = (long long)(call);                            \
		int errno_ = errno;                                           \
		if (is_ != -1 || errno_ != (want))                            \
			fail("%s gives %lld, errno %s, not -1 and %s", #call, \
			     is_, strerror(errno_), strerror(want));          \
	} while (0)

__attribute__((noreturn, format(printf, 3, 4))) void
fail_at(const char *file, int line, const char *format, ...);

/* Ends the test as skipped. */
__attribute__((noreturn)) void skip(const char *reason);

/* The device, opened; flags as open(2)'s. */
int device(int flags);

/* An attribute's number; 0 or the errno of a write of text to it. */
long long attribute(const char *name);
int set_attribute(const char *name, const char *text);
/* ... of the capacity, as it is told where it is told in pages. */
int set_capacity(size_t bytes);
/* ... which is this line. */
void check_attribute(const char *name, const char *line);

/* Exactly n bytes, however many calls it takes. */
void write_all(int fd, const void *bytes, size_t n);
void read_all(int fd, void *bytes, size_t n);

/* The byte at a place of the endless test pattern; no short stretch recurs soon. */
uint8_t pattern(uint64_t at);
void fill_pattern(void *bytes, size_t n, uint64_t at);
void check_pattern(const void *bytes, size_t n, uint64_t at);

/*
 * From here on this process is alice, a member of the group that may use the device, as
 * udev has it, and nothing more.
 */
void become_alice(void);

/* A process that runs work(argument) and ends with 0. */
pid_t start(void (*work)(void *argument), void *argument);
/* ... and did. */
void finish(pid_t pid);
/* ... is asleep in a function of the kernel with this in its name. */
void wait_asleep(pid_t pid, const char *function);

/*
 * Moves this process into a memory cgroup of its own, so that what it makes the
 * kernel allocate is charged there, and tells how much is (bytes).
 */
void enter_cgroup(void);
long long cgroup_memory(void);
/* ... and may be; "max" for no limit. */
void limit_cgroup_memory(const char *bytes);
/* Bytes that the kernel has for itself and charges to nobody. */
long long kernel_memory(void);

/* On a debug kernel all is several times slower, so long tests do a share there. */
int slow_kernel(void);

/*
 * How often a test that could go on for long does what it does: the whole count for
 * make check-long, else the short one, and on a debug kernel an eighth of that.
 */
unsigned long share(unsigned long whole, unsigned long short_count);

/* For a loop that waits: emulated processors then take turns. */
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

void sleep_ms(unsigned int ms);
double now(void); /* seconds, monotonic */

#endif
