// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares the generator's patterns with independent definitions, and tests that the library
 * finds every place in them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/lib/pattern.c"

/* Bytes of each pattern that are compared. */
#define LENGTH 5000

static const char text[] = "AUTO AUGUSTA ";
#define TEXT_LENGTH (sizeof(text) - 1)

static unsigned char wanted[LENGTH];

/* --- the definitions ---------------------------------------------------------- */

static void want_text(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		wanted[i] = (unsigned char)text[i % TEXT_LENGTH];
}

static void want_counter(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		wanted[i] = (unsigned char)(i / 4 / (1U << 8 * (i % 4)));
}

static void want_ramp(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		wanted[i] = i & 255;
}

/* x^31 + x^28 + 1 after 31 ones, with one byte of memory for each bit. */
static void want_prbs31(void)
{
	static unsigned char bits[31 + 8 * LENGTH];

	memset(bits, 1, 31);
	for (size_t i = 31; i < sizeof(bits); i++)
		bits[i] = bits[i - 31] != bits[i - 28];
	memset(wanted, 0, LENGTH);
	for (size_t i = 0; i < 8 * LENGTH; i++)
		wanted[i / 8] |= (unsigned char)(bits[31 + i] << (7 - i % 8));
}

static void want_zero(void)
{
	memset(wanted, 0, LENGTH);
}

static struct kind {
	const char *name;
	void (*want)(void);
	size_t least;  /* fewer bytes never give the place */
	size_t enough; /* so many always do */
} kinds[] = {
	{ "text", want_text, TEXT_LENGTH, TEXT_LENGTH },
	{ "counter", want_counter, 8, 12 },
	{ "ramp", want_ramp, 1, 1 },
	{ "prbs31", want_prbs31, 8, 8 },
	{ "zero", want_zero, 1, 1 },
};

static struct vfifo_pattern begin(const struct kind *k)
{
	struct vfifo_pattern p;

	k->want();
	assert_int_equal(vfifo_pattern_set(&p, k->name, text, TEXT_LENGTH), 0);
	return p;
}

/* --- the functions of the header ----------------------------------------------------------- */

static void fill_gives_it(void **state)
{
	struct vfifo_pattern p = begin(*state);
	unsigned char got[LENGTH + 1];
	__u32 done = 0;

	got[LENGTH] = 0xa5;
	for (__u32 n = 0; done < LENGTH; done += n++) {
		if (n > LENGTH - done)
			n = LENGTH - done;
		vfifo_pattern_fill(&p, got + done, n);
	}
	assert_memory_equal(got, wanted, LENGTH);
	assert_int_equal(got[LENGTH], 0xa5);
}

static void rewind_is_the_beginning(void **state)
{
	struct vfifo_pattern p = begin(*state);
	unsigned char got[100];

	vfifo_pattern_fill(&p, got, 99);
	vfifo_pattern_rewind(&p);
	vfifo_pattern_fill(&p, got, 100);
	assert_memory_equal(got, wanted, 100);
}

static void skip_is_as_fill(void **state)
{
	for (__u32 n = 0; n < 50; n++) {
		struct vfifo_pattern p = begin(*state);

		vfifo_pattern_skip(&p, n);
		assert_int_equal(vfifo_pattern_match(&p, wanted + n,
						     LENGTH - n),
				 LENGTH - n);
	}
}

static void match_stops_at_the_first_wrong(void **state)
{
	for (__u32 wrong = 0; wrong < 70; wrong++) {
		struct vfifo_pattern p = begin(*state);

		wanted[wrong] ^= 0x10;
		assert_int_equal(vfifo_pattern_match(&p, wanted, LENGTH),
				 wrong);
		/* The pattern goes on behind the wrong byte. */
		assert_int_equal(vfifo_pattern_match(&p, wanted + wrong + 1,
						     LENGTH - wrong - 1),
				 LENGTH - wrong - 1);
	}
}

/* Computed by hand. */
static void known_values(void **state)
{
	static const unsigned char prbs31[] = { 0, 0, 0, 0x0e, 0, 0, 0, 0xfc };
	static const unsigned char carry[] = { 0xfe, 0xff, 0, 0, 0xff, 0xff,
					       0,    0,	   0, 0, 1,    0 };
	struct vfifo_pattern p;

	(void)state;
	assert_int_equal(vfifo_pattern_set(&p, "prbs31", NULL, 0), 0);
	assert_int_equal(vfifo_pattern_match(&p, prbs31, 8), 8);
	assert_int_equal(vfifo_pattern_set(&p, "counter", NULL, 0), 0);
	vfifo_pattern_skip(&p, 4 * 0xfffe);
	assert_int_equal(vfifo_pattern_match(&p, carry, sizeof(carry)),
			 sizeof(carry));
}

/* --- the functions of the library ---------------------------------------------------------- */

