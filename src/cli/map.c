// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfifo show --map: what the mappings say, and that what is written there is there.
 *
 * It claims the producer side meanwhile: the bytes that it writes to are free then, and
 * nobody else's. They are never published, so no byte moves in.
 */
#include <stdio.h>
#include <string.h>
#include <libvfifo.h>

#include "cli.h"

/* The data are there twice: what is written to one half is in the other. */
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

/* Writes as much of the text as there is space for. */
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
	static struct value v[VALUES_MAX];
	/* Not through the interface: what is shown is what the mappings contain. */
	const struct __vfifo_hot *h = __vfifo_hot(f);
	size_t offset = vfifo_offset(h->capacity, h->own), n = 0;
	size_t wrote = write_free(f, text);
	bool same = same_twice(h, offset, text, wrote);
	int code;

	value_text(&v[n++], "name", d->name, "the device");
	value_text(&v[n++], "node", d->node, "its path");
	value_number(&v[n++], "abi", h->status->abi, "version of the mappings");
	value_bytes(&v[n++], "capacity", h->capacity, "bytes of the buffer");
	value_number(&v[n++], "generation", h->status->generation,
		     "claims, releases and other changes so far");
	value_number(&v[n++], "in", h->own, "ever produced, modulo 2^32");
	value_number(&v[n++], "out", h->peer, "ever consumed, modulo 2^32");
	value_number(&v[n++], "offset", offset, "where the next byte goes");
	value_number(&v[n++], "wrote", wrote, "bytes there, through the map");
	value_text(&v[n++], "read-back", same ? "same" : "different",
		   "at that offset, and a capacity further on");
	code = record_print("maps", o, v, n);
	return code ? code : same ? EXIT_OK : EXIT_FAILED;
}

int map_show(const struct device *d, const char *text,
	     const struct table_options *o)
{
	struct vfifo_handle *f;
	int err = device_claim(d, VFIFO_PRODUCER, &f);
	int code;

	if (err)
		return explain(err, d, "map");
	code = show(f, d, text, o);
	vfifo_close(f);
	return code;
}
