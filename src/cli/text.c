// SPDX-License-Identifier: GPL-2.0-or-later
/* Text: sizes and numbers both ways, bytes made safe to print, complaints. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char units[] = "BKMGTPE";

/* The digits at *text, which moves past them. -EINVAL: none, or too many. */
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

/* The power of 1024 that a unit stands for: K, k, KB and KiB are one; -EINVAL. */
static int parse_unit(const char *text)
{
	const char *unit;

	if (!*text)
		return 0;
	unit = strchr(units, toupper((unsigned char)*text));
	if (!unit)
		return -EINVAL;
	if (unit != units && text[1] == 'i' && text[2] == 'B')
		text += 2;
	else if (unit != units && text[1] == 'B')
		text += 1;
	return text[1] ? -EINVAL : (int)(unit - units);
}

/* What stands behind the point, as bytes of a unit that long. Not exact past 9 digits. */
static int take_fraction(const char **text, unsigned int shift, uint64_t *bytes)
{
	uint64_t part = 0, whole = 1;
	const char *p = *text;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (whole >= 1000000000)
			continue;
		part = part * 10 + (uint64_t)(*p - '0');
		whole *= 10;
	}
	*text = p;
	*bytes = (uint64_t)(((unsigned __int128)part << shift) / whole);
	return 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	const char *point = NULL;
	uint64_t whole, part = 0;
	int unit;

	if (take_digits(&text, &whole))
		return -EINVAL;
	if (*text == '.') {
		point = text + 1;
		text = point + strspn(point, "0123456789");
	}
	unit = parse_unit(text);
	/* There is no half a byte. */
	if (unit < 0 || (point && !unit))
		return -EINVAL;
	if (point && take_fraction(&point, 10U * (unsigned int)unit, &part))
		return -EINVAL;
	if (__builtin_mul_overflow(whole, 1ULL << (10 * unit), &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return -EINVAL;
	*bytes = whole;
	return 0;
}

/* One decimal, rounded; none where it is 0. */
void format_size(uint64_t bytes, char *buf, size_t size)
{
	unsigned int unit = 0;
	double value = (double)bytes;

	/* From here on it would be rounded to 1024. */
	for (; value >= (unit ? 1023.95 : 1024); unit++)
		value /= 1024;
	snprintf(buf, size, "%.1f", value);
	/* The point may be a comma. */
	if (buf[strlen(buf) - 1] == '0')
		snprintf(buf, size, "%.0f", value);
	snprintf(buf + strlen(buf), size - strlen(buf), "%c", units[unit]);
}

/* How long the UTF-8 character at p is, or 0: it is none. */
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
	/* Too long for what it is; half of a pair; past the end; C1 controls. */
	if (value < least[length] || (value >= 0xd800 && value < 0xe000) ||
	    value > 0x10ffff || (value >= 0x80 && value < 0xa0))
		return 0;
	return length;
}

void format_text(const char *bytes, size_t n, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;
	char *end = buf + size - 1;

	while (n) {
		size_t length = utf8_length(p, n);
		bool plain = length && *p >= 0x20 && *p != 0x7f;
		size_t takes = plain ? length : 4;

		if ((size_t)(end - buf) < takes)
			break;
		if (plain)
			memcpy(buf, p, length);
		else
			sprintf(buf, "\\x%02x", *p);
		buf += takes;
		p += plain ? length : 1;
		n -= plain ? length : 1;
	}
	*buf = 0;
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

int misused(const char *verb, const char *fmt, ...)
{
	va_list arguments;

	if (fmt) {
		va_start(arguments, fmt);
		complain_list(fmt, arguments);
		va_end(arguments);
	}
	fprintf(stderr, "How it is used: vfifo%s%s --help\n", verb ? " " : "",
		verb ? verb : "");
	return EXIT_USAGE;
}
