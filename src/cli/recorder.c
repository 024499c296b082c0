// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes what is received, with its times as pcapng or CSV, or without them as WAV.
 *
 * A packet is written before its bytes are consumed, and from the place where they are stored. So
 * bytes that could not be written stay in a FIFO whose side is claimed.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "interrupt.h"
#include "pace.h"
#include "recorder.h"
#include "wav.h"

/* The most bytes of a stream in one packet: tcpdump and Wireshark take up to 256 KiB. */
#define BYTES_MAX (64U << 10)

/* The first of the types of packets that are for private use. */
#define LINK_TYPE_USER0 147

/* rate=48k and so on, or nothing. */
static int parse_wav(struct recorder *r, const char *options, char why[WHY_MAX])
{
	if (sampling_parse(*options ? options : "rate=48k", &r->sampling, why))
		return -EINVAL;
	if (wav_takes(&r->sampling))
		return 0;
	snprintf(why, WHY_MAX, "a WAV file cannot have samples of %s",
		 r->sampling.format->name);
	return -EINVAL;
}

int recorder_parse(struct recorder *r, const char *text, char why[WHY_MAX])
{
	size_t n = strcspn(text, ":");

	if (!strcmp(text, "pcapng")) {
		r->format = RECORDER_PCAPNG;
	} else if (!strcmp(text, "csv")) {
		r->format = RECORDER_CSV;
	} else if (n == 3 && !strncmp(text, "wav", n)) {
		r->format = RECORDER_WAV;
		return parse_wav(r, text + n + !!text[n], why);
	} else {
		snprintf(why, WHY_MAX, "it is pcapng, csv or wav, not %s",
			 text);
		return -EINVAL;
	}
	return 0;
}

/* --- the clocks ------------------------------------------------------------- */

/* Of several tries, the one that was interrupted least. */
static uint64_t find_ahead(void)
{
	uint64_t ahead = 0, least = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t before = now_ns(CLOCK_MONOTONIC);
		uint64_t real = now_ns(CLOCK_REALTIME);
		uint64_t took = now_ns(CLOCK_MONOTONIC) - before;

		if (took >= least)
			continue;
		least = took;
		ahead = real - (before + took / 2);
	}
	return ahead;
}

static uint64_t now(const struct recorder *r)
{
	return now_ns(CLOCK_MONOTONIC) + r->ahead;
}

/* --- the file --------------------------------------------------------------- */

/* Takes n bytes from the front of the pieces. Return: how many pieces are empty. */
static int take(struct iovec *pieces, int count, size_t n)
{
	int empty = 0;

	while (empty < count && n >= pieces[empty].iov_len)
		n -= pieces[empty++].iov_len;
	if (empty < count) {
		pieces[empty].iov_base = (char *)pieces[empty].iov_base + n;
		pieces[empty].iov_len -= n;
	}
	return empty;
}

/* Removes the last n bytes of the file, if that is possible; errno is kept. */
static void remove_part(int file, size_t n)
{
	const int err = errno;
	struct stat s;
	off_t end;

	if (!fstat(file, &s) && S_ISREG(s.st_mode)) {
		end = lseek(file, 0, SEEK_CUR) - (off_t)n;
		if (!ftruncate(file, end))
			lseek(file, end, SEEK_SET);
	}
	errno = err;
}

/* Whether it is to be tried again. What has begun is ended, unless a second signal comes. */
static bool goes_on(int file, size_t done)
{
	struct pollfd p = { .fd = file, .events = POLLOUT };

	if (!done || (errno != EINTR && errno != EAGAIN))
		return false;
	/* Another process may have made a shared standard output non-blocking. */
	if (errno == EAGAIN)
		poll(&p, 1, TICK_MS);
	return interrupts() <= 1;
}

/* Writes all, or returns -1. */
static int put_pieces(int file, struct iovec *pieces, int count)
{
	size_t done = 0;
	int empty;

	while (count) {
		ssize_t n = writev(file, pieces, count);

		if (n >= 0) {
			done += (size_t)n;
			empty = take(pieces, count, (size_t)n);
			pieces += empty;
			count -= empty;
		} else if (!goes_on(file, done)) {
			if (done)
				remove_part(file, done);
			return -1;
		}
	}
	return 0;
}

