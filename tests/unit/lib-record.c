// SPDX-License-Identifier: GPL-2.0-or-later
/* Handles of records: their functions, and headers and positions that lie. */
#include "fake-device.h"

#include <pthread.h>

#define CAPACITY 8192U
#define LONGEST (CAPACITY / 2)
#define IN VFIFO_PRODUCER
#define OUT VFIFO_CONSUMER

/* Positions and numbers that soon wrap past 2^32, as those of a device that has run for long. */
#define START 0xfffffff0U
#define FIRST 0xfffffffeU

/* Long enough for a slow machine: a wait that takes longer has lost its wake-up. */
#define TIMEOUT_MS 20000

static struct vfifo_handle *producer, *consumer;
static struct vfifo_record got;
static void *p;

static int both_open(void **state)
{
	(void)state;
	fake_create(CAPACITY, START);
	fake_use_records(FIRST);
	producer = fake_open_records(IN);
	consumer = fake_open_records(OUT);
	memset(&got, 0, sizeof(got));
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

/* The header at a position, as another process sees it. */
static struct vfifo_record *header_at(uint32_t position)
{
	return (void *)(device.window + position % CAPACITY);
}

static int put(const char *text, uint64_t time)
{
	size_t n = strlen(text);
	ssize_t room = vfifo_reserve_record(producer, n, &p);

	if (room < 0)
		return (int)room;
	memcpy(p, text, n);
	return vfifo_advance_record(producer, n, time);
}

/* --- opening ------------------------------------------------------------------------------ */

static void an_open_claims_at_the_offsets_of_records(void **state)
{
	struct vfifo_handle *f = NULL;

	(void)state;
	for (int end = 0; end < 2; end++) {
		assert_int_equal(vfifo_open(FAKE_PATH, (enum vfifo_end)end,
					    VFIFO_OPEN_RECORDS, &f),
				 0);
		assert_int_equal(opened.last,
				 end == IN ? VFIFO_MMAP_RECORD_PRODUCER :
					     VFIFO_MMAP_RECORD_CONSUMER);
		assert_int_equal(fake_maps_left(), 4);
		assert_int_equal(vfifo_capacity(f), CAPACITY);
		vfifo_close(f);
		assert_int_equal(fake_maps_left(), 0);
	}
}

static void an_open_refuses_the_other_framing(void **state)
{
	struct vfifo_status *s = device.status;
	struct vfifo_handle *f = (void *)&opened;

	(void)state;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, 0, &f), -EPROTO);
	assert_null(f);
	s->framing = VFIFO_BYTES;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, VFIFO_OPEN_RECORDS, &f),
			 -EPROTO);
	/* One that a later kernel has. */
	s->framing = VFIFO_RECORDS + 1;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, 0, &f), -EPROTO);
	assert_int_equal(vfifo_open(FAKE_PATH, IN, VFIFO_OPEN_RECORDS, &f),
			 -EPROTO);
	s->framing = VFIFO_RECORDS;
	assert_int_equal(fake_try_open(IN, &f), -EPROTO);
	/* A kernel without records has other things there, or will have. */
	s->features = 0;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, VFIFO_OPEN_RECORDS, &f),
			 -EOPNOTSUPP);
	assert_int_equal(opened.calls, 1);
	assert_int_equal(fake_maps_left(), 0);
}

/* The framing could change before the first mapping only, but the kernel is asked as well. */
static void the_kernel_refuses_the_other_framing(void **state)
{
	struct vfifo_handle *f = NULL;

	(void)state;
	opened.error = EPROTO;
	opened.failing = 4;
	assert_int_equal(vfifo_open(FAKE_PATH, IN, VFIFO_OPEN_RECORDS, &f),
			 -EPROTO);
	opened.failing = 0;
	assert_null(f);
	assert_int_equal(fake_maps_left(), 0);
}

