// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generator as a source of data: each byte of each pattern, the exact average rate, gaps
 * that a reader sees, the newest bytes with overwrite, and changes while it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vfifo_pattern.h>

#include "raw.h"
#include "testlib.h"

static const char *const names[VFIFO_PATTERNS] = {
	[VFIFO_PATTERN_TEXT] = "text", [VFIFO_PATTERN_COUNTER] = "counter",
	[VFIFO_PATTERN_RAMP] = "ramp", [VFIFO_PATTERN_PRBS31] = "prbs31",
	[VFIFO_PATTERN_ZERO] = "zero",
};

static int fd;
static unsigned char bytes[CAPACITY + 4];

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

static void begin(const char *pattern, unsigned long period_us,
		  unsigned long burst)
{
	set("mode", "0");
	set("clear", "1");
	set("stats/reset", "1");
	set("generator/pattern", pattern);
	set_number("generator/period_us", period_us);
	set_number("generator/burst", burst);
	set("mode", "1");
}

/* Whether the kernel has a timer with this function. */
static int has_timer(const char *function)
{
	static char text[1 << 20];
	int file = open("/proc/timer_list", O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t more;

	check(file >= 0);
	while ((more = read(file, text + n, sizeof(text) - 1 - n)) > 0)
		n += more;
	text[n] = '\0';
	close(file);
	return !!strstr(text, function);
}

static void costs_nothing_when_off(void)
{
	if (access("/proc/timer_list", R_OK)) {
		printf("no /proc/timer_list here\n");
		return;
	}
	check(!has_timer("generator_tick"));
	begin("zero", 3600000000, 1);
	check(has_timer("generator_tick"));
	set("mode", "0");
	check(!has_timer("generator_tick"));
}

/*
 * Each pattern from its beginning, in bursts that are no multiple of a unit. The buffer is
 * large enough for a reader that does not run for most of a second.
 */
static void gives_each_pattern(void)
{
	static const char text[] = "Where were we?\n";
	struct vfifo_pattern p = { .length = sizeof(text) - 1 };

	memcpy(p.text, text, sizeof(text) - 1);
	set("generator/text", text);
	for (int kind = 0; kind < VFIFO_PATTERNS; kind++) {
		begin(names[kind], 10000, 777);
		check_attribute("generator/pattern", names[kind]);
		read_all(fd, bytes, 20000);
		set("mode", "0");
		p.kind = kind;
		vfifo_pattern_rewind(&p);
		check_equal(vfifo_pattern_match(&p, bytes, 20000), 20000);
		check_equal(attribute("stats/dropped_bytes"), 0);
	}
}

/* Returns the bytes of one period. Repeats if two may have passed. */
static long long first_burst(const char *pattern)
{
	const double seconds = 0.1;
	double began;
	long long size;

	do {
		began = now();
		begin(pattern, seconds * 1e6, 0);
		read_all(fd, bytes, 1);
		size = attribute("size");
	} while (now() - began >= 2 * seconds);
	return 1 + size;
}

/* The default burst is the text once, or 1024 bytes. */
static void has_a_default_burst(void)
{
	set("generator/text", "hello");
	check_equal(first_burst("text"), 5);
	check_equal(first_burst("ramp"), 1024);
}

/*
 * The number of bytes after some seconds. It can lag by a constant amount, but not by more as
 * time goes on, as the generator makes up for delays.
 */
static void keeps_the_rate(unsigned long period_us, unsigned long burst,
			   double seconds)
{
	const double late = slow_kernel() ? 0.5 : 0.25;
	const double rate = burst * 1e6 / period_us;
	double before, after, began;
	long long come;

	set("overflow", "overwrite");
	began = now();
	begin("counter", period_us, burst);
	sleep_ms(seconds * 1000);
	before = now();
	come = attribute("stats/in_bytes");
	after = now();
	set("mode", "0");
	printf("%lu bytes each %lu us: %lld in %.3f s, %.0f expected\n", burst,
	       period_us, come, before - began, (before - began) * rate);
	check_equal(come % burst, 0);
	check(come <= (after - began) * rate);
	check(come >= (before - began - late) * rate - burst);

	/* Mode 0 produces no more bytes. */
	come = attribute("stats/in_bytes");
	sleep_ms(20);
	check_equal(attribute("stats/in_bytes"), come);
	set("overflow", "block");
}

static unsigned int word_at(unsigned int i)
{
	return bytes[4 * i] | bytes[4 * i + 1] << 8 | bytes[4 * i + 2] << 16 |
	       (unsigned int)bytes[4 * i + 3] << 24;
}

/*
 * Without a reader for a while, whole words are missing, as many as are counted. In six free
 * bytes one word is stored.
 */
static void has_a_gap(void)
{
	long long dropped;
	unsigned int next;

	begin("counter", 1000, 4001);
	while (!attribute("stats/dropped_bytes"))
		sleep_ms(10);
	read_all(fd, bytes, 6);
	/* Up to half the capacity is dropped before the generator sees the new space. */
	dropped = attribute("stats/dropped_bytes");
	while (attribute("stats/dropped_bytes") < dropped + 2 * CAPACITY)
		sleep_ms(10);
	check_equal(attribute("size"), CAPACITY - 2);
	set("mode", "0");
	read_all(fd, bytes + 6, CAPACITY - 2);
	for (unsigned int i = 0; i < CAPACITY / 4; i++)
		check_equal(word_at(i), i);
	next = word_at(CAPACITY / 4);
	check(next > CAPACITY / 4);
	check(attribute("stats/dropped_bytes") >= 4LL * (next - CAPACITY / 4));
}

/* Bursts and a capacity that are no multiple of the text's length. */
static void keeps_texts_whole(void)
{
	set("generator/text", "AUTO ");
	begin("text", 1000, 1024);
	while (!attribute("stats/dropped_bytes"))
		sleep_ms(10);
	check_equal(attribute("size"), CAPACITY - CAPACITY % 5);
	read_all(fd, bytes, CAPACITY - CAPACITY % 5);
	read_all(fd, bytes, 5000);
	set("mode", "0");
	for (int i = 0; i < 5000; i += 5)
		check(!memcmp(bytes + i, "AUTO ", 5));
}

/* A burst that is many times the capacity. */
static void keeps_the_newest_of_a_burst(void)
{
	const long long burst = 16 * PAGE, words = PAGE / 4;

	set("mode", "0");
	set("clear", "1");
	check_equal(set_capacity(PAGE), 0);
	set("overflow", "overwrite");
	begin("counter", 100000, burst);
	while (attribute("stats/in_bytes") < burst)
		sleep_ms(1);
	set("mode", "0");
	check_equal(attribute("stats/in_bytes") % burst, 0);
	read_all(fd, bytes, PAGE);
	for (unsigned int i = 0; i < words; i++)
		check_equal(word_at(i),
			    attribute("stats/in_bytes") / 4 - words + i);
	set("overflow", "block");
	set("capacity", "65536");
}

/* The same with a text whose length divides neither the burst nor the capacity. */
static void stores_all_of_a_burst(void)
{
	static const char text[] = "AUTO ";
	const long long burst = 16 * PAGE;
	long long in, size;

	set("clear", "1");
	check_equal(set_capacity(PAGE), 0);
	set("overflow", "overwrite");
	set("generator/text", text);
	begin("text", 100000, burst);
	while (attribute("stats/in_bytes") < burst)
		sleep_ms(1);
	set("mode", "0");
	in = attribute("stats/in_bytes");
	check_equal(in % burst, 0);
	/* There was room for whole texts. */
	size = attribute("size");
	check(size > (long long)PAGE - 5);
	read_all(fd, bytes, size);
	for (long long i = 0; i < size; i++)
		check_equal(bytes[i], text[(in - size + i) % 5]);
	set("overflow", "block");
	set("capacity", "65536");
}

/* Bytes beyond the speed of the machine are dropped and counted, and mode 0 stops it at once. */
static void cannot_be_overworked(void)
{
	double began;

	begin("prbs31", 50, 1048576);
	sleep_ms(1000);
	began = now();
	set("mode", "0");
	if (now() - began > 1)
		fail("the stop took %.3f s", now() - began);
	check(attribute("stats/dropped_bytes") > 1 << 20);
	check_equal(attribute("size"), CAPACITY);
}

/*
 * How long others run in each period, so that none starves: in microseconds for all processors
 * (-1: not at all), and since 6.8 in nanoseconds for each.
 */
#define RT_RUNTIME "/proc/sys/kernel/sched_rt_runtime_us"
#define FAIR_RUNTIME "/sys/kernel/debug/sched/fair_server/cpu%ld/runtime"

static void write_if_there(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return;
	/* Busy: what others have been promised is still in use. */
	while (write(file, text, strlen(text)) < 0) {
		check(errno == EBUSY);
		sleep_ms(10);
	}
	close(file);
}

static void let_others_run(long processors, bool run)
{
	char path[128];

	write_if_there(RT_RUNTIME, run ? "950000" : "-1");
	for (long i = 0; i < processors; i++) {
		snprintf(path, sizeof(path), FAIR_RUNTIME, i);
		write_if_there(path, run ? "50000000" : "0");
	}
}

static void work_hog(void *until)
{
	const struct sched_param p = { .sched_priority = 1 };

	check(!sched_setscheduler(0, SCHED_FIFO, &p));
	while (now() < *(double *)until)
		;
}

/* For some seconds the processors run nothing else, not even the workers of the kernel. */
static void hog_the_machine(double seconds)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	double until = now() + seconds;
	int status, failed = 0;

	let_others_run(processors, false);
	for (long i = 0; i < processors; i++)
		start(work_hog, &until);
	while (wait(&status) > 0)
		failed |= status;
	let_others_run(processors, true);
	check_equal(failed, 0);
}

