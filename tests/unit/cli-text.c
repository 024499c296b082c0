// SPDX-License-Identifier: GPL-2.0-or-later
/* The command's sizes in both directions, and its escapes for terminals and for JSON. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

#define NONE UINT64_MAX

/* What the text stands for, or NONE. */
static uint64_t size_of(const char *text)
{
	uint64_t bytes = 4711;
	int err = parse_size(text, &bytes);

	if (!err)
		return bytes;
	assert_int_equal(err, -EINVAL);
	assert_int_equal(bytes, 4711);
	return NONE;
}

static void sizes_are_read(void **state)
{
	(void)state;
	assert_int_equal(size_of("0"), 0);
	assert_int_equal(size_of("1024"), 1024);
	assert_int_equal(size_of("12B"), 12);
	assert_int_equal(size_of("4K"), 4096);
	assert_int_equal(size_of("4k"), 4096);
	assert_int_equal(size_of("4KiB"), 4096);
	assert_int_equal(size_of("4kiB"), 4096);
	assert_int_equal(size_of("64kB"), 64000);
	assert_int_equal(size_of("64KB"), 64000);
	assert_int_equal(size_of("1.5MB"), 1500000);
	assert_int_equal(size_of("1MiB"), 1 << 20);
	assert_int_equal(size_of("2GB"), 2000000000);
	assert_int_equal(size_of("18EB"), 18000000000000000000U);
	assert_int_equal(size_of("1M"), 1 << 20);
	assert_int_equal(size_of("2G"), 2ULL << 30);
	assert_int_equal(size_of("1.5M"), 3 << 19);
	assert_int_equal(size_of("0.25K"), 256);
	assert_int_equal(size_of("1.00000000000000000000K"), 1024);
	assert_int_equal(size_of("15E"), 15ULL << 60);
	assert_int_equal(size_of("18446744073709551614"), UINT64_MAX - 1);
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"K",
		"x",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1x",
		"1Kx",
		"1KK",
		"1iB",
		"1Ki",
		"1BB",
		"1BiB",
		"1kb",
		"1kBB",
		"1KIB",
		"0.5B",
		"19EB",
		"1.5",
		".5K",
		"1.K",
		"1..5K",
		"1,5K",
		"0x10",
		"1e3",
		"16E",
		"20E",
		"18446744073709551616",
		"99999999999999999999999K",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(size_of(bad[i]), NONE);
}

