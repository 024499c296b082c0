// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control.c - the steps that control a device: ioctls, attributes, and devices that come and go
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vfifo_pattern.h>
#include <vfifo_ring.h>

#include "fuzz.h"
#include "testlib.h"

/* --- ioctls ------------------------------------------------------------------------- */

/* An address at which no process has memory. */
#define NOWHERE ((void *)16)

static void op_fionread(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	const bool bad = arg[1] % 16 == 0;
	int stored = -1;
	long ret, want = 0;

	if (!f)
		return;
	ret = outcome(ioctl(f->fd, FIONREAD, bad ? NOWHERE : &stored));
	if (w->exact)
		want = fifo_fionread(f->of->fifo);
	expect(w, "FIONREAD", ret, want < 0 ? want : bad ? -EFAULT : 0);
	if (w->exact && !ret)
		expect(w, "FIONREAD", stored, want);
	if (!ret && stored < 0)
		mismatch(w, "FIONREAD says %d", stored);
}

static void op_clear(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	long ret;

	if (!f || (!w->exact && care_of(f->of) == CARE_STREAM))
		return;
	ret = outcome(ioctl(f->fd, VFIFO_CLEAR));
	if (!w->exact)
		expect(w, "VFIFO_CLEAR", ret, 0);
	else if (f->of->fifo->removed)
		expect(w, "VFIFO_CLEAR", ret, -ENODEV);
	else if (!f->of->reads)
		expect(w, "VFIFO_CLEAR", ret, -EBADF);
	else
		expect(w, "VFIFO_CLEAR", ret, -fifo_clear(f->of->fifo));
}

static void op_set_mode(struct world *w, const uint16_t *arg)
{
	static const int modes[] = { 0, 1, 1, 0, 2, -1, 256, 1 << 30 };
	struct file_slot *f = some_file(w, arg[0]);
	const int mode = modes[arg[1] % 8];
	const bool bad = arg[2] % 32 == 0;
	long ret;

	if (!f || (!w->exact && care_of(f->of) == CARE_STREAM))
		return;
	ret = outcome(ioctl(f->fd, VFIFO_SET_MODE, bad ? NOWHERE : &mode));
	if (!w->exact)
		expect(w, "VFIFO_SET_MODE", ret, 0);
	else if (f->of->fifo->removed)
		expect(w, "VFIFO_SET_MODE", ret, -ENODEV);
	else if (!f->of->writes)
		expect(w, "VFIFO_SET_MODE", ret, -EBADF);
	else if (bad)
		expect(w, "VFIFO_SET_MODE", ret, -EFAULT);
	else
		expect(w, "VFIFO_SET_MODE", ret,
		       -fifo_set_mode(f->of->fifo, mode));
}

static void op_kick(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	long ret;

	if (!f)
		return;
	ret = outcome(ioctl(f->fd, VFIFO_KICK));
	if (w->exact && !f->of->fifo->removed) {
		fifo_kick(f->of->fifo, f->of);
		expect(w, "VFIFO_KICK", ret, 0);
	} else {
		expect(w, "VFIFO_KICK", ret, -ENODEV);
	}
}

static void op_end(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	long ret;

	if (!f)
		return;
	ret = outcome(ioctl(f->fd, VFIFO_END));
	if (!w->exact) {
		expect(w, "VFIFO_END", ret, 0);
	} else if (f->of->fifo->removed) {
		expect(w, "VFIFO_END", ret, -ENODEV);
	} else if (!f->of->writes) {
		expect(w, "VFIFO_END", ret, -EBADF);
	} else {
		expect(w, "VFIFO_END", ret, 0);
		fifo_end(f->of->fifo);
	}
}

