// SPDX-License-Identifier: GPL-2.0-or-later
/* The command's source of a recording: its packets, and when each is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/cli/decimal.c"
#include "../../src/cli/interrupt.c"
#include "../../src/cli/pcapng.c"
#include "../../src/cli/source-recording.c"
#include "../../src/cli/text.c"

#define EVERY 0 /* as the size of a block: whole packets */

/* --- files ------------------------------------------------------------------ */

static char name[] = "/tmp/vfifo-unit-XXXXXX";
static int file = -1;

static int make_file(void **state)
{
	(void)state;
	strcpy(name + sizeof(name) - 7, "XXXXXX");
	file = mkstemp(name);
	return file < 0;
}

static int remove_file(void **state)
{
	(void)state;
	close(file);
	unlink(name);
	return 0;
}

static void begin_file(void)
{
	const struct pcapng_interface interface = { 147, "vfifo0", "", "" };
	unsigned char blocks[2 * PCAPNG_PIECE_MAX];
	size_t n = pcapng_section(blocks, "", "");

	n += pcapng_interface(blocks + n, &interface);
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(pwrite(file, blocks, n, 0), n);
	lseek(file, 0, SEEK_END);
}

static void add(uint64_t time, const void *bytes, uint32_t length)
{
	const struct pcapng_packet p = { .time = time,
					 .bytes = bytes,
					 .length = length,
					 .original = length };
	unsigned char block[PCAPNG_PIECE_MAX];
	size_t n = pcapng_head(block, &p);

	assert_int_equal(write(file, block, n), n);
	assert_int_equal(write(file, bytes, length), length);
	n = pcapng_tail(block, &p);
	assert_int_equal(write(file, block, n), n);
}

static struct source *open_source(const char *speed, size_t largest)
{
	struct recording_settings s = {
		.name = name, .largest = largest ? largest : PCAPNG_PACKET_MAX
	};
	struct source *source;

	assert_int_equal(parse_speed(speed, &s.speed), 0);
	source = recording_source(&s);
	assert_non_null(source);
	return source;
}

static void assert_next(struct source *s, uint64_t due, const char *text)
{
	struct source_block b;

	assert_int_equal(s->next(s, &b), 1);
	assert_int_equal(b.due, due);
	assert_int_equal(b.n, strlen(text));
	assert_memory_equal(b.bytes, text, b.n);
}

static void assert_end(struct source *s, int wanted)
{
	struct source_block b;

	assert_int_equal(s->next(s, &b), wanted);
	s->close(s);
}

/* --- the tests -------------------------------------------------------------- */

#define FIRST 1700000000123456789U

static void each_packet_is_due_at_its_time(void **state)
{
	static const struct {
		const char *speed;
		uint64_t second, third;
	} speeds[] = {
		{ "1", 1, 3600000000007 },
		{ "2", 0, 1800000000003 },
		{ "0.5", 2, 7200000000014 },
		{ "1.5", 0, 2400000000004 },
		{ "0.000001", 1000000, 3600000000007000000 },
		{ "1000000", 0, 3600000 },
		{ "max", 0, 0 },
		{ "0", 0, 0 },
	};

	(void)state;
	begin_file();
	add(FIRST, "one", 3);
	add(FIRST + 1, "two", 3);
	add(FIRST + 3600000000007, "three", 5);
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
		struct source *s = open_source(speeds[i].speed, EVERY);

		assert_next(s, 0, "one");
		assert_next(s, speeds[i].second, "two");
		assert_next(s, speeds[i].third, "three");
		assert_end(s, 0);
	}
}

static void the_longest_time_does_not_overflow(void **state)
{
	struct source *s;

	(void)state;
	begin_file();
	add(0, "a", 1);
	add(UINT64_MAX, "b", 1);
	s = open_source("1", EVERY);
	assert_next(s, 0, "a");
	assert_next(s, UINT64_MAX, "b");
	assert_end(s, 0);
	s = open_source("0.999999", EVERY);
	assert_next(s, 0, "a");
	assert_next(s, UINT64_MAX, "b");
	assert_end(s, 0);
	s = open_source("3", EVERY);
	assert_next(s, 0, "a");
	assert_next(s, UINT64_MAX / 3, "b");
	assert_end(s, 0);
}

/* As in a file that was merged from several. */
static void no_packet_is_due_before_the_one_that_precedes_it(void **state)
{
	struct source *s;

	(void)state;
	begin_file();
	add(FIRST, "a", 1);
	add(FIRST - 5, "b", 1);
	add(FIRST + 7, "c", 1);
	add(FIRST + 6, "d", 1);
	add(FIRST + 8, "e", 1);
	s = open_source("1", EVERY);
	assert_next(s, 0, "a");
	assert_next(s, 0, "b");
	assert_next(s, 7, "c");
	assert_next(s, 7, "d");
	assert_next(s, 8, "e");
	assert_end(s, 0);
}

