// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client that stores any header of a record, or any position, makes read() fail with EIO, and does
 * no other harm. The next valid header ends that, and so does what drops all that is stored.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static int fd;
static struct vfifo_status *status;
static unsigned char *data;
static uint32_t *in, *out; /* read-only */
static char bytes[CAPACITY];

static struct vfifo_record *record_at(uint32_t position)
{
	return (void *)(data + vfifo_offset(CAPACITY, position));
}

static int revents(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* A file that only writes has no error. */
static void writer_has_no_error(void)
{
	struct pollfd p = { .fd = device(O_WRONLY), .events = POLLOUT };

	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLOUT);
	check(!close(p.fd));
}

static void is_broken(void)
{
	const long long size = attribute("size");
	int n;

	check_errno(read(fd, bytes, sizeof(bytes)), EIO);
	check_errno(ioctl(fd, FIONREAD, &n), EIO);
	check_equal(attribute("size"), size);
	check_equal(revents(), POLLIN | POLLERR);
	check(status->flags & VFIFO_BROKEN);
}

static void is_whole(size_t length)
{
	check_equal(read(fd, bytes, sizeof(bytes)), length);
	check_pattern(bytes, length, length);
	check(!(revents() & POLLERR));
	check(!(status->flags & VFIFO_BROKEN));
}

static void put(size_t length)
{
	fill_pattern(bytes, length, length);
	check_equal(write(fd, bytes, length), length);
}

/* Lengths that cannot be true, with 96 bytes stored from there on. */
static const uint32_t lies[] = { 0,	      81,	  0x1fffffff,
				 0x1ffffff8,  0xffffffff, 0xe0000000,
				 0x80000000u, 0x7fffffff, 0x10000000,
				 CAPACITY };

static void invalid_length_breaks_reads_until_it_is_valid(void)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const uint32_t at = *out;

		put(17); /* 40 bytes */
		put(9);	 /* 32 bytes */
		record_at(at)->length = lies[i];
		is_broken();
		writer_has_no_error();
		put(3);
		is_broken();
		record_at(at)->length = 17;
		is_whole(17);
		is_whole(9);
		is_whole(3);
		check_equal(attribute("size"), 0);
	}
}

static void flags_and_numbers_are_not_used(void)
{
	const uint32_t at = *out;

	put(17);
	*record_at(at) =
		(struct vfifo_record){ 0xe0000000u | 17, 0xffffffff, ~0ULL };
	is_whole(17);
}

static void clear_drops_what_is_invalid(void)
{
	put(17);
	put(9);
	record_at(*out)->length = 0;
	is_broken();
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(attribute("size"), 0);
	check(!(revents() & POLLERR));
	check(!(status->flags & VFIFO_BROKEN));
	put(9);
	is_whole(9);
}

static void overwriting_drops_what_is_invalid(void)
{
	const uint32_t at = *out;

	check_equal(set_attribute("overflow", "overwrite"), 0);
	check_equal(set_attribute("stats/reset", "1"), 0);
	put(1000);
	put(17);
	put(9);
	record_at(at + vfifo_record_space(1000))->length = 0x1fffffff;
	/* As many as fit, then one more, which needs space behind the first record. */
	put(CAPACITY / 2);
	put(CAPACITY / 2 - 16);
	/* The record of 1000 bytes was counted, those behind it were not. */
	check_equal(attribute("stats/dropped_records"), 1);
	check(!(status->flags & VFIFO_BROKEN));
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	check_equal(errno, EAGAIN);
	check_equal(set_attribute("overflow", "block"), 0);
}

static void overwriting_ends_the_error(void)
{
	check_equal(set_attribute("overflow", "overwrite"), 0);
	put(CAPACITY / 2);
	record_at(*out)->length = 0;
	is_broken();
	/* With enough space nothing is dropped. */
	put(1000);
	is_broken();
	put(CAPACITY / 2);
	check_equal(revents(), POLLIN);
	check(!(status->flags & VFIFO_BROKEN));
	is_whole(CAPACITY / 2);
	check_equal(attribute("size"), 0);
	check_equal(set_attribute("overflow", "block"), 0);
}

