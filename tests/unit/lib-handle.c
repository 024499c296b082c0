// SPDX-License-Identifier: GPL-2.0-or-later
/* A handle of the library: its functions, and an invalid position of its peer. */
#include "fake-device.h"

#include <fcntl.h>
#include <pthread.h>

#define CAPACITY 8192U
#define IN VFIFO_PRODUCER
#define OUT VFIFO_CONSUMER

/* Positions that soon wrap past 2^32, as those of a device that has run for long. */
#define START 0xfffffff0U

/* All waiters of a side. */
#define NEED_PRODUCER (VFIFO_NEED_PRODUCER_SLEEP | VFIFO_NEED_PRODUCER_POLL)
#define NEED_CONSUMER (VFIFO_NEED_CONSUMER_SLEEP | VFIFO_NEED_CONSUMER_POLL)

/* What a later kernel of the same ABI may have set in the status page. */
#define UNKNOWN_NEED (~VFIFO_NEED_KNOWN)
#define UNKNOWN_FLAGS 0xffffffe0U

static struct vfifo_handle *producer, *consumer;
static void *p;

static int both_open(void **state)
{
	(void)state;
	fake_create(CAPACITY, START);
	producer = fake_open(IN);
	consumer = fake_open(OUT);
	p = NULL;
	return 0;
}

static int both_close(void **state)
{
	(void)state;
	vfifo_close(producer);
	vfifo_close(consumer);
	fake_destroy();
	return 0;
}

static void need_polling(enum vfifo_end end)
{
	__atomic_fetch_or(&device.status->need, fake_poll_bit(end),
			  __ATOMIC_SEQ_CST);
}

static void an_open_maps_four_areas_and_a_close_unmaps_them(void **state)
{
	struct vfifo_handle *f = NULL;
	void *room;

	(void)state;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, 0, &f), 0);
	assert_int_equal(fake_maps_left(), 4);
	/* The claim is made last. */
	assert_int_equal(opened.last, VFIFO_MMAP_PRODUCER);
	assert_int_equal(vfifo_fd(f), opened.fd);
	assert_int_equal(vfifo_reserve(f, 1, &room), CAPACITY);
	vfifo_close(f);
	assert_int_equal(fake_maps_left(), 0);
	assert_int_equal(fcntl(opened.fd, F_GETFD), -1);

	assert_int_equal(vfifo_open(FAKE_PATH, OUT, 0, &f), 0);
	assert_int_equal(opened.last, VFIFO_MMAP_CONSUMER);
	vfifo_close(f);
	assert_int_equal(fake_maps_left(), 0);
}

static void an_open_that_fails_leaves_nothing(void **state)
{
	struct vfifo_handle *f = (void *)&opened;

	(void)state;
	opened.error = EBUSY;
	for (opened.failing = 1; opened.failing <= 4; opened.failing++) {
		assert_int_equal(vfifo_open(FAKE_PATH, OUT, 0, &f), -EBUSY);
		assert_null(f);
		assert_int_equal(opened.calls, opened.failing);
		assert_int_equal(fake_maps_left(), 0);
		assert_int_equal(fcntl(opened.fd, F_GETFD), -1);
	}
	opened.failing = 0;

	device.status->magic = 0;
	assert_true(vfifo_open(FAKE_PATH, OUT, 0, &f) < 0);
	assert_int_equal(opened.calls, 1);
	assert_int_equal(fake_maps_left(), 0);
	device.status->magic = VFIFO_MAGIC;

	device.ioctl_error = ENODEV;
	assert_int_equal(vfifo_open(FAKE_PATH, OUT, 0, &f), -ENODEV);
	device.ioctl_error = ENOTTY;
	assert_int_equal(vfifo_open(FAKE_PATH, OUT, 0, &f), -ENOTTY);
	assert_int_equal(opened.calls, 0);
	device.ioctl_error = 0;
}

/* The value of *f before a call of vfifo_open(), which overwrites it. */
static struct vfifo_handle *garbage(void)
{
	static struct __vfifo_hot hot;

	return (struct vfifo_handle *)&hot;
}

static int try_open(const char *path, int end, unsigned int flags)
{
	struct vfifo_handle *f = garbage();
	int err = vfifo_open(path, (enum vfifo_end)end, flags, &f);

	assert_null(f);
	vfifo_close(f);
	return err;
}

static void open_refuses_what_is_no_vfifo(void **state)
{
	char file[] = "/tmp/vfifo-test-XXXXXX";

	(void)state;
	assert_int_equal(try_open("/nonexistent", IN, 0), -ENOENT);
	assert_int_equal(try_open("/", IN, 0), -EISDIR);
	assert_int_equal(try_open("/dev/zero", IN, 0), -ENOTTY);
	assert_int_equal(try_open("/dev/null", IN, 0), -ENOTTY);
	assert_int_equal(try_open("/dev/zero", IN, VFIFO_OPEN_RECORDS << 1),
			 -EINVAL);
	assert_int_equal(try_open("/dev/zero", 2, 0), -EINVAL);
	close(mkstemp(file));
	assert_int_equal(try_open(file, IN, 0), -ENOTTY);
	unlink(file);
}

/* The process has no terminal. Returns 0 if it has none after vfifo_open() either. */
static int open_a_terminal(const char *name)
{
	struct vfifo_handle *f;

	if (setsid() < 0 || vfifo_open(name, IN, 0, &f) != -ENOTTY)
		return 2;
	return open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0;
}

static void open_takes_no_terminal(void **state)
{
	int status, terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t pid;

	(void)state;
	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		skip();
	pid = fork();
	if (!pid)
		_exit(open_a_terminal(ptsname(terminal)));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(terminal);
}

static void open_refuses_another_abi(void **state)
{
	struct vfifo_status good, *s = device.status;
	static const uint32_t bad[] = { 0,
					1,
					2048,
					CAPACITY + 1,
					CAPACITY - 1,
					VFIFO_CAPACITY_MAX << 1,
					3U << 28,
					UINT32_MAX };
	struct vfifo_handle *f = NULL;

	(void)state;
	good = *s;
	s->magic++;
	assert_int_equal(fake_try_open(IN, &f), -ENOTTY);
	*s = good;
	s->abi++;
	assert_int_equal(fake_try_open(IN, &f), -EPROTONOSUPPORT);
	*s = good;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		s->capacity = bad[i];
		assert_int_equal(fake_try_open(IN, &f), -EPROTONOSUPPORT);
	}
	*s = good;
	assert_null(f);
}

/* Everything that a later kernel of the same ABI may set, except unknown bits of `need`. */
static void be_a_later_kernel(struct vfifo_status *s)
{
	s->features = UINT32_MAX;
	s->flags |= UNKNOWN_FLAGS;
	memset(s->reserved, 0xff, sizeof(s->reserved));
	memset(s->reserved2, 0xff, sizeof(s->reserved2));
	/* The rest of the page of a position has no meaning yet. */
	for (int end = 0; end < 2; end++)
		memset(device.position[end] + 1, 0xff,
		       device.page - sizeof(struct vfifo_position));
}

static void *move_soon(void *f)
{
	usleep(2000);
	vfifo_write(f, "x", 1, 0);
	return NULL;
}

