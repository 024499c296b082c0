// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * framing=records: each write is a record, and each read gives one, whole. A call that cannot do so
 * changes nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define LONGEST ((size_t)CAPACITY / 2)

static int fd;
static char *volatile nowhere; /* volatile: the compiler warns of NULL */
static char sent[2 * CAPACITY], got[2 * CAPACITY];

static int set_framing(const char *framing)
{
	return set_attribute("framing", framing);
}

static int next_length(void)
{
	int n = -1;

	check(!ioctl(fd, FIONREAD, &n));
	return n;
}

static void put(size_t length, uint64_t at)
{
	fill_pattern(sent, length, at);
	check_equal(write(fd, sent, length), length);
}

static void take(size_t length, uint64_t at)
{
	check_equal(next_length(), length);
	check_equal(read(fd, got, sizeof(got)), length);
	check_pattern(got, length, at);
}

static void each_read_gives_a_record(void)
{
	size_t stored = 0;

	for (size_t n = 1; n < 40; n++) {
		put(n, n);
		stored += vfifo_record_space(n);
	}
	put(LONGEST - 1, 5);
	stored += vfifo_record_space(LONGEST - 1);
	check_equal(attribute("size"), stored);
	for (size_t n = 1; n < 40; n++)
		take(n, n);
	take(LONGEST - 1, 5);
	check_equal(attribute("size"), 0);
	check_equal(next_length(), 0);
	check_errno(read(fd, got, 1), EAGAIN);
	/* Each of them counts once. */
	check_equal(attribute("stats/reads"), 40);
	check_equal(attribute("stats/writes"), 40);
	check_equal(attribute("stats/in_bytes"), stored);
}

static void wrong_lengths_change_nothing(void)
{
	check_equal(write(fd, sent, 0), 0);
	check_equal(attribute("size"), 0);
	check_errno(write(fd, sent, LONGEST + 1), EMSGSIZE);
	check_errno(write(fd, sent, sizeof(sent)), EMSGSIZE);
	check_equal(attribute("size"), 0);

	put(100, 1);
	put(LONGEST, 2);
	check_equal(read(fd, got, 0), 0);
	check_errno(read(fd, got, 1), EMSGSIZE);
	check_errno(read(fd, got, 99), EMSGSIZE);
	take(100, 1);
	check_errno(read(fd, got, LONGEST - 1), EMSGSIZE);
	check_equal(read(fd, got, LONGEST), LONGEST);
	check_pattern(got, LONGEST, 2);
}

static void vectors_are_one_record(void)
{
	struct iovec from[] = { { sent, 3 }, { sent + 3, 0 }, { sent + 3, 4 } };
	struct iovec to[] = { { got, 1 }, { got + 1, 5 }, { got + 6, 9 } };

	fill_pattern(sent, 7, 9);
	check_equal(writev(fd, from, 3), 7);
	check_errno(readv(fd, to, 2), EMSGSIZE);
	check_equal(readv(fd, to, 3), 7);
	check_pattern(got, 7, 9);
}

static void headers_tell_number_and_time(void)
{
	struct vfifo_record first, second;
	const double before = now();

	put(3, 0);
	put(5, 0);
	first = next_record(fd);
	take(3, 0);
	second = next_record(fd);
	take(5, 0);
	check_equal(first.length, 3);
	check_equal(second.length, 5);
	check_equal(second.sequence, first.sequence + 1);
	check(first.time <= second.time);
	check((double)first.time / 1e9 >= before - 0.001);
	check((double)second.time / 1e9 <= now() + 0.001);
}

static void padding_is_zero(void)
{
	unsigned char *data = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
	uint32_t *out = map_page(fd, VFIFO_MMAP_RECORD_CONSUMER, PROT_READ);
	uint32_t end;

	check(data != MAP_FAILED && out != MAP_FAILED);
	memset(data, 0xee, CAPACITY);
	put(3, 0);
	end = *out + vfifo_record_space(3);
	for (uint32_t i = end - 5; i < end; i++)
		check_equal(data[vfifo_offset(CAPACITY, i)], 0);
	check_equal(data[vfifo_offset(CAPACITY, end)], 0xee);
	take(3, 0);
	check(!munmap(data, 2 * CAPACITY));
	check(!munmap(out, PAGE));
}

