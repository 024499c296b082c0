// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares bytes with a pattern, and finds the place where the pattern goes on after a gap. */
#include <errno.h>
#include <string.h>

#include "check.h"

/* So many bytes in a row at their expected places end an error. */
#define ENOUGH_IN_PLACE 16
/* So many bytes in a row at other places do; a text needs its own length. */
#define ENOUGH_ELSEWHERE 32

int pattern_parse(const char *option, struct vfifo_pattern *p)
{
	static const char text[] = "text:";
	const size_t n = sizeof(text) - 1;

	if (!strncmp(option, text, n))
		return vfifo_pattern_set(p, "text", option + n,
					 strlen(option + n));
	return vfifo_pattern_set(p, option, NULL, 0);
}

int check_begin(struct check *c)
{
	c->searches = c->joins;
	return pattern_parse(c->name, &c->pattern);
}

static unsigned char byte_at(struct vfifo_pattern p, size_t offset)
{
	vfifo_pattern_skip(&p, (__u32)offset);
	return vfifo_pattern_next(&p);
}

static bool print_wrong_byte(const struct check *c, unsigned char got)
{
	complain(
		"the byte at offset %llu is 0x%02x; in the pattern %s it is 0x%02x",
		(unsigned long long)c->offset, got, c->name,
		byte_at(c->pattern, 0));
	return false;
}

/* --- the first place -------------------------------------------------------- */