static void a_later_kernel_of_the_same_abi_is_served(void **state)
{
	struct vfifo_status *s = device.status;
	char bytes[8];
	pthread_t thread;

	(void)state;
	be_a_later_kernel(s);
	vfifo_close(producer);
	vfifo_close(consumer);
	producer = fake_open(IN);
	consumer = fake_open(OUT);

	assert_int_equal(vfifo_write(producer, "abc", 3, 0), 3);
	assert_int_equal(vfifo_reserve(producer, 1, &p), CAPACITY - 3);
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 4);
	assert_int_equal(vfifo_consume(consumer, 1), 0);
	assert_int_equal(vfifo_read(consumer, bytes, 8, 0), 3);
	assert_memory_equal(bytes, "bc", 2);
	assert_int_equal(vfifo_read(consumer, bytes, 8, 5), -ETIMEDOUT);
	assert_int_equal(vfifo_lost(producer), 0);
	assert_int_equal(vfifo_kicks(producer) + vfifo_kicks(consumer), 0);

	/* A wait sleeps, and is woken. */
	vfifo_set_spin(consumer, 0);
	pthread_create(&thread, NULL, move_soon, producer);
	assert_int_equal(vfifo_wait(consumer, 1, 10000), 0);
	pthread_join(thread, NULL);
	assert_true(vfifo_sleeps(consumer) > 0);
	assert_int_equal(vfifo_kicks(producer), 1);
	assert_int_equal(vfifo_read(consumer, bytes, 8, 0), 1);
}

/* Each bit alone: one kick for each move, whatever the thresholds of the known bits are. */
static void an_unknown_bit_of_need_is_kicked(void **state)
{
	struct vfifo_status *s = device.status;
	unsigned long kicks = 0;
	char byte;

	(void)state;
	s->watermark[IN] = s->watermark[OUT] = CAPACITY;
	s->threshold[IN] = s->threshold[OUT] = CAPACITY;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!(bit & UNKNOWN_NEED))
			continue;
		s->need = bit;
		kicks++;
		assert_int_equal(vfifo_write(producer, "x", 1, 0), 1);
		assert_int_equal(vfifo_kicks(producer), kicks);
		assert_int_equal(vfifo_read(consumer, &byte, 1, 0), 1);
		assert_int_equal(vfifo_kicks(consumer), kicks);
	}
	assert_int_equal(device.kernel->kicks, 2 * kicks);

	/* Beside a known bit it is still one kick; a known bit alone is not one. */
	s->need = UNKNOWN_NEED | NEED_CONSUMER;
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_kicks(producer), kicks + 1);
	s->need = NEED_CONSUMER;
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_kicks(producer), kicks + 1);

	/* Another client than the waiter may have stored the invalid position, so the waiter is woken. */
	s->need = UNKNOWN_NEED;
	fake_move(OUT, START - 1);
	assert_int_equal(vfifo_commit(producer, 1), -EBADMSG);
	assert_int_equal(vfifo_kicks(producer), kicks + 2);
}

static void open_refuses_positions_that_cannot_be(void **state)
{
	struct vfifo_handle *f = NULL;

	(void)state;
	fake_move(OUT, START + 1);
	assert_int_equal(fake_try_open(IN, &f), -EBADMSG);
	assert_int_equal(fake_try_open(OUT, &f), -EBADMSG);
	fake_move(OUT, START - CAPACITY - 1);
	assert_int_equal(fake_try_open(IN, &f), -EBADMSG);
	fake_move(OUT, START - CAPACITY);
	assert_int_equal(fake_try_open(IN, &f), 0);
	assert_int_equal(vfifo_reserve(f, 1, &p), -EAGAIN);
	vfifo_close(f);
	fake_move(OUT, START);
}

static void bytes_come_out_as_they_went_in(void **state)
{
	(void)state;
	assert_int_equal(vfifo_capacity(producer), CAPACITY);
	assert_int_equal(vfifo_peek(consumer, 1, &p), -EAGAIN);
	assert_null(p);
	assert_int_equal(vfifo_reserve(producer, 5, &p), CAPACITY);
	memcpy(p, "hello", 5);
	assert_int_equal(vfifo_commit(producer, 5), 0);
	assert_int_equal(vfifo_reserve(producer, 0, &p), CAPACITY - 5);
	assert_int_equal(vfifo_peek(consumer, 6, &p), -EAGAIN);
	assert_int_equal(vfifo_peek(consumer, 0, &p), 5);
	assert_memory_equal(p, "hello", 5);
	assert_int_equal(vfifo_consume(consumer, 2), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 3);
	assert_memory_equal(p, "llo", 3);
	assert_int_equal(vfifo_consume(consumer, 3), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), -EAGAIN);
	assert_int_equal(vfifo_reserve(producer, CAPACITY, &p), CAPACITY);
	assert_int_equal(device.kernel->kicks, 0);
}

static void misuse_is_an_error_and_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(vfifo_reserve(consumer, 1, &p), -EBADF);
	assert_int_equal(vfifo_peek(producer, 1, &p), -EBADF);
	assert_int_equal(vfifo_commit(consumer, 0), -EBADF);
	assert_int_equal(vfifo_consume(producer, 0), -EBADF);
	assert_int_equal(vfifo_write(consumer, "", 1, 0), -EBADF);
	assert_int_equal(vfifo_read(producer, &p, 1, 0), -EBADF);
	assert_int_equal(vfifo_write(producer, "", (size_t)SSIZE_MAX + 1, 0),
			 -EINVAL);
	assert_int_equal(vfifo_reserve(producer, CAPACITY + 1, &p), -EMSGSIZE);
	assert_int_equal(vfifo_peek(consumer, SIZE_MAX, &p), -EMSGSIZE);
	assert_int_equal(vfifo_wait(producer, CAPACITY + 1, 0), -EMSGSIZE);
	assert_int_equal(vfifo_commit(producer, CAPACITY + 1), -EINVAL);
	assert_int_equal(vfifo_commit(producer, (1ULL << 32) + 1), -EINVAL);
	assert_int_equal(vfifo_consume(consumer, 1), -EINVAL);
	assert_null(p);
	assert_int_equal(fake_position(IN), START);
	assert_int_equal(fake_position(OUT), START);
}

static void spans_do_not_wrap_anywhere(void **state)
{
	unsigned char sent[CAPACITY];

	(void)state;
	for (size_t i = 0; i < CAPACITY; i++)
		sent[i] = (unsigned char)(i * 7 + i / 256);
	/* One byte further each time, so that every offset is tested. */
	for (uint32_t turn = 0; turn < CAPACITY; turn++) {
		assert_int_equal(vfifo_reserve(producer, CAPACITY, &p),
				 CAPACITY);
		memcpy(p, sent, CAPACITY);
		assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
		assert_int_equal(vfifo_reserve(producer, 1, &p), -EAGAIN);
		assert_int_equal(vfifo_peek(consumer, CAPACITY, &p), CAPACITY);
		assert_memory_equal(p, sent, CAPACITY);
		assert_int_equal(vfifo_consume(consumer, CAPACITY), 0);
		assert_int_equal(vfifo_write(producer, "x", 1, 0), 1);
		assert_int_equal(vfifo_read(consumer, &p, 1, 0), 1);
	}
	assert_true(fake_position(IN) < START); /* it did wrap */
}

static void a_batch_is_seen_when_it_is_published(void **state)
{
	void *first = NULL, *second = NULL;

	(void)state;
	need_polling(OUT);
	assert_int_equal(vfifo_reserve(producer, 1, &first), CAPACITY);
	assert_int_equal(vfifo_advance(producer, 100), 0);
	assert_int_equal(vfifo_reserve(producer, 1, &second), CAPACITY - 100);
	memcpy(second, "next", 4);
	assert_memory_equal((char *)first + 100, "next", 4);
	assert_int_equal(vfifo_advance(producer, CAPACITY), -EINVAL);
	assert_int_equal(vfifo_advance(producer, 200), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), -EAGAIN);
	assert_int_equal(device.kernel->kicks, 0);
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(device.kernel->kicks, 1);
	assert_int_equal(vfifo_kicks(producer), 1);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 300);

	/* A handle publishes its position before it sleeps. */
	assert_int_equal(vfifo_advance(consumer, 300), 0);
	assert_int_equal(fake_position(OUT), START);
	assert_int_equal(vfifo_wait(consumer, 1, 0), -ETIMEDOUT);
	assert_int_equal(fake_position(OUT), START + 300);
}