static void what_is_no_pattern_is_refused(void **state)
{
	static const char long_text[VFIFO_TEXT_MAX + 1] = { 'x' };
	struct vfifo_pattern p, before;

	(void)state;
	memset(&p, 0x55, sizeof(p));
	before = p;
	assert_int_equal(vfifo_pattern_set(&p, "", text, 1), -EINVAL);
	assert_int_equal(vfifo_pattern_set(&p, "texts", text, 1), -EINVAL);
	assert_int_equal(vfifo_pattern_set(&p, "prbs31 ", NULL, 0), -EINVAL);
	assert_int_equal(vfifo_pattern_set(&p, "text", text, 0), -EINVAL);
	assert_int_equal(vfifo_pattern_set(&p, "text", long_text,
					   VFIFO_TEXT_MAX + 1),
			 -EINVAL);
	assert_memory_equal(&p, &before, sizeof(p));
	assert_int_equal(
		vfifo_pattern_set(&p, "text", long_text, VFIFO_TEXT_MAX), 0);
}

static void every_place_is_found(void **state)
{
	const struct kind *k = *state;

	for (size_t from = 0; from < LENGTH - 200; from++) {
		struct vfifo_pattern p = begin(k);

		assert_int_equal(
			vfifo_pattern_sync(&p, wanted + from, k->enough), 0);
		from += k->enough;
		assert_int_equal(vfifo_pattern_match(&p, wanted + from, 150),
				 150);
		from -= k->enough;
	}
}

static void too_few_bytes_tell_nothing(void **state)
{
	const struct kind *k = *state;

	for (size_t n = 0; n < k->least; n++) {
		struct vfifo_pattern p = begin(k), before = p;

		assert_int_equal(vfifo_pattern_sync(&p, wanted + 77, n),
				 -EAGAIN);
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

static void a_wrong_byte_is_nowhere(void **state)
{
	const struct kind *k = *state;
	size_t n = k->enough + 40;

	for (size_t wrong = 0; wrong < n; wrong++) {
		struct vfifo_pattern p = begin(k), before = p;

		wanted[100 + wrong] ^= 4;
		assert_int_equal(vfifo_pattern_sync(&p, wanted + 100, n),
				 -EBADMSG);
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

/* Each byte of a word, and the places where words wrap. */
static void a_counter_is_found_anywhere(void **state)
{
	static const __u32 words[] = { 0xff,	   0xff00,     0xffff,
				       0xfffffd,   0xffffff,   0x7fffffff,
				       0xfffffffe, 0xffffffff, 0x12345678 };
	unsigned char bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct vfifo_pattern made, p;

		vfifo_pattern_set(&made, "counter", NULL, 0);
		made.state = words[i];
		vfifo_pattern_fill(&made, bytes, sizeof(bytes));
		for (size_t from = 0; from < 12; from++) {
			vfifo_pattern_set(&p, "counter", NULL, 0);
			assert_int_equal(
				vfifo_pattern_sync(&p, bytes + from, 12), 0);
			assert_int_equal(
				vfifo_pattern_match(&p, bytes + from + 12, 40),
				40);
		}
	}
}

/* The same bytes are part of 0 and 1, from byte 3 on, and of 255 and 256, from byte 0 on. */
static void a_counter_that_fits_twice_needs_more(void **state)
{
	static const unsigned char bytes[] = { 0xff, 0, 0, 0, 0, 1,
					       0,    0, 0, 2, 0, 0 };
	struct vfifo_pattern p;

	(void)state;
	vfifo_pattern_set(&p, "counter", NULL, 0);
	assert_int_equal(vfifo_pattern_sync(&p, bytes, 8), -EAGAIN);
	assert_int_equal(vfifo_pattern_sync(&p, bytes, 12), 0);
	assert_int_equal(p.state, 2);
	assert_int_equal(p.at, 3);
}

/* The pattern has at most 30 zero bits in a row. */
static void zeros_are_no_prbs31(void **state)
{
	static const unsigned char zeros[64];
	struct vfifo_pattern p;

	(void)state;
	vfifo_pattern_set(&p, "prbs31", NULL, 0);
	assert_int_equal(vfifo_pattern_sync(&p, zeros, sizeof(zeros)),
			 -EBADMSG);
}

static void a_text_of_equal_parts_is_found(void **state)
{
	struct vfifo_pattern p;

	(void)state;
	vfifo_pattern_set(&p, "text", "abab", 4);
	assert_int_equal(vfifo_pattern_sync(&p, "babab", 5), 0);
	assert_int_equal(vfifo_pattern_match(&p, "ababa", 5), 5);
	assert_int_equal(vfifo_pattern_sync(&p, "bbab", 4), -EBADMSG);
}

#define of(kind, test)                               \
	{                                            \
#test "_" #kind, test, NULL, NULL,   \
			&kinds[VFIFO_PATTERN_##kind] \
	}
#define of_each(test)                                                        \
	of(TEXT, test), of(COUNTER, test), of(RAMP, test), of(PRBS31, test), \
		of(ZERO, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		of_each(fill_gives_it),
		of_each(rewind_is_the_beginning),
		of_each(skip_is_as_fill),
		of_each(every_place_is_found),
		of_each(too_few_bytes_tell_nothing),
		of_each(match_stops_at_the_first_wrong),
		of_each(a_wrong_byte_is_nowhere),
		cmocka_unit_test(known_values),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(a_counter_is_found_anywhere),
		cmocka_unit_test(a_counter_that_fits_twice_needs_more),
		cmocka_unit_test(zeros_are_no_prbs31),
		cmocka_unit_test(a_text_of_equal_parts_is_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("patterns", tests, NULL, NULL);
}
