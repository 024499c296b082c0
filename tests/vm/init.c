// SPDX-License-Identifier: GPL-2.0
/*
 * init: PID 1 of the kernel lane's guests. Runs the tests of /list one after the other,
 * each with the module freshly loaded. After each it checks for what a test can leave
 * behind: processes, a module that cannot be unloaded, lines in the kernel's log, a taint.
 * scripts/vm-test reads the verdict; scripts/vm-shell uses this program too.
 *
 * /list has a line for each test: NAME SECONDS FLAGS. FLAGS is `-`, or has words that are separated
 * by commas: `nomod` (the test loads /module/NAME.ko itself) and `timed` (it measures time: if it
 * fails and the machine stood still meanwhile, it is run again). The test is /tests/NAME. The
 * kernel's command line may have
 *
 *   vfifo.verdict=DEVICE   write the verdict to DEVICE (default: standard output)
 *   vfifo.tests=GLOB       run only these tests
 *   vfifo.shell            run an interactive shell on the console instead
 *   vfifo.run              run /commands with sh instead; its output goes to DEVICE
 *   vfifo.size=ROWSxCOLS   the size of the shell's terminal
 *   vfifo.coverage=FOLDER  at the end, copy the counters of gcov to FOLDER of the machine that
 *                          User-Mode Linux runs on
 *   VFIFO_LONG=1           passed on to the tests in their environment
 *   VFIFO_FUZZ=WORDS       the same, for the fuzzer
 *
 * The verdict is TAP: first the plan, `# running NAME (SECONDS s)` before each test, and
 * after the last result a trailer, `# finished: ...`. Lines of TAP in the output of a test
 * are its subtests, and are passed on, indented. The reader takes a verdict without its
 * trailer for that of a guest that died. After a test that may have damaged the kernel the
 * trailer comes early, and the reader boots another guest for the rest.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77     /* the exit status for that, as in automake */
#define UNLOAD_MS 5000 /* until the last references are dropped */
#define REAP_MS 5000   /* until a killed process is dead */
#define LINGER_MS 1000 /* until a test's processes have ended */
#define STILL_MS 300   /* of delay, from which on the machine stood still */
#define TRIES 3	       /* of a test that measures time */
#define TAIL_LINES 40  /* of a failed test's output */
#define MARK "vfifo-test: " /* our own lines in the kernel's log */
#define LOG_LINES 40	    /* of the kernel's log, from the first bad one */
#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* The running test fails if a line of the kernel's log matches. */
static const char bad_log[] =
	"(^|[^A-Z])BUG|WARNING:|KASAN|UBSAN|KCSAN|KFENCE|lockdep|possible (circular|recursive|irq lock)|"
	"inconsistent lock|suspicious RCU|sleeping function|scheduling while atomic|Oops|"
	"general protection|unable to handle|suspected memory leak|leak detector disabled|refcount_t|INFO: task|rcu.*stall|"
	"Call Trace|bad page|nobody cared";

/* Bits of /proc/sys/kernel/tainted that no test may set. */
static const struct {
	int bit;
	const char *what;
} bad_taints[] = {
	{ 1, "a module was forced in" },
	{ 3, "a module was forced out" },
	{ 4, "a machine check" },
	{ 5, "a bad page" },
	{ 7, "an oops" },
	{ 9, "a warning" },
	{ 14, "a soft lockup" },
};

#define BLINDING_TAINTS (1UL << 5 | 1UL << 7)

struct test {
	char name[64];
	int limit;
	bool nomod, timed;
};

static struct test *tests;
static int ntests;
static FILE *verdict;
static int kmsg = -1;
static regex_t bad_log_re;
static char module_path[PATH_MAX]; /* empty: there is none */
static char module_name[64];
static volatile sig_atomic_t stop_requested;

/* --- helpers -------------------------------------------------------------------- */

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void nap_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* Reads at most size - 1 bytes of a file; "" if it cannot be read. */
static char *slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < size - 1 &&
	       (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (fd >= 0)
		close(fd);
	buf[len] = '\0';
	return buf;
}

