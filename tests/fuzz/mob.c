// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mob.c - many processes at once, of root, of a member of the group and of a stranger
 *
 * Each runs random steps on devices that all of them use. Some are killed at a random moment and
 * replaced. Honest programs stream through two further devices, to which the mob does all that
 * is not allowed to damage a stream (see enum care). In half of the epochs one of them keeps
 * records apart. After each epoch all processes end. Then nothing may be left of them, each device
 * must work, and the module is unloaded, and loaded with other parameters.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "honest.h"
#include "testlib.h"

#define EPOCH 6 /* seconds */
#define ALICE 1000
#define MALLORY 1001
#define GROUP 900
#define OWN 100 /* the number of the first process's own device */

/* In the order of the processes. */
static const uid_t users[] = { 0, ALICE, ALICE, 0, MALLORY, ALICE };
#define PROCESSES (sizeof(users) / sizeof(*users))

static struct {
	bool stop;
	unsigned long count[PROCESSES];
} * shared;

/*
 * Seconds in which what has ended must have gone. On the emulated debug kernel each release of an
 * object comes up to four seconds late (DEBUG_KOBJECT_RELEASE), one after the other.
 */
static double leave(void)
{
	return slow_kernel() && !user_mode_linux() ? 40 : 10;
}

static bool mob; /* this is the mob's mode */
static pid_t pids[PROCESSES];
static uint64_t serial;

enum care care_of(const struct description *d)
{
	if (!mob)
		return CARE_NOT;
	return d->number == STREAM_DEVICE  ? CARE_STREAM :
	       d->number == CLAIMED_DEVICE ? CARE_CLAIMED :
					     CARE_NOT;
}

static unsigned long sum(void)
{
	unsigned long n = 0;

	for (size_t i = 0; i < PROCESSES; i++)
		n += shared->count[i];
	return n;
}

/* --- a process of the mob --------------------------------------------------------------------- */

static void become(uid_t user)
{
	const gid_t group = GROUP;

	if (!user)
		return;
	check(!setgroups(user == ALICE, &group));
	check(!setgid(user) && !setuid(user));
	/* So that it may still open its own /proc/self/mem. */
	check(!prctl(PR_SET_DUMPABLE, 1));
}

static void work(void *argument)
{
	const size_t which = (uintptr_t)argument;
	struct world w = { .count = &shared->count[which],
			   .own = OWN + which,
			   .random = { serial } };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(users[which]);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of the user resets it */
	world_begin(&w, false);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		const struct step s = random_step(&w.random, false);

		w.step = &s;
		operation(s.op)->act(&w, s.arg);
	}
	world_end(&w);
}

static void start_one(size_t which)
{
	serial++;
	pids[which] = start(work, (void *)which);
}

static void check_end(size_t which, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	if (status)
		fail("process %zu of user %d ended with status %#x", which,
		     (int)users[which], status);
}

static void replace_the_dead(void)
{
	int status;

	for (size_t i = 0; i < PROCESSES; i++)
		if (waitpid(pids[i], &status, WNOHANG) > 0) {
			check_end(i, status);
			start_one(i);
		}
}

static void end_all(void)
{
	const double until = now() + leave();
	int status;

	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < PROCESSES; i++) {
		while (!waitpid(pids[i], &status, WNOHANG)) {
			if (now() > until)
				fail("process %zu of user %d does not end", i,
				     (int)users[i]);
			sleep_ms(2);
		}
		check_end(i, status);
	}
}

/* --- the devices ---------------------------------------------------------------------------------- */

static void path_of(int number, const char *name, char *path, size_t size)
{
	snprintf(path, size, CLASS_FOLDER "vfifo%d/%s", number, name);
}

static void set(int number, const char *name, const char *value)
{
	char path[128];
	int err;

	path_of(number, name, path, sizeof(path));
	err = store_text(path, value, strlen(value));
	if (err)
		fail("%s to %s: %s", value, path, strerror(err));
}

static long get(int number, const char *name)
{
	char path[128], text[64] = "";
	int fd;

	path_of(number, name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	return atol(text);
}

static void add(int number)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d", number);
	snprintf(text, sizeof(text), "%d", number);
	if (access(path, F_OK) &&
	    store_text(CLASS_FOLDER "add", text, strlen(text)))
		fail("vfifo%d cannot be added", number);
	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	if (chown(path, 0, GROUP) || chmod(path, 0660))
		fail("%s: %s", path, strerror(errno));
}

static void make_old_node(unsigned int major, int number)
{
	char path[32];

	snprintf(path, sizeof(path), "/tmp/vfifo%d", number);
	unlink(path);
	check(!mknod(path, S_IFCHR | 0660, makedev(major, number)));
	check(!chown(path, 0, GROUP));
}