/* Numbers of the types of vfifo that it does not have, and one of the terminals. */
static void op_unknown_ioctl(struct world *w, const uint16_t *arg)
{
	const unsigned int type = arg[1] % 3 ? VFIFO_IOC : 'k';
	const unsigned int command = arg[1] % 8 ? _IOC(arg[3] % 4, type,
						       4 + arg[2] % 252,
						       arg[3] / 4 % 4096) :
						  0x5401 /* TCGETS */;
	struct file_slot *f = some_file(w, arg[0]);

	if (!f)
		return;
	expect(w, "an unknown ioctl",
	       outcome(ioctl(f->fd, command, arg[3] % 2 ? w->got : NOWHERE)),
	       w->exact && f->of->fifo->removed ? -ENODEV : -ENOTTY);
}

/* --- the values of attributes ----------------------------------------------------------- */

/* The number of a text as the kernel parses it: decimal, with at most one newline. */
static bool parse(const char *text, bool may_be_negative, uint64_t most,
		  uint64_t *value)
{
	const bool negative = may_be_negative && *text == '-';
	uint64_t v = 0;

	if (*text == '+' || negative)
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		const uint64_t digit = (uint64_t)(*text - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (*text == '\n')
		text++;
	if (*text || v > most || (negative && v))
		return false;
	*value = v;
	return true;
}

static bool parse_bit(const char *text, bool *bit)
{
	uint64_t value;

	if (!parse(text, false, 1, &value))
		return false;
	*bit = value;
	return true;
}

/* Returns the index of a word, after which one newline may be; or -1. */
static int find_word(const char *const *words, const char *text)
{
	const size_t n = strcspn(text, "\n");

	if (text[n] && text[n + 1])
		return -1;
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == n && !memcmp(words[i], text, n))
			return i;
	return -1;
}

static const char *const overflows[] = { "block", "drop", "overwrite", NULL };
static const char *const patterns[] = { "text",	  "counter", "ramp",
					"prbs31", "zero",    NULL };
static const char *const memories[] = { "cached",     "write-combining",
					"uncached",   "coherent",
					"contiguous", NULL };

static const char *const framings[] = { "bytes", "records", NULL };

/* The texts that are stored, each followed by an empty one at the end of its list. */
static const char *const bits[] = { "0\n", "1\n", "1",	"0",	 "2",  "-1",
				    "y\n", "01",  "+1", "1\n\n", " 1", NULL };
static const char *const capacities[] = {
	"65536\n", "65536\n", "4096\n", "131072\n",  "262144",
	"8192",	   "100000",  "1",	"1048576",   "0",
	"-4096",   "0x1000",  "65536 ", "536870913", "18446744073709551616",
	NULL
};
static const char *const watermarks[] = {
	"1\n",	 "1\n",	  "4096\n", "2",     "100",	   "1000",
	"65536", "65537", "30000",  "60000", "4294967295", "4294967296",
	"0",	 "-1",	  "one",    NULL
};
static const char *const periods[] = {
	"3600000000", "3599999999\n", "49", "0", "3600000001", "-1", "", NULL
};
static const char *const short_periods[] = { "1000", "5000\n", "20000", "49",
					     NULL };
static const char *const bursts[] = { "0",	 "1",	  "1024\n",
				      "5000",	 "65536", "-1",
				      "1048577", "",	  NULL };
static const char *const counts[] = { "0",  "1\n",	  "1000", "4294967295",
				      "-1", "4294967296", NULL };
/* No valid one: what a burst stores, and when the mode is 0 again, is not determined. */
static const char *const triggers[] = { "0", "2\n", "-1", "1\n\n", NULL };
static const char *const labels[] = {
	"a label\n",
	"label",
	"",
	"\n",
	" blank",
	"blank ",
	".",
	"..",
	"a/b",
	"\t",
	"a\n\n",
	"0123456789012345678901234567890123456789012345678901234567890123",
	"01234567890123456789012345678901234567890123456789012345678901234",
	NULL
};
static const char *const revokes[] = { "0\n", "0", "1", "-1", "zero", NULL };
static const char *const numbers_texts[] = { "256", "-1",	  "0x1", "one",
					     "",    "4294967296", NULL };

/* --- the attributes ------------------------------------------------------------------------ */

