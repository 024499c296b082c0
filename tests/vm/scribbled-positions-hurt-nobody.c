// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The holder of a claim stores random positions, while another process uses the other side by
 * system calls or by libvfifo. That process gets bytes, EAGAIN or EIO (or -EBADMSG from the
 * library). The log gets at most one line for each claim. After the end of the claim the bytes
 * are correct again.
 *
 * In full: 10,000,000 positions for each side and each kind of user; otherwise 300,000. The test
 * repeats that until the user has met both valid and invalid positions.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"

#define MOST 3000 /* bytes moved at once */

static char bytes[CAPACITY];
static unsigned int seed = 1;
static unsigned long positions;

/* Results of the other side. */
static struct {
	unsigned long moved, again, broken, interrupted;
} count;

static void nothing(int signal)
{
	(void)signal;
}

/* --- the scribbler ---------------------------------------------------------- */

/* Returns a random position, one that is nearly valid, or (mostly) the next valid one. */
static uint32_t some_position(struct raw *raw)
{
	const uint32_t theirs = *raw->at[other(raw->end)];
	const uint32_t next = raw->own + rand_r(&seed) % 200;

	switch (rand_r(&seed) % 8) {
	case 0:
		return rand_r(&seed) * 2U + rand_r(&seed) % 2;
	case 1:
		return theirs + rand_r(&seed) % 200 - 100;
	}
	if (raw->end == VFIFO_PRODUCER ? vfifo_valid(CAPACITY, next, theirs) :
					 vfifo_valid(CAPACITY, theirs, next))
		raw->own = next;
	return raw->own;
}

static void scribble_beside(const struct raw *raw)
{
	raw->at[raw->end][1 + rand_r(&seed) % (PAGE / 4 - 1)] = rand_r(&seed);
}

static void scribble(void *argument)
{
	struct raw raw;

	raw_claim(&raw, *(enum vfifo_end *)argument);
	check(!raise(SIGSTOP));
	for (unsigned long i = 0; i < positions; i++) {
		*raw.at[raw.end] = some_position(&raw);
		if (i % 64 == 0)
			scribble_beside(&raw);
		/* Keep each for a random time. */
		for (volatile int left = rand_r(&seed) % 300; left > 0; left--)
			;
		if (i % 1024 == 0)
			check(!ioctl(raw.fd, VFIFO_KICK));
	}
}

/* The scribbler stops after its claim, until the other process begins. */
static pid_t start_scribbler(enum vfifo_end end)
{
	const char *name = end == VFIFO_PRODUCER ? "producer" : "consumer";
	pid_t pid = start(scribble, &end);
	int status;

	check_equal(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	check_equal(attribute(name), pid);
	check(!kill(pid, SIGCONT));
	return pid;
}

/* Whether the scribbler still runs. It must exit with 0. */
static bool is_at_it(pid_t pid)
{
	int status;
	pid_t done = waitpid(pid, &status, WNOHANG);

	check(done >= 0);
	if (done && (!WIFEXITED(status) || WEXITSTATUS(status)))
		fail("the scribbler ended with %#x", status);
	return !done;
}

/* --- the user of system calls ----------------------------------------------- */

static void use_by_calls(int fd, enum vfifo_end scribbled)
{
	size_t n = 1 + rand_r(&seed) % MOST;
	ssize_t done = scribbled == VFIFO_PRODUCER ? read(fd, bytes, n) :
						     write(fd, bytes, n);

	check(done);
	if (done > 0) {
		check((size_t)done <= n);
		count.moved++;
	} else if (errno == EAGAIN) {
		count.again++;
	} else if (errno == EIO) {
		count.broken++;
	} else {
		check_equal(errno, EINTR);
		count.interrupted++;
	}
}

static void look(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int n;

	check(poll(&p, 1, 0) >= 0 || errno == EINTR);
	check(!(p.revents & ~(POLLIN | POLLOUT | POLLERR)));
	check(!ioctl(fd, FIONREAD, &n));
	check(n >= 0 && n <= CAPACITY);
}

/* Interrupts calls that would wait for ever, as no valid position wakes them. */
static void interrupt_often(void)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	check(!sigaction(SIGALRM, &action, NULL));
	check(!setitimer(ITIMER_REAL, &every, NULL));
}

static void interrupt_no_more(void)
{
	struct itimerval never = { 0 };

	check(!setitimer(ITIMER_REAL, &never, NULL));
}

static void against_calls(enum vfifo_end scribbled)
{
	int fd = device(O_RDWR | O_NONBLOCK);
	int waiting = device(O_RDWR);
	pid_t pid = start_scribbler(scribbled);

	interrupt_often();
	while (is_at_it(pid)) {
		use_by_calls(fd, scribbled);
		if (rand_r(&seed) % 8 == 0)
			look(fd);
		if (rand_r(&seed) % 64 == 0)
			use_by_calls(waiting, scribbled);
	}
	interrupt_no_more();
	close(waiting);
	close(fd);
}

/* --- the user of the library ------------------------------------------------ */

static void count_result(ssize_t result)
{
	if (result >= 0) {
		count.moved++;
	} else if (result == -EAGAIN || result == -ETIMEDOUT) {
		count.again++;
	} else if (result == -EBADMSG || result == -EIO) {
		count.broken++;
	} else {
		check_equal(result, -EINTR);
		count.interrupted++;
	}
}

