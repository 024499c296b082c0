// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory.c - the steps that map a device, and use what they have mapped
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vfifo_ring.h>

#include "fuzz.h"
#include "testlib.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

/* --- access that can end with a signal ----------------------------------------- */

static sigjmp_buf out_of_it;
static volatile sig_atomic_t guarded;

static void no_access(int number)
{
	if (!guarded) {
		signal(number, SIG_DFL);
		return; /* the access is done again, and ends the process */
	}
	siglongjmp(out_of_it, number);
}

void memory_begin(void)
{
	struct sigaction action = { .sa_handler = no_access };

	check(!sigaction(SIGSEGV, &action, NULL));
	check(!sigaction(SIGBUS, &action, NULL));
}

/* Copies, from or to a mapping. Returns 0 or the signal that came. */
static int copy(void *to, const void *from, size_t n)
{
	int number = sigsetjmp(out_of_it, 1);

	guarded = 1;
	if (!number)
		memcpy(to, from, n);
	guarded = 0;
	return number;
}

static int store_position(uint8_t *at, uint32_t value)
{
	int number = sigsetjmp(out_of_it, 1);

	guarded = 1;
	if (!number)
		__atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
	guarded = 0;
	return number;
}

/* --- slots ------------------------------------------------------------------------ */

/* The mapping of that slot, or of the next slot that has one. */
static struct map_slot *some_map(struct world *w, uint16_t arg)
{
	for (int i = 0; i < MAPS; i++) {
		struct map_slot *m = &w->maps[(arg + i) % MAPS];

		if (m->at)
			return m;
	}
	return NULL;
}

/* The last page of a slot has gone. */
static void forget_map(struct world *w, struct map_slot *m)
{
	struct fifo *f = m->of->fifo;

	if (w->exact) {
		f->mappings--;
		if (m->claim && !m->revoked)
			fifo_release(f, m->end);
		if (m->revoked && f->revoked_map[m->end] == m)
			f->revoked[m->end] = f->revoked_map[m->end] = NULL;
	}
	m->at = NULL;
	description_put(m->of);
}

/* Whether n pages from one on are all mapped. Where one is not, something else may be. */
static bool all_mapped(const struct map_slot *m, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		if (m->protection[i] < 0)
			return false;
	return true;
}

static void unmap_pages(struct world *w, struct map_slot *m, size_t from,
			size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		size_t more = 0;

		while (i + more < from + n && m->protection[i + more] >= 0)
			m->protection[i + more++] = -1;
		if (!more)
			continue;
		expect(w, "munmap",
		       outcome(munmap(m->at + i * PAGE, more * PAGE)), 0);
		m->left -= more;
		i += more - 1;
	}
	if (!m->left)
		forget_map(w, m);
	else
		m->split = true;
}

void forget_uninherited(struct world *w)
{
	for (int i = 0; i < MAPS; i++) {
		struct map_slot *m = &w->maps[i];

		if (m->at && (m->kind != MAP_DATA || m->alone))
			forget_map(w, m);
	}
}

void unmap_slot(struct world *w, struct map_slot *m)
{
	if (m->at)
		unmap_pages(w, m, 0, m->pages);
}

void unmap_device(struct world *w, int number)
{
	for (int i = 0; i < MAPS; i++)
		if (w->maps[i].at && w->maps[i].of->number == number)
			unmap_slot(w, &w->maps[i]);
}

void mapping_was_revoked(struct world *w, struct fifo *f, enum vfifo_end end)
{
	for (int i = 0; i < MAPS; i++) {
		struct map_slot *m = &w->maps[i];

		if (!m->at || !m->claim || m->revoked || m->end != end ||
		    m->of->fifo != f)
			continue;
		m->revoked = true;
		f->revoked_map[end] = m;
	}
}

/* The name in /proc/self/maps would not tell a device from an earlier one of its number. */
static bool belongs_to(const struct world *w, unsigned long start,
		       const struct fifo *f)
{
	for (int i = 0; i < MAPS; i++) {
		const struct map_slot *m = &w->maps[i];

		/* Another mapping can be where a part of this one was. */
		if (m->at && m->of->fifo == f && start >= (uintptr_t)m->at &&
		    start < (uintptr_t)m->at + m->pages * PAGE &&
		    m->protection[(start - (uintptr_t)m->at) / PAGE] >= 0)
			return true;
	}
	return false;
}

long mappings_of(struct world *w, const struct fifo *f)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned long start;
	long n = w->exported >= 0 && w->exported_of == f;

	check(maps);
	while (fgets(line, sizeof(line), maps))
		n += sscanf(line, "%lx-", &start) == 1 &&
		     strstr(line, "/dev/vfifo") && belongs_to(w, start, f);
	fclose(maps);
	return n;
}

/* --- mmap --------------------------------------------------------------------------- */

struct request {
	uint64_t offset; /* pages */
	size_t pages;
	int protection;
	bool private;
};

static uint64_t pages_of(uint64_t bytes)
{
	return bytes / PAGE;
}

