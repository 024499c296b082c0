// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command's files of recordings: what is written is read again, files that other programs could
 * have written are read, and a file that lies is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cli/pcapng.c"

#define LAST 5000000000000000009U

/* --- a file in memory ------------------------------------------------------- */

static unsigned char file[1 << 20];
static size_t file_size, file_at;
static size_t piece;	  /* what one read gives at most */
static int interruptions; /* reads that fail first, each time */

static ssize_t read_file(void *from, void *to, size_t n)
{
	static int failed;

	assert_ptr_equal(from, file);
	if (failed < interruptions) {
		failed++;
		return -EINTR;
	}
	failed = 0;
	if (n > file_size - file_at)
		n = file_size - file_at;
	if (n > piece)
		n = piece;
	memcpy(to, file + file_at, n);
	file_at += n;
	return (ssize_t)n;
}

static struct pcapng_reader reader;

static void open_file(void)
{
	file_at = 0;
	pcapng_begin(&reader, read_file, file);
}

static int next(struct pcapng_packet *p)
{
	int found;

	do
		found = pcapng_next(&reader, p);
	while (found == -EINTR);
	return found;
}

/* How many packets the file has; *end is what the reader says after them. */
static int count(int *end)
{
	struct pcapng_packet p;
	int n = 0;

	open_file();
	while ((*end = next(&p)) == 1)
		n++;
	pcapng_end(&reader);
	return n;
}

static void assert_refused(const char *problem)
{
	struct pcapng_packet p;
	int end;

	open_file();
	while ((end = next(&p)) == 1)
		;
	assert_int_equal(end, -EBADMSG);
	assert_string_equal(reader.problem, problem);
	pcapng_end(&reader);
}

static void assert_clean(int packets)
{
	int end, n = count(&end);

	assert_int_equal(end, 0);
	assert_int_equal(n, packets);
}

static int set_up(void **state)
{
	(void)state;
	file_size = 0;
	piece = sizeof(file);
	interruptions = 0;
	return 0;
}

/* --- files as another program writes them ----------------------------------- */

static bool other_order;

static void add(const void *bytes, size_t n)
{
	assert_true(n <= sizeof(file) - file_size);
	memcpy(file + file_size, bytes, n);
	file_size += n;
}

static void add_16(uint16_t value)
{
	value = other_order ? bswap_16(value) : value;
	add(&value, 2);
}

static void add_32(uint32_t value)
{
	value = other_order ? bswap_32(value) : value;
	add(&value, 4);
}

static void add_64(uint64_t value)
{
	value = other_order ? bswap_64(value) : value;
	add(&value, 8);
}

static void add_section(void)
{
	add_32(0x0a0d0d0a);
	add_32(28);
	add_32(0x1a2b3c4d);
	add_16(1);
	add_16(0);
	add_64(UINT64_MAX);
	add_32(28);
}

/* Without options: microseconds. */
static void add_interface(void)
{
	add_32(1);
	add_32(20);
	add_16(147);
	add_16(0);
	add_32(0);
	add_32(20);
}

static void add_clocked_interface(uint8_t resolution, int64_t offset)
{
	add_32(1);
	add_32(40);
	add_16(147);
	add_16(0);
	add_32(0);
	add_16(9);
	add_16(1);
	add(&resolution, 1);
	add("\0\0\0", 3);
	add_16(14);
	add_16(8);
	add_64((uint64_t)offset);
	/* The end of the options may be missing. */
	add_32(40);
}

static void add_packet(uint32_t interface, uint64_t ticks, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);
	uint32_t all = 32 + (n + 3) / 4 * 4;

	add_32(6);
	add_32(all);
	add_32(interface);
	add_32((uint32_t)(ticks >> 32));
	add_32((uint32_t)ticks);
	add_32(n);
	add_32(n + 1);
	add(text, n);
	add("\0\0\0", (4 - n % 4) % 4);
	add_32(all);
}

static void add_unknown(uint32_t type, uint32_t n)
{
	add_32(type);
	add_32(12 + n);
	assert_true(n <= sizeof(file) - file_size);
	memset(file + file_size, 0xa5, n);
	file_size += n;
	add_32(12 + n);
}

/* Changes 32 bits of the file, `back` bytes before its end. */
static void change(size_t back, uint32_t value)
{
	size_t size = file_size;

	file_size -= back;
	add_32(value);
	file_size = size;
}

static void change_option(size_t back, uint16_t code, uint16_t length)
{
	const uint16_t head[] = { code, length };
	uint32_t value;

	memcpy(&value, head, 4);
	change(back, value);
}

/* --- the tests -------------------------------------------------------------- */

#define PACKETS 12