static void fill(void)
{
	while (write(fd, sent, 1000) == 1000)
		;
	check_equal(errno, EAGAIN);
}

static void drain(void)
{
	while (read(fd, got, sizeof(got)) > 0)
		;
	check_equal(errno, EAGAIN);
}

static void full_is_eagain_and_whole(void)
{
	const size_t space = vfifo_record_space(1000);
	size_t size;

	fill();
	size = attribute("size");
	check_equal(size, CAPACITY / space * space);
	/* A smaller one fits, and a larger one is never stored in part. */
	check_errno(write(fd, sent, CAPACITY - size), EAGAIN);
	check_equal(attribute("size"), size);
	put(CAPACITY - size - vfifo_record_space(0), 4);
	check_equal(attribute("size"), CAPACITY);
	check_errno(write(fd, sent, 1), EAGAIN);
	drain();
}

static void new_records_are_dropped_whole(void)
{
	const size_t stored = CAPACITY / vfifo_record_space(1000);
	uint32_t sequence;

	check_equal(set_attribute("overflow", "drop"), 0);
	check_equal(set_attribute("stats/reset", "1"), 0);
	fill_pattern(sent, 1000, 0);
	for (size_t i = 0; i < stored + 3; i++)
		check_equal(write(fd, sent, 1000), 1000);
	check_errno(write(fd, sent, LONGEST + 1), EMSGSIZE);
	check_equal(attribute("stats/dropped_records"), 3);
	check_equal(attribute("stats/dropped_bytes"), 3000);
	sequence = next_record(fd).sequence;
	for (size_t i = 0; i < stored; i++) {
		check_equal(next_record(fd).sequence, sequence++);
		take(1000, 0);
	}
	/* The gap tells a reader how many are missing. */
	put(1, 1);
	check_equal(next_record(fd).sequence, sequence + 3);
	take(1, 1);
	check_equal(set_attribute("overflow", "block"), 0);
}

static void oldest_records_are_dropped_whole(void)
{
	uint32_t sequence;

	check_equal(set_attribute("overflow", "overwrite"), 0);
	check_equal(set_attribute("stats/reset", "1"), 0);
	for (size_t i = 0; i < 200; i++)
		put(1000, i);
	check_errno(write(fd, sent, LONGEST + 1), EMSGSIZE);
	for (size_t i = 200 - CAPACITY / vfifo_record_space(1000); i < 200;
	     i++) {
		sequence = next_record(fd).sequence;
		take(1000, i);
	}
	check_errno(read(fd, got, 1), EAGAIN);
	check_equal(attribute("stats/dropped_records"),
		    200 - CAPACITY / vfifo_record_space(1000));
	check_equal(attribute("stats/dropped_bytes"),
		    1000 * attribute("stats/dropped_records"));
	/* Records of any length make room for the longest. */
	for (size_t i = 1; i < 300; i++)
		put(i, i);
	put(LONGEST, 7);
	put(LONGEST - 16, 8);
	take(LONGEST - 16, 8);
	check_errno(read(fd, got, 1), EAGAIN);
	put(1, 1);
	check_equal(next_record(fd).sequence, sequence + 302);
	take(1, 1);
	/* An old record is not dropped for a new one that cannot be read. */
	put(LONGEST, 1);
	check_errno(write(fd, nowhere, LONGEST), EFAULT);
	check_errno(write(fd, nowhere, LONGEST + 1), EMSGSIZE);
	take(LONGEST, 1);
	check_equal(set_attribute("overflow", "block"), 0);
}

static void write_of(void *length)
{
	int blocking = device(O_WRONLY);

	fill_pattern(sent, (size_t)length, 11);
	check_equal(write(blocking, sent, (size_t)length), (size_t)length);
}

static void too_long_now(void *length)
{
	int blocking = device(O_WRONLY);

	check_errno(write(blocking, sent, (size_t)length), EMSGSIZE);
}