/* The same; a tick does not end it, but more signals than that do. */
static int insist(const struct recorder *r, const void *bytes, size_t n,
		  int signals)
{
	int err;

	do {
		struct iovec piece = { (void *)bytes, n };
		struct pollfd p = { .fd = r->file, .events = POLLOUT };

		err = put_pieces(r->file, &piece, 1);
		if (err && errno == EAGAIN) {
			poll(&p, 1, TICK_MS);
			errno = EINTR;
		}
	} while (err && errno == EINTR && interrupts() <= signals);
	return err;
}

/* --- pcapng ----------------------------------------------------------------- */

static int begin_pcapng(struct recorder *r, const struct device *d)
{
	unsigned char blocks[2 * PCAPNG_PIECE_MAX];
	char system[PCAPNG_TEXT_MAX + 1], label[ATTR_MAX];
	struct pcapng_interface interface = { .link_type = LINK_TYPE_USER0,
					      .name = d->name,
					      .description = label,
					      .os = system };
	struct utsname u;
	size_t n;

	uname(&u);
	snprintf(system, sizeof(system), "%s %s", u.sysname, u.release);
	if (attribute_get(d, "label", label, sizeof(label)))
		*label = 0;
	n = pcapng_section(blocks, system, r->application);
	n += pcapng_interface(blocks + n, &interface);
	return insist(r, blocks, n, 0);
}

static int put_pcapng(const struct recorder *r, const struct pcapng_packet *p)
{
	unsigned char head[PCAPNG_PIECE_MAX], tail[PCAPNG_PIECE_MAX];
	struct iovec pieces[] = {
		{ head, pcapng_head(head, p) },
		{ (void *)p->bytes, p->length },
		{ tail, pcapng_tail(tail, p) },
	};

	return put_pieces(r->file, pieces, 3);
}

static int end_pcapng(const struct recorder *r)
{
	unsigned char block[PCAPNG_PIECE_MAX];

	return insist(r, block, pcapng_totals(block, &r->totals), 1);
}

/* --- CSV -------------------------------------------------------------------- */

static int begin_csv(const struct recorder *r)
{
	const char *heads = r->records ? "time,length,sequence,lost,data\n" :
					 "time,length,data\n";

	return insist(r, heads, strlen(heads), 0);
}

/* Room for the line of a packet of n bytes. */
static int make_text(struct recorder *r, size_t n)
{
	size_t size = 2 * n + 128;
	char *text;

	if (size <= r->text_size)
		return 0;
	text = realloc(r->text, size);
	if (!text)
		return -1;
	r->text = text;
	r->text_size = size;
	return 0;
}

static int put_csv(struct recorder *r, const struct pcapng_packet *p)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p->bytes;
	struct iovec piece;
	size_t n;

	if (make_text(r, p->length))
		return -1;
	n = (size_t)sprintf(r->text, "%llu.%09llu,%u,",
			    (unsigned long long)p->time / 1000000000,
			    (unsigned long long)p->time % 1000000000,
			    p->length);
	if (p->numbered)
		n += (size_t)sprintf(r->text + n, "%u,%llu,",
				     (uint32_t)p->number,
				     (unsigned long long)p->lost);
	else if (r->records)
		n += (size_t)sprintf(r->text + n, ",,");
	for (uint32_t i = 0; i < p->length; i++) {
		r->text[n++] = digits[bytes[i] >> 4];
		r->text[n++] = digits[bytes[i] & 15];
	}
	r->text[n++] = '\n';
	piece = (struct iovec){ r->text, n };
	return put_pieces(r->file, &piece, 1);
}

/* --- WAV --------------------------------------------------------------------- */

/* What the file has of samples of all channels. */
static uint64_t whole_frames(const struct recorder *r)
{
	return r->bytes - r->bytes % sampling_frame(&r->sampling);
}