/* Packet i has i bytes, and each combination of options. */
static void make_packet(unsigned int i, struct pcapng_packet *p)
{
	static const char bytes[] = "what is in it";

	*p = (struct pcapng_packet){
		.time = i == PACKETS - 1 ? LAST : 1700000000123456789U + i,
		.bytes = bytes,
		.length = i,
		.original = i,
		.numbered = i % 2,
		.number = i % 2 ? 0xfffffffeU + i : 0,
		.lost = i % 4 < 2 ? 0 : (uint64_t)i << 40,
	};
}

/* As vfifo record writes it. */
static void write_file(void)
{
	const struct pcapng_interface interface = { .link_type = 147,
						    .name = "vfifo0",
						    .description = "",
						    .os = "Linux" };
	const struct pcapng_totals totals = { .packets = PACKETS };
	struct pcapng_packet p;

	file_size = pcapng_section(file, "Linux", "a test");
	file_size += pcapng_interface(file + file_size, &interface);
	for (unsigned int i = 0; i < PACKETS; i++) {
		make_packet(i, &p);
		file_size += pcapng_head(file + file_size, &p);
		add(p.bytes, p.length);
		file_size += pcapng_tail(file + file_size, &p);
	}
	file_size += pcapng_totals(file + file_size, &totals);
}

static void assert_same(const struct pcapng_packet *a,
			const struct pcapng_packet *b)
{
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->original, b->original);
	assert_int_equal(a->numbered, b->numbered);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->lost, b->lost);
	assert_memory_equal(a->bytes, b->bytes, a->length);
}

static void what_is_written_is_read(void **state)
{
	struct pcapng_packet wanted, p;

	(void)state;
	write_file();
	for (piece = 1; piece < 100; piece++) {
		interruptions = piece % 3;
		open_file();
		for (unsigned int i = 0; i < PACKETS; i++) {
			make_packet(i, &wanted);
			assert_int_equal(next(&p), 1);
			assert_same(&p, &wanted);
		}
		assert_int_equal(next(&p), 0);
		assert_int_equal(next(&p), 0);
		pcapng_end(&reader);
	}
}

/* Each block can be passed over by its length, which is there twice. */
static void blocks_are_as_the_format_says(void **state)
{
	static const uint32_t types[] = { 0x0a0d0d0a, 1, 6, 6 };
	size_t at = 0;
	uint32_t type, length, again;

	(void)state;
	memset(file, 0xff, sizeof(file));
	write_file();
	for (unsigned int i = 0; at < file_size; i++, at += length) {
		memcpy(&type, file + at, 4);
		memcpy(&length, file + at + 4, 4);
		assert_true(length % 4 == 0 && length <= file_size - at);
		memcpy(&again, file + at + length - 4, 4);
		assert_int_equal(length, again);
		if (i < 4)
			assert_int_equal(type, types[i]);
		/* The second packet has one byte and its padding. */
		if (i == 3)
			assert_memory_equal(file + at + 28, "w\0\0", 4);
	}
	assert_int_equal(at, file_size);
	assert_int_equal(type, 5);
}

static void long_texts_are_cut(void **state)
{
	static char text[1000];
	const struct pcapng_interface interface = { .name = text,
						    .description = text,
						    .os = text };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	file_size = pcapng_section(file, text, text);
	assert_true(file_size <= PCAPNG_PIECE_MAX);
	file_size += pcapng_interface(file + file_size, &interface);
	assert_true(file_size <= 2 * PCAPNG_PIECE_MAX);
	assert_clean(0);
}

static void either_byte_order_is_read(void **state)
{
	struct pcapng_packet p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		other_order = i;
		add_section();
		add_interface();
		add_packet(0, 0x0005000000000001, "hello");
	}
	other_order = false;
	open_file();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(&p), 1);
		assert_int_equal(p.time, 0x0005000000000001 * 1000);
		assert_int_equal(p.length, 5);
		assert_int_equal(p.original, 6);
		assert_memory_equal(p.bytes, "hello", 5);
		assert_false(p.numbered);
	}
	assert_int_equal(next(&p), 0);
	pcapng_end(&reader);
}

/* The longest one is longer than the buffer. */
static void unknown_blocks_are_passed_over(void **state)
{
	int end;

	(void)state;
	add_section();
	add_unknown(5, 0);
	add_interface();
	add_unknown(0x80000001, 300000);
	add_packet(0, 1, "hello");
	add_unknown(0xbad, 4);
	for (piece = 1; piece < 100000; piece *= 7)
		assert_clean(1);
	file_size--;
	assert_int_equal(count(&end), 1);
	assert_int_equal(end, -ENODATA);
}