/* That of the FIFO, or rarely the other one. */
static uint32_t some_framing(const struct fifo *f, uint16_t arg)
{
	const uint32_t framing = f ? f->framing : arg / 64 % 2;

	return arg / 128 % 16 ? framing : !framing;
}

static uint64_t offset_of(enum vfifo_end end, uint32_t framing)
{
	return pages_of(claim_offset(end, framing));
}

static struct request some_request(const struct fifo *f, const uint16_t *arg)
{
	static const int protections[] = {
		PROT_READ,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
		PROT_READ,
		PROT_WRITE,
		PROT_NONE,
		PROT_READ | PROT_EXEC,
	};
	const uint32_t capacity = f ? f->capacity : CAPACITY;
	struct request r = { .pages = 1,
			     .protection = protections[arg[3] % 8],
			     .private = arg[3] / 8 % 8 == 0 };

	switch (arg[1] % 8) {
	case 0:
		r.offset = pages_of(VFIFO_MMAP_STATUS);
		r.protection = arg[3] % 8 ? PROT_READ : r.protection;
		break;
	case 1:
	case 2:
		r.offset = offset_of(VFIFO_PRODUCER, some_framing(f, arg[2]));
		break;
	case 3:
	case 4:
		r.offset = offset_of(VFIFO_CONSUMER, some_framing(f, arg[2]));
		break;
	case 5:
		r.offset = arg[2] / 8 % (pages_of(2UL * capacity) + 2);
		r.pages = 1 + arg[1] / 8 % PAGES_MAX;
		return r;
	case 6:
		r.pages = pages_of(2UL * capacity);
		if (r.pages > PAGES_MAX)
			r.pages = PAGES_MAX;
		return r;
	default:
		r.offset =
			pages_of(VFIFO_MMAP_STATUS) + arg[2] % 3 - 1 +
			(arg[1] / 8 % 4 ? 0 : pages_of((uint64_t)arg[2] << 16));
		r.pages = 1 + arg[1] / 8 % 2;
	}
	if (arg[2] % 32 == 0)
		r.pages = 2;
	return r;
}

static bool is_number(uint64_t offset, enum map_kind *kind, enum vfifo_end *end,
		      uint32_t *framing)
{
	*kind = offset == pages_of(VFIFO_MMAP_STATUS) ? MAP_STATUS : MAP_DATA;
	*end = VFIFO_PRODUCER;
	*framing = VFIFO_BYTES;
	for (int i = 0; i < 4; i++)
		if (offset == offset_of(i % 2, i / 2)) {
			*kind = MAP_POSITION;
			*end = i % 2;
			*framing = i / 2;
		}
	return *kind != MAP_DATA;
}

/* Also makes the claim in the model. */
static long map_result(struct description *d, const struct request *r)
{
	struct fifo *f = d->fifo;
	const bool writes = r->protection & PROT_WRITE;
	uint32_t framing;
	enum map_kind kind;
	enum vfifo_end end;

	if ((writes && !r->private && !d->writes) || !d->reads)
		return -EACCES;
	if (r->protection & PROT_EXEC)
		return -EPERM;
	if (writes && r->private)
		return -EINVAL;
	if (is_number(r->offset, &kind, &end, &framing)) {
		if (r->pages != 1)
			return -EINVAL;
		if (writes && kind == MAP_STATUS)
			return -EACCES;
		if (writes)
			return -fifo_claim(f, end, framing, d);
		return f->removed ? -ENODEV : 0;
	}
	if (f->removed)
		return -ENODEV;
	return r->offset + r->pages <= pages_of(2UL * f->capacity) ? 0 :
								     -EINVAL;
}

/* Whether others let this process make the mapping. */
static bool may_map(struct world *w, const struct description *d,
		    const struct request *r)
{
	uint32_t framing;
	enum map_kind kind;
	enum vfifo_end end;

	if (w->exact || !(r->protection & PROT_WRITE) || care_of(d) == CARE_NOT)
		return true;
	return is_number(r->offset, &kind, &end, &framing) &&
	       care_of(d) == CARE_CLAIMED;
}

static void op_map(struct world *w, const uint16_t *arg)
{
	static const int extra[] = { 0,		 0,
				     0,		 MAP_POPULATE,
				     MAP_LOCKED, MAP_NORESERVE };
	struct file_slot *f = some_file(w, arg[0]);
	struct map_slot *m = &w->maps[arg[0] / FILES % MAPS];
	struct request r;
	uint32_t framing;
	void *at;

	if (!f)
		return;
	unmap_slot(w, m);
	r = some_request(f->of->fifo, arg);
	if (!may_map(w, f->of, &r))
		return;
	at = mmap(NULL, r.pages * PAGE, r.protection,
		  (r.private ? MAP_PRIVATE : MAP_SHARED) | extra[arg[2] % 6],
		  f->fd, r.offset * PAGE);
	expect(w, "mmap", at == MAP_FAILED ? -errno : 0,
	       w->exact ? map_result(f->of, &r) : 0);
	if (at == MAP_FAILED)
		return;
	*m = (struct map_slot){ .at = at,
				.pages = r.pages,
				.first = r.offset,
				.left = r.pages,
				.writable = r.protection & PROT_WRITE,
				.of = description_get(f->of) };
	if (is_number(r.offset, &m->kind, &m->end, &framing))
		m->claim = m->writable;
	for (size_t i = 0; i < r.pages; i++)
		m->protection[i] = r.protection;
	if (m->claim && !w->exact && care_of(f->of) == CARE_CLAIMED)
		mismatch(w, "a claimed side was claimed once more");
	if (w->exact)
		f->of->fifo->mappings++;
}

