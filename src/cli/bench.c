// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo bench: what a device does on this machine, beside a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfifo.h>

#include "interrupt.h"
#include "measure.h"

#define ROUNDS 5
#define ROUNDS_MAX 1000
#define SECONDS 0.15
#define HANDOVERS 200
#define SMALL 64
#define LARGE 65536

static const struct column columns[] = {
	{ "WHAT", "what is measured", false, false },
	{ "WAY", "pipe; calls: read and write; mapped: both sides claimed",
	  false, false },
	{ "VALUE", "the median of the rounds", true, true },
	{ "UNIT", "of the value", false, false },
	{ "RATIO", "how many times as good as the pipe", true, true },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define DEFAULTS "WHAT,WAY,VALUE,UNIT,RATIO"

static const char *const ways[] = {
	[WAY_PIPE] = "pipe",
	[WAY_CALLS] = "calls",
	[WAY_MAPPED] = "mapped",
};

/* What is measured; the large messages are a quarter of the capacity at most. */
static const struct figure {
	const char *name, *unit;
	size_t bytes;
	bool handover, spins;
	double scale; /* from bytes a second, or seconds, to the unit */
} figures[] = {
	{ "stream", "MB/s", LARGE, false, false, 1e-6 },
	{ "small messages", "M/s", SMALL, false, false, 1e-6 / SMALL },
	{ "to a reader that sleeps", "us", SMALL, true, false, 1e6 },
	{ "to a reader that looks", "us", SMALL, true, true, 1e6 },
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

struct bench {
	struct device device;
	struct table_options table;
	uint64_t rounds, capacity;
	double (*values)[FIGURES][WAYS]; /* of each round */
};

static int help(void)
{
	printf("Usage: vfifo bench [OPTION...] [DEVICE]\n"
	       "Measures DEVICE on this machine, and a pipe in the same run, for some seconds:\n"
	       "a stream of 64 KiB messages (of less where the capacity is below 256 KiB),\n"
	       "small messages of 64 bytes, and the time that one takes from its writer to a\n"
	       "reader in another process. The device must be empty, and in nobody's use.\n\n"
	       "Options:\n"
	       "  -r, --rounds N        the median of so many (%d)\n" TABLE_HELP
	       "  -h, --help            this text\n",
	       ROUNDS);
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

/* --- whether it may be used ------------------------------------------------- */

static int stored(const struct device *d)
{
	complain(
		"bench: %s is busy: it has bytes stored; vfifo receive takes them out, and vfifo clear %s drops them",
		d->name, d->name);
	return EXIT_FAILED;
}

static int drops(const struct device *d)
{
	complain(
		"bench: %s drops what does not fit; for the time of it: sudo vfifo set %s overflow=block",
		d->name, d->name);
	return EXIT_FAILED;
}

static int waited_for(const struct device *d)
{
	complain(
		"bench: %s is busy: a process waits in it; to see which: sudo fuser -v %s",
		d->name, d->node);
	return EXIT_FAILED;
}

/* Whether somebody sleeps in a read(2) or write(2); or a negative errno. */
static int has_sleepers(const struct device *d)
{
	int fd = device_open(d, O_RDWR), need = 0;
	struct vfifo_status *status;

	if (fd < 0)
		return fd;
	status = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ,
		      MAP_SHARED, fd, VFIFO_MMAP_STATUS);
	if (status == MAP_FAILED)
		need = -errno;
	else
		need = (int)(__atomic_load_n(&status->need, __ATOMIC_RELAXED) &
			     (VFIFO_NEED_PRODUCER_SLEEP |
			      VFIFO_NEED_CONSUMER_SLEEP));
	if (need >= 0)
		munmap(status, (size_t)sysconf(_SC_PAGESIZE));
	close(fd);
	return need;
}

static bool is_used(const struct device *d)
{
	static const char *const users[] = { "producer", "consumer", "mode",
					     "mappings" };
	uint64_t value;

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (!attribute_number(d, users[i], &value) && value)
			return true;
	return false;
}

static int check_unused(const struct device *d)
{
	char overflow[ATTR_MAX];
	uint64_t size;
	int sleepers;

	if (is_used(d))
		return explain(-EBUSY, d, "bench");
	if (!attribute_number(d, "size", &size) && size)
		return stored(d);
	if (!attribute_get(d, "overflow", overflow, sizeof(overflow)) &&
	    strcmp(overflow, "block"))
		return drops(d);
	sleepers = has_sleepers(d);
	if (sleepers < 0)
		return explain(sleepers, d, "bench");
	return sleepers ? waited_for(d) : EXIT_OK;
}

/* What was on its way when a measurement ended. */
static int drop_rest(const struct device *d)
{
	int fd = device_open(d, O_RDWR), err = 0;

	if (fd < 0)
		return fd;
	if (ioctl(fd, VFIFO_CLEAR))
		err = -errno;
	close(fd);
	return err;
}

/* --- measuring -------------------------------------------------------------- */

static size_t message_size(const struct bench *b, const struct figure *f)
{
	return f->bytes < b->capacity / 4 ? f->bytes : b->capacity / 4;
}

static int measure_one(const struct bench *b, const struct figure *f,
		       enum way way, double *value)
{
	const struct measure m = {
		.device = &b->device,
		.way = way,
		.bytes = message_size(b, f),
		.spins = f->spins,
		.seconds = SECONDS,
		.n = HANDOVERS,
	};
	int err = f->handover ? measure_handover(&m, value) :
				measure_stream(&m, value);
	int rest = way == WAY_PIPE ? 0 : drop_rest(&b->device);

	*value *= f->scale;
	return err ? err : rest;
}

static int measure_round(const struct bench *b, size_t round)
{
	int err = 0;

	for (size_t f = 0; f < FIGURES; f++)
		for (int way = 0; !err && way < WAYS; way++)
			err = measure_one(b, &figures[f], way,
					  &b->values[round][f][way]);
	return err;
}

static int measure_all(struct bench *b)
{
	int err = 0;

	b->values = calloc(b->rounds, sizeof(*b->values));
	if (!b->values)
		return -ENOMEM;
	for (size_t i = 0; !err && i < b->rounds; i++)
		err = measure_round(b, i);
	return err;
}

/* --- what came out ---------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static double median(const struct bench *b, size_t f, int way)
{
	double values[ROUNDS_MAX];

	for (size_t i = 0; i < b->rounds; i++)
		values[i] = b->values[i][f][way];
	qsort(values, b->rounds, sizeof(*values), compare);
	return values[b->rounds / 2];
}

static void row(struct table *t, const struct bench *b, size_t f, int way)
{
	double value = median(b, f, way), of_pipe = median(b, f, WAY_PIPE);
	double ratio = figures[f].handover ? of_pipe / value : value / of_pipe;
	char text[32];

	table_row(t);
	table_text(t, "WHAT", figures[f].name);
	table_text(t, "WAY", ways[way]);
	snprintf(text, sizeof(text), "%.*f", value < 100 ? 2 : 0, value);
	table_text(t, "VALUE", text);
	table_text(t, "UNIT", figures[f].unit);
	snprintf(text, sizeof(text), "%.2f", ratio);
	table_text(t, "RATIO", text);
}

static int show(const struct bench *b)
{
	struct table t;
	int code =
		table_begin(&t, "bench", &b->table, columns, COLUMNS, DEFAULTS);

	if (code)
		return code;
	/* No JSON has a comma for a point. */
	if (b->table.json)
		setlocale(LC_NUMERIC, "C");
	for (size_t f = 0; f < FIGURES; f++)
		for (int way = 0; way < WAYS; way++)
			row(&t, b, f, way);
	return table_end(&t);
}

static int run(struct bench *b)
{
	int code = check_unused(&b->device), err;

	if (code)
		return code;
	err = attribute_number(&b->device, "capacity", &b->capacity);
	if (err)
		return explain(err, &b->device, "bench");
	interrupts_begin();
	err = measure_all(b);
	interrupts_end();
	if (interrupts())
		interrupt_die(interrupt_signal());
	code = err ? explain(err, &b->device, "bench") : show(b);
	free(b->values);
	return code;
}

/* --- the command line ------------------------------------------------------- */

static int take_option(struct bench *b, int c)
{
	if (table_option(&b->table, c, optarg))
		return EXIT_OK;
	if (c != 'r')
		return misused("bench", NULL);
	if (parse_number(optarg, &b->rounds) || !b->rounds ||
	    b->rounds > ROUNDS_MAX)
		return misused("bench", "rounds are 1 to %d, not %s",
			       ROUNDS_MAX, optarg);
	return EXIT_OK;
}

/* -1: there is help to be given. */
static int take_options(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		TABLE_LONG,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, "r:h" TABLE_SHORT, options,
					 NULL)) != -1) {
		if (c == 'h')
			return -1;
		code = take_option(b, c);
	}
	return code;
}

int verb_bench(int argc, char **argv)
{
	struct bench b = { .rounds = ROUNDS };
	int code = take_options(&b, argc, argv);

	if (code < 0)
		return help();
	if (!code && argc - optind > 1)
		code = misused("bench", "what is %s?", argv[optind + 1]);
	if (!code)
		code = device_find(optind < argc ? argv[optind] : NULL,
				   &b.device);
	return code ? code : run(&b);
}