static void an_open_refuses_positions_between_records(void **state)
{
	struct vfifo_handle *f = NULL;

	(void)state;
	fake_move(IN, START + 4);
	assert_int_equal(fake_try_open_as(OUT, VFIFO_RECORDS, &f), -EBADMSG);
	fake_move(OUT, START + 4);
	assert_int_equal(fake_try_open_as(OUT, VFIFO_RECORDS, &f), -EBADMSG);
	fake_move(IN, START + 8);
	assert_int_equal(fake_try_open_as(OUT, VFIFO_RECORDS, &f), -EBADMSG);
	assert_null(f);
}

/* --- records in place ----------------------------------------------------------------------- */

static void records_come_out_as_they_went_in(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 7), 0);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EAGAIN);
	assert_int_equal(put("12345678", 0), 0);
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(put("x", UINT64_MAX), 0);
	assert_int_equal(vfifo_publish(producer), 0);

	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 5);
	assert_memory_equal(p, "hello", 5);
	assert_int_equal((uintptr_t)p % VFIFO_RECORD_ALIGN, 0);
	assert_int_equal(got.length, 5);
	assert_int_equal(got.sequence, FIRST);
	assert_int_equal(got.time, 7);
	/* A second look is the same record. */
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), 5);
	assert_int_equal(vfifo_consume_record(consumer), 0);

	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 8);
	assert_memory_equal(p, "12345678", 8);
	assert_int_equal(got.sequence, FIRST + 1);
	assert_int_equal(got.time, 0);
	assert_int_equal(vfifo_skip_record(consumer), 0);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 1);
	/* The number wraps. */
	assert_int_equal(got.sequence, 0);
	assert_true(got.time == UINT64_MAX);
	/* What was skipped is not published. */
	assert_int_equal(fake_position(OUT), START + 24);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(fake_position(OUT), START + 24 + 24 + 24);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EAGAIN);
	assert_int_equal(device.kernel->kicks, 0);
}

/* The form of the protocol, for other programs. */
static void a_record_has_the_header_of_the_protocol(void **state)
{
	const struct vfifo_record *h = header_at(START);

	(void)state;
	assert_int_equal(put("abcdefghi", 0x123456789abcdef0), 0);
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(h->length, 9);
	assert_int_equal(h->sequence, FIRST);
	assert_true(h->time == 0x123456789abcdef0);
	assert_memory_equal(h + 1, "abcdefghi", 9);
	assert_int_equal(fake_position(IN), START + 32);
}

static void flags_of_a_later_kernel_are_ignored(void **state)
{
	(void)state;
	assert_int_equal(put("abc", 0), 0);
	header_at(START)->length |= ~VFIFO_RECORD_LENGTH;
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 3);
	assert_int_equal(got.length, 3);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(fake_position(OUT), START + 24);
}

/* The page of the position has it when, and only when, the position moves. */
static void the_next_producer_goes_on_with_the_number(void **state)
{
	const uint32_t *next = &device.position[IN]->sequence;

	(void)state;
	assert_int_equal(put("a", 0), 0);
	assert_int_equal(put("b", 0), 0);
	assert_int_equal(*next, FIRST);
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(*next, FIRST + 2);
	assert_int_equal(put("lost", 0), 0);
	vfifo_close(producer);
	assert_int_equal(*next, FIRST + 2);
	producer = fake_open_records(IN);
	assert_int_equal(put("c", 0), 0);
	assert_int_equal(vfifo_publish(producer), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(vfifo_peek_record(consumer, &p, &got), 1);
		assert_int_equal(got.sequence, FIRST + i);
		assert_int_equal(*(char *)p, 'a' + (char)i);
		assert_int_equal(vfifo_consume_record(consumer), 0);
	}
	/* The consumer has nothing to store in its page but its position. */
	assert_int_equal(device.position[OUT]->sequence, 0);
}

