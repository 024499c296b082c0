// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vfifo play plays: the bytes of each waveform and sequence, which must be the same on each
 * machine; the times of blocks, in which no error may add up; and that --verify finds exactly the
 * faults that were made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

#include "../../src/lib/pattern.c"
/* It prints errors of its own, which are read here. */
static char printed[1 << 16];
static void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define complain print
/* A function of the same name is in the library's pattern.c. */
#define least least_of_two
#include "../../src/cli/check.c"
#undef least
#undef complain
#include "../../src/cli/decimal.c"
#include "../../src/cli/pace.c"
#include "../../src/cli/pattern.c"
#include "../../src/cli/prbs.c"
#include "../../src/cli/sample.c"
#include "../../src/cli/source.c"
#include "../../src/cli/wave.c"
#include "../../src/cli/source-pattern.c"
#include "../../src/cli/fault.c"
#include "../../src/cli/protocol.c"

static void print(const char *fmt, ...)
{
	size_t n = strlen(printed);
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(printed + n, sizeof(printed) - n, fmt, arguments);
	va_end(arguments);
	strncat(printed, "\n", sizeof(printed) - strlen(printed) - 1);
}

static struct pattern pattern_of(const char *text)
{
	char why[WHY_MAX] = "";
	struct pattern p;

	if (pattern_parse(text, &p, why))
		fail_msg("%s: %s", text, why);
	return p;
}

/* --- numbers ---------------------------------------------------------------- */