static void close_hands_over_what_was_published_only(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, 10), 0);
	assert_int_equal(vfifo_advance(producer, 20), 0);
	vfifo_close(producer);
	assert_int_equal(fake_position(IN), START + 10);
	producer = fake_open(IN);
	assert_int_equal(vfifo_reserve(producer, 1, &p), CAPACITY - 10);
}

static void the_peer_is_looked_at_only_when_needed(void **state)
{
	(void)state;
	fake_move(IN, START + 5);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 5);
	fake_move(IN, START + 15);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 5);
	assert_int_equal(vfifo_peek(consumer, 6, &p), 15);
}

static void a_position_that_cannot_be_is_refused(void **state)
{
	const uint32_t out = START, in = START + 100;
	/* Positions of the producer after 100 bytes, none of which was consumed. */
	const uint32_t lies[] = { in - 1,
				  out,
				  out - 1,
				  out + CAPACITY + 1,
				  in + (1U << 31),
				  in - CAPACITY,
				  out + 2 * CAPACITY };

	(void)state;
	fake_move(IN, in);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 100);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		fake_move(IN, lies[i]);
		assert_int_equal(vfifo_peek(consumer, 101, &p), -EBADMSG);
		assert_int_equal(vfifo_wait(consumer, 101, -1), -EBADMSG);
		/* The last valid position stays in force. */
		assert_int_equal(vfifo_peek(consumer, 1, &p), 100);
	}
	fake_move(IN, out + CAPACITY);
	assert_int_equal(vfifo_peek(consumer, 101, &p), CAPACITY);
}

static void a_consumer_cannot_be_ahead_of_what_was_published(void **state)
{
	(void)state;
	assert_int_equal(vfifo_advance(producer, CAPACITY), 0);
	fake_move(OUT, START + 1);
	assert_int_equal(vfifo_reserve(producer, 1, &p), -EBADMSG);
	/* The bytes are handed over, but a peer with an invalid position is not woken. */
	need_polling(OUT);
	fake_move(OUT, START - 1);
	assert_int_equal(vfifo_publish(producer), -EBADMSG);
	assert_int_equal(fake_position(IN), START + CAPACITY);
	assert_int_equal(device.kernel->kicks, 0);
	fake_move(OUT, START + 1);
	assert_int_equal(vfifo_reserve(producer, 1, &p), 1);
	/* A step backwards is invalid, too. */
	assert_int_equal(vfifo_advance(producer, 1), 0);
	assert_int_equal(vfifo_publish(producer), 0);
	fake_move(OUT, START);
	assert_int_equal(vfifo_reserve(producer, 1, &p), -EBADMSG);
}

/* --- in a child after fork(2) ------------------------------------------------------ */

static bool is_mapped(const void *p)
{
	unsigned char resident;

	return !mincore((void *)((uintptr_t)p & ~(device.page - 1)), 1,
			&resident);
}

/* Calls every function. Return: 0, or the line of the first wrong result. */
#define must(condition)                  \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int use_in_child(struct vfifo_handle *f)
{
	static char bytes[CAPACITY + 1];

	for (size_t n = 0; n <= CAPACITY + 1; n += CAPACITY / 2 + 1) {
		must(vfifo_reserve(f, n, &p) == -ESTALE);
		must(vfifo_peek(f, n, &p) == -ESTALE);
		must(vfifo_advance(f, n) == -ESTALE);
		must(vfifo_commit(f, n) == -ESTALE);
		must(vfifo_consume(f, n) == -ESTALE);
		must(vfifo_wait(f, n, -1) == -ESTALE);
		must(vfifo_write(f, bytes, n, -1) == -ESTALE);
		must(vfifo_read(f, bytes, n, -1) == -ESTALE);
	}
	must(vfifo_publish(f) == -ESTALE);
	must(vfifo_lost(f) == -ESTALE);
	must(vfifo_set_copy(f, VFIFO_COPY_CACHED) == -ESTALE);
	must(vfifo_capacity(f) == 0);
	must(vfifo_watermark(f) == 0);
	must(!p);
	/* These keep what they were at the fork. */
	must(vfifo_kicks(f) == 1);
	must(vfifo_sleeps(f) == 0);
	must(vfifo_copy(f) == VFIFO_COPY_CACHED);
	must(fcntl(vfifo_fd(f), F_GETFD) >= 0);
	vfifo_set_spin(f, 5);
	return 0;
}

/* The child unmaps what it inherited, but not the pages of numbers, which it does not have. */
static int close_in_child(struct vfifo_handle *f)
{
	struct vfifo_regions r = vfifo_inner(f)->regions;
	int fd = vfifo_fd(f);

	vfifo_close(f);
	must(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
	must(!is_mapped(r.data) && !is_mapped(r.data + 2 * CAPACITY - 1));
	must(!is_mapped(f) && !is_mapped((char *)f + device.page));
	must(is_mapped(r.status));
	must(is_mapped(r.position[IN]) && is_mapped(r.position[OUT]));
	return 0;
}

static int child(struct vfifo_handle *f)
{
	int line = use_in_child(f);

	return line ? line : close_in_child(f);
}

static void a_forked_child_has_no_claim(void **state)
{
	struct vfifo_handle *ends[] = { producer, consumer };
	int out[2], line, status;

	(void)state;
	device.status->watermark[IN] = 1;
	device.status->need = NEED_CONSUMER | NEED_PRODUCER;
	assert_int_equal(vfifo_write(producer, "abcd", 4, 0), 4);
	assert_int_equal(vfifo_read(consumer, &p, 1, 0), 1);
	p = NULL;
	for (int i = 0; i < 2; i++) {
		pid_t pid;

		assert_int_equal(pipe(out), 0);
		pid = fork();
		if (!pid) {
			line = child(ends[i]);
			_exit(write(out[1], &line, sizeof(line)) !=
			      sizeof(line));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(read(out[0], &line, sizeof(line)),
				 sizeof(line));
		assert_int_equal(line, 0);
		close(out[0]);
		close(out[1]);
	}
	/* The parent does not notice. */
	assert_int_equal(vfifo_lost(producer), 0);
	assert_int_equal(vfifo_write(producer, "ef", 2, 0), 2);
	assert_int_equal(vfifo_peek(consumer, 5, &p), 5);
	assert_memory_equal(p, "bcdef", 5);
	assert_int_equal(vfifo_consume(consumer, 5), 0);
}

/* Without it a child would use pages that it does not have. */
static void open_needs_pages_that_fork_wipes(void **state)
{
	struct vfifo_handle *f = NULL;

	(void)state;
	device.madvise_error = EINVAL;
	assert_int_equal(fake_try_open(IN, &f), -EINVAL);
	assert_null(f);
}

static uint32_t random_state = 1;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

/* Any number, mostly near the valid positions. */
static uint32_t random_position(struct vfifo_handle *f)
{
	switch (random_u32() % 4) {
	case 0:
		return random_u32();
	case 1:
		return __vfifo_hot(f)->own + random_u32() % (2 * CAPACITY) -
		       CAPACITY;
	case 2:
		return __vfifo_hot(f)->peer + random_u32() % CAPACITY;
	default:
		return __vfifo_hot(f)->peer + random_u32() % 3 - 1;
	}
}

static void use_any_span(struct vfifo_handle *f)
{
	size_t least = random_u32() % (CAPACITY + 2);
	ssize_t n = __vfifo_span(f, least, &p);
	unsigned char *start = p;

	if (n < 0) {
		assert_true(n == -EAGAIN || n == -EBADMSG ||
			    (n == -EMSGSIZE && least > CAPACITY));
		return;
	}
	assert_in_range(n, least ? least : 1, CAPACITY);
	assert_true(start >= __vfifo_hot(f)->data);
	assert_true(start + n <= __vfifo_hot(f)->data + 2 * CAPACITY);
	memset(p, 1, (size_t)n);
	assert_int_equal(vfifo_advance(f, random_u32() % ((size_t)n + 1)), 0);
	assert_int_equal(vfifo_advance(f, (size_t)n + 1), -EINVAL);
}

static void no_lie_leads_out_of_the_buffer(void **state)
{
	struct vfifo_handle *ends[] = { producer, consumer };
	char bytes[CAPACITY];

	(void)state;
	vfifo_set_spin(producer, 0);
	vfifo_set_spin(consumer, 0);
	for (int i = 0; i < 100000; i++) {
		struct vfifo_handle *f = ends[random_u32() % 2];
		size_t n = random_u32() % CAPACITY;

		fake_move(__vfifo_other_end(__vfifo_hot(f)->end),
			  random_position(f));
		device.status->need = random_u32();
		use_any_span(f);
		if (random_u32() % 2)
			vfifo_publish(f);
		if (f == producer)
			vfifo_write(f, bytes, n, 0);
		else
			vfifo_read(f, bytes, n, 0);
	}
}

static bool scribbling;

/* Alternates between the furthest valid position and an invalid one. */
static void *scribble(void *end)
{
	enum vfifo_end liar = *(enum vfifo_end *)end;
	uint32_t limit = liar == IN ? CAPACITY : 0;

	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED)) {
		uint32_t peer = fake_position(__vfifo_other_end(liar));

		fake_move(liar, peer + limit);
		fake_move(liar, peer + (1U << 31));
	}
	return NULL;
}