/* The rest is dropped and counted, and the pattern does not go through it. */
static void makes_up_for_a_second(void)
{
	const double began = now();
	double lasted;
	long long in, dropped;

	begin("counter", 1000, 4);
	hog_the_machine(1.6);
	sleep_ms(100);
	set("mode", "0");
	lasted = now() - began;
	in = attribute("stats/in_bytes");
	dropped = attribute("stats/dropped_bytes");
	printf("# %lld bytes, %lld dropped in %.3f s\n", in, dropped, lasted);
	check(dropped > 0);
	check(in + dropped <= lasted * 4000);
	check(in + dropped >= (lasted - 1) * 4000);
	check_equal(attribute("size"), in);
	read_all(fd, bytes, in);
	for (unsigned int i = 0; i < in / 4; i++)
		check_equal(word_at(i), i);
}

/* With records and a count: what is given up uses up numbers, and counts. */
static void counts_what_it_gives_up(void)
{
	uint32_t before;
	long long in, dropped;

	set("mode", "0");
	set("clear", "1");
	set("framing", "records");
	check_equal(write(fd, "x", 1), 1);
	before = next_record(fd).sequence;
	set("generator/count", "1500");
	begin("counter", 1000, 4);
	hog_the_machine(1.6);
	while (attribute("mode"))
		sleep_ms(1);
	in = attribute("stats/in_bytes") / vfifo_record_space(4);
	dropped = attribute("stats/dropped_records");
	printf("# %lld records, %lld dropped\n", in, dropped);
	check(dropped > 0);
	check_equal(in + dropped, 1500);
	check_equal(attribute("stats/dropped_bytes"), 4 * dropped);
	for (unsigned int i = 0; i < in; i++) {
		check_equal(read(fd, bytes, 4), 4);
		check_equal(word_at(0), i);
	}
	check_equal(write(fd, "x", 1), 1);
	check_equal(next_record(fd).sequence, before + 1 + 1500);
	set("clear", "1");
	set("framing", "bytes");
	set("generator/count", "0");
}