static void spit(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		fprintf(stderr, "init: %s: %m\n", path);
	close(fd);
}

static void mark(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	spit("/dev/kmsg", line);
}

/* Prints text of a test or the kernel with a prefix, so that it is no result of ours. */
static void put_line(FILE *file, const char *prefix, const char *text,
		     size_t len)
{
	fputs(prefix, file);
	if (len > 400)
		len = 400;
	for (; len; len--, text++)
		putc(isprint((unsigned char)*text) ? *text :
		     *text == '\t'		   ? ' ' :
						     '?',
		     file);
	putc('\n', file);
}

static void diag(const char *text, size_t len)
{
	put_line(verdict, "# ", text, len);
}

static void diagf(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	diag(line, strlen(line));
}

static void finish(void)
{
	fflush(NULL);
	if (verdict)
		tcdrain(fileno(verdict));
	tcdrain(STDERR_FILENO);
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

/* Ends without a trailer, which the reader takes for a guest that died. */
static void give_up(const char *what)
{
	fprintf(stderr, "init: %s: %m\n", what);
	finish();
}

/* --- the kernel's log and taint --------------------------------------------------- */

struct findings {
	int lines, hits;
	char *text;
	size_t size;
	FILE *file;
};

/* Reads the new lines of the log. Keeps the first bad line and some after it. */
static void scan_log(struct findings *found)
{
	char record[8192], *text, *end;
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno == EPIPE) {
			/* The lost lines may have been bad. */
			text = "the kernel's log overflowed: lines were lost";
			found->hits++;
		} else if (n <= 0) {
			text = "the kernel's log cannot be read";
			found->hits++;
		} else {
			record[n] = '\0';
			text = strchr(record, ';');
			text = text ? text + 1 : record;
			end = strchr(text, '\n');
			if (end)
				*end = '\0';
			if (strncmp(text, MARK, strlen(MARK)) &&
			    !regexec(&bad_log_re, text, 0, NULL, 0))
				found->hits++;
		}
		if (found->hits && found->lines++ < LOG_LINES)
			fprintf(found->file, "%s\n", text);
		if (n <= 0 && errno != EPIPE)
			return;
	}
}

static unsigned long taint(void)
{
	char buf[64];

	return strtoul(slurp("/proc/sys/kernel/tainted", buf, sizeof(buf)),
		       NULL, 10);
}

/* On a kernel with lockdep: its first report has turned it off. */
static bool lockdep_off(void)
{
	static char buf[16384];
	char *at = strstr(slurp("/proc/lockdep_stats", buf, sizeof(buf)),
			  "debug_locks:");

	return at && atoi(at + strlen("debug_locks:")) == 0;
}

/*
 * An oops or a KASAN report at boot turns lockdep off, and KASAN reports only once, so the
 * tests would miss faults. Leave the verdict empty, like that of a boot that failed earlier.
 */
static void check_boot(void)
{
	if (lockdep_off() || taint() & BLINDING_TAINTS) {
		fprintf(stderr,
			"init: the kernel had a fault before the first test\n");
		finish();
	}
}

/* --- processes ------------------------------------------------------------------ */

/* Calls f for each process but this one, zombies and kernel threads. Returns their number. */
static int each_process(void (*f)(int pid, const char *comm, char state))
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int count = 0;

	while (dir && (d = readdir(dir))) {
		char path[64], stat[512], *comm, *rest, state;
		unsigned int flags;
		int pid = atoi(d->d_name);

		if (pid <= 1)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		slurp(path, stat, sizeof(stat));
		comm = strchr(stat, '(');
		rest = strrchr(stat, ')');
		if (!comm || !rest)
			continue;
		*rest = '\0';
		if (sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %u", &state,
			   &flags) != 2)
			continue;
		if (state == 'Z' || state == 'X' ||
		    flags & 0x00200000 /* PF_KTHREAD */)
			continue;
		count++;
		if (f)
			f(pid, comm + 1, state);
	}
	if (dir)
		closedir(dir);
	return count;
}

