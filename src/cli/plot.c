// SPDX-License-Identifier: GPL-2.0-or-later
/* The history of devices as an SVG: for each how full it was, and its rates below that. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plot.h"

#define WIDTH 900
#define LEFT 90
#define RIGHT 30
#define TITLE 56
#define PANEL 130
#define GAP 50
#define EACH (TITLE + 2 * (PANEL + GAP))

#define FILL_COLOUR "#0072b2"
#define IN_COLOUR "#009e73"
#define OUT_COLOUR "#d55e00"
#define DROP_COLOUR "#cc0000"

/* A rectangle of the picture, and what its edges stand for. */
struct panel {
	FILE *f;
	double top;
	double from, to; /* seconds */
	double most;	 /* at the top; 0 at the bottom */
	void (*label)(double value, char *buf, size_t size);
};

/* What a line shows of the ith look. */
typedef double value_of(const struct watched *d, size_t i);

static double fill_of(const struct watched *d, size_t i)
{
	return 100 * look_fill(&d->history[i]);
}

/* Since the look before it. The first has none, and is as the second. */
static const struct look *pair_at(const struct watched *d, size_t i)
{
	return &d->history[i ? i - 1 : 0];
}

static const struct look *next_of(const struct watched *d, const struct look *l)
{
	return d->looks > 1 ? l + 1 : l;
}

static double in_of(const struct watched *d, size_t i)
{
	const struct look *a = pair_at(d, i), *b = next_of(d, a);

	return look_rate(b->in, a->in, b->at - a->at);
}

static double out_of(const struct watched *d, size_t i)
{
	const struct look *a = pair_at(d, i), *b = next_of(d, a);

	return look_rate(b->out, a->out, b->at - a->at);
}

static double drop_of(const struct watched *d, size_t i)
{
	const struct look *a = pair_at(d, i), *b = next_of(d, a);

	return look_rate(b->dropped, a->dropped, b->at - a->at);
}

static double x_of(const struct panel *p, double at)
{
	return LEFT +
	       (at - p->from) / (p->to - p->from) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *p, double value)
{
	return p->top + PANEL * (1 - value / p->most);
}

/* --- axes ------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that there are about n of them up to `most`. */
static double step_for(double most, int n)
{
	double rough = most / n, power = pow(10, floor(log10(rough)));
	double digit = rough / power;

	return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

/* The same for bytes, which people count in powers of two. */
static double bytes_step(double most)
{
	double step = exp2(ceil(log2(most / 4)));

	return step < 1 ? 1 : step;
}

static void label_percent(double value, char *buf, size_t size)
{
	snprintf(buf, size, "%.0f%%", value);
}

static void label_rate(double value, char *buf, size_t size)
{
	char bytes[32];

	format_size((uint64_t)value, bytes, sizeof(bytes));
	snprintf(buf, size, "%s/s", bytes);
}

static void draw_level(const struct panel *p, double value)
{
	double y = y_of(p, value);
	char text[48];

	p->label(value, text, sizeof(text));
	fprintf(p->f,
		"<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n"
		"<text x='%d' y='%.1f' text-anchor='end'>%s</text>\n",
		LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, text);
}

static void draw_time(const struct panel *p, double seconds)
{
	double x = x_of(p, p->from + seconds);

	fprintf(p->f,
		"<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n"
		"<text x='%.1f' y='%.1f' text-anchor='middle'>%g s</text>\n",
		x, x, p->top, p->top + PANEL, x, p->top + PANEL + 18, seconds);
}

static void draw_axes(const struct panel *p, double step)
{
	double span = p->to - p->from, seconds = step_for(span, 8);

	for (double value = 0; value <= p->most * 1.001; value += step)
		draw_level(p, value);
	for (int i = 0; i * seconds <= span * 1.001; i++)
		draw_time(p, i * seconds);
	fprintf(p->f,
		"<rect x='%d' y='%.1f' width='%d' height='%d' fill='none' stroke='#888'/>\n",
		LEFT, p->top, WIDTH - LEFT - RIGHT, PANEL);
}

/* --- lines ------------------------------------------------------------------ */

static void draw_points(const struct panel *p, const struct watched *d,
			value_of *value)
{
	for (size_t i = 0; i < d->looks; i++)
		fprintf(p->f, "%.1f,%.1f ", x_of(p, d->history[i].at),
			y_of(p, value(d, i)));
}

static void draw_line(const struct panel *p, const struct watched *d,
		      value_of *value, const char *colour)
{
	fprintf(p->f,
		"<polyline fill='none' stroke='%s' stroke-width='1.8' points='",
		colour);
	draw_points(p, d, value);
	fprintf(p->f, "'/>\n");
}

static void draw_area(const struct panel *p, const struct watched *d,
		      value_of *value, const char *colour)
{
	double bottom = p->top + PANEL;

	fprintf(p->f,
		"<polygon fill='%s' fill-opacity='0.25' points='%.1f,%.1f ",
		colour, x_of(p, d->history[0].at), bottom);
	draw_points(p, d, value);
	fprintf(p->f, "%.1f,%.1f'/>\n", x_of(p, d->history[d->looks - 1].at),
		bottom);
}

static double highest(const struct watched *d, value_of *value, double most)
{
	for (size_t i = 0; i < d->looks; i++)
		most = fmax(most, value(d, i));
	return most;
}

/* --- text ------------------------------------------------------------------- */

static void write_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&'\"", *text))
			fprintf(f, "&#%d;", *text);
		else
			fputc(*text, f);
	}
}

