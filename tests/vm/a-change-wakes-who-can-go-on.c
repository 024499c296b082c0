// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One process sleeps, in a call or in poll(2), and nothing else waits. A change after which it can
 * go on, and that moves no byte, wakes it: the end of the stream by a close or by the generator, a
 * watermark, the end of a claim, which root revokes or which its holder unmaps without a kick and
 * without closing its file, and a position that breaks the FIFO.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define SOON 10 /* seconds */

static char bytes[CAPACITY];

/* --- those who sleep -------------------------------------------------------------- */

struct expected {
	long result; /* or a negative errno */
};

static void read_once(void *argument)
{
	const struct expected *e = argument;
	char byte;
	long ret = read(device(O_RDONLY), &byte, 1);

	check_equal(ret < 0 ? -errno : ret, e->result);
}

static void write_once(void *argument)
{
	const struct expected *e = argument;
	long ret = write(device(O_WRONLY), bytes, 1);

	check_equal(ret < 0 ? -errno : ret, e->result);
}

static void poll_once(void *argument)
{
	const struct expected *e = argument;
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	check_equal(poll(&p, 1, -1), 1);
	check_equal(p.revents, e->result);
}

/* Notices of earlier changes come up to an eighth of a second late, and would wake it. */
static pid_t sleeper(void (*work)(void *argument), long result)
{
	const char *where = work == poll_once ? "poll" : "vfifo_ring_wait";
	struct expected e = { result };
	pid_t pid = start(work, &e);

	wait_asleep(pid, where);
	sleep_ms(250);
	wait_asleep(pid, where);
	return pid;
}

static void is_woken(pid_t pid)
{
	const double until = now() + SOON;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (now() > until)
			fail("it sleeps on");
		sleep_ms(1);
	}
	check_equal(status, 0);
}

/* --- the changes --------------------------------------------------------------------- */

static void set(const char *name, const char *text)
{
	check_equal(set_attribute(name, text), 0);
}

static bool *is_open;

static void hold_open(void *unused)
{
	(void)unused;
	device(O_WRONLY);
	__atomic_store_n(is_open, true, __ATOMIC_RELEASE);
	pause();
}

/* A process that is killed, as a sleeper would inherit a file of this one. */
static void by_the_last_close(void)
{
	pid_t writer, pid;

	is_open = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(is_open != MAP_FAILED);
	writer = start(hold_open, NULL);
	while (!__atomic_load_n(is_open, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	set("eof", "1");
	pid = sleeper(read_once, 0);
	check(!kill(writer, SIGKILL));
	check_equal(waitpid(writer, NULL, 0), writer);
	is_woken(pid);
	set("eof", "0");
}

static void by_the_end_of_the_generator(void)
{
	pid_t pid;

	set("eof", "1");
	set("generator/period_us", "3600000000");
	set("mode", "1");
	pid = sleeper(read_once, 0);
	set("mode", "0");
	is_woken(pid);
	set("eof", "0");
}

static void by_the_attribute_eof(void)
{
	pid_t pid = sleeper(read_once, 0);

	set("eof", "1");
	is_woken(pid);
	set("eof", "0");
}

static void by_a_watermark(void)
{
	int fd = device(O_RDWR);
	pid_t pid;

	set("read_watermark", "100");
	write_all(fd, bytes, 50);
	pid = sleeper(poll_once, POLLIN);
	set("read_watermark", "50");
	is_woken(pid);
	read_all(fd, bytes, 50);
	set("read_watermark", "1");
	close(fd);
}

static void revoked(struct raw *consumer)
{
	(void)consumer;
	set("consumer", "0");
}

static void unmapped(struct raw *consumer)
{
	check(!munmap((void *)consumer->at[VFIFO_CONSUMER], PAGE));
}

/* The holder has moved its position, and has not kicked. */
static void by_the_end_of_a_claim(void (*end)(struct raw *consumer))
{
	int fd = device(O_RDWR);
	struct raw consumer;
	pid_t pid;

	write_all(fd, bytes, CAPACITY);
	raw_claim(&consumer, VFIFO_CONSUMER);
	pid = sleeper(write_once, 1);
	*consumer.at[VFIFO_CONSUMER] = consumer.own + 100;
	end(&consumer);
	is_woken(pid);
	check_equal(attribute("size"), CAPACITY - 100 + 1);
	raw_release(&consumer);
	set("clear", "1");

	write_all(fd, bytes, 1);
	raw_claim(&consumer, VFIFO_CONSUMER);
	pid = sleeper(poll_once, POLLIN);
	end(&consumer);
	is_woken(pid);
	raw_release(&consumer);
	set("clear", "1");
	close(fd);
}

/* Any look at the positions finds that out, here one of another process. */
static void by_a_position_that_breaks(void)
{
	struct pollfd p = { .fd = device(O_RDWR) };
	struct raw consumer;
	pid_t pid;

	write_all(p.fd, bytes, CAPACITY);
	raw_claim(&consumer, VFIFO_CONSUMER);
	pid = sleeper(write_once, -EIO);
	*consumer.at[VFIFO_CONSUMER] = consumer.own + 2 * CAPACITY;
	check_equal(poll(&p, 1, 0), 1);
	is_woken(pid);
	raw_release(&consumer);
	set("clear", "1");
	close(p.fd);
}

int main(void)
{
	run_case(by_the_last_close());
	run_case(by_the_end_of_the_generator());
	run_case(by_the_attribute_eof());
	run_case(by_a_watermark());
	run_case(by_the_end_of_a_claim(revoked));
	run_case(by_the_end_of_a_claim(unmapped));
	run_case(by_a_position_that_breaks());
	return 0;
}