static void a_reservation_tells_what_fits(void **state)
{
	(void)state;
	/* All is free, but no record is longer than half of it. */
	assert_int_equal(vfifo_reserve_record(producer, 0, &p), LONGEST);
	assert_int_equal(vfifo_reserve_record(producer, LONGEST, &p), LONGEST);
	assert_int_equal(vfifo_reserve_record(producer, LONGEST + 1, &p),
			 -EMSGSIZE);
	assert_int_equal(vfifo_reserve_record(producer, SIZE_MAX, &p),
			 -EMSGSIZE);
	assert_int_equal(vfifo_commit_record(producer, LONGEST, 0), 0);
	assert_int_equal(vfifo_reserve_record(producer, 1, &p),
			 LONGEST - 2 * 16);
	assert_int_equal(vfifo_commit_record(producer, LONGEST - 2 * 16, 0), 0);
	assert_int_equal(vfifo_reserve_record(producer, 0, &p), -EAGAIN);
	assert_int_equal(vfifo_reserve_record(producer, 1, &p), -EAGAIN);
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), LONGEST);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(vfifo_reserve_record(producer, 0, &p), LONGEST);
}

/* 16 free bytes are a header, and no record. */
static void a_header_alone_is_no_room(void **state)
{
	(void)state;
	assert_int_equal(vfifo_commit_record(producer, LONGEST, 0), 0);
	assert_int_equal(vfifo_commit_record(producer, LONGEST - 3 * 16, 0), 0);
	assert_int_equal(vfifo_reserve_record(producer, 0, &p), -EAGAIN);
	assert_int_equal(vfifo_advance_record(producer, 1, 0), -EINVAL);
}

static void misuse_is_an_error_and_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(vfifo_advance_record(producer, 0, 0), -EINVAL);
	assert_int_equal(vfifo_advance_record(producer, LONGEST + 1, 0),
			 -EINVAL);
	assert_int_equal(vfifo_advance_record(producer, SIZE_MAX, 0), -EINVAL);
	assert_int_equal(vfifo_commit_record(producer, 0, 0), -EINVAL);
	assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
	assert_int_equal(vfifo_consume_record(consumer), -EINVAL);
	assert_int_equal(vfifo_write_record(producer, "", 0, 0), -EINVAL);
	assert_int_equal(vfifo_write_record(producer, "", LONGEST + 1, 0),
			 -EMSGSIZE);

	assert_int_equal(vfifo_reserve_record(consumer, 1, &p), -EBADF);
	assert_int_equal(vfifo_advance_record(consumer, 1, 0), -EBADF);
	assert_int_equal(vfifo_commit_record(consumer, 1, 0), -EBADF);
	assert_int_equal(vfifo_write_record(consumer, "x", 1, 0), -EBADF);
	assert_int_equal(vfifo_peek_record(producer, &p, &got), -EBADF);
	assert_int_equal(vfifo_skip_record(producer), -EBADF);
	assert_int_equal(vfifo_consume_record(producer), -EBADF);
	assert_int_equal(vfifo_drop_records(producer), -EBADF);
	assert_int_equal(vfifo_read_record(producer, &p, 1, NULL, 0), -EBADF);
	assert_int_equal(fake_position(IN), START);
	assert_int_equal(fake_position(OUT), START);

	/* A record is skipped once. */
	assert_int_equal(vfifo_write_record(producer, "ab", 2, 0), 2);
	assert_int_equal(vfifo_write_record(producer, "cd", 2, 0), 2);
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), 2);
	assert_int_equal(vfifo_skip_record(consumer), 0);
	assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), 2);
	assert_memory_equal(p, "cd", 2);
}

static void check_no_bytes(struct vfifo_handle *f, int err)
{
	char byte;

	for (size_t n = 0; n <= 1; n++) {
		assert_int_equal(vfifo_reserve(f, n, &p), err);
		assert_int_equal(vfifo_peek(f, n, &p), err);
		assert_int_equal(vfifo_advance(f, n), err);
		assert_int_equal(vfifo_commit(f, n), err);
		assert_int_equal(vfifo_consume(f, n), err);
	}
	assert_int_equal(vfifo_write(f, "x", 1, 0), err);
	assert_int_equal(vfifo_read(f, &byte, 1, 0), err);
}

