// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * testlib.c - what the test programs share
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testlib.h"

static struct {
	const char *prefix;
	char name[256];
	int number; /* from 1; 0: the test has no cases */
	pid_t pid;  /* the process that prints the results */
} the_case;

static void end_case(const char *ok, const char *directive)
{
	if (the_case.number && the_case.pid == getpid())
		printf("%s %d - %s%s\n", ok, the_case.number, the_case.name,
		       directive);
}

static void end_cases(const char *ok, const char *directive)
{
	end_case(ok, directive);
	if (the_case.number && the_case.pid == getpid())
		printf("1..%d\n", the_case.number);
}

static void pass_cases(void)
{
	end_cases("ok", "");
}

void subtest(const char *format, ...)
{
	va_list arguments;

	end_case("ok", "");
	if (!the_case.number) {
		the_case.pid = getpid();
		atexit(pass_cases);
	}
	the_case.number++;
	va_start(arguments, format);
	vsnprintf(the_case.name, sizeof(the_case.name), format, arguments);
	va_end(arguments);
	fflush(stdout);
}

void cases_of(const char *prefix)
{
	the_case.prefix = prefix;
}

void begin_case(const char *call)
{
	const char *arguments = strchr(call, '(');
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)(arguments - call), call);
	for (char *c = name; *c; c++)
		if (*c == '_')
			*c = ' ';
	if (!strcmp(arguments, "()"))
		arguments = "";
	subtest("%s%s%s%s%s", the_case.prefix ?: "",
		the_case.prefix ? ": " : "", name, *arguments ? " " : "",
		arguments);
}

void fail_at(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	va_list arguments;

	va_start(arguments, format);
	if (the_case.number)
		printf("%s: ", the_case.name);
	printf("%s:%d: ", name ? name + 1 : file, line);
	vprintf(format, arguments);
	putchar('\n');
	end_cases("not ok", "");
	fflush(stdout);
	_exit(1);
}

void skip(const char *reason)
{
	end_cases("ok", " # SKIP");
	puts(reason);
	fflush(stdout);
	_exit(77);
}

int device(int flags)
{
	int fd = open(DEVICE, flags | O_CLOEXEC);

	if (fd < 0)
		fail("open %s: %s", DEVICE, strerror(errno));
	return fd;
}

static int open_attribute(const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), ATTRIBUTES "%s", name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail("open %s: %s", path, strerror(errno));
	return fd;
}

long long attribute(const char *name)
{
	int fd = open_attribute(name, O_RDONLY);
	char text[64] = "";
	char *end;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	long long value;

	check(n > 1 && text[n - 1] == '\n');
	value = strtoll(text, &end, 10);
	check(end == text + n - 1);
	close(fd);
	return value;
}

void check_attribute(const char *name, const char *line)
{
	int fd = open_attribute(name, O_RDONLY);
	char text[PIPE_BUF + 1];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	check(n > 0 && text[n - 1] == '\n');
	text[n - 1] = '\0';
	if (strcmp(text, line))
		fail("%s is '%s', not '%s'", name, text, line);
	close(fd);
}

int set_attribute(const char *name, const char *text)
{
	int fd = open_attribute(name, O_WRONLY);
	ssize_t n = write(fd, text, strlen(text));
	int err = n < 0 ? errno : 0;

	check(n < 0 || n == (ssize_t)strlen(text));
	close(fd);
	return err;
}

int set_capacity(size_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", bytes);
	return set_attribute("capacity", text);
}

void write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t done = write(fd, at, n);

		check(done > 0);
		at += done;
		n -= done;
	}
}

void read_all(int fd, void *bytes, size_t n)
{
	char *at = bytes;

	while (n) {
		ssize_t done = read(fd, at, n);

		check(done > 0);
		at += done;
		n -= done;
	}
}

uint8_t pattern(uint64_t at)
{
	uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ULL;

	return x >> 56 ^ x >> 29;
}

void fill_pattern(void *bytes, size_t n, uint64_t at)
{
	uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++)
		b[i] = pattern(at + i);
}

void check_pattern(const void *bytes, size_t n, uint64_t at)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++) {
		if (b[i] != pattern(at + i))
			fail("byte %llu of the stream is %#x, not %#x",
			     (unsigned long long)(at + i), b[i],
			     pattern(at + i));
	}
}

void become_alice(void)
{
	const gid_t vfifo = 900;
	const uid_t alice = 1000;

	check(!chown(DEVICE, 0, vfifo) && !chmod(DEVICE, 0660));
	check(!setgroups(1, &vfifo));
	check(!setgid(alice) && !setuid(alice));
}

pid_t start(void (*work)(void *argument), void *argument)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		work(argument);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

void finish(pid_t pid)
{
	int status;

	check_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("process %d ended with status %#x", (int)pid, status);
}