static void read_of_two(void *unused)
{
	int blocking = device(O_RDONLY);

	(void)unused;
	check_equal(read(blocking, got, sizeof(got)), 2);
}

/* A call that sleeps waits for its whole record. */
static void calls_wait_for_a_record(void)
{
	const size_t space = vfifo_record_space(1000);
	size_t stored = CAPACITY / space, free_bytes;
	pid_t pid;

	pid = start(read_of_two, NULL);
	wait_asleep(pid, "vfifo");
	put(2, 0);
	finish(pid);

	fill();
	pid = start(write_of, (void *)LONGEST);
	wait_asleep(pid, "vfifo");
	free_bytes = CAPACITY - stored * space;
	while (free_bytes < vfifo_record_space(LONGEST)) {
		wait_asleep(pid, "vfifo");
		check_equal(read(fd, got, sizeof(got)), 1000);
		stored--;
		free_bytes += space;
	}
	finish(pid);
	while (stored--)
		check_equal(read(fd, got, sizeof(got)), 1000);
	take(LONGEST, 11);
}

static void sleepers_see_a_new_capacity(void)
{
	pid_t pid;

	fill_pattern(sent, 1000, 0);
	check_equal(set_capacity(2 * CAPACITY), 0);
	put(CAPACITY - 16, 3);
	put(CAPACITY - 16, 4);
	pid = start(too_long_now, (void *)(size_t)CAPACITY);
	wait_asleep(pid, "vfifo");
	take(CAPACITY - 16, 3);
	/* It sleeps on: half is free, and its header does not fit. */
	wait_asleep(pid, "vfifo");
	check_equal(set_capacity(CAPACITY), 0);
	finish(pid);
	/* The record that is stored stays, although it could not be written now. */
	take(CAPACITY - 16, 4);
}

static void framing_changes_when_empty(void)
{
	void *page;

	put(3, 1);
	check_equal(set_framing("bytes"), EBUSY);
	check_equal(set_framing("records"), 0);
	take(3, 1);
	page = map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);
	check(page != MAP_FAILED);
	check_equal(((struct vfifo_status *)page)->framing, VFIFO_RECORDS);
	check(((struct vfifo_status *)page)->features & VFIFO_HAS_RECORDS);
	check_equal(set_framing("bytes"), EBUSY);
	check(!munmap(page, PAGE));
	check_equal(set_framing("byte"), EINVAL);
	check_equal(set_framing("bytes"), 0);
	check_attribute("framing", "bytes");
	/* At any position that bytes have left. */
	for (int n = 1; n < 10; n++) {
		check_equal(write(fd, sent, n), n);
		check_equal(set_framing("records"), EBUSY);
		check_equal(read(fd, got, sizeof(got)), n);
		check_equal(set_framing("records"), 0);
		check_equal(attribute("size"), 0);
		put(9, n);
		check_equal(next_record(fd).length, 9);
		take(9, n);
		check_equal(set_framing("bytes"), 0);
	}
	check_equal(set_framing("records"), 0);
}

/* A reader that sleeps is there before the framing is. */
static void sleeping_reader_gets_a_record(void)
{
	pid_t pid;

	check_equal(set_framing("bytes"), 0);
	pid = start(read_of_two, NULL);
	wait_asleep(pid, "vfifo");
	check_equal(set_framing("records"), 0);
	put(2, 0);
	put(3, 0);
	finish(pid);
	take(3, 0);
}

/* Until the next sleep of this process no other one of this processor runs. */
static void run_alone(bool alone)
{
	const struct sched_param priority = { .sched_priority = alone };

	check(!sched_setscheduler(0, alone ? SCHED_FIFO : SCHED_OTHER,
				  &priority));
}

static void drain_bytes(size_t n)
{
	while (n) {
		const ssize_t ret = read(fd, got, sizeof(got));

		if (ret < 0)
			check_equal(errno, EAGAIN);
		else
			n -= ret;
		sleep_ms(ret < 0);
	}
}

/*
 * A writer that waits for space for a record finds bytes when it runs, and no space. As a write of
 * bytes it goes on when there is space for all of a short one, or for the first byte of a long one.
 */
