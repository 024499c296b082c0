// SPDX-License-Identifier: GPL-2.0-or-later
/* How a file, or a pipe, tells where a record ends. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "framer.h"

#define PREFIX sizeof(((struct framer *)NULL)->prefix)

int framer_parse(struct framer *f, const char *text)
{
	uint64_t size;

	*f = (struct framer){ .form = FRAMER_SIZE };
	if (!strcmp(text, "lines")) {
		f->form = FRAMER_LINES;
	} else if (!strcmp(text, "length")) {
		f->form = FRAMER_LENGTH;
	} else {
		if (parse_size(text, &size) || !size || size > SSIZE_MAX)
			return -EINVAL;
		f->size = (size_t)size;
	}
	return 0;
}

int framer_begin(struct framer *f, size_t longest)
{
	f->longest = longest;
	/* With its length, or its newline, and as much to read ahead. */
	f->space = 2 * (PREFIX + longest);
	f->buffer = malloc(f->space);
	return f->buffer ? 0 : -ENOMEM;
}

void framer_end(struct framer *f)
{
	free(f->buffer);
	f->buffer = NULL;
}

ssize_t framer_read(struct framer *f, int file)
{
	ssize_t n;

	memmove(f->buffer, f->buffer + f->at, f->held);
	f->at = 0;
	n = read(file, f->buffer + f->held, f->space - f->held);
	if (n > 0)
		f->held += (size_t)n;
	if (!n)
		f->ended = true;
	return n;
}

static ssize_t line(const struct framer *f)
{
	const unsigned char *from = f->buffer + f->at;
	const unsigned char *end = memchr(from, '\n', f->held);

	if (end)
		return end + 1 - from;
	if (f->ended || f->held > f->longest)
		return (ssize_t)f->held;
	return 0;
}

static ssize_t length(const struct framer *f)
{
	const unsigned char *p = f->buffer + f->at;
	uint32_t n;

	if (!f->held)
		return 0;
	if (f->held < PREFIX)
		return f->ended ? -EBADMSG : 0;
	n = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
	if (!n)
		return -EBADMSG;
	if (n > f->longest)
		return -EMSGSIZE;
	if (f->held < PREFIX + n)
		return f->ended ? -EBADMSG : 0;
	return (ssize_t)n;
}

static ssize_t piece(const struct framer *f)
{
	if (f->held >= f->size)
		return (ssize_t)f->size;
	if (f->size > f->longest)
		return -EMSGSIZE;
	return f->ended ? (ssize_t)f->held : 0;
}

ssize_t framer_next(struct framer *f, const void **record)
{
	ssize_t n = 0;

	*record = f->buffer + f->at;
	switch (f->form) {
	case FRAMER_LINES:
		n = line(f);
		break;
	case FRAMER_LENGTH:
		*record = f->buffer + f->at + PREFIX;
		n = length(f);
		break;
	case FRAMER_SIZE:
		n = piece(f);
		break;
	}
	return n > 0 && (size_t)n > f->longest ? -EMSGSIZE : n;
}

void framer_take(struct framer *f, size_t n)
{
	if (f->form == FRAMER_LENGTH)
		n += PREFIX;
	f->at += n;
	f->held -= n;
}

int framer_parts(struct framer *f, void *record, size_t n, struct iovec part[2])
{
	static char newline[] = "\n";
	const bool lacks_newline = ((char *)record)[n - 1] != '\n';

	part[0] = (struct iovec){ record, n };
	if (f->form == FRAMER_LINES && lacks_newline) {
		part[1] = (struct iovec){ newline, 1 };
		return 2;
	}
	if (f->form != FRAMER_LENGTH)
		return 1;
	for (size_t i = 0; i < PREFIX; i++)
		f->prefix[i] = (unsigned char)(n >> 8 * i);
	part[1] = part[0];
	part[0] = (struct iovec){ f->prefix, PREFIX };
	return 2;
}
