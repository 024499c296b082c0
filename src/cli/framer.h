/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * framer.h - how a file, or a pipe, tells where a record ends
 *
 * lines: at each newline, which is part of the record; a record that does not end with one gets one
 * when it is written. length: 4 bytes in front of each, the length, little-endian. A number: each
 * record has so many bytes, but for the last one.
 */
#ifndef VFIFO_FRAMER_H
#define VFIFO_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum framer_form { FRAMER_LINES, FRAMER_LENGTH, FRAMER_SIZE };

struct framer {
	/* Set by framer_parse(). */
	enum framer_form form;
	size_t size; /* of FRAMER_SIZE */
	/* What was read and not taken. */
	size_t longest; /* bytes of a record, set by framer_begin() */
	unsigned char *buffer;
	size_t space, at, held;
	bool ended; /* the file has no more bytes */
	unsigned char prefix[4];
};

/* 0, or -EINVAL. */
int framer_parse(struct framer *f, const char *text);

/* For records of up to `longest` bytes. 0, or -ENOMEM. */
int framer_begin(struct framer *f, size_t longest);
void framer_end(struct framer *f);

/* Reads more. Return: as read(2). It is called only if framer_next() has returned 0. */
ssize_t framer_read(struct framer *f, int file);

/*
 * The next record: *record is set. Return: its length; 0: there is none before framer_read(), or
 * at all if the file has ended. -EMSGSIZE: it is too long; -EBADMSG: the file is cut, or a length
 * is 0.
 */
ssize_t framer_next(struct framer *f, const void **record);

/* Takes the record that framer_next() has returned. */
void framer_take(struct framer *f, size_t n);

/* What to write for a record: as many parts as is returned, at most 2. */
int framer_parts(struct framer *f, void *record, size_t n,
		 struct iovec part[2]);

#endif /* VFIFO_FRAMER_H */