/* The library reads each position once for each decision, so a change in between has no effect. */
static void no_lie_is_fast_enough(void **state)
{
	struct vfifo_handle *ends[] = { producer, consumer };

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum vfifo_end other =
			__vfifo_other_end(__vfifo_hot(ends[i])->end);
		uint64_t until = fake_now_ms() + 300;
		pthread_t thread;

		scribbling = true;
		pthread_create(&thread, NULL, scribble, &other);
		while (fake_now_ms() < until) {
			device.status->need = NEED_PRODUCER | NEED_CONSUMER;
			use_any_span(ends[i]);
			vfifo_publish(ends[i]);
		}
		__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
	}
}

/* Both ends: a kick only if a client of the other end waits and has enough bytes. */
static void kicks_are_for_who_can_go_on(void **state)
{
	struct vfifo_status *s = device.status;

	(void)state;
	s->watermark[OUT] = 10;
	s->threshold[OUT] = 20;
	s->need = NEED_PRODUCER;
	assert_int_equal(vfifo_commit(producer, 5), 0);
	s->need = NEED_CONSUMER;
	assert_int_equal(vfifo_commit(producer, 4), 0);
	assert_int_equal(vfifo_kicks(producer), 0);
	assert_int_equal(vfifo_commit(producer, 1), 0); /* 10 */
	assert_int_equal(vfifo_kicks(producer), 1);
	s->need = VFIFO_NEED_CONSUMER_SLEEP;
	assert_int_equal(vfifo_commit(producer, 9), 0); /* 19 */
	assert_int_equal(vfifo_kicks(producer), 1);
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_kicks(producer), 2);

	s->watermark[IN] = CAPACITY - 10;
	s->threshold[IN] = CAPACITY - 5;
	s->need = NEED_CONSUMER | NEED_PRODUCER;
	assert_int_equal(vfifo_peek(consumer, 1, &p), 20);
	assert_int_equal(vfifo_consume(consumer, 9), 0);
	assert_int_equal(vfifo_kicks(consumer), 0);
	assert_int_equal(vfifo_consume(consumer, 1), 0);
	assert_int_equal(vfifo_kicks(consumer), 1);
	s->need = VFIFO_NEED_PRODUCER_SLEEP;
	assert_int_equal(vfifo_consume(consumer, 4), 0);
	assert_int_equal(vfifo_kicks(consumer), 1);
	assert_int_equal(vfifo_consume(consumer, 1), 0);
	assert_int_equal(vfifo_kicks(consumer), 2);
}

static void a_kick_goes_by_where_the_peer_is_now(void **state)
{
	(void)state;
	device.status->watermark[OUT] = 100;
	assert_int_equal(vfifo_commit(producer, 60), 0);
	fake_move(OUT, START + 60);
	need_polling(OUT);
	assert_int_equal(vfifo_commit(producer, 60), 0);
	assert_int_equal(vfifo_kicks(producer), 0);
}

static void a_kick_that_fails_is_told_of(void **state)
{
	(void)state;
	device.ioctl_error = ENODEV;
	need_polling(OUT);
	assert_int_equal(vfifo_commit(producer, 5), -ENODEV);
	assert_int_equal(fake_position(IN), START + 5);
	need_polling(OUT);
	assert_int_equal(vfifo_write(producer, "abc", 3, 0), 3);
	need_polling(IN);
	device.status->watermark[IN] = 1;
	assert_int_equal(vfifo_read(consumer, &p, 8, 0), 8);
}

static void no_wait_for_what_is_there(void **state)
{
	(void)state;
	/* Fewer free bytes than the watermark, but enough. */
	assert_int_equal(vfifo_commit(producer, CAPACITY - 10), 0);
	assert_int_equal(vfifo_wait(producer, 10, -1), 0);
	assert_int_equal(vfifo_wait(producer, 0, -1), 0);
	assert_int_equal(vfifo_wait(consumer, CAPACITY - 10, -1), 0);
	assert_int_equal(vfifo_sleeps(producer) + vfifo_sleeps(consumer), 0);
}

static void a_wait_ends_in_time(void **state)
{
	uint64_t began = fake_now_ms();

	(void)state;
	assert_int_equal(vfifo_wait(consumer, 1, 0), -ETIMEDOUT);
	assert_int_equal(vfifo_sleeps(consumer), 0);
	assert_int_equal(vfifo_wait(consumer, 1, 30), -ETIMEDOUT);
	assert_in_range(fake_now_ms() - began, 29, 1000);
	assert_in_range(vfifo_sleeps(consumer), 1, 3);
	assert_int_equal(vfifo_read(consumer, &p, 1, 5), -ETIMEDOUT);
}

static void what_ends_a_wait_is_told(void **state)
{
	static const struct {
		short revents;
		uint32_t flags;
		int error, result;
	} cases[] = {
		{ 0, 0, EINTR, -EINTR },
		{ 0, 0, ENOMEM, -ENOMEM },
		{ POLLERR, 0, 0, -EIO },
		{ POLLHUP, VFIFO_REMOVED, 0, -ENODEV },
		{ POLLHUP, VFIFO_REMOVED | VFIFO_ENDED, 0, -ENODEV },
		{ POLLHUP | POLLERR, VFIFO_REMOVED, 0, -ENODEV },
		{ POLLHUP | POLLERR, 0, 0, -EIO },
		{ POLLHUP, VFIFO_ENDED, 0, -ENODATA },
		{ POLLNVAL, 0, 0, -EBADF },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		device.revents = cases[i].revents;
		device.status->flags = cases[i].flags;
		device.poll_error = cases[i].error;
		assert_int_equal(vfifo_wait(consumer, 1, -1), cases[i].result);
		assert_int_equal(vfifo_read(consumer, &p, 1, -1),
				 cases[i].result == -ENODATA ? 0 :
							       cases[i].result);
	}
	/* In the middle of a write: the bytes that were moved are returned. */
	assert_int_equal(vfifo_commit(producer, CAPACITY - 3), 0);
	assert_int_equal(vfifo_write(producer, "12345", 5, -1), 3);
	assert_int_equal(vfifo_write(producer, "45", 2, -1), -EBADF);
	/* Stored bytes are read first. */
	assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
}