static void sleeping_writer_writes_bytes(size_t n)
{
	const size_t least = n <= PIPE_BUF ? n : 1;
	cpu_set_t all, one;
	double until;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	check(!sched_getaffinity(0, sizeof(all), &all));
	check(!sched_setaffinity(0, sizeof(one), &one));
	put(LONGEST - 16, 1);
	put(LONGEST - 16, 1);
	pid = start(write_of, (void *)n);
	wait_asleep(pid, "vfifo");
	run_alone(true);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(set_framing("bytes"), 0);
	put(CAPACITY, 1);
	run_alone(false);
	sleep_ms(50);
	wait_asleep(pid, "vfifo");
	check_equal(attribute("size"), CAPACITY);

	check_equal(read(fd, got, least), least);
	until = now() + 10;
	while (attribute("size") < CAPACITY && now() < until)
		sleep_ms(1);
	check_equal(attribute("size"), CAPACITY);
	drain_bytes(CAPACITY - least + n);
	finish(pid);
	check_equal(set_framing("records"), 0);
	check(!sched_setaffinity(0, sizeof(all), &all));
}

static void claims_name_the_framing(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	for (int end = VFIFO_PRODUCER; end <= VFIFO_CONSUMER; end++) {
		const off_t of_records = end == VFIFO_PRODUCER ?
						 VFIFO_MMAP_RECORD_PRODUCER :
						 VFIFO_MMAP_RECORD_CONSUMER;
		void *page;

		check_errno((long)map_page(fd, position_offset(end), rw),
			    EPROTO);
		page = map_page(fd, of_records, rw);
		check(page != MAP_FAILED);
		check_errno((long)map_page(fd, of_records, rw), EBUSY);
		check(!munmap(page, PAGE));
		check_equal(set_framing("bytes"), 0);
		check_errno((long)map_page(fd, of_records, rw), EPROTO);
		page = map_page(fd, position_offset(end), rw);
		check(page != MAP_FAILED);
		check(!munmap(page, PAGE));
		check_equal(set_framing("records"), 0);
	}
	check_equal(attribute("mappings"), 0);
}

/* One splice out of a pipe is a record; one into a pipe takes one. */
static void splice_moves_records(void)
{
	int ends[2];

	check(!pipe(ends));
	fill_pattern(sent, 3000, 6);
	check_equal(write(ends[1], sent, 1000), 1000);
	check_equal(write(ends[1], sent + 1000, 2000), 2000);
	check_equal(splice(ends[0], NULL, fd, NULL, 3000, 0), 3000);
	check_equal(next_length(), 3000);
	put(5, 2);
	check_errno(splice(fd, NULL, ends[1], NULL, 2999, 0), EMSGSIZE);
	check_equal(splice(fd, NULL, ends[1], NULL, CAPACITY, 0), 3000);
	check_equal(read(ends[0], got, sizeof(got)), 3000);
	check_pattern(got, 3000, 6);
	take(5, 2);
	close(ends[0]);
	close(ends[1]);
}

static void poll_counts_bytes_of_the_buffer(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	check_equal(set_attribute("read_watermark", "40"), 0);
	put(8, 0); /* 24 bytes */
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLOUT);
	put(1, 0);
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLIN | POLLOUT);
	check_equal(set_attribute("read_watermark", "1"), 0);
	drain();
}

static void end_of_stream_comes_behind_the_last_record(void)
{
	int writer = device(O_WRONLY), reader = device(O_RDONLY);

	check_equal(write(writer, sent, 7), 7);
	check(!close(fd));
	check(!ioctl(writer, VFIFO_END));
	check(!close(writer));
	check_errno(read(reader, got, 6), EMSGSIZE);
	check_equal(read(reader, got, sizeof(got)), 7);
	check_equal(read(reader, got, sizeof(got)), 0);
	check(!close(reader));
	fd = device(O_RDWR | O_NONBLOCK);
}