static uint32_t *claim(enum vfifo_end end)
{
	uint32_t *page = map_page(fd,
				  end == VFIFO_PRODUCER ?
					  VFIFO_MMAP_RECORD_PRODUCER :
					  VFIFO_MMAP_RECORD_CONSUMER,
				  PROT_READ | PROT_WRITE);

	check(page != MAP_FAILED);
	return page;
}

static void store(uint32_t *position, uint32_t value)
{
	__atomic_store_n(position, value, __ATOMIC_SEQ_CST);
	check(!ioctl(fd, VFIFO_KICK));
}

static void position_inside_a_record_is_invalid(void)
{
	uint32_t *mine = claim(VFIFO_PRODUCER);
	const uint32_t at = *mine;

	for (uint32_t odd = 1; odd < 8; odd++) {
		*record_at(at) = (struct vfifo_record){ 1, 0, 0 };
		store(mine, at + 24 + odd);
		check_errno(read(fd, bytes, sizeof(bytes)), EIO);
		check_equal(attribute("size"), 0);
		store(mine, at);
		check_errno(read(fd, bytes, sizeof(bytes)), EAGAIN);
	}
	/* The last valid position stands at the end of the claim. */
	store(mine, at + 25);
	check(!munmap(mine, PAGE));
	check_equal(*in, at);
	check_equal(*out, at);

	put(9);
	mine = claim(VFIFO_CONSUMER);
	store(mine, at + 4);
	check_errno(write(fd, bytes, 1), EIO);
	check(!munmap(mine, PAGE));
	is_whole(9);
}

/* Both sides claimed: the position that the ring falls back to is that of a record. */
static void positions_of_two_liars_are_aligned(void)
{
	uint32_t *mine = claim(VFIFO_PRODUCER), *theirs = claim(VFIFO_CONSUMER);

	store(theirs, *in + 0x12345);
	store(mine, *in + 0x12343);
	check(!munmap(mine, PAGE));
	check(!munmap(theirs, PAGE));
	check_equal(*in % 8, 0);
	check_equal(*out % 8, 0);
	check_equal(*in, *out);
	put(5);
	is_whole(5);
}

/* A holder publishes bytes that hold no record. */
static void holder_may_publish_garbage(void)
{
	for (uint32_t n = 8; n <= 4096; n += 8) {
		uint32_t *mine = claim(VFIFO_PRODUCER);
		const uint32_t at = *mine;

		memset(record_at(at), 0xff, n);
		store(mine, at + n);
		is_broken();
		check(!munmap(mine, PAGE));
		is_broken();
		check(!ioctl(fd, VFIFO_CLEAR));
		put(5);
		is_whole(5);
	}
}

/* Whatever the number of the next record is, the kernel goes on from there. */
static void numbers_go_on_after_a_claim(void)
{
	const uint32_t numbers[] = { 0, 7, 0x7fffffff, 0xffffffff };

	for (int i = 0; i < 4; i++) {
		struct vfifo_position *mine = (void *)claim(VFIFO_PRODUCER);

		mine->sequence = numbers[i];
		check(!munmap(mine, PAGE));
		put(1);
		check_equal(record_at(*out)->sequence, numbers[i]);
		is_whole(1);
		mine = (void *)claim(VFIFO_PRODUCER);
		check_equal(mine->sequence, (uint32_t)(numbers[i] + 1));
		check(!munmap(mine, PAGE));
	}
}

/* The holder of the consumer side looks at records itself. */
static void claim_ends_the_error(void)
{
	uint32_t *mine;
	int n;

	put(5);
	record_at(*out)->length = 0;
	is_broken();
	mine = claim(VFIFO_CONSUMER);
	check(!(status->flags & VFIFO_BROKEN));
	check_errno(read(fd, bytes, sizeof(bytes)), EBUSY);
	check_errno(ioctl(fd, FIONREAD, &n), EBUSY);
	store(mine, *in);
	check(!munmap(mine, PAGE));
	put(5);
	is_whole(5);
}

static void hold_until_killed(void *unused)
{
	volatile uint32_t *mine = claim(VFIFO_PRODUCER);

	(void)unused;
	while (*mine != 1)
		sleep_ms(1);
}

/* A claim of records can be revoked like one of bytes. */
static void revoked_holder_has_no_page(void)
{
	pid_t pid = start(hold_until_killed, NULL);
	int status;

	while (!attribute("producer"))
		sleep_ms(1);
	sleep_ms(50); /* it has the page by now */
	check_equal(set_attribute("producer", "0"), 0);
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status));
	check_equal(WTERMSIG(status), SIGBUS);
	check_equal(attribute("producer"), 0);
}

