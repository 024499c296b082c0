// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overflow: if the FIFO is full, a write waits, or the new bytes are dropped, or the oldest ones.
 * Dropped bytes are counted. Atomic writes are stored whole or dropped whole.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static int fd;
static char sent[4 * CAPACITY], got[4 * CAPACITY];

static void set_overflow(const char *how)
{
	check_equal(set_attribute("overflow", how), 0);
}

static void begin_with(const char *how, size_t stored)
{
	check(!ioctl(fd, VFIFO_CLEAR));
	set_overflow(how);
	check_equal(set_attribute("stats/reset", "1"), 0);
	check_equal(write(fd, sent, stored), stored);
}

static void holds(size_t from, size_t n)
{
	check_equal(attribute("size"), n);
	check_equal(read(fd, got, sizeof(got)), n);
	check(!memcmp(got, sent + from, n));
}

static void new_bytes_are_dropped(void)
{
	begin_with("drop", CAPACITY - 100);
	/* Of a write of more than PIPE_BUF the part that fits is stored. */
	check_equal(write(fd, sent + CAPACITY - 100, 5000), 5000);
	check_equal(attribute("stats/dropped_bytes"), 4900);
	check_equal(write(fd, "no", 2), 2);
	check_equal(attribute("stats/dropped_bytes"), 4902);
	check_equal(attribute("stats/writes"), 2);
	holds(0, CAPACITY);

	/* An atomic write is dropped whole. */
	begin_with("drop", CAPACITY - 100);
	check_equal(write(fd, sent, 101), 101);
	check_equal(attribute("stats/dropped_bytes"), 101);
	holds(0, CAPACITY - 100);
}

static void old_bytes_are_dropped(void)
{
	begin_with("overwrite", CAPACITY - 100);
	check_equal(write(fd, sent + CAPACITY - 100, 200), 200);
	check_equal(attribute("stats/dropped_bytes"), 100);
	holds(100, CAPACITY);

	/* Of a write of more than the capacity the last bytes are stored. */
	begin_with("overwrite", 10);
	check_equal(write(fd, sent, sizeof(sent)), sizeof(sent));
	check_equal(attribute("stats/dropped_bytes"),
		    10 + sizeof(sent) - CAPACITY);
	holds(sizeof(sent) - CAPACITY, CAPACITY);
	check_equal(attribute("stats/in_bytes"), 10 + sizeof(sent));
	check_equal(attribute("stats/out_bytes"), 10 + sizeof(sent));
}

/* The kernel does not move a claimed position. */
static void claimed_consumer_keeps_old_bytes(void)
{
	struct raw raw;

	begin_with("overwrite", CAPACITY);
	raw_claim(&raw, VFIFO_CONSUMER);
	check_equal(write(fd, "newest", 6), 6);
	check_equal(attribute("stats/dropped_bytes"), 6);
	check_equal(attribute("size"), CAPACITY);
	raw_release(&raw);
	holds(0, CAPACITY);
}

static void never_waits(void)
{
	struct iovec newest = { .iov_base = "newest", .iov_len = 6 };
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	begin_with("block", CAPACITY);
	check_equal(poll(&p, 1, 0), 0);
	check_errno(write(fd, "x", 1), EAGAIN);
	set_overflow("drop");
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLOUT);
	set_overflow("overwrite");
	check_equal(poll(&p, 1, 0), 1);
	check_equal(pwritev2(fd, &newest, 1, -1, RWF_NOWAIT), 6);
	check_equal(attribute("size"), CAPACITY);
}

static void write_one(void *fd)
{
	check_equal(write(*(int *)fd, "x", 1), 1);
}

/* A writer that waits continues at once. */
static void change_ends_a_wait(void)
{
	int waiting = device(O_WRONLY);
	pid_t child;

	begin_with("block", CAPACITY);
	child = start(write_one, &waiting);
	wait_asleep(child, "vfifo");
	set_overflow("drop");
	finish(child);
	check_equal(attribute("stats/dropped_bytes"), 1);
	close(waiting);
}

