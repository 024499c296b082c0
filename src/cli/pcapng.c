// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets with their times, in files of the format pcapng. */
#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_OBSOLETE_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in either byte order */
};

enum {
	OPTION_END = 0,
	SECTION_OS = 3,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	INTERFACE_OS = 12,
	INTERFACE_OFFSET = 14,
	PACKET_LOST = 4,
	PACKET_NUMBER = 5,
	STATISTICS_BEGIN = 2,
	STATISTICS_END = 3,
	STATISTICS_PACKETS = 4,
	STATISTICS_LOST = 5,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define VERSION 1
#define NANOSECONDS 9 /* as a resolution: 10^-9 s */
#define MICROSECONDS 6
#define LENGTH_UNKNOWN UINT64_MAX

/* Bytes of a block before what depends on its type, and behind it. */
#define BEFORE 8
#define BEHIND 4
/* The same with the fixed part of a block of that type. */
#define SECTION_SIZE 28
#define INTERFACE_SIZE 20
#define PACKET_SIZE 32
/* The fixed part of a packet begins here, and its bytes there. */
#define PACKET_BYTES 28

/* Fields and blocks are multiples of 4 bytes. */
static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* --- writing ---------------------------------------------------------------- */

struct pen {
	unsigned char *at;
};

static void put(struct pen *p, const void *bytes, size_t n)
{
	memcpy(p->at, bytes, n);
	memset(p->at + n, 0, padded(n) - n);
	p->at += padded(n);
}

static void put_32(struct pen *p, uint32_t value)
{
	put(p, &value, sizeof(value));
}

static void put_64(struct pen *p, uint64_t value)
{
	put(p, &value, sizeof(value));
}

/* The high half comes first, in either byte order. */
static void put_time(struct pen *p, uint64_t time)
{
	put_32(p, (uint32_t)(time >> 32));
	put_32(p, (uint32_t)time);
}

static void put_option(struct pen *p, uint16_t code, uint16_t length)
{
	const uint16_t head[] = { code, length };

	put(p, head, sizeof(head));
}

static void put_text(struct pen *p, uint16_t code, const char *text)
{
	size_t n = strnlen(text, PCAPNG_TEXT_MAX);

	if (!n)
		return;
	put_option(p, code, (uint16_t)n);
	put(p, text, n);
}

static void put_number(struct pen *p, uint16_t code, uint64_t value)
{
	put_option(p, code, sizeof(value));
	put_64(p, value);
}

static void put_time_option(struct pen *p, uint16_t code, uint64_t time)
{
	put_option(p, code, sizeof(time));
	put_time(p, time);
}

static struct pen begin_block(unsigned char *to, uint32_t type)
{
	struct pen p = { to };