struct attribute {
	const char *name;
	/* NULL: its value is not determined; or only writing is possible. */
	void (*show)(struct world *w, const struct fifo *f, char *text);
	/* Returns 0 or an errno. NULL: only reading is possible. */
	int (*store)(struct world *w, struct fifo *f, const char *text);
	const char *const *values;
	bool moves, revokes; /* see enum care */
};

#define SHOW(name, ...)                                                \
	static void show_##name(struct world *w, const struct fifo *f, \
				char *text)                            \
	{                                                              \
		(void)w;                                               \
		sprintf(text, __VA_ARGS__);                            \
	}                                                              \
	_Static_assert(1, "")

SHOW(size, "%u\n", fifo_room(f, VFIFO_CONSUMER));
SHOW(capacity, "%u\n", f->capacity);
SHOW(memory, "%s\n", memories[f->memory]);
SHOW(framing, "%s\n", framings[f->framing]);
SHOW(mode, "%d\n", f->mode);
SHOW(read_watermark, "%u\n", f->watermark[VFIFO_CONSUMER]);
SHOW(write_watermark, "%u\n", f->watermark[VFIFO_PRODUCER]);
SHOW(overflow, "%s\n", overflows[f->overflow]);
SHOW(eof, "%d\n", f->eof);
SHOW(scrub, "%d\n", f->scrub);
SHOW(label, "%s\n", f->label);
SHOW(mappings, "%ld\n", mappings_of(w, f));
SHOW(producer, "%d\n", f->claimant[VFIFO_PRODUCER] ? getpid() : 0);
SHOW(consumer, "%d\n", f->claimant[VFIFO_CONSUMER] ? getpid() : 0);
SHOW(pattern, "%s\n", patterns[f->pattern]);
SHOW(text, "%.*s", (int)f->text_length, (const char *)f->text);
SHOW(period_us, "%llu\n", (unsigned long long)f->period_us);
SHOW(burst, "%llu\n", (unsigned long long)f->burst);
SHOW(count, "%llu\n", (unsigned long long)f->count);
SHOW(in_bytes, "%llu\n", (unsigned long long)fifo_bytes(f, VFIFO_PRODUCER));
SHOW(out_bytes, "%llu\n", (unsigned long long)fifo_bytes(f, VFIFO_CONSUMER));
SHOW(dropped_bytes, "%llu\n", (unsigned long long)f->dropped);
SHOW(dropped_records, "%llu\n", (unsigned long long)f->dropped_records);
SHOW(reads, "%llu\n", (unsigned long long)f->calls[VFIFO_CONSUMER]);
SHOW(writes, "%llu\n", (unsigned long long)f->calls[VFIFO_PRODUCER]);
SHOW(kicks, "%llu\n", (unsigned long long)f->kicks);

static int store_capacity(struct world *w, struct fifo *f, const char *text)
{
	uint64_t bytes;

	(void)w;
	return parse(text, false, UINT64_MAX, &bytes) ? fifo_resize(f, bytes) :
							EINVAL;
}

static int store_memory(struct world *w, struct fifo *f, const char *text)
{
	const int which = find_word(memories, text);

	(void)w;
	return which < 0 ? EINVAL : fifo_set_memory(f, which);
}

static int store_framing(struct world *w, struct fifo *f, const char *text)
{
	const int which = find_word(framings, text);

	(void)w;
	return which < 0 ? EINVAL : fifo_set_framing(f, which);
}

static int store_mode(struct world *w, struct fifo *f, const char *text)
{
	uint64_t mode;

	(void)w;
	return parse(text, true, 1, &mode) ? fifo_set_mode(f, mode) : EINVAL;
}

static int store_watermark(struct fifo *f, enum vfifo_end end, const char *text)
{
	uint64_t bytes;

	return parse(text, false, UINT32_MAX, &bytes) ?
		       fifo_set_watermark(f, end, bytes) :
		       EINVAL;
}

