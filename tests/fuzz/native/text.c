// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command's text: sizes and numbers, what is printed on a terminal and for Prometheus, and the
 * JSON that it prints and reads again.
 *
 * The first byte of the input is the size of a buffer, and a number made of the first eight is
 * printed; the rest is the text.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "input.h"

typedef unsigned __int128 big;

#define BIG_LIMIT ((big)1 << 100)

/* --- numbers and sizes ---------------------------------------------------------------------- */

/* The digits at *text, in units of 1; BIG_LIMIT stands for all that is larger. */
static big digits(const char **text, unsigned int most)
{
	big value = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		if (!most)
			continue;
		most--;
		value = value * 10 + (big)(**text - '0');
		if (value > BIG_LIMIT)
			value = BIG_LIMIT;
	}
	return value;
}

static uint64_t power(uint64_t base, unsigned int n)
{
	uint64_t value = 1;

	while (n--)
		value *= base;
	return value;
}

/* A letter; then B for powers of 1000, iB or nothing for powers of 1024. 0: no unit. */
static uint64_t unit_of(const char *text)
{
	static const char *const letters[] = { "Kk", "Mm", "Gg",
					       "Tt", "Pp", "Ee" };

	if (!*text || !strcmp(text, "B") || !strcmp(text, "b"))
		return 1;
	for (unsigned int i = 0; i < 6; i++) {
		if (!strchr(letters[i], *text))
			continue;
		if (!text[1] || !strcmp(text + 1, "iB"))
			return power(1024, i + 1);
		return strcmp(text + 1, "B") ? 0 : power(1000, i + 1);
	}
	return 0;
}

/* BIG_LIMIT: no size. */
static big expected_size(const char *text)
{
	big whole, part = 0;
	uint64_t unit;
	const char *point;

	if (!isdigit((unsigned char)*text))
		return BIG_LIMIT;
	whole = digits(&text, UINT32_MAX);
	point = *text == '.' ? ++text : NULL;
	if (point) {
		part = digits(&text, 9);
		for (size_t n = (size_t)(text - point); n < 9; n++)
			part *= 10;
	}
	unit = unit_of(text);
	if (!unit || (point && (unit == 1 || text == point)))
		return BIG_LIMIT;
	if (whole > UINT64_MAX)
		return BIG_LIMIT;
	return whole * unit + part * unit / 1000000000;
}

static void sizes(const char *text)
{
	big size = expected_size(text);
	uint64_t value = 4711;
	int err = parse_size(text, &value);

	MUST(err == (size > UINT64_MAX ? -EINVAL : 0));
	MUST(value == (err ? 4711 : size));
}

static void numbers(const char *text)
{
	const char *end = text;
	big n = digits(&end, UINT32_MAX);
	bool good = *text && !*end && n <= UINT64_MAX;
	uint64_t value = 4711;

	MUST(parse_number(text, &value) == (good ? 0 : -EINVAL));
	MUST(value == (good ? n : 4711));
}

/* What is printed can be read again, but for half of the last digit. */
static void print_size(uint64_t size)
{
	char text[32];
	uint64_t again, off;

	format_size(size, text, sizeof(text));
	MUST(strlen(text) <= 7);
	if (parse_size(text, &again)) {
		MUST(size > UINT64_MAX / 100 * 99);
		return;
	}
	off = again > size ? again - size : size - again;
	MUST(off <= size / 19);
}

/* --- the terminal ----------------------------------------------------------------------------- */

/* By the table of well-formed byte sequences in the Unicode standard. 0: none. */
static size_t character(const uint8_t *p)
{
	static const struct {
		uint8_t from, to, second_from, second_to, length;
	} table[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = table[i].length;

		if (*p < table[i].from || *p > table[i].to)
			continue;
		if (n > 1 &&
		    (p[1] < table[i].second_from || p[1] > table[i].second_to))
			return 0;
		for (size_t k = 2; k < n; k++)
			if (p[k] < 0x80 || p[k] > 0xbf)
				return 0;
		return n;
	}
	return 0;
}