static void draw_title(FILE *f, const struct watched *d, double top)
{
	char capacity[32], dropped[32];

	format_size(d->now.capacity, capacity, sizeof(capacity));
	format_size(d->now.dropped, dropped, sizeof(dropped));
	fprintf(f, "<text x='%d' y='%.1f' font-size='16' font-weight='bold'>%s",
		LEFT, top + 24, d->device.name);
	if (*d->label) {
		fputs(", ", f);
		write_escaped(f, d->label);
	}
	fprintf(f,
		"</text>\n<text x='%d' y='%.1f' text-anchor='end'>capacity %s, dropped %s</text>\n",
		WIDTH - RIGHT, top + 24, capacity, dropped);
}

/* A name above the panel, the nth from the right. */
static void draw_name(const struct panel *p, int n, const char *name,
		      const char *colour)
{
	fprintf(p->f,
		"<text x='%d' y='%.1f' text-anchor='end' font-weight='bold' fill='%s'>%s</text>\n",
		WIDTH - RIGHT - 70 * n, p->top - 7, colour, name);
}

/* --- all of it -------------------------------------------------------------- */

static void draw_fill(FILE *f, const struct watched *d, struct panel p)
{
	p.f = f;
	p.most = 100;
	p.label = label_percent;
	draw_axes(&p, 25);
	draw_area(&p, d, fill_of, FILL_COLOUR);
	draw_line(&p, d, fill_of, FILL_COLOUR);
	draw_name(&p, 0, "fill", FILL_COLOUR);
}

static void draw_rates(FILE *f, const struct watched *d, struct panel p)
{
	double most = highest(d, in_of, 4), step;

	most = highest(d, drop_of, highest(d, out_of, most));
	step = bytes_step(most);
	p.f = f;
	p.most = step * ceil(most / step);
	p.label = label_rate;
	draw_axes(&p, step);
	draw_line(&p, d, in_of, IN_COLOUR);
	draw_line(&p, d, out_of, OUT_COLOUR);
	if (highest(d, drop_of, 0) > 0) {
		draw_line(&p, d, drop_of, DROP_COLOUR);
		draw_name(&p, 2, "dropped", DROP_COLOUR);
	}
	draw_name(&p, 0, "out", OUT_COLOUR);
	draw_name(&p, 1, "in", IN_COLOUR);
}

static void draw_device(FILE *f, const struct watched *d, double top)
{
	struct panel p = {
		.top = top + TITLE,
		.from = d->history[0].at,
		.to = d->history[d->looks - 1].at,
	};

	/* One look is a point in time, which no axis can be made of. */
	if (p.to <= p.from)
		p.to = p.from + 1;
	draw_title(f, d, top);
	draw_fill(f, d, p);
	p.top += PANEL + GAP;
	draw_rates(f, d, p);
}

static void draw(FILE *f, const struct watch *w)
{
	int height = EACH * (int)w->n + 10;

	fprintf(f,
		"<?xml version='1.0' encoding='UTF-8'?>\n"
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d'"
		" viewBox='0 0 %d %d' font-family='sans-serif' font-size='12'>\n"
		"<title>vfifo: fill and rates over time</title>\n"
		"<rect width='100%%' height='100%%' fill='white'/>\n",
		WIDTH, height, WIDTH, height);
	for (size_t i = 0; i < w->n; i++)
		draw_device(f, &w->list[i], EACH * (double)i);
	fprintf(f, "</svg>\n");
}

/* With points in its numbers, whatever the locale's are. */
static void draw_in_c(FILE *f, const struct watch *w)
{
	locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before;

	before = uselocale(c);
	draw(f, w);
	uselocale(before);
	if (c)
		freelocale(c);
}

int plot_write(const struct watch *w, const char *file)
{
	FILE *f = fopen(file, "we");
	bool bad = !f;

	if (f) {
		draw_in_c(f, w);
		bad = ferror(f);
		bad = fclose(f) || bad;
	}
	if (!bad)
		return EXIT_OK;
	complain("%s: %m", file);
	return EXIT_FAILED;
}