static int put_wav_header(const struct recorder *r)
{
	unsigned char header[WAV_HEADER];

	wav_header(header, &r->sampling, (uint32_t)whole_frames(r));
	return pwrite(r->file, header, sizeof(header), 0) == sizeof(header) ?
		       0 :
		       -1;
}

static int begin_wav(struct recorder *r)
{
	struct stat s;

	r->bytes = 0;
	if (!fstat(r->file, &s) && S_ISREG(s.st_mode))
		return put_wav_header(r) || lseek(r->file, WAV_HEADER,
						  SEEK_SET) < 0 ?
			       -1 :
			       0;
	errno = ESPIPE;
	return -1;
}

static ssize_t put_wav(struct recorder *r, const void *bytes, size_t n)
{
	struct iovec piece = { (void *)bytes, n };

	if (n > WAV_BYTES_MAX - r->bytes) {
		errno = EFBIG;
		return -1;
	}
	if (put_pieces(r->file, &piece, 1))
		return -1;
	r->bytes += n;
	/* They are in the file, whatever its header says. */
	put_wav_header(r);
	return (ssize_t)n;
}

static int end_wav(const struct recorder *r)
{
	uint64_t whole = whole_frames(r);

	if (whole != r->bytes)
		complain(
			"the last %llu bytes are left out: they are no whole sample of each channel",
			(unsigned long long)(r->bytes - whole));
	return put_wav_header(r) ||
			       ftruncate(r->file, (off_t)(whole + WAV_HEADER)) ?
		       -1 :
		       0;
}

/* --- either ----------------------------------------------------------------- */

int recorder_begin(struct recorder *r, const struct device *d, int file)
{
	int err;

	r->file = file;
	r->ahead = find_ahead();
	r->totals = (struct pcapng_totals){ .begin = now(r) };
	if (r->format == RECORDER_WAV)
		err = begin_wav(r);
	else if (r->format == RECORDER_CSV)
		err = begin_csv(r);
	else
		err = begin_pcapng(r, d);
	r->began = !err;
	return err;
}

static ssize_t put_packet(struct recorder *r, const struct pcapng_packet *p)
{
	int err = r->format == RECORDER_PCAPNG ? put_pcapng(r, p) :
						 put_csv(r, p);

	if (err)
		return -1;
	r->totals.packets++;
	r->totals.lost += p->lost;
	return p->length;
}

ssize_t recorder_bytes(struct recorder *r, const void *bytes, size_t n)
{
	struct pcapng_packet p = { .time = now(r), .bytes = bytes };

	if (r->format == RECORDER_WAV)
		return put_wav(r, bytes, n);
	p.length = n < BYTES_MAX ? (uint32_t)n : BYTES_MAX;
	p.original = p.length;
	return put_packet(r, &p);
}

/* Headers number records modulo 2^32, and the file from the first one on without an end. */
static void add_header(const struct recorder *r, struct pcapng_packet *p,
		       const struct vfifo_record *header)
{
	uint32_t step = header->sequence - (uint32_t)r->number;

	p->numbered = true;
	p->number = r->numbered ? r->number + step : header->sequence;
	p->lost = r->numbered ? (uint32_t)(step - 1) : 0;
	if (header->time)
		p->time = header->time + r->ahead;
}

ssize_t recorder_record(struct recorder *r, const void *bytes, size_t n,
			const struct vfifo_record *header)
{
	struct pcapng_packet p = { .time = now(r),
				   .bytes = bytes,
				   .length = (uint32_t)n,
				   .original = (uint32_t)n };
	ssize_t done;

	if (header->length)
		add_header(r, &p, header);
	done = put_packet(r, &p);
	if (done > 0 && p.numbered) {
		r->numbered = true;
		r->number = p.number;
	}
	return done;
}

int recorder_end(struct recorder *r)
{
	int err = 0;

	free(r->text);
	r->text = NULL;
	r->text_size = 0;
	r->totals.end = now(r);
	if (r->began && r->format == RECORDER_PCAPNG)
		err = end_pcapng(r);
	if (r->began && r->format == RECORDER_WAV)
		err = end_wav(r);
	r->began = false;
	return err;
}