/* Without a call of poll(2), unless the flags have something to tell. */
static void a_wait_of_no_time_is_told_too(void **state)
{
	static const struct {
		short revents;
		uint32_t flags;
		int result, polls;
	} cases[] = {
		{ POLLHUP, VFIFO_REMOVED, -ENODEV, 0 },
		{ POLLHUP, VFIFO_ENDED, -ENODATA, 1 },
		{ POLLERR, VFIFO_BROKEN, -EIO, 1 },
		{ 0, VFIFO_BROKEN, -ETIMEDOUT, 1 }, /* it is over */
		{ POLLERR, VFIFO_CONSUMER_CLAIMED, -ETIMEDOUT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned long before = vfifo_sleeps(consumer);

		device.revents = cases[i].revents;
		device.status->flags = cases[i].flags;
		assert_int_equal(vfifo_wait(consumer, 1, 0), cases[i].result);
		assert_int_equal(vfifo_sleeps(consumer) - before,
				 cases[i].polls);
		assert_int_equal(vfifo_read(consumer, &p, 1, 0),
				 cases[i].result == -ENODATA ? 0 :
							       cases[i].result);
	}
	/* Stored bytes come first. */
	assert_int_equal(vfifo_commit(producer, 2), 0);
	device.revents = POLLHUP;
	device.status->flags = VFIFO_ENDED;
	assert_int_equal(vfifo_wait(consumer, 2, 0), 0);
	assert_int_equal(vfifo_wait(consumer, 3, 0), -ENODATA);
}

static void one_byte_comes(void)
{
	fake_move(IN, fake_position(IN) + 1);
}

static void one_byte_comes_then_removal(void)
{
	one_byte_comes();
	fake_remove();
}

static void bytes_go_before_errors(void **state)
{
	(void)state;
	device.in_poll = one_byte_comes_then_removal;
	assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 1);
	assert_int_equal(vfifo_wait(consumer, 1, -1), -ENODEV);
}

/* Before a call: it moves nothing and does not sleep. */
static void removal_is_told_at_once(void **state)
{
	char bytes[8];

	(void)state;
	assert_int_equal(vfifo_write(producer, "abc", 3, 0), 3);
	fake_remove();
	assert_int_equal(vfifo_write(producer, "def", 3, -1), -ENODEV);
	assert_int_equal(vfifo_write(producer, "", 0, -1), -ENODEV);
	assert_int_equal(vfifo_wait(producer, 1, -1), -ENODEV);
	assert_int_equal(fake_position(IN), START + 3);
	assert_int_equal(vfifo_read(consumer, bytes, 8, -1), -ENODEV);
	assert_int_equal(vfifo_wait(consumer, 1, -1), -ENODEV);
	assert_int_equal(fake_position(OUT), START);
	assert_int_equal(vfifo_sleeps(producer) + vfifo_sleeps(consumer), 0);
	/* The stored bytes can still be consumed. */
	assert_int_equal(vfifo_peek(consumer, 1, &p), 3);
	assert_memory_equal(p, "abc", 3);
	assert_int_equal(vfifo_consume(consumer, 3), -ENODEV);
	assert_int_equal(fake_position(OUT), START + 3);
}

static void removal_is_told_where_there_is_no_room(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, CAPACITY - 1), 0);
	assert_int_equal(vfifo_peek(consumer, 1, &p), CAPACITY - 1);
	fake_remove();
	assert_int_equal(vfifo_reserve(producer, 1, &p), 1);
	assert_int_equal(vfifo_reserve(producer, 2, &p), -ENODEV);
	assert_int_equal(vfifo_reserve(producer, CAPACITY + 1, &p), -EMSGSIZE);
	assert_int_equal(vfifo_peek(consumer, CAPACITY, &p), -ENODEV);
	assert_int_equal(vfifo_peek(consumer, CAPACITY - 1, &p), CAPACITY - 1);
}

/* Without a waiter, as the bit of `need` stays set. The bytes are handed over. */
static void removal_is_told_by_publish(void **state)
{
	(void)state;
	fake_remove();
	for (uint32_t i = 1; i < 3; i++) {
		assert_int_equal(vfifo_commit(producer, 5), -ENODEV);
		assert_int_equal(fake_position(IN), START + 5 * i);
	}
	assert_int_equal(__vfifo_wake(consumer), -ENODEV);
	assert_int_equal(vfifo_kicks(producer), 0);
}

static void removal_ends_a_sleep(void **state)
{
	(void)state;
	device.in_poll = fake_remove;
	assert_int_equal(vfifo_wait(consumer, 1, -1), -ENODEV);
	assert_int_equal(vfifo_sleeps(consumer), 1);
}

/* In the middle of a write: the bytes that were moved are returned. */
static void removal_ends_a_write(void **state)
{
	static char bytes[CAPACITY + 1];

	(void)state;
	device.in_poll = fake_remove;
	assert_int_equal(vfifo_write(producer, bytes, sizeof(bytes), -1),
			 CAPACITY);
	assert_int_equal(vfifo_write(producer, bytes, 1, -1), -ENODEV);
}

/* None of these touches the position page, which would end the test. */
static void revocation_is_told_at_once(void **state)
{
	(void)state;
	assert_int_equal(vfifo_write(producer, "abc", 3, 0), 3);
	assert_int_equal(vfifo_advance(producer, 3), 0);
	fake_revoke(producer);
	assert_int_equal(vfifo_wait(producer, 1, -1), -ESTALE);
	assert_int_equal(vfifo_write(producer, "def", 3, -1), -ESTALE);
	assert_int_equal(__vfifo_wake(producer), -ESTALE);
	/* The other side and the next holder are not affected. */
	assert_int_equal(vfifo_read(consumer, &p, 8, 0), 3);
	vfifo_close(producer);
	producer = fake_open(IN);
	assert_int_equal(vfifo_write(producer, "def", 3, 0), 3);
	assert_int_equal(vfifo_advance(consumer, 1), -EINVAL);
	assert_int_equal(vfifo_peek(consumer, 1, &p), 3);
	assert_int_equal(vfifo_advance(consumer, 3), 0);
	fake_revoke(consumer);
	assert_int_equal(vfifo_read(consumer, &p, 8, -1), -ESTALE);
	assert_int_equal(vfifo_wait(consumer, 1, -1), -ESTALE);
	assert_int_equal(vfifo_sleeps(producer) + vfifo_sleeps(consumer), 0);
}

static void revocation_is_told_where_there_is_no_room(void **state)
{
	struct vfifo_handle *next;

	(void)state;
	assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
	assert_int_equal(vfifo_peek(consumer, CAPACITY, &p), CAPACITY);
	fake_revoke(producer);
	assert_int_equal(vfifo_reserve(producer, 1, &p), -ESTALE);
	/* The claim of another process is not the claim of this handle. */
	next = fake_open(IN);
	assert_int_equal(vfifo_reserve(producer, 1, &p), -ESTALE);
	assert_int_equal(vfifo_reserve(next, 1, &p), -EAGAIN);
	vfifo_close(next);
	/* A removed device is reported before a revoked claim. */
	fake_remove();
	assert_int_equal(vfifo_reserve(producer, 1, &p), -ENODEV);
}

