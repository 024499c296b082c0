// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With generator/count the generator stops by itself after that many bursts, neither earlier nor
 * later. A store to generator/trigger starts one count, or one burst, at once. Then the producer side
 * is free again, and a process that polls the attribute mode is told.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vfifo_pattern.h>

#include "raw.h"
#include "testlib.h"

#define HOUR 3600000000UL
#define BURST 100

static int fd;
static unsigned char bytes[CAPACITY];

static void set(const char *name, const char *text)
{
	check_equal(set_attribute(name, text), 0);
}

static void set_number(const char *name, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", number);
	set(name, text);
}

static void prepare(unsigned long count, unsigned long period_us,
		    unsigned long burst)
{
	check_equal(attribute("mode"), 0);
	set("clear", "1");
	set("stats/reset", "1");
	set("generator/pattern", "counter");
	set_number("generator/count", count);
	set_number("generator/period_us", period_us);
	set_number("generator/burst", burst);
}

static void wait_for_mode_0(void)
{
	while (attribute("mode"))
		sleep_ms(1);
}

static void burst_of_the_pattern(unsigned long n)
{
	struct vfifo_pattern p = { .kind = VFIFO_PATTERN_COUNTER };

	vfifo_pattern_rewind(&p);
	read_all(fd, bytes, n);
	check_equal(vfifo_pattern_match(&p, bytes, n), n);
}

/* --- count ------------------------------------------------------------------------- */

static void claims_the_producer_side(void)
{
	void *at = map_page(fd, VFIFO_MMAP_PRODUCER, PROT_READ | PROT_WRITE);

	check(at != MAP_FAILED);
	check(!munmap(at, PAGE));
}

static void stops_after(unsigned long count, unsigned long period_us,
			unsigned long burst)
{
	prepare(count, period_us, burst);
	for (int i = 1; i <= 2; i++) {
		const double began = now();

		set("mode", "1");
		wait_for_mode_0();
		check(now() - began >= count * period_us * 1e-6);
		check_equal(attribute("stats/in_bytes") +
				    attribute("stats/dropped_bytes"),
			    i * count * burst);
	}
	claims_the_producer_side();
	/* No later one. */
	sleep_ms(20);
	check_equal(attribute("stats/in_bytes") +
			    attribute("stats/dropped_bytes"),
		    2 * count * burst);
}

/* What was produced before mode 0 does not count for the next start. */
static void begins_anew_after_mode_0(void)
{
	prepare(50, 10000, BURST);
	set("mode", "1");
	read_all(fd, bytes, BURST);
	set("mode", "0");
	set("clear", "1");
	set("stats/reset", "1");
	set("mode", "1");
	wait_for_mode_0();
	check_equal(attribute("stats/in_bytes"), 50 * BURST);
}

static void is_set_while_on(void)
{
	/* It counts from the store on. */
	prepare(0, HOUR, BURST);
	set("mode", "1");
	set("generator/count", "3");
	set("generator/period_us", "1000");
	wait_for_mode_0();
	check_equal(attribute("stats/in_bytes"), 3 * BURST);

	/* 0: it goes on. */
	prepare(60, 10000, 8);
	set("mode", "1");
	set("generator/count", "0");
	read_all(fd, bytes, 70 * 8);
	check_equal(attribute("mode"), 1);
	set("mode", "0");
}

/* Other settings do not change how many bursts are left. */
static void keeps_the_rest_over_a_setting(void)
{
	prepare(40, 5000, BURST);
	set("mode", "1");
	for (int i = 0; i < 10; i++) {
		read_all(fd, bytes, BURST);
		set("generator/period_us", i % 2 ? "5000" : "4999");
	}
	wait_for_mode_0();
	check_equal(attribute("stats/in_bytes"), 40 * BURST);
}

/* What is due, but is not produced before a store stops the generator, is still to come. */
static void keeps_what_is_due_over_a_setting(void)
{
	const unsigned long space = vfifo_record_space(16384);

	set("clear", "1");
	set("framing", "records");
	prepare(400, 50, 16384);
	set("generator/pattern", "prbs31");
	set("mode", "1");
	while (attribute("mode")) {
		set("generator/period_us", "50");
		sleep_ms(3);
	}
	check_equal(attribute("stats/in_bytes") / space +
			    attribute("stats/dropped_records"),
		    400);
	set("clear", "1");
	set("framing", "bytes");
}

/*
 * Mode 0 cuts the last burst, so the count is complete just then. That end is not one of the next
 * start.
 */
static void ends_no_later_start(void)
{
	const int off = 0, on = 1;

	for (int i = 0; i < 100; i++) {
		prepare(1, HOUR, 1048576);
		set("generator/pattern", "prbs31");
		set("generator/trigger", "1");
		if (i % 4)
			usleep(i % 4 * 100);
		check(!ioctl(fd, VFIFO_SET_MODE, &off));
		check(!ioctl(fd, VFIFO_SET_MODE, &on));
		sleep_ms(2);
		check_equal(attribute("mode"), 1);
		set("mode", "0");
	}
}