/* Shows the kernel stack of each thread. */
static void show_process(int pid, const char *comm, char state)
{
	char path[128], text[4096], pattern[64], *line, *save;
	glob_t g;
	size_t i;

	diagf("process %d (%s), state %c", pid, comm, state);
	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", pid);
	if (glob(pattern, 0, NULL, &g))
		return;
	for (i = 0; i < g.gl_pathc && i < 8; i++) {
		int depth = 0;

		snprintf(path, sizeof(path), "%s/stack", g.gl_pathv[i]);
		slurp(path, text, sizeof(text));
		if (!text[0])
			diagf("  thread %zu: running, or its stack is unavailable",
			      i);
		for (line = strtok_r(text, "\n", &save); line && depth < 8;
		     line = strtok_r(NULL, "\n", &save), depth++)
			diagf("  thread %zu: %s", i, line);
	}
	globfree(&g);
}

static void list_process(int pid, const char *comm, char state)
{
	diagf("left behind: process %d (%s), state %c", pid, comm, state);
}

/* Reaps all zombies. Returns true, and the status, if `pid` was one of them. */
static bool reap(pid_t pid, int *status)
{
	bool ours = false;
	int st;
	pid_t p;

	while ((p = waitpid(-1, &st, WNOHANG)) > 0)
		if (p == pid) {
			ours = true;
			if (status)
				*status = st;
		}
	return ours;
}

/* Waits until no other process is left. Returns false after `ms`. */
static bool alone_within(int ms)
{
	long long end = now_ms() + ms;

	for (;;) {
		reap(-1, NULL);
		if (!each_process(NULL))
			return true;
		if (now_ms() >= end)
			return false;
		nap_ms(10);
	}
}

/* --- the module ----------------------------------------------------------------- */

static int load_module(const char *params)
{
	int fd = open(module_path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, params, 0))
		err = errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Returns 0, ENOENT if the module was not loaded, or another errno. */
static int unload_module(void)
{
	long long end = now_ms() + UNLOAD_MS;

	while (syscall(SYS_delete_module, module_name, O_NONBLOCK)) {
		if ((errno != EAGAIN && errno != EBUSY) || now_ms() >= end)
			return errno;
		nap_ms(20);
	}
	return 0;
}

/* --- a test's output ------------------------------------------------------------ */

static struct {
	char text[128 * 1024]; /* the end of it */
	size_t len;
	char line[512]; /* the line that is being written */
	size_t line_len;
	char last[512]; /* the last line that was not empty */
	bool not_ok;	/* a line began with `not ok` */
	size_t echoed;
	FILE *tap; /* for subtests */
} out;

static void out_line(void)
{
	out.line[out.line_len] = '\0';
	if (!strncmp(out.line, "not ok", 6))
		out.not_ok = true;
	if (!strncmp(out.line, "not ok ", 7) || !strncmp(out.line, "ok ", 3) ||
	    !strncmp(out.line, "1..", 3)) {
		put_line(out.tap, "    ", out.line, out.line_len);
		fflush(out.tap);
	}
	if (out.line_len)
		strcpy(out.last, out.line);
	out.line_len = 0;
}

static void out_add(const char *text, size_t len)
{
	/* Also to the console, where it survives a crash of the kernel. */
	if (out.echoed < 64 * 1024) {
		out.echoed += len;
		if (write(STDERR_FILENO, text, len) < 0)
			out.echoed = SIZE_MAX / 2;
	}
	if (out.len + len > sizeof(out.text)) {
		out.len = sizeof(out.text) / 2;
		memmove(out.text, out.text + sizeof(out.text) - out.len,
			out.len);
	}
	memcpy(out.text + out.len, text, len);
	out.len += len;
	for (; len; len--, text++) {
		if (*text == '\n')
			out_line();
		else if (out.line_len < sizeof(out.line) - 1)
			out.line[out.line_len++] = *text;
	}
}

