// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reader of recordings, whose files may come from anywhere: see pcapng.h.
 *
 * The first byte of the input is how many bytes a read gives at most, and the rest is the file.
 * Another file is written from the same bytes, and must be read as it was meant.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "input.h"
#include "pcapng.h"

#define PACKETS_MAX 128

struct file {
	const uint8_t *bytes;
	size_t n, at, piece;
	bool interrupted;
};

/* Every other read is interrupted. */
static ssize_t read_file(void *from, void *to, size_t n)
{
	struct file *f = from;

	f->interrupted = !f->interrupted;
	if (f->interrupted)
		return -EINTR;
	if (n > f->n - f->at)
		n = f->n - f->at;
	if (n > f->piece)
		n = f->piece;
	memcpy(to, f->bytes + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static int next(struct pcapng_reader *r, struct pcapng_packet *p)
{
	int found;

	do
		found = pcapng_next(r, p);
	while (found == -EINTR);
	return found;
}

/* --- a file that anybody wrote ---------------------------------------------- */

/* A sum of all that a reader gives: of two files, the same only if the packets are. */
struct seen {
	uint64_t sum;
	size_t packets;
	int end;
};

static void mix(struct seen *s, uint64_t value)
{
	s->sum = (s->sum ^ value) * 0x100000001b3;
}

static void look_at(struct seen *s, const struct pcapng_packet *p)
{
	const uint8_t *bytes = p->bytes;

	mix(s, p->time);
	mix(s, p->length);
	mix(s, p->original);
	mix(s, p->numbered);
	mix(s, p->number);
	mix(s, p->lost);
	for (uint32_t i = 0; i < p->length; i++)
		mix(s, bytes[i]);
	s->packets++;
}

/* Memory is bounded by what is there, and bytes of a packet are bytes of the file. */
static struct seen see(const uint8_t *bytes, size_t n, size_t piece)
{
	struct file f = { bytes, n, 0, piece, false };
	struct pcapng_reader r;
	struct pcapng_packet p;
	struct seen s = { 0 };
	size_t all = 0;

	pcapng_begin(&r, read_file, &f);
	while ((s.end = next(&r, &p)) == 1) {
		look_at(&s, &p);
		all += p.length;
		MUST(all <= f.at && r.size <= 65536 + 2 * n);
	}
	MUST(s.end == 0 || s.end == -ENODATA || s.end == -EBADMSG);
	MUST((s.end == -EBADMSG) == (r.problem != NULL));
	/* It stays so. */
	MUST(next(&r, &p) == s.end);
	pcapng_end(&r);
	return s;
}

static void any_file(const uint8_t *bytes, size_t n, size_t piece)
{
	struct seen a = see(bytes, n, piece), b = see(bytes, n, 1 << 20), cut;

	/* It does not matter how it is read. */
	MUST(a.sum == b.sum && a.packets == b.packets && a.end == b.end);
	/* Without its end it has no other packets. */
	cut = see(bytes, n * piece / 256, piece);
	MUST(cut.packets <= a.packets);
	MUST(cut.end != -EBADMSG || a.end == -EBADMSG);
}

/* --- a file of our own ------------------------------------------------------ */

static size_t write_packet(uint8_t *to, struct pcapng_packet *p,
			   struct input *in, const uint8_t *bytes)
{
	unsigned int what = (unsigned int)take(in, 1);
	size_t n;

	*p = (struct pcapng_packet){ .time = take(in, 8),
				     .bytes = bytes,
				     .length = what >> 2,
				     .numbered = what & 1,
				     .lost = what & 2 ? take(in, 8) : 0 };
	p->number = p->numbered ? take(in, 8) : 0;
	p->original = p->length + (what & 2);
	n = pcapng_head(to, p);
	memcpy(to + n, bytes, p->length);
	n += p->length;
	return n + pcapng_tail(to + n, p);
}

static void check_same(const struct pcapng_packet *a,
		       const struct pcapng_packet *b)
{
	MUST(a->time == b->time && a->length == b->length &&
	     a->original == b->original && a->numbered == b->numbered &&
	     a->number == b->number && a->lost == b->lost);
	MUST(!memcmp(a->bytes, b->bytes, a->length));
}

static void our_file(struct input in, const uint8_t *bytes, size_t piece)
{
	static uint8_t to[PACKETS_MAX * 160 + 3 * PCAPNG_PIECE_MAX];
	struct pcapng_packet written[PACKETS_MAX], p;
	const struct pcapng_interface interface = { 147, "vfifo0", "", "" };
	const struct pcapng_totals totals = { 0 };
	struct file f = { to, 0, 0, piece, false };
	struct pcapng_reader r;
	size_t n = 0;

	f.n = pcapng_section(to, "", "fuzz");
	f.n += pcapng_interface(to + f.n, &interface);
	for (; in.left && n < PACKETS_MAX; n++)
		f.n += write_packet(to + f.n, &written[n], &in, bytes);
	f.n += pcapng_totals(to + f.n, &totals);
	pcapng_begin(&r, read_file, &f);
	for (size_t i = 0; i < n; i++) {
		MUST(next(&r, &p) == 1);
		check_same(&p, &written[i]);
	}
	MUST(!next(&r, &p));
	pcapng_end(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = { bytes, n };
	size_t piece = take(&in, 1) + 1;
	uint8_t padded[64] = { 0 };

	memcpy(padded, bytes, n < sizeof(padded) ? n : sizeof(padded));
	any_file(in.at, in.left, piece);
	our_file(in, padded, piece);
	return 0;
}