static void decimals_are_exact(void **state)
{
	static const struct {
		const char *text;
		int places, err;
		uint64_t units;
	} cases[] = {
		{ "0", 3, 0, 0 },
		{ "0.000", 0, 0, 0 },
		{ "1", 0, 0, 1 },
		{ "1.0", 0, 0, 1 },
		{ "44.1k", 0, 0, 44100 },
		{ "0.1", 9, 0, 100000000 },
		{ "1e3", 0, 0, 1000 },
		{ "2.5E-3", 4, 0, 25 },
		{ "18446744073709551615", 0, 0, UINT64_MAX },
		{ "18446744073709551616", 0, -ERANGE, 0 },
		{ "18446744073709551615", 1, -ERANGE, 0 },
		{ "1e41", 0, -ERANGE, 0 },
		{ "0.1", 0, -EINVAL, 0 },
		{ "0.0001", 3, -EINVAL, 0 },
		{ "", 0, -EINVAL, 0 },
		{ ".", 0, -EINVAL, 0 },
		{ ".5", 1, -EINVAL, 0 },
		{ "1.", 1, -EINVAL, 0 },
		{ "1e", 0, -EINVAL, 0 },
		{ "-1", 0, -EINVAL, 0 },
		{ "+1", 0, -EINVAL, 0 },
		{ " 1", 0, -EINVAL, 0 },
		{ "nan", 0, -EINVAL, 0 },
		{ "inf", 0, -EINVAL, 0 },
		{ "0x10", 0, -EINVAL, 0 },
		{ "1K", 0, -EINVAL, 0 },
		{ "1kk", 0, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t units = 0;
		int err = parse_decimal(cases[i].text, cases[i].places, &units);

		if (err != cases[i].err || (!err && units != cases[i].units))
			fail_msg("%s: %d, %llu", cases[i].text, err,
				 (unsigned long long)units);
	}
}

static void durations_have_units(void **state)
{
	uint64_t ns;

	(void)state;
	assert_int_equal(parse_duration("1.5", &ns), 0);
	assert_int_equal(ns, 1500000000);
	assert_int_equal(parse_duration("20ms", &ns), 0);
	assert_int_equal(ns, 20000000);
	assert_int_equal(parse_duration("0.5us", &ns), 0);
	assert_int_equal(ns, 500);
	assert_int_equal(parse_duration("7ns", &ns), 0);
	assert_int_equal(ns, 7);
	assert_int_equal(parse_duration("0.5ns", &ns), -EINVAL);
	assert_int_equal(parse_duration("1h", &ns), -EINVAL);
	assert_int_equal(parse_duration("20000000000", &ns), -ERANGE);
}

static void probabilities_are_parts(void **state)
{
	uint64_t part;

	(void)state;
	assert_int_equal(parse_probability("0.5", &part), 0);
	assert_int_equal(part, 1ULL << 63);
	assert_int_equal(parse_probability("1e-6", &part), 0);
	assert_int_equal(part, 18446744073709ULL);
	assert_int_equal(parse_probability("1", &part), 0);
	assert_int_equal(part, UINT64_MAX);
	assert_int_equal(parse_probability("0", &part), 0);
	assert_int_equal(part, 0);
	assert_int_equal(parse_probability("1e-39", &part), 0);
	assert_int_equal(part, 0);
	assert_int_equal(parse_probability("1.1", &part), -ERANGE);
	assert_int_equal(parse_probability("10", &part), -ERANGE);
	assert_int_equal(parse_probability("1e2", &part), -ERANGE);
	assert_int_equal(parse_probability("-0.1", &part), -EINVAL);
	assert_int_equal(parse_probability("0.1x", &part), -EINVAL);
	assert_int_equal(parse_probability("nan", &part), -EINVAL);
	assert_int_equal(part_times(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
	assert_int_equal(part_times(1ULL << 63, 1ULL << 63), 1ULL << 62);
}

static void what_is_no_pattern_is_refused(void **state)
{
	static const char *const texts[] = {
		"nothing",
		"",
		"sin",
		"sines",
		"sine:",
		"sine:rate",
		"sine:rate=",
		"sine:rate=0",
		"sine:rate=-1",
		"sine:rate=0.5",
		"sine:rate=1000000001",
		"sine:rate=nan",
		"sine:channels=0",
		"sine:channels=65",
		"sine:channels=1.5",
		"sine:format=s12",
		"sine:format=s1",
		"sine:format=s8le",
		"sine:frequency=0",
		"sine:frequency=nan",
		"sine:frequency=24001",
		"sine:frequency=0.0001",
		"sine:rate=1,frequency=1",
		"sine:amplitude=0",
		"sine:amplitude=1.1",
		"sine:amplitude=inf",
		"sine:seed=1",
		"sine:colour=red",
		"sine:rate=48k,",
		"sine:rate=48k,,channels=1",
		"noise:frequency=1",
		"noise:seed=-1",
		"chirp:to=24001",
		"chirp:to=0",
		"chirp:frequency=24001",
		"chirp:time=0",
		"chirp:time=1h",
		"chirp:to=high",
		"chirp:time=3601",
		"chirp:time=1us",
		"prbs8",
		"prbs31:amplitude=1",
		"prbs31:format=f32",
		"prbs31:invert=maybe",
		"counter:frequency=1",
		"text:",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char why[WHY_MAX] = "";
		struct pattern p;

		if (pattern_parse(texts[i], &p, why) != -EINVAL || !*why)
			fail_msg("%s", texts[i]);
	}
}

/* --- bytes ------------------------------------------------------------------ */

static const char *const patterns[] = {
	"counter",
	"ramp",
	"zero",
	"text:Hello, world ",
	"prbs7",
	"prbs9",
	"prbs11",
	"prbs15",
	"prbs20",
	"prbs23:invert=yes",
	"prbs31",
	"sine:frequency=997,format=s24be,channels=3,amplitude=0.7",
	"sine:rate=44.1k,frequency=0.001,format=s32le",
	"square:frequency=441,rate=44100,format=f32be,channels=2",
	"triangle:frequency=7000.5",
	"saw:frequency=7919.003,format=s32be,channels=64",
	"chirp:frequency=10k,to=10,time=0.125,format=f32le",
	"noise:seed=12345,format=s16be,channels=2,amplitude=0.001",
};

/* The index of the wave whose samples are often equal. */
#define SLOW 12
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

/* FNV-1a of the bytes: no machine may have others. */
static uint64_t hash_of(struct pattern *p, uint64_t at, size_t n)
{
	static unsigned char bytes[1 << 16];
	uint64_t hash = 0xcbf29ce484222325;

	assert_true(n <= sizeof(bytes));
	pattern_fill(p, at, bytes, n);
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

static void each_machine_has_the_same_bytes(void **state)
{
	static const uint64_t wanted[PATTERNS][2] = {
		{ 0xb8cacc5d75f6bd25, 0x9f4f30d077dc00e1 },
		{ 0x1ec0db407f352325, 0x5132bdceede34325 },
		{ 0xeb05052ea5b62325, 0xb93a0c83ce3b6325 },
		{ 0x1d3521880c36dd0c, 0x6978ec4ef8cfc3fe },
		{ 0xb04d5516c2e21311, 0x23981a8f2bfc9e64 },
		{ 0x62d5f9ab5cf01dc4, 0xcf7f2537e24bb967 },
		{ 0x4c8a32218a423e6c, 0x768a61084920a9ca },
		{ 0x1509f2db5211af17, 0x15efe5c6198e4323 },
		{ 0xb223d498b9852da9, 0x1abc0dde86a83475 },
		{ 0xec2f607b14e52d28, 0xc2b66cfa0664a2c9 },
		{ 0x6c7bd638238f256e, 0xd0d111ec38fc48cc },
		{ 0x57752e5fda78d886, 0xff9516864504fc61 },
		{ 0x0be49636ac2f9fb8, 0x6d7216a7f66411b5 },
		{ 0xc7797b8695757285, 0x1a5db2a0bab4608d },
		{ 0x6360af74a73cebca, 0x782380ebfa5fa649 },
		{ 0x9cc912e6f7dffea5, 0xe9de013428d5ef64 },
		{ 0x3d0b584b852db836, 0x9c55646d915de8a7 },
		{ 0x98a8212e103d6a37, 0xabde77b3fe38abc5 },
	};

	(void)state;
	for (size_t i = 0; i < PATTERNS; i++) {
		struct pattern p = pattern_of(patterns[i]);
		uint64_t first = hash_of(&p, 0, 1 << 16);
		uint64_t far = hash_of(&p, 123456789, 1 << 12);

		if (first != wanted[i][0] || far != wanted[i][1])
			fail_msg("%s: 0x%016llx, 0x%016llx", patterns[i],
				 (unsigned long long)first,
				 (unsigned long long)far);
	}
}

/* The same bytes in pieces and from the middle. */
static void any_place_is_reached(void **state)
{
	static unsigned char whole[20000], part[700];

	(void)state;
	for (size_t i = 0; i < PATTERNS; i++) {
		struct pattern p = pattern_of(patterns[i]);

		pattern_fill(&p, 0, whole, sizeof(whole));
		for (uint64_t at = 0; at + sizeof(part) < sizeof(whole);
		     at += 1 + at / 2) {
			size_t n = 1 + at % sizeof(part);

			pattern_fill(&p, at, part, n);
			assert_memory_equal(part, whole + at, n);
		}
	}
}

static void a_period_is_one(void **state)
{
	unsigned char a[300], b[300];

	(void)state;
	for (size_t i = 0; i < PATTERNS; i++) {
		struct pattern p = pattern_of(patterns[i]);

		for (uint64_t at = 0; p.period && at < 4000; at += 777) {
			pattern_fill(&p, at, a, sizeof(a));
			pattern_fill(&p, at + p.period, b, sizeof(b));
			assert_memory_equal(a, b, sizeof(a));
		}
	}
}

/* Each bit is the sum of two before it, and the first ones follow ones. */
static void sequences_are_those_of_o_150(void **state)
{
	static const unsigned int taps[][2] = { { 7, 6 },  { 9, 5 },
						{ 11, 9 }, { 15, 14 },
						{ 20, 3 }, { 23, 18 },
						{ 31, 28 } };
	static unsigned char bits[31 + 8 * 5000];

	(void)state;
	for (size_t k = 0; k < sizeof(taps) / sizeof(taps[0]); k++) {
		unsigned int order = taps[k][0], tap = taps[k][1];
		unsigned char bytes[5000];
		char name[16];
		struct pattern p;

		snprintf(name, sizeof(name), "prbs%u", order);
		p = pattern_of(name);
		pattern_fill(&p, 0, bytes, sizeof(bytes));
		memset(bits, 1, order);
		for (size_t i = order; i < order + 8 * sizeof(bytes); i++)
			bits[i] = bits[i - order] ^ bits[i - tap];
		for (size_t i = 0; i < 8 * sizeof(bytes); i++)
			assert_int_equal(bytes[i / 8] >> (7 - i % 8) & 1,
					 bits[order + i]);
	}
}

/* Value n of a mono pattern of s32le. */
static double value_of(struct pattern *p, uint64_t n)
{
	unsigned char b[4];

	pattern_fill(p, 4 * n, b, sizeof(b));
	return (int32_t)((uint32_t)b[0] | (uint32_t)b[1] << 8 |
			 (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24) /
	       2147483648.0;
}

static void a_sine_is_a_sine(void **state)
{
	struct pattern p = pattern_of("sine:frequency=997,format=s32le");

	(void)state;
	for (uint64_t n = 0; n < 48000; n += 7) {
		double wanted = sin(2 * M_PI * 997 * (double)n / 48000);

		assert_true(fabs(value_of(&p, n) - wanted) < 3e-9);
	}
}

/* A quarter of the rate: the values are those of four quarters. */
static void shapes_have_their_values(void **state)
{
	static const struct {
		const char *shape;
		double values[4];
	} shapes[] = {
		{ "sine", { 0, 1, 0, -1 } },
		{ "square", { 1, 1, -1, -1 } },
		{ "triangle", { 0, 1, 0, -1 } },
		{ "saw", { 0, 0.5, -1, -0.5 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char text[64];
		struct pattern p;

		snprintf(text, sizeof(text), "%s:frequency=12k,format=s32",
			 shapes[i].shape);
		p = pattern_of(text);
		for (uint64_t n = 0; n < 40; n++)
			assert_true(fabs(value_of(&p, n) -
					 shapes[i].values[n % 4]) < 1e-8);
	}
}

static void samples_are_rounded(void **state)
{
	static const struct {
		const char *format;
		int32_t value;
		unsigned char bytes[5];
	} cases[] = {
		{ "s8", 0x7fffffff, "\x7f" },
		{ "s8", 0x00800000, "\x01" },
		{ "s8", 0x007fffff, "\x00" },
		{ "s8", INT32_MIN, "\x80" },
		{ "s16", 0x7fffffff, "\xff\x7f" },
		{ "s16be", 0x12348000, "\x12\x35" },
		{ "s16be", -0x12340000, "\xed\xcc" },
		{ "s24", 0x12345678, "\x56\x34\x12" },
		{ "s24be", 0x12345680, "\x12\x34\x57" },
		{ "s32be", 0x12345678, "\x12\x34\x56\x78" },
		{ "f32be", 0x40000000, "\x3f\x00\x00\x00" },
		{ "f32le", -0x40000000, "\x00\x00\x00\xbf" },
		{ "f32be", INT32_MIN, "\xbf\x80\x00\x00" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sample_format *f =
			sample_format_find(cases[i].format);
		unsigned char to[4];

		sample_store(f, cases[i].value, to);
		assert_memory_equal(to, cases[i].bytes, f->bytes);
	}
	assert_null(sample_format_find("s12"));
	assert_null(sample_format_find("s8be"));
}

/* --- the place of bytes ----------------------------------------------------- */

static void places_are_found(void **state)
{
	static const int64_t distances[] = { 1,	  -1,	 4096,	 -4096,
					     999, 70000, -70000, 5000000 };
	unsigned char bytes[CHECK_WINDOW];

	(void)state;
	for (size_t i = 0; i < PATTERNS; i++) {
		struct pattern p = pattern_of(patterns[i]);

		for (size_t k = 0; k < 8; k++) {
			uint64_t near = 6000001, budget = BUDGET;
			uint64_t at = near + (uint64_t)distances[k];
			int64_t distance;
			unsigned char found[CHECK_WINDOW];

			pattern_fill(&p, at, bytes, sizeof(bytes));
			assert_int_equal(pattern_find(&p, bytes, sizeof(bytes),
						      near, &budget, &distance),
					 0);
			pattern_fill(&p, near + (uint64_t)distance, found,
				     sizeof(found));
			assert_memory_equal(found, bytes, sizeof(bytes));
			/* A slow wave has the same bytes at many places. */
			if (pattern_is_long(&p) && i != SLOW &&
			    (!p.period ||
			     2 * (uint64_t)llabs(distances[k]) < p.period))
				assert_int_equal(distance, distances[k]);
		}
	}
}

/* --- times ------------------------------------------------------------------ */

static void times_do_not_drift(void **state)
{
	static const uint32_t rates[] = { 1,	 3,	 44100,	    48000,
					  96001, 999983, 1000000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t rate = rates[i], before = 0;

		/* After whole seconds, up to three centuries, the time is exact. */
		for (uint64_t s = 1; s < 9000000000; s = 3 * s + 1)
			assert_int_equal(samples_ns(s * rate, rates[i]),
					 s * 1000000000);
		/* Between them it is right to the nanosecond. */
		for (uint64_t n = 0; n < 100000; n += 7) {
			uint64_t ns = samples_ns(n, rates[i]);

			assert_true(ns <= n * 1000000000 / rate);
			assert_true(ns + 1 > n * 1000000000 / rate);
			assert_true(ns >= before);
			before = ns;
		}
	}
}

static struct protocol protocol;

static struct faults faults_of(struct pattern *p, const char *list,
			       uint64_t seed, uint64_t samples)
{
	struct fault_settings settings = { .seed = seed };
	struct block_size size = { .samples = samples };
	char why[WHY_MAX], *copy = strdup(list), *rest = copy, *one;
	struct faults f;

	while ((one = strsep(&rest, " ")))
		assert_int_equal(fault_parse(one, &settings, why), 0);
	free(copy);
	protocol = (struct protocol){ .file = tmpfile() };
	assert_int_equal(faults_begin(&f, pattern_source(p, &size), &settings,
				      &protocol),
			 0);
	return f;
}

static void end_faults(struct faults *f)
{
	f->source.close(&f->source);
	assert_int_equal(protocol_close(&protocol), 0);
}

/* An hour at a clock that is too fast by 20 ppm, with jitter that does not add up. */
static void drift_is_exact_and_jitter_is_bounded(void **state)
{
	struct pattern p = pattern_of("zero:rate=44100");
	struct faults f = faults_of(&p, "drift=20 jitter=100us", 3, 441);
	struct source_block b;
	uint64_t least_late = UINT64_MAX, most_late = 0;

	(void)state;
	for (uint64_t i = 1; i <= 360000; i++) {
		uint64_t exact = i * 10000000 - i * 10000000 / 1000020 * 20 -
				 i * 10000000 % 1000020 * 20 / 1000020;

		assert_int_equal(f.source.next(&f.source, &b), 1);
		assert_true(b.due + 1 >= exact && b.due <= exact + 100001);
		if (b.due - exact < least_late)
			least_late = b.due - exact;
		if (b.due > exact && b.due - exact > most_late)
			most_late = b.due - exact;
	}
	assert_true(most_late > 99000 && least_late < 1000);
	end_faults(&f);
}

static void a_stall_and_a_burst_end(void **state)
{
	struct pattern p = pattern_of("zero:rate=1000,format=s8");
	struct faults f = faults_of(&p, "stall=0.01:50ms burst=0.01:10", 1, 1);
	struct source_block b;
	uint64_t stalled = 0, early = 0, before = 0;

	(void)state;
	for (uint64_t i = 1; i <= 10000; i++) {
		uint64_t due = i * 1000000;

		assert_int_equal(f.source.next(&f.source, &b), 1);
		assert_true(b.due >= before);
		assert_true(b.due <= due + 60000000);
		assert_true(b.due + 10000000 > due);
		stalled += b.due > due;
		early += b.due < due;
		before = b.due;
	}
	/* Half of 10,000 blocks, as a stall has 50 of them and begins at one of 100. */
	assert_true(stalled > 2000 && stalled < 6000);
	assert_true(early > 100);
	end_faults(&f);
}

static void lateness_is_counted(void **state)
{
	struct lateness l = { 0 };

	(void)state;
	assert_true(lateness_deviation(&l) == 0);
	for (uint64_t i = 1; i <= 4; i++)
		lateness_add(&l, 10 * i);
	assert_int_equal(l.max, 40);
	assert_true(fabs(l.mean - 25) < 1e-9);
	assert_true(fabs(lateness_deviation(&l) - sqrt(125)) < 1e-9);
}

/* --- faults and what --verify finds ------------------------------------------ */

static void what_is_no_fault_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"lost",
		"lost=",
		"lost=2",
		"lost=-1",
		"lost=nan",
		"lost=0.1:3",
		"found=0.1",
		"stall=0.1",
		"stall=0.1:",
		"stall=0.1:1h",
		"stall=0.1:100000",
		"burst=0.1",
		"burst=0.1:0",
		"burst=0.1:1e9",
		"jitter=x",
		"jitter=1:2",
		"drift=",
		"drift=100001",
		"drift=--1",
		"drift=nan",
		"bit-errors=1e-6:3",
	};
	struct fault_settings settings = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char why[WHY_MAX] = "";

		if (fault_parse(texts[i], &settings, why) >= 0 || !*why)
			fail_msg("%s", texts[i]);
	}
	assert_int_equal(settings.drift, 0);
}

/* A line of what was found, or made: at an offset the place moves by so many bytes. */
struct moved {
	uint64_t offset;
	int64_t by;
};

static size_t made_of_protocol(struct moved *made, uint64_t *wrong)
{
	unsigned long long offset, length, detail;
	uint64_t last_wrong = UINT64_MAX;
	char kind[32];
	size_t n = 0;

	rewind(protocol.file);
	*wrong = 0;
	while (fscanf(protocol.file, "%llu,%llu,%31[^,],%llu\n", &offset,
		      &length, kind, &detail) == 4) {
		int64_t by = (int64_t)length;

		if (!strcmp(kind, "bit-error")) {
			*wrong += offset != last_wrong;
			last_wrong = offset;
			continue;
		}
		if (!strcmp(kind, "doubled"))
			by = -by;
		if (!n || made[n - 1].offset != offset)
			made[n++] = (struct moved){ .offset = offset };
		made[n - 1].by += by;
	}
	return n;
}

static size_t found_by_check(struct moved *found)
{
	unsigned long long offset, length;
	const char *line = printed;
	size_t n = 0;

	for (; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "offset %llu: a gap of %llu", &offset,
			   &length) == 2)
			found[n++] = (struct moved){ offset, (int64_t)length };
		else if (sscanf(line, "offset %llu: %llu bytes are rep",
				&offset, &length) == 2 &&
			 strstr(line, "repeated") &&
			 strstr(line, "repeated") < strchr(line, '\n'))
			found[n++] = (struct moved){ offset, -(int64_t)length };
	}
	return n;
}

/* Plays blocks with faults, and checks them. What was found must be what was made. */
static void compare(const char *text, const char *list, uint64_t seed)
{
	struct pattern p = pattern_of(text);
	struct faults f = faults_of(&p, list, seed, 100);
	struct check c = { .name = text, .keeps_going = true };
	static struct moved made[4096], found[4096];
	uint64_t wrong;
	size_t n_made, n_found;
	char why[WHY_MAX];

	*printed = 0;
	assert_int_equal(check_begin(&c, why), 0);
	for (int i = 0; i < 1000; i++) {
		struct source_block b;

		assert_int_equal(f.source.next(&f.source, &b), 1);
		faults_flip(&f, b.bytes, b.n);
		check_bytes(&c, b.bytes, b.n);
		protocol.offset += b.n;
	}
	check_end(&c);
	n_made = made_of_protocol(made, &wrong);
	n_found = found_by_check(found);
	end_faults(&f);
	if (c.wrong != wrong)
		fail_msg("%s, %s, %d: %llu wrong, %llu made\n%s", text, list,
			 (int)seed, (unsigned long long)c.wrong,
			 (unsigned long long)wrong, printed);
	if (n_made != n_found)
		fail_msg("%s, %s, %d: %zu made, %zu found\n%s", text, list,
			 (int)seed, n_made, n_found, printed);
	for (size_t i = 0; i < n_made; i++)
		if (made[i].offset != found[i].offset ||
		    made[i].by != found[i].by)
			fail_msg("%s, %s, %d: at %llu by %lld", text, list,
				 (int)seed, (unsigned long long)made[i].offset,
				 (long long)made[i].by);
}

static void what_is_found_is_what_was_made(void **state)
{
	static const char *const texts[] = {
		"noise:channels=2",
		"noise:format=s8,channels=2",
		"noise:format=f32be,channels=4",
		"prbs31:channels=2",
		"prbs23:invert=yes",
		"chirp:time=20,format=s24le,to=20k",
		"counter",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (uint64_t seed = 1; seed <= 5; seed++) {
			compare(texts[i], "lost=0.02", seed);
			compare(texts[i], "doubled=0.02", seed);
			compare(texts[i], "lost=0.02 doubled=0.02", seed);
			compare(texts[i], "overrun=0.005", seed);
			compare(texts[i], "bit-errors=1e-5", seed);
			compare(texts[i], "lost=0.01 bit-errors=1e-5", seed);
		}
}

/*
 * Each value comes 375 times, so that a few bytes have many places. The window decides, and no byte
 * is called wrong.
 */
static void a_gap_of_a_slow_wave_is_found(void **state)
{
	static unsigned char bytes[20000];
	struct check c = { .name = "saw:frequency=0.5,format=s8",
			   .keeps_going = true };
	struct pattern p = pattern_of(c.name);
	char why[WHY_MAX];

	(void)state;
	*printed = 0;
	assert_int_equal(check_begin(&c, why), 0);
	pattern_fill(&p, 0, bytes, sizeof(bytes));
	check_bytes(&c, bytes, sizeof(bytes));
	pattern_fill(&p, sizeof(bytes) + 100, bytes, sizeof(bytes));
	check_bytes(&c, bytes, sizeof(bytes));
	check_end(&c);
	if (c.wrong || c.gaps != 1 || c.missing != 100)
		fail_msg("%s", printed);
}

static void other_bytes_are_in_no_sequence(void **state)
{
	unsigned char bytes[64] = { 0 };
	struct prbs p;
	uint64_t at;

	(void)state;
	assert_int_equal(prbs_begin(&p, 8, false), -EINVAL);
	assert_int_equal(prbs_begin(&p, 15, false), 0);
	assert_int_equal(prbs_find(&p, bytes, 9, &at), -EAGAIN);
	assert_int_equal(prbs_find(&p, bytes, sizeof(bytes), &at), -EBADMSG);
	memset(bytes, 0xa5, sizeof(bytes));
	assert_int_equal(prbs_find(&p, bytes, sizeof(bytes), &at), -EBADMSG);
}

static void a_seed_makes_the_same_faults(void **state)
{

	struct pattern p = pattern_of("zero:format=s8");
	uint64_t hashes[3];

	(void)state;
	for (int run = 0; run < 3; run++) {
		struct faults f = faults_of(
			&p, "bit-errors=0.01 lost=0.1 doubled=0.1 overrun=0.1",
			run == 2 ? 8 : 7, 50);
		uint64_t hash = 0xcbf29ce484222325;

		for (int i = 0; i < 100; i++) {
			struct source_block b;

			f.source.next(&f.source, &b);
			faults_flip(&f, b.bytes, b.n);
			protocol.offset += b.n;
			for (size_t k = 0; k < b.n; k++)
				hash = (hash ^ b.bytes[k]) * 0x100000001b3;
		}
		hashes[run] = hash;
		end_faults(&f);
	}
	assert_int_equal(hashes[0], hashes[1]);
	assert_int_not_equal(hashes[0], hashes[2]);
	/* No machine may make others. */
	assert_int_equal(hashes[0], 0x8ce51e6602921dbc);
}

/* All bits at 1, none at 0, and the wanted part of them between. */
static void bit_errors_have_their_rate(void **state)
{
	static const struct {
		const char *fault;
		unsigned int least, most;
	} cases[] = {
		{ "bit-errors=0", 0, 0 },
		{ "bit-errors=1", 800000, 800000 },
		{ "bit-errors=0.5", 397000, 403000 },
		{ "bit-errors=0.01", 7600, 8400 },
		{ "bit-errors=1e-4", 50, 115 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern p = pattern_of("zero:format=s8");
		struct faults f = faults_of(&p, cases[i].fault, 1, 100000);
		struct source_block b;
		unsigned int n = 0;

		f.source.next(&f.source, &b);
		faults_flip(&f, b.bytes, b.n);
		for (size_t k = 0; k < b.n; k++)
			n += (unsigned int)__builtin_popcount(b.bytes[k]);
		if (n < cases[i].least || n > cases[i].most)
			fail_msg("%s: %u", cases[i].fault, n);
		assert_int_equal(protocol.faults, n);
		end_faults(&f);
	}
}

static void blocks_have_a_size(void **state)
{
	struct sampling s = { .rate = 48000,
			      .format = sample_format_find("s16"),
			      .channels = 2 };
	struct block_size b = { 0 };

	(void)state;
	assert_int_equal(block_samples(&b, &s), 480);
	b.capacity = 4096;
	assert_int_equal(block_samples(&b, &s), 256);
	s.rate = 1;
	assert_int_equal(block_samples(&b, &s), 1);
	b.samples = 1ULL << 40;
	assert_int_equal(block_samples(&b, &s), 0);
	assert_null(pattern_source(&(struct pattern){ .sampling = s }, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_exact),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(probabilities_are_parts),
		cmocka_unit_test(what_is_no_pattern_is_refused),
		cmocka_unit_test(each_machine_has_the_same_bytes),
		cmocka_unit_test(any_place_is_reached),
		cmocka_unit_test(a_period_is_one),
		cmocka_unit_test(sequences_are_those_of_o_150),
		cmocka_unit_test(a_sine_is_a_sine),
		cmocka_unit_test(shapes_have_their_values),
		cmocka_unit_test(samples_are_rounded),
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(times_do_not_drift),
		cmocka_unit_test(drift_is_exact_and_jitter_is_bounded),
		cmocka_unit_test(a_stall_and_a_burst_end),
		cmocka_unit_test(lateness_is_counted),
		cmocka_unit_test(what_is_no_fault_is_refused),
		cmocka_unit_test(what_is_found_is_what_was_made),
		cmocka_unit_test(a_gap_of_a_slow_wave_is_found),
		cmocka_unit_test(other_bytes_are_in_no_sequence),
		cmocka_unit_test(a_seed_makes_the_same_faults),
		cmocka_unit_test(bit_errors_have_their_rate),
		cmocka_unit_test(blocks_have_a_size),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("play", tests, NULL, NULL);
}
