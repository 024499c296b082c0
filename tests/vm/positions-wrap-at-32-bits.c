// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A position is a count modulo 2^32. A holder moves both positions up to the wrap, and bytes then
 * pass it by system calls and in place. An invalid position is as invalid there as elsewhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define SIZE (1 << 20) /* the capacity */

static uint8_t bytes[SIZE];
static int fd;

/* Moves both positions on to `position`, which is a multiple of the capacity. */
static void go_to(uint32_t position)
{
	struct raw raw;

	raw_claim(&raw, VFIFO_PRODUCER);
	while (raw.own != position) {
		raw.own += SIZE - raw.own % SIZE;
		*raw.at[VFIFO_PRODUCER] = raw.own;
		check(!ioctl(fd, VFIFO_CLEAR));
		check_equal(*raw.at[VFIFO_CONSUMER], raw.own);
	}
	raw_release(&raw);
}

static void by_system_calls(void)
{
	int n;

	go_to(-SIZE);
	write_all(fd, bytes, SIZE - 100);
	read_all(fd, bytes, SIZE - 100);
	/* 100 bytes before the wrap. */
	for (int round = 0; round < 3; round++) {
		fill_pattern(bytes, SIZE, round);
		write_all(fd, bytes, SIZE);
		check_errno(write(fd, bytes, 1), EAGAIN);
		check_equal(attribute("size"), SIZE);
		check(!ioctl(fd, FIONREAD, &n));
		check_equal(n, SIZE);
		memset(bytes, 0, SIZE);
		read_all(fd, bytes, SIZE);
		check_pattern(bytes, SIZE, round);
		check_errno(read(fd, bytes, 1), EAGAIN);
		check_equal(attribute("size"), 0);
	}
}

static void in_place(void)
{
	struct raw raw;

	go_to(-SIZE);
	raw_claim(&raw, VFIFO_PRODUCER);
	for (uint64_t at = 0; at < 3 * SIZE; at += 50000) {
		raw_put(&raw, 50000, at);
		read_all(fd, bytes, 50000);
		check_pattern(bytes, 50000, at);
	}
	check(raw.own < 3 * SIZE); /* it did wrap */
	raw_release(&raw);

	go_to(-SIZE);
	raw_claim(&raw, VFIFO_CONSUMER);
	for (uint64_t at = 0; at < 3 * SIZE; at += 50000) {
		fill_pattern(bytes, 50000, at);
		write_all(fd, bytes, 50000);
		raw_take(&raw, 50000, at);
	}
	check(raw.own < 3 * SIZE);
	raw_release(&raw);
}

/* The producer is at 99, the consumer 100 bytes before the wrap: 199 bytes are stored. */
static void invalid_positions(void)
{
	static const uint32_t bad[] = { 98,   0,	 UINT32_MAX, -100,
					-101, SIZE - 99, 1U << 31 };
	struct raw raw;

	go_to(-SIZE);
	write_all(fd, bytes, SIZE - 100);
	read_all(fd, bytes, SIZE - 100);
	fill_pattern(bytes, 199, 7);
	write_all(fd, bytes, 199);
	raw_claim(&raw, VFIFO_PRODUCER);
	check_equal(raw.own, 99);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		*raw.at[VFIFO_PRODUCER] = bad[i];
		check_errno(read(fd, bytes, 1), EIO);
		check_equal(attribute("size"), 199);
		*raw.at[VFIFO_PRODUCER] = 99;
	}
	/* The largest valid one: the FIFO is full. */
	*raw.at[VFIFO_PRODUCER] = SIZE - 100;
	read_all(fd, bytes, 199);
	check_pattern(bytes, 199, 7);
	check_equal(attribute("size"), SIZE - 199);
	raw_release(&raw);
	check(!ioctl(fd, VFIFO_CLEAR));
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	check_equal(set_capacity(SIZE), 0);
	run_case(by_system_calls());
	run_case(in_place());
	run_case(invalid_positions());
	return 0;
}