static void consumer_is_revoked(void)
{
	one_byte_comes();
	fake_revoke(consumer);
}

/* The handle may no longer take the byte that has arrived. */
static void revocation_ends_a_sleep(void **state)
{
	(void)state;
	device.in_poll = consumer_is_revoked;
	assert_int_equal(vfifo_wait(consumer, 1, -1), -ESTALE);
}

static int hang_ups;

static void end_is_over(void)
{
	if (++hang_ups == 3)
		fake_move(IN, fake_position(IN) + 1);
}

/* A writer opens the device between poll() and the test of the flags. */
static void an_end_that_is_over_is_none(void **state)
{
	(void)state;
	hang_ups = 0;
	device.in_poll = end_is_over;
	device.revents = POLLHUP;
	assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
	assert_int_equal(hang_ups, 3);
}

static int polls_until_freed;

static void some_are_freed(void)
{
	if (!--polls_until_freed)
		fake_move(OUT, fake_position(OUT) + 1);
}

/* poll(2) would sleep until the watermark's 4096 bytes are free. */
static void fewer_than_the_watermark_are_found(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
	device.in_poll = some_are_freed;
	polls_until_freed = 3;
	assert_int_equal(vfifo_wait(producer, 1, 5000), 0);
	assert_in_range(vfifo_sleeps(producer), 3, 4);
}

/* poll(2) returns at the first byte, and the other bytes come later. */
static void more_than_the_watermark_does_not_spin(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_wait(consumer, 2, 100), -ETIMEDOUT);
	assert_in_range(vfifo_sleeps(consumer), 3, 40);
	device.in_poll = one_byte_comes;
	assert_int_equal(vfifo_wait(consumer, 5, -1), 0);
}

static void the_watermark_itself_is_one_sleep(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
	assert_int_equal(vfifo_wait(producer, PIPE_BUF, 50), -ETIMEDOUT);
	assert_in_range(vfifo_sleeps(producer), 1, 3);
}

static void all_is_taken(void)
{
	fake_move(OUT, fake_position(IN));
}

static void write_writes_all_and_read_what_there_is(void **state)
{
	static char sent[3 * CAPACITY + 1], got[CAPACITY];

	(void)state;
	assert_int_equal(vfifo_write(producer, sent, 0, 0), 0);
	assert_int_equal(vfifo_read(consumer, got, 0, 0), 0);
	assert_int_equal(vfifo_write(producer, "abc", 3, 0), 3);
	assert_int_equal(vfifo_read(consumer, got, 2, 0), 2);
	assert_int_equal(vfifo_write(producer, "def", 3, 0), 3);
	/* Includes bytes that have come since the last look. */
	assert_int_equal(vfifo_read(consumer, got, sizeof(got), 0), 4);
	assert_memory_equal(got, "cdef", 4);
	assert_int_equal(vfifo_read(consumer, got, 1, 0), -ETIMEDOUT);

	assert_int_equal(vfifo_write(producer, sent, sizeof(sent), 0),
			 CAPACITY);
	assert_int_equal(vfifo_write(producer, sent, 1, 0), -ETIMEDOUT);
	device.in_poll = all_is_taken;
	assert_int_equal(vfifo_write(producer, sent, sizeof(sent), -1),
			 sizeof(sent));
	assert_int_equal(vfifo_sleeps(producer), 4);
}

static void *commit_soon(void *unused)
{
	(void)unused;
	usleep(2000);
	vfifo_commit(producer, 1);
	return NULL;
}

static void spinning_adapts(void **state)
{
	struct vfifo_inner *h = vfifo_inner(consumer);
	uint64_t least;
	pthread_t thread;

	(void)state;
	vfifo_set_spin(consumer, 1600);
	for (int i = 0; i < 10; i++)
		assert_int_equal(vfifo_wait(consumer, 1, 2), -ETIMEDOUT);
	assert_int_equal(h->spin_ns, 100000);

	vfifo_set_spin(consumer, 60 * 1000 * 1000);
	h->spin_ns /= 4;
	least = h->spin_ns;
	h->sleeps = 0;
	/* Try again if the byte came before the wait began to spin. */
	for (int i = 0; i < 50 && h->spin_ns == least; i++) {
		pthread_create(&thread, NULL, commit_soon, NULL);
		assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
		pthread_join(thread, NULL);
		assert_int_equal(vfifo_sleeps(consumer), 0);
		assert_int_equal(vfifo_consume(consumer, 1), 0);
	}
	assert_int_equal(h->spin_ns, 2 * least);

	vfifo_set_spin(producer, 0);
	assert_int_equal(__vfifo_look(producer), 0);
	assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
	assert_int_equal(vfifo_wait(producer, 1, 1), -ETIMEDOUT);
	assert_int_equal(vfifo_inner(producer)->spin_ns, 0);
}

/* --- what the library measures --------------------------------------------------------- */

/*
 * Runs epochs of 1 us with so many bytes at each level. Return: the epochs at another level than
 * @at.
 */
static int run_epochs(struct vfifo_tune *t, const uint64_t *bytes, int epochs,
		      unsigned int at)
{
	static uint64_t now = 1;
	int elsewhere = 0;

	while (epochs--) {
		elsewhere += t->now != at;
		assert_in_range(t->now, 0, t->max);
		t->bytes = bytes[t->now];
		vfifo_tune_epoch(t, now += 1000);
	}
	return elsewhere;
}

static void the_fastest_level_is_found(void **state)
{
	static const uint64_t rising[] = { 10, 20, 40, 80 },
			      falling[] = { 80, 40, 20, 10 },
			      flat[] = { 80, 80, 80, 80 },
			      in_between[] = { 10, 20, 40, 42 };
	struct vfifo_tune t;

	(void)state;
	vfifo_tune_begin(&t, 3);
	assert_int_equal(t.now, 0);
	run_epochs(&t, rising, 20, 0);
	assert_int_equal(t.level, 3);
	/* What fails is seldom tried. */
	run_epochs(&t, rising, 2000, 3);
	assert_in_range(run_epochs(&t, rising, 10000, 3), 1, 50);
	/* The stream changes. */
	run_epochs(&t, falling, 1000, 0);
	assert_int_equal(t.level, 0);
	run_epochs(&t, in_between, 1000, 0);
	assert_int_equal(t.level, 2);
	/* The lowest of those that are alike. */
	run_epochs(&t, flat, 1000, 0);
	assert_int_equal(t.level, 0);
}

/* Something else has delayed it. */
static void an_epoch_that_is_abandoned_is_not_measured(void **state)
{
	struct vfifo_tune t;

	(void)state;
	vfifo_tune_begin(&t, 1);
	t.bytes = 1000;
	vfifo_tune_epoch(&t, 1000);
	assert_int_equal(t.rate, 0);
	t.bytes = 1000;
	vfifo_tune_epoch(&t, 2000);
	assert_int_equal(t.rate, 1000000);
	t.bytes = 1;
	t.began = 0;
	vfifo_tune_epoch(&t, 9000);
	assert_int_equal(t.rate, 1000000);
	/* One that was interrupted is not believed, but what stays slow is. */
	t.bytes = 100;
	vfifo_tune_epoch(&t, 10000);
	assert_int_equal(t.rate, 500000);
	t.bytes = 100;
	vfifo_tune_epoch(&t, 11000);
	assert_int_equal(t.rate, 100000);
	/* An epoch without time has no rate. */
	vfifo_tune_epoch(&t, 11000);
	assert_int_equal(t.rate, 50000);
}