static int store_read_watermark(struct world *w, struct fifo *f,
				const char *text)
{
	(void)w;
	return store_watermark(f, VFIFO_CONSUMER, text);
}

static int store_write_watermark(struct world *w, struct fifo *f,
				 const char *text)
{
	(void)w;
	return store_watermark(f, VFIFO_PRODUCER, text);
}

static int store_overflow(struct world *w, struct fifo *f, const char *text)
{
	const int which = find_word(overflows, text);

	(void)w;
	if (which < 0)
		return EINVAL;
	f->overflow = which;
	return 0;
}

static int store_eof(struct world *w, struct fifo *f, const char *text)
{
	(void)w;
	return parse_bit(text, &f->eof) ? 0 : EINVAL;
}

static int store_scrub(struct world *w, struct fifo *f, const char *text)
{
	(void)w;
	return parse_bit(text, &f->scrub) ? 0 : EINVAL;
}

static int store_label(struct world *w, struct fifo *f, const char *text)
{
	size_t n = strlen(text);

	(void)w;
	if (n && text[n - 1] == '\n')
		n--;
	if (n > MODEL_LABEL_MAX || (n == 1 && *text == '.') ||
	    (n == 2 && !memcmp(text, "..", 2)) ||
	    (n && (*text == ' ' || text[n - 1] == ' ')))
		return EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == '/')
			return EINVAL;
	memcpy(f->label, text, n);
	f->label[n] = '\0';
	return 0;
}

static int store_clear(struct world *w, struct fifo *f, const char *text)
{
	bool bit;

	(void)w;
	return parse_bit(text, &bit) && bit ? fifo_clear(f) : EINVAL;
}

static int store_holder(struct world *w, struct fifo *f, enum vfifo_end end,
			const char *text)
{
	uint64_t holder;

	if (!parse(text, false, 0, &holder))
		return EINVAL;
	if (fifo_revoke(f, end))
		mapping_was_revoked(w, f, end);
	return 0;
}

static int store_producer(struct world *w, struct fifo *f, const char *text)
{
	return store_holder(w, f, VFIFO_PRODUCER, text);
}

static int store_consumer(struct world *w, struct fifo *f, const char *text)
{
	return store_holder(w, f, VFIFO_CONSUMER, text);
}

static int store_pattern(struct world *w, struct fifo *f, const char *text)
{
	const int which = find_word(patterns, text);

	(void)w;
	if (which < 0)
		return EINVAL;
	f->pattern = which;
	return 0;
}

static int store_text_attribute(struct world *w, struct fifo *f,
				const char *text)
{
	(void)w;
	f->text_length = strlen(text);
	memcpy(f->text, text, f->text_length);
	return 0;
}

static int store_period_us(struct world *w, struct fifo *f, const char *text)
{
	uint64_t value;

	(void)w;
	if (!parse(text, false, 3600000000U, &value) || value < 50)
		return EINVAL;
	f->period_us = value;
	return 0;
}

static int store_burst(struct world *w, struct fifo *f, const char *text)
{
	(void)w;
	return parse(text, false, 1 << 20, &f->burst) ? 0 : EINVAL;
}

static int store_count(struct world *w, struct fifo *f, const char *text)
{
	(void)w;
	return parse(text, false, UINT32_MAX, &f->count) ? 0 : EINVAL;
}

static int store_trigger(struct world *w, struct fifo *f, const char *text)
{
	(void)w;
	(void)f;
	(void)text;
	return EINVAL;
}

static int store_reset(struct world *w, struct fifo *f, const char *text)
{
	bool bit;

	(void)w;
	if (!parse_bit(text, &bit) || !bit)
		return EINVAL;
	fifo_reset_counts(f);
	return 0;
}