static void check_no_records(struct vfifo_handle *f, int err)
{
	char byte;

	for (size_t n = 0; n <= 1; n++) {
		assert_int_equal(vfifo_reserve_record(f, n, &p), err);
		assert_int_equal(vfifo_advance_record(f, n, 0), err);
		assert_int_equal(vfifo_commit_record(f, n, 0), err);
	}
	assert_int_equal(vfifo_peek_record(f, &p, &got), err);
	assert_int_equal(vfifo_skip_record(f), err);
	assert_int_equal(vfifo_consume_record(f), err);
	assert_int_equal(vfifo_drop_records(f), err);
	assert_int_equal(vfifo_write_record(f, "x", 1, 0), err);
	assert_int_equal(vfifo_read_record(f, &byte, 1, NULL, 0), err);
}

static void the_framings_do_not_mix(void **state)
{
	(void)state;
	assert_int_equal(vfifo_write_record(producer, "a", 1, 0), 1);
	check_no_bytes(producer, -EPROTO);
	check_no_bytes(consumer, -EPROTO);
	assert_int_equal(fake_position(IN), START + 24);
	assert_int_equal(fake_position(OUT), START);

	vfifo_close(producer);
	vfifo_close(consumer);
	device.status->framing = VFIFO_BYTES;
	producer = fake_open(IN);
	consumer = fake_open(OUT);
	check_no_records(producer, -EPROTO);
	check_no_records(consumer, -EPROTO);
	assert_int_equal(fake_position(IN), START + 24);
	assert_int_equal(fake_position(OUT), START);
}

static int use_in_child(struct vfifo_handle *f)
{
	check_no_bytes(f, -ESTALE);
	check_no_records(f, -ESTALE);
	assert_int_equal(vfifo_publish(f), -ESTALE);
	assert_int_equal(vfifo_wait(f, 1, 0), -ESTALE);
	assert_int_equal(vfifo_lost(f), -ESTALE);
	assert_int_equal(vfifo_set_copy(f, VFIFO_COPY_AUTO), -ESTALE);
	assert_int_equal(vfifo_capacity(f), 0);
	assert_int_equal(vfifo_watermark(f), 0);
	vfifo_close(f);
	return 0;
}

static void a_forked_child_has_no_claim(void **state)
{
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(put("mine", 0), 0);
	assert_int_equal(vfifo_publish(producer), 0);
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), 4);
	child = fork();
	if (!child)
		_exit(use_in_child(producer) || use_in_child(consumer));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(vfifo_write_record(producer, "b", 1, 0), 1);
}

/* --- with a copy ------------------------------------------------------------------------------ */

static void a_copy_moves_one_record(void **state)
{
	static char sent[LONGEST], buffer[LONGEST];
	uint64_t before = vfifo_now();

	(void)state;
	memset(sent, 'x', sizeof(sent));
	assert_int_equal(vfifo_write_record(producer, "one", 3, 0), 3);
	assert_int_equal(vfifo_write_record(producer, sent, LONGEST, 0),
			 LONGEST);
	assert_int_equal(vfifo_read_record(consumer, buffer, 100, &got, 0), 3);
	assert_memory_equal(buffer, "one", 3);
	assert_int_equal(got.length, 3);
	assert_int_equal(got.sequence, FIRST);
	assert_in_range(got.time, before, vfifo_now());

	/* Too small a buffer loses nothing. */
	memset(&got, 0, sizeof(got));
	assert_int_equal(vfifo_read_record(consumer, buffer, LONGEST - 1, &got,
					   0),
			 -EMSGSIZE);
	assert_int_equal(got.length, LONGEST);
	assert_int_equal(got.sequence, FIRST + 1);
	assert_int_equal(vfifo_read_record(consumer, NULL, 0, NULL, 0),
			 -EMSGSIZE);
	assert_int_equal(vfifo_read_record(consumer, buffer, SIZE_MAX, NULL, 0),
			 LONGEST);
	assert_memory_equal(buffer, sent, LONGEST);
	assert_int_equal(vfifo_read_record(consumer, buffer, 1, &got, 0),
			 -ETIMEDOUT);
	assert_int_equal(vfifo_read_record(consumer, buffer, 1, &got, 5),
			 -ETIMEDOUT);
}