static void a_long_packet_is_several_blocks(void **state)
{
	struct source *s;

	(void)state;
	begin_file();
	add(FIRST, "a", 1);
	add(FIRST + 9, "bcdefgh", 7);
	add(FIRST + 10, "ijk", 3);
	s = open_source("1", 3);
	assert_int_equal(s->largest, 3);
	assert_next(s, 0, "a");
	assert_next(s, 9, "bcd");
	assert_next(s, 9, "efg");
	assert_next(s, 9, "h");
	assert_next(s, 10, "ijk");
	assert_end(s, 0);
}

static void a_packet_too_long_for_a_record_is_refused(void **state)
{
	const struct recording_settings settings = {
		.name = name, .speed = SPEED_ONE, .largest = 3, .whole = true
	};
	struct source *s;

	(void)state;
	begin_file();
	add(FIRST, "abc", 3);
	add(FIRST + 9, "abcd", 4);
	s = recording_source(&settings);
	assert_next(s, 0, "abc");
	assert_end(s, -1);
}

static void an_empty_packet_has_a_time_only(void **state)
{
	struct source *s;

	(void)state;
	begin_file();
	add(FIRST, "", 0);
	add(FIRST + 10, "a", 1);
	add(FIRST + 20, "", 0);
	s = open_source("1", EVERY);
	assert_next(s, 10, "a");
	assert_end(s, 0);
	begin_file();
	assert_end(open_source("1", EVERY), 0);
}

static void a_cut_recording_is_played_to_its_last_packet(void **state)
{
	struct source *s;

	(void)state;
	begin_file();
	add(FIRST, "a", 1);
	add(FIRST + 1, "b", 1);
	assert_int_equal(ftruncate(file, lseek(file, 0, SEEK_END) - 1), 0);
	s = open_source("1", EVERY);
	assert_next(s, 0, "a");
	assert_end(s, -1);
}

/* What comes out is recorded again, by a clock that is made up. */
static void a_recording_of_what_is_played_is_the_same(void **state)
{
	enum { PACKETS = 1000 };
	static unsigned char bytes[PACKETS];
	static uint64_t times[PACKETS];
	const uint64_t began = 1800000000000000001U;
	char first[sizeof(name)];
	struct source_block b;
	struct source *s;
	uint64_t time = FIRST;

	(void)state;
	begin_file();
	for (unsigned int i = 0; i < PACKETS; i++) {
		bytes[i] = (unsigned char)(i * 7);
		times[i] = time;
		add(time, bytes, i + 1);
		time += i * i * 1009;
	}
	strcpy(first, name);
	s = open_source("1", EVERY);
	unlink(first);
	assert_int_equal(make_file(NULL), 0);
	begin_file();
	while (s->next(s, &b) == 1)
		add(began + b.due, b.bytes, (uint32_t)b.n);
	s->close(s);

	s = open_source("1", EVERY);
	for (unsigned int i = 0; i < PACKETS; i++) {
		assert_int_equal(s->next(s, &b), 1);
		assert_int_equal(b.due, times[i] - times[0]);
		assert_int_equal(b.n, i + 1);
		assert_memory_equal(b.bytes, bytes, b.n);
	}
	assert_end(s, 0);
}

static void speeds_that_are_none(void **state)
{
	static const char *const bad[] = { "",	   "-1",      "fast",	  "1x",
					   "1e-7", "1000001", "0.0000001" };
	uint64_t speed;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_speed(bad[i], &speed), -EINVAL);
}

static void a_recording_is_found_by_how_it_begins(void **state)
{
	(void)state;
	begin_file();
	assert_true(is_recording(name));
	assert_int_equal(pwrite(file, "RIFF", 4, 0), 4);
	assert_false(is_recording(name));
	assert_int_equal(ftruncate(file, 3), 0);
	assert_false(is_recording(name));
	assert_false(is_recording("/nowhere"));
	assert_false(is_recording("/dev/null"));
	assert_null(recording_source(
		&(struct recording_settings){ .name = "/nowhere" }));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_file, remove_file)
	const struct CMUnitTest tests[] = {
		TEST(each_packet_is_due_at_its_time),
		TEST(the_longest_time_does_not_overflow),
		TEST(no_packet_is_due_before_the_one_that_precedes_it),
		TEST(a_long_packet_is_several_blocks),
		TEST(a_packet_too_long_for_a_record_is_refused),
		TEST(an_empty_packet_has_a_time_only),
		TEST(a_cut_recording_is_played_to_its_last_packet),
		TEST(a_recording_of_what_is_played_is_the_same),
		TEST(speeds_that_are_none),
		TEST(a_recording_is_found_by_how_it_begins),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("recordings that are played", tests,
					   NULL, NULL);
}
