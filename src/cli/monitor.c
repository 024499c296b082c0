// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfifo monitor: devices live on the terminal, as a table of one interval, or as a series of
 * JSON objects. src/examples/plot.py makes a picture of a series: a picture needs nothing from
 * this command but the numbers, and everybody wants another one.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "pace.h"
#include "screen.h"
#include "watch.h"

#define INTERVAL_MIN 0.05

enum {
	NAME,
	SIZE,
	CAPACITY,
	FILL,
	IN,
	OUT,
	DROP,
	TOTAL_IN,
	TOTAL_OUT,
	DROPPED,
	MODE,
	PRODUCER,
	CONSUMER,
	LABEL,
	TIME,
	COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[NAME] = { "NAME", "the device", false, false },
	[SIZE] = { "SIZE", "bytes stored", true, false },
	[CAPACITY] = { "CAPACITY", "bytes that can be stored", true, false },
	[FILL] = { "FILL", "how full it is, in percent", true, false },
	[IN] = { "IN", "bytes produced per second", true, false },
	[OUT] = { "OUT", "bytes consumed per second", true, false },
	[DROP] = { "DROP", "bytes dropped per second", true, true },
	[TOTAL_IN] = { "TOTAL-IN", "bytes ever produced", true, true },
	[TOTAL_OUT] = { "TOTAL-OUT", "bytes ever consumed", true, true },
	[DROPPED] = { "DROPPED", "bytes ever dropped", true, false },
	[MODE] = { "MODE", "1: the generator produces", true, true },
	[PRODUCER] = { "PRODUCER", "process that claims this side, or 0", true,
		       false },
	[CONSUMER] = { "CONSUMER", "process that claims this side, or 0", true,
		       false },
	[LABEL] = { "LABEL", "its label", false, false },
	[TIME] = { "TIME", "seconds since 1970 (a series has it by default)",
		   true, true },
};

struct monitor {
	struct watch watch;
	struct table_options table;
	double interval, duration; /* seconds; 0: without end */
	enum { LIVE, ONCE, SERIES } form;
	bool unread; /* standard output has no reader any more */
};