/* Nodes of the numbers that come and go, which are older than their devices. */
static void make_old_nodes(void)
{
	struct stat st;

	check(!stat("/dev/vfifo255", &st));
	make_old_node(major(st.st_rdev), 0);
	make_old_node(major(st.st_rdev), 1);
	for (size_t i = 0; i < PROCESSES; i++)
		make_old_node(major(st.st_rdev), OWN + i);
}

/* The kernel ends some things after the process that began them, such as an io_uring. */
static void wait_for_zero(int number, const char *name)
{
	const double until = now() + leave();

	while (get(number, name)) {
		if (now() > until)
			fail("vfifo%d/%s is %ld, and nobody uses it", number,
			     name, get(number, name));
		sleep_ms(10);
	}
}

static void works(int number)
{
	static uint8_t bytes[CAPACITY], got[CAPACITY];
	char path[32];
	int fd;

	wait_for_zero(number, "producer");
	wait_for_zero(number, "consumer");
	wait_for_zero(number, "mappings");
	set(number, "mode", "0");
	set(number, "overflow", "block");
	set(number, "clear", "1");
	set(number, "framing", "bytes");
	set(number, "read_watermark", "1");
	set(number, "write_watermark", "1");
	set(number, "memory", "cached");
	set(number, "capacity", "65536");
	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	check(fd >= 0);
	fill_pattern(bytes, sizeof(bytes), number);
	check_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	check_errno(write(fd, bytes, 1), EAGAIN);
	check_equal(get(number, "size"), sizeof(bytes));
	check_equal(read(fd, got, sizeof(got)), sizeof(got));
	check_pattern(got, sizeof(got), number);
	check_errno(read(fd, got, 1), EAGAIN);
	check(!close(fd));
}

/* --- the module ------------------------------------------------------------------------------------- */

static void load(struct random *r)
{
	static const char *const capacities[] = { "", "capacity=4096",
						  "capacity=262144",
						  "capacity=100000" };
	char parameters[64];
	int fd = open(getenv("VFIFO_KO") ?: "", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		skip("VFIFO_KO names no module");
	snprintf(parameters, sizeof(parameters), "devices=%u %s",
		 random_below(r, 5), capacities[random_below(r, 4)]);
	if (syscall(SYS_finit_module, fd, parameters, 0))
		fail("loading with %s: %s", parameters, strerror(errno));
	close(fd);
	for (int i = 0; i < NUMBERS; i++)
		add(numbers[i]);
	make_old_nodes();
}

static void unload(void)
{
	const double until = now() + leave();

	while (syscall(SYS_delete_module, "vfifo", O_NONBLOCK)) {
		if (now() > until)
			fail("the module cannot be unloaded: %s",
			     strerror(errno));
		sleep_ms(10);
	}
}

/* Without lines in the kernel's log; a kernel without fault injection has no such files. */
static void allow_faults(void)
{
	static const char *const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 files[i][0]);
		store_text(path, files[i][1], strlen(files[i][1]));
	}
}

/* --- epochs ------------------------------------------------------------------------------------------ */

static void epoch(struct random *r, unsigned long most, double until)
{
	const double end = now() + EPOCH < until ? now() + EPOCH : until;
	const bool framed = random_below(r, 2);

	shared->stop = false;
	set(numbers[0], "framing", random_below(r, 2) ? "records" : "bytes");
	set(numbers[1], "framing", random_below(r, 2) ? "records" : "bytes");
	if (framed)
		set(STREAM_DEVICE, "framing", "records");
	honest_begin(framed);
	for (size_t i = 0; i < PROCESSES; i++)
		start_one(i);
	while (now() < end && sum() < most) {
		usleep(random_below(r, 20000));
		if (random_below(r, 4) == 0)
			kill(pids[random_below(r, PROCESSES)], SIGKILL);
		replace_the_dead();
		honest_check();
	}
	end_all();
	/* With a high watermark, which the mob may have set, small writes overtake a large one without end. */
	set(STREAM_DEVICE, "read_watermark", "1");
	honest_fair();
	honest_end();
	for (int i = 0; i < NUMBERS; i++) {
		add(numbers[i]);
		works(numbers[i]);
	}
}

void fuzz_by_a_mob(const struct campaign *c)
{
	const double began = now(), until = began + c->seconds;
	struct random r = { c->seed };
	unsigned long epochs = 0, streamed = 0;

	mob = true;
	serial = c->seed << 32;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	allow_faults();
	do {
		load(&r);
		epoch(&r, c->operations, until);
		unload();
		epochs++;
		streamed += honest_count();
	} while (sum() < c->operations && now() < until);
	printf("# %lu operations in %.1f s, next seed=%llu; %lu epochs, %lu records and pieces\n",
	       sum(), now() - began, (unsigned long long)c->seed + 1, epochs,
	       streamed);
}