	put_32(&p, type);
	/* end_block() knows the length. */
	put_32(&p, 0);
	return p;
}

/* Return: the length of the block, which begins at `to`. */
static size_t end_block(struct pen *p, unsigned char *to)
{
	uint32_t length;

	put_option(p, OPTION_END, 0);
	length = (uint32_t)(p->at - to) + BEHIND;
	put_32(p, length);
	memcpy(to + 4, &length, sizeof(length));
	return length;
}

size_t pcapng_section(unsigned char *to, const char *os,
		      const char *application)
{
	const uint16_t version[] = { VERSION, 0 };
	struct pen p = begin_block(to, BLOCK_SECTION);

	put_32(&p, BYTE_ORDER_MAGIC);
	put(&p, version, sizeof(version));
	put_64(&p, LENGTH_UNKNOWN);
	put_text(&p, SECTION_OS, os);
	put_text(&p, SECTION_APPLICATION, application);
	return end_block(&p, to);
}

size_t pcapng_interface(unsigned char *to, const struct pcapng_interface *i)
{
	const uint16_t link[] = { i->link_type, 0 };
	const unsigned char resolution = NANOSECONDS;
	struct pen p = begin_block(to, BLOCK_INTERFACE);

	put(&p, link, sizeof(link));
	/* No packet is cut. */
	put_32(&p, 0);
	put_text(&p, INTERFACE_NAME, i->name);
	put_text(&p, INTERFACE_DESCRIPTION, i->description);
	put_option(&p, INTERFACE_RESOLUTION, sizeof(resolution));
	put(&p, &resolution, sizeof(resolution));
	put_text(&p, INTERFACE_OS, i->os);
	return end_block(&p, to);
}

/* The options of a packet, with their end; none, if there is nothing to say. */
static void put_packet_options(struct pen *p,
			       const struct pcapng_packet *packet)
{
	if (packet->lost)
		put_number(p, PACKET_LOST, packet->lost);
	if (packet->numbered)
		put_number(p, PACKET_NUMBER, packet->number);
	if (packet->lost || packet->numbered)
		put_option(p, OPTION_END, 0);
}

/* The length of the whole block. */
static uint32_t packet_size(const struct pcapng_packet *packet)
{
	unsigned char options[PCAPNG_PIECE_MAX];
	struct pen p = { options };

	put_packet_options(&p, packet);
	return PACKET_SIZE + (uint32_t)padded(packet->length) +
	       (uint32_t)(p.at - options);
}

size_t pcapng_head(unsigned char *to, const struct pcapng_packet *packet)
{
	struct pen p = { to };

	put_32(&p, BLOCK_PACKET);
	put_32(&p, packet_size(packet));
	put_32(&p, 0);
	put_time(&p, packet->time);
	put_32(&p, packet->length);
	put_32(&p, packet->original);
	return (size_t)(p.at - to);
}

size_t pcapng_tail(unsigned char *to, const struct pcapng_packet *packet)
{
	size_t padding = padded(packet->length) - packet->length;
	struct pen p = { to + padding };

	memset(to, 0, padding);
	put_packet_options(&p, packet);
	put_32(&p, packet_size(packet));
	return (size_t)(p.at - to);
}

size_t pcapng_totals(unsigned char *to, const struct pcapng_totals *t)
{
	struct pen p = begin_block(to, BLOCK_STATISTICS);

	put_32(&p, 0);
	put_time(&p, t->end);
	put_time_option(&p, STATISTICS_BEGIN, t->begin);
	put_time_option(&p, STATISTICS_END, t->end);
	put_number(&p, STATISTICS_PACKETS, t->packets);
	put_number(&p, STATISTICS_LOST, t->lost);
	return end_block(&p, to);
}

/* --- reading: bytes --------------------------------------------------------- */

/* Read at once; a longer block makes the buffer grow. */
#define READ_SIZE (64U << 10)
/* A packet and its options. */
#define PCAPNG_BLOCK_MAX (PCAPNG_PACKET_MAX + (64U << 10))
#define INTERFACES_MAX (1U << 16)

/* The clock of an interface. */
struct pcapng_clock {
	uint8_t resolution; /* 10^-n s; with the bit BINARY 2^-n s */
	int64_t offset;	    /* seconds that are added */
};

#define BINARY 0x80
#define SECOND 1000000000U

static int refuse(struct pcapng_reader *r, const char *problem)
{
	r->problem = problem;
	return -EBADMSG;
}

static uint16_t get_16(const struct pcapng_reader *r, const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return r->swapped ? bswap_16(value) : value;
}

static uint32_t get_32(const struct pcapng_reader *r, const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return r->swapped ? bswap_32(value) : value;
}

static uint64_t get_64(const struct pcapng_reader *r, const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return r->swapped ? bswap_64(value) : value;
}

void pcapng_begin(struct pcapng_reader *r,
		  ssize_t (*read)(void *from, void *to, size_t n), void *from)
{
	*r = (struct pcapng_reader){ .read = read, .from = from };
}

void pcapng_end(struct pcapng_reader *r)
{
	free(r->clocks);
	free(r->buffer);
	pcapng_begin(r, r->read, r->from);
}

/* Makes room behind the bytes that were read: doubled, so that a lying length gets no memory. */
static int make_room(struct pcapng_reader *r)
{
	size_t size = r->size ? 2 * r->size : READ_SIZE;
	unsigned char *buffer;

	if (r->at) {
		r->have -= r->at;
		memmove(r->buffer, r->buffer + r->at, r->have);
		r->at = 0;
	}
	if (r->have < r->size)
		return 0;
	buffer = realloc(r->buffer, size);
	if (!buffer)
		return -ENOMEM;
	r->buffer = buffer;
	r->size = size;
	return 0;
}

/* Reads until n bytes of the block are there. 0: they are; 1: the file has ended before. */
static int need(struct pcapng_reader *r, size_t n)
{
	while (r->have - r->at < n) {
		ssize_t more;
		int err = r->have == r->size ? make_room(r) : 0;

		if (err)
			return err;
		more = r->read(r->from, r->buffer + r->have, r->size - r->have);
		if (more < 0)
			return (int)more;
		if (!more)
			return 1;
		r->have += (size_t)more;
	}
	return 0;
}

/* Passes over r->skip bytes. */
static int pass_over(struct pcapng_reader *r)
{
	while (r->skip) {
		size_t there = r->have - r->at;
		int err = there ? 0 : need(r, 1);

		if (err)
			return err < 0 ? err : -ENODATA;
		there = r->have - r->at;
		if (there > r->skip)
			there = (size_t)r->skip;
		r->at += there;
		r->skip -= there;
	}
	return 0;
}

/* --- reading: options ------------------------------------------------------- */

struct pcapng_option {
	uint16_t code, length;
	const unsigned char *value;
};

/* Takes the next option of `at` to `end`. 1; 0: there is none left; or -EBADMSG. */
static int next_option(struct pcapng_reader *r, const unsigned char **at,
		       const unsigned char *end, struct pcapng_option *o)
{
	size_t left = (size_t)(end - *at);

	if (!left)
		return 0;
	/* Both are multiples of 4, so what is left is 4 at least. */
	o->code = get_16(r, *at);
	o->length = get_16(r, *at + 2);
	o->value = *at + 4;
	if (o->code == OPTION_END)
		return 0;
	if (padded(o->length) > left - 4)
		return refuse(r, "an option is longer than its block");
	*at = o->value + padded(o->length);
	return 1;
}

/* --- reading: blocks -------------------------------------------------------- */

static int read_section(struct pcapng_reader *r, uint32_t length)
{
	if (length < SECTION_SIZE)
		return refuse(r, "a section header is too short");
	if (get_16(r, r->buffer + r->at + 12) != VERSION)
		return refuse(r, "this version of pcapng is not known");
	/* Each section numbers its interfaces anew. */
	r->n_clocks = 0;
	r->began = true;
	return 0;
}

static int add_clock(struct pcapng_reader *r, const struct pcapng_clock *clock)
{
	struct pcapng_clock *clocks;

	if (r->n_clocks == INTERFACES_MAX)
		return refuse(r, "there are too many interfaces");
	/* Whenever the number is a power of two, the list is full. */
	if (!(r->n_clocks & (r->n_clocks - 1))) {
		clocks = reallocarray(r->clocks,
				      r->n_clocks ? 2 * r->n_clocks : 1,
				      sizeof(*clocks));
		if (!clocks)
			return -ENOMEM;
		r->clocks = clocks;
	}
	r->clocks[r->n_clocks++] = *clock;
	return 0;
}

static int read_interface(struct pcapng_reader *r, uint32_t length)
{
	const unsigned char *block = r->buffer + r->at,
			    *at = block + INTERFACE_SIZE - BEHIND,
			    *end = block + length - BEHIND;
	struct pcapng_clock clock = { .resolution = MICROSECONDS };
	struct pcapng_option o;
	int more;

	if (length < INTERFACE_SIZE)
		return refuse(r, "an interface description is too short");
	while ((more = next_option(r, &at, end, &o)) > 0) {
		if (o.code == INTERFACE_RESOLUTION && o.length == 1)
			clock.resolution = *o.value;
		else if (o.code == INTERFACE_OFFSET && o.length == 8)
			clock.offset = (int64_t)get_64(r, o.value);
		else if (o.code == INTERFACE_RESOLUTION ||
			 o.code == INTERFACE_OFFSET)
			return refuse(r,
				      "the clock of an interface is not valid");
	}
	return more < 0 ? more : add_clock(r, &clock);
}

/* ticks of 2^-bits s. */
static void by_binary_clock(uint64_t ticks, unsigned int bits,
			    uint64_t *seconds, uint32_t *ns)
{
	uint64_t part = ticks, low, high;

	*seconds = bits < 64 ? ticks >> bits : 0;
	if (bits < 64)
		part &= ((uint64_t)1 << bits) - 1;
	/* The product has up to 94 bits: high has them without the lowest 32. */
	low = (part & UINT32_MAX) * SECOND;
	high = (part >> 32) * SECOND + (low >> 32);
	if (bits >= 96)
		*ns = 0;
	else if (bits >= 32)
		*ns = (uint32_t)(high >> (bits - 32));
	else
		*ns = (uint32_t)(low >> bits);
}

/* ticks of 10^-digits s. */
static void by_decimal_clock(uint64_t ticks, unsigned int digits,
			     uint64_t *seconds, uint32_t *ns)
{
	uint64_t second = 1, part;

	for (; digits > NANOSECONDS && ticks; digits--)
		ticks /= 10;
	for (unsigned int i = 0; i < digits && i < NANOSECONDS; i++)
		second *= 10;
	*seconds = ticks / second;
	part = ticks % second;
	*ns = (uint32_t)(part * (SECOND / second));
}

/* Whether the time is one of 1970 to 2554, whose nanoseconds *time can hold. */
static bool time_of(const struct pcapng_clock *clock, uint64_t ticks,
		    uint64_t *time)
{
	uint64_t seconds;
	uint32_t ns;

	if (clock->resolution & BINARY)
		by_binary_clock(ticks, clock->resolution & (BINARY - 1),
				&seconds, &ns);
	else
		by_decimal_clock(ticks, clock->resolution, &seconds, &ns);
	if (__builtin_add_overflow(seconds, clock->offset, &seconds))
		return false;
	return !__builtin_mul_overflow(seconds, (uint64_t)SECOND, time) &&
	       !__builtin_add_overflow(*time, (uint64_t)ns, time);
}

static int read_packet_options(struct pcapng_reader *r, struct pcapng_packet *p,
			       const unsigned char *at,
			       const unsigned char *end)
{
	struct pcapng_option o;
	int more;

	while ((more = next_option(r, &at, end, &o)) > 0) {
		if (o.length != sizeof(uint64_t))
			continue;
		if (o.code == PACKET_LOST)
			p->lost = get_64(r, o.value);
		if (o.code != PACKET_NUMBER)
			continue;
		p->numbered = true;
		p->number = get_64(r, o.value);
	}
	return more;
}

static int read_packet(struct pcapng_reader *r, uint32_t length,
		       struct pcapng_packet *p)
{
	const unsigned char *block = r->buffer + r->at;
	uint32_t interface;
	uint64_t ticks;

