// SPDX-License-Identifier: GPL-2.0-or-later
/* How a file tells where a record ends: whole records, whatever read(2) returns, and errors. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/cli/framer.c"
#include "../../src/cli/text.c"

#define LONGEST 100

static const char *left; /* of the file */
static size_t left_bytes, each;

/* Takes the place of read(2). */
static ssize_t read_some(struct framer *f)
{
	int ends[2];
	size_t n = left_bytes < each ? left_bytes : each;
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], left, n), n);
	close(ends[1]);
	got = framer_read(f, ends[0]);
	close(ends[0]);
	left += got;
	left_bytes -= (size_t)got;
	return got;
}

static void begin(struct framer *f, const char *form, const void *bytes,
		  size_t n, size_t at_once)
{
	assert_int_equal(framer_parse(f, form), 0);
	assert_int_equal(framer_begin(f, LONGEST), 0);
	left = bytes;
	left_bytes = n;
	each = at_once;
}

static void expect(struct framer *f, const char *record, size_t n)
{
	const void *at;
	ssize_t got;

	while (!(got = framer_next(f, &at)) && !f->ended)
		read_some(f);
	assert_int_equal(got, n);
	if (!n)
		return;
	assert_memory_equal(at, record, n);
	framer_take(f, n);
}

static void expect_error(struct framer *f, int err)
{
	const void *at;
	ssize_t got;

	while (!(got = framer_next(f, &at)) && !f->ended)
		read_some(f);
	assert_int_equal(got, err);
	/* It stays. */
	assert_int_equal(framer_next(f, &at), err);
	framer_end(f);
}

#define EXPECT(f, record) expect(f, record, sizeof(record) - 1)

static void lines_are_records(void **state)
{
	static const char text[] = "one\n\nthree, longer\nlast";
	struct framer f;

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		begin(&f, "lines", text, sizeof(text) - 1, n);
		EXPECT(&f, "one\n");
		EXPECT(&f, "\n");
		EXPECT(&f, "three, longer\n");
		EXPECT(&f, "last");
		expect(&f, NULL, 0);
		framer_end(&f);
	}
}

static void lengths_are_in_front(void **state)
{
	static const char bytes[] = "\3\0\0\0abc\1\0\0\0\n\5\0\0\0a\0\0\0b";
	struct framer f;

	(void)state;
	for (size_t n = 1; n < sizeof(bytes); n++) {
		begin(&f, "length", bytes, sizeof(bytes) - 1, n);
		EXPECT(&f, "abc");
		EXPECT(&f, "\n");
		EXPECT(&f, "a\0\0\0b");
		expect(&f, NULL, 0);
		framer_end(&f);
	}
}

static void sizes_are_cut(void **state)
{
	struct framer f;

	(void)state;
	for (size_t n = 1; n < 12; n++) {
		begin(&f, "4", "aaaabbbbcc", 10, n);
		EXPECT(&f, "aaaa");
		EXPECT(&f, "bbbb");
		EXPECT(&f, "cc");
		expect(&f, NULL, 0);
		framer_end(&f);
	}
}

static void longest_is_a_record(void **state)
{
	char bytes[4 + LONGEST + 1] = { LONGEST };
	struct framer f;

	(void)state;
	memset(bytes + 4, 'x', LONGEST);
	for (size_t n = 1; n < 200; n += 7) {
		begin(&f, "length", bytes, 4 + LONGEST, n);
		expect(&f, bytes + 4, LONGEST);
		framer_end(&f);
		begin(&f, "lines", bytes + 4, LONGEST, n);
		expect(&f, bytes + 4, LONGEST);
		framer_end(&f);
		begin(&f, "100", bytes + 4, LONGEST, n);
		expect(&f, bytes + 4, LONGEST);
		framer_end(&f);
	}
	bytes[0]++;
	begin(&f, "length", bytes, 4 + LONGEST, 1000);
	expect_error(&f, -EMSGSIZE);
	bytes[4 + LONGEST] = '\n';
	begin(&f, "lines", bytes + 4, LONGEST + 1, 1000);
	expect_error(&f, -EMSGSIZE);
	begin(&f, "101", bytes + 4, LONGEST + 1, 1000);
	expect_error(&f, -EMSGSIZE);
}

static void hostile_lengths_are_errors(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int err;
	} files[] = {
		{ "\0\0\0\0", 4, -EBADMSG },
		{ "\1", 1, -EBADMSG },
		{ "\1\0\0", 3, -EBADMSG },
		{ "\1\0\0\0", 4, -EBADMSG },
		{ "\2\0\0\0a", 5, -EBADMSG },
		{ "\0\0\0\200", 4, -EMSGSIZE },
		{ "\377\377\377\377x", 5, -EMSGSIZE },
	};
	struct framer f;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		begin(&f, "length", files[i].bytes, files[i].n, 1);
		expect_error(&f, files[i].err);
	}
}

static void words_are_checked(void **state)
{
	struct framer f;

	(void)state;
	assert_int_equal(framer_parse(&f, "line"), -EINVAL);
	assert_int_equal(framer_parse(&f, ""), -EINVAL);
	assert_int_equal(framer_parse(&f, "0"), -EINVAL);
	assert_int_equal(framer_parse(&f, "-1"), -EINVAL);
	assert_int_equal(framer_parse(&f, "4K"), 0);
	assert_int_equal(f.size, 4096);
}

static void joined(const char *form, const char *record, const char *want,
		   size_t n)
{
	struct framer f;
	struct iovec part[2];
	char got[64];
	size_t all = 0;
	int parts;

	assert_int_equal(framer_parse(&f, form), 0);
	parts = framer_parts(&f, (void *)record, strlen(record), part);
	for (int i = 0; i < parts; i++) {
		memcpy(got + all, part[i].iov_base, part[i].iov_len);
		all += part[i].iov_len;
	}
	assert_int_equal(all, n);
	assert_memory_equal(got, want, n);
}

static void records_are_joined(void **state)
{
	(void)state;
	joined("lines", "abc\n", "abc\n", 4);
	joined("lines", "abc", "abc\n", 4);
	joined("lines", "\n", "\n", 1);
	joined("length", "abc", "\3\0\0\0abc", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_records),
		cmocka_unit_test(lengths_are_in_front),
		cmocka_unit_test(sizes_are_cut),
		cmocka_unit_test(longest_is_a_record),
		cmocka_unit_test(hostile_lengths_are_errors),
		cmocka_unit_test(words_are_checked),
		cmocka_unit_test(records_are_joined),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