/* The file of a claim is open for reading as well, but its process waits for space. */
static void holder_that_writes_has_no_error(void)
{
	struct pollfd p = { .fd = device(O_RDWR), .events = POLLOUT };
	void *page = map_page(p.fd, VFIFO_MMAP_RECORD_PRODUCER,
			      PROT_READ | PROT_WRITE);

	check(page != MAP_FAILED);
	*record_at(*out) = (struct vfifo_record){ 0 };
	__atomic_store_n((uint32_t *)page, *out + CAPACITY, __ATOMIC_RELEASE);
	is_broken();
	check_equal(poll(&p, 1, 0), 0);
	check(!munmap(page, PAGE));
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLERR);
	check(!close(p.fd));
	check(!ioctl(fd, VFIFO_CLEAR));
	check(!(revents() & POLLERR));
}

static void wait_for_the_error(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY) };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLERR);
}

/* A process that polls is told of what the read() of another one has found. */
static void pollers_are_woken(void)
{
	pid_t pid;

	put(5);
	record_at(*out)->length = 0;
	pid = start(wait_for_the_error, NULL);
	wait_asleep(pid, "poll");
	/* Notices of the cases before can come late, and wake it as well. */
	sleep_ms(300);
	is_broken();
	finish(pid);
	record_at(*out)->length = 5;
	is_whole(5);
}

/* A header that changes all the time while readers and writers work. */
static void scribble(void *unused)
{
	(void)unused;
	/* A child has the mapping of the data only. */
	out = map_page(fd, VFIFO_MMAP_RECORD_CONSUMER, PROT_READ);
	check(out != MAP_FAILED);
	for (uint32_t i = 0;; i += 2654435761u) {
		const uint32_t at = __atomic_load_n(out, __ATOMIC_ACQUIRE);

		__atomic_store_n(&record_at(at + 24 * (i & 3))->length, i >> 3,
				 __ATOMIC_RELAXED);
		relax();
	}
}

static void headers_may_change_at_any_time(void)
{
	const unsigned long rounds = share(2000000, 20000);
	pid_t pid = start(scribble, NULL);
	unsigned long good = 0, bad = 0;

	/* With one processor the other process runs now and then only. */
	for (unsigned long i = 0; i < rounds || !good || !bad; i++) {
		ssize_t n;

		if (write(fd, bytes, i % 40 + 1) < 0)
			check_equal(errno, EAGAIN);
		n = read(fd, bytes, sizeof(bytes));
		/* No record has more than what is stored. */
		check(*in - *out <= CAPACITY);
		if (n >= 0) {
			check(n && n <= CAPACITY);
			good++;
			continue;
		}
		check(errno == EIO || errno == EAGAIN);
		if (errno == EIO && ++bad)
			check(!ioctl(fd, VFIFO_CLEAR));
	}
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check(good && bad);
	check(!ioctl(fd, VFIFO_CLEAR));
	put(5);
	is_whole(5);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	check_equal(set_attribute("framing", "records"), 0);
	status = map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);
	in = map_page(fd, VFIFO_MMAP_RECORD_PRODUCER, PROT_READ);
	out = map_page(fd, VFIFO_MMAP_RECORD_CONSUMER, PROT_READ);
	data = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	check(status != MAP_FAILED && in != MAP_FAILED && out != MAP_FAILED);
	check(data != MAP_FAILED);
	run_case(invalid_length_breaks_reads_until_it_is_valid());
	run_case(flags_and_numbers_are_not_used());
	run_case(clear_drops_what_is_invalid());
	run_case(overwriting_drops_what_is_invalid());
	run_case(overwriting_ends_the_error());
	run_case(position_inside_a_record_is_invalid());
	run_case(positions_of_two_liars_are_aligned());
	run_case(holder_may_publish_garbage());
	run_case(numbers_go_on_after_a_claim());
	run_case(claim_ends_the_error());
	run_case(revoked_holder_has_no_page());
	run_case(holder_that_writes_has_no_error());
	run_case(pollers_are_woken());
	run_case(headers_may_change_at_any_time());
	return 0;
}
