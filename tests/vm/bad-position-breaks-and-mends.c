// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * While a claimed position is invalid, the other side gets EIO and POLLERR, and `size` is
 * unchanged. A valid position mends this, and so does the end of the claim, which restores
 * the last valid position.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define STORED 100

static const char bytes[STORED];
static int fd;

static int events(int events)
{
	struct pollfd p = { .fd = fd, .events = events };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* Calls read() or write() on the other side when no byte can be moved. */
static void check_other_side(const struct raw *holder, int err)
{
	char c = 0;

	if (holder->end == VFIFO_PRODUCER)
		check_errno(read(fd, &c, 1), err);
	else
		check_errno(write(fd, &c, 1), err);
}

static void check_broken(const struct raw *holder, long long size)
{
	check_other_side(holder, EIO);
	check(events(0) == POLLERR);
	check(events(POLLIN | POLLOUT) & POLLERR);
	check_equal(attribute("size"), size);
	check(holder->status->flags & VFIFO_BROKEN);
}

static void check_whole(const struct raw *holder)
{
	check_equal(events(0), 0);
	check(!(holder->status->flags & VFIFO_BROKEN));
}

/* Stores invalid positions, given the current one and the room. */
static void store_bad_ones(struct raw *holder, uint32_t room, long long size)
{
	const uint32_t far[] = { room + 1,   room + CAPACITY, 0x7fffffff,
				 0x80000000, 0xffffffff,      -4096U };

	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		*holder->at[holder->end] = holder->own + far[i];
		check_broken(holder, size);
	}
}

static void one_claimed(enum vfifo_end end)
{
	const uint32_t room = end == VFIFO_PRODUCER ? CAPACITY - STORED :
						      STORED;
	struct raw holder;
	char buffer[STORED];

	check_equal(write(fd, bytes, STORED), STORED);
	raw_claim(&holder, end);
	check_whole(&holder);

	store_bad_ones(&holder, room, STORED);
	if (end == VFIFO_PRODUCER)
		check_errno(ioctl(fd, VFIFO_CLEAR), EIO);
	/* The last valid position ends the fault. */
	*holder.at[end] = holder.own + room;
	check_equal(attribute("size"), end == VFIFO_PRODUCER ? CAPACITY : 0);
	check_whole(&holder);
	/* A step back is invalid. */
	*holder.at[end] = holder.own;
	check_broken(&holder, end == VFIFO_PRODUCER ? CAPACITY : 0);
	raw_release(&holder);

	/* The last valid position stands. */
	check_equal(attribute("size"), end == VFIFO_PRODUCER ? CAPACITY : 0);
	check_equal(events(0), 0);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(write(fd, "right", 5), 5);
	check_equal(read(fd, buffer, STORED), 5);
	check(!memcmp(buffer, "right", 5));
}

/* The end of the claim mends it, and the page shows the last valid position. */
static void released_while_broken(enum vfifo_end end)
{
	struct raw holder;
	uint32_t own;

	raw_claim(&holder, end);
	own = holder.own;
	*holder.at[end] = own + 12345678;
	check_broken(&holder, 0);
	raw_release(&holder);
	check_equal(attribute("size"), 0);
	check_equal(events(0), 0);
	raw_claim(&holder, end);
	check_equal(holder.own, own);
	raw_release(&holder);
}

static void both_claimed(enum vfifo_end liar)
{
	struct raw one, two;
	char buffer[STORED];

	raw_claim(&one, liar);
	raw_claim(&two, other(liar));
	/* Moves that the kernel has not seen, and then an invalid position. */
	for (int i = 0; i < 10; i++) {
		raw_put(liar == VFIFO_PRODUCER ? &one : &two, 50000, i);
		raw_take(liar == VFIFO_PRODUCER ? &two : &one, 50000, i);
	}
	*one.at[liar] = one.own + 0x40000000;
	check(events(0) == POLLERR);
	check(two.status->flags & VFIFO_BROKEN);
	raw_release(&one);

	/* No valid position is known: the FIFO is empty at the other side's position. */
	check_equal(events(0), 0);
	check_equal(attribute("size"), 0);
	check_equal(*two.at[liar], two.own);
	if (liar == VFIFO_PRODUCER) {
		fill_pattern(buffer, STORED, 7);
		check_equal(write(fd, buffer, STORED), STORED);
		raw_take(&two, STORED, 7);
	} else {
		raw_put(&two, STORED, 7);
		check_equal(read(fd, buffer, STORED), STORED);
		check_pattern(buffer, STORED, 7);
	}
	raw_release(&two);
	check_equal(attribute("size"), 0);
}

