// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The live view. A device has four lines: how full it is, its rates, the processes that
 * claim it, and how full it was. A blank line separates two devices.
 */
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "screen.h"

#define LINES_EACH 5
#define HEADER 2
#define BAR_MIN 10

enum { GOOD = 1, HIGH, FULL, FAINT };

/* Eighths of a cell, filled from the left and from the bottom. */
static const char *const across[] = { " ", "▏", "▎", "▍", "▌",
				      "▋", "▊", "▉", "█" };
static const char *const upward[] = { " ", "▁", "▂", "▃", "▄",
				      "▅", "▆", "▇", "█" };
/* For a terminal without UTF-8. */
static const char *const plain_across[] = { " ", " ", " ", " ", "-",
					    "-", "-", "=", "#" };
static const char *const plain_upward[] = { " ", ".", ".", ":", "-",
					    "=", "+", "*", "#" };

static struct {
	bool begun, utf8;
	size_t first;		       /* index of the device on top */
	volatile sig_atomic_t stopped; /* SIGTSTP came */
} view;

/* As the default action, but the terminal is restored first: see suspend(). */
static void handle_stop(int signal)
{
	(void)signal;
	view.stopped = 1;
}

/* false: TERM does not name a known terminal. */
static bool begin(void)
{
	const struct sigaction stop = { .sa_handler = handle_stop };
	SCREEN *s = newterm(NULL, stdout, stdin);

	if (!s)
		return false;
	view.begun = true;
	view.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	set_term(s);
	/* ncurses would draw when a shell continues this process in the background. */
	sigaction(SIGTSTP, &stop, NULL);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(GOOD, COLOR_GREEN, -1);
		init_pair(HIGH, COLOR_YELLOW, -1);
		init_pair(FULL, COLOR_RED, -1);
		init_pair(FAINT, COLOR_CYAN, -1);
	}
	return true;
}

void screen_end(void)
{
	/* After suspend() the terminal is the shell's. */
	if (view.begun && !isendwin())
		endwin();
}

/* Stops until the shell continues this process. refresh() restores the screen later. */
static void suspend(void)
{
	view.stopped = 0;
	endwin();
	raise(SIGSTOP);
}

/* --- pieces of a line ------------------------------------------------------- */

static int eighths_of(double part, int cells)
{
	int all = 8 * cells, n = (int)(part * all + 0.5);

	/* A single stored byte is visible, and so is a single free byte. */
	if (part > 0 && !n)
		n = 1;
	if (part < 1 && n >= all)
		n = all - 1;
	return n < 0 ? 0 : n > all ? all : n;
}

static int colour_of(double fill)
{
	return COLOR_PAIR(fill >= 0.95 ? FULL : fill >= 0.75 ? HIGH : GOOD);
}

static void draw_bar(double fill, int cells)
{
	const char *const *cell = view.utf8 ? across : plain_across;
	int n = eighths_of(fill, cells);

	addch('[');
	attron(colour_of(fill));
	for (int i = 0; i < cells; i++, n -= 8)
		addstr(cell[n <= 0 ? 0 : n >= 8 ? 8 : n]);
	attroff(colour_of(fill));
	addch(']');
}

static void draw_history(const struct watched *d, int cells)
{
	const char *const *cell = view.utf8 ? upward : plain_upward;
	size_t n = d->n_history < (size_t)cells ? d->n_history : (size_t)cells;

	/* The newest reading is on the right. */
	move(getcury(stdscr), 2 + cells - (int)n);
	for (size_t i = d->n_history - n; i < d->n_history; i++) {
		double fill = d->history[i];

		attron(colour_of(fill));
		addstr(cell[eighths_of(fill, 1)]);
		attroff(colour_of(fill));
	}
}

static void draw_rate(const char *name, double rate)
{
	char text[32];

	format_size((uint64_t)(rate + 0.5), text, sizeof(text));
	printw("  %s %6s/s", name, text);
}

static void draw_holder(const char *side, uint64_t pid, const char *free)
{
	char raw[64], name[64];

	printw("  %s: ", side);
	if (!pid) {
		addstr(free);
		return;
	}
	process_name(pid, raw, sizeof(raw));
	format_text(raw, strlen(raw), name, sizeof(name));
	printw("%llu %s", (unsigned long long)pid, name);
}

/* Clears the line, as a long line above it may have wrapped into it. */
static void begin_line(int y)
{
	move(y, 0);
	clrtoeol();
}

/* --- a device --------------------------------------------------------------- */

