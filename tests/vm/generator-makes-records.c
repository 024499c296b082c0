// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With framing=records each burst of the generator is a record: stored or dropped as a whole, with
 * a number and a time of its own. The pattern counts through the records that are dropped, so the
 * first word of a record tells its number, too.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vfifo_pattern.h>

#include "raw.h"
#include "testlib.h"

#define LONGEST (CAPACITY / 2)

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

static void start_generator(const char *pattern, unsigned long period_us,
			    unsigned long burst)
{
	set("stats/reset", "1");
	set("generator/pattern", pattern);
	set_number("generator/period_us", period_us);
	set_number("generator/burst", burst);
	set("mode", "1");
}

static void begin(const char *pattern, unsigned long period_us,
		  unsigned long burst)
{
	set("mode", "0");
	set("clear", "1");
	start_generator(pattern, period_us, burst);
}

/* Waits for the next record, takes it and returns its header. */
static struct vfifo_record take(size_t length)
{
	struct vfifo_record record;
	int next;

	while (!attribute("size"))
		sleep_ms(1);
	record = next_record(fd);
	check_equal(record.length, length);
	check(!ioctl(fd, FIONREAD, &next));
	check_equal(next, length);
	check_equal(read(fd, bytes, sizeof(bytes)), length);
	return record;
}

static unsigned int first_word(void)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 |
	       (unsigned int)bytes[3] << 24;
}

/* The number of the next record: that of one from write(2). Takes it, and all before. */
static uint32_t next_number(void)
{
	set("clear", "1");
	check_equal(write(fd, "x", 1), 1);
	return take(1).sequence;
}

/* The records are never early, and in the order of their times. */
static void each_burst_is_a_record(const char *pattern,
				   enum vfifo_pattern_kind kind)
{
	const double period = 0.005;
	struct vfifo_pattern p = { .kind = kind, .length = 3, .text = "abc" };
	double before = now(), last = before;
	uint32_t sequence;

	set("generator/text", "abc");
	sequence = next_number();
	vfifo_pattern_rewind(&p);
	begin(pattern, period * 1e6, 777);
	while (attribute("stats/in_bytes") < 20LL * vfifo_record_space(777))
		sleep_ms(1);
	set("mode", "0");
	for (int i = 1; i <= 20; i++) {
		const struct vfifo_record record = take(777);
		const double time = record.time / 1e9;

		check_equal(record.sequence, ++sequence);
		check_equal(vfifo_pattern_match(&p, bytes, 777), 777);
		check(time >= before + i * period - 1e-6);
		check(time >= last && time <= now() + 1e-6);
		last = time;
	}
	check_equal(attribute("stats/dropped_records"), 0);
	check_equal(attribute("stats/in_bytes") % vfifo_record_space(777), 0);
}

/* A record that does not fit is dropped as a whole, and its number is missing. */
static void drops_new_records_whole(void)
{
	const long long fit = CAPACITY / vfifo_record_space(4000);
	struct vfifo_record record;
	uint32_t first;
	long long taken, dropped;

	first = next_number() + 1;
	begin("counter", 1000, 4000);
	while (attribute("stats/dropped_records") < 3)
		sleep_ms(1);
	check_equal(attribute("size"), fit * vfifo_record_space(4000));
	for (long long i = 0; i < fit; i++) {
		check_equal(take(4000).sequence, first + i);
		check_equal(first_word(), 1000 * i);
	}
	record = take(4000);
	check(record.sequence >= first + fit + 3);
	check_equal(first_word(), 1000 * (record.sequence - first));
	set("mode", "0");
	for (taken = fit + 1; attribute("size"); taken++) {
		record = take(4000);
		check_equal(first_word(), 1000 * (record.sequence - first));
	}
	dropped = attribute("stats/dropped_records");
	check_equal(attribute("stats/dropped_bytes"), 4000 * dropped);
	check_equal(next_number(), first + taken + dropped);
}

