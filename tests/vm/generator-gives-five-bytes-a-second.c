// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mode 1 produces `AUTO ` each second, beginning a second after the switch. Ordinary writes
 * come between, never split. Mode 0 stops the generator. If the FIFO is full, the generator drops its bytes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "testlib.h"

static char bytes[CAPACITY];

int main(void)
{
	int fd = device(O_RDWR);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double started, first, third;

	subtest("the first five bytes");
	check_equal(set_attribute("mode", "1"), 0);
	started = now();
	check_equal(attribute("size"), 0);
	check_equal(poll(&p, 1, 10000), 1);
	first = now() - started;
	check_equal(read(fd, bytes, sizeof(bytes)), 5);
	check(!memcmp(bytes, "AUTO ", 5));
	if (first < 0.9 || first > 1.5)
		fail("the first comes after %.3f s", first);

	subtest("between other writes");
	write_all(fd, "mine ", 5);
	read_all(fd, bytes, 15);
	third = now() - started;
	check(!memcmp(bytes, "mine AUTO AUTO ", 15));
	if (third < 2.9 || third > 3.5)
		fail("the third comes after %.3f s", third);

	subtest("setting mode 1 again does not restart the period");
	sleep_ms(600);
	check_equal(set_attribute("mode", "1"), 0);
	started = now();
	read_all(fd, bytes, 5);
	if (now() - started > 0.8)
		fail("the fourth comes %.3f s after a second 1",
		     now() - started);

	subtest("mode 0 stops it");
	check_equal(set_attribute("mode", "0"), 0);
	check_equal(attribute("mode"), 0);
	check_equal(poll(&p, 1, 2500), 0);

	subtest("in a full FIFO it drops all five bytes");
	write_all(fd, bytes, CAPACITY - 4);
	check_equal(set_attribute("mode", "1"), 0);
	sleep_ms(1500);
	check_equal(attribute("size"), CAPACITY - 4);
	read_all(fd, bytes, 1);
	sleep_ms(1000);
	check_equal(attribute("size"), CAPACITY);
	check_equal(set_attribute("mode", "0"), 0);

	subtest("off after many switches");
	read_all(fd, bytes, CAPACITY);
	for (unsigned long i = 2 * share(10000, 1000); i > 0; i--)
		check_equal(set_attribute("mode", i % 2 ? "0" : "1"), 0);
	check_equal(poll(&p, 1, 1500), 0);
	return 0;
}