static void draw_fill(const struct watched *d, int y)
{
	char stored[32], capacity[32], numbers[80];
	int bar;

	format_size(d->now.size, stored, sizeof(stored));
	format_size(d->now.capacity, capacity, sizeof(capacity));
	snprintf(numbers, sizeof(numbers), " %3d%%  %s of %s",
		 (int)(100 * reading_fill(&d->now)), stored, capacity);
	begin_line(y);
	attron(A_BOLD);
	printw("%-9s", d->device.name);
	attroff(A_BOLD);
	bar = COLS - 9 - 27 - 2;
	if (bar >= BAR_MIN)
		draw_bar(reading_fill(&d->now), bar);
	addnstr(numbers, COLS - getcurx(stdscr));
}

static void draw_rates(const struct watched *d, int y)
{
	char dropped[32];

	begin_line(y);
	draw_rate("in ", d->in_rate);
	draw_rate("out", d->out_rate);
	if (!d->has_stats)
		addstr("  or more");
	format_size(d->now.dropped, dropped, sizeof(dropped));
	if (d->drop_rate > 0)
		attron(COLOR_PAIR(FULL) | A_BOLD);
	printw("  dropped %s", dropped);
	attroff(COLOR_PAIR(FULL) | A_BOLD);
}

static void draw_users(const struct watched *d, int y)
{
	char label[4 * ATTR_MAX];

	begin_line(y);
	draw_holder("producer", d->producer,
		    d->mode ? "the generator" : "not claimed");
	draw_holder("consumer", d->consumer, "not claimed");
	format_text(d->label, strlen(d->label), label, sizeof(label));
	if (*label)
		printw("  label: %s", label);
}

static void draw_device(const struct watched *d, int y)
{
	draw_fill(d, y);
	if (y + 1 < LINES)
		draw_rates(d, y + 1);
	if (y + 2 < LINES)
		draw_users(d, y + 2);
	if (y + 3 < LINES) {
		begin_line(y + 3);
		if (COLS > 4)
			draw_history(d, COLS - 4);
	}
}

/* --- all of it -------------------------------------------------------------- */

static size_t devices_shown(void)
{
	int n = (LINES - HEADER + 1) / LINES_EACH;

	return n > 0 ? (size_t)n : 1;
}

static void scroll_to(const struct watch *w, size_t first)
{
	size_t shown = devices_shown();
	size_t last = w->n > shown ? w->n - shown : 0;

	view.first = first < last ? first : last;
}

static void draw_header(const struct watch *w, double interval)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "vfifo monitor: %zu device%s, every %g s%s; q quits", w->n,
		 w->n == 1 ? "" : "s", interval,
		 w->n > devices_shown() ? "; up and down scroll" : "");
	attron(A_REVERSE);
	mvhline(0, 0, ' ', COLS);
	mvaddnstr(0, 0, text, COLS);
	attroff(A_REVERSE);
}

int screen_draw(const struct watch *w, double interval)
{
	int y = HEADER;

	if (!in_foreground(STDOUT_FILENO))
		return EXIT_OK;
	if (!view.begun && !begin()) {
		complain(
			"TERM does not name a known terminal; for a table: vfifo monitor --once");
		return EXIT_FAILED;
	}
	scroll_to(w, view.first);
	erase();
	draw_header(w, interval);
	for (size_t i = view.first; i < w->n && y < LINES; i++) {
		draw_device(&w->list[i], y);
		y += LINES_EACH;
	}
	if (!w->n && y < LINES)
		mvaddnstr(y, 0,
			  "There is no device; sudo vfifo add 0 makes one.",
			  COLS);
	refresh();
	return EXIT_OK;
}

/* Returns whether the key changes what is drawn. */
static bool handle_key(const struct watch *w, int key)
{
	switch (key) {
	case KEY_UP:
		scroll_to(w, view.first ? view.first - 1 : 0);
		return true;
	case KEY_DOWN:
		scroll_to(w, view.first + 1);
		return true;
	case KEY_PPAGE:
		scroll_to(w, view.first > devices_shown() ?
				     view.first - devices_shown() :
				     0);
		return true;
	case KEY_NPAGE:
		scroll_to(w, view.first + devices_shown());
		return true;
	case KEY_RESIZE:
		return true;
	}
	return false;
}

bool screen_wait(const struct watch *w, double interval, double seconds)
{
	int ms = TICK_MS, key;

	if (seconds * 1000 < TICK_MS)
		ms = seconds > 0 ? (int)(seconds * 1000) + 1 : 0;
	if (view.stopped)
		suspend();
	/* A process in the background that reads a key is stopped. */
	if (!view.begun || !in_foreground(STDIN_FILENO)) {
		napms(ms);
		return true;
	}
	timeout(ms);
	key = getch();
	if (key == 'q' || key == 'Q')
		return false;
	if (handle_key(w, key))
		screen_draw(w, interval);
	return true;
}