static void keeps_the_newest(void)
{
	long long in;

	set("overflow", "overwrite");
	begin("counter", 1000, 4000);
	while (attribute("stats/in_bytes") < 3 * CAPACITY)
		sleep_ms(10);
	set("mode", "0");
	in = attribute("stats/in_bytes");
	check_equal(attribute("size"), CAPACITY);
	check_equal(attribute("stats/dropped_bytes"), in - CAPACITY);
	read_all(fd, bytes, CAPACITY);
	for (unsigned int i = 0; i < CAPACITY / 4; i++)
		check_equal(word_at(i), (in - CAPACITY) / 4 + i);
	set("overflow", "block");
}

static void is_changed_while_on(void)
{
	begin("zero", 3600000000, 100);
	check_equal(attribute("size"), 0);
	set("generator/pattern", "counter");
	set("generator/burst", "8");
	set("generator/period_us", "50");
	read_all(fd, bytes, 8);
	check_equal(word_at(0), 0);
	check_equal(word_at(1), 1);
	set("generator/period_us", "3600000000");
	set("mode", "0");
}

static void refuses_invalid_values(void)
{
	static const struct {
		const char *name, *text;
	} bad[] = {
		{ "generator/pattern", "noise" },
		{ "generator/pattern", "text counter" },
		{ "generator/pattern", "\n" },
		{ "generator/period_us", "49" },
		{ "generator/period_us", "3600000001" },
		{ "generator/period_us", "4294967346" },
		{ "generator/period_us", "-1" },
		{ "generator/period_us", "1 s" },
		{ "generator/burst", "1048577" },
		{ "generator/burst", "4294967297" },
		{ "generator/burst", "-1" },
		{ "generator/burst", "x" },
	};
	static char long_text[VFIFO_TEXT_MAX + 2];

	set("generator/pattern", "ramp");
	set("generator/period_us", "3600000000");
	set("generator/burst", "1048576");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (set_attribute(bad[i].name, bad[i].text) != EINVAL)
			fail("%s takes '%s'", bad[i].name, bad[i].text);
	check_attribute("generator/pattern", "ramp");
	check_attribute("generator/period_us", "3600000000");
	check_attribute("generator/burst", "1048576");

	memset(long_text, 'x', VFIFO_TEXT_MAX + 1);
	long_text[0] = '\n';
	check_equal(set_attribute("generator/text", long_text), EINVAL);
	long_text[VFIFO_TEXT_MAX - 1] = '\n';
	long_text[VFIFO_TEXT_MAX] = '\0';
	set("generator/text", long_text);
	long_text[VFIFO_TEXT_MAX - 1] = '\0';
	check_attribute("generator/text", long_text);
}

int main(void)
{
	fd = device(O_RDWR);
	run_case(costs_nothing_when_off());
	run_case(gives_each_pattern());
	run_case(has_a_default_burst());
	run_case(keeps_the_rate(500, 64, 1 + share(60, 3)));
	run_case(keeps_the_rate(50, 12, 1));
	run_case(keeps_the_rate(100000, 1000, 2));
	run_case(has_a_gap());
	run_case(makes_up_for_a_second());
	run_case(counts_what_it_gives_up());
	run_case(keeps_texts_whole());
	run_case(keeps_the_newest());
	run_case(keeps_the_newest_of_a_burst());
	run_case(stores_all_of_a_burst());
	run_case(cannot_be_overworked());
	run_case(is_changed_while_on());
	run_case(refuses_invalid_values());
	return 0;
}