static void each_section_has_its_interfaces(void **state)
{
	struct pcapng_packet p;

	(void)state;
	add_section();
	add_clocked_interface(9, 0);
	add_clocked_interface(3, 0);
	add_packet(1, 7, "a");
	add_section();
	add_clocked_interface(0, 0);
	add_packet(0, 7, "b");
	open_file();
	assert_int_equal(next(&p), 1);
	assert_int_equal(p.time, 7000000);
	assert_int_equal(next(&p), 1);
	assert_int_equal(p.time, 7000000000);
	assert_int_equal(next(&p), 0);
	pcapng_end(&reader);
	add_packet(1, 7, "c");
	assert_refused("a packet is of an interface that is not described");
}

static void a_thousand_interfaces(void **state)
{
	struct pcapng_packet p;

	(void)state;
	add_section();
	for (int64_t i = 0; i < 1000; i++)
		add_clocked_interface(9, i);
	add_packet(999, 1, "a");
	open_file();
	assert_int_equal(next(&p), 1);
	assert_int_equal(p.time, 999000000001);
	pcapng_end(&reader);
}

static void there_are_not_more_interfaces_than_a_bound(void **state)
{
	(void)state;
	reader = (struct pcapng_reader){ .n_clocks = 1 << 16 };
	assert_int_equal(add_clock(&reader, NULL), -EBADMSG);
}

static void times_of_all_resolutions(void **state)
{
	static const struct {
		uint8_t resolution;
		int64_t offset;
		uint64_t ticks, ns;
	} times[] = {
		{ 0, 0, 18446744073, 18446744073000000000U },
		{ 3, 0, 1700000000123, 1700000000123000000 },
		{ 6, 0, 1700000000123456, 1700000000123456000 },
		{ 6, -1700000000, 1700000000123456, 123456000 },
		{ 6, 1700000000, 123456, 1700000000123456000 },
		{ 9, 0, UINT64_MAX, UINT64_MAX },
		{ 10, 0, 19, 1 },
		{ 12, 0, 1700000000123456789, 1700000000123456 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 0x80, 0, 12, 12000000000 },
		{ 0x80 | 1, 0, 3, 1500000000 },
		{ 0x80 | 10, 0, 1023, 999023437 },
		{ 0x80 | 20, 0, (5 << 20) + 1, 5000000953 },
		{ 0x80 | 31, 0, 0xffffffff, 1999999999 },
		{ 0x80 | 32, 0, 0xffffffff, 999999999 },
		{ 0x80 | 33, 0, 0x3ffffffff, 1999999999 },
		{ 0x80 | 40, 0, (uint64_t)3 << 39, 1500000000 },
		{ 0x80 | 63, 0, UINT64_MAX, 1999999999 },
		{ 0x80 | 64, 0, UINT64_MAX, 999999999 },
		{ 0x80 | 64, 0, (uint64_t)1 << 63, 500000000 },
		{ 0x80 | 95, 0, UINT64_MAX, 0 },
		{ 0x80 | 96, 0, UINT64_MAX, 0 },
		{ 0xff, 0, UINT64_MAX, 0 },
	};
	struct pcapng_packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		file_size = 0;
		add_section();
		add_clocked_interface(times[i].resolution, times[i].offset);
		add_packet(0, times[i].ticks, "");
		open_file();
		assert_int_equal(next(&p), 1);
		assert_int_equal(p.time, times[i].ns);
		pcapng_end(&reader);
	}
}