static int uevents_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = 1 };
	int uevents = socket(AF_NETLINK,
			     SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     NETLINK_KOBJECT_UEVENT);

	if (uevents >= 0)
		check(!bind(uevents, (struct sockaddr *)&address,
			    sizeof(address)));
	return uevents;
}

static int mode_of(int mode)
{
	char text[8] = "";

	check(pread(mode, text, sizeof(text), 0) > 0);
	return atoi(text);
}

/* poll(2) on the attribute ends at the trigger and when the mode is 0 again. There is no uevent. */
static void tells_pollers_of_mode(void)
{
	int mode = open(ATTRIBUTES "mode", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = mode, .events = POLLPRI };
	int uevents;

	check(mode >= 0);
	prepare(2, HOUR, 1);
	uevents = uevents_open();
	check_equal(mode_of(mode), 0);
	set("generator/trigger", "1");
	check_equal(poll(&p, 1, 10000), 1);
	check_equal(mode_of(mode), 1);
	set("generator/period_us", "1000");
	do
		check_equal(poll(&p, 1, 10000), 1);
	while (mode_of(mode));
	close(mode);
	if (uevents < 0) {
		printf("# this kernel has no netlink, so no uevents\n");
		return;
	}
	check_errno(recv(uevents, bytes, sizeof(bytes), 0), EAGAIN);
	close(uevents);
}

/* --- trigger ------------------------------------------------------------------------ */

static void triggers_one_burst(void)
{
	prepare(0, HOUR, BURST);
	for (int i = 1; i <= 30; i++) {
		set("generator/trigger", "1");
		burst_of_the_pattern(BURST);
		wait_for_mode_0();
		check_equal(attribute("stats/in_bytes"), i * BURST);
	}
	claims_the_producer_side();
}

static void triggers_one_count(void)
{
	const double period = 0.02;
	double began;

	prepare(5, HOUR, BURST);
	set("generator/trigger", "1");
	burst_of_the_pattern(BURST);
	check_equal(attribute("mode"), 1);
	check_equal(set_attribute("generator/trigger", "1"), EBUSY);
	check_equal(attribute("size"), 0);
	set("mode", "0");

	prepare(5, period * 1e6, BURST);
	began = now();
	set("generator/trigger", "1");
	wait_for_mode_0();
	check(now() - began >= 4 * period);
	burst_of_the_pattern(5 * BURST);
	check_equal(attribute("stats/in_bytes"), 5 * BURST);
}

static void is_busy_while_on_or_claimed(void)
{
	void *at;

	prepare(0, HOUR, BURST);
	check_equal(set_attribute("generator/trigger", "0"), EINVAL);
	set("mode", "1");
	check_equal(set_attribute("generator/trigger", "1"), EBUSY);
	check_equal(attribute("mode"), 1);
	set("mode", "0");

	at = map_page(fd, VFIFO_MMAP_PRODUCER, PROT_READ | PROT_WRITE);
	check(at != MAP_FAILED);
	check_equal(set_attribute("generator/trigger", "1"), EBUSY);
	check_equal(attribute("mode"), 0);
	check(!munmap(at, PAGE));

	at = map_page(fd, VFIFO_MMAP_CONSUMER, PROT_READ | PROT_WRITE);
	check(at != MAP_FAILED);
	set("generator/trigger", "1");
	wait_for_mode_0();
	check_equal(attribute("size"), BURST);
	check(!munmap(at, PAGE));
}

/* A reader that sleeps has the end of file when the last burst is out. */
static void work_read(void *unused)
{
	int reader = device(O_RDONLY);

	(void)unused;
	read_all(reader, bytes, 3 * BURST);
	check_equal(read(reader, bytes, 1), 0);
}

static void ends_the_stream(void)
{
	pid_t pid;

	close(fd);
	prepare(0, HOUR, BURST);
	set("mode", "1");
	set("eof", "1");
	pid = start(work_read, NULL);
	wait_asleep(pid, "vfifo");
	set("generator/count", "3");
	set("generator/period_us", "100000");
	finish(pid);
	check_equal(attribute("mode"), 0);
	set("eof", "0");
	fd = device(O_RDWR);
}

int main(void)
{
	fd = device(O_RDWR);
	/* First: there is no late notice of an earlier change yet. */
	run_case(tells_pollers_of_mode());
	run_case(stops_after(1, 100000, BURST));
	run_case(stops_after(7, 1000, BURST));
	run_case(stops_after(3000, 50, 12));
	run_case(stops_after(30, 1000, 10000));
	run_case(begins_anew_after_mode_0());
	run_case(is_set_while_on());
	run_case(keeps_the_rest_over_a_setting());
	run_case(keeps_what_is_due_over_a_setting());
	run_case(ends_no_later_start());
	run_case(triggers_one_burst());
	run_case(triggers_one_count());
	run_case(is_busy_while_on_or_claimed());
	run_case(ends_the_stream());
	return 0;
}