	if (length < PACKET_SIZE)
		return refuse(r, "a packet is too short for its header");
	interface = get_32(r, block + 8);
	ticks = (uint64_t)get_32(r, block + 12) << 32 | get_32(r, block + 16);
	*p = (struct pcapng_packet){ .bytes = block + PACKET_BYTES,
				     .length = get_32(r, block + 20),
				     .original = get_32(r, block + 24) };
	if (interface >= r->n_clocks)
		return refuse(
			r, "a packet is of an interface that is not described");
	if (!time_of(&r->clocks[interface], ticks, &p->time))
		return refuse(r, "the time of a packet is not valid");
	if (p->length > length - PACKET_SIZE)
		return refuse(r, "a packet is longer than its block");
	return read_packet_options(r, p,
				   block + PACKET_BYTES + padded(p->length),
				   block + length - BEHIND);
}

/* The block is in the buffer. 1: it was a packet; 0: another one. */
static int read_block(struct pcapng_reader *r, uint32_t type, uint32_t length,
		      struct pcapng_packet *p)
{
	int err;

	if (get_32(r, r->buffer + r->at + length - BEHIND) != length)
		return refuse(r, "a block has two lengths");
	if (type == BLOCK_SECTION)
		err = read_section(r, length);
	else if (type == BLOCK_INTERFACE)
		err = read_interface(r, length);
	else
		err = read_packet(r, length, p);
	if (err)
		return err;
	/* The bytes of the packet stay where they are until more is read. */
	r->at += length;
	return type == BLOCK_PACKET;
}

/* Sets the byte order of the section whose header has begun. */
static int find_byte_order(struct pcapng_reader *r)
{
	const unsigned char *magic = r->buffer + r->at + BEFORE;

	r->swapped = false;
	if (get_32(r, magic) == BYTE_ORDER_MAGIC)
		return 0;
	r->swapped = true;
	if (get_32(r, magic) == BYTE_ORDER_MAGIC)
		return 0;
	return refuse(r, "the byte order of a section is not known");
}

/* The first bytes of the block are in the buffer. 0: it is wanted; 1: to be passed over. */
static int look_at_block(struct pcapng_reader *r, uint32_t type,
			 uint32_t length)
{
	if (length < BEFORE + BEHIND || length % 4)
		return refuse(r, "the length of a block is not valid");
	switch (type) {
	case BLOCK_SIMPLE_PACKET:
	case BLOCK_OBSOLETE_PACKET:
		return refuse(
			r,
			"it has packets without a time, or of an obsolete kind");
	case BLOCK_SECTION:
	case BLOCK_INTERFACE:
	case BLOCK_PACKET:
		return length > PCAPNG_BLOCK_MAX ?
			       refuse(r, "a block is too long") :
			       0;
	}
	return 1;
}

/* 1: a packet; 0: another block; 2: the end of the file. */
static int next_block(struct pcapng_reader *r, struct pcapng_packet *p)
{
	uint32_t type, length;
	int err = need(r, BEFORE + BEHIND);

	if (err == 1)
		return r->have != r->at || !r->began ? -ENODATA : 2;
	if (err)
		return err;
	type = get_32(r, r->buffer + r->at);
	if (!r->began && type != BLOCK_SECTION)
		return refuse(r, "it is not a file of pcapng");
	if (type == BLOCK_SECTION)
		err = find_byte_order(r);
	if (err)
		return err;
	length = get_32(r, r->buffer + r->at + 4);
	err = look_at_block(r, type, length);
	if (err == 1)
		r->skip = length;
	if (err)
		return err < 0 ? err : pass_over(r);
	err = need(r, length);
	if (err)
		return err < 0 ? err : -ENODATA;
	return read_block(r, type, length, p);
}

int pcapng_next(struct pcapng_reader *r, struct pcapng_packet *p)
{
	int found = pass_over(r);

	while (!found)
		found = next_block(r, p);
	return found == 2 ? 0 : found;
}