/* There is space for the bytes of a second one, but not for its header. */
static void needs_space_for_the_header(void)
{
	const unsigned long burst = LONGEST - 8;

	begin("zero", 1000, burst);
	while (!attribute("stats/dropped_records"))
		sleep_ms(1);
	set("mode", "0");
	check_equal(attribute("size"), vfifo_record_space(burst));
	check(attribute("size") + burst <= CAPACITY);
	take(burst);
}

static void overwrites_old_records_whole(void)
{
	const long long fit = CAPACITY / vfifo_record_space(1000);
	uint32_t first;
	long long dropped;

	set("overflow", "overwrite");
	first = next_number() + 1;
	begin("counter", 1000, 1000);
	while (attribute("stats/dropped_records") < 20)
		sleep_ms(1);
	set("mode", "0");
	dropped = attribute("stats/dropped_records");
	check_equal(attribute("stats/dropped_bytes"), 1000 * dropped);
	for (long long i = 0; i < fit; i++) {
		check_equal(take(1000).sequence, first + dropped + i);
		check_equal(first_word(), 250 * (dropped + i));
	}
	check_equal(attribute("size"), 0);
	set("overflow", "block");
}

/* A longer burst is never a record, and makes no room for itself. */
static void drops_bursts_that_are_too_long(const char *overflow)
{
	uint32_t first;

	set("overflow", overflow);
	begin("counter", 1000, LONGEST);
	while (!attribute("size"))
		sleep_ms(1);
	set("mode", "0");
	take(LONGEST);
	first = next_number() + 1;
	fill_pattern(bytes, LONGEST, 1);
	check_equal(write(fd, bytes, LONGEST), LONGEST);
	start_generator("counter", 1000, LONGEST + 1);
	while (attribute("stats/dropped_records") < 3)
		sleep_ms(1);
	set("mode", "0");
	check_equal(attribute("stats/dropped_bytes"),
		    (LONGEST + 1) * attribute("stats/dropped_records"));
	take(LONGEST);
	check_pattern(bytes, LONGEST, 1);
	check_equal(attribute("size"), 0);
	check_equal(next_number(),
		    first + 1 + attribute("stats/dropped_records"));
	set("overflow", "block");
}

/* Other writers' records come between, and the numbers are of all. */
static void counts_with_other_writers(void)
{
	uint32_t sequence = next_number();
	int theirs = 0;

	begin("zero", 20000, 8);
	for (int i = 0; i < 60; i++) {
		struct vfifo_record record;

		check_equal(write(fd, "xyz", 3), 3);
		record = next_record(fd);
		theirs += record.length == 8;
		take(record.length);
		check_equal(record.sequence, ++sequence);
		sleep_ms(i % 4 * 5);
	}
	set("mode", "0");
	check(theirs);
}

/* The framing changes while it is on, whenever nothing is stored. */
static void follows_the_framing(void)
{
	int records = 0;

	begin("counter", 20000, 4);
	for (int i = 0; i < 10; i++) {
		const int wanted = i % 2;

		while (set_attribute("framing", wanted ? "records" : "bytes"))
			set("clear", "1");
		while (!attribute("size"))
			sleep_ms(1);
		if (wanted) {
			check_equal(take(4).length, 4);
			records++;
		} else {
			read_all(fd, bytes, 4);
		}
		set("clear", "1");
	}
	check_equal(records, 5);
	set("mode", "0");
	set("clear", "1");
	set("framing", "records");
}

int main(void)
{
	set("framing", "records");
	fd = device(O_RDWR);
	run_case(each_burst_is_a_record("text", VFIFO_PATTERN_TEXT));
	run_case(each_burst_is_a_record("counter", VFIFO_PATTERN_COUNTER));
	run_case(each_burst_is_a_record("prbs31", VFIFO_PATTERN_PRBS31));
	run_case(drops_new_records_whole());
	run_case(needs_space_for_the_header());
	run_case(overwrites_old_records_whole());
	run_case(drops_bursts_that_are_too_long("block"));
	run_case(drops_bursts_that_are_too_long("overwrite"));
	run_case(counts_with_other_writers());
	run_case(follows_the_framing());
	return 0;
}