/* A record is stored whole, or not at all. */
static void a_write_waits_for_room_for_all(void **state)
{
	static char sent[LONGEST];

	(void)state;
	assert_int_equal(vfifo_write_record(producer, sent, LONGEST, 0),
			 LONGEST);
	assert_int_equal(vfifo_write_record(producer, sent, LONGEST, 0),
			 -ETIMEDOUT);
	assert_int_equal(vfifo_write_record(producer, sent, LONGEST, 2),
			 -ETIMEDOUT);
	assert_int_equal(fake_position(IN), START + LONGEST + 16);
	/* The number of a record that was not stored is not used up. */
	assert_int_equal(device.position[IN]->sequence, FIRST + 1);
	assert_int_equal(vfifo_peek_record(consumer, &p, NULL), LONGEST);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(vfifo_write_record(producer, sent, LONGEST, 0),
			 LONGEST);
}

static void the_end_of_the_stream_is_0(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(vfifo_write_record(producer, "x", 1, 0), 1);
	device.status->flags |= VFIFO_ENDED;
	device.revents = POLLHUP;
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, &got, -1), 1);
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, &got, -1), 0);
	device.revents = 0;
	device.status->flags &= ~VFIFO_ENDED;
}

static void what_a_wait_returns_is_told(void **state)
{
	char byte;

	(void)state;
	device.revents = POLLERR;
	device.status->flags |= VFIFO_BROKEN;
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, &got, 5), -EIO);
	device.status->flags &= ~VFIFO_BROKEN;
	device.revents = 0;
	device.poll_error = EINTR;
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, &got, -1),
			 -EINTR);
	device.poll_error = 0;
}

static void removal_is_told_at_once(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(vfifo_write_record(producer, "x", 1, 0), 1);
	fake_remove();
	assert_int_equal(vfifo_write_record(producer, "x", 1, 0), -ENODEV);
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, NULL, 0),
			 -ENODEV);
	/* What is stored can still be had. */
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 1);
	assert_int_equal(vfifo_consume_record(consumer), -ENODEV);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -ENODEV);
}

/* The page of the position is gone: a store there ends the test. */
static void revocation_is_told_before_a_store(void **state)
{
	char byte;

	(void)state;
	fake_revoke(producer);
	fake_revoke(consumer);
	assert_int_equal(vfifo_write_record(producer, "x", 1, 0), -ESTALE);
	assert_int_equal(vfifo_read_record(consumer, &byte, 1, NULL, 0),
			 -ESTALE);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -ESTALE);
}

/* A wait publishes what was advanced past, with its number. */
static void a_wait_publishes(void **state)
{
	(void)state;
	assert_int_equal(put("a", 0), 0);
	assert_int_equal(vfifo_wait(producer, CAPACITY - 24, 0), 0);
	assert_int_equal(fake_position(IN), START + 24);
	assert_int_equal(device.position[IN]->sequence, FIRST + 1);
	assert_int_equal(vfifo_wait(consumer, 24, 0), 0);
	assert_int_equal(vfifo_wait(consumer, 25, 0), -ETIMEDOUT);
	assert_int_equal(vfifo_wait(consumer, CAPACITY + 1, 0), -EMSGSIZE);
	assert_int_equal(vfifo_watermark(consumer), 1);
	assert_int_equal(vfifo_watermark(producer), PIPE_BUF);
}

static void a_record_is_streamed_past_the_caches(void **state)
{
	static char sent[LONGEST], buffer[LONGEST];

	(void)state;
	if (vfifo_set_copy(producer, VFIFO_COPY_STREAMING))
		skip();
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 >> 3);
	for (size_t n = VFIFO_STREAM_MIN; n <= LONGEST; n += 333) {
		assert_int_equal(vfifo_write_record(producer, sent, n, 0), n);
		assert_int_equal(vfifo_read_record(consumer, buffer, LONGEST,
						   &got, 0),
				 n);
		assert_memory_equal(buffer, sent, n);
	}
}