static void read_records_are_scrubbed(void)
{
	uint32_t *out = map_page(fd, VFIFO_MMAP_RECORD_CONSUMER, PROT_READ);
	uint32_t start;
	char *data;

	check(out != MAP_FAILED);
	start = *out;

	check_equal(set_attribute("scrub", "1"), 0);
	put(999, 3);
	take(999, 3);
	data = mmap(NULL, CAPACITY, PROT_READ, MAP_SHARED, fd, 0);
	check(data != MAP_FAILED);
	/* Header, bytes and padding. */
	for (size_t i = 0; i < vfifo_record_space(999); i++)
		check_equal(data[(start + i) % CAPACITY], 0);
	check_equal(set_attribute("scrub", "0"), 0);
	check(!munmap(data, CAPACITY));
	check(!munmap(out, PAGE));
}

/* Memory that faults, or that is not resident, in any place of a record. */
static void faults_lose_nothing(void)
{
	const size_t n = 20 * PAGE;
	char *memory = mmap(NULL, n, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	check_equal(set_capacity(64 * PAGE), 0);
	/* Not resident yet: a read faults it in. */
	fill_pattern(sent, 20000, 4);
	check_equal(write(fd, sent, 20000), 20000);
	check_equal(read(fd, memory, n), 20000);
	check_pattern(memory, 20000, 4);
	/* A hole: EFAULT, for every length before it, and the record is kept. */
	check(!munmap(memory + n - PAGE, PAGE));
	for (size_t before = 1; before < 200; before++) {
		char *at = memory + n - PAGE - before;

		memset(at, 1, before);
		check_errno(write(fd, at, before + 1), EFAULT);
		check_equal(attribute("size"), 0);
		put(before + 1, before);
		check_errno(read(fd, at, before + 1), EFAULT);
		take(before + 1, before);
	}
	check_errno(write(fd, memory, n), EFAULT);
	check_equal(attribute("size"), 0);
	check(!munmap(memory, n - PAGE));
	check_equal(set_capacity(CAPACITY), 0);
}

/* Longer than what is copied at once. */
static void long_records_are_whole(void)
{
	const size_t n = (size_t)3 << 20;
	char *from = mmap(NULL, 2 * n, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *to = from + n;

	check(from != MAP_FAILED);
	check_equal(set_capacity(2 * n), 0);
	fill_pattern(from, n, 12);
	check_equal(write(fd, from, n), n);
	check_equal(read(fd, to, n), n);
	check_pattern(to, n, 12);
	check(!munmap(from, 2 * n));
	check_equal(set_capacity(CAPACITY), 0);
}

/* The buffer of the FIFO itself is a fine buffer for a call. */
static void own_mapping_is_a_buffer(void)
{
	char *data = mmap(NULL, 2 * CAPACITY, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	check(data != MAP_FAILED);
	check_equal(write(fd, data, 5000), 5000);
	check_equal(read(fd, data + CAPACITY, CAPACITY), 5000);
	check_equal(attribute("size"), 0);
	check(!munmap(data, 2 * CAPACITY));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	fd = device(O_RDWR | O_NONBLOCK);
	check_attribute("framing", "bytes");
	check_equal(set_framing("records"), 0);
	check_attribute("framing", "records");
	run_case(each_read_gives_a_record());
	run_case(wrong_lengths_change_nothing());
	run_case(vectors_are_one_record());
	run_case(headers_tell_number_and_time());
	run_case(padding_is_zero());
	run_case(full_is_eagain_and_whole());
	run_case(new_records_are_dropped_whole());
	run_case(oldest_records_are_dropped_whole());
	run_case(calls_wait_for_a_record());
	run_case(sleepers_see_a_new_capacity());
	run_case(framing_changes_when_empty());
	run_case(sleeping_reader_gets_a_record());
	run_case(sleeping_writer_writes_bytes(LONGEST));
	run_case(sleeping_writer_writes_bytes(1000));
	run_case(claims_name_the_framing());
	run_case(splice_moves_records());
	run_case(poll_counts_bytes_of_the_buffer());
	run_case(end_of_stream_comes_behind_the_last_record());
	run_case(read_records_are_scrubbed());
	run_case(faults_lose_nothing());
	run_case(long_records_are_whole());
	run_case(own_mapping_is_a_buffer());
	return 0;
}