static void op_unmap(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	size_t from, n;

	if (!m)
		return;
	from = arg[1] % 4 ? 0 : arg[2] % m->pages;
	n = arg[1] % 4 ? m->pages : 1 + arg[3] % (m->pages - from);
	unmap_pages(w, m, from, n);
}

/* --- what a mapping shows ------------------------------------------------------------ */

static void wanted_status(const struct fifo *f, const uint8_t *page,
			  struct vfifo_status *s)
{
	*s = (struct vfifo_status){
		.magic = VFIFO_MAGIC,
		.abi = VFIFO_ABI,
		.capacity = f->capacity,
		.generation = f->generation,
		.flags = fifo_flags(f),
		.watermark = { f->watermark[0], f->watermark[1] },
		.claim = { f->claim[0], f->claim[1] },
		.memory = f->memory,
		.framing = f->framing,
		.need = f->removed ? VFIFO_NEED_REMOVED : 0,
	};
	/* The kernel decides these: its parts, who has polled, and what is left over. */
	memcpy(&s->features, page + offsetof(struct vfifo_status, features), 4);
	memcpy(s->threshold, page + offsetof(struct vfifo_status, threshold),
	       8);
}

static void check_status(struct world *w, const struct fifo *f, uint8_t *page)
{
	struct vfifo_status want, *is = (void *)page;
	const uint32_t polls = VFIFO_NEED_PRODUCER_POLL |
			       VFIFO_NEED_CONSUMER_POLL;

	wanted_status(f, page, &want);
	is->need &= ~polls;
	memset(w->wanted, 0, PAGE);
	memset(w->unknown, 0, PAGE);
	memcpy(w->wanted, &want, sizeof(want));
	expect_bytes(w, "the status page", page, w->wanted, w->unknown, PAGE);
}

/* After each step, as a change that nothing else shows lasts only until the next call. */
void check_status_pages(struct world *w)
{
	const size_t n = sizeof(struct vfifo_status);

	for (int i = 0; i < MAPS; i++) {
		const struct map_slot *m = &w->maps[i];
		struct vfifo_status is, want;

		if (!m->at || m->kind != MAP_STATUS ||
		    !(m->protection[0] & PROT_READ))
			continue;
		memcpy(&is, m->at, n);
		wanted_status(m->of->fifo, m->at, &want);
		is.need &=
			~(VFIFO_NEED_PRODUCER_POLL | VFIFO_NEED_CONSUMER_POLL);
		memset(w->unknown, 0, n);
		expect_bytes(w, "the status page after it", (void *)&is,
			     (void *)&want, w->unknown, n);
	}
}

/* A page of a mapping, as the model has it, is in w->wanted and w->unknown. */
static void wanted_page(struct world *w, const struct map_slot *m, size_t page)
{
	const struct fifo *f = m->of->fifo;

	memset(w->unknown, 0, PAGE);
	memset(w->wanted, 0, PAGE);
	if (m->kind == MAP_POSITION) {
		const struct vfifo_position p = { f->shown[m->end],
						  f->shown_sequence[m->end] };

		memcpy(w->wanted, &p, sizeof(p));
	} else {
		const size_t at = (m->first + page) * PAGE % f->capacity;

		memcpy(w->wanted, f->data + at, PAGE);
		memcpy(w->unknown, f->unknown + at, PAGE);
	}
}

/* A page that was got from a mapping is what the model says. */
static void compare_page(struct world *w, const char *what,
			 const struct map_slot *m, size_t page, uint8_t *got,
			 size_t from, size_t n)
{
	if (m->kind == MAP_STATUS) {
		if (!from && n == PAGE)
			check_status(w, m->of->fifo, got);
		return;
	}
	wanted_page(w, m, page);
	expect_bytes(w, what, got, w->wanted + from, w->unknown + from, n);
}

static int expected_signal(const struct map_slot *m, size_t page, int need)
{
	const int protection = m->protection[page];

	if (!(protection & need))
		return SIGSEGV;
	return m->revoked ? SIGBUS : 0;
}