/* Return: the least time of a wait for @n bytes, in ns, of which it has to look for the last. */
static uint64_t shortest_wait(size_t n, int timeout_ms)
{
	struct vfifo_inner *h = vfifo_inner(consumer);
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t took = vfifo_now();

		h->pace.now = h->pace.level = 3;
		assert_int_equal(vfifo_wait(consumer, n, timeout_ms), 0);
		took = vfifo_now() - took;
		least = took < least ? took : least;
		assert_int_equal(vfifo_commit(producer, 1), 0);
		assert_int_equal(vfifo_consume(consumer, n - 1), 0);
	}
	return least;
}

static void a_pause_is_short_and_only_before_a_look(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit(producer, 2), 0);
	vfifo_set_spin(consumer, 1000);
	assert_true(shortest_wait(2, -1) >= 4000);
	assert_true(shortest_wait(2, 0) < 4000);
	vfifo_set_spin(consumer, 3);
	assert_true(shortest_wait(2, -1) < 4000);
	vfifo_set_spin(consumer, 1000);
	assert_int_equal(__vfifo_look(consumer), 0);
	assert_true(shortest_wait(1, -1) < 4000);
	/* A wait that sleeps begins anew. */
	vfifo_set_spin(consumer, 1);
	vfifo_inner(consumer)->pace.now = 3;
	assert_int_equal(vfifo_wait(consumer, CAPACITY, 1), -ETIMEDOUT);
	assert_true(vfifo_sleeps(consumer) > 0);
	assert_int_equal(vfifo_inner(consumer)->pace.now, 0);
}

/* A trial that is lost already ends early; what is no trial does not. */
static void a_hopeless_trial_ends_early(void **state)
{
	struct vfifo_tune t;

	(void)state;
	vfifo_tune_begin(&t, 1);
	vfifo_tune_work(&t, 1, 800, 800);
	assert_true(t.began > 0);
	for (int i = 0; i < 4; i++) {
		usleep(1000);
		assert_int_equal(t.now, 0);
		vfifo_tune_work(&t, 1000000, 799, 800);
		vfifo_tune_work(&t, 0, 1, 800);
	}
	assert_int_equal(t.now, 1);
	vfifo_tune_work(&t, 1, 99, 800);
	assert_int_equal(t.now, 1);
	vfifo_tune_work(&t, 1, 1, 800);
	assert_int_equal(t.now, 0);
	assert_int_equal(t.level, 0);
	usleep(1000);
	vfifo_tune_work(&t, 1, 799, 800);
	assert_int_equal(t.work, 799);
	/* A promising one is given its time. */
	t.now = 1;
	t.rate = 1;
	vfifo_tune_work(&t, 1000, 0, 800);
	assert_int_equal(t.work, 799);
	assert_int_equal(t.now, 1);
}

/* Each end after the other: no pause makes that faster. */
static void waits_are_measured(void **state)
{
	struct vfifo_inner *h = vfifo_inner(consumer);

	(void)state;
	for (int i = 0; i < 32; i++) {
		assert_int_equal(h->pace.rate, 0);
		assert_int_equal(vfifo_commit(producer, 3), 0);
		assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
		assert_int_equal(vfifo_consume(consumer, 3), 0);
	}
	assert_true(h->pace.began > 0);
	for (int i = 0; i < 32; i++) {
		assert_int_equal(vfifo_commit(producer, 3), 0);
		assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
		assert_int_equal(vfifo_consume(consumer, 3), 0);
	}
	assert_true(h->pace.rate > 0);
}

/* The clock costs more than a few looks. */
static void a_wait_that_need_not_wait_reads_no_clock(void **state)
{
	struct vfifo_time time = { 5, 0 };
	unsigned long sleeps;

	(void)state;
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_wait_until(consumer, 1, &time), 0);
	assert_int_equal(time.deadline, 0);
	assert_int_equal(vfifo_wait_until(consumer, 2, &time), -ETIMEDOUT);
	assert_true(time.deadline > 0);
	/* The next wait of the same call has no time left. */
	sleeps = vfifo_sleeps(consumer);
	assert_int_equal(vfifo_wait_until(consumer, 2, &time), -ETIMEDOUT);
	assert_int_equal(vfifo_sleeps(consumer), sleeps);
}

/* --- streaming copies --------------------------------------------------------------------- */

#define EDGE 64U

/* Each alignment of both sides, with all that is around. */
static void a_streaming_copy_is_a_copy(void **state)
{
	static unsigned char from[512 + EDGE], to[512 + 2 * EDGE],
		expected[512 + 2 * EDGE];

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)(1 + i * 7 + i / 256);
	for (size_t at = 0; at < EDGE; at++) {
		for (size_t n = 0; n <= 300; n++) {
			const unsigned char *source =
				from + (at * 5 + n) % EDGE;

			memset(to, 0, sizeof(to));
			memset(expected, 0, sizeof(expected));
			memcpy(expected + EDGE + at, source, n);
			vfifo_stream(to + EDGE + at, source, n);
			assert_memory_equal(to, expected, sizeof(to));
		}
	}
}

/* Copies on both sides of the least that streams, at each offset in a line. */
static void streamed_bytes_come_out_as_they_went_in(void **state)
{
	static char sent[VFIFO_STREAM_MIN + 300], got[sizeof(sent)];

	(void)state;
	if (vfifo_set_copy(producer, VFIFO_COPY_STREAMING))
		skip();
	assert_int_equal(vfifo_copy(producer), VFIFO_COPY_STREAMING);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 >> 3);
	for (uint32_t i = 0; i < 64 * 64; i++) {
		size_t n = VFIFO_STREAM_MIN - 10 + i % 310;

		/* Each copy is a byte longer than the last, so it begins at another offset. */
		assert_int_equal(vfifo_write(producer, sent + i % 17, n - 16,
					     0),
				 n - 16);
		assert_int_equal(vfifo_read(consumer, got, n - 16, 0), n - 16);
		assert_memory_equal(got, sent + i % 17, n - 16);
	}
	assert_int_equal(vfifo_copy(producer), VFIFO_COPY_STREAMING);
}

static void a_copy_can_be_chosen(void **state)
{
	const bool streams = VFIFO_CAN_STREAM;

	(void)state;
	assert_int_equal(vfifo_copy(producer), VFIFO_COPY_CACHED);
	assert_int_equal(vfifo_inner(producer)->copy.max, streams);
	assert_int_equal(vfifo_set_copy(producer, VFIFO_COPY_STREAMING),
			 streams ? 0 : -EOPNOTSUPP);
	assert_int_equal(vfifo_set_copy(producer, (enum vfifo_copying)3),
			 -EINVAL);
	assert_int_equal(vfifo_copy(producer),
			 streams ? VFIFO_COPY_STREAMING : VFIFO_COPY_CACHED);
	assert_int_equal(vfifo_set_copy(producer, VFIFO_COPY_CACHED), 0);
	assert_int_equal(vfifo_copy(producer), VFIFO_COPY_CACHED);
	/* A choice is not changed by what is measured. */
	assert_int_equal(vfifo_inner(producer)->copy.max, 0);
	assert_int_equal(vfifo_set_copy(producer, VFIFO_COPY_AUTO), 0);
	assert_int_equal(vfifo_inner(producer)->copy.max, streams);
	vfifo_close(producer);

	/* What is not cached is not streamed to. */
	device.status->features = VFIFO_HAS_MEMORY;
	for (uint32_t memory = 0; memory < 6; memory++) {
		bool cached = memory == VFIFO_MEMORY_CACHED ||
			      memory == VFIFO_MEMORY_CONTIGUOUS;

		device.status->memory = memory;
		producer = fake_open(IN);
		assert_int_equal(vfifo_set_copy(producer, VFIFO_COPY_STREAMING),
				 streams && cached ? 0 : -EOPNOTSUPP);
		vfifo_close(producer);
	}
	producer = fake_open(IN);
}