/* --- lies ------------------------------------------------------------------------------------- */

static void a_header_that_cannot_be_is_refused(void **state)
{
	static const uint32_t bad[] = {
		0,	    ~VFIFO_RECORD_LENGTH, 9, 25, LONGEST, CAPACITY,
		UINT32_MAX, VFIFO_RECORD_LENGTH,
	};
	struct vfifo_record before;
	char bytes[8];

	(void)state;
	assert_int_equal(vfifo_write_record(producer, "12345678", 8, 0), 8);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		header_at(START)->length = bad[i];
		before = got;
		assert_int_equal(vfifo_peek_record(consumer, &p, &got),
				 -EBADMSG);
		assert_memory_equal(&got, &before, sizeof(got));
		assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
		assert_int_equal(vfifo_read_record(consumer, bytes, 8, &got, 0),
				 -EBADMSG);
		assert_int_equal(fake_position(OUT), START);
	}
	/* It can become valid. */
	header_at(START)->length = 8;
	assert_int_equal(vfifo_read_record(consumer, bytes, 8, &got, 0), 8);
	assert_memory_equal(bytes, "12345678", 8);
}

/* What is stored meanwhile counts: a length is wrong only if it is more than all of it. */
static void a_record_may_become_whole(void **state)
{
	(void)state;
	header_at(START)->length = 100;
	fake_move(IN, START + 24);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EBADMSG);
	fake_move(IN, START + vfifo_record_space(100));
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 100);
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(fake_position(OUT), START + vfifo_record_space(100));
}

static void a_length_is_loaded_once(void **state)
{
	(void)state;
	assert_int_equal(vfifo_write_record(producer, "12345678", 8, 0), 8);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 8);
	/* Another process writes to the data now. */
	header_at(START)->length = UINT32_MAX;
	assert_int_equal(vfifo_consume_record(consumer), 0);
	assert_int_equal(fake_position(OUT), START + 24);

	assert_int_equal(vfifo_write_record(producer, "1234", 4, 0), 4);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 4);
	header_at(START + 24)->length = 0;
	/* A look that fails takes the record back. */
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EBADMSG);
	assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
}

static void all_can_be_dropped(void **state)
{
	(void)state;
	assert_int_equal(vfifo_drop_records(consumer), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vfifo_write_record(producer, "x", 1, 0), 1);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 1);
	header_at(START + 24)->length = 0;
	assert_int_equal(vfifo_skip_record(consumer), 0);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EBADMSG);
	assert_int_equal(vfifo_drop_records(consumer), 0);
	assert_int_equal(fake_position(OUT), fake_position(IN));
	assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), -EAGAIN);

	/* The gap in the numbers shows how many are missing. */
	assert_int_equal(vfifo_write_record(producer, "y", 1, 0), 1);
	assert_int_equal(vfifo_peek_record(consumer, &p, &got), 1);
	assert_int_equal(got.sequence, FIRST + 5);
	/* Also that which was peeked at. */
	assert_int_equal(vfifo_drop_records(consumer), 0);
	assert_int_equal(vfifo_skip_record(consumer), -EINVAL);
}

static void a_position_between_records_is_refused(void **state)
{
	(void)state;
	for (uint32_t off = 1; off < VFIFO_RECORD_ALIGN; off++) {
		fake_move(IN, START + 24 + off);
		assert_int_equal(vfifo_peek_record(consumer, &p, &got),
				 -EBADMSG);
		assert_int_equal(vfifo_drop_records(consumer), -EBADMSG);
		assert_int_equal(vfifo_wait(consumer, 1, 0), -EBADMSG);
		assert_int_equal(__vfifo_records(consumer)->hot.peer, START);
	}
	fake_move(IN, START);
	assert_int_equal(vfifo_commit_record(producer, LONGEST, 0), 0);
	fake_move(OUT, START + 4);
	assert_int_equal(vfifo_reserve_record(producer, LONGEST, &p), -EBADMSG);
	device.status->need = fake_poll_bit(OUT);
	assert_int_equal(vfifo_publish(producer), -EBADMSG);
	assert_int_equal(__vfifo_records(producer)->hot.peer, START);
}

