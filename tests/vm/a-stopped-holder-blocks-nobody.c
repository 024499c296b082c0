// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The holder of a claim is stopped, and later killed. On the other side, stored bytes can be
 * read and free space can be written. After that, calls return EAGAIN, poll(2) times out,
 * and a signal interrupts a blocking call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define MOVED 10000 /* bytes that the holder moves before it is stopped */

static char bytes[CAPACITY];

static void nothing(int signal)
{
	(void)signal;
}

/* Moves some bytes, and then loops in user space. */
static void hold(void *argument)
{
	enum vfifo_end end = *(enum vfifo_end *)argument;
	struct raw raw;

	raw_claim(&raw, end);
	if (end == VFIFO_PRODUCER)
		raw_put(&raw, MOVED, 0);
	else
		raw_take(&raw, MOVED, 0);
	for (;;)
		;
}

static long long stored(enum vfifo_end holder)
{
	return holder == VFIFO_PRODUCER ? MOVED : CAPACITY - MOVED;
}

static pid_t start_holder(enum vfifo_end end)
{
	const double until = now() + 20;
	pid_t pid = start(hold, &end);

	while (attribute("size") != stored(end)) {
		check(now() < until);
		sleep_ms(1);
	}
	return pid;
}

/* Calls read() or write(), on the side that is not claimed. */
static ssize_t move(int fd, enum vfifo_end holder, size_t n)
{
	return holder == VFIFO_PRODUCER ? read(fd, bytes, n) :
					  write(fd, bytes, n);
}

static int events(enum vfifo_end holder)
{
	return holder == VFIFO_PRODUCER ? POLLIN : POLLOUT;
}

static int poll_for(int fd, int want, int ms)
{
	struct pollfd p = { .fd = fd, .events = want };
	int n = poll(&p, 1, ms);

	check(n >= 0);
	return n ? p.revents : 0;
}

static void attributes_are_read(enum vfifo_end holder, pid_t pid)
{
	int n;
	int fd = device(O_RDONLY);

	check_equal(attribute("size"), stored(holder));
	check_equal(attribute("capacity"), CAPACITY);
	check_equal(attribute("producer"), holder == VFIFO_PRODUCER ? pid : 0);
	check_equal(attribute("consumer"), holder == VFIFO_CONSUMER ? pid : 0);
	check_equal(attribute("mappings"), 4);
	check_equal(attribute("read_watermark"), 1);
	check(!ioctl(fd, FIONREAD, &n));
	check_equal(n, stored(holder));
	close(fd);
}

static void what_is_there_is_moved(enum vfifo_end holder)
{
	int fd = device(O_RDWR);

	fill_pattern(bytes, MOVED, 0);
	check_equal(poll_for(fd, events(holder), 0), events(holder));
	check_equal(move(fd, holder, MOVED), MOVED);
	if (holder == VFIFO_PRODUCER)
		check_pattern(bytes, MOVED, 0);
	close(fd);
}

static void the_rest_is_told_at_once(enum vfifo_end holder)
{
	int fd = device(O_RDWR | O_NONBLOCK);
	double began = now();

	check_errno(move(fd, holder, 1), EAGAIN);
	check_errno(move(fd, holder, MOVED), EAGAIN);
	check_equal(poll_for(fd, events(holder), 0), 0);
	check(now() - began < 2);
	check_equal(poll_for(fd, events(holder), 100), 0);
	check(now() - began < 4);
	close(fd);
}

static void a_signal_ends_the_wait(enum vfifo_end holder)
{
	struct sigaction action = { .sa_handler = nothing };
	double began = now();
	int fd = device(O_RDWR);

	check(!sigaction(SIGALRM, &action, NULL));
	alarm(1);
	check_errno(move(fd, holder, 1), EINTR);
	check(now() - began < 10);
	close(fd);
}

static void sleep_for_a_byte(void *argument)
{
	enum vfifo_end holder = *(enum vfifo_end *)argument;

	check_equal(move(device(O_RDWR), holder, 1), 1);
}

/* A waiting process can be killed. */
static void a_sleeper_can_be_killed(enum vfifo_end holder)
{
	pid_t pid = start(sleep_for_a_byte, &holder);
	int status;

	wait_asleep(pid, "vfifo_ring_wait");
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Claims, opens and closes of other processes do not wait for the holder. */
static void the_device_is_in_use(enum vfifo_end holder)
{
	struct raw raw;
	int fd = device(O_RDWR);

	check(map_page(fd, position_offset(holder), PROT_READ | PROT_WRITE) ==
	      MAP_FAILED);
	check_equal(errno, EBUSY);
	raw_claim(&raw, other(holder));
	raw_release(&raw);
	close(fd);
}

/* A process that waits for the holder continues once the holder is dead. */
static void a_dead_holder_is_none(enum vfifo_end holder, pid_t pid)
{
	pid_t sleeper = start(sleep_for_a_byte, &holder);
	int fd = device(O_RDWR);

	wait_asleep(sleeper, "vfifo_ring_wait");
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_equal(attribute(holder == VFIFO_PRODUCER ? "producer" :
							 "consumer"),
		    0);
	check_equal(move(fd, other(holder), 1), 1);
	finish(sleeper);
	close(fd);
}

static void with_a_stopped(enum vfifo_end holder)
{
	int fd = device(O_RDWR);
	int status;
	pid_t pid;

	fill_pattern(bytes, CAPACITY, 0);
	if (holder == VFIFO_CONSUMER)
		write_all(fd, bytes, CAPACITY);
	pid = start_holder(holder);
	check(!kill(pid, SIGSTOP));
	check_equal(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));

	attributes_are_read(holder, pid);
	what_is_there_is_moved(holder);
	the_rest_is_told_at_once(holder);
	a_signal_ends_the_wait(holder);
	a_sleeper_can_be_killed(holder);
	the_device_is_in_use(holder);
	a_dead_holder_is_none(holder, pid);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(attribute("mappings"), 0);
	close(fd);
}

int main(void)
{
	run_case(with_a_stopped(VFIFO_PRODUCER));
	run_case(with_a_stopped(VFIFO_CONSUMER));
	return 0;
}
