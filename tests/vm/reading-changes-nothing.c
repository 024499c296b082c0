// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading attributes and FIONREAD changes nothing, for any reader. The kernel does not take over
 * a position that a holder has stored; an invalid position does not break the FIFO and a valid
 * one does not mend it; there is no line in the log and no wake-up. The numbers still include
 * what the holder has moved so far. A move, a kick and a poll do take the position over.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define STORED 1000
#define MOVED 300
#define NOBODY 65534

static const char bytes[STORED];
static int fd; /* for moves and polls */
static int kernel_log;

/* --- the readers --------------------------------------------------------------- */

static void read_folder(const char *folder)
{
	static const char *const folders[] = { "generator", "stats" };
	DIR *dir = opendir(folder);
	struct dirent *entry;

	check(dir);
	while ((entry = readdir(dir))) {
		char path[512], text[4096];
		struct stat s;
		int file;

		snprintf(path, sizeof(path), "%s%s", folder, entry->d_name);
		check(!lstat(path, &s));
		if (!S_ISREG(s.st_mode) || !(s.st_mode & 0444))
			continue;
		file = open(path, O_RDONLY | O_CLOEXEC);
		check(file >= 0 && read(file, text, sizeof(text)) >= 0);
		close(file);
	}
	closedir(dir);
	if (strcmp(folder, ATTRIBUTES))
		return;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char path[512];

		snprintf(path, sizeof(path), ATTRIBUTES "%s/", folders[i]);
		read_folder(path);
	}
}

/* Opens the device for reading, and then gives up all rights. */
static void work_read_all(void *unused)
{
	int file = device(O_RDONLY), n;

	(void)unused;
	check(!setgid(NOBODY) && !setuid(NOBODY));
	for (int i = 0; i < 3; i++) {
		check(!ioctl(file, FIONREAD, &n));
		read_folder(ATTRIBUTES);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid(2), which resets it */
	check(!raise(SIGSTOP));
}

/*
 * The readers. They exit at the end of the test, as their exit closes files, which wakes the
 * pollers.
 */
static pid_t readers[8];
static int nr_readers;

static void others_read_all(void)
{
	pid_t pid = start(work_read_all, NULL);
	int wstatus;

	check_equal(waitpid(pid, &wstatus, WUNTRACED), pid);
	check(WIFSTOPPED(wstatus));
	readers[nr_readers++] = pid;
}

static void others_end(void)
{
	while (nr_readers) {
		check(!kill(readers[--nr_readers], SIGCONT));
		finish(readers[nr_readers]);
	}
}

/* --- what must not change ------------------------------------------------------ */

static const struct vfifo_status *status;
static pid_t poller;

/* Polls for no bytes, so that only a wake-up of all pollers ends it. */
static void work_poll(void *unused)
{
	struct pollfd p = { .fd = device(O_RDWR) };

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check_equal(poll(&p, 1, 60000), 1);
	check_equal(p.revents, POLLERR);
}

/* Returns how often the poller has gone to sleep. */
static long switches(void)
{
	char path[64], line[128];
	long n = -1;
	FILE *f;

	if (!poller)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)poller);
	f = fopen(path, "re");
	check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	fclose(f);
	check(n >= 0);
	return n;
}

/* Returns the number of new lines of the log that name the FIFO. */
static int lines_about_it(void)
{
	char record[8192];
	int lines = 0;
	ssize_t n;

	while ((n = read(kernel_log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, "vfifo0"))
			lines++;
	}
	check(n < 0 && errno == EAGAIN);
	return lines;
}

struct state {
	uint32_t generation, flags;
	long long wakeups, kicks;
	long switches;
};

static struct state state(void)
{
	struct state s;

	memset(&s, 0, sizeof(s));
	s.generation = status->generation;
	s.flags = status->flags;
	s.wakeups = attribute("stats/wakeups");
	s.kicks = attribute("stats/kicks");
	s.switches = switches();
	return s;
}

/* Waits for delayed notices of earlier changes, which come within 1/8 of a second. */
static struct state settled_state(void)
{
	struct state one, two = state();

	do {
		one = two;
		sleep_ms(250);
		two = state();
	} while (memcmp(&one, &two, sizeof(one)));
	lines_about_it();
	return two;
}

static void check_unchanged(const struct state *before)
{
	const struct state after = state();

	check_equal(after.generation, before->generation);
	check_equal(after.flags, before->flags);
	check_equal(after.wakeups, before->wakeups);
	check_equal(after.kicks, before->kicks);
	check_equal(after.switches, before->switches);
	check_equal(lines_about_it(), 0);
}

static void start_poller(void)
{
	poller = start(work_poll, NULL);
	wait_asleep(poller, "poll");
}

static void stop_poller(void)
{
	int wstatus;

	if (!poller)
		return;
	check(!kill(poller, SIGKILL));
	check_equal(waitpid(poller, &wstatus, 0), poller);
	check(WIFSIGNALED(wstatus));
	poller = 0;
}

/* --- the numbers ------------------------------------------------------------------ */

static void check_numbers(long long size, long long in, long long out)
{
	int n;

	check_equal(attribute("size"), size);
	check(!ioctl(fd, FIONREAD, &n));
	check_equal(n, size);
	check_equal(attribute("stats/in_bytes"), in);
	check_equal(attribute("stats/out_bytes"), out);
}