static uint32_t random_u32(void)
{
	static uint32_t state = 0x2545f491;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Loads each byte: one outside of the data is a guard page, and ends the test. */
static void use_bytes(const unsigned char *at, ssize_t n)
{
	const unsigned char *data = __vfifo_records(consumer)->hot.data;

	assert_true(at >= data && at + n <= data + 2 * CAPACITY);
	for (ssize_t i = 0; i < n; i++)
		(void)*(volatile const unsigned char *)(at + i);
}

static uint32_t random_length(void)
{
	uint32_t word = random_u32();

	return word & 1 ? word : word >> 1 & (2 * CAPACITY - 1);
}

static void no_lie_leads_out_of_the_buffer(void **state)
{
	static unsigned char buffer[2 * CAPACITY];
	int found = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t own = __vfifo_records(consumer)->hot.own;
		ssize_t n;

		header_at(own)->length = random_length();
		if (random_u32() % 4 == 0)
			fake_move(IN, own + (random_u32() & 0x1ffff8) / 64);
		n = vfifo_peek_record(consumer, &p, &got);
		header_at(own)->length = random_length();
		if (n > 0) {
			found++;
			assert_int_equal(got.length, n);
			use_bytes(p, n);
			n = random_u32() & 1 ? vfifo_skip_record(consumer) :
					       vfifo_consume_record(consumer);
			assert_int_equal(n, 0);
		} else {
			refused += n == -EBADMSG;
			vfifo_read_record(consumer, buffer, sizeof(buffer),
					  &got, 0);
		}
		if (random_u32() % 64 == 0)
			vfifo_drop_records(consumer);
		assert_int_equal(__vfifo_records(consumer)->hot.own % 8, 0);
		assert_true(__vfifo_room(&__vfifo_records(consumer)->hot) <=
			    CAPACITY);
	}
	assert_true(found > 1000 && refused > 1000);
}

/* --- streams ---------------------------------------------------------------------------------- */

struct stream {
	unsigned int records, longest, batch, spin_us;
	bool copies;
};

static uint32_t length_of(const struct stream *s, uint32_t number)
{
	return 1 + (number * 2654435761U >> 8) % s->longest;
}

static void fill(unsigned char *at, uint32_t n, uint32_t number)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = (unsigned char)(number * 31 + i);
}

static bool is_filled(const unsigned char *at, uint32_t n, uint32_t number)
{
	for (uint32_t i = 0; i < n; i++)
		if (at[i] != (unsigned char)(number * 31 + i))
			return false;
	return true;
}

static int send_in_place(const struct stream *s, uint32_t i, uint32_t n)
{
	void *at = NULL;
	ssize_t room;
	int err = 0;

	while ((room = vfifo_reserve_record(producer, n, &at)) == -EAGAIN &&
	       !err)
		err = vfifo_wait(producer, vfifo_record_space(n), TIMEOUT_MS);
	if (room < 0)
		return err ? err : (int)room;
	fill(at, n, i);
	err = vfifo_advance_record(producer, n, i);
	return err || (i + 1) % s->batch ? err : vfifo_publish(producer);
}

static void *send_all(void *stream)
{
	static unsigned char buffer[LONGEST];
	const struct stream *s = stream;

	for (uint32_t i = 0; i < s->records; i++) {
		uint32_t n = length_of(s, i);

		if (!s->copies) {
			if (send_in_place(s, i, n))
				return "in place";
			continue;
		}
		fill(buffer, n, i);
		if (vfifo_write_record(producer, buffer, n, TIMEOUT_MS) !=
		    (ssize_t)n)
			return "with a copy";
	}
	return vfifo_publish(producer) ? "publish" : NULL;
}