/* By itself a handle tries both, and the bytes are the same. */
static void copies_are_measured(void **state)
{
	static char sent[4000], got[sizeof(sent)];
	struct vfifo_tune *t = &vfifo_inner(producer)->copy;
	bool tried = false;

	(void)state;
	memset(sent, 'x', sizeof(sent));
	for (int i = 0; i < 3000; i++) {
		tried |= t->now;
		sent[i] = (char)i;
		assert_int_equal(vfifo_write(producer, sent, sizeof(sent), 0),
				 sizeof(sent));
		assert_int_equal(vfifo_read(consumer, got, sizeof(got), 0),
				 sizeof(got));
		assert_memory_equal(got, sent, sizeof(got));
	}
	assert_true(t->rate > 0);
	assert_int_equal(tried, VFIFO_CAN_STREAM);
	/* A sleep is not measured. */
	assert_int_equal(vfifo_reserve(producer, CAPACITY, &p), CAPACITY);
	assert_int_equal(vfifo_commit(producer, CAPACITY), 0);
	assert_int_equal(vfifo_write(producer, sent, 1, 1), -ETIMEDOUT);
	assert_int_equal(t->began, 0);
}

/* Spans of all sizes, some across the end of the buffer, and bytes that are seen after a flush. */
static void consumed_lines_are_flushed(void **state)
{
	const uint32_t capacity = 65536;
	struct vfifo_inner *h;
	unsigned char *at;
	uint32_t count = 0;

	(void)state;
	fake_create(capacity, START);
	producer = fake_open(IN);
	consumer = fake_open(OUT);
	h = vfifo_inner(consumer);
	assert_int_equal(h->copy.max, vfifo_can_flush());
	if (vfifo_set_copy(consumer, VFIFO_COPY_STREAMING)) {
		both_close(NULL);
		skip();
	}
	assert_int_equal(vfifo_copy(consumer), VFIFO_COPY_STREAMING);
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t n = 1 + i * 37 % 30000;

		assert_int_equal(vfifo_wait(consumer, n, 0), -ETIMEDOUT);
		assert_true(vfifo_reserve(producer, n, &p) > 0);
		at = p;
		for (uint32_t k = 0; k < n; k++)
			at[k] = (unsigned char)(count + k);
		assert_int_equal(vfifo_commit(producer, n), 0);
		assert_int_equal(vfifo_wait(consumer, n, -1), 0);
		assert_in_range(h->hot.own - h->flushed, 0, 4095);
		assert_int_equal(vfifo_peek(consumer, n, &p), n);
		at = p;
		for (uint32_t k = 0; k < n; k++)
			assert_int_equal(at[k], (unsigned char)(count + k));
		assert_int_equal(vfifo_consume(consumer, n), 0);
		count += n;
	}
	/* What is old is left alone. */
	h->flushed = h->hot.own - capacity;
	assert_int_equal(vfifo_commit(producer, 1), 0);
	assert_int_equal(vfifo_wait(consumer, 1, -1), 0);
	assert_int_equal(h->flushed, h->hot.own);
	both_close(NULL);
}

/* At each offset in a line, with each length: no byte is changed. */
static void a_flush_changes_no_byte(void **state)
{
	static unsigned char bytes[1024];

	(void)state;
	if (!vfifo_can_flush())
		skip();
	for (size_t at = 0; at < 130; at++) {
		for (size_t n = 0; n < 300; n += 7) {
			memset(bytes, (int)(at + n) | 1, sizeof(bytes));
			vfifo_flush(bytes + at, n);
			for (size_t i = 0; i < sizeof(bytes); i++)
				assert_int_equal(bytes[i],
						 ((at + n) | 1) & 255);
		}
	}
}

/* In a large device an epoch ends after 32 MiB, before it has had four laps. */
static void an_epoch_of_a_large_device_ends(void **state)
{
	enum { LARGE = 16 << 20 };
	char *bytes = calloc(1, LARGE);

	(void)state;
	assert_non_null(bytes);
	fake_create(LARGE, START);
	producer = fake_open(IN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vfifo_inner(producer)->copy.began, 0);
		assert_int_equal(vfifo_write(producer, bytes, LARGE, 0), LARGE);
		fake_move(OUT, fake_position(IN));
	}
	assert_int_equal(vfifo_inner(producer)->copy.began != 0,
			 VFIFO_CAN_STREAM);
	vfifo_close(producer);
	fake_destroy();
	free(bytes);
}

#define with_both(test) \
	cmocka_unit_test_setup_teardown(test, both_open, both_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_refuses_what_is_no_vfifo),
		cmocka_unit_test(open_takes_no_terminal),
		with_both(open_refuses_another_abi),
		with_both(a_later_kernel_of_the_same_abi_is_served),
		with_both(an_open_maps_four_areas_and_a_close_unmaps_them),
		with_both(an_open_that_fails_leaves_nothing),
		with_both(an_unknown_bit_of_need_is_kicked),
		with_both(open_refuses_positions_that_cannot_be),
		with_both(bytes_come_out_as_they_went_in),
		with_both(misuse_is_an_error_and_changes_nothing),
		with_both(spans_do_not_wrap_anywhere),
		with_both(a_batch_is_seen_when_it_is_published),
		with_both(close_hands_over_what_was_published_only),
		with_both(a_forked_child_has_no_claim),
		with_both(open_needs_pages_that_fork_wipes),
		with_both(the_peer_is_looked_at_only_when_needed),
		with_both(a_position_that_cannot_be_is_refused),
		with_both(a_consumer_cannot_be_ahead_of_what_was_published),
		with_both(no_lie_leads_out_of_the_buffer),
		with_both(no_lie_is_fast_enough),
		with_both(kicks_are_for_who_can_go_on),
		with_both(a_kick_goes_by_where_the_peer_is_now),
		with_both(a_kick_that_fails_is_told_of),
		with_both(no_wait_for_what_is_there),
		with_both(a_wait_ends_in_time),
		with_both(what_ends_a_wait_is_told),
		with_both(a_wait_of_no_time_is_told_too),
		with_both(bytes_go_before_errors),
		with_both(removal_is_told_at_once),
		with_both(removal_is_told_where_there_is_no_room),
		with_both(removal_is_told_by_publish),
		with_both(removal_ends_a_sleep),
		with_both(removal_ends_a_write),
		with_both(revocation_is_told_at_once),
		with_both(revocation_is_told_where_there_is_no_room),
		with_both(revocation_ends_a_sleep),
		with_both(an_end_that_is_over_is_none),
		with_both(fewer_than_the_watermark_are_found),
		with_both(more_than_the_watermark_does_not_spin),
		with_both(the_watermark_itself_is_one_sleep),
		with_both(write_writes_all_and_read_what_there_is),
		with_both(spinning_adapts),
		cmocka_unit_test(the_fastest_level_is_found),
		cmocka_unit_test(an_epoch_that_is_abandoned_is_not_measured),
		with_both(a_pause_is_short_and_only_before_a_look),
		cmocka_unit_test(a_hopeless_trial_ends_early),
		with_both(waits_are_measured),
		with_both(a_wait_that_need_not_wait_reads_no_clock),
		cmocka_unit_test(a_streaming_copy_is_a_copy),
		with_both(streamed_bytes_come_out_as_they_went_in),
		with_both(a_copy_can_be_chosen),
		with_both(copies_are_measured),
		cmocka_unit_test(consumed_lines_are_flushed),
		cmocka_unit_test(a_flush_changes_no_byte),
		cmocka_unit_test(an_epoch_of_a_large_device_ends),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libvfifo", tests, NULL, NULL);
}