/* This process and the others read everything, and nothing changes. */
static void numbers_are_read(long long size, long long in, long long out)
{
	const struct state before = settled_state();

	others_read_all();
	check_numbers(size, in, out);
	check_unchanged(&before);
}

/* --- what takes a position over ---------------------------------------------------- */

static void by_kick(enum vfifo_end holder)
{
	(void)holder;
	check(!ioctl(fd, VFIFO_KICK));
}

static void by_poll(enum vfifo_end holder)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	(void)holder;
	check(poll(&p, 1, 0) >= 0);
}

static void by_moving(enum vfifo_end holder)
{
	char byte = 0;
	ssize_t n = holder == VFIFO_PRODUCER ? read(fd, &byte, 1) :
					       write(fd, &byte, 1);

	check(n == 1 || errno == EIO);
}

static void (*const takes_over[])(enum vfifo_end holder) = {
	by_kick,
	by_poll,
	by_moving,
};
#define TAKES_OVER ((int)(sizeof(takes_over) / sizeof(*takes_over)))

static void begin(struct raw *holder, enum vfifo_end end)
{
	check_equal(set_attribute("clear", "1"), 0);
	check_equal(write(fd, bytes, STORED), STORED);
	check_equal(set_attribute("stats/reset", "1"), 0);
	raw_claim(holder, end);
	status = holder->status;
	start_poller();
	settled_state(); /* pollers take over, too */
}

static void end(struct raw *holder)
{
	stop_poller();
	others_end();
	raw_release(holder);
}

/* Counts since the start of the test. */
static void moved(enum vfifo_end end, long long *in, long long *out)
{
	*in = end == VFIFO_PRODUCER ? MOVED : 0;
	*out = end == VFIFO_CONSUMER ? MOVED : 0;
}

/*
 * Reading does not take a position over: once an invalid position was stored and the claim has
 * ended, the last valid position is the one before that was read.
 */
static void good_position_is_not_taken_over(enum vfifo_end e)
{
	struct raw holder;
	long long in, out;

	begin(&holder, e);
	moved(e, &in, &out);
	*holder.at[e] = holder.own + MOVED;
	numbers_are_read(STORED + in - out, in, out);
	*holder.at[e] = holder.own - 1;
	numbers_are_read(STORED, 0, 0);
	end(&holder);
	check_numbers(STORED, 0, 0);
}

static void good_position_is_taken_over(enum vfifo_end e, int how)
{
	const bool moving = takes_over[how] == by_moving;
	struct raw holder;
	long long in, out;

	begin(&holder, e);
	moved(e, &in, &out);
	*holder.at[e] = holder.own + MOVED;
	takes_over[how](e);
	in += moving && e == VFIFO_CONSUMER;
	out += moving && e == VFIFO_PRODUCER;
	settled_state(); /* the poller is asleep again */
	*holder.at[e] = holder.own - 1;
	numbers_are_read(STORED + in - out, in, out);
	end(&holder);
	check_numbers(STORED + in - out, in, out);
}

static void bad_position_breaks(enum vfifo_end e, int how)
{
	struct raw holder;

	begin(&holder, e);
	*holder.at[e] = holder.own - 1;
	numbers_are_read(STORED, 0, 0);
	check(!(status->flags & VFIFO_BROKEN));
	takes_over[how](e);
	check(status->flags & VFIFO_BROKEN);
	finish(poller); /* it was woken */
	poller = 0;

	/* Reading a valid position does not mend the FIFO. */
	*holder.at[e] = holder.own;
	numbers_are_read(STORED, 0, 0);
	check(status->flags & VFIFO_BROKEN);
	takes_over[how](e);
	check(!(status->flags & VFIFO_BROKEN));
	end(&holder);
}

static void both_claimed(void)
{
	struct raw producer, consumer;

	begin(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	settled_state();
	*producer.at[VFIFO_PRODUCER] = producer.own + MOVED;
	*consumer.at[VFIFO_CONSUMER] = consumer.own + 2 * MOVED;
	numbers_are_read(STORED - MOVED, MOVED, 2 * MOVED);
	*producer.at[VFIFO_PRODUCER] = producer.own - 1 - STORED;
	numbers_are_read(STORED, 0, 0);
	check(!(status->flags & VFIFO_BROKEN));
	*producer.at[VFIFO_PRODUCER] = producer.own;
	raw_release(&consumer);
	end(&producer);
	check_numbers(STORED - 2 * MOVED, 0, 2 * MOVED);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	check(kernel_log >= 0 && lseek(kernel_log, 0, SEEK_END) >= 0);
	for (int e = VFIFO_PRODUCER; e <= VFIFO_CONSUMER; e++) {
		cases_of(e == VFIFO_PRODUCER ? "producer" : "consumer");
		run_case(good_position_is_not_taken_over(e));
		for (int how = 0; how < TAKES_OVER; how++) {
			run_case(good_position_is_taken_over(e, how));
			run_case(bad_position_breaks(e, how));
		}
	}
	cases_of(NULL);
	run_case(both_claimed());
	return 0;
}
