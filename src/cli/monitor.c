// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo monitor: devices live, as a table of one moment, or as a picture of some time. */
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interrupt.h"
#include "pace.h"
#include "plot.h"
#include "screen.h"
#include "watch.h"

#define INTERVAL_MIN 0.05

static const struct column columns[] = {
	{ "NAME", "the device", false, false },
	{ "LABEL", "its label", false, false },
	{ "SIZE", "bytes stored", true, true },
	{ "CAPACITY", "bytes that can be stored", true, true },
	{ "FILL", "how full it is, in percent", true, true },
	{ "IN", "bytes a second that come in", true, true },
	{ "OUT", "bytes a second that go out", true, true },
	{ "DROP", "bytes a second that are dropped", true, true },
	{ "TOTAL-IN", "bytes that ever came in", true, true },
	{ "TOTAL-OUT", "bytes that ever went out", true, true },
	{ "DROPPED", "bytes that were ever dropped", true, true },
	{ "MODE", "1: the generator produces", true, true },
	{ "PRODUCER", "process that claims this side, or 0", true, true },
	{ "CONSUMER", "process that claims this side, or 0", true, true },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define DEFAULTS \
	"NAME,LABEL,SIZE,CAPACITY,FILL,IN,OUT,DROPPED,PRODUCER,CONSUMER"

struct monitor {
	struct watch watch;
	struct table_options table;
	double interval, duration; /* seconds; 0: without end */
	bool once;
	const char *plot;
};

static int help(void)
{
	printf("Usage: vfifo monitor [OPTION...] [DEVICE...]\n"
	       "Shows the devices, or those that are named, live: how full each is and was,\n"
	       "what goes in and out and is dropped, and who holds its sides. q quits.\n\n"
	       "Options:\n"
	       "  -i, --interval SECONDS  between two looks (1)\n"
	       "  -d, --duration SECONDS  end after that time\n"
	       "  -p, --plot FILE.svg     at the end write fill and rates over time as a\n"
	       "                          picture; without a terminal show nothing else\n"
	       "  -1, --once              a table, of one interval\n"
	       "  -h, --help              this text\n"
	       "Of --once, and each stands for it:\n" TABLE_HELP);
	print_columns(columns, COLUMNS);
	return EXIT_OK;
}

/* --- once ------------------------------------------------------------------- */

static void row(struct table *t, const struct watched *d)
{
	char fill[32];

	snprintf(fill, sizeof(fill), "%d%s", (int)(100 * look_fill(&d->now)),
		 t->options->json ? "" : "%");
	table_row(t);
	table_text(t, "NAME", d->device.name);
	table_text(t, "LABEL", d->label);
	table_size(t, "SIZE", d->now.size);
	table_size(t, "CAPACITY", d->now.capacity);
	table_text(t, "FILL", fill);
	table_size(t, "IN", (uint64_t)(d->in_rate + 0.5));
	table_size(t, "OUT", (uint64_t)(d->out_rate + 0.5));
	table_size(t, "DROP", (uint64_t)(d->drop_rate + 0.5));
	table_size(t, "TOTAL-IN", d->now.in);
	table_size(t, "TOTAL-OUT", d->now.out);
	table_size(t, "DROPPED", d->now.dropped);
	table_number(t, "MODE", d->mode);
	table_number(t, "PRODUCER", d->producer);
	table_number(t, "CONSUMER", d->consumer);
}

static int show_once(const struct monitor *m)
{
	struct table t;
	int code = table_begin(&t, "devices", &m->table, columns, COLUMNS,
			       DEFAULTS);

	for (size_t i = 0; !code && i < m->watch.n; i++)
		row(&t, &m->watch.list[i]);
	return code ? code : table_end(&t);
}

/* --- over time -------------------------------------------------------------- */

static void sleep_until(double end)
{
	double seconds = end - now_seconds();
	struct timespec t = { .tv_sec = (time_t)seconds };

	if (seconds <= 0)
		return;
	t.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
	nanosleep(&t, NULL);
}

/* false: it was q, or a signal. */
static bool wait_until(const struct monitor *m, double end, bool screen)
{
	while (!interrupts() && now_seconds() < end) {
		if (!screen)
			sleep_until(end);
		else if (!screen_wait(&m->watch, m->interval,
				      end - now_seconds()))
			return false;
	}
	return !interrupts();
}

/* A last interval that is next to nothing would give a rate of next to nothing. */
static double next_look(const struct monitor *m, double last, double end)
{
	double next = fmax(last + m->interval, now_seconds());

	return end - next < m->interval / 2 ? end : next;
}

/* A look at each interval, by the clock, however long a look takes. */
static int watch_on(struct monitor *m, bool screen)
{
	double next = now_seconds(), end = HUGE_VAL;
	int err;

	if (m->duration > 0)
		end = next + m->duration;
	do {
		err = watch_update(&m->watch);
		if (!err && screen)
			screen_draw(&m->watch, m->interval);
		if (next >= end)
			break;
		next = next_look(m, next, end);
	} while (!err && wait_until(m, next, screen));
	return err;
}

static int run_live(struct monitor *m)
{
	bool screen = !screen_begin();
	int err;

	if (!screen && !m->plot) {
		complain(
			"this is no terminal to show it on; for a table: vfifo monitor --once");
		return EXIT_FAILED;
	}
	err = watch_on(m, screen);
	if (screen)
		screen_end();
	if (err)
		return explain(err, NULL, "monitor");
	return m->plot ? plot_write(&m->watch, m->plot) : EXIT_OK;
}

static int run_once(struct monitor *m)
{
	int err;

	m->duration = m->interval;
	err = watch_on(m, false);
	if (err)
		return explain(err, NULL, "monitor");
	return interrupts() ? EXIT_FAILED : show_once(m);
}

/* SIGINT is how one ends what has no end, so that is no failure. */
static int run(struct monitor *m)
{
	int code;

	interrupts_begin();
	code = m->once ? run_once(m) : run_live(m);
	interrupts_end();
	watch_free(&m->watch);
	if (interrupts() && (m->once || interrupt_signal() != SIGINT))
		interrupt_die(interrupt_signal());
	return code;
}

/* --- the command line ------------------------------------------------------- */

/* -1: there is none that is at least so long. */
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
		m->once = true;
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
		return misused("monitor", "%s is no time in seconds", optarg);
	case 'p':
		m->plot = optarg;
		return EXIT_OK;
	case '1':
		m->once = true;
		return EXIT_OK;
	}
	return misused("monitor", NULL);
}

/* -1: there is help to be given. */
static int take_options(struct monitor *m, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "duration", required_argument, NULL, 'd' },
		{ "plot", required_argument, NULL, 'p' },
		{ "once", no_argument, NULL, '1' },
		TABLE_LONG,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, code = EXIT_OK;

	while (!code && (c = getopt_long(argc, argv, "i:d:p:1h" TABLE_SHORT,
					 options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		code = take_option(m, c);
	}
	if (!code && m->once && m->plot)
		code = misused("monitor", "a table has no --plot");
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
	code = watch_begin(&m.watch, m.plot ? SIZE_MAX : SCREEN_HISTORY,
			   argv + optind, (size_t)(argc - optind));
	if (code) {
		watch_free(&m.watch);
		return code;
	}
	return run(&m);
}
