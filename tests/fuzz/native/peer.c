// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library, while the other end and the kernel lie.
 *
 * The memory is that of the device. The input says what the program calls, and what the other
 * end stores in its position, in the status page and in the data: between two calls, and also
 * within one, when the library reads the clock, polls or kicks. What poll(2), ioctl(2) and
 * madvise(2) return is the input's, too. The clock is not the machine's, so no wait takes time.
 *
 * The FIFO is one of bytes or of records. In that of records the headers lie, too, also between the
 * look at a record and the move past it.
 *
 * The program keeps counts of 64 bits. A call that the other end cannot disturb must return
 * what follows from them; another one, an error that its comment in libvfifo.h lists. Around
 * the data are pages that cannot be accessed.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <time.h>

#include "fake-memory.h"
#include "input.h"

#define WRAP (1ULL << 32)
#define FOREVER_MS (1ULL << 32)

static struct input input;
static uint64_t now_ns;
static bool data_changed;
static struct vfifo_handle *f;
static bool records;		      /* the framing */
static uint64_t own, published, peer; /* what the program knows, in 64 bits */
static uint64_t next; /* where the record ends that was peeked at; none: own */
static uint32_t sequence; /* of the producer's next record */

/* --- the other end and the kernel ------------------------------------------------------- */

static enum vfifo_end other_end(void)
{
	return __vfifo_other_end(vfifo_hot(f)->end);
}

static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* A position up to which the other end may move, or must not. */
static uint32_t near_a_limit(uint32_t kind)
{
	uint64_t limit = kind % 3 == 0 ? published : kind % 3 == 1 ? own : peer;

	if (kind & 32)
		limit += device.capacity;
	return (uint32_t)limit + kind / 4 % 4 - 2;
}

/* Stores in the position of @end, in the status or in the data. */
static void lie(enum vfifo_end end)
{
	uint32_t kind = (uint32_t)take(&input, 1), at;
	uint32_t *status = (uint32_t *)device.status;

	if (kind < 32) {
		store(&device.position[end]->position,
		      (uint32_t)take(&input, 4));
	} else if (kind < 80) {
		/* What an honest other end could do, or a little more. */
		store(&device.position[end]->position,
		      device.position[end]->position +
			      (uint32_t)take(&input, 2));
	} else if (kind < 128) {
		store(&device.position[end]->position, near_a_limit(kind));
	} else if (kind < 192) {
		at = kind % (sizeof(*device.status) / sizeof(*status));
		store(&status[at], (uint32_t)take(&input, 4));
	} else if (kind < 224 && records && f) {
		/* The header of the next record: any length, or one that may be true. */
		data_changed = true;
		at = (uint32_t)own % device.capacity;
		store((uint32_t *)(void *)(device.window + at),
		      (uint32_t)take(&input, kind & 1 ? 4 : 2));
	} else {
		data_changed = true;
		at = (uint32_t)take(&input, 3) % device.capacity;
		device.window[at] ^= (unsigned char)kind;
	}
}

/* In the middle of a call. */
static void disturb(void)
{
	if (f && take(&input, 1) > 0xc0)
		lie(other_end());
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	static const int errors[] = { ENODEV, EINTR, EBADF, ENOTTY };
	uint64_t what = take(&input, 1);

	MUST(fd >= 0 && request == VFIFO_KICK);
	disturb();
	errno = errors[what % 4];
	return what < 0xe0 ? 0 : -1;
}

int __wrap_madvise(void *p, size_t length, int advice);
int __wrap_madvise(void *p, size_t length, int advice)
{
	MUST(p && length && advice);
	errno = ENOMEM;
	return take(&input, 1) == 0xff ? -1 : 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	MUST(clock == CLOCK_MONOTONIC);
	disturb();
	now_ns += 1000;
	t->tv_sec = (time_t)(now_ns / 1000000000);
	t->tv_nsec = (long)(now_ns % 1000000000);
	return 0;
}