/* Reads what is available. Returns false at end of file. */
static bool out_read(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		out_add(buf, n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void out_show(void)
{
	char *line, *end = out.text + out.len, *start = end;
	int lines = 0;

	if (start > out.text && start[-1] == '\n')
		start--;
	for (; start > out.text; start--)
		if (start[-1] == '\n' && ++lines == TAIL_LINES)
			break;
	if (start > out.text)
		diagf("(the last %d lines of its output)", TAIL_LINES);
	while (start < end) {
		line = start;
		start = memchr(line, '\n', end - line);
		if (!start)
			start = end;
		diag(line, start - line);
		start++;
	}
}

/* --- running -------------------------------------------------------------------- */

static const char *const test_env[] = {
	"PATH=/bin:/sbin:/usr/bin:/usr/sbin:/tests",
	"HOME=/tmp",
	"TMPDIR=/tmp",
	"LC_ALL=C",
	"TERM=vt220",
	NULL
};
/* test_env, and VFIFO_KO, VFIFO_LONG and VFIFO_FUZZ if they apply. */
static char *child_env[sizeof(test_env) / sizeof(test_env[0]) + 3];

static void make_env(void)
{
	static char ko[PATH_MAX + 16], fuzz[4096];
	size_t i;

	for (i = 0; test_env[i]; i++)
		child_env[i] = (char *)test_env[i];
	if (module_path[0]) {
		snprintf(ko, sizeof(ko), "VFIFO_KO=%s", module_path);
		child_env[i++] = ko;
	}
	if (getenv("VFIFO_LONG"))
		child_env[i++] = "VFIFO_LONG=1";
	if (getenv("VFIFO_FUZZ")) {
		snprintf(fuzz, sizeof(fuzz), "VFIFO_FUZZ=%s",
			 getenv("VFIFO_FUZZ"));
		child_env[i] = fuzz;
	}
}

static pid_t spawn(char *const argv[], int in, int outfd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	dup2(in, 0);
	dup2(outfd, 1);
	dup2(outfd, 2);
	if (isatty(0))
		ioctl(0, TIOCSCTTY, 1);
	signal(SIGPIPE, SIG_DFL);
	execve(argv[0], argv, child_env);
	fprintf(stderr, "%s: %m\n", argv[0]);
	_exit(127);
}

enum next { GO_ON, AGAIN, OTHER_KERNEL };

/* Waits for output of a test. Returns by how many ms this process was late. */
static long long wait_for_output(struct pollfd *pfd)
{
	const long long until = now_ms() + 20;

	poll(pfd, 1, 20);
	return now_ms() - until;
}

/*
 * Runs one test. Returns AGAIN if there is no result, as the machine stood still, and OTHER_KERNEL
 * if the next test needs another kernel.
 */
static enum next run(int number, const struct test *t, bool last_try,
		     int *passed, int *failed, int *skipped)
{
	struct findings found = { 0 };
	unsigned long taint_before = taint(), taint_new;
	int pipefd[2], status = 0, null, err;
	bool fine = true, sound = true, skip = false, timed_out = false;
	char path[128], *diags = NULL;
	char *argv[] = { path, NULL };
	long long start, took = 0, late, stood_still = 0;
	FILE *tap = verdict;
	size_t diags_len = 0, i;
	struct pollfd pfd = { .events = POLLIN };
	pid_t pid;

	fprintf(tap, "# running %s (%d s)\n", t->name, t->limit);
	fflush(tap);
	mark(MARK "%s begins", t->name);
	memset(&out, 0, sizeof(out));
	out.tap = tap;

	/* The diagnostics are known before the result, and printed after it. */
	verdict = open_memstream(&diags, &diags_len);
	found.file = open_memstream(&found.text, &found.size);

	if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") || chdir("/tmp") ||
	    pipe2(pipefd, O_CLOEXEC) || fcntl(pipefd[0], F_SETFL, O_NONBLOCK))
		give_up("setting up a test");
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (module_path[0] && !t->nomod && (err = load_module(""))) {
		fine = false;
		diagf("the module cannot be loaded: %s", strerror(err));
	}
	if (fine) {
		snprintf(path, sizeof(path), "/tests/%s", t->name);
		start = now_ms();
		pid = spawn(argv, null, pipefd[1]);
		close(pipefd[1]);
		pipefd[1] = -1;
		pfd.fd = pipefd[0];
		while (!reap(pid, &status)) {
			if (now_ms() - start > t->limit * 1000LL) {
				timed_out = true;
				break;
			}
			late = wait_for_output(&pfd);
			if (late > stood_still)
				stood_still = late;
			if (pfd.fd >= 0 && !out_read(pfd.fd))
				pfd.fd = -1;
		}
		took = now_ms() - start;
		out_read(pipefd[0]);
		if (out.line_len)
			out_line();
	}

	if (timed_out) {
		fine = false;
		diagf("killed: it exceeded its limit of %d s", t->limit);
		each_process(show_process);
	} else if (fine && WIFSIGNALED(status)) {
		fine = false;
		diagf("killed by signal %d (%s)", WTERMSIG(status),
		      strsignal(WTERMSIG(status)));
	} else if (fine && WEXITSTATUS(status) == SKIPPED) {
		skip = true;
	} else if (fine && WEXITSTATUS(status)) {
		fine = false;
		diagf("exit status %d", WEXITSTATUS(status));
	} else if (fine && out.not_ok) {
		fine = false;
		diagf("exit status 0, but it printed `not ok`");
	}

	/* A process that is left may have missed a wake-up. */
	if (!timed_out && !alone_within(LINGER_MS)) {
		fine = false;
		each_process(list_process);
		each_process(show_process);
	}
	kill(-1, SIGKILL);
	if (!alone_within(REAP_MS)) {
		fine = sound = false;
		diagf("killed, but not dead:");
		each_process(show_process);
	}

	close(null);
	close(pipefd[0]);
	if (pipefd[1] >= 0)
		close(pipefd[1]);
	if (chdir("/") || umount2("/tmp", MNT_DETACH))
		give_up("clearing up after a test");
	/* After an oops a dead task may hold the module, and unloading would wait for ever. */
	scan_log(&found);
	if (module_path[0] && sound && !found.hits && (err = unload_module()) &&
	    err != ENOENT) {
		char refs[32], refs_path[128];

		fine = sound = false;
		snprintf(refs_path, sizeof(refs_path), "/sys/module/%s/refcnt",
			 module_name);
		diagf("the module cannot be unloaded: %s; references: %d",
		      strerror(err),
		      atoi(slurp(refs_path, refs, sizeof(refs))));
	}

	scan_log(&found);
	fclose(found.file);
	if (found.hits) {
		char *line, *save;

		fine = sound = false;
		diagf("in the kernel's log (%d lines, the first %d of them here):",
		      found.lines,
		      found.lines < LOG_LINES ? found.lines : LOG_LINES);
		for (line = strtok_r(found.text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			diagf("  %s", line);
	}
	free(found.text);
	taint_new = taint() & ~taint_before;
	for (i = 0; i < sizeof(bad_taints) / sizeof(bad_taints[0]); i++)
		if (taint_new & 1UL << bad_taints[i].bit) {
			fine = sound = false;
			diagf("the kernel is tainted: %s", bad_taints[i].what);
		}
	if (lockdep_off()) {
		fine = sound = false;
		diagf("lockdep has turned itself off: it has found a fault");
	}
	if (!fine && out.len) {
		diagf("its output:");
		out_show();
	}

	fclose(verdict);
	verdict = tap;
	if (!fine && sound && t->timed && !last_try &&
	    stood_still >= STILL_MS) {
		fwrite(diags, 1, diags_len, verdict);
		free(diags);
		fprintf(verdict,
			"# again: %s failed, and the machine stood still for %lld ms\n",
			t->name, stood_still);
		return AGAIN;
	}
	fprintf(verdict, "%s %d - %s", fine ? "ok" : "not ok", number, t->name);
	if (fine && skip) {
		char *c;

		for (c = out.last; *c; c++)
			if (!isprint((unsigned char)*c))
				*c = '?';
		fprintf(verdict, " # SKIP %s", out.last);
	}
	putc('\n', verdict);
	fwrite(diags, 1, diags_len, verdict);
	free(diags);
	fprintf(verdict, "# took %lld.%lld s\n", took / 1000,
		took % 1000 / 100);
	fflush(verdict);
	mark(MARK "%s ends", t->name);
	if (!fine)
		++*failed;
	else if (skip)
		++*skipped;
	else
		++*passed;
	return sound ? GO_ON : OTHER_KERNEL;
}

/*
 * Has kmemleak, if the kernel has it, search for memory that nothing points to. It reports an
 * object only if it is some seconds old and unreferenced in two scans. The report is in the
 * log, too.
 */
static void scan_for_leaks(void)
{
	if (access(KMEMLEAK, F_OK))
		return;
	sleep(6);
	spit(KMEMLEAK, "scan");
	spit(KMEMLEAK, "scan");
}

static void run_all(void)
{
	struct findings late = { 0 };
	int i, try, passed = 0, failed = 0, skipped = 0;
	enum next next = GO_ON;

	fprintf(verdict, "TAP version 13\n1..%d\n", ntests);
	for (i = 0; i < ntests && next == GO_ON; i++) {
		try = 0;
		do
			next = run(i + 1, &tests[i], ++try == TRIES, &passed,
				   &failed, &skipped);
		while (next == AGAIN);
	}
	if (next == GO_ON)
		scan_for_leaks();
	late.file = open_memstream(&late.text, &late.size);
	scan_log(&late);
	fclose(late.file);
	if (late.hits)
		diagf("late: %.*s", (int)strcspn(late.text, "\n"), late.text);
	fprintf(verdict,
		"# finished: %d of %d, %d passed, %d failed, %d skipped\n", i,
		ntests, passed, failed, skipped);
}

/* The module is not loaded any more; the kernel has kept its counters. */
static void copy_counters(const char *folder)
{
	char *const argv[] = {
		"/bin/sh", "-c",
		"exec find /sys/kernel/debug/gcov -name '*.gcda' -exec cp {} /counters \\;",
		NULL
	};
	pid_t pid;

	mkdir("/counters", 0700);
	if (mount("none", "/counters", "hostfs", 0, folder))
		give_up("mounting the folder for the counters");
	pid = spawn(argv, STDIN_FILENO, STDERR_FILENO);
	while (!reap(pid, NULL))
		nap_ms(10);
	sync();
	umount2("/counters", 0);
}

static void stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

/* The poweroff, halt and reboot of busybox send a signal to PID 1. */
static void shell(const char *size)
{
	char *const argv[] = { "/bin/sh", "-l", NULL };
	struct sigaction sa = { .sa_handler = stop };
	struct winsize ws = { 0 };
	int tty = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64], path[80];
	pid_t pid;

	/* /dev/console cannot be a controlling terminal, but the device behind it can. */
	slurp("/sys/class/tty/console/active", name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	snprintf(path, sizeof(path), "/dev/%s",
		 strrchr(name, ' ') ? strrchr(name, ' ') + 1 : name);
	close(tty);
	tty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		give_up(path);
	sscanf(size, "%hux%hu", &ws.ws_row, &ws.ws_col);
	if (!ws.ws_row || !ws.ws_col)
		ws = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	ioctl(tty, TIOCSWINSZ, &ws);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	pid = spawn(argv, tty, tty);
	while (!stop_requested && !reap(pid, NULL))
		nap_ms(20);
}

/* Like the shell, but for a program: only the output of the commands is printed. */
static void commands(void)
{
	char *const argv[] = { "/bin/sh", "/commands", NULL };
	int status = 0, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	fflush(verdict);
	pid = spawn(argv, null, fileno(verdict));
	while (!reap(pid, &status))
		nap_ms(10);
	kill(-1, SIGKILL);
	alone_within(REAP_MS);
	fprintf(verdict, "# finished: %d\n",
		WIFEXITED(status) ? WEXITSTATUS(status) :
				    128 + WTERMSIG(status));
}

/* --- the machine ---------------------------------------------------------------- */

static void mount_at(const char *type, const char *at, const char *options)
{
	mkdir(at, 0755);
	if (mount(type, at, type, MS_NOSUID, options) && errno != EBUSY &&
	    errno != ENODEV && errno != ENOENT)
		fprintf(stderr, "init: mounting %s: %m\n", at);
}

/* Returns the value of WORD=value on the kernel's command line, "" for WORD alone, or NULL. */
static const char *option(const char *word)
{
	static char line[4096];
	static size_t line_len;
	size_t len = strlen(word);
	const char *at;
	char *p;

	if (!line_len) {
		line_len = strlen(slurp("/proc/cmdline", line, sizeof(line)));
		for (p = line; *p; p++)
			if (isspace((unsigned char)*p))
				*p = '\0';
	}
	for (at = line; at < line + line_len; at += strlen(at) + 1)
		if (!strncmp(at, word, len) && (at[len] == '=' || !at[len]))
			return at[len] ? at + len + 1 : "";
	return NULL;
}

static void read_list(const char *pattern)
{
	FILE *f = fopen("/list", "re");
	struct test t;
	char flags[64];

	while (f && fscanf(f, "%63s %d %63s", t.name, &t.limit, flags) == 3) {
		t.nomod = strstr(flags, "nomod");
		t.timed = strstr(flags, "timed");
		if (pattern && fnmatch(pattern, t.name, 0))
			continue;
		tests = realloc(tests, (ntests + 1) * sizeof(*tests));
		tests[ntests++] = t;
	}
	if (f)
		fclose(f);
}

static void find_module(void)
{
	glob_t g;
	char *p;

	if (glob("/module/*.ko", 0, NULL, &g))
		return;
	snprintf(module_path, sizeof(module_path), "%s", g.gl_pathv[0]);
	snprintf(module_name, sizeof(module_name), "%.*s",
		 (int)(strlen(module_path) - strlen("/module/.ko")),
		 module_path + strlen("/module/"));
	for (p = module_name; *p; p++)
		if (*p == '-')
			*p = '_';
	globfree(&g);
}

static void open_verdict(const char *device)
{
	struct termios tio;
	int fd = STDOUT_FILENO;

	if (device) {
		fd = open(device, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			give_up(device);
		if (!tcgetattr(fd, &tio)) {
			cfmakeraw(&tio);
			cfsetspeed(&tio, B115200);
			tio.c_cflag |= CLOCAL;
			tcsetattr(fd, TCSANOW, &tio);
		}
	}
	verdict = fdopen(fd, "w");
	if (!verdict)
		give_up("the verdict's channel");
}

int main(void)
{
	int fd;

	umask(022);
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("devtmpfs", "/dev", "mode=755");
	mount_at("devpts", "/dev/pts", "mode=620,ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", "mode=1777");
	mount_at("tmpfs", "/run", "mode=755");
	mount_at("debugfs", "/sys/kernel/debug", NULL);
	mount_at("tracefs", "/sys/kernel/tracing", NULL);
	mkdir("/tmp", 01777);
	chmod("/tmp", 01777);

	fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	signal(SIGPIPE, SIG_IGN);
	open_verdict(option("vfifo.verdict"));

	/* Scan only at the end, and not every ten minutes as well. */
	if (!access(KMEMLEAK, F_OK))
		spit(KMEMLEAK, "scan=off");
	/* There are no modules to load on demand, and modprobe would be a stray process. */
	spit("/proc/sys/kernel/modprobe", "");
	spit("/proc/sys/kernel/sysrq", "1\n");
	if (sethostname("vfifo", 5))
		fprintf(stderr, "init: hostname: %m\n");
	find_module();
	make_env();

	if (option("vfifo.shell") || option("vfifo.run")) {
		int err = module_path[0] ? load_module("") : 0;

		if (err) {
			fprintf(verdict, "the module cannot be loaded: %s\n",
				strerror(err));
			fprintf(stderr, "the module cannot be loaded: %s\n",
				strerror(err));
		}
		if (option("vfifo.run"))
			commands();
		else
			shell(option("vfifo.size") ?: "");
		finish();
	}

	if (regcomp(&bad_log_re, bad_log, REG_EXTENDED | REG_NOSUB))
		give_up("the pattern for the log");
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		give_up("/dev/kmsg");
	check_boot();
	read_list(option("vfifo.tests"));
	run_all();
	if (option("vfifo.coverage"))
		copy_counters(option("vfifo.coverage"));
	finish();
}
