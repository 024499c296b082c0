// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares bytes with a pattern, and finds the place where the pattern goes on after a gap.
 *
 * After a byte that differs, the next bytes are held in a window. They are compared with what is
 * expected there, and with the place in the pattern where their beginning or their end is found.
 * The window is cut in two where these two explain most of the bytes: before that, bytes were
 * wrong; behind it, the pattern goes on after a gap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* So many bytes in a row at their expected places end an error. */
#define ENOUGH_IN_PLACE 16
/* So many bytes in a row at other places do; a text needs its own length. */
#define ENOUGH_ELSEWHERE 32
/*
 * If no more bytes of a window than one in so many are wrong, and not many in a row, there is no gap
 * in it.
 */
#define FEW 8
/* The first bytes that may be searched, and how many more for each byte that is checked. */
#define BUDGET (128U << 20)
#define BUDGET_PER_BYTE 8

int check_begin(struct check *c, char why[WHY_MAX])
{
	c->searches = c->joins;
	c->budget = BUDGET;
	return pattern_parse(c->name, &c->pattern, why);
}

static bool print_wrong_byte(struct check *c, unsigned char got)
{
	unsigned char wanted;

	pattern_fill(&c->pattern, c->place, &wanted, 1);
	complain(
		"the byte at offset %llu is 0x%02x; in the pattern %s it is 0x%02x",
		(unsigned long long)c->offset, got, c->name, wanted);
	return false;
}

/* The place that is so far from another one. */
static uint64_t place_at(const struct check *c, uint64_t place,
			 int64_t distance)
{
	uint64_t period = c->pattern.period;

	place += (uint64_t)distance;
	if (!period)
		return place;
	/* A place in front of the beginning is one of the period before. */
	if (distance < 0)
		place += period;
	return place % period;
}

static void go_on(struct check *c, size_t n)
{
	c->place = place_at(c, c->place, (int64_t)n);
	c->offset += n;
}

static int find(struct check *c, size_t k, size_t n, int64_t *distance)
{
	return pattern_find(&c->pattern, c->window + k, n,
			    place_at(c, c->place, (int64_t)k), &c->budget,
			    distance);
}

/* --- the first place -------------------------------------------------------- */

/* With --join: the held bytes are the first. */
static bool join(struct check *c)
{
	int64_t distance;

	switch (find(c, 0, c->held, &distance)) {
	case 0:
		c->searches = c->joins = false;
		c->place = place_at(c, 0, distance);
		go_on(c, c->held);
		c->held = 0;
		return true;
	case -EAGAIN:
		complain(
			"%zu bytes are too few to find their place in the pattern %s",
			c->held, c->name);
		break;
	default:
		complain("the first %zu bytes are not in the pattern %s",
			 c->held, c->name);
	}
	c->wrong += c->held;
	return false;
}

/* --- the place after an error ----------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t enough_elsewhere(const struct check *c)
{
	return c->pattern.unit > ENOUGH_ELSEWHERE ? c->pattern.unit :
						    ENOUGH_ELSEWHERE;
}

static size_t differing(const unsigned char *a, const unsigned char *b,
			size_t n)
{
	size_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ += a[i] != b[i];
	return differ;
}

/*
 * The first of the held bytes, but for the last `keep`, from which on they are in place again;
 * c->held: there is none.
 */
static size_t in_place_from(const struct check *c,
			    const unsigned char *expected, size_t keep)
{
	for (size_t k = 0; k + keep < c->held; k++)
		if (!memcmp(c->window + k, expected + k,
			    least(c->held - k, ENOUGH_IN_PLACE)))
			return k;
	return c->held;
}

/* A few bytes, at the end, may be in the pattern by accident. */
static bool is_found(struct check *c, size_t k, size_t n, int64_t *distance)
{
	return n >= ENOUGH_IN_PLACE && !find(c, k, n, distance) && *distance;
}

/*
 * Whether the held bytes are elsewhere in the pattern, from the first one on. Another error can
 * follow soon, so a few bytes must do; where neighbouring samples are equal, all of them decide.
 */
static bool head_is_elsewhere(struct check *c, int64_t *distance)
{
	size_t n = least(c->held, enough_elsewhere(c));
	int64_t other;

	if (!is_found(c, 0, n, distance))
		return false;
	if (!pattern_is_distinct(&c->pattern, place_at(c, c->place, *distance),
				 n) &&
	    is_found(c, 0, c->held, &other))
		*distance = other;
	return true;
}

