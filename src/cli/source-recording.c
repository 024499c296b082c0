// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The packets of a recording, at their own times or at a factor. The first is due at once, and each
 * other one by its difference to the first, so that nothing adds up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "decimal.h"
#include "interrupt.h"
#include "pcapng.h"
#include "source-recording.h"

/* The decimal places of a factor of SPEED_ONE units. */
#define PLACES 6
#define SPEED_MAX ((uint64_t)SPEED_ONE * 1000000)

struct recording {
	struct source source;
	struct recording_settings settings;
	int file;
	struct pcapng_reader reader;
	struct pcapng_packet packet;
	size_t played; /* bytes of the packet */
	uint64_t first, due;
	uint64_t packets, cut, lost, records;
};

int parse_speed(const char *text, uint64_t *speed)
{
	if (!strcmp(text, "max")) {
		*speed = 0;
		return 0;
	}
	return parse_decimal(text, PLACES, speed) || *speed > SPEED_MAX ?
		       -EINVAL :
		       0;
}

/* --- times ------------------------------------------------------------------ */

/* ns / speed, rounded down; UINT64_MAX: more than fits. */
static uint64_t at_speed(uint64_t ns, uint64_t speed)
{
	uint64_t whole = ns / speed, due;

	/* The rest is less than SPEED_MAX, so the second product fits. */
	if (__builtin_mul_overflow(whole, (uint64_t)SPEED_ONE, &due) ||
	    __builtin_add_overflow(due, ns % speed * SPEED_ONE / speed, &due))
		return UINT64_MAX;
	return due;
}

/* Packets of several interfaces need not be in order: then the later one is not played earlier. */
static void find_due(struct recording *r)
{
	uint64_t due = 0;

	if (!r->packets)
		r->first = r->packet.time;
	if (r->settings.speed && r->packet.time > r->first)
		due = at_speed(r->packet.time - r->first, r->settings.speed);
	if (due > r->due)
		r->due = due;
}

/* --- the file --------------------------------------------------------------- */

static ssize_t read_file(void *from, void *to, size_t n)
{
	const struct recording *r = from;
	ssize_t got = read(r->file, to, n);

	return got < 0 ? -errno : got;
}

/* 1: it can be tried again; 0: a signal came. */
static int wait_for_input(const struct recording *r)
{
	struct pollfd p = { .fd = r->file, .events = POLLIN };

	if (!interrupts())
		poll(&p, 1, TICK_MS);
	return !interrupts();
}

/* As pcapng_next(), but waits for a pipe; a signal ends the recording. */
static int next_packet(struct recording *r)
{
	int found;

	do
		found = pcapng_next(&r->reader, &r->packet);
	while ((found == -EINTR || found == -EAGAIN) && wait_for_input(r));
	return found == -EINTR || found == -EAGAIN ? 0 : found;
}

static int failed(const struct recording *r, int err)
{
	if (err == -ENODATA)
		complain(
			"%s: the recording ends in the middle of a block, after %llu packets",
			r->settings.name, (unsigned long long)r->packets);
	else if (err == -EBADMSG)
		complain("%s: %s; %llu packets precede that", r->settings.name,
			 r->reader.problem, (unsigned long long)r->packets);
	else
		complain("%s: %s", r->settings.name, strerror(-err));
	return -1;
}

/* The recording does not have these packets, so play leaves them out. */
static void print_missing(const struct recording *r)
{
	if (r->cut)
		complain("%s: %llu packets were cut when they were recorded",
			 r->settings.name, (unsigned long long)r->cut);
	if (r->lost)
		complain("%s: %llu packets were lost when it was recorded",
			 r->settings.name, (unsigned long long)r->lost);
	if (r->records && !r->settings.whole)
		complain(
			"%s: it has records, and the device has bytes: where each record ends is lost",
			r->settings.name);
}

/* --- the source ------------------------------------------------------------- */

/* An empty packet has nothing to play, but its time can be the first. */
static int take_packet(struct recording *r)
{
	do {
		int found = next_packet(r);

		if (!found)
			print_missing(r);
		if (found <= 0)
			return found ? failed(r, found) : 0;
		find_due(r);
		r->packets++;
		r->cut += r->packet.original > r->packet.length;
		r->lost += r->packet.lost;
		r->records += r->packet.numbered;
	} while (!r->packet.length);
	r->played = 0;
	return 1;
}

static int too_long(const struct recording *r)
{
	complain(
		"%s: packet %llu has %u bytes, and a record of the device %zu at most",
		r->settings.name, (unsigned long long)r->packets,
		r->packet.length, r->settings.largest);
	return -1;
}

static int recording_next(struct source *s, struct source_block *b)
{
	struct recording *r = (struct recording *)s;
	size_t left = r->packet.length - r->played;

	if (!left) {
		int found = take_packet(r);

		if (found <= 0)
			return found;
		left = r->packet.length;
	}
	if (left > s->largest && r->settings.whole)
		return too_long(r);
	if (left > s->largest)
		left = s->largest;
	/* They are in the buffer of our reader, which does not look at them again. */
	b->bytes = (unsigned char *)r->packet.bytes + r->played;
	b->n = left;
	b->due = r->due;
	r->played += left;
	return 1;
}

static void recording_close(struct source *s)
{
	struct recording *r = (struct recording *)s;

	pcapng_end(&r->reader);
	if (r->file != STDIN_FILENO)
		close(r->file);
	free(r);
}

static int open_recording(const char *name)
{
	return strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) :
				   STDIN_FILENO;
}

bool is_recording(const char *name)
{
	static const unsigned char section[] = { 0x0a, 0x0d, 0x0d, 0x0a };
	unsigned char begin[sizeof(section)];
	struct stat s;
	ssize_t n;
	int fd;

	/* An open(2) of a pipe would wait. */
	if (stat(name, &s) || !S_ISREG(s.st_mode))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = pread(fd, begin, sizeof(begin), 0);
	close(fd);
	return n == sizeof(begin) && !memcmp(begin, section, sizeof(begin));
}

struct source *recording_source(const struct recording_settings *s)
{
	struct recording *r = calloc(1, sizeof(*r));

	if (!r) {
		out_of_memory();
		return NULL;
	}
	r->settings = *s;
	r->file = open_recording(s->name);
	if (r->file < 0) {
		complain("%s: %s", s->name, strerror(errno));
		free(r);
		return NULL;
	}
	pcapng_begin(&r->reader, read_file, r);
	r->source = (struct source){ .frame = 1,
				     .largest = s->largest,
				     .next = recording_next,
				     .close = recording_close };
	return &r->source;
}