/* After a valid position the next call of the other side goes on, whatever call it is. */
static void next_call_goes_on(enum vfifo_end end, const char *overflow)
{
	struct raw holder;
	uint32_t own;
	char c = 'x';

	check_equal(set_attribute("overflow", overflow), 0);
	raw_claim(&holder, end);
	own = holder.own;
	*holder.at[end] = own + 0x40000000;
	check_other_side(&holder, EIO);
	*holder.at[end] = own;
	if (end == VFIFO_PRODUCER)
		check_errno(read(fd, &c, 1), EAGAIN);
	else
		check_equal(write(fd, &c, 1), 1);
	raw_release(&holder);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(set_attribute("overflow", "block"), 0);
}

static void work_read(void *unused)
{
	char c;

	(void)unused;
	check_errno(read(device(O_RDONLY), &c, 1), EIO);
}

/* A kick by the holder of an invalid position wakes sleepers. */
static void sleepers_are_woken(void)
{
	struct raw liar;
	pid_t pid;

	raw_claim(&liar, VFIFO_PRODUCER);
	pid = start(work_read, NULL);
	wait_asleep(pid, "vfifo");
	*liar.at[VFIFO_PRODUCER] = liar.own - 1;
	check(!ioctl(fd, VFIFO_KICK));
	finish(pid);
	raw_release(&liar);
}

static int lines_in_log(void)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1), lines = 0;

	check(n >= 0);
	log[n] = 0;
	for (char *at = log; (at = strstr(at, "vfifo0: broken by")); at++)
		lines++;
	return lines;
}

/* The log has one line for each claim, for any number of invalid positions. */
static void the_log_has_one_line(void)
{
	struct raw liar;
	int before;
	const unsigned long times = share(10000, 1000);

	sleep_ms(5500); /* the rate limit starts again */
	before = lines_in_log();
	raw_claim(&liar, VFIFO_CONSUMER);
	for (unsigned long i = 0; i < times; i++) {
		*liar.at[VFIFO_CONSUMER] = liar.own + 1;
		check_broken(&liar, 0);
		*liar.at[VFIFO_CONSUMER] = liar.own;
		check_equal(attribute("size"), 0);
		check_whole(&liar);
	}
	raw_release(&liar);
	check_equal(lines_in_log(), before + 1);
}

/* A user who makes a claim again and again cannot flood the log: it has 10 lines in 5 seconds. */
static void the_log_is_not_flooded(void)
{
	const double began = now();
	struct raw liar;
	int before, lines;

	sleep_ms(5500); /* the rate limit starts again */
	before = lines_in_log();
	for (int i = 0; i < 100; i++) {
		raw_claim(&liar, VFIFO_PRODUCER);
		*liar.at[VFIFO_PRODUCER] = liar.own - 1;
		check(!ioctl(fd, VFIFO_KICK));
		check(liar.status->flags & VFIFO_BROKEN);
		raw_release(&liar);
	}
	lines = lines_in_log() - before;
	check(lines > 0 && lines <= 10 * (1 + (int)(now() - began) / 5));
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	for (int end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		cases_of(end == VFIFO_PRODUCER ? "producer" : "consumer");
		run_case(one_claimed(end));
		run_case(released_while_broken(end));
		run_case(both_claimed(end));
	}
	cases_of(NULL);
	run_case(next_call_goes_on(VFIFO_PRODUCER, "block"));
	run_case(next_call_goes_on(VFIFO_CONSUMER, "block"));
	run_case(next_call_goes_on(VFIFO_CONSUMER, "drop"));
	run_case(next_call_goes_on(VFIFO_CONSUMER, "overwrite"));
	run_case(sleepers_are_woken());
	run_case(the_log_has_one_line());
	run_case(the_log_is_not_flooded());
	return 0;
}