/* All attributes of sysfs-class-vfifo: scripts/style compares the names. */
static const struct attribute attributes[] = {
	{ "size", show_size, NULL, NULL, 0, 0 },
	{ "capacity", show_capacity, store_capacity, capacities, 0, 0 },
	{ "memory", show_memory, store_memory, memories, 0, 0 },
	{ "framing", show_framing, store_framing, framings, 1, 0 },
	{ "mode", show_mode, store_mode, bits, 1, 0 },
	{ "read_watermark", show_read_watermark, store_read_watermark,
	  watermarks, 1, 0 },
	{ "write_watermark", show_write_watermark, store_write_watermark,
	  watermarks, 1, 0 },
	{ "overflow", show_overflow, store_overflow, overflows, 1, 0 },
	{ "eof", show_eof, store_eof, bits, 0, 0 },
	{ "label", show_label, store_label, labels, 0, 0 },
	{ "clear", NULL, store_clear, bits, 1, 0 },
	{ "mappings", show_mappings, NULL, NULL, 0, 0 },
	{ "producer", show_producer, store_producer, revokes, 0, 1 },
	{ "consumer", show_consumer, store_consumer, revokes, 0, 1 },
	{ "scrub", show_scrub, store_scrub, bits, 0, 0 },
	{ "generator/pattern", show_pattern, store_pattern, patterns, 0, 0 },
	{ "generator/text", show_text, store_text_attribute, labels, 0, 0 },
	{ "generator/period_us", show_period_us, store_period_us, periods, 0,
	  0 },
	{ "generator/burst", show_burst, store_burst, bursts, 0, 0 },
	{ "generator/count", show_count, store_count, counts, 0, 0 },
	{ "generator/trigger", NULL, store_trigger, triggers, 1, 0 },
	{ "stats/in_bytes", show_in_bytes, NULL, NULL, 0, 0 },
	{ "stats/out_bytes", show_out_bytes, NULL, NULL, 0, 0 },
	{ "stats/dropped_bytes", show_dropped_bytes, NULL, NULL, 0, 0 },
	{ "stats/dropped_records", show_dropped_records, NULL, NULL, 0, 0 },
	{ "stats/reads", show_reads, NULL, NULL, 0, 0 },
	{ "stats/writes", show_writes, NULL, NULL, 0, 0 },
	{ "stats/kicks", show_kicks, NULL, NULL, 0, 0 },
	{ "stats/wakeups", NULL, NULL, NULL, 0, 0 },
	{ "stats/reset", NULL, store_reset, bits, 0, 0 },
};
#define ATTRIBUTES_COUNT (sizeof(attributes) / sizeof(*attributes))

size_t attributes_count(void)
{
	return ATTRIBUTES_COUNT;
}

static int open_attribute(int number, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/%s", number, name);
	return open(path, flags | O_CLOEXEC);
}

int store_text(const char *path, const void *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, n) < 0 ? errno : 0;
	close(fd);
	return err;
}

static void show(struct world *w, int number, const struct attribute *a)
{
	struct fifo *f = w->fifos[number];
	char is[4096] = "", want[4096] = "";
	int fd = open_attribute(number, a->name, O_RDONLY);
	long ret;

	if (fd < 0) {
		expect(w, a->name, -errno,
		       !f		    ? -ENOENT :
		       !a->show && a->store ? -EACCES :
					      0);
		return;
	}
	ret = outcome(read(fd, is, sizeof(is) - 1));
	close(fd);
	if (!w->exact || !f || !a->show) {
		count_operations(w, 1);
		return;
	}
	a->show(w, f, want);
	if (ret < 0 || strcmp(is, want))
		mismatch(w, "%s is '%s', but the model says '%s'", a->name, is,
			 want);
	count_operations(w, 1);
}

static void op_show(struct world *w, const uint16_t *arg)
{
	/* What is asked for most often is the size, the first one. */
	const size_t which = arg[1] % 4 ? arg[1] / 4 % ATTRIBUTES_COUNT : 0;

	show(w, some_number(arg[0]), &attributes[which]);
}

/* root may open a file that its mode forbids, so the kernel's answer to the read differs. */
void show_all(struct world *w, int number)
{
	for (size_t i = 0; i < ATTRIBUTES_COUNT; i++)
		if (attributes[i].show)
			show(w, number, &attributes[i]);
}