static void times_that_are_not_of_1970_to_2554(void **state)
{
	static const struct {
		uint8_t resolution;
		int64_t offset;
		uint64_t ticks;
	} times[] = {
		{ 0, 0, 18446744074 },	      { 0, 0, UINT64_MAX },
		{ 9, 1, UINT64_MAX },	      { 9, -1, 999999999 },
		{ 9, INT64_MIN, 0 },	      { 0, INT64_MAX, UINT64_MAX },
		{ 3, 0, UINT64_MAX },	      { 0x80, 0, UINT64_MAX },
		{ 6, INT64_MAX, UINT64_MAX }, { 9, 18446744073, 709551616 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		file_size = 0;
		add_section();
		add_clocked_interface(times[i].resolution, times[i].offset);
		add_packet(0, times[i].ticks, "");
		assert_refused("the time of a packet is not valid");
	}
}

/* A process that was killed, or a full disk. */
static void a_cut_file_has_what_was_whole(void **state)
{
	size_t all, ends[64], n = 0;
	uint32_t length;

	(void)state;
	write_file();
	all = file_size;
	for (size_t at = 0; at < all; at += length) {
		memcpy(&length, file + at + 4, 4);
		ends[n++] = at + length;
	}
	for (file_size = 0; file_size < all; file_size++) {
		int whole = 0, end, packets;

		for (size_t i = 0; i < n; i++)
			whole += ends[i] <= file_size;
		packets = whole < 2 ? 0 : whole - 2;
		assert_int_equal(count(&end), packets);
		assert_int_equal(end, whole && ends[whole - 1] == file_size ?
					      0 :
					      -ENODATA);
	}
}

/* As memory grows with what is read. */
static void a_length_gets_no_memory(void **state)
{
	struct pcapng_packet p;

	(void)state;
	add_section();
	add_interface();
	add_packet(0, 1, "hello");
	change(36, PCAPNG_PACKET_MAX);
	open_file();
	assert_int_equal(next(&p), -ENODATA);
	assert_true(reader.size <= 65536);
	pcapng_end(&reader);
}

static void start(void)
{
	file_size = 0;
	add_section();
	add_interface();
}

static void a_file_that_lies_is_refused(void **state)
{
	(void)state;
	add("#!/bin/sh -x\n", 13);
	assert_refused("it is not a file of pcapng");
	file_size = 0;
	add_interface();
	assert_refused("it is not a file of pcapng");

	file_size = 0;
	add_section();
	change(20, 0x4d3c2b1b);
	assert_refused("the byte order of a section is not known");
	file_size = 0;
	add_section();
	change_option(16, 2, 0);
	assert_refused("this version of pcapng is not known");
	file_size = 0;
	add_section();
	change(24, 24);
	change(8, 24);
	assert_refused("a section header is too short");

	start();
	add_unknown(7, 8);
	change(16, 8);
	assert_refused("the length of a block is not valid");
	change(16, 18);
	assert_refused("the length of a block is not valid");
	change(16, 0);
	assert_refused("the length of a block is not valid");

	start();
	change(16, 16);
	change(4, 16);
	file_size -= 4;
	change(4, 16);
	assert_refused("an interface description is too short");

	start();
	add_packet(0, 1, "hello");
	change(4, 44);
	assert_refused("a block has two lengths");
	change(4, 40);
	change(36, PCAPNG_BLOCK_MAX + 4);
	assert_refused("a block is too long");
	change(36, 40);
	change(20, 9);
	assert_refused("a packet is longer than its block");
	change(20, UINT32_MAX);
	assert_refused("a packet is longer than its block");
	change(20, 8);
	assert_clean(1);

	start();
	add_unknown(6, 16);
	assert_refused("a packet is too short for its header");

	start();
	add_unknown(3, 16);
	assert_refused("it has packets without a time, or of an obsolete kind");
	start();
	add_unknown(2, 36);
	assert_refused("it has packets without a time, or of an obsolete kind");
}

static void options_that_lie_are_refused(void **state)
{
	(void)state;
	/* The bytes of a packet become options. */
	start();
	add_packet(0, 1, "optnabcdefgh");
	change(24, 0);
	change_option(16, 5, 8);
	assert_clean(1);
	change_option(16, 5, 9);
	assert_refused("an option is longer than its block");
	change_option(16, 5, 65535);
	assert_refused("an option is longer than its block");
	/* Of another length: not the number of the packet. */
	change_option(16, 5, 4);
	change_option(8, 0, 65535);
	assert_clean(1);
	/* What follows the end is not looked at. */
	change_option(16, 0, 65535);
	change_option(12, 5, 65535);
	assert_clean(1);

	file_size = 0;
	add_section();
	add_clocked_interface(6, 0);
	change_option(24, 9, 0);
	assert_refused("the clock of an interface is not valid");
	change_option(24, 9, 1);
	change_option(16, 14, 4);
	assert_refused("the clock of an interface is not valid");
	change_option(16, 14, 256);
	assert_refused("an option is longer than its block");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_written_is_read, set_up),
		cmocka_unit_test_setup(blocks_are_as_the_format_says, set_up),
		cmocka_unit_test_setup(long_texts_are_cut, set_up),
		cmocka_unit_test_setup(either_byte_order_is_read, set_up),
		cmocka_unit_test_setup(unknown_blocks_are_passed_over, set_up),
		cmocka_unit_test_setup(each_section_has_its_interfaces, set_up),
		cmocka_unit_test_setup(a_thousand_interfaces, set_up),
		cmocka_unit_test_setup(
			there_are_not_more_interfaces_than_a_bound, set_up),
		cmocka_unit_test_setup(times_of_all_resolutions, set_up),
		cmocka_unit_test_setup(times_that_are_not_of_1970_to_2554,
				       set_up),
		cmocka_unit_test_setup(a_cut_file_has_what_was_whole, set_up),
		cmocka_unit_test_setup(a_length_gets_no_memory, set_up),
		cmocka_unit_test_setup(a_file_that_lies_is_refused, set_up),
		cmocka_unit_test_setup(options_that_lie_are_refused, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("the command's recordings", tests,
					   NULL, NULL);
}
