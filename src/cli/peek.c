// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo peek: prints bytes of the mapped buffer, and consumes none. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/vfifo.h>
#include <vfifo_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"

/* The length after an offset alone. */
#define LENGTH 256

struct range {
	uint64_t offset, length;
	bool stored; /* the stored bytes; the other fields are computed */
};

/* Read-only mappings. The status page comes first, as it keeps the capacity from changing. */
struct maps {
	const struct vfifo_status *status;
	const struct vfifo_position *in, *out;
	const unsigned char *data;
};

enum form { FORM_BY_OUTPUT, FORM_HEX, FORM_RAW };

static const void *map(int fd, uint32_t offset, size_t length)
{
	void *p = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

/* They are unmapped when the process ends. */
static int map_all(int fd, struct maps *m)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	m->status = map(fd, VFIFO_MMAP_STATUS, page);
	if (!m->status)
		return errno == ENODEV ? -ENOTTY : -errno;
	if (m->status->magic != VFIFO_MAGIC)
		return -ENOTTY;
	if (m->status->abi != VFIFO_ABI)
		return -EPROTONOSUPPORT;
	m->in = map(fd, VFIFO_MMAP_PRODUCER, page);
	m->out = map(fd, VFIFO_MMAP_CONSUMER, page);
	m->data = map(fd, VFIFO_MMAP_DATA, 2 * (size_t)m->status->capacity);
	return m->in && m->out && m->data ? 0 : -errno;
}