/* The same of the last ones, if wrong bytes precede them. */
static bool tail_is_elsewhere(struct check *c, int64_t *distance)
{
	size_t n = least(c->held, enough_elsewhere(c));

	return is_found(c, c->held - n, n, distance);
}

/*
 * The number of held bytes that are best explained by `before`; the others are by `behind`. Bytes
 * that neither explains are counted with those before, and bytes that both do with those behind.
 */
static size_t best_cut(const struct check *c, const unsigned char *before,
		       const unsigned char *behind)
{
	size_t differ = differing(c->window, behind, c->held), fewest = differ;
	size_t cut = 0;

	for (size_t k = 0; k < c->held; k++) {
		bool is_wrong = c->window[k] != behind[k];

		differ += c->window[k] != before[k];
		differ -= is_wrong;
		if (differ < fewest || (differ == fewest && is_wrong)) {
			fewest = differ;
			cut = k + 1;
		}
	}
	return cut;
}

static bool has_short_period(const struct check *c)
{
	return c->pattern.period && c->pattern.period <= UINT32_MAX;
}

static void print_modulo(const struct check *c, uint64_t at, uint64_t n,
			 const char *form, const char *form_modulo)
{
	if (has_short_period(c))
		complain(form_modulo, (unsigned long long)at,
			 (unsigned long long)n,
			 (unsigned long long)c->pattern.period);
	else
		complain(form, (unsigned long long)at, (unsigned long long)n);
}

static void print_gap(struct check *c, uint64_t at, int64_t distance)
{
	if (distance < 0) {
		c->repeats++;
		c->repeated += (uint64_t)-distance;
		print_modulo(
			c, at, (uint64_t)-distance,
			"offset %llu: %llu bytes are repeated",
			"offset %llu: %llu bytes are repeated, modulo %llu");
	} else {
		c->gaps++;
		c->missing += (uint64_t)distance;
		print_modulo(c, at, (uint64_t)distance,
			     "offset %llu: a gap of %llu bytes",
			     "offset %llu: a gap of %llu bytes, modulo %llu");
	}
}

static void print_wrong(struct check *c)
{
	if (!c->error_bytes)
		return;
	c->wrong += c->error_bytes;
	complain("offset %llu: %llu wrong bytes",
		 (unsigned long long)c->error_at,
		 (unsigned long long)c->error_bytes);
}

/*
 * Bytes behind a gap can be right by accident. If only a part of a unit is, the gap is reported in
 * front of that: hardware loses whole samples. Return: how many bytes are in front of the offset.
 */
static size_t right_by_accident(struct check *c, int64_t distance)
{
	size_t n = c->place % c->pattern.unit;
	unsigned char before[VFIFO_TEXT_MAX], behind[VFIFO_TEXT_MAX];
	uint64_t from = c->place - n;

	if (distance % (int64_t)c->pattern.unit || n > c->offset)
		return 0;
	pattern_fill(&c->pattern, from, before, n);
	pattern_fill(&c->pattern, place_at(c, from, distance), behind, n);
	return memcmp(before, behind, n) ? 0 : n;
}

/* Goes on with the held bytes from the byte k on, whose place is `distance` from the expected. */
static void resume(struct check *c, size_t k, int64_t distance)
{
	unsigned char rest[sizeof(c->window)];
	size_t n_rest = c->held - k;

	size_t by_accident = 0;

	print_wrong(c);
	if (distance && !k && !c->error_bytes)
		by_accident = right_by_accident(c, distance);
	go_on(c, k);
	if (distance)
		print_gap(c, c->offset - by_accident, distance);
	c->place = place_at(c, c->place, distance);
	memcpy(rest, c->window + k, n_rest);
	c->held = 0;
	c->error_bytes = 0;
	c->searches = false;
	check_bytes(c, rest, n_rest);
}

/* Gives up the first n held bytes. */
static void give_up(struct check *c, const unsigned char *expected, size_t n)
{
	c->error_bytes += differing(c->window, expected, n);
	go_on(c, n);
	c->held -= n;
	memmove(c->window, c->window + n, c->held);
}

/*
 * The number of held bytes after which the pattern goes on, so far from the expected place; they
 * are wrong. c->held: no such place is found.
 */
static size_t find_cut(struct check *c, const unsigned char *expected,
		       int64_t *distance)
{
	unsigned char other[CHECK_WINDOW];

	if (head_is_elsewhere(c, distance))
		return 0;
	if (!tail_is_elsewhere(c, distance))
		return c->held;
	pattern_fill(&c->pattern, place_at(c, c->place, *distance), other,
		     c->held);
	return best_cut(c, expected, other);
}

