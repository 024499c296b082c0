// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.c - the steps of several processes: fork(2), exec, exit, kill, a debugger, and a call
 * whose memory does not come
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfifo_ring.h>

#include "fuzz.h"
#include "testlib.h"

/* The exit status of a child that has seen what must not be. */
#define WRONG 3

static pid_t start_child(struct world *w)
{
	pid_t pid;

	const pid_t parent = getpid();

	if (w->child)
		return -1; /* no tree of children */
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -1;
	w->child = !pid;
	/* The parent can be killed, and a stopped child would stay for ever. */
	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(0);
	count_operations(w, 1);
	return pid;
}

static int end_of(struct world *w, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			mismatch(w, "waitpid: %s", strerror(errno));
	return status;
}

/* --- a child that has the files, and no claim --------------------------------------------- */

/* A mapping of a page of numbers is not in the child; msync(2) tells. */
static bool has_numbers(struct world *w)
{
	for (int i = 0; i < MAPS; i++)
		if (w->maps[i].at && w->maps[i].kind != MAP_DATA &&
		    (!msync(w->maps[i].at, PAGE, MS_ASYNC) || errno != ENOMEM))
			return true;
	return false;
}

static void live_as_a_child(struct world *w, const struct file_slot *f,
			    const uint8_t *byte)
{
	long ret = 0;

	if (has_numbers(w))
		_exit(WRONG);
	if (f)
		ret = write(f->fd, byte, 1);
	_exit(f && ret != 1 ? 1 : 0);
}

static void op_fork(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct plan plan = { 0 };
	uint8_t byte;
	pid_t pid;
	int status;

	if (w->exact && f && f->of->writes)
		plan = fifo_plan_write(f->of->fifo, 1, 1, true);
	if (w->exact && f && plan.store != 1)
		look_too(f);
	if (plan.store != 1)
		f = NULL;
	fresh_bytes(w, &byte, 1);
	pid = start_child(w);
	if (!pid)
		live_as_a_child(w, f, &byte);
	if (pid < 0)
		return;
	status = end_of(w, pid);
	if (status)
		mismatch(w, "the child ends with status %#x", status);
	if (f)
		fifo_write(f->of->fifo, &byte, &plan);
}

/* --- a child that claims a side and ends in some way -------------------------------------- */

enum ending { EXIT, EXEC, KILLED, UNMAP, ENDINGS };

static void end_as(enum ending how, void *at)
{
	switch (how) {
	case EXEC:
		execl("/proc/self/exe", "fuzz", "--nothing", NULL);
		_exit(WRONG);
	case KILLED:
		raise(SIGKILL);
		_exit(WRONG);
	case UNMAP:
		_exit(munmap(at, PAGE) ? WRONG : 0);
	default:
		_exit(0);
	}
}

/* Exits with an errno if there is no claim. */
static void live_with_a_claim(int number, enum vfifo_end end, uint32_t framing,
			      uint32_t n, enum ending how)
{
	char path[32];
	uint32_t *at;
	int fd;

	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	fd = open(path, O_RDWR);
	if (fd < 0)
		_exit(errno);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  claim_offset(end, framing));
	if (at == MAP_FAILED)
		_exit(errno);
	if (n)
		__atomic_fetch_add(at, n, __ATOMIC_RELEASE);
	end_as(how, at);
}