/* Accesses all bytes that the library returns. */
static void use_in_place(struct vfifo_handle *f)
{
	void *p;
	ssize_t n = __vfifo_span(f, 1 + rand_r(&seed) % MOST, &p);

	if (n <= 0) {
		check(n);
		count_result(n);
		return;
	}
	check(n <= CAPACITY);
	if (__vfifo_hot(f)->end == VFIFO_PRODUCER)
		memset(p, 1, n);
	else
		memcpy(bytes, p, n);
	check_equal(vfifo_advance(f, rand_r(&seed) % (n + 1)), 0);
	count_result(vfifo_publish(f));
}

static void use_with_a_copy(struct vfifo_handle *f)
{
	size_t n = 1 + rand_r(&seed) % MOST;

	count_result(__vfifo_hot(f)->end == VFIFO_PRODUCER ?
			     vfifo_write(f, bytes, n, 1) :
			     vfifo_read(f, bytes, n, 1));
}

static void use_by_library(struct vfifo_handle *f)
{
	switch (rand_r(&seed) % 16) {
	case 0:
		use_with_a_copy(f);
		break;
	case 1:
		count_result(vfifo_wait(f, 1 + rand_r(&seed) % CAPACITY, 1));
		break;
	default:
		use_in_place(f);
	}
}

/* Opens again at times, as a program does after -EBADMSG. */
static struct vfifo_handle *open_again(struct vfifo_handle *f,
				       enum vfifo_end end)
{
	int err;

	vfifo_close(f);
	err = vfifo_open(DEVICE, end, 0, &f);
	check(!err || err == -EBADMSG);
	return err ? NULL : f;
}

static void against_the_library(enum vfifo_end scribbled)
{
	pid_t pid = start_scribbler(scribbled);
	struct vfifo_handle *f = NULL;

	while (is_at_it(pid)) {
		if (!f || rand_r(&seed) % 1000 == 0)
			f = open_again(f, other(scribbled));
		else
			use_by_library(f);
	}
	vfifo_close(f);
}

/* --- after the end of the claim ---------------------------------------------- */

static void all_is_well_by_calls(void)
{
	static char back[CAPACITY];
	int fd = device(O_RDWR | O_NONBLOCK);

	check(!ioctl(fd, VFIFO_CLEAR));
	for (int i = 0; i < 10; i++) {
		fill_pattern(bytes, CAPACITY, i * CAPACITY);
		write_all(fd, bytes, CAPACITY);
		check_errno(write(fd, bytes, 1), EAGAIN);
		read_all(fd, back, CAPACITY);
		check_pattern(back, CAPACITY, i * CAPACITY);
		check_errno(read(fd, bytes, 1), EAGAIN);
	}
	close(fd);
}

static void all_is_well_by_library(void)
{
	struct vfifo_handle *in, *out;

	check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &in), 0);
	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &out), 0);
	for (int i = 0; i < 10; i++) {
		fill_pattern(bytes, CAPACITY, i * CAPACITY);
		check_equal(vfifo_write(in, bytes, CAPACITY, 0), CAPACITY);
		memset(bytes, 0, CAPACITY);
		check_equal(vfifo_read(out, bytes, CAPACITY, 0), CAPACITY);
		check_pattern(bytes, CAPACITY, i * CAPACITY);
	}
	vfifo_close(in);
	vfifo_close(out);
}

/* Returns the number of lines of the log that name the FIFO since the file was opened. */
static int lines_about(int log)
{
	char record[8192];
	int lines = 0;
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, "vfifo0"))
			lines++;
	}
	check(n < 0 && errno == EAGAIN);
	return lines;
}

static void scribbled(const char *what, enum vfifo_end end,
		      void (*against)(enum vfifo_end))
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	double began = now();
	double took;
	int lines, claims = 0;

	subtest("%s", what);
	check(log >= 0);
	check(lseek(log, 0, SEEK_END) >= 0);
	memset(&count, 0, sizeof(count));
	do {
		against(end);
		claims++;
	} while (!(count.moved && count.broken) && now() - began < 20);
	check(attribute("size") >= 0 && attribute("size") <= CAPACITY);
	all_is_well_by_calls();
	all_is_well_by_library();
	check_equal(attribute("mappings"), 0);

	took = now() - began;
	lines = lines_about(log);
	printf("# %s: %lu moved, %lu nothing, %lu broken, %lu interrupted, %d lines in the log, %.1f s\n",
	       what, count.moved, count.again, count.broken, count.interrupted,
	       lines, took);
	fflush(stdout);
	/* Otherwise the test has shown nothing. */
	check(count.moved && count.broken);
	/* One line for each claim; with many claims, printk's rate limit. */
	check(lines <= (against == against_calls ? claims : 20 + 2 * took));
	close(log);
}

int main(void)
{
	positions = share(10000000, 300000);
	scribbled("producer's, against read()", VFIFO_PRODUCER, against_calls);
	scribbled("consumer's, against write()", VFIFO_CONSUMER, against_calls);
	scribbled("producer's, against the library", VFIFO_PRODUCER,
		  against_the_library);
	scribbled("consumer's, against the library", VFIFO_CONSUMER,
		  against_the_library);
	return 0;
}
