// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command's play on a mapped FIFO, with a clock of its own: each block is stored at its exact
 * time, a full FIFO drops blocks or delays them, and errors of the device are reported.
 */
#include "fake-device.h"

#include <pthread.h>
#include <time.h>

#define IN VFIFO_PRODUCER
#define OUT VFIFO_CONSUMER
#define CAPACITY 8192

/* Each call takes a microsecond, and each sleep is late by up to 60. */
static uint64_t now, sleeps;
/* Called by each sleep, or NULL. */
static void (*in_sleep)(void);

static int fake_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	now += 1000;
	*t = (struct timespec){ .tv_sec = (time_t)(now / 1000000000),
				.tv_nsec = (long)(now % 1000000000) };
	return 0;
}

static int fake_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			  struct timespec *rest)
{
	uint64_t until =
		(uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;

	(void)clock;
	(void)rest;
	assert_int_equal(flags, TIMER_ABSTIME);
	if (in_sleep)
		in_sleep();
	/* Now and then a tick interrupts it. */
	if (++sleeps % 25 == 0)
		return EINTR;
	if (until > now)
		now = until;
	now += sleeps * 7919 % 60000;
	return 0;
}

#define clock_gettime fake_gettime
#define clock_nanosleep fake_nanosleep
#include "../../src/cli/pace.c"
#undef clock_gettime
#undef clock_nanosleep
#include "../../src/cli/decimal.c"
#include "../../src/cli/fault.c"
#include "../../src/cli/interrupt.c"
#include "../../src/cli/pattern.c"
#include "../../src/cli/play.c"
#include "../../src/cli/port.c"
#include "../../src/cli/prbs.c"
#include "../../src/cli/progress.c"
#include "../../src/cli/protocol.c"
#include "../../src/cli/sample.c"
#include "../../src/cli/source-pattern.c"
#include "../../src/cli/pcapng.c"
#include "../../src/cli/source-recording.c"
#include "../../src/cli/source.c"
#include "../../src/cli/text.c"
#include "../../src/cli/wave.c"

int device_claim(const struct device *d, enum vfifo_end end, unsigned int flags,
		 struct vfifo_handle **f)
{
	(void)d;
	(void)flags;
	return fake_try_open(end, f);
}

int device_open(const struct device *d, int flags)
{
	(void)d;
	(void)flags;
	return -ENOENT;
}

int device_end(int fd)
{
	(void)fd;
	return 0;
}

int device_find(const char *spec, struct device *d)
{
	(void)spec;
	strcpy(d->name, "vfifo0");
	return 0;
}

int attribute_get(const struct device *d, const char *name, char *buf,
		  size_t size)
{
	(void)d;
	(void)name;
	(void)buf;
	(void)size;
	return -ENOENT;
}

int attribute_number(const struct device *d, const char *name, uint64_t *value)
{
	(void)d;
	(void)name;
	(void)value;
	return -ENOENT;
}

static int explained;

int explain(int err, const struct device *d, const char *what)
{
	(void)d;
	(void)what;
	explained = err;
	return EXIT_FAILED;
}

/* The last pace that was printed. */
static struct value stats[16];

int fields_print(const char *name, const struct table_options *o,
		 const struct value *v, size_t n)
{
	(void)name;
	(void)o;
	memcpy(stats, v, n * sizeof(*v));
	return 0;
}

void value_text(struct value *v, const char *name, const char *text,
		const char *meaning)
{
	*v = (struct value){ name, ATTR_TEXT, meaning, strlen(text), "" };
	memcpy(v->bytes, text, v->number);
}

void value_number(struct value *v, const char *name, uint64_t number,
		  const char *meaning)
{
	*v = (struct value){ name, ATTR_NUMBER, meaning, number, "" };
}

void value_size(struct value *v, const char *name, uint64_t bytes,
		const char *meaning)
{
	*v = (struct value){ name, ATTR_BYTES, meaning, bytes, "" };
}

/* No test here plays a file. */
struct source *file_source(const struct file_settings *f,
			   const struct block_size *b)
{
	(void)f;
	(void)b;
	return NULL;
}

static uint64_t stat_of(const char *name)
{
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
		if (stats[i].name && !strcmp(stats[i].name, name))
			return stats[i].number;
	fail_msg("%s", name);
	return 0;
}

/* Runs the verb with the words of a line. */
static int plays(const char *line)
{
	char *copy = strdup(line), *rest = copy, *argv[32];
	int argc = 0, code;

	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	optind = 0;
	explained = 0;
	code = verb_play(argc, argv);
	free(copy);
	return code;
}

static void assert_pattern(const char *text, size_t n)
{
	unsigned char wanted[CAPACITY];
	struct pattern p;
	char why[WHY_MAX];

	assert_int_equal(pattern_parse(text, &p, why), 0);
	pattern_fill(&p, 0, wanted, n);
	assert_memory_equal(device.window, wanted, n);
}

/* --- tests ------------------------------------------------------------------ */

static void all_bytes_are_stored(void **state)
{
	(void)state;
	fake_create(CAPACITY, 0);
	assert_int_equal(plays("play -q -s 8001 noise:rate=1M"), EXIT_OK);
	assert_int_equal(fake_position(IN), 8001);
	assert_pattern("noise", 8001);
	fake_destroy();
}

/*
 * A quarter of an hour with a rate that gives no whole nanoseconds. No sleep ends in time, and the
 * last block is as late as any: at most a call and a sleep.
 */
static void lateness_does_not_add_up(void **state)
{
	uint64_t before = now, took;

	(void)state;
	fake_create(CAPACITY, 0);
	assert_int_equal(
		plays("play -q --stats -b 441 -d 900 zero:rate=44101,format=s8"),
		EXIT_OK);
	took = now - before;
	/* 90,002 blocks of 441 samples are due in that time. */
	assert_int_equal(stat_of("blocks"), 90002);
	assert_true(took >= samples_ns(90002 * 441, 44101));
	assert_true(took < samples_ns(90002 * 441, 44101) + 100000);
	assert_true(stat_of("late_max_ns") < 100000);
	assert_true(stat_of("late_mean_ns") > 10000);
	fake_destroy();
}

static void a_full_fifo_drops_blocks(void **state)
{
	(void)state;
	fake_create(CAPACITY, 0xfffff000);
	assert_int_equal(plays("play -q -t -b 1000 -c 10k noise:format=s8"),
			 EXIT_OK);
	assert_int_equal(fake_position(IN), 0xfffff000 + 8000);
	assert_int_equal(stat_of("bytes"), 8000);
	assert_int_equal(stat_of("dropped_blocks"), 2);
	assert_int_equal(stat_of("dropped_bytes"), 2000);
	/* One that can never fit is an error. */
	assert_int_equal(plays("play -q -b 8193 noise:format=s8"), EXIT_FAILED);
	fake_destroy();
}

static void drain(void)
{
	fake_move(OUT, fake_position(IN));
}

/* The consumer is fast, so nothing is dropped, although the FIFO would be full. */
static void an_emptied_fifo_drops_nothing(void **state)
{
	(void)state;
	fake_create(CAPACITY, 0);
	in_sleep = drain;
	assert_int_equal(plays("play -q -t -b 1000 -c 100k noise:format=s8"),
			 EXIT_OK);
	in_sleep = NULL;
	assert_int_equal(fake_position(IN), 100000);
	assert_int_equal(stat_of("dropped_blocks"), 0);
	fake_destroy();
}

static void *consume(void *unused)
{
	while (fake_position(OUT) < 20000) {
		fake_move(OUT, fake_position(IN));
		usleep(100);
	}
	return unused;
}

static void a_full_fifo_delays_blocks(void **state)
{
	pthread_t thread;

	(void)state;
	fake_create(CAPACITY, 0);
	pthread_create(&thread, NULL, consume, NULL);
	assert_int_equal(
		plays("play -q -t -F wait -b 9000 -s 20000 noise:format=s8"),
		EXIT_OK);
	pthread_join(thread, NULL);
	assert_int_equal(fake_position(IN), 20000);
	assert_int_equal(stat_of("dropped_blocks"), 0);
	fake_destroy();
}

static void lie(void)
{
	fake_move(OUT, fake_position(IN) + 2 * CAPACITY);
}

static void remove_it(void)
{
	fake_remove();
}

static void errors_of_the_device_are_reported(void **state)
{
	(void)state;
	fake_create(CAPACITY, 0);
	fake_remove();
	assert_int_equal(plays("play -q -c 10 sine"), EXIT_FAILED);
	assert_int_equal(explained, -ENODEV);
	fake_destroy();

	/* While it plays: the other end lies, or the device is removed. */
	fake_create(CAPACITY, 0);
	in_sleep = lie;
	assert_int_equal(plays("play -q -c 100k -m map sine"), EXIT_FAILED);
	assert_int_equal(explained, -EBADMSG);
	fake_move(OUT, fake_position(IN));
	assert_int_equal(plays("play -q -F wait -c 100k -m map sine"),
			 EXIT_FAILED);
	assert_int_equal(explained, -EBADMSG);
	fake_move(OUT, fake_position(IN));
	in_sleep = remove_it;
	assert_int_equal(plays("play -q -c 100k -m map sine"), EXIT_FAILED);
	assert_int_equal(explained, -ENODEV);
	in_sleep = NULL;
	fake_destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_are_stored),
		cmocka_unit_test(lateness_does_not_add_up),
		cmocka_unit_test(a_full_fifo_drops_blocks),
		cmocka_unit_test(an_emptied_fifo_drops_nothing),
		cmocka_unit_test(a_full_fifo_delays_blocks),
		cmocka_unit_test(errors_of_the_device_are_reported),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("play, mapped", tests, NULL, NULL);
}