/* With --join: the held bytes are the first. */
static bool join(struct check *c)
{
	switch (vfifo_pattern_sync(&c->pattern, c->window, c->held)) {
	case 0:
		c->searches = c->joins = false;
		c->offset = c->held;
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

static size_t enough_elsewhere(const struct check *c)
{
	__u32 unit = vfifo_pattern_unit(&c->pattern);

	return unit > ENOUGH_ELSEWHERE ? unit : ENOUGH_ELSEWHERE;
}

/* Whether the bytes from window[k] on are at their expected places again. */
static bool is_in_place(const struct check *c, size_t k)
{
	struct vfifo_pattern p = c->pattern;
	size_t n = c->held - k;

	if (n > ENOUGH_IN_PLACE)
		n = ENOUGH_IN_PLACE;
	vfifo_pattern_skip(&p, (__u32)k);
	return vfifo_pattern_match(&p, c->window + k, (__u32)n) == n;
}

/* Whether the bytes from window[k] on are elsewhere in the pattern; *p is set behind them. */
static bool is_elsewhere(const struct check *c, size_t k,
			 struct vfifo_pattern *p, size_t *n)
{
	*n = c->held - k;
	if (*n > enough_elsewhere(c))
		*n = enough_elsewhere(c);
	*p = c->pattern;
	/* A few bytes, at the end, may be in the pattern by accident. */
	return *n >= ENOUGH_IN_PLACE &&
	       !vfifo_pattern_sync(p, c->window + k, *n);
}

/* Of the k bytes of the window, those that differ from what was expected. */
static size_t differing(const struct check *c, size_t k)
{
	struct vfifo_pattern p = c->pattern;
	size_t n = 0;

	for (size_t i = 0; i < k; i++)
		n += c->window[i] != vfifo_pattern_next(&p);
	return n;
}

/*
 * The bytes between two places of a pattern, and the period after which the pattern, and with
 * it this number, repeats. 0: unknown.
 */
static uint64_t distance(const struct vfifo_pattern *from,
			 const struct vfifo_pattern *to, uint64_t *period)
{
	uint64_t words = (__u32)(to->state - from->state);

	switch (to->kind) {
	case VFIFO_PATTERN_COUNTER:
		*period = 4ULL << 32;
		return (4 * words + to->at - from->at) % *period;
	case VFIFO_PATTERN_RAMP:
		*period = 256;
		return words % *period;
	case VFIFO_PATTERN_TEXT:
		*period = to->length;
		return (to->at + to->length - from->at) % *period;
	default:
		*period = 0;
		return 0;
	}
}

static void print_gap(struct check *c, uint64_t at, uint64_t n, uint64_t period)
{
	c->gaps++;
	c->missing += n;
	if (c->pattern.kind == VFIFO_PATTERN_COUNTER)
		complain("offset %llu: a gap of %llu bytes",
			 (unsigned long long)at, (unsigned long long)n);
	else if (period)
		complain("offset %llu: a gap of %llu bytes, modulo %llu",
			 (unsigned long long)at, (unsigned long long)n,
			 (unsigned long long)period);
	else
		complain("offset %llu: a gap", (unsigned long long)at);
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

/* Goes on behind the first n held bytes, at the place p. */
static void resume(struct check *c, const struct vfifo_pattern *p, size_t n)
{
	unsigned char rest[sizeof(c->window)];
	size_t n_rest = c->held - n;

	memcpy(rest, c->window + n, n_rest);
	c->pattern = *p;
	c->offset += n;
	c->held = 0;
	c->error_bytes = 0;
	c->searches = false;
	check_bytes(c, rest, n_rest);
}

/* Gives up the first n held bytes. */
static void give_up(struct check *c, size_t n)
{
	c->error_bytes += differing(c, n);
	vfifo_pattern_skip(&c->pattern, (__u32)n);
	c->offset += n;
	c->held -= n;
	memmove(c->window, c->window + n, c->held);
}

static bool resume_at(struct check *c, size_t k)
{
	struct vfifo_pattern expected = c->pattern, found;
	uint64_t n_missing, period;
	size_t n;

	if (is_in_place(c, k)) {
		vfifo_pattern_skip(&expected, (__u32)k);
		c->error_bytes += differing(c, k);
		print_wrong(c);
		resume(c, &expected, k);
		return true;
	}
	if (!is_elsewhere(c, k, &found, &n))
		return false;
	vfifo_pattern_skip(&expected, (__u32)(k + n));
	n_missing = distance(&expected, &found, &period);
	c->error_bytes += k;
	print_wrong(c);
	print_gap(c, c->offset + k, n_missing, period);
	resume(c, &found, k + n);
	return true;
}

/* Looks for the place of the held bytes. Without one, only the newest stay held. */
static void search(struct check *c)
{
	size_t keep = enough_elsewhere(c) - 1;

	for (size_t k = 0; k + keep < c->held; k++)
		if (resume_at(c, k))
			return;
	give_up(c, c->held - keep);
}

/* At the end fewer bytes have to do. */
static void search_last(struct check *c)
{
	for (size_t k = 0; k < c->held; k++)
		if (resume_at(c, k))
			return;
	give_up(c, c->held);
	print_wrong(c);
	c->searches = false;
}

/* --- all bytes -------------------------------------------------------------- */

/* Holds as many bytes as there is space for, and returns how many. */
static size_t hold(struct check *c, const void *bytes, size_t n)
{
	size_t space = sizeof(c->window) - c->held;

	if (n > space)
		n = space;
	memcpy(c->window + c->held, bytes, n);
	c->held += n;
	return n;
}

/* Returns how many bytes were right. Leaves the pattern at the first that was not. */
static size_t match(struct check *c, const unsigned char *bytes, size_t n)
{
	struct vfifo_pattern before = c->pattern;
	__u32 right = vfifo_pattern_match(&c->pattern, bytes, (__u32)n);

	if (right < n) {
		vfifo_pattern_skip(&before, right);
		c->pattern = before;
	}
	c->offset += right;
	return right;
}

bool check_bytes(struct check *c, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	while (n) {
		size_t used = c->searches ? hold(c, at, n) : match(c, at, n);

		at += used;
		n -= used;
		if (c->searches) {
			if (c->held < sizeof(c->window))
				return true;
			if (!c->joins)
				search(c);
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

bool check_end(struct check *c)
{
	if (c->joins && c->held)
		join(c);
	while (c->held && !c->joins)
		search_last(c);
	if (c->keeps_going && c->pattern.kind == VFIFO_PATTERN_COUNTER)
		complain(
			"%llu bytes checked: %llu wrong, %llu missing in %llu gaps",
			(unsigned long long)c->offset,
			(unsigned long long)c->wrong,
			(unsigned long long)c->missing,
			(unsigned long long)c->gaps);
	else if (c->keeps_going)
		complain("%llu bytes checked: %llu wrong, %llu gaps",
			 (unsigned long long)c->offset,
			 (unsigned long long)c->wrong,
			 (unsigned long long)c->gaps);
	return !c->wrong && !c->gaps;
}