static void op_show_all(struct world *w, const uint16_t *arg)
{
	show_all(w, numbers[arg[0] % NUMBERS]);
}

static const char *some_value(const struct attribute *a, uint16_t arg,
			      bool exact)
{
	const char *const *values = a->values;
	unsigned int n = 0;

	if (!exact && values == periods)
		values = short_periods;
	/* A word with a newline is one too, and two words are none. */
	while (values[n])
		n++;
	return values[arg % n];
}

static bool may_store(int number, const struct attribute *a)
{
	const struct description d = { .number = number };

	return care_of(&d) == CARE_NOT ||
	       (care_of(&d) == CARE_STREAM ? !a->moves : !a->revokes);
}

/* These can fail for a reason that the model does not have. */
static bool is_for_want(const struct attribute *a, long ret)
{
	return (a->store == store_capacity || a->store == store_memory) &&
	       (ret == -ENOMEM || ret == -EOPNOTSUPP);
}

static void op_store_attribute(struct world *w, const uint16_t *arg)
{
	const int number = some_number(arg[0]);
	const struct attribute *a = &attributes[arg[1] % ATTRIBUTES_COUNT];
	struct fifo *f = w->fifos[number];
	const char *value;
	size_t n;
	long ret;
	int fd;

	if (!a->store || (!w->exact && !may_store(number, a)))
		return;
	value = some_value(a, arg[2], w->exact);
	n = strlen(value);
	if (!n)
		return;
	fd = open_attribute(number, a->name, O_WRONLY);
	if (fd < 0) {
		expect(w, a->name, -errno, f ? 0 : -ENOENT);
		return;
	}
	if (w->user)
		mismatch(w, "user %d can open %s for writing", (int)w->user,
			 a->name);
	ret = outcome(write(fd, value, n));
	close(fd);
	if (!w->exact || !f || is_for_want(a, ret)) {
		count_operations(w, 1);
		return;
	}
	expect(w, a->name, ret, -a->store(w, f, value) ?: (long)n);
}

/* --- the generator ----------------------------------------------------------------------- */

static uint64_t read_number(struct world *w, int number, const char *name)
{
	int fd = open_attribute(number, name, O_RDONLY);
	char text[64] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		mismatch(w, "%s: %s", name, strerror(errno));
	close(fd);
	return strtoull(text, NULL, 10);
}

static void write_number(struct world *w, int number, const char *name,
			 uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/%s", number, name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (store_text(path, text, strlen(text)))
		mismatch(w, "%s to %s: %s", text, name, strerror(errno));
	count_operations(w, 1);
}

/* The generator has produced n bytes of its pattern, and none was dropped. */
static void produced(struct fifo *f, uint32_t n)
{
	struct vfifo_pattern pattern = { .kind = f->pattern };

	memcpy(pattern.text, f->text, f->text_length);
	pattern.length = f->text_length;
	vfifo_pattern_rewind(&pattern);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t at =
			vfifo_offset(f->capacity, f->at[VFIFO_PRODUCER] + i);

		vfifo_pattern_fill(&pattern, &f->data[at], 1);
		f->unknown[at] = 0;
	}
}

/*
 * The generator runs for a moment. How much it produces is not determined, but the counters say it
 * afterwards, and then the bytes are. Where some were dropped, the others are not.
 */