/*
 * Whether an error ends where the held bytes are in place again, and there is no gap in front of
 * that: it is not long, and either few bytes of the window are wrong at all or those in place are
 * of no other place.
 */
static bool ends_in_place(struct check *c, const unsigned char *expected,
			  size_t in_place)
{
	if (in_place == c->held || in_place >= enough_elsewhere(c))
		return false;
	if (differing(c->window, expected, c->held) <= c->held / FEW)
		return true;
	return c->held - in_place >= ENOUGH_IN_PLACE &&
	       pattern_is_distinct(&c->pattern,
				   place_at(c, c->place, (int64_t)in_place),
				   ENOUGH_IN_PLACE);
}

/* Looks for the place of the held bytes. Without one, only the newest `keep` stay held. */
static void search(struct check *c, size_t keep)
{
	unsigned char expected[CHECK_WINDOW];
	size_t in_place, cut = c->held;
	int64_t distance = 0;

	pattern_fill(&c->pattern, c->place, expected, c->held);
	in_place = in_place_from(c, expected, keep);
	if (!ends_in_place(c, expected, in_place))
		cut = find_cut(c, expected, &distance);
	if (in_place < cut) {
		distance = 0;
		cut = in_place;
	}
	if (cut == c->held) {
		give_up(c, expected, c->held - keep);
		return;
	}
	c->error_bytes += differing(c->window, expected, cut);
	resume(c, cut, distance);
}

/* At the end fewer bytes have to do. */
static void search_last(struct check *c)
{
	search(c, 0);
	if (!c->searches || c->held)
		return;
	print_wrong(c);
	c->searches = false;
}

/* --- all bytes -------------------------------------------------------------- */

/* Holds as many bytes as are wanted, and returns how many. */
static size_t hold(struct check *c, const void *bytes, size_t n, size_t wanted)
{
	n = least(n, wanted - c->held);
	memcpy(c->window + c->held, bytes, n);
	c->held += n;
	return n;
}

/* Returns how many bytes were right, up to the first that was not. */
static size_t match(struct check *c, const unsigned char *bytes, size_t n)
{
	unsigned char expected[4096];
	size_t right = 0, done = 0;

	while (right == done && done < n) {
		size_t piece = least(n - done, sizeof(expected));

		pattern_fill(&c->pattern, c->place, expected, piece);
		done += piece;
		if (!memcmp(bytes + right, expected, piece)) {
			right = done;
			go_on(c, piece);
			continue;
		}
		piece = 0;
		while (bytes[right] == expected[piece]) {
			right++;
			piece++;
		}
		go_on(c, piece);
	}
	return right;
}

static void add_budget(struct check *c, size_t n)
{
	c->budget += BUDGET_PER_BYTE * (uint64_t)n;
	if (c->budget > BUDGET)
		c->budget = BUDGET;
}

static size_t wanted(const struct check *c)
{
	return c->joins ? c->pattern.enough : sizeof(c->window);
}

bool check_bytes(struct check *c, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	add_budget(c, n);
	while (n) {
		size_t used = c->searches ? hold(c, at, n, wanted(c)) :
					    match(c, at, n);

		at += used;
		n -= used;
		if (c->searches) {
			if (c->held < wanted(c))
				return true;
			if (!c->joins)
				search(c, enough_elsewhere(c) - 1);
			else if (!join(c))
				return false;
		} else if (n) {
			if (!c->keeps_going)
				return print_wrong_byte(c, *at);
			c->searches = true;
			c->error_at = c->offset;
		}
	}
	return true;
}

static void print_totals(const struct check *c)
{
	char gaps[64], repeats[64] = "";

	if (pattern_is_long(&c->pattern))
		snprintf(gaps, sizeof(gaps), "%llu missing in %llu gaps",
			 (unsigned long long)c->missing,
			 (unsigned long long)c->gaps);
	else
		snprintf(gaps, sizeof(gaps), "%llu gaps",
			 (unsigned long long)c->gaps);
	if (c->repeats)
		snprintf(repeats, sizeof(repeats), ", %llu repeated %llu times",
			 (unsigned long long)c->repeated,
			 (unsigned long long)c->repeats);
	complain("%llu bytes checked: %llu wrong, %s%s",
		 (unsigned long long)c->offset, (unsigned long long)c->wrong,
		 gaps, repeats);
}

bool check_end(struct check *c)
{
	if (c->joins && c->held)
		join(c);
	while (c->held && !c->joins)
		search_last(c);
	if (c->keeps_going)
		print_totals(c);
	return !c->wrong && !c->gaps && !c->repeats;
}