static void op_load(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	size_t page, from, n;
	int number;

	if (!m)
		return;
	page = arg[1] % m->pages;
	from = m->kind == MAP_STATUS || arg[2] % 4 == 0 ? 0 : arg[2] % PAGE;
	n = m->kind == MAP_STATUS || arg[2] % 4 == 0 ?
		    PAGE :
		    1 + arg[3] % (PAGE - from);
	/* Whether a page that may only be written can be read depends on the machine. */
	if (m->protection[page] < 0 || m->protection[page] == PROT_WRITE)
		return;
	number = copy(w->got, m->at + page * PAGE + from, n);
	expect(w, "a load", number,
	       w->exact ? expected_signal(m, page, PROT_READ) : 0);
	if (w->exact && !number)
		compare_page(w, "a load", m, page, w->got, from, n);
}

/* The model has the bytes from now on. */
static void stored(struct fifo *f, size_t at, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f->data[(at + i) % f->capacity] = bytes[i];
		f->unknown[(at + i) % f->capacity] = 0;
	}
}

static void op_store(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	size_t page, from, n;
	int number;

	if (!m || m->kind == MAP_POSITION)
		return;
	page = arg[1] % m->pages;
	from = arg[2] % PAGE;
	n = 1 + arg[3] % (PAGE - from);
	if (m->protection[page] < 0)
		return;
	fresh_bytes(w, w->bytes, n);
	number = copy(m->at + page * PAGE + from, w->bytes, n);
	expect(w, "a store", number,
	       w->exact ? expected_signal(m, page, PROT_WRITE) : 0);
	if (w->exact && !number)
		stored(m->of->fifo, (m->first + page) * PAGE + from, w->bytes,
		       n);
}

/* With records an honest holder moves by whole ones, or so that the position is aligned at least. */
static uint32_t some_step(struct fifo *f, enum vfifo_end end, uint32_t n)
{
	const uint32_t stored = fifo_room(f, VFIFO_CONSUMER);
	uint32_t length = 0;

	if (f->framing == VFIFO_BYTES)
		return n;
	if (end == VFIFO_CONSUMER && n % 4 && stored && !f->removed)
		length = fifo_record_at(f, f->at[end], stored);
	return length ? record_space(length) : n & ~7U;
}

/* A value that a hostile holder, or an honest one, stores in its position. */
static uint32_t some_position(struct fifo *f, enum vfifo_end end, uint16_t a,
			      uint16_t b)
{
	const uint32_t room = fifo_room(f, end);
	const uint32_t now = f->shown[end];

	switch (a % 16) {
	case 0:
		return now - 1;
	case 1:
		return now + room + 1;
	case 2:
		return (uint32_t)a << 16 | b;
	case 3:
		return now + f->capacity;
	case 4:
		return f->shown[!end];
	case 5:
		return now + room;
	case 6:
	case 7:
		return f->at[end] + b % (room + 1);
	default:
		return f->at[end] + some_step(f, end, b % (room + 1));
	}
}

/* The number behind the position. Only the holder of the producer side gives it a meaning. */
#define SEQUENCE offsetof(struct vfifo_position, sequence)

static void position_at_random(struct world *w, struct map_slot *m)
{
	const uint32_t times = 1 + random_below(&w->random, 64);
	uint32_t value, other;

	if (copy(&value, m->at, sizeof(value)))
		return;
	for (uint32_t i = 0; i < times; i++) {
		other = random_u32(&w->random);
		value = other % 8 ? value + other / 8 % 4096 : other;
		if (other / 32768 % 2)
			value &= ~7U;
		if (store_position(m->at, value) ||
		    store_position(m->at + SEQUENCE, other))
			return;
	}
	count_operations(w, 1);
}

static void store_sequence(struct world *w, struct map_slot *m, uint32_t value)
{
	const int number = store_position(m->at + SEQUENCE, value);

	expect(w, "a store to a number", number,
	       expected_signal(m, 0, PROT_WRITE));
	if (!number)
		m->of->fifo->shown_sequence[m->end] = value;
}

/* A writable mapping of what is at a position, which is a multiple of 8; NULL: there is none. */
static uint8_t *data_at(struct world *w, const struct fifo *f,
			uint32_t position)
{
	for (int i = 0; i < 2 * MAPS; i++) {
		const struct map_slot *m = &w->maps[i / 2];
		const size_t at = vfifo_offset(f->capacity, position) +
				  i % 2 * f->capacity;
		const size_t page = at / PAGE - m->first;

		/* A page before the first one is a very large number. */
		if (m->at && m->kind == MAP_DATA && m->of->fifo == f &&
		    page < m->pages && m->protection[page] >= 0 &&
		    m->protection[page] & PROT_WRITE)
			return m->at + page * PAGE + at % PAGE;
	}
	return NULL;
}