/* A write that fails with EBUSY drops nothing, and the holder of the claim waits. */
static void holder_of_the_producer_side_decides_itself(void)
{
	struct raw raw;
	struct pollfd p;

	begin_with("overwrite", CAPACITY);
	raw_claim(&raw, VFIFO_PRODUCER);
	p = (struct pollfd){ .fd = raw.fd, .events = POLLOUT };
	check_errno(write(fd, "x", 1), EBUSY);
	check_errno(write(fd, sent, CAPACITY), EBUSY);
	check_equal(poll(&p, 1, 0), 0);
	set_overflow("drop");
	check_errno(write(fd, sent, CAPACITY), EBUSY);
	check_equal(poll(&p, 1, 0), 0);
	check_equal(attribute("stats/dropped_bytes"), 0);
	raw_release(&raw);
	holds(0, CAPACITY);
}

/* New bytes that cannot be read drop nothing. */
static void bad_buffers_drop_nothing(void)
{
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED && !munmap(page + PAGE, PAGE));
	begin_with("overwrite", CAPACITY);
	check_errno(syscall(SYS_write, fd, page + PAGE, 100), EFAULT);
	check_errno(syscall(SYS_write, fd, page + PAGE, 1 << 20), EFAULT);
	check_equal(attribute("stats/dropped_bytes"), 0);
	memset(page, 'x', PAGE);
	check_equal(syscall(SYS_write, fd, page + PAGE - 10, 100), 10);
	check_equal(attribute("stats/dropped_bytes"), 10);
	check_equal(syscall(SYS_write, fd, page, 1 << 20), PAGE);
	check_equal(attribute("stats/dropped_bytes"), 10 + PAGE);
	check_equal(attribute("size"), CAPACITY);
	check_equal(read(fd, got, sizeof(got)), CAPACITY);
	/* With large pages none of the old bytes is left. */
	if (10 + PAGE < CAPACITY)
		check(!memcmp(got, sent + 10 + PAGE, CAPACITY - 10 - PAGE));
	munmap(page, PAGE);
}

static void write_for_ever(void *bytes)
{
	for (;;)
		check(write(fd, bytes, 1UL << 30) > 0);
}

/* The write never waits, but a signal ends it. */
static void long_write_can_be_killed(void)
{
	const size_t size = 1UL << 30;
	char *bytes = mmap(NULL, size, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	double began;
	pid_t child;
	int status;

	check(bytes != MAP_FAILED);
	begin_with("overwrite", 0);
	child = start(write_for_ever, bytes);
	while (attribute("stats/in_bytes") < 1 << 20)
		sleep_ms(1);
	began = now();
	check(!kill(child, SIGKILL));
	check_equal(waitpid(child, &status, 0), child);
	check(WIFSIGNALED(status));
	if (now() - began > 2)
		fail("the kill took %.3f s", now() - began);
	/* It ended in the middle of a write. */
	check(attribute("stats/in_bytes") % size);
	munmap(bytes, size);
}

static void bad_values_change_nothing(void)
{
	static const char *const bad[] = { "dro", "drops",     "Drop",
					   "1",	  "drop drop", "overwrite x",
					   "\n",  "none" };

	set_overflow("drop");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_equal(set_attribute("overflow", bad[i]), EINVAL);
	check_attribute("overflow", "drop");
	set_overflow("block");
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	fill_pattern(sent, sizeof(sent), 0);
	check_attribute("overflow", "block");

	run_case(new_bytes_are_dropped());
	run_case(old_bytes_are_dropped());
	run_case(claimed_consumer_keeps_old_bytes());
	run_case(never_waits());
	run_case(change_ends_a_wait());
	run_case(holder_of_the_producer_side_decides_itself());
	run_case(bad_buffers_drop_nothing());
	run_case(long_write_can_be_killed());
	run_case(bad_values_change_nothing());
	return 0;
}