/* A NUL ends it. A terminal obeys no character of it. */
static void check_printable(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t n;

	for (; *p; p += n) {
		n = character(p);
		MUST(n);
		MUST(*p >= 0x20 && *p != 0x7f);
		MUST(*p != 0xc2 || p[1] >= 0xa0);
	}
}

static void print_text(const char *text, size_t n, size_t size)
{
	char *all = malloc(4 * n + 1), *some = malloc(size);

	format_text(text, n, all, 4 * n + 1);
	check_printable(all);
	format_text(text, n, some, size);
	check_printable(some);
	/* It is cut off between two characters, and only because the next does not fit. */
	MUST(!strncmp(all, some, strlen(some)));
	MUST(!strcmp(all, some) || strlen(some) + 4 >= size);
	free(all);
	free(some);
}

/* --- Prometheus ----------------------------------------------------------------------------- */

/* The end of a label's value, which begins at p: its quote, or a NUL if it has no end. */
static const char *end_of_label(const char *p)
{
	for (; *p && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		p++;
		MUST(*p == 'n' || *p == '"' || *p == '\\');
	}
	return p;
}

/* No label can end its value, its line, or the text. */
static void print_label(const char *text, size_t n, size_t size)
{
	char *all = malloc(3 * n + 1), *some = malloc(size);

	format_prometheus(text, n, all, 3 * n + 1);
	check_printable(all);
	MUST(!*end_of_label(all) && strlen(all) >= n);
	format_prometheus(text, n, some, size);
	check_printable(some);
	MUST(!*end_of_label(some) && !strncmp(all, some, strlen(some)));
	MUST(!strcmp(all, some) || strlen(some) + 4 >= size);
	free(all);
	free(some);
}

/* --- JSON --------------------------------------------------------------------------------------- */

static struct loaded values[64];

/* Return: what vfifo set --from says to this file. */
static int load(const char *text, size_t n)
{
	static int fd = -1;
	char path[32];

	if (fd < 0)
		fd = memfd_create("json", MFD_CLOEXEC);
	MUST(fd >= 0 && !ftruncate(fd, 0) &&
	     pwrite(fd, text, n, 0) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(values, 0, sizeof(values));
	return load_attributes(path, values);
}

/* All bytes arrive. */
static void print_json(const char *text, size_t n, size_t size)
{
	const struct attribute *a = attribute_find("label", 5);
	size_t most = 6 * n + 3, length;
	char *json = malloc(most), *file = malloc(most + 64),
	     *some = malloc(size + 3);

	format_json(text, n, json, most);
	check_printable(json);
	length = (size_t)sprintf(
		file, "{\"devices\": [{\"name\": \"vfifo0\", \"label\": %s}]}",
		json);
	MUST(!load(file, length));
	MUST(values[a - attributes].n == n);
	MUST(!memcmp(values[a - attributes].value, text, n));
	/* What is cut off is JSON, too. */
	format_json(text, n, some, size + 3);
	length = (size_t)sprintf(file, "{\"label\": %s}", some);
	MUST(!load(file, length));
	MUST(values[a - attributes].n <= n);
	MUST(!memcmp(values[a - attributes].value, text,
		     values[a - attributes].n));
	free(json);
	free(file);
	free(some);
}

/* Each value that is taken is in the file. */
static void read_json(const char *text, size_t n)
{
	int code = load(text, n);

	MUST(code == EXIT_OK || code == EXIT_USAGE);
	for (size_t i = 0; i < attribute_count; i++)
		MUST(!values[i].value ||
		     (attributes[i].access == ATTR_RW && values[i].n <= n));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = { bytes, n };
	uint64_t number = take(&in, 8);
	char *text;
	size_t size = number % 251 + 1;

	/* The longest file is 64 KiB. */
	if (n > 4096)
		return -1;
	in = (struct input){ bytes, n };
	take(&in, 1);
	text = malloc(in.left + 1);
	memcpy(text, in.at, in.left);
	text[in.left] = 0;
	sizes(text);
	numbers(text);
	print_size(number >> number % 64);
	print_text(text, in.left, size);
	print_label(text, in.left, size);
	print_json(text, in.left, size);
	read_json(text, in.left);
	free(text);
	return 0;
}