static void op_generate(struct world *w, const uint16_t *arg)
{
	const int number = numbers[arg[0] % NUMBERS];
	struct fifo *f = w->fifos[number];
	uint64_t in, out, dropped, used;

	if (!w->exact || !f || f->mode || f->claimant[VFIFO_PRODUCER] ||
	    f->claimant[VFIFO_CONSUMER] || f->framing == VFIFO_RECORDS)
		return;
	write_number(w, number, "generator/burst", arg[1] % 300);
	write_number(w, number, "generator/period_us", 50 + arg[2] % 500);
	write_number(w, number, "mode", 1);
	usleep(arg[3] % 3000);
	write_number(w, number, "mode", 0);
	write_number(w, number, "generator/period_us", f->period_us);
	write_number(w, number, "generator/burst", f->burst);
	f->closing = false;
	in = read_number(w, number, "stats/in_bytes") -
	     f->bytes[VFIFO_PRODUCER];
	out = read_number(w, number, "stats/out_bytes") -
	      f->bytes[VFIFO_CONSUMER];
	dropped = read_number(w, number, "stats/dropped_bytes") - f->dropped;
	used = fifo_room(f, VFIFO_CONSUMER) + in;
	if (used < out || used - out > f->capacity || out > dropped ||
	    (out && f->overflow != OVERWRITE))
		mismatch(w, "%llu were produced, %llu consumed, %llu dropped",
			 (unsigned long long)in, (unsigned long long)out,
			 (unsigned long long)dropped);
	if (dropped)
		memset(f->unknown, 1, f->capacity);
	else
		produced(f, in);
	fifo_moved(f, VFIFO_PRODUCER, in);
	fifo_moved(f, VFIFO_CONSUMER, out);
	f->dropped += dropped;
}

/* An attribute stays open while its device changes, or is removed. */
static void op_hold_attribute(struct world *w, const uint16_t *arg)
{
	const struct attribute *a = &attributes[arg[1] % ATTRIBUTES_COUNT];
	struct pollfd p = { .events = POLLIN | POLLPRI };
	char text[4096];

	if (w->held < 0) {
		w->held =
			open_attribute(some_number(arg[0]), a->name, O_RDONLY);
		return;
	}
	p.fd = w->held;
	expect(w, "poll of an attribute", poll(&p, 1, 0) < 0, 0);
	if (pread(w->held, text, sizeof(text), 0) < 0 && errno != ENODEV)
		mismatch(w, "an attribute that is open: %s", strerror(errno));
	if (arg[2] % 2)
		return;
	close(w->held);
	w->held = -1;
}

/* --- the framing ----------------------------------------------------------------------------- */

static int store_framing_of(int number, const char *word)
{
	char path[64];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/framing", number);
	return store_text(path, word, strlen(word));
}

/* A store to the attribute alone mostly fails, as something is stored or mapped. */
static void op_framing(struct world *w, const uint16_t *arg)
{
	const int number = numbers[arg[0] % 2];
	const char *word = framings[arg[1] % 4 > 0];
	struct fifo *f = w->fifos[number];
	char path[64];
	int err;

	if (w->user || (w->exact && !f))
		return;
	unmap_device(w, number);
	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/clear", number);
	err = store_text(path, "1", 1);
	expect(w, "clear", err, w->exact ? fifo_clear(f) : 0);
	err = store_framing_of(number, word);
	expect(w, "framing", err, w->exact ? store_framing(w, f, word) : 0);
}

/* --- devices ----------------------------------------------------------------------------------- */

static long change(const char *what, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), CLASS_FOLDER "%s", what);
	return -store_text(path, text, strlen(text));
}

/* In the model's mode the generator never comes to produce a byte. */
static void slow_generator(struct world *w, int number)
{
	static const char hour[] = "3600000000";
	char path[64];

	snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d/generator/period_us",
		 number);
	if (store_text(path, hour, strlen(hour)))
		mismatch(w, "%s: %s", path, strerror(errno));
	w->fifos[number]->period_us = 3600000000U;
}

/* A device's node is root's until udev has seen it, which the guests do not have. */
static void give_to_group(int number)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	if (!chown(path, 0, 900))
		chmod(path, 0660);
}

bool device_add(struct world *w, int number)
{
	char text[16];
	long ret;

	snprintf(text, sizeof(text), "%d", number);
	ret = change("add", text);
	expect(w, "add", ret, w->fifos[number] ? -EEXIST : 0);
	if (!ret && w->exact) {
		w->fifos[number] =
			fifo_new(number, CAPACITY, VFIFO_MEMORY_CACHED);
		slow_generator(w, number);
	} else if (!ret) {
		give_to_group(number);
	}
	return !ret;
}