/* Reads a file of a process in /proc; an unreadable file is empty. */
static void read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
}

/* Returns how often a process went to sleep, or -1 if it is awake. */
static long sleeps(pid_t pid)
{
	const char *count;
	char text[4096];

	read_proc(pid, "status", text, sizeof(text));
	count = strstr(text, "\nvoluntary_ctxt_switches:");
	if (!strstr(text, "\nState:\tS") || !count)
		return -1;
	return atol(strchr(count, ':') + 1);
}

/* Whether a process goes on sleeping, without a nap that ends meanwhile. */
static int stays_asleep(pid_t pid)
{
	const long before = sleeps(pid);

	if (before < 0)
		return 0;
	sleep_ms(8);
	return sleeps(pid) == before;
}

/*
 * A running process has a wchan of 0. Before 5.16 it is 0 for every process; those kernels
 * have the stack, which means something only if the process sleeps. Both are wrong in
 * User-Mode Linux, so there a process that goes on sleeping counts, wherever it does.
 */
static int is_asleep(pid_t pid, const char *function)
{
	char where[4096];

	if (user_mode_linux())
		return stays_asleep(pid);
	read_proc(pid, "wchan", where, sizeof(where));
	if (strcmp(where, "0"))
		return !!strstr(where, function);
	read_proc(pid, "stat", where, sizeof(where));
	if (!strstr(where, ") S "))
		return 0;
	read_proc(pid, "stack", where, sizeof(where));
	return !!strstr(where, function);
}

void wait_asleep(pid_t pid, const char *function)
{
	const double until = now() + 30;
	char where[4096];

	while (!is_asleep(pid, function)) {
		if (now() > until) {
			read_proc(pid, "stack", where, sizeof(where));
			fail("process %d is not in %s, but in\n%s", (int)pid,
			     function, where);
		}
		sleep_ms(1);
	}
}

#define CGROUPS "cgroups"
#define CGROUP CGROUPS "/vfifo"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s to %s: %s", text, path, strerror(errno));
	close(fd);
}

void enter_cgroup(void)
{
	char pid[32];

	check(!mkdir(CGROUPS, 0700));
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		skip("this kernel has no cgroups");
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	check(!mkdir(CGROUP, 0700) || errno == EEXIST);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	write_file(CGROUP "/cgroup.procs", pid);
}

long long cgroup_memory(void)
{
	char text[32] = "";
	int fd = open(CGROUP "/memory.current", O_RDONLY | O_CLOEXEC);

	check(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoll(text);
}

long long cgroup_slabs(void)
{
	FILE *f = fopen(CGROUP "/memory.stat", "re");
	long long bytes = -1;
	char line[128];

	check(f);
	while (bytes < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "slab %lld", &bytes);
	fclose(f);
	check(bytes >= 0);
	return bytes;
}

void limit_cgroup_memory(const char *bytes)
{
	write_file(CGROUP "/memory.max", bytes);
}

/* KASAN keeps freed objects for a while, until their cache is shrunk. */
static void shrink_caches(void)
{
	glob_t files;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &files))
		return;
	for (size_t i = 0; i < files.gl_pathc; i++)
		write_file(files.gl_pathv[i], "1");
	globfree(&files);
}

long long kernel_memory(void)
{
	static const char *const kinds[] = { "SUnreclaim:", "VmallocUsed:",
					     "Percpu:" };
	char line[128], name[64];
	long long sum = 0, kib;
	FILE *f;

	shrink_caches();
	f = fopen("/proc/meminfo", "re");
	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lld", name, &kib) != 2)
			continue;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (!strcmp(name, kinds[i]))
				sum += kib << 10;
	}
	fclose(f);
	return sum;
}

int debuggers_see_devices(void)
{
#ifdef __arm__
	return 0;
#else
	return !user_mode_linux();
#endif
}

int slow_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK) ||
	       !access("/sys/kernel/debug/kcsan", F_OK);
}

int user_mode_linux(void)
{
	char text[256] = "";
	int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);

	check(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return !!strstr(text, "User Mode Linux");
}

unsigned long share(unsigned long whole, unsigned long short_count)
{
	unsigned long count = short_count;

	if (getenv("VFIFO_LONG"))
		count = whole;
	else if (slow_kernel())
		count = short_count / 8;
	printf("# %lu of %lu\n", count, whole);
	return count;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t))
		;
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int load_module(const char *parameters)
{
	int ret, ko = open(getenv("VFIFO_KO"), O_RDONLY | O_CLOEXEC);

	if (ko < 0)
		return errno;
	ret = syscall(SYS_finit_module, ko, parameters, 0) ? errno : 0;
	close(ko);
	return ret;
}

int unload_module(void)
{
	return syscall(SYS_delete_module, "vfifo", O_NONBLOCK) ? errno : 0;
}
