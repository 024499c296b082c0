// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel does for a call that need not wait, by a trace of functions: a read() or write()
 * takes one lock, moves all bytes at once and looks for no sleeper; if two calls sleep, it wakes
 * one of them. A mapped pair does not enter the module.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"
#include "tracing.h"

#define MESSAGE 64
#define MESSAGES 10000

static char bytes[CAPACITY];

/* What the traced process does, and when: in memory that it shares. */
static struct {
	int ready, go, done;
} * stage;

struct work {
	enum { READ, WRITE, MOVE_MAPPED } what;
	size_t n;
};

static bool reached(const int *flag)
{
	return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static void reach(int *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
}

static void move_mapped(struct vfifo_handle *in, struct vfifo_handle *out)
{
	void *p;

	for (int i = 0; i < MESSAGES; i++) {
		check(vfifo_reserve(in, MESSAGE, &p) >= MESSAGE);
		memset(p, i, MESSAGE);
		check_equal(vfifo_commit(in, MESSAGE), 0);
		check(vfifo_peek(out, MESSAGE, &p) >= MESSAGE);
		check_equal(*(uint8_t *)p, (uint8_t)i);
		check_equal(vfifo_consume(out, MESSAGE), 0);
	}
}

static void traced(void *argument)
{
	const struct work *work = argument;
	struct vfifo_handle *in = NULL, *out = NULL;
	int fd = device(O_RDWR);

	memset(bytes, 1, sizeof(bytes)); /* resident */
	if (work->what == MOVE_MAPPED) {
		check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &in), 0);
		check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &out), 0);
		move_mapped(in, out); /* touches each page */
	}
	check(!prctl(PR_SET_PDEATHSIG, SIGKILL));
	reach(&stage->ready);
	/* sched_yield(2) takes no mutex. */
	while (!reached(&stage->go))
		sched_yield();
	if (work->what == READ)
		check_equal(read(fd, bytes, work->n), work->n);
	else if (work->what == WRITE)
		check_equal(write(fd, bytes, work->n), work->n);
	else
		move_mapped(in, out);
	/* Shows that functions of the module are traced. */
	check(!ioctl(fd, VFIFO_KICK));
	reach(&stage->done);
	pause();
}

/* Waits for the traced process, unless it fails. */
static void await(const int *flag, pid_t pid)
{
	while (!reached(flag)) {
		check_equal(waitpid(pid, NULL, WNOHANG), 0);
		sched_yield();
	}
}

/* Returns the trace of the functions that the work calls, up to its VFIFO_KICK. */
static const char *trace_of(const struct work *work)
{
	char number[16], *text;
	pid_t pid;

	memset(stage, 0, sizeof(*stage));
	pid = start(traced, (void *)work);
	await(&stage->ready, pid);
	snprintf(number, sizeof(number), "%d", (int)pid);
	tracing_put("set_ftrace_pid", number);
	tracing_put("set_event_pid", number);
	tracing_put("trace", "");
	tracing_put("tracing_on", "1");
	reach(&stage->go);
	await(&stage->done, pid);
	tracing_put("tracing_on", "0");
	text = tracing_read("trace");
	check(strstr(text, " vfifo_ioctl"));
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	*strstr(text, " vfifo_ioctl") = '\0';
	while (*text == '#') /* the head */
		text = strchr(text, '\n') + 1;
	return text;
}

/*
 * Whether an interrupt came meanwhile and called it: the third flag, after the number of the
 * processor, is not a dot.
 */
static bool in_interrupt(const char *text, const char *at)
{
	while (at > text && *at != ']' && *at != '\n')
		at--;
	return *at == ']' && at[4] != '.';
}

/* Returns how many functions of the trace have names that begin so. */
static int count(const char *text, const char *name)
{
	char word[64];
	int n = 0;

	snprintf(word, sizeof(word), ": %s", name);
	for (const char *at = text; (at = strstr(at, word)); at++)
		n += !in_interrupt(text, at);
	return n;
}

static void check_count(const char *text, const char *name, int want)
{
	if (count(text, name) != want)
		fail("%d calls of %s*, not %d, in:\n%s", count(text, name),
		     name, want, text);
}

static void takes_one_lock(const char *text)
{
	check_count(text, "mutex_trylock", 1);
	check_count(text, "mutex_lock", 0);
	check_count(text, "mutex_unlock", 1);
}

/* The bytes were copied and handed over as one: the functions that copy cannot be traced. */
static void moves_once(const char *text, int what, size_t n)
{
	char move[64];

	snprintf(move, sizeof(move), "vfifo_%s: vfifo0 bytes=%zu ",
		 what == WRITE ? "produce" : "consume", n);
	check_count(text, move, 1);
	check_count(text, "vfifo_produce:", what == WRITE);
	check_count(text, "vfifo_consume:", what == READ);
}

static void moves_at_once(int what, size_t n)
{
	const struct work work = { what, n };
	const char *text = trace_of(&work);

	takes_one_lock(text);
	moves_once(text, what, n);
	check_count(text, "io_start", 0);
	check_count(text, "vfifo_ring_", 0);
	check_count(text, "wake_up_process", 0);
}

static void write_some(void *argument)
{
	(void)argument;
	check_equal(write(device(O_WRONLY), bytes, 1), 1);
}

/* The FIFO is full, and two calls wait for space. */
static void wakes_one_of_two(void)
{
	const struct work work = { READ, CAPACITY };
	const char *text;
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = start(write_some, NULL);
		wait_asleep(pids[i], "vfifo_ring_wait");
	}
	text = trace_of(&work);
	takes_one_lock(text);
	moves_once(text, READ, CAPACITY);
	check_count(text, "wake_up_process", 1);
	for (int i = 0; i < 2; i++)
		finish(pids[i]);
}

static void mapped_pair_stays_out(void)
{
	const struct work work = { MOVE_MAPPED, 0 };

	check(!ioctl(device(O_RDWR), VFIFO_CLEAR));
	check_count(trace_of(&work), "", 0);
}

static void restore(void)
{
	tracing_put("tracing_on", "0");
	tracing_put("events/vfifo/enable", "0");
	tracing_put("set_event_pid", "");
	tracing_put("current_tracer", "nop");
	tracing_put("set_ftrace_filter", "");
	tracing_put("set_ftrace_pid", "");
	tracing_put("tracing_on", "1");
}

int main(void)
{
	if (access(TRACING "set_ftrace_filter", F_OK))
		skip("this kernel does not trace functions");
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(stage != MAP_FAILED);
	tracing_begin(restore);
	tracing_put("tracing_on", "0");
	tracing_put("set_ftrace_filter",
		    "*:mod:vfifo mutex_trylock mutex_lock* mutex_unlock "
		    "wake_up_process");
	tracing_put("current_tracer", "function");
	tracing_put("events/vfifo/enable", "1");

	subtest("a write of 64 bytes");
	moves_at_once(WRITE, 64);
	subtest("a read of 64 bytes");
	moves_at_once(READ, 64);
	subtest("a write of 64 KiB");
	moves_at_once(WRITE, CAPACITY);
	subtest("a read of 64 KiB");
	moves_at_once(READ, CAPACITY);
	subtest("a read of 64 KiB for which two writers wait");
	check_equal(write(device(O_RDWR), bytes, CAPACITY), CAPACITY);
	wakes_one_of_two();
	subtest("a mapped pair");
	mapped_pair_stays_out();
	return 0;
}