static int child_errno(struct world *w, pid_t pid)
{
	const int status = end_of(w, pid);

	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	    WTERMSIG(status) != SIGBUS)
		mismatch(w, "the child ends with status %#x", status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == WRONG)
		mismatch(w, "the child ends with status %#x", status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void claimed_by_child(struct world *w, struct fifo *f, int number,
			     enum vfifo_end end, uint32_t framing, uint32_t n,
			     int err)
{
	struct description *d;

	if (!f) {
		expect(w, "a child's open", err, ENOENT);
		return;
	}
	d = description_new(f, number, true, true);
	expect(w, "a child's claim", err, fifo_claim(f, end, framing, d));
	if (f->claimant[end] == d) {
		f->shown[end] += n;
		fifo_release(f, end);
	}
	description_put(d);
}

static void op_child_claim(struct world *w, const uint16_t *arg)
{
	const int number = numbers[arg[0] % NUMBERS];
	const struct description d = { .number = number };
	const enum vfifo_end end = arg[1] % 2;
	struct fifo *f = w->fifos[number];
	uint32_t framing = arg[3] / ENDINGS % 2;
	uint32_t n = arg[2];
	pid_t pid;
	int err;

	if (!w->exact && care_of(&d) == CARE_STREAM)
		return;
	if (w->exact)
		n = f ? arg[2] % (fifo_room(f, end) + 1) : 0;
	if (w->exact && f && arg[3] / ENDINGS % 8)
		framing = f->framing;
	if (framing == VFIFO_RECORDS && arg[1] / 2 % 8)
		n &= ~7U;
	pid = start_child(w);
	if (!pid)
		live_with_a_claim(number, end, framing, n, arg[3] % ENDINGS);
	if (pid < 0)
		return;
	err = child_errno(w, pid);
	if (w->exact)
		claimed_by_child(w, f, number, end, framing, n, err);
	else if (care_of(&d) == CARE_CLAIMED && !err)
		mismatch(w, "a child claims a claimed side");
}

/* --- a child that runs steps of its own, and is killed in one of them -------------------- */

/* The steps of processes do nothing meanwhile: w->child is set. */
static void live_a_little(struct world *w, unsigned int steps)
{
	const struct step *before = w->step;

	for (; steps; steps--) {
		const struct step s = random_step(&w->random, false);

		w->step = &s;
		operation(s.op)->act(w, s.arg);
	}
	w->step = before;
}

static void op_child(struct world *w, const uint16_t *arg)
{
	pid_t pid;
	int status;

	if (w->exact)
		return;
	pid = start_child(w);
	if (!pid) {
		world_forked(w);
		w->random.state += arg[0];
		live_a_little(w, arg[0] % 64);
		_exit(0);
	}
	if (pid < 0)
		return;
	/* Both have the same files, and use them at the same time. */
	w->child = true;
	live_a_little(w, arg[2] % 32);
	w->child = false;
	if (arg[1] % 2)
		kill(pid, SIGKILL);
	status = end_of(w, pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		mismatch(w, "a child ends with status %#x", status);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		mismatch(w, "a child ends with status %#x", status);
}

/* --- two processes that change O_ASYNC of one file ---------------------------------------- */

/*
 * How often the two race in one step. What a race leaves behind shows only if none follows, so that
 * races are short and many.
 */
#define RACES 200
#define SWITCHES 2 /* of each, in a race */

static void switch_async(const struct file_slot *f, bool on)
{
	const int flags = flags_of(f->of) | (on ? O_ASYNC : 0);
	int value = on;

	for (int i = 0; i < SWITCHES; i++) {
		if (i % 2)
			ioctl(f->fd, FIOASYNC, &value);
		else
			fcntl(f->fd, F_SETFL, flags);
	}
}

/* Shared with the child: the race that the parent has begun, and the last that the child has ended. */
static struct {
	unsigned int begun, ended;
} * race;

static bool race_is_shared(void)
{
	if (!race)
		race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED)
		race = NULL;
	if (race)
		race->begun = race->ended = 0;
	return race;
}

/* Spins for a while, so that the two begin together if there are two processors. */
static void wait_for_race(const unsigned int *reached, unsigned int i)
{
	for (int n = 0; __atomic_load_n(reached, __ATOMIC_ACQUIRE) < i; n++)
		if (n > 1000)
			sched_yield();
}

static void live_racing(const struct file_slot *f)
{
	for (unsigned int i = 1; i <= RACES; i++) {
		wait_for_race(&race->begun, i);
		switch_async(f, true);
		__atomic_store_n(&race->ended, i, __ATOMIC_RELEASE);
	}
	_exit(0);
}

/*
 * Returns a file. One that reads and writes is preferred, as it is in the lists of both sides, and
 * one that can move bytes.
 */
static struct file_slot *file_of_both_sides(struct world *w, uint16_t arg)
{
	for (int i = 0; i < FILES; i++) {
		struct file_slot *f = &w->files[(arg + i) % FILES];
		const struct fifo *fifo = f->fd < 0 ? NULL : f->of->fifo;

		if (fifo && f->of->reads && f->of->writes && !fifo->removed &&
		    !fifo->claimant[VFIFO_PRODUCER] &&
		    !fifo->claimant[VFIFO_CONSUMER])
			return f;
	}
	return some_file(w, arg);
}

static void end_async(const struct file_slot *f)
{
	f->of->async = false;
	fcntl(f->fd, F_SETFL, flags_of(f->of));
}

/*
 * The file does not have O_ASYNC. If it is in a list all the same, each byte that is written and read
 * sends a signal. One signal alone can be that of a notice from before, which the module gives late.
 */
static void expect_no_signal(struct world *w, const struct file_slot *f)
{
	if (async_files(w))
		return;
	for (int i = 0; i < 3; i++) {
		forget_pending_signals();
		move_a_byte(w, f);
		if (!signal_is_pending())
			return;
	}
	check_no_signal(w);
}

static void op_async_race(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = file_of_both_sides(w, arg[0]);
	pid_t pid;

	if (!f || !race_is_shared())
		return;
	w->signals = true;
	/* Each signal is one of this file. */
	for (int i = 0; i < FILES; i++)
		if (w->files[i].fd >= 0 && w->files[i].of->async)
			end_async(&w->files[i]);
	expect(w, "F_SETOWN", outcome(fcntl(f->fd, F_SETOWN, getpid())), 0);
	expect(w, "F_SETSIG", outcome(fcntl(f->fd, F_SETSIG, SIGRTMIN + 1)), 0);
	w->async_before = 1; /* signals may come while the two race */
	pid = start_child(w);
	if (!pid)
		live_racing(f);
	if (pid < 0)
		return;
	for (unsigned int i = 1; i <= RACES; i++) {
		__atomic_store_n(&race->begun, i, __ATOMIC_RELEASE);
		switch_async(f, false);
		wait_for_race(&race->ended, i);
		count_operations(w, 2UL * SWITCHES);
		end_async(f);
		if (w->exact)
			expect_no_signal(w, f);
	}
	end_of(w, pid);
}

/* --- the order of calls that wait ------------------------------------------------------------ */

#define OVERTAKES 16 /* small writes that go before a large one that waits */
#define SERVED 10    /* seconds in which a write that can go on does so */

/* Shared with the child that makes small writes. */
static struct {
	unsigned int done;
	bool stop;
} * small_writes;

static void live_with_a_large_write(int fd, const uint8_t *bytes, size_t n)
{
	_exit(write(fd, bytes, n) == (ssize_t)n ? 0 : WRONG);
}

static void live_with_small_writes(int fd, const uint8_t *bytes, size_t n)
{
	while (!__atomic_load_n(&small_writes->stop, __ATOMIC_ACQUIRE)) {
		if (write(fd, bytes, n) != (ssize_t)n)
			_exit(WRONG);
		__atomic_fetch_add(&small_writes->done, 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

static bool small_write_is_done(unsigned int number, double seconds)
{
	const double until = now() + seconds;

	while (__atomic_load_n(&small_writes->done, __ATOMIC_ACQUIRE) <
	       number) {
		if (now() > until)
			return false;
		usleep(200);
	}
	return true;
}

static void write_in_the_model(struct fifo *f, const uint8_t *bytes, size_t n)
{
	const struct plan plan = fifo_plan_write(f, n, n, true);

	fifo_write(f, bytes, &plan);
}

/* A large write waits for its turn at this device, and small ones before it are counted. */
static bool has_an_order(struct fifo *f, size_t large)
{
	return !f->removed && !f->mode && !f->broken && f->overflow == BLOCK &&
	       f->framing == VFIFO_BYTES && !f->claimant[VFIFO_PRODUCER] &&
	       !f->claimant[VFIFO_CONSUMER] && f->capacity <= CAPACITY &&
	       f->watermark[VFIFO_CONSUMER] + large <= f->capacity + 1;
}

static void fill(struct world *w, struct fifo *f, int fd)
{
	const uint32_t n = fifo_room(f, VFIFO_PRODUCER);

	if (!n)
		return;
	fresh_bytes(w, w->bytes, n);
	expect(w, "the write that fills", outcome(write(fd, w->bytes, n)), n);
	write_in_the_model(f, w->bytes, n);
}

static void read_some(struct world *w, struct fifo *f, int fd, size_t n)
{
	expect(w, "a read that makes room", outcome(read(fd, w->got, n)), n);
	did_read(w, f, w->got, n);
}

/*
 * While a large write waits, OVERTAKES small ones go before it as each finds room. The next one
 * waits until the large one is done.
 */
static void overtake(struct world *w, struct fifo *f, int fd, size_t large,
		     size_t small)
{
	static uint8_t large_bytes[PIPE_BUF], small_bytes[PIPE_BUF];
	pid_t large_pid, small_pid;

	fill(w, f, fd);
	fresh_bytes(w, large_bytes, large);
	fresh_bytes(w, small_bytes, small);
	large_pid = start_child(w);
	if (!large_pid)
		live_with_a_large_write(fd, large_bytes, large);
	if (large_pid < 0)
		return;
	wait_asleep(large_pid, "vfifo_ring_wait");
	small_pid = start_child(w);
	if (!small_pid)
		live_with_small_writes(fd, small_bytes, small);
	if (small_pid < 0)
		fail("a second child cannot be forked");

	for (unsigned int i = 1; i <= OVERTAKES; i++) {
		read_some(w, f, fd, small);
		if (!small_write_is_done(i, SERVED))
			mismatch(w, "small write %u is not served", i);
		write_in_the_model(f, small_bytes, small);
	}
	read_some(w, f, fd, small);
	if (small_write_is_done(OVERTAKES + 1, 0.02))
		mismatch(w, "a large write is overtaken %u times",
			 small_writes->done);
	__atomic_store_n(&small_writes->stop, true, __ATOMIC_RELEASE);
	read_some(w, f, fd, large);
	write_in_the_model(f, large_bytes, large);
	write_in_the_model(f, small_bytes, small);
	if (end_of(w, large_pid) || end_of(w, small_pid))
		mismatch(w, "a write that waited fails");
}

static void op_overtake(struct world *w, const uint16_t *arg)
{
	struct file_slot *slot = some_file(w, arg[0]);
	const size_t large = PIPE_BUF - arg[1] % 3000;
	const size_t small = 1 + arg[2] % 50;
	struct description *d;
	struct fifo *f;
	char path[32];
	int fd;

	if (!w->exact || w->child || !slot ||
	    !has_an_order(slot->of->fifo, large))
		return;
	if (!small_writes)
		small_writes = mmap(NULL, sizeof(*small_writes),
				    PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(small_writes != MAP_FAILED);
	memset(small_writes, 0, sizeof(*small_writes));
	f = slot->of->fifo;
	snprintf(path, sizeof(path), "/dev/vfifo%d", f->number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		mismatch(w, "open: %s", strerror(errno));
	d = description_new(f, f->number, true, true);
	overtake(w, f, fd, large, small);
	description_put(d);
	expect(w, "close", outcome(close(fd)), 0);
}

/* --- a change while a call sleeps --------------------------------------------------------------- */

/* Shared with the child that sleeps: what its call has returned, and the bytes that it moves. */
static struct {
	long ret;
	uint8_t bytes[BYTES];
} * slept;

static void live_sleeping(int fd, bool writes, size_t n)
{
	slept->ret = outcome(writes ? write(fd, slept->bytes, n) :
				      read(fd, slept->bytes, n));
	_exit(0);
}

static bool falls_asleep(struct world *w, int fd, bool writes, size_t n,
			 pid_t *pid)
{
	*pid = start_child(w);
	if (!*pid)
		live_sleeping(fd, writes, n);
	if (*pid < 0)
		return false;
	wait_asleep(*pid, "vfifo_ring_wait");
	return true;
}

static int store_attribute(const struct fifo *f, const char *name,
			   const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/%s", f->number,
		 name);
	return store_text(path, value, strlen(value));
}

static void store_capacity(struct world *w, struct fifo *f, uint32_t bytes)
{
	char text[16];
	int err;

	snprintf(text, sizeof(text), "%u", bytes);
	err = store_attribute(f, "capacity", text);
	/* The machine may not have the memory. */
	if (err != ENOMEM)
		expect(w, "capacity", err, fifo_resize(f, bytes));
}

static void store_overflow(struct world *w, struct fifo *f, const char *word,
			   enum overflow overflow)
{
	expect(w, "overflow", store_attribute(f, "overflow", word), 0);
	f->overflow = overflow;
}

static void store_framing(struct world *w, struct fifo *f, uint32_t framing)
{
	expect(w, "framing",
	       store_attribute(f, "framing", framing ? "records" : "bytes"),
	       fifo_set_framing(f, framing));
}

static void clear_all(struct world *w, struct fifo *f, int fd)
{
	expect(w, "VFIFO_CLEAR", outcome(ioctl(fd, VFIFO_CLEAR)),
	       -fifo_clear(f));
}

static void change_for_a_writer(struct world *w, struct fifo *f, uint16_t arg)
{
	switch (arg % 8) {
	case 0:
	case 1:
		store_capacity(w, f, f->capacity / 2);
		break;
	case 2:
		store_capacity(w, f, f->capacity * 2);
		break;
	case 3:
		store_overflow(w, f, "drop", DROP);
		break;
	case 4:
		store_overflow(w, f, "overwrite", OVERWRITE);
		break;
	case 5:
		store_framing(w, f, VFIFO_BYTES);
		break;
	}
}

/* A record takes half of the space. The other half is too little for the longest one. */
static void writer_sleeps(struct world *w, struct fifo *f, int fd,
			  const uint16_t *arg)
{
	const size_t half = f->capacity / 2;
	const size_t first = half - record_space(0), n = half - arg[2] % 8;
	struct plan plan;
	pid_t pid;

	clear_all(w, f, fd);
	fresh_bytes(w, w->bytes, first);
	expect(w, "a record of half the capacity",
	       outcome(write(fd, w->bytes, first)), (long)first);
	write_in_the_model(f, w->bytes, first);
	fresh_bytes(w, slept->bytes, n);
	if (!falls_asleep(w, fd, true, n, &pid))
		return;
	change_for_a_writer(w, f, arg[3]);
	plan = fifo_plan_write(f, n, n, false);
	if (plan.blocks) {
		clear_all(w, f, fd);
		plan = fifo_plan_write(f, n, n, false);
	}
	end_of(w, pid);
	expect(w, "a write that slept", slept->ret, plan.result);
	fifo_write(f, slept->bytes, &plan);
	if (f->overflow != BLOCK)
		store_overflow(w, f, "block", BLOCK);
}

static void reader_sleeps(struct world *w, struct fifo *f, int fd,
			  const uint16_t *arg)
{
	const size_t n = 1 + arg[2] % 300, m = 1 + arg[3] % 300;
	struct plan plan;
	pid_t pid;

	clear_all(w, f, fd);
	if (!falls_asleep(w, fd, false, n, &pid))
		return;
	store_framing(w, f, !f->framing);
	fresh_bytes(w, w->bytes, m);
	expect(w, "a write for a reader", outcome(write(fd, w->bytes, m)),
	       (long)m);
	write_in_the_model(f, w->bytes, m);
	plan = fifo_plan_read(f, n, n, false);
	end_of(w, pid);
	expect(w, "a read that slept", slept->ret, plan.result);
	fifo_looked(f, &plan);
	did_read(w, f, slept->bytes, slept->ret);
}

/* The kernel is the only one that moves bytes, and everything can be set. */
static bool is_all_ours(const struct fifo *f)
{
	return !f->removed && !f->mode && !f->broken && f->overflow == BLOCK &&
	       !f->mappings && f->capacity <= BYTES;
}

static void op_sleeper(struct world *w, const uint16_t *arg)
{
	struct file_slot *slot = some_file(w, arg[0]);
	struct description *d;
	struct fifo *f;
	char path[32];
	int fd;

	if (!w->exact || w->child || !slot)
		return;
	unmap_device(w, slot->of->number);
	if (!is_all_ours(slot->of->fifo))
		return;
	if (!slept)
		slept = mmap(NULL, sizeof(*slept), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(slept != MAP_FAILED);
	f = slot->of->fifo;
	snprintf(path, sizeof(path), "/dev/vfifo%d", f->number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		mismatch(w, "open: %s", strerror(errno));
	d = description_new(f, f->number, true, true);
	if (arg[1] % 4 && f->framing == VFIFO_RECORDS)
		writer_sleeps(w, f, fd, arg);
	else
		reader_sleeps(w, f, fd, arg);
	description_put(d);
	expect(w, "close", outcome(close(fd)), 0);
}

/* --- a device that cannot be added is never open ------------------------------------------ */

#define ADDS 40

/* Shared with the child: the number of the add that goes on, and during which an open succeeded. */
static struct {
	unsigned int adding;
	bool over, opened[ADDS + 1];
} * adds;

static void live_opening(const char *path)
{
	const int one = 1;

	while (!__atomic_load_n(&adds->over, __ATOMIC_ACQUIRE)) {
		const unsigned int before =
			__atomic_load_n(&adds->adding, __ATOMIC_ACQUIRE);
		const int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fd < 0) {
			sched_yield();
			continue;
		}
		if (before == __atomic_load_n(&adds->adding, __ATOMIC_ACQUIRE))
			adds->opened[before] = true;
		ioctl(fd, VFIFO_SET_MODE, &one);
		close(fd);
	}
	_exit(0);
}

/* The n-th allocation fails. Where all succeed the device is removed again. */
static void op_add_race(struct world *w, const uint16_t *arg)
{
	bool failed[ADDS + 1] = { false };
	char path[32], number[16];
	pid_t pid;

	if (w->exact || w->user || w->child)
		return;
	if (!adds)
		adds = mmap(NULL, sizeof(*adds), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (adds == MAP_FAILED)
		mismatch(w, "mmap: %s", strerror(errno));
	memset(adds, 0, sizeof(*adds));
	snprintf(path, sizeof(path), "/tmp/vfifo%d", w->own);
	snprintf(number, sizeof(number), "%d", w->own);
	/* A process of this number can have been killed before it removed the device. */
	store_text(CLASS_FOLDER "remove", number, strlen(number));
	pid = start_child(w);
	if (!pid)
		live_opening(path);
	if (pid < 0)
		return;
	for (unsigned int i = 1; i <= ADDS; i++) {
		long ret;

		fail_nth(1 + (arg[0] + i * (arg[1] % 16 + 1)) % 500);
		__atomic_store_n(&adds->adding, i, __ATOMIC_RELEASE);
		ret = store_text(CLASS_FOLDER "add", number, strlen(number));
		__atomic_store_n(&adds->adding, 0, __ATOMIC_RELEASE);
		fail_nth(0);
		failed[i] = ret == ENOMEM;
		if (!ret)
			store_text(CLASS_FOLDER "remove", number,
				   strlen(number));
		count_operations(w, 1);
	}
	__atomic_store_n(&adds->over, true, __ATOMIC_RELEASE);
	end_of(w, pid);
	for (unsigned int i = 1; i <= ADDS; i++)
		if (failed[i] && adds->opened[i])
			mismatch(w, "a device was opened that was not added");
}

/* --- a debugger --------------------------------------------------------------------------- */

static void op_ptrace(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = &w->maps[arg[0] % MAPS];
	uint8_t *at;
	pid_t pid;
	int status;

	/* Where a page is not mapped, something else may be. */
	if (w->exact || !m->at || m->protection[arg[1] % m->pages] < 0)
		return;
	at = m->at + arg[1] % m->pages * PAGE;
	pid = start_child(w);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFSTOPPED(status)) {
		long word = ptrace(PTRACE_PEEKDATA, pid, at, NULL);

		/* A page that this process could not write is not written. */
		if (!m->writable &&
		    !ptrace(PTRACE_POKEDATA, pid, at, (void *)~word))
			mismatch(w, "a debugger writes to a read-only mapping");
		kill(pid, SIGKILL);
		end_of(w, pid);
	}
}

/* --- a call whose memory does not come ------------------------------------------------------ */

/* Returns memory whose faults nobody answers; NULL: the kernel does not give it. */
static uint8_t *stalled_memory(void)
{
	const int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *at;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return NULL;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(at != MAP_FAILED);
	area.range.start = (uintptr_t)at;
	area.range.len = PAGE;
	return ioctl(uffd, UFFDIO_REGISTER, &area) ? NULL : at;
}

static void live_stalled(const struct file_slot *f, uint16_t arg)
{
	uint8_t *at = stalled_memory();
	const size_t n = 1 + arg % 300;
	long ret;

	if (!at)
		_exit(0);
	ret = arg % 2 ? read(f->fd, at, n) : write(f->fd, at, n);
	_exit(ret > 0 ? WRONG : 0);
}

static void op_stalled(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	pid_t pid;
	int status;

	if (w->exact || !f || care_of(f->of) != CARE_NOT)
		return;
	pid = start_child(w);
	if (!pid)
		live_stalled(f, arg[1]);
	if (pid < 0)
		return;
	usleep(1000 + arg[2] % 4000);
	kill(pid, SIGKILL);
	status = end_of(w, pid);
	/* With overflow=drop a write that does not fit succeeds without its bytes. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == WRONG && arg[1] % 2)
		mismatch(w, "bytes went to memory that does not come");
}

const struct operation process_operations[] = {
	{ "fork", "vm.open vm.close flush", 1, 1, op_fork },
	{ "child-claim", "mmap vm.close flush release", 1, 2, op_child_claim },
	{ "child", "vm.close flush release", 0, 3, op_child },
	{ "async-race", "fasync", 8, 2, op_async_race },
	{ "overtake", "write_iter read_iter", 4, 0, op_overtake },
	{ "sleeper", "write_iter read_iter", 6, 0, op_sleeper },
	{ "add-race", "open flush release", 0, 2, op_add_race },
	{ "ptrace", "vm.access vm.fault", 0, 1, op_ptrace },
	{ "stalled", "read_iter write_iter", 0, 1, op_stalled },
	{ 0 },
};
