// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes and FIONREAD give numbers, whoever reads them, and change nothing. A
 * position that a holder has stored is not taken over, a bad one does not break the FIFO,
 * a good one does not mend it, nothing comes into the log, and nobody is woken. The
 * numbers tell what the holder has moved so far, all the same. Those who move, kick or
 * poll take it over.
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
static int fd;	       /* to move with, and to poll */
static int kernel_log; /* the kernel's */

/* --- who reads ---------------------------------------------------------------- */

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

/* One that may read the device, and then no more than anybody. */
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
 * Those who have read all. They are there until the end, as theirs closes files, which
 * wakes pollers, and those poll again.
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

/* --- what may not change ------------------------------------------------------- */

static const struct vfifo_status *status;
static pid_t poller;

/* It asks for no bytes, only for what everybody is woken for. */
static void work_poll(void *unused)
{
	struct pollfd p = { .fd = device(O_RDWR) };

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check_equal(poll(&p, 1, 60000), 1);
	check_equal(p.revents, POLLERR);
}

/* How often it has gone to sleep. */
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

/* Lines of the log that name the FIFO, since the last time. */
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

/* What came before has woken whom it does: notices come up to 1/8 of a second late. */
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

/* --- what the numbers are -------------------------------------------------------- */

static void check_numbers(long long size, long long in, long long out)
{
	int n;

	check_equal(attribute("size"), size);
	check(!ioctl(fd, FIONREAD, &n));
	check_equal(n, size);
	check_equal(attribute("stats/in_bytes"), in);
	check_equal(attribute("stats/out_bytes"), out);
}

/* All of it is read, by others and by us, and nothing comes of that. */
static void numbers_are_read(long long size, long long in, long long out)
{
	const struct state before = settled_state();

	others_read_all();
	check_numbers(size, in, out);
	check_unchanged(&before);
}

/* --- who takes it over ----------------------------------------------------------- */

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
	settled_state(); /* those who poll take over, too */
}

static void end(struct raw *holder)
{
	stop_poller();
	others_end();
	raw_release(holder);
}

/* Since the beginning. */
static void moved(enum vfifo_end end, long long *in, long long *out)
{
	*in = end == VFIFO_PRODUCER ? MOVED : 0;
	*out = end == VFIFO_CONSUMER ? MOVED : 0;
}

/*
 * What was read is not taken over: the last good position, which stands once a bad one
 * was stored and the claim has ended, is the one before it.
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
	finish(poller); /* it was told */
	poller = 0;

	/* Nor does a good one mend it when it is read. */
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
		good_position_is_not_taken_over(e);
		for (int how = 0; how < TAKES_OVER; how++) {
			good_position_is_taken_over(e, how);
			bad_position_breaks(e, how);
		}
	}
	both_claimed();
	return 0;
}