static int help(void)
{
	printf("Usage: vfifo monitor [OPTION...] [DEVICE...]\n"
	       "Shows the named devices, or all, live: how full each is and was, its rates,\n"
	       "and the processes that claim its sides. q quits.\n\n"
	       "Options:\n"
	       "  -i, --interval SECONDS  between two readings (1)\n"
	       "  -d, --duration SECONDS  end after that time\n"
	       "  -1, --once              print the rates of one interval as a table\n"
	       "  -J, --json              without --once: a JSON object for each interval, each on\n"
	       "                          a line of its own\n"
	       "  -h, --help              this text\n"
	       "Options of the table (which imply --once) and of JSON:\n" TABLE_HELP);
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

/* --- tables ----------------------------------------------------------------- */

static void time_cell(struct table *t)
{
	struct timespec now;
	char text[48];

	clock_gettime(CLOCK_REALTIME, &now);
	/* Without %f, which may print a comma. */
	snprintf(text, sizeof(text), "%lld.%03ld", (long long)now.tv_sec,
		 now.tv_nsec / 1000000);
	table_raw(t, TIME, text);
}

static void row(struct table *t, const struct watched *d)
{
	table_row(t);
	table_text(t, NAME, d->device.name);
	table_text(t, LABEL, d->label);
	table_size(t, SIZE, d->now.size);
	table_size(t, CAPACITY, d->now.capacity);
	table_percent(t, FILL, d->now.size, d->now.capacity);
	table_size(t, IN, (uint64_t)(d->in_rate + 0.5));
	table_size(t, OUT, (uint64_t)(d->out_rate + 0.5));
	table_size(t, DROP, (uint64_t)(d->drop_rate + 0.5));
	table_size(t, TOTAL_IN, d->now.in);
	table_size(t, TOTAL_OUT, d->now.out);
	table_size(t, DROPPED, d->now.dropped);
	table_number(t, MODE, d->mode);
	table_number(t, PRODUCER, d->producer);
	table_number(t, CONSUMER, d->consumer);
	time_cell(t);
}

static int show(const struct monitor *m)
{
	struct table t;
	int code = table_begin(&t, "devices", &m->table, columns, COLUMNS);

	for (size_t i = 0; !code && i < m->watch.n; i++)
		row(&t, &m->watch.list[i]);
	return code ? code : table_end(&t);
}

/* Flushed, as the reader acts on each line. Return: the exit code. */
static int show_line(struct monitor *m)
{
	int code = show(m);

	if (code || !fflush(stdout))
		return code;
	m->unread = errno == EPIPE;
	if (!m->unread)
		complain("standard output: %m");
	return EXIT_FAILED;
}

/* --- over time -------------------------------------------------------------- */

static void sleep_until(double end)
{
	double seconds = end - now_seconds();
	struct timespec t = { .tv_sec = (time_t)seconds };

	if (seconds <= 0)
		return;
	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

/*
 * Looks for a key once at least, as the readings may take longer than the interval. false: the
 * user pressed q, or a signal came.
 */
static bool wait_until(const struct monitor *m, double end)
{
	do {
		if (interrupts())
			return false;
		if (m->form != LIVE)
			sleep_until(end);
		else if (!screen_wait(&m->watch, m->interval,
				      end - now_seconds()))
			return false;
	} while (now_seconds() < end);
	return !interrupts();
}

/* A short last interval is merged with the one before, as its rates would be inexact. */
static double next_reading(const struct monitor *m, double last, double end)
{
	double next = fmax(last + m->interval, now_seconds());

	return end - next < m->interval / 2 ? end : next;
}

static int show_reading(struct monitor *m, bool first)
{
	if (m->form == LIVE)
		return screen_draw(&m->watch, m->interval);
	/* The first reading has no rates. */
	return m->form == SERIES && !first ? show_line(m) : EXIT_OK;
}

/* Reads at the times begin + n * interval, however long a reading takes. */
static int watch_on(struct monitor *m)
{
	double next = now_seconds(), end = HUGE_VAL;
	bool first = true;
	int code;

	if (m->duration > 0)
		end = next + m->duration;
	do {
		int err = watch_update(&m->watch);

		code = err ? explain(err, NULL, "monitor") :
			     show_reading(m, first);
		first = false;
		if (next >= end)
			break;
		next = next_reading(m, next, end);
	} while (!code && wait_until(m, next));
	return code;
}

static int run(struct monitor *m)
{
	int code;

	if (m->form == LIVE &&
	    !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
		complain(
			"this is not a terminal; for a table: vfifo monitor --once");
		return EXIT_FAILED;
	}
	if (m->form == ONCE)
		m->duration = m->interval;
	interrupts_begin();
	code = watch_on(m);
	interrupts_end();
	if (m->form == LIVE)
		screen_end();
	if (m->form == ONCE && !interrupts() && !code)
		code = show(m);
	watch_free(&m->watch);
	/* SIGINT is the usual way to end what has no other end. */
	if (interrupts() && (m->form == ONCE || interrupt_signal() != SIGINT))
		interrupt_die(interrupt_signal());
	if (m->unread)
		interrupt_die(SIGPIPE);
	return code;
}

/* --- the command line ------------------------------------------------------- */

/* -1: not a number of at least `least`. */
static double parse_seconds(const char *text, double least)
{
	char *end;
	double seconds = strtod(text, &end);

	return end == text || *end || !(seconds >= least && seconds < 1e9) ?
		       -1 :
		       seconds;
}

static int take_option(struct monitor *m, int c)
{
	if (table_option(&m->table, c, optarg)) {
		if (c == 'J' && m->form == LIVE)
			m->form = SERIES;
		return EXIT_OK;
	}
	switch (c) {
	case 'i':
		m->interval = parse_seconds(optarg, INTERVAL_MIN);
		if (m->interval > 0)
			return EXIT_OK;
		return misused("monitor",
			       "an interval is at least %g seconds, not %s",
			       INTERVAL_MIN, optarg);
	case 'd':
		m->duration = parse_seconds(optarg, INTERVAL_MIN);
		if (m->duration > 0)
			return EXIT_OK;
		return misused("monitor",
			       "a duration is at least %g seconds, not %s",
			       INTERVAL_MIN, optarg);
	case '1':
		m->form = ONCE;
		return EXIT_OK;
	}
	return misused("monitor", NULL);
}

/* -1: the user asked for help. */
static int take_options(struct monitor *m, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "duration", required_argument, NULL, 'd' },
		{ "once", no_argument, NULL, '1' },
		TABLE_LONG,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct table_options *o = &m->table;
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, "i:d:1h" TABLE_SHORT,
					 options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		code = take_option(m, c);
	}
	if (m->form == LIVE && (o->bytes || o->noheadings || o->output))
		m->form = ONCE;
	if (m->form == SERIES) {
		o->one_line = true;
		if (!o->output)
			o->output = "+TIME";
	}
	return code;
}

int verb_monitor(int argc, char **argv)
{
	struct monitor m = { .interval = 1 };
	int code = take_options(&m, argc, argv);

	if (code < 0)
		return help();
	if (code)
		return code;
	code = watch_begin(&m.watch, m.form == LIVE ? SCREEN_HISTORY : 0,
			   argv + optind, (size_t)(argc - optind));
	if (code) {
		watch_free(&m.watch);
		return code;
	}
	return run(&m);
}