static void numbers_are_digits_and_nothing_else(void **state)
{
	uint64_t value = 4711;

	(void)state;
	assert_int_equal(parse_number("0", &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(parse_number("0042", &value), 0);
	assert_int_equal(value, 42);
	assert_int_equal(parse_number("", &value), -EINVAL);
	assert_int_equal(parse_number("4K", &value), -EINVAL);
	assert_int_equal(parse_number("-4", &value), -EINVAL);
	assert_int_equal(parse_number(" 4", &value), -EINVAL);
	assert_int_equal(value, 42);
}

static const char *shown(uint64_t bytes)
{
	static char text[32];

	format_size(bytes, text, sizeof(text));
	return text;
}

static void sizes_are_shown(void **state)
{
	(void)state;
	assert_string_equal(shown(0), "0B");
	assert_string_equal(shown(1000), "1000B");
	assert_string_equal(shown(1023), "1023B");
	assert_string_equal(shown(1024), "1K");
	assert_string_equal(shown(65536), "64K");
	assert_string_equal(shown(1536), "1.5K");
	assert_string_equal(shown(3 << 19), "1.5M");
	assert_string_equal(shown((1 << 20) - 1), "1M");
	assert_string_equal(shown(10240 + 51), "10K");
	assert_string_equal(shown(10240 + 52), "10.1K");
	assert_string_equal(shown(512U << 20), "512M");
	assert_string_equal(shown(UINT64_MAX), "16E");
}

/* Except for rounding to a tenth of the unit. */
static void what_is_shown_can_be_read_again(void **state)
{
	(void)state;
	for (uint64_t bytes = 1; bytes < 1ULL << 60; bytes += bytes / 7 + 1) {
		uint64_t again = size_of(shown(bytes));
		uint64_t off = again > bytes ? again - bytes : bytes - again;

		assert_true(off <= bytes / 19);
	}
}

static const char *safe(const char *bytes, size_t n)
{
	static char text[64];

	format_text(bytes, n, text, sizeof(text));
	return text;
}

static void text_stays_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(safe("", 0), "");
	assert_string_equal(safe("AUTO ", 5), "AUTO ");
	assert_string_equal(safe("z\xc3\xa4hler", 7), "z\xc3\xa4hler");
	assert_string_equal(safe("\xe2\x82\xac\xf0\x9f\x90\x8c", 7),
			    "\xe2\x82\xac\xf0\x9f\x90\x8c");
}

static void what_a_terminal_would_obey_is_shown_as_numbers(void **state)
{
	(void)state;
	assert_string_equal(safe("a\nb", 3), "a\\x0ab");
	assert_string_equal(safe("\033[31m", 5), "\\x1b[31m");
	assert_string_equal(safe("\0\x7f", 2), "\\x00\\x7f");
	assert_string_equal(safe("\xc2\x9b", 2), "\\xc2\\x9b");
}

static void what_is_no_utf8_is_shown_as_numbers(void **state)
{
	(void)state;
	assert_string_equal(safe("\xff", 1), "\\xff");
	assert_string_equal(safe("\xc3", 1), "\\xc3");
	assert_string_equal(safe("\xc3z", 2), "\\xc3z");
	assert_string_equal(safe("\xc0\xaf", 2), "\\xc0\\xaf");
	assert_string_equal(safe("\xed\xa0\x80", 3), "\\xed\\xa0\\x80");
	assert_string_equal(safe("\xf4\x90\x80\x80", 4),
			    "\\xf4\\x90\\x80\\x80");
}

static void text_that_does_not_fit_ends_with_a_whole_character(void **state)
{
	char text[6];

	(void)state;
	format_text("abcde\xc3\xa4", 7, text, sizeof(text));
	assert_string_equal(text, "abcde");
	format_text("abcd\xc3\xa4", 6, text, sizeof(text));
	assert_string_equal(text, "abcd");
	format_text("ab\n", 3, text, sizeof(text));
	assert_string_equal(text, "ab");
}

static const char *json(const char *bytes, size_t n)
{
	static char text[64];

	format_json(bytes, n, text, sizeof(text));
	return text;
}

static void json_has_all_bytes(void **state)
{
	(void)state;
	assert_string_equal(json("", 0), "\"\"");
	assert_string_equal(json("z\xc3\xa4\xf0\x9f\x90\x8c", 7),
			    "\"z\xc3\xa4\xf0\x9f\x90\x8c\"");
	assert_string_equal(json("\"\\/", 3), "\"\\\"\\\\/\"");
	assert_string_equal(json("\0\n\x1f\x7f", 4),
			    "\"\\u0000\\u000a\\u001f\\u007f\"");
	assert_string_equal(json("\xc2\x9b\xc2\xa0", 4), "\"\\u009b\xc2\xa0\"");
	/* Bytes that are not UTF-8, and the characters that stand for these. */
	assert_string_equal(json("\x80\xff", 2),
			    "\"\xee\xbe\x80\xee\xbf\xbf\"");
	assert_string_equal(json("\xee\xbe\x80", 3),
			    "\"\xee\xbf\xae\xee\xbe\xbe\xee\xbe\x80\"");
	assert_string_equal(json("\xee\xbd\xbf\xef\x80\x80", 6),
			    "\"\xee\xbd\xbf\xef\x80\x80\"");
}

static void json_that_does_not_fit_is_a_string_all_the_same(void **state)
{
	char text[6];

	(void)state;
	format_json("abcd", 4, text, sizeof(text));
	assert_string_equal(text, "\"abc\"");
	format_json("ab\"", 3, text, sizeof(text));
	assert_string_equal(text, "\"ab\"");
}

static const char *prometheus(const char *bytes, size_t n)
{
	static char text[64];

	format_prometheus(bytes, n, text, sizeof(text));
	return text;
}

static void a_label_of_prometheus_has_all_bytes(void **state)
{
	(void)state;
	assert_string_equal(prometheus("", 0), "");
	assert_string_equal(prometheus("z\xc3\xa4\xf0\x9f\x90\x8c", 7),
			    "z\xc3\xa4\xf0\x9f\x90\x8c");
	assert_string_equal(prometheus("\"\\n\n/}", 6), "\\\"\\\\n\\n/}");
	/* Control characters: of one byte, and of two. */
	assert_string_equal(prometheus("\0\x1b\x7f", 3),
			    "\xee\xbc\x80\xee\xbc\x9b\xee\xbd\xbf");
	assert_string_equal(prometheus("\xc2\x9b\xc2\xa0", 4),
			    "\xee\xbf\x82\xee\xbe\x9b\xc2\xa0");
	/* Bytes that are not UTF-8, and the characters that stand for these. */
	assert_string_equal(prometheus("\x80\xff", 2),
			    "\xee\xbe\x80\xee\xbf\xbf");
	assert_string_equal(prometheus("\xee\xbe\x80", 3),
			    "\xee\xbf\xae\xee\xbe\xbe\xee\xbe\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(sizes_are_shown),
		cmocka_unit_test(what_is_shown_can_be_read_again),
		cmocka_unit_test(text_stays_as_it_is),
		cmocka_unit_test(
			what_a_terminal_would_obey_is_shown_as_numbers),
		cmocka_unit_test(what_is_no_utf8_is_shown_as_numbers),
		cmocka_unit_test(
			text_that_does_not_fit_ends_with_a_whole_character),
		cmocka_unit_test(json_has_all_bytes),
		cmocka_unit_test(
			json_that_does_not_fit_is_a_string_all_the_same),
		cmocka_unit_test(a_label_of_prometheus_has_all_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("the command's text", tests, NULL,
					   NULL);
}