static ssize_t receive_in_place(uint32_t i)
{
	void *at = NULL;
	ssize_t n;
	int err = 0;

	while ((n = vfifo_peek_record(consumer, &at, &got)) == -EAGAIN && !err)
		err = vfifo_wait(consumer, 1, TIMEOUT_MS);
	if (n < 0)
		return err ? err : n;
	if (!is_filled(at, (uint32_t)n, i))
		return -EILSEQ;
	err = i % 3 ? vfifo_skip_record(consumer) :
		      vfifo_consume_record(consumer);
	return err ? err : n;
}

static ssize_t receive_copy(uint32_t i)
{
	static unsigned char buffer[LONGEST];
	ssize_t n = vfifo_read_record(consumer, buffer, sizeof(buffer), &got,
				      TIMEOUT_MS);

	return n < 0 || is_filled(buffer, (uint32_t)n, i) ? n : -EILSEQ;
}

static void records_stay_whole_and_in_order(void **state)
{
	struct stream *s = *state;
	pthread_t thread;
	void *failed;

	both_open(NULL);
	device.status->watermark[IN] = 1;
	vfifo_set_spin(producer, s->spin_us);
	vfifo_set_spin(consumer, s->spin_us);
	assert_int_equal(pthread_create(&thread, NULL, send_all, s), 0);
	for (uint32_t i = 0; i < s->records; i++) {
		ssize_t n = s->copies ? receive_copy(i) : receive_in_place(i);

		assert_int_equal(n, length_of(s, i));
		assert_int_equal(got.sequence, FIRST + i);
		assert_true(s->copies || got.time == i);
	}
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_true(vfifo_kicks(producer) <= device.kernel->polls[OUT]);
	assert_true(vfifo_kicks(consumer) <= device.kernel->polls[IN]);
	both_close(NULL);
}

static struct stream short_ones = { 100000, 20, 1, 5, false };
static struct stream batches = { 100000, 200, 32, 0, false };
static struct stream long_ones = { 3000, LONGEST, 1, 5, false };
static struct stream copies = { 3000, LONGEST, 1, 0, true };

#define with_both(test) \
	cmocka_unit_test_setup_teardown(test, both_open, both_close)
#define in_threads(stream)                                                 \
	{                                                                  \
		"threads_" #stream, records_stay_whole_and_in_order, NULL, \
			NULL, &(stream)                                    \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_both(an_open_claims_at_the_offsets_of_records),
		with_both(an_open_refuses_the_other_framing),
		with_both(the_kernel_refuses_the_other_framing),
		with_both(an_open_refuses_positions_between_records),
		with_both(records_come_out_as_they_went_in),
		with_both(a_record_has_the_header_of_the_protocol),
		with_both(flags_of_a_later_kernel_are_ignored),
		with_both(the_next_producer_goes_on_with_the_number),
		with_both(a_reservation_tells_what_fits),
		with_both(a_header_alone_is_no_room),
		with_both(misuse_is_an_error_and_changes_nothing),
		with_both(the_framings_do_not_mix),
		with_both(a_forked_child_has_no_claim),
		with_both(a_copy_moves_one_record),
		with_both(a_write_waits_for_room_for_all),
		with_both(the_end_of_the_stream_is_0),
		with_both(what_a_wait_returns_is_told),
		with_both(removal_is_told_at_once),
		with_both(revocation_is_told_before_a_store),
		with_both(a_wait_publishes),
		with_both(a_record_is_streamed_past_the_caches),
		with_both(a_header_that_cannot_be_is_refused),
		with_both(a_record_may_become_whole),
		with_both(a_length_is_loaded_once),
		with_both(all_can_be_dropped),
		with_both(a_position_between_records_is_refused),
		with_both(no_lie_leads_out_of_the_buffer),
		in_threads(short_ones),
		in_threads(batches),
		in_threads(long_ones),
		in_threads(copies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libvfifo, records", tests, NULL,
					   NULL);
}