/* At the end of the input a signal comes, as a wait without a limit must end. */
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	static const int errors[] = { EINTR, EINVAL, ENOMEM, EFAULT };
	static const short events[] = { POLLIN,	 POLLOUT,  POLLERR,
					POLLHUP, POLLNVAL, POLLIN | POLLHUP };
	uint64_t what = take(&input, 1);
	bool over = !input.left;

	/* A wait of no time asks the kernel only for what the flags tell of. */
	MUST(n == 1 && p->fd >= 0);
	MUST(ms != 0 || (device.status->flags &
			 (VFIFO_BROKEN | VFIFO_REMOVED | VFIFO_ENDED)));
	MUST(!(p->events & ~(POLLIN | POLLOUT)));
	disturb();
	now_ns += (ms < 0 ? FOREVER_MS : (uint64_t)ms) * 1000000;
	p->revents = 0;
	errno = errors[what % 4];
	if (what >= 0xe0 || over)
		return -1;
	if (what < 0x60)
		return 0;
	p->revents = events[what % 6] & (p->events | ~(POLLIN | POLLOUT));
	return p->revents ? 1 : 0;
}

/* --- what the program knows --------------------------------------------------------------- */

static uint64_t capacity(void)
{
	return device.capacity;
}

static bool producer(void)
{
	return vfifo_hot(f)->end == VFIFO_PRODUCER;
}

static uint64_t room(void)
{
	return producer() ? capacity() - (own - peer) : peer - own;
}

/* The most that the other end can be at. */
static uint64_t peer_limit(void)
{
	return producer() ? published : published + capacity();
}

/* What the library believes now must follow from what it believed, and be possible. */
static void follow(void)
{
	const struct __vfifo_hot *h = vfifo_hot(f);

	own += (uint32_t)(h->own - (uint32_t)own);
	published += (uint32_t)(h->published - (uint32_t)published);
	peer += (uint32_t)(h->peer - (uint32_t)peer);
	MUST(h->capacity == device.capacity);
	MUST(published <= own && peer <= peer_limit());
	MUST(room() <= capacity());
	MUST(h->limit - h->own == (uint32_t)room());
	MUST(device.position[h->end]->position == h->published);
	MUST(!records || (own % 8 == 0 && peer % 8 == 0));
}

static int lost(void)
{
	const struct __vfifo_hot *h = vfifo_hot(f);

	if (device.status->flags & VFIFO_REMOVED)
		return -ENODEV;
	return device.status->claim[h->end] != h->claim ? -ESTALE : 0;
}

/* Return: 0; -EBADMSG: the other end's position is invalid. */
static int expected_look(void)
{
	uint64_t moved = (device.position[other_end()]->position + WRAP -
			  (uint32_t)peer) %
			 WRAP;

	if (peer + moved > peer_limit() || (records && (peer + moved) % 8))
		return -EBADMSG;
	peer += moved;
	return 0;
}

/* As __vfifo_span(), with 64 bits. */
static int64_t expected_span(size_t n)
{
	if (n > capacity())
		return -EMSGSIZE;
	if (room() && room() >= n)
		return (int64_t)room();
	if (expected_look())
		return -EBADMSG;
	if (room() && room() >= n)
		return (int64_t)room();
	return lost() ? lost() : -EAGAIN;
}

static bool is_one_of(int64_t err, const int *errors, size_t n)
{
	while (n--)
		if (err == -errors[n])
			return true;
	return false;
}