/* The mappings outlive the file descriptor. */
static int open_maps(const struct device *d, struct maps *m)
{
	int fd = device_open(d, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = map_all(fd, m);
	close(fd);
	return err;
}

/* Both positions may move in between: `in` is loaded last, so that it is not before `out`. */
static void find_stored(const struct maps *m, struct range *r)
{
	uint32_t out = __atomic_load_n(&m->out->position, __ATOMIC_ACQUIRE);
	uint32_t in = __atomic_load_n(&m->in->position, __ATOMIC_ACQUIRE);
	uint32_t used = vfifo_used(in, out), capacity = m->status->capacity;

	r->offset = vfifo_offset(capacity, out);
	r->length = used < capacity ? used : capacity;
}

/* The data are mapped twice in a row, so a range may begin in the first half and end in the second. */
static int check_range(const struct maps *m, struct range *r)
{
	uint32_t capacity = m->status->capacity;

	if (r->stored)
		find_stored(m, r);
	if (r->offset < capacity && r->length <= capacity)
		return 0;
	complain("the range is not in the buffer, which has %u bytes",
		 capacity);
	return EXIT_USAGE;
}

static void print_line(uint64_t offset, const unsigned char *p, size_t n)
{
	printf("%08llx ", (unsigned long long)offset);
	for (size_t i = 0; i < 16; i++) {
		if (i == 8)
			putchar(' ');
		if (i < n)
			printf(" %02x", p[i]);
		else
			printf("   ");
	}
	printf("  |");
	for (size_t i = 0; i < n; i++)
		putchar(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.');
	printf("|\n");
}

static void print_hex(const unsigned char *data, const struct range *r)
{
	uint64_t end = r->offset + r->length;

	for (uint64_t at = r->offset; at < end; at += 16)
		print_line(at, data + at, end - at < 16 ? end - at : 16);
}

/* --- records ---------------------------------------------------------------- */

/* The first bytes of a record, as text. */
#define SHOWN 32

struct listed {
	struct vfifo_record header;
	unsigned char bytes[SHOWN];
};

static void print_record(const struct listed *l)
{
	const uint32_t n = l->header.length & VFIFO_RECORD_LENGTH;

	printf("%10u ", l->header.sequence);
	if (l->header.time)
		printf("%10llu.%09llu ",
		       (unsigned long long)l->header.time / 1000000000,
		       (unsigned long long)l->header.time % 1000000000);
	else
		printf("%20s ", "-");
	printf("%9u  ", n);
	for (size_t i = 0; i < n && i < SHOWN; i++)
		putchar(l->bytes[i] >= 0x20 && l->bytes[i] < 0x7f ?
				l->bytes[i] :
				'.');
	printf("%s\n", n > SHOWN ? "..." : "");
}

/*
 * Copies the record at a position, up to which `left` bytes follow. A reader may take it, and a
 * writer overwrite it, at any time. Return: its length; 0: no valid one.
 */
static uint32_t copy_record(const struct maps *m, uint32_t at, uint32_t left,
			    struct listed *l)
{
	const uint32_t capacity = m->status->capacity;
	const unsigned char *p = m->data + vfifo_offset(capacity, at);
	uint32_t n;

	if (left < sizeof(l->header) || at % VFIFO_RECORD_ALIGN)
		return 0;
	memcpy(&l->header, p, sizeof(l->header));
	n = vfifo_record_length(l->header.length, left);
	memcpy(l->bytes, p + sizeof(l->header), n < SHOWN ? n : SHOWN);
	return n;
}

static uint32_t position_in(const struct vfifo_position *page)
{
	return __atomic_load_n(&page->position, __ATOMIC_ACQUIRE);
}

/* Lists the stored records, and goes on behind those that a reader takes meanwhile. */
static int list_records(const struct maps *m)
{
	uint32_t at, end;

	/* `out` can be far ahead when `in` is loaded. */
	do {
		at = position_in(m->out);
		end = position_in(m->in);
	} while (vfifo_used(end, at) > m->status->capacity &&
		 at != position_in(m->out));
	if (vfifo_used(end, at) > m->status->capacity) {
		complain("a process has stored an invalid position");
		return EXIT_FAILED;
	}
	printf("%10s %20s %9s  %s\n", "NUMBER", "TIME", "LENGTH", "BYTES");
	while (at != end) {
		struct listed l;
		uint32_t n = copy_record(m, at, end - at, &l);
		uint32_t out =
			__atomic_load_n(&m->out->position, __ATOMIC_ACQUIRE);

		if (vfifo_used(out, at) && vfifo_used(out, at) <= end - at) {
			at = out;
			continue;
		}
		if (!n) {
			complain("there is no valid record at offset %u",
				 vfifo_offset(m->status->capacity, at));
			return EXIT_FAILED;
		}
		print_record(&l);
		at += vfifo_record_space(n);
	}
	return EXIT_OK;
}

static bool has_records(const struct maps *m)
{
	return (m->status->features & VFIFO_HAS_RECORDS) &&
	       m->status->framing == VFIFO_RECORDS;
}

/* --- all of it -------------------------------------------------------------- */

static void print(const unsigned char *data, const struct range *r,
		  enum form form)
{
	if (form == FORM_HEX ||
	    (form == FORM_BY_OUTPUT && isatty(STDOUT_FILENO)))
		print_hex(data, r);
	else
		fwrite(data + r->offset, 1, r->length, stdout);
}

static int peek(const char *spec, struct range *r, enum form form)
{
	struct device d;
	struct maps m = { 0 };
	int code = device_find(spec, &d), err;

	if (code)
		return code;
	err = open_maps(&d, &m);
	if (err)
		return explain(err, &d, "peek");
	if (r->stored && form == FORM_BY_OUTPUT && has_records(&m))
		return list_records(&m);
	code = check_range(&m, r);
	if (!code)
		print(m.data, r, form);
	return code;
}

static int help(void)
{
	printf("Usage: vfifo peek [OPTION...] [DEVICE] [OFFSET [LENGTH]]\n"
	       "Prints LENGTH bytes (%d) at an OFFSET of the buffer, or without an OFFSET all\n"
	       "stored bytes, the oldest first. Consumes none. A single number is an OFFSET, so\n"
	       "the DEVICE needs its full name then. Of a FIFO of records it lists these: number,\n"
	       "time (of the clock that counts from boot, in seconds), length, and first bytes.\n\n"
	       "Options:\n"
	       "  -x, --hex   a hexadecimal dump; the default for bytes on a terminal\n"
	       "  -r, --raw   the bytes unchanged; the default for bytes otherwise\n"
	       "  -h, --help  this text\n",
	       LENGTH);
	return EXIT_OK;
}

/* The first of three arguments, or one that is not a number, is a device. */
static int parse(int n, char **arguments, const char **spec, struct range *r)
{
	uint64_t number;

	if (n == 3 || (n && parse_size(arguments[0], &number))) {
		*spec = arguments[0];
		arguments++;
		n--;
	}
	if (n > 2)
		return misused("peek", "too many arguments");
	for (int i = 0; i < n; i++)
		if (parse_size(arguments[i], i ? &r->length : &r->offset))
			return misused("peek", "%s is not a number of bytes",
				       arguments[i]);
	r->stored = !n;
	return 0;
}

int verb_peek(int argc, char **argv)
{
	static const struct option options[] = {
		{ "hex", no_argument, NULL, 'x' },
		{ "raw", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct range r = { .length = LENGTH };
	enum form form = FORM_BY_OUTPUT;
	const char *spec = NULL;
	int c, code;

	while ((c = getopt_long(argc, argv, "xrh", options, NULL)) != -1) {
		if (c == 'h')
			return help();
		if (c == '?')
			return misused("peek", NULL);
		form = c == 'x' ? FORM_HEX : FORM_RAW;
	}
	code = parse(argc - optind, argv + optind, &spec, &r);
	return code ? code : peek(spec, &r, form);
}
