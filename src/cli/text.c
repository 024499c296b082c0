// SPDX-License-Identifier: GPL-2.0-or-later
/* Text: sizes and numbers in both directions, escapes for terminals and JSON, messages. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char units[] = "BKMGTPE";

/* Reads digits at *text and moves *text past them. -EINVAL: no digit, or an overflow. */
static int take_digits(const char **text, uint64_t *value)
{
	const char *p = *text;

	*value = 0;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
			return -EINVAL;
	if (p == *text)
		return -EINVAL;
	*text = p;
	return 0;
}

int parse_number(const char *text, uint64_t *value)
{
	uint64_t n;

	if (take_digits(&text, &n) || *text)
		return -EINVAL;
	*value = n;
	return 0;
}

/*
 * The number of bytes that a unit stands for: K, k and KiB are 1024, KB and kB are 1000,
 * and so on for M, G, T, P and E; B and no unit are 1. 0: not a unit.
 */
static uint64_t parse_unit(const char *text)
{
	const char *unit =
		*text ? strchr(units, toupper((unsigned char)*text)) : units;
	uint64_t base = 1024, bytes = 1;

	if (!unit)
		return 0;
	text += *text != 0;
	if (unit != units && !strcmp(text, "B"))
		base = 1000;
	else if (*text && (unit == units || strcmp(text, "iB")))
		return 0;
	for (; unit > units; unit--)
		bytes *= base;
	return bytes;
}

/* The digits behind the point, in bytes. Digits after the ninth do not count. */
static int take_fraction(const char *text, uint64_t unit, uint64_t *bytes)
{
	uint64_t part = 0, whole = 1;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text) && whole < 1000000000; text++) {
		part = part * 10 + (uint64_t)(*text - '0');
		whole *= 10;
	}
	/* part * unit / whole, of which the product can have 90 bits */
	*bytes = part * (unit / whole) + part * (unit % whole) / whole;
	return 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	const char *point = NULL;
	uint64_t whole, part = 0, unit;

	if (take_digits(&text, &whole))
		return -EINVAL;
	if (*text == '.') {
		point = text + 1;
		text = point + strspn(point, "0123456789");
	}
	unit = parse_unit(text);
	/* A fraction of a byte is not a size. */
	if (!unit || (point && unit == 1))
		return -EINVAL;
	if (point && take_fraction(point, unit, &part))
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return -EINVAL;
	*bytes = whole;
	return 0;
}

/* With one rounded decimal, which is left out if it is 0. */
void format_size(uint64_t bytes, char *buf, size_t size)
{
	unsigned int unit = 0;
	double value = (double)bytes;

	/* 1023.95 and more would be rounded to 1024. */
	for (; value >= (unit ? 1023.95 : 1024); unit++)
		value /= 1024;
	snprintf(buf, size, "%.1f", value);
	/* The last digit is compared, as the point may be a comma. */
	if (buf[strlen(buf) - 1] == '0')
		snprintf(buf, size, "%.0f", value);
	snprintf(buf + strlen(buf), size - strlen(buf), "%c", units[unit]);
}

/* The length of the UTF-8 character at p, or 0 if p is not a valid one. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *p < 0x80	    ? 1 :
			(*p & 0xe0) == 0xc0 ? 2 :
			(*p & 0xf0) == 0xe0 ? 3 :
			(*p & 0xf8) == 0xf0 ? 4 :
					      0;
	uint32_t value = length > 1 ? *p & (0x7fU >> length) : *p;

	if (!length || length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	/* An overlong form, a surrogate, a value past the end of Unicode. */
	if (value < least[length] || (value >= 0xd800 && value < 0xe000) ||
	    value > 0x10ffff)
		return 0;
	return length;
}

/* C0, DEL, and C1 as UTF-8. */
static bool is_control(const unsigned char *p, size_t length)
{
	return *p < 0x20 || *p == 0x7f ||
	       (length == 2 && *p == 0xc2 && p[1] < 0xa0);
}

/* The longest that one step of an escape gives, with the NUL. */
#define ESCAPED_MAX 8