#define IS_ONE_OF(err, ...)                          \
	is_one_of(err, (const int[]){ __VA_ARGS__ }, \
		  sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

/* Of vfifo_publish(), with those of its ioctl(2). */
static void check_publish(int err)
{
	MUST(!err ||
	     IS_ONE_OF(err, ENODEV, EBADMSG, ESTALE, EINTR, EBADF, ENOTTY));
	follow();
	MUST(published == own);
}

/* Of vfifo_wait(), with those of its poll(2) and ioctl(2). */
static bool is_wait_error(int64_t err)
{
	return IS_ONE_OF(err, ETIMEDOUT, EMSGSIZE, EINTR, EIO, ENODATA, ENODEV,
			 ESTALE, EBADMSG, EBADF, ENOTTY, EINVAL, ENOMEM,
			 EFAULT);
}

/* --- the calls ---------------------------------------------------------------------------- */

/* Sizes near 0, the room and the capacity, and huge ones. */
static size_t some_size(void)
{
	uint64_t kind = take(&input, 1), near = take(&input, 1) % 8;

	switch (kind % 5) {
	case 0:
		return near;
	case 1:
		return room() - 4 + near;
	case 2:
		return capacity() - 4 + near;
	case 3:
		return take(&input, 2);
	default:
		return near < 4 ? SIZE_MAX - near : take(&input, 8);
	}
}

static int some_timeout(void)
{
	static const int timeouts[] = { 0,	0,	 1,  30,
					100000, INT_MAX, -1, INT_MIN };

	return timeouts[take(&input, 1) % 8];
}

static void span(void)
{
	size_t n = some_size();
	int64_t expected = expected_span(n), r;
	void *p = NULL;

	MUST(vfifo_reserve(f, n, &p) == -EBADF || producer());
	MUST(vfifo_peek(f, n, &p) == -EBADF || !producer());
	r = producer() ? vfifo_reserve(f, n, &p) : vfifo_peek(f, n, &p);
	MUST(r == expected);
	follow();
	if (r < 0)
		return;
	MUST(p == vfifo_hot(f)->data + own % capacity());
	/* The first and the last byte. A guard page ends the program. */
	for (int64_t i = 0; i<r; i += r> 1 ? r - 1 : 1) {
		volatile unsigned char *byte = (unsigned char *)p + i;

		if (producer())
			*byte = 1;
		else
			(void)*byte;
	}
}

static void advance(void)
{
	size_t n = some_size();
	uint64_t before = own;

	MUST(vfifo_advance(f, n) == (n <= room() ? 0 : -EINVAL));
	n = n <= room() ? n : 0;
	follow();
	MUST(own == before + n);
}

static void publish(void)
{
	check_publish(vfifo_publish(f));
}

static void move(void)
{
	size_t n = some_size();
	bool enough = n <= room();
	uint64_t before = own;
	int err = producer() ? vfifo_commit(f, n) : vfifo_consume(f, n);

	MUST((producer() ? vfifo_consume(f, n) : vfifo_commit(f, n)) == -EBADF);
	if (enough)
		check_publish(err);
	else
		MUST(err == -EINVAL);
	follow();
	MUST(own == before + (enough ? n : 0));
}

static void wait_for(void)
{
	size_t n = some_size();
	int err = vfifo_wait(f, n, some_timeout());

	MUST(!err || is_wait_error(err));
	follow();
	MUST(err || (room() && room() >= n && published == own));
	MUST(err != -EMSGSIZE || n > capacity());
}

/* The byte that stands in the ring for the stream's byte `at`. */
static unsigned char in_ring(uint64_t at)
{
	return device.window[at % capacity()];
}

static void copy(void)
{
	size_t n = some_size();
	unsigned char *buffer = n <= 3 * capacity() ? malloc(n) : NULL;
	uint64_t before = own;
	int64_t r;
	int timeout = some_timeout();

	if (!buffer && n <= SSIZE_MAX)
		return;
	for (size_t i = 0; buffer && i < n; i++)
		buffer[i] = (unsigned char)(before + i);
	data_changed = false;
	r = producer() ? vfifo_write(f, buffer, n, timeout) :
			 vfifo_read(f, buffer, n, timeout);
	if (n > SSIZE_MAX)
		MUST(r == -EINVAL || r == lost());
	else
		MUST((r >= 0 && (uint64_t)r <= n) || is_wait_error(r));
	follow();
	MUST(own == before + (r > 0 ? (uint64_t)r : 0));
	for (int64_t i = r;
	     !data_changed && i-- > 0 && r - i <= (int64_t)capacity();)
		MUST(buffer[i] == in_ring(before + (uint64_t)i));
	free(buffer);
}

static void look(void)
{
	unsigned int what = (unsigned int)take(&input, 1);
	int err = vfifo_lost(f);

	MUST(err == lost());
	MUST(vfifo_capacity(f) == capacity());
	MUST(vfifo_watermark(f) == device.status->watermark[vfifo_hot(f)->end]);
	vfifo_set_spin(f, what);
	err = vfifo_set_copy(f, (enum vfifo_copying)(what % 4));
	MUST(err == 0 || err == (what % 4 == 3 ? -EINVAL : -EOPNOTSUPP));
	MUST(err || (vfifo_copy(f) == VFIFO_COPY_STREAMING) ==
			    (what % 4 == VFIFO_COPY_STREAMING));
}

/* --- those of records --------------------------------------------------------------------- */

static uint64_t space_of(uint64_t n)
{
	return 16 + (n + 7) / 8 * 8;
}

/* The first and the last byte. A guard page ends the program. */
static void touch(void *p, int64_t n)
{
	volatile unsigned char *byte = p;

	if (producer())
		byte[0] = byte[n - 1] = 1;
	else
		(void)(byte[0] + byte[n - 1]);
}

static int64_t expected_reserve(size_t n)
{
	uint64_t longest;

	if (n > capacity() / 2)
		return -EMSGSIZE;
	if (room() < space_of(n ? n : 1)) {
		if (expected_look())
			return -EBADMSG;
		if (room() < space_of(n ? n : 1))
			return lost() ? lost() : -EAGAIN;
	}
	longest = room() - 16;
	return (int64_t)(longest < capacity() / 2 ? longest : capacity() / 2);
}

/* Return: the length of the record at our position; 0: none that can be. */
static uint64_t length_in_ring(void)
{
	uint32_t word = *(uint32_t *)(void *)(device.window + own % capacity());
	uint64_t length = word % (1 << 29);

	return length && space_of(length) <= room() ? length : 0;
}

static int64_t expected_peek(void)
{
	if (room() < 16 || !length_in_ring()) {
		next = own;
		if (expected_look())
			return -EBADMSG;
		if (!room())
			return lost() ? lost() : -EAGAIN;
		if (room() < 16 || !length_in_ring())
			return -EBADMSG;
	}
	next = own + space_of(length_in_ring());
	return (int64_t)length_in_ring();
}

static void record_span(void)
{
	struct vfifo_record record = { 0 };
	size_t n = some_size();
	int64_t expected = producer() ? expected_reserve(n) : expected_peek(),
		r;
	void *p = NULL;

	MUST(vfifo_reserve_record(f, n, &p) == -EBADF || producer());
	MUST(vfifo_peek_record(f, &p, &record) == -EBADF || !producer());
	r = producer() ? vfifo_reserve_record(f, n, &p) :
			 vfifo_peek_record(f, &p, n % 2 ? &record : NULL);
	MUST(r == expected);
	follow();
	if (r < 0)
		return;
	MUST(p == vfifo_hot(f)->data + own % capacity() + 16);
	MUST(producer() || n % 2 == 0 || record.length == r);
	touch(p, r);
}

/* The header that the library has made. */
static void check_header(uint64_t at, size_t n, uint64_t time)
{
	const struct vfifo_record *header =
		(void *)(device.window + at % capacity());

	MUST(data_changed || (header->length == n && header->time == time &&
			      header->sequence == sequence));
}

static void record_advance(void)
{
	size_t n = some_size();
	bool enough = n && n <= capacity() / 2 && space_of(n) <= room();
	uint64_t before = own;

	data_changed = false;
	if (!producer()) {
		MUST(vfifo_advance_record(f, n, n) == -EBADF);
		MUST(vfifo_skip_record(f) == (next != own ? 0 : -EINVAL));
		follow();
		MUST(own == next);
		return;
	}
	MUST(vfifo_skip_record(f) == -EBADF);
	MUST(vfifo_advance_record(f, n, n) == (enough ? 0 : -EINVAL));
	follow();
	MUST(own == before + (enough ? space_of(n) : 0));
	if (!enough)
		return;
	check_header(before, n, n);
	sequence++;
}

static void check_sequence(void)
{
	MUST(!producer() ||
	     device.position[VFIFO_PRODUCER]->sequence == sequence);
}

static void record_publish(void)
{
	check_publish(vfifo_publish(f));
	check_sequence();
}

static void record_move(void)
{
	size_t n = some_size();
	bool enough = producer() ? n && n <= capacity() / 2 &&
					   space_of(n) <= room() :
				   next != own;
	uint64_t after = own + (enough ? space_of(n) : 0);
	int err = producer() ? vfifo_commit_record(f, n, 7) :
			       vfifo_consume_record(f);

	MUST((producer() ? vfifo_consume_record(f) :
			   vfifo_commit_record(f, n, 7)) == -EBADF);
	if (enough) {
		sequence++;
		check_publish(err);
		check_sequence();
	} else {
		MUST(err == -EINVAL);
	}
	follow();
	MUST(own == (producer() ? after : next));
	next = own;
}

static void record_drop(void)
{
	int err, expected = producer() ? -EBADF : expected_look();

	err = vfifo_drop_records(f);
	if (expected) {
		MUST(err == expected);
		follow();
		return;
	}
	next = own + room();
	check_publish(err);
	MUST(own == next);
}

/* The bytes are whole: all of a record or none of it. */
static void record_copy(void)
{
	struct vfifo_record record = { 0 };
	size_t n = some_size(), length = n <= 2 * capacity() ? n : 0;
	unsigned char *buffer = malloc(length ? length : 1);
	uint64_t before = own;
	int64_t r;
	int timeout = some_timeout();

	MUST(buffer);
	memset(buffer, 0x5a, length);
	data_changed = false;
	if (producer())
		r = vfifo_write_record(f, buffer, n <= 2 * capacity() ? n : 0,
				       timeout);
	else
		r = vfifo_read_record(f, buffer, length, &record, timeout);
	MUST(r >= 0 || is_wait_error(r));
	follow();
	if (!producer() && r > 0) {
		MUST((uint64_t)r <= length && record.length == r);
		for (int64_t i = 0; !data_changed && i < r; i++)
			MUST(buffer[i] == in_ring(before + 16 + (uint64_t)i));
	}
	if (producer() && r > 0) {
		MUST((uint64_t)r == length);
		sequence++;
		check_sequence();
	}
	MUST(r != -EMSGSIZE || producer() || record.length > length);
	MUST(own == before + (r > 0 ? space_of((uint64_t)r) : 0));
	next = vfifo_inner(f)->records.next - (uint32_t)own + own;
	free(buffer);
}

/* Those of the other framing. */
static void other_framing(void)
{
	size_t n = some_size();
	unsigned char byte = 0;
	void *p = NULL;
	uint64_t before = own;

	if (records) {
		MUST(vfifo_reserve(f, n, &p) == -EPROTO);
		MUST(vfifo_peek(f, n, &p) == -EPROTO);
		MUST(vfifo_advance(f, n) == -EPROTO);
		MUST(vfifo_commit(f, n) == -EPROTO);
		MUST(vfifo_consume(f, n) == -EPROTO);
		MUST(vfifo_write(f, &byte, 1, 0) < 0);
		MUST(vfifo_read(f, &byte, 1, 0) < 0);
	} else {
		MUST(vfifo_reserve_record(f, n, &p) == -EPROTO);
		MUST(vfifo_peek_record(f, &p, NULL) == -EPROTO);
		MUST(vfifo_advance_record(f, n, 0) == -EPROTO);
		MUST(vfifo_commit_record(f, n, 0) == -EPROTO);
		MUST(vfifo_consume_record(f) == -EPROTO);
		MUST(vfifo_drop_records(f) == -EPROTO);
		MUST(vfifo_write_record(f, &byte, 1, 0) < 0);
		MUST(vfifo_read_record(f, &byte, 1, NULL, 0) < 0);
	}
	follow();
	MUST(own == before);
}

static void (*const calls[][10])(void) = {
	[VFIFO_BYTES] = { span, span, advance, publish, move, wait_for, copy,
			  look, other_framing, span },
	[VFIFO_RECORDS] = { record_span, record_span, record_advance,
			    record_publish, record_move, wait_for, record_copy,
			    look, other_framing, record_drop },
};

/* --- one input ---------------------------------------------------------------------------- */

static int expected_attach(void)
{
	const struct vfifo_status *s = device.status;
	uint32_t in = device.position[VFIFO_PRODUCER]->position;
	uint32_t out = device.position[VFIFO_CONSUMER]->position;

	if (s->magic != VFIFO_MAGIC)
		return -ENOTTY;
	if (s->abi != VFIFO_ABI || s->capacity != device.capacity)
		return -EPROTONOSUPPORT;
	if (records && !(s->features & VFIFO_HAS_RECORDS))
		return -EOPNOTSUPP;
	if ((s->features & VFIFO_HAS_RECORDS) && s->framing != records)
		return -EPROTO;
	if (records && (in | out) % 8)
		return -EBADMSG;
	return (in + WRAP - out) % WRAP > capacity() ? -EBADMSG : 0;
}

/* The kernel never gives a capacity that is not that of the data. */
static void keep_capacity(void)
{
	uint32_t c = device.status->capacity;

	if (c >= device.page && c <= VFIFO_CAPACITY_MAX && !(c & (c - 1)))
		device.status->capacity = device.capacity;
}

/* Return: whether the handle is there. */
static bool attach(enum vfifo_end end)
{
	int err, expected;

	keep_capacity();
	expected = expected_attach();
	err = fake_try_open_as(end, records ? VFIFO_RECORDS : VFIFO_BYTES, &f);
	MUST(err == expected || (!expected && err == -ENOMEM));
	if (err) {
		f = NULL;
		return false;
	}
	own = published = next = WRAP + vfifo_hot(f)->own;
	sequence = device.position[VFIFO_PRODUCER]->sequence;
	/* The consumer is at the producer, or behind it. */
	if (producer())
		peer = own - (uint32_t)(own - vfifo_hot(f)->peer);
	else
		peer = own + (uint32_t)(vfifo_hot(f)->peer - own);
	follow();
	return true;
}

/* And the guard pages, of which the library does not know. */
static void close_handle(void)
{
	unsigned char *data = vfifo_hot(f)->data;

	vfifo_close(f);
	f = NULL;
	munmap(data - device.page, device.page);
	munmap(data + 2 * capacity(), device.page);
}

/* The memory of each capacity is made once, as that takes longer than all the rest. */
static void take_device(unsigned int pages_log2, uint32_t start)
{
	static struct fake_device made[3];

	if (!made[pages_log2].fd) {
		fake_create((uint32_t)sysconf(_SC_PAGESIZE) << pages_log2, 0);
		made[pages_log2] = device;
	}
	device = made[pages_log2];
	memset(device.status, 0, device.page);
	fake_format(start);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	enum vfifo_end end;
	uint32_t what;

	input = (struct input){ bytes, n };
	what = (uint32_t)take(&input, 1);
	end = what & 1 ? VFIFO_CONSUMER : VFIFO_PRODUCER;
	now_ns = 0;
	take_device((what >> 1) % 3, (uint32_t)take(&input, 4));
	device.position[VFIFO_PRODUCER]->position += (uint32_t)take(&input, 2);
	device.status->features = VFIFO_HAS_MEMORY;
	device.status->memory = (what >> 3) % 6;
	records = take(&input, 1) & 1;
	if (records) {
		fake_use_records((uint32_t)take(&input, 4));
		for (int e = 0; e < 2; e++)
			device.position[e]->position &= ~7U;
	}
	for (what >>= 6; what; what--)
		lie(end);
	if (attach(end)) {
		while (input.left) {
			what = (uint32_t)take(&input, 1);
			if (what & 0x80)
				lie(other_end());
			else
				calls[records][what % 10]();
		}
		close_handle();
	}
	return 0;
}