/* An honest holder of the producer side makes a record. Returns whether it could. */
static bool produce_record(struct world *w, struct map_slot *m, uint16_t arg)
{
	struct fifo *f = m->of->fifo;
	const uint32_t at = f->shown[m->end];
	const struct vfifo_record head = { 1 + arg % 500,
					   f->shown_sequence[m->end], arg };
	const uint64_t space = record_space(head.length);
	uint8_t *one, *two;

	if (f->framing == VFIFO_BYTES || m->end != VFIFO_PRODUCER ||
	    !m->claim || m->revoked || !(m->protection[0] & PROT_WRITE) ||
	    at != f->at[m->end] || fifo_room(f, m->end) < space)
		return false;
	one = data_at(w, f, at);
	two = data_at(w, f, at + 8);
	if (!one || !two)
		return false;
	memcpy(one, &head, 8);
	memcpy(two, (const uint8_t *)&head + 8, 8);
	stored(f, at, (const uint8_t *)&head, sizeof(head));
	store_sequence(w, m, head.sequence + 1);
	expect(w, "a store to a position",
	       store_position(m->at, at + (uint32_t)space), 0);
	f->shown[m->end] = at + (uint32_t)space;
	return true;
}

static void op_position(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	uint32_t value, before;
	int number;

	if (!m || m->kind != MAP_POSITION || m->protection[0] < 0)
		return;
	if (!w->exact) {
		position_at_random(w, m);
		return;
	}
	if (arg[3] % 8 == 1) {
		store_sequence(w, m, (uint32_t)arg[1] << 16 | arg[2]);
		return;
	}
	if (arg[3] % 8 < 5 && produce_record(w, m, arg[2]))
		return;
	before = m->of->fifo->shown[m->end];
	value = some_position(m->of->fifo, m->end, arg[1], arg[2]);
	number = store_position(m->at, value);
	expect(w, "a store to a position", number,
	       expected_signal(m, 0, PROT_WRITE));
	if (number)
		return;
	m->of->fifo->shown[m->end] = value;
	if (arg[3] % 8)
		return;
	/* To read attributes changes nothing, so a position that is put back was not seen. */
	show_all(w, m->of->number);
	store_position(m->at, before);
	m->of->fifo->shown[m->end] = before;
}

/* --- headers that are overwritten ---------------------------------------------------- */

/* Valid ones that are, or are not, what was written, and those that are just too long. */
static uint32_t some_length(uint32_t stored, uint16_t a, uint16_t b)
{
	switch (a % 8) {
	case 0:
		return 0;
	case 1:
		return stored - 16;
	case 2:
		return stored - 16 + 1 + b % 8;
	case 3:
		return (uint32_t)b << 16 | a;
	case 4:
		return ~(VFIFO_RECORD_LENGTH >> b % 4);
	case 5:
		return VFIFO_RECORD_LENGTH - b % 32;
	case 6:
		return (uint32_t)a << 29 | (1 + b % (stored + 1));
	default:
		return 1 + b % 200;
	}
}

/* In the mob nobody knows where a header is, so there are many tries. */
static void headers_at_random(struct world *w, struct map_slot *m)
{
	const uint32_t times = 1 + random_below(&w->random, 64);

	for (uint32_t i = 0; i < times; i++) {
		const uint32_t page = random_below(&w->random, m->pages);
		const uint32_t from = random_below(&w->random, PAGE / 8) * 8;
		const uint32_t a = random_u32(&w->random);

		if (m->protection[page] < 0 ||
		    store_position(m->at + page * PAGE + from,
				   some_length(a >> 20 & ~7U, a, a >> 16)))
			return;
	}
	count_operations(w, 1);
}

/* The length of a record that is stored, one of the first four. */
static void op_header(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	uint32_t position, left, length, word;
	struct fifo *f;
	uint8_t *at;

	if (!m || m->kind != MAP_DATA)
		return;
	if (!w->exact) {
		headers_at_random(w, m);
		return;
	}
	f = m->of->fifo;
	position = f->at[VFIFO_CONSUMER];
	left = fifo_room(f, VFIFO_CONSUMER);
	if (f->framing == VFIFO_BYTES || f->removed || !left)
		return;
	for (int i = arg[1] % 4; i; i--) {
		length = fifo_record_at(f, position, left);
		if (!length || record_space(length) == left)
			break;
		position += record_space(length);
		left -= record_space(length);
	}
	at = data_at(w, f, position);
	if (!at)
		return;
	word = some_length(left, arg[2], arg[3]);
	expect(w, "a store to a header", store_position(at, word), 0);
	stored(f, position, (const uint8_t *)&word, sizeof(word));
}

bool learning_comes_too_early, would_learn;

