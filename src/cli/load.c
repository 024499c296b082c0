// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the JSON that vfifo show prints: {"devices": [{"name": "vfifo0", ...}]}, or one
 * such inner object alone.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define FILE_SIZE_MAX 65536

struct json {
	const char *at;
	struct loaded *values;
	char error[128]; /* empty: none */
};

/* Keeps the first error. */
static bool fail(struct json *j, const char *what, const char *name)
{
	if (!*j->error)
		snprintf(j->error, sizeof(j->error), "%s%s", what, name);
	return false;
}

static bool syntax_error(struct json *j)
{
	return fail(j, "this is not JSON of vfifo show", "");
}

/* Skips blanks. Return: whether the next character is c; it is skipped then. */
static bool take(struct json *j, char c)
{
	j->at += strspn(j->at, " \t\r\n");
	if (*j->at != c)
		return false;
	j->at++;
	return true;
}

/* Appends the UTF-8 of a character. U+EF80 to U+EFFF are bytes: see format_json(). */
static void put_character(char **to, uint32_t c)
{
	if (c >= 0xef80 && c <= 0xefff) {
		*(*to)++ = (char)(c & 0xff);
	} else if (c < 0x80) {
		*(*to)++ = (char)c;
	} else {
		if (c >= 0x10000)
			*(*to)++ = (char)(0xf0 | c >> 18);
		if (c >= 0x800)
			*(*to)++ =
				(char)((c >= 0x10000 ? 0x80 : 0xe0) |
				       (c >> 12 & (c >= 0x10000 ? 0x3f : 0xf)));
		*(*to)++ = (char)((c >= 0x800 ? 0x80 : 0xc0) |
				  (c >> 6 & (c >= 0x800 ? 0x3f : 0x1f)));
		*(*to)++ = (char)(0x80 | (c & 0x3f));
	}
}

/* The four digits of \uXXXX. */
static bool take_hex(struct json *j, uint32_t *c)
{
	*c = 0;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *digit;

		digit = *j->at ? strchr(digits, tolower(*j->at)) : NULL;
		if (!digit)
			return syntax_error(j);
		*c = *c << 4 | (uint32_t)(digit - digits);
		j->at++;
	}
	return true;
}

/* After \u. A character past U+FFFF is two escapes, a high and a low surrogate. */
static bool take_unicode(struct json *j, char **to)
{
	uint32_t c, low;

	if (!take_hex(j, &c))
		return false;
	if (c >= 0xdc00 && c < 0xe000)
		return syntax_error(j);
	if (c >= 0xd800 && c < 0xdc00) {
		if (strncmp(j->at, "\\u", 2))
			return syntax_error(j);
		j->at += 2;
		if (!take_hex(j, &low))
			return false;
		if (low < 0xdc00 || low >= 0xe000)
			return syntax_error(j);
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	put_character(to, c);
	return true;
}

static bool take_escape(struct json *j, char **to)
{
	static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char c = *j->at ? *j->at++ : 0;
	const char *known = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return take_unicode(j, to);
	if (!known)
		return syntax_error(j);
	*(*to)++ = means[known - from];
	return true;
}

/* U+EF80 to U+EFFF, in UTF-8. */
static bool is_byte(const char *p)
{
	return (unsigned char)p[0] == 0xee &&
	       ((unsigned char)p[1] & 0xfe) == 0xbe;
}

/* After the opening quote. Decodes in place at `to`, as no escape is shorter than its meaning. */
static bool take_string(struct json *j, struct loaded *v)
{
	char *to = (char *)j->at;

	v->value = to;
	while (*j->at && *j->at != '"') {
		char c = *j->at++;

		if (c == '\\') {
			if (!take_escape(j, &to))
				return false;
		} else if (is_byte(j->at - 1) && j->at[1]) {
			*to++ = (char)(0x80 | (*j->at & 1) << 6 |
				       (j->at[1] & 0x3f));
			j->at += 2;
		} else {
			*to++ = c;
		}
	}
	v->n = (size_t)(to - v->value);
	return take(j, '"') || syntax_error(j);
}

/* A string, or the characters of a number, true, false or null. */
static bool take_value(struct json *j, struct loaded *v, bool *null)
{
	*null = false;
	if (take(j, '"'))
		return take_string(j, v);
	v->value = (char *)j->at;
	v->n = strspn(j->at, "-+.0123456789abcdefghijklmnopqrstuvwxyzE");
	j->at += v->n;
	*null = v->n == 4 && !strncmp(v->value, "null", 4);
	return v->n || syntax_error(j);
}

/* The values of the command itself, and what the kernel decides. */
static bool is_ignored(const char *name, size_t n)
{
	static const char *const names[] = { "name", "node", "producer",
					     "consumer" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !strncmp(names[i], name, n))
			return true;
	return false;
}

static bool keep(struct json *j, const struct loaded *name,
		 const struct loaded *v)
{
	const struct attribute *a = attribute_find(name->value, name->n);
	char safe[64];

	if (is_ignored(name->value, name->n))
		return true;
	if (a && a->access == ATTR_RW)
		j->values[a - attributes] = *v;
	if (a)
		return true;
	format_text(name->value, name->n, safe, sizeof(safe));
	return fail(j, "there is no attribute ", safe);
}

static bool take_object(struct json *j, bool outer);

static bool take_devices(struct json *j)
{
	if (!take(j, '{'))
		return syntax_error(j);
	if (!take_object(j, false))
		return false;
	if (take(j, ','))
		return fail(j, "these are several devices", "");
	return take(j, ']') || syntax_error(j);
}

static bool take_member(struct json *j, bool outer)
{
	struct loaded name, v;
	bool null;

	if (!take(j, '"') || !take_string(j, &name) || !take(j, ':'))
		return syntax_error(j);
	if (outer && name.n == 7 && !strncmp(name.value, "devices", 7) &&
	    take(j, '['))
		return take_devices(j);
	if (!take_value(j, &v, &null))
		return false;
	return null || keep(j, &name, &v);
}

/* After the opening brace. */
static bool take_object(struct json *j, bool outer)
{
	if (take(j, '}'))
		return true;
	do
		if (!take_member(j, outer))
			return false;
	while (take(j, ','));
	return take(j, '}') || syntax_error(j);
}

static int read_file(const char *file, char *text, size_t size)
{
	bool standard = !strcmp(file, "-");
	FILE *f = standard ? stdin : fopen(file, "re");
	size_t n;
	int err;

	if (!f)
		return -errno;
	n = fread(text, 1, size - 1, f);
	err = ferror(f) ? -errno : n == size - 1 ? -EFBIG : 0;
	text[n] = 0;
	if (!standard)
		fclose(f);
	return err;
}

int load_attributes(const char *file, struct loaded *values)
{
	static char text[FILE_SIZE_MAX];
	struct json j = { .at = text, .values = values };
	int err = read_file(file, text, sizeof(text));

	if (err) {
		complain("%s: %s", file, strerror(-err));
		return EXIT_FAILED;
	}
	if (take(&j, '{') && take_object(&j, true) &&
	    !j.at[strspn(j.at, " \t\r\n")])
		return EXIT_OK;
	syntax_error(&j);
	complain("%s: %s", file, j.error);
	return EXIT_USAGE;
}
