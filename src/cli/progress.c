// SPDX-License-Identifier: GPL-2.0-or-later
/* The progress line, on standard error if this is a terminal. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "interrupt.h"
#include "pace.h"
#include "progress.h"

#define LINE_MAX_CHARS 160

/* The weight of the newest rate in the smoothed one, so that the number changes slowly. */
#define NEWER 0.4

void progress_begin(struct progress *p, const char *name, const char *verb,
		    uint64_t size)
{
	*p = (struct progress){
		.on = isatty(STDERR_FILENO),
		.name = name,
		.verb = verb,
		.size = size,
		.began = now_seconds(),
	};
	p->shown = p->began;
}

static unsigned int width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		return 80;
	return w.ws_col;
}

struct line {
	char text[LINE_MAX_CHARS];
	size_t length;
};

static void add(struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *fmt, ...)
{
	size_t space = sizeof(l->text) - l->length;
	va_list arguments;
	int n;

	va_start(arguments, fmt);
	n = vsnprintf(l->text + l->length, space, fmt, arguments);
	va_end(arguments);
	if (n > 0)
		l->length += (size_t)n < space ? (size_t)n : space - 1;
}

static void add_size(struct line *l, uint64_t bytes)
{
	char text[32];

	format_size(bytes, text, sizeof(text));
	add(l, "%s", text);
}

static void add_left(struct line *l, const struct progress *p, uint64_t done)
{
	double seconds;

	if (p->size == UINT64_MAX || p->rate < 1)
		return;
	seconds = (double)(p->size - done) / p->rate;
	if (seconds < 360000)
		add(l, "  %d:%02d:%02d left", (int)seconds / 3600,
		    (int)seconds / 60 % 60, (int)seconds % 60);
}

static void update_rate(struct progress *p, uint64_t done, double now)
{
	double rate = (double)(done - p->done) / (now - p->shown);

	p->rate = p->done ? p->rate + NEWER * (rate - p->rate) : rate;
	p->done = done;
	p->shown = now;
}

void progress_show(struct progress *p, const struct progress_state *s)
{
	struct line l = { .length = 0 };
	double now;

	if (!p->on)
		return;
	now = now_seconds();
	if (now - p->shown < TICK_MS / 1e3 || !in_foreground(STDERR_FILENO))
		return;
	update_rate(p, s->done, now);
	add(&l, "%s: ", p->name);
	add_size(&l, s->done);
	if (p->size != UINT64_MAX) {
		add(&l, " of ");
		add_size(&l, p->size);
	}
	add(&l, "  ");
	add_size(&l, (uint64_t)p->rate);
	add(&l, "/s");
	if (s->capacity)
		add(&l, "  fill %d%%", (int)(s->stored * 100 / s->capacity));
	add_left(&l, p, s->done);
	/* Cut off, as \r would not return to the beginning of a wrapped line. */
	fprintf(stderr, "\r%.*s\033[K", (int)width() - 1, l.text);
	fflush(stderr);
}

void progress_end(struct progress *p, uint64_t done)
{
	double took = now_seconds() - p->began;
	struct line l = { .length = 0 };

	if (!p->on || !in_foreground(STDERR_FILENO))
		return;
	add(&l, "%s: ", p->name);
	add_size(&l, done);
	add(&l, " %s in %.1f s, ", p->verb, took);
	add_size(&l, took > 0 ? (uint64_t)((double)done / took) : 0);
	fprintf(stderr, "\r%s/s\033[K\n", l.text);
	p->on = false;
}