/* A mapping of its own, as the process may have none of the bytes. */
void fifo_learn(struct fifo *f)
{
	char path[32];
	uint8_t *at;
	int fd;

	would_learn |= learning_comes_too_early;
	if (learning_comes_too_early)
		return;
	snprintf(path, sizeof(path), "/dev/vfifo%d", f->number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	at = mmap(NULL, f->capacity, PROT_READ, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED);
	for (uint32_t i = 0; i < f->capacity; i++) {
		if (f->unknown[i])
			f->data[i] = at[i];
		check_equal(at[i], f->data[i]);
	}
	memset(f->unknown, 0, f->capacity);
	check(!munmap(at, f->capacity));
	check(!close(fd));
}

/* --- by way of the kernel ------------------------------------------------------------ */

static bool can_be_pinned(const struct map_slot *m)
{
	return m->kind == MAP_DATA &&
	       m->of->fifo->memory == VFIFO_MEMORY_CACHED;
}

static void op_peer(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	struct iovec to = { w->got, 0 }, from;
	bool can;
	size_t page;
	long ret;

	if (!m)
		return;
	page = arg[1] % m->pages;
	if (m->protection[page] < 0)
		return;
	to.iov_len = 1 + arg[2] % PAGE;
	from = (struct iovec){ m->at + page * PAGE, to.iov_len };
	ret = outcome(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	can = w->exact && can_be_pinned(m) && m->protection[page] & PROT_READ;
	expect(w, "process_vm_readv", ret, can ? (long)to.iov_len : -EFAULT);
	if (can)
		compare_page(w, "process_vm_readv", m, page, w->got, 0, ret);
}

/* As a debugger does it, which may read what the process may not. */
static void op_debugger(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	size_t page, n;
	off_t at;
	long ret;
	int fd;

	if (!m)
		return;
	page = arg[1] % m->pages;
	if (m->protection[page] < 0)
		return;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	n = m->kind == MAP_STATUS ? PAGE : 1 + arg[2] % PAGE;
	at = (uintptr_t)(m->at + page * PAGE);
	ret = outcome(pread(fd, w->got, n, at));
	/* A kernel without HAVE_IOREMAP_PROT does not ask the module. */
	if (w->exact && m->protection[page] & PROT_READ) {
		if (ret != -EIO || can_be_pinned(m))
			expect(w, "reading as a debugger", ret,
			       m->revoked ? -EIO : (long)n);
		if (ret > 0)
			compare_page(w, "reading as a debugger", m, page,
				     w->got, 0, n);
	}
	if (!(m->protection[page] & PROT_WRITE)) {
		memset(w->bytes, 0x5a, n);
		expect(w, "writing as a debugger",
		       outcome(pwrite(fd, w->bytes, n, at)), -EIO);
	}
	close(fd);
}

/* The pages of a pipe are those of the FIFO, which are looked at before they go on. */
static void op_vmsplice(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	struct iovec v;
	size_t page, n;
	bool can;
	long ret;

	if (!m)
		return;
	page = arg[1] % m->pages;
	/* The kernel does not always ask whether a page that it finds may be read. */
	if (m->protection[page] < 0 || m->protection[page] == PROT_WRITE)
		return;
	n = 1 + arg[2] % PAGE;
	v = (struct iovec){ m->at + page * PAGE, n };
	ret = outcome(vmsplice(w->pipe[1], &v, 1, 0));
	can = w->exact && can_be_pinned(m) && m->protection[page] & PROT_READ;
	if (m->kind == MAP_DATA)
		expect(w, "vmsplice", ret, can ? (long)n : -EFAULT);
	if (ret > 0 && read(w->pipe[0], w->got, ret) != ret)
		mismatch(w, "the pipe does not have %ld bytes", ret);
	if (can)
		compare_page(w, "vmsplice", m, page, w->got, 0, n);
}

/* --- the mapping as a buffer of read(2) and write(2) of its own device ---------------- */

/* Whether a copy within the buffer has bytes that are both source and target. */
static bool overlap(const struct fifo *f, uint32_t a, uint32_t b, uint32_t n)
{
	return vfifo_offset(f->capacity, a - b) < n ||
	       vfifo_offset(f->capacity, b - a) < n;
}

static void set_unknown(struct fifo *f, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		f->unknown[vfifo_offset(f->capacity, at + i)] = 1;
}

/* A call that does not wait, with a buffer in the data of its own device. */
static void op_own_buffer(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	const bool reads = arg[3] % 2;
	struct file_slot *f;
	struct plan plan = { 0 };
	size_t page, from, good;
	struct iovec v;
	uint32_t at, n;
	long ret;

	if (!m || m->kind != MAP_DATA)
		return;
	f = file_of_description(w, m->of);
	page = arg[1] % m->pages;
	/* User-Mode Linux reads what the process may not, where the page is there. */
	if (!f || m->protection[page] < 0 || !(m->protection[page] & PROT_READ))
		return;
	if (!w->exact && care_of(f->of) == CARE_STREAM)
		return;
	from = arg[2] % PAGE;
	n = 1 + arg[3] / 2 % (PAGE - from);
	v = (struct iovec){ m->at + page * PAGE + from, n };
	good = m->protection[page] & (reads ? PROT_WRITE : PROT_READ) ? n : 0;
	at = (m->first + page) * PAGE + from;
	if (w->exact && !(reads ? f->of->reads : f->of->writes))
		plan.result = -EBADF;
	else if (w->exact && reads)
		plan = fifo_plan_read(f->of->fifo, n, good, true);
	else if (w->exact)
		plan = fifo_plan_write(f->of->fifo, n, good, true);
	ret = outcome(reads ? preadv2(f->fd, &v, 1, -1, RWF_NOWAIT) :
			      pwritev2(f->fd, &v, 1, -1, RWF_NOWAIT));
	expect(w, reads ? "read to its own data" : "write of its own data", ret,
	       plan.result);
	if (w->exact)
		fifo_looked(f->of->fifo, &plan);
	if (!w->exact || ret <= 0)
		return;
	if (reads) {
		struct fifo *fifo = f->of->fifo;
		const uint32_t source = fifo->at[VFIFO_CONSUMER];
		const uint32_t space = fifo->framing == VFIFO_RECORDS ?
					       record_space(ret) :
					       (uint64_t)ret;

		fifo_take(fifo, w->wanted, w->unknown, ret);
		stored(fifo, at, w->wanted, ret);
		for (long i = 0; i < ret; i++)
			fifo->unknown[vfifo_offset(fifo->capacity, at + i)] =
				w->unknown[i];
		if (overlap(fifo, source, at, space)) {
			set_unknown(fifo, at, ret);
			set_unknown(fifo, source, space);
		}
	} else {
		struct fifo *fifo = f->of->fifo;
		const uint32_t target = fifo->at[VFIFO_PRODUCER] +
					(fifo->framing == VFIFO_RECORDS ?
						 sizeof(struct vfifo_record) :
						 0);
		bool unknown = overlap(fifo, target, at, n);

		for (uint32_t i = 0; i < plan.store; i++) {
			const uint32_t source =
				vfifo_offset(fifo->capacity, at + i);

			w->wanted[i] = fifo->data[source];
			unknown |= fifo->unknown[source];
		}
		fifo_write(fifo, w->wanted, &plan);
		if (unknown)
			set_unknown(fifo, target, plan.store);
	}
}

/* --- changes of a mapping ---------------------------------------------------------------- */

static uint8_t *reserve(size_t n)
{
	uint8_t *at =
		mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(at != MAP_FAILED);
	return at;
}

static void must_fail(struct world *w, const char *what, const void *at)
{
	expect(w, what, at != MAP_FAILED, 0);
	if (at != MAP_FAILED)
		mismatch(w, "%s succeeds", what);
}

static void move_whole(struct world *w, struct map_slot *m)
{
	const size_t n = m->pages * PAGE;
	uint8_t *to = reserve(n);
	uint8_t *at = mremap(m->at, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	expect(w, "mremap", at == MAP_FAILED ? -errno : 0, 0);
	if (at != MAP_FAILED)
		m->at = at;
	else
		check(!munmap(to, n));
}

static void op_move(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);

	if (!m || m->split)
		return;
	switch (arg[1] % 8) {
	case 0:
		must_fail(w, "a mapping that grows",
			  mremap(m->at, m->pages * PAGE, (m->pages + 1) * PAGE,
				 MREMAP_MAYMOVE));
		break;
	case 1:
		must_fail(w, "a second mapping by mremap",
			  mremap(m->at, 0, m->pages * PAGE, MREMAP_MAYMOVE));
		break;
	case 2:
		must_fail(w, "a mapping that leaves the old one",
			  mremap(m->at, m->pages * PAGE, m->pages * PAGE,
				 MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
		break;
	case 3:
		if (m->pages < 2)
			break;
		expect(w, "a mapping that shrinks",
		       mremap(m->at, m->pages * PAGE, (m->pages - 1) * PAGE,
			      0) == m->at,
		       1);
		m->pages--;
		m->left--;
		break;
	default:
		move_whole(w, m);
	}
}

static void op_protect(struct world *w, const uint16_t *arg)
{
	static const int protections[] = { PROT_READ, PROT_READ | PROT_WRITE,
					   PROT_READ | PROT_WRITE, PROT_NONE,
					   PROT_READ | PROT_EXEC };
	struct map_slot *m = some_map(w, arg[0]);
	const int protection = protections[arg[1] % 5];
	size_t from = 0, n;
	bool can;

	if (!m)
		return;
	n = m->pages;
	if (arg[2] % 4 == 0) {
		from = arg[2] / 4 % m->pages;
		n = 1 + arg[3] % (m->pages - from);
	}
	if (!all_mapped(m, from, n))
		return;
	can = !(protection & PROT_EXEC) &&
	      (m->writable || !(protection & PROT_WRITE));
	expect(w, "mprotect",
	       outcome(mprotect(m->at + from * PAGE, n * PAGE, protection)),
	       can ? 0 : -EACCES);
	if (!can)
		return;
	for (size_t i = from; i < from + n; i++)
		m->protection[i] = protection;
	m->split |= n != m->pages;
}

/*
 * All values, without those that take a page from the machine. None may change what the mapping
 * shows.
 */
static void op_advise(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	const int advice = arg[1] % 128;
	size_t from = 0, n;
	long ret;

	if (!m || advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return;
	n = m->pages;
	if (arg[2] % 4 == 0) {
		from = arg[2] / 4 % m->pages;
		n = 1 + arg[3] % (m->pages - from);
	}
	if (!all_mapped(m, from, n))
		return;
	m->split |= n != m->pages;
	m->alone |= advice == MADV_DONTFORK;
	ret = outcome(madvise(m->at + from * PAGE, n * PAGE, advice));
	if (advice == MADV_DOFORK && m->kind != MAP_DATA)
		expect(w, "MADV_DOFORK", ret, -EINVAL);
	else
		count_operations(w, 1);
}

static void op_lock(struct world *w, const uint16_t *arg)
{
	struct map_slot *m = some_map(w, arg[0]);
	size_t page;

	if (!m)
		return;
	page = arg[1] % m->pages;
	if (m->protection[page] < 0)
		return;
	m->split |= m->pages > 1;
	if (mlock(m->at + page * PAGE, PAGE) && errno != ENOMEM &&
	    errno != EAGAIN && errno != EPERM)
		mismatch(w, "mlock: %s", strerror(errno));
	if (munlock(m->at + page * PAGE, PAGE) && w->exact)
		mismatch(w, "munlock: %s", strerror(errno));
	if (msync(m->at + page * PAGE, PAGE, MS_SYNC) && errno != EINVAL &&
	    w->exact)
		mismatch(w, "msync: %s", strerror(errno));
	count_operations(w, 3);
}

/* --- exports ------------------------------------------------------------------------------ */

static void end_export(struct world *w)
{
	close(w->exported);
	w->exported = -1;
	if (w->exact) {
		w->exported_of->mappings--;
		fifo_put(w->exported_of);
	}
}

/* An importer is another mapping: this process, by mmap(2) of the dma-buf. */
static void look_at_export(struct world *w, const struct fifo *f)
{
	uint8_t *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, w->exported, 0);
	int number;

	expect(w, "mmap of the dma-buf", at == MAP_FAILED ? -errno : 0, 0);
	if (at == MAP_FAILED)
		return;
	number = copy(w->got, at, PAGE);
	if (w->exact && number)
		mismatch(w, "the dma-buf gives signal %d", number);
	if (w->exact)
		expect_bytes(w, "the dma-buf", w->got, f->data, f->unknown,
			     PAGE);
	check(!munmap(at, PAGE));
}

static long export_result(const struct description *d,
			  const struct vfifo_export *e)
{
	if (d->fifo->removed)
		return -ENODEV;
	if (!d->reads)
		return -EBADF;
	if (e->flags & ~(uint32_t)O_CLOEXEC || e->reserved[0] || e->reserved[1])
		return -EINVAL;
	return 0;
}

static void op_export(struct world *w, const uint16_t *arg)
{
	static bool unsupported;
	struct file_slot *f = some_file(w, arg[0]);
	struct vfifo_export e = { .fd = -1 };
	long ret;

	if (w->exported >= 0) {
		end_export(w);
		return;
	}
	if (!f || unsupported)
		return;
	/* A dma-buf of the data can be written by all that have it. */
	if (!w->exact && care_of(f->of) != CARE_NOT)
		return;
	e.flags = arg[1] % 4 ? O_CLOEXEC : arg[1] / 4;
	e.reserved[arg[2] % 2] = arg[2] % 16 ? 0 : 1;
	ret = outcome(ioctl(f->fd, VFIFO_EXPORT, &e));
	if (ret == -EOPNOTSUPP) {
		unsupported = true;
		return;
	}
	expect(w, "VFIFO_EXPORT", ret, w->exact ? export_result(f->of, &e) : 0);
	if (ret)
		return;
	w->exported = e.fd;
	if (w->exact) {
		w->exported_of = f->of->fifo;
		w->exported_of->refs++;
		w->exported_of->mappings++;
		expect(w, "the size of the dma-buf",
		       lseek(w->exported, 0, SEEK_END),
		       w->exported_of->capacity);
	}
	look_at_export(w, f->of->fifo);
}

const struct operation memory_operations[] = {
	{ "map", "mmap get_unmapped_area", 250, 300, op_map },
	{ "unmap", "vm.close", 75, 75, op_unmap },
	{ "load", "vm.fault", 150, 50, op_load },
	{ "store", "vm.fault", 75, 50, op_store },
	{ "position", "vm.fault", 200, 300, op_position },
	{ "header", "vm.fault", 75, 100, op_header },
	{ "peer", "vm.fault", 25, 25, op_peer },
	{ "debugger", "vm.access", 25, 25, op_debugger },
	{ "vmsplice", "vm.fault", 25, 25, op_vmsplice },
	{ "own-buffer", "read_iter write_iter vm.fault", 50, 50,
	  op_own_buffer },
	{ "move", "vm.open vm.close", 50, 50, op_move },
	{ "protect", "vm.open", 50, 50, op_protect },
	{ "advise", "vm.open", 50, 100, op_advise },
	{ "lock", "vm.fault", 15, 15, op_lock },
	{ "export", "unlocked_ioctl", 20, 20, op_export },
	{ 0 },
};
