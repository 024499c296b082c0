// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfifo show --map: the fields of the mappings, and a check that the memory can be written.
 *
 * The check claims the producer side, so that no other process writes to the free bytes that
 * it writes to. It does not publish them, so the contents of the FIFO do not change.
 */
#include <stdio.h>
#include <string.h>
#include <libvfifo.h>

#include "cli.h"

/* The data are mapped twice in a row: a byte that is written appears in both halves. */
static bool same_twice(const struct __vfifo_hot *h, size_t offset,
		       const char *text, size_t length)
{
	size_t both = 2 * (size_t)h->capacity;

	for (size_t i = 0; i < length; i++) {
		size_t at = offset + i;
		size_t again = (at + h->capacity) % both;

		if (h->data[at] != (unsigned char)text[i] ||
		    h->data[again] != (unsigned char)text[i])
			return false;
	}
	return true;
}

/* Returns how many bytes of the text there was space for. */
static size_t write_free(struct vfifo_handle *f, const char *text)
{
	void *p;
	ssize_t room = vfifo_reserve(f, 1, &p);
	size_t length = strlen(text);

	if (room <= 0)
		return 0;
	if (length > (size_t)room)
		length = (size_t)room;
	memcpy(p, text, length);
	return length;
}

static int show(struct vfifo_handle *f, const struct device *d,
		const char *text, const struct table_options *o)
{
	struct value v[COLUMNS_MAX];
	/* Not through the interface: the command shows what the mappings contain. */
	const struct __vfifo_hot *h = __vfifo_hot(f);
	size_t offset = vfifo_offset(h->capacity, h->own), n = 0;
	size_t wrote = write_free(f, text);
	bool same = same_twice(h, offset, text, wrote);
	int code;

	value_text(&v[n++], "name", d->name, "the device");
	value_text(&v[n++], "node", d->node, "its path");
	value_number(&v[n++], "abi", h->status->abi, "version of the mappings");
	value_size(&v[n++], "capacity", h->capacity, "bytes of the buffer");
	value_number(&v[n++], "generation", h->status->generation,
		     "number of claims, releases and other changes");
	value_number(&v[n++], "in", h->own, "ever produced, modulo 2^32");
	value_number(&v[n++], "out", h->peer, "ever consumed, modulo 2^32");
	value_number(&v[n++], "offset", offset,
		     "of the next byte in the buffer");
	value_number(&v[n++], "wrote", wrote, "bytes written at that offset");
	value_text(&v[n++], "read-back", same ? "same" : "different",
		   "bytes at that offset, and in the second mapping");
	code = fields_print("maps", o, v, n);
	return code ? code : same ? EXIT_OK : EXIT_FAILED;
}

int map_show(const struct device *d, const char *text,
	     const struct table_options *o)
{
	struct vfifo_handle *f;
	int err = device_claim(d, VFIFO_PRODUCER, 0, &f);
	int code;

	if (err)
		return explain(err, d, "map");
	code = show(f, d, text, o);
	vfifo_close(f);
	return code;
}