/* Puts what stands for the first character of p into `to`; returns the bytes of p used. */
typedef size_t escape_fn(const unsigned char *p, size_t n, char *to);

static size_t copy(const unsigned char *p, size_t length, char *to)
{
	memcpy(to, p, length);
	to[length] = 0;
	return length;
}

static size_t escape_text(const unsigned char *p, size_t n, char *to)
{
	size_t length = utf8_length(p, n);

	if (length && !is_control(p, length))
		return copy(p, length, to);
	sprintf(to, "\\x%02x", *p);
	return 1;
}

/* Carries a byte as the character U+EF00 plus the byte. */
static size_t carry(const unsigned char *p, char *to)
{
	sprintf(to, "\xee%c%c", 0x80 | (0xf00 + *p) >> 6, 0x80 | (*p & 0x3f));
	return 1;
}

/*
 * JSON has no bytes, only characters. A byte that is not part of a UTF-8 character is carried,
 * and so are the bytes of the characters U+EF80 to U+EFFF: the mapping can be undone for every
 * string of bytes (load.c).
 */
static bool must_carry(const unsigned char *p, size_t length)
{
	return !length || (length == 3 && *p == 0xee && p[1] >= 0xbe);
}

static size_t escape_json(const unsigned char *p, size_t n, char *to)
{
	size_t length = utf8_length(p, n);

	if (must_carry(p, length))
		return carry(p, to);
	if (is_control(p, length)) {
		sprintf(to, "\\u%04x", length == 2 ? p[1] : *p);
		return length;
	}
	if (*p != '"' && *p != '\\')
		return copy(p, length, to);
	sprintf(to, "\\%c", *p);
	return 1;
}

/*
 * As JSON, but the format has an escape for one control character only, the newline. The bytes
 * of the others, which a terminal would obey, are carried too.
 */
static size_t escape_prometheus(const unsigned char *p, size_t n, char *to)
{
	size_t length = utf8_length(p, n);

	if (*p == '\n')
		strcpy(to, "\\n");
	else if (*p == '"' || *p == '\\')
		sprintf(to, "\\%c", *p);
	else if (must_carry(p, length) || is_control(p, length))
		return carry(p, to);
	else
		return copy(p, length, to);
	return 1;
}

/* As many whole steps as fit. */
static void escape(escape_fn *one, const char *bytes, size_t n, char *buf,
		   size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;
	char to[ESCAPED_MAX];

	*buf = 0;
	while (n) {
		size_t used = one(p, n, to), length = strlen(to);

		if (length >= size)
			break;
		memcpy(buf, to, length + 1);
		buf += length;
		size -= length;
		p += used;
		n -= used;
	}
}

void format_text(const char *bytes, size_t n, char *buf, size_t size)
{
	escape(escape_text, bytes, n, buf, size);
}

void format_prometheus(const char *bytes, size_t n, char *buf, size_t size)
{
	escape(escape_prometheus, bytes, n, buf, size);
}

void format_json(const char *bytes, size_t n, char *buf, size_t size)
{
	*buf = '"';
	escape(escape_json, bytes, n, buf + 1, size - 2);
	strcat(buf, "\"");
}

static void complain_list(const char *fmt, va_list arguments)
{
	int err = errno;

	fflush(stdout);
	fputs("vfifo: ", stderr);
	errno = err;
	vfprintf(stderr, fmt, arguments);
	fputc('\n', stderr);
}

void complain(const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	complain_list(fmt, arguments);
	va_end(arguments);
}

int out_of_memory(void)
{
	complain("there is no memory");
	return EXIT_FAILED;
}

bool help_only(int argc, char **argv, const char *verb, int (*help)(void),
	       int *code)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "h", options, NULL);

	if (c != -1)
		*code = c == 'h' ? help() : misused(verb, NULL);
	return c == -1;
}

int misused(const char *verb, const char *fmt, ...)
{
	va_list arguments;

	if (fmt) {
		va_start(arguments, fmt);
		complain_list(fmt, arguments);
		va_end(arguments);
	}
	fprintf(stderr, "For help: vfifo%s%s --help\n", verb ? " " : "",
		verb ? verb : "");
	return EXIT_USAGE;
}