void device_remove(struct world *w, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	expect(w, "remove", change("remove", text),
	       w->fifos[number] ? 0 : -ENODEV);
	if (w->exact && w->fifos[number]) {
		fifo_remove(w->fifos[number]);
		w->fifos[number] = NULL;
	}
}

/* On a kernel with fault injection: the n-th allocation of this task fails. */
void fail_nth(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	/* An earlier number can make these calls fail. */
	for (int tries = 0; tries < 4; tries++)
		if (!store_text("/proc/thread-self/fail-nth", text,
				strlen(text)))
			break;
}

static void op_add(struct world *w, const uint16_t *arg)
{
	const int number = numbers[arg[0] % NUMBERS];
	bool added;

	if (w->user) {
		expect(w, "add", change("add", "7"), 0);
		if (!access(CLASS_FOLDER "vfifo7", F_OK))
			mismatch(w, "user %d adds a device", (int)w->user);
		return;
	}
	if (arg[1] % 8 == 0) {
		expect(w, "add", change("add", numbers_texts[arg[2] % 4]),
		       -EINVAL);
		return;
	}
	if (!w->exact && arg[1] % 2)
		fail_nth(1 + arg[2] % 500);
	added = device_add(w, number);
	if (!w->exact && arg[1] % 2)
		fail_nth(0);
	/* Later the device is mapped by one process or another all the time. */
	if (!w->exact && added && arg[2] % 2)
		store_framing_of(number, "records");
}

static void op_remove(struct world *w, const uint16_t *arg)
{
	const int number = numbers[arg[0] % NUMBERS];
	const struct description d = { .number = number };

	if (w->user) {
		expect(w, "remove", change("remove", "0"), 0);
		return;
	}
	if (arg[1] % 8 == 0)
		expect(w, "remove", change("remove", numbers_texts[arg[2] % 4]),
		       -EINVAL);
	else if (w->exact || care_of(&d) == CARE_NOT)
		device_remove(w, number);
}

/* A module that is in use stays, and is not loaded twice. */
static void op_module(struct world *w, const uint16_t *arg)
{
	const char *path = getenv("VFIFO_KO");
	struct file_slot *f = some_file(w, arg[0]);
	int ko;

	if (!f)
		return;
	if (arg[1] % 4 || !path) {
		long ret = outcome(
			syscall(SYS_delete_module, "vfifo", O_NONBLOCK));

		expect(w, "delete_module", ret, -EAGAIN);
		if (ret != -EAGAIN && ret != -EPERM)
			mismatch(w, "delete_module returns %ld", ret);
		return;
	}
	ko = open(path, O_RDONLY | O_CLOEXEC);
	if (ko < 0)
		return;
	expect(w, "finit_module", outcome(syscall(SYS_finit_module, ko, "", 0)),
	       -EEXIST);
	close(ko);
}

const struct operation control_operations[] = {
	{ "fionread", "unlocked_ioctl", 150, 75, op_fionread },
	{ "clear", "unlocked_ioctl", 40, 50, op_clear },
	{ "set-mode", "unlocked_ioctl", 40, 50, op_set_mode },
	{ "kick", "unlocked_ioctl", 125, 125, op_kick },
	{ "end", "unlocked_ioctl", 40, 40, op_end },
	{ "unknown-ioctl", "unlocked_ioctl", 25, 25, op_unknown_ioctl },
	{ "show", "", 200, 100, op_show },
	{ "show-all", "", 3, 5, op_show_all },
	{ "set", "", 250, 150, op_store_attribute },
	{ "generate", "", 3, 0, op_generate },
	{ "framing", "", 15, 30, op_framing },
	{ "hold-attribute", "", 5, 50, op_hold_attribute },
	{ "add", "", 4, 6, op_add },
	{ "remove", "", 3, 5, op_remove },
	{ "module", "", 1, 1, op_module },
	{ 0 },
};
