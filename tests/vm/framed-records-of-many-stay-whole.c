// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many writers and readers of a FIFO of records: each record is read once, whole, and those of a writer
 * in order by each reader, in all ways to read and write at once: blocking, with poll, with a buffer
 * that is too small at first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

#define WRITERS 4
#define READERS 4
#define RECORDS 4000
#define LONGEST (CAPACITY / 2)

struct head {
	uint32_t writer, number, length;
};

/* Shared by all processes: how often each record was read. */
static unsigned char (*seen)[RECORDS];

static uint32_t length_of(uint32_t writer, uint32_t number)
{
	const uint32_t n = (number * 2654435761u + writer * 40503u) >> 16;

	/* Most are short, and some nearly as long as a record can be. */
	return sizeof(struct head) +
	       (number % 64 ? n % 300 : n % (LONGEST - sizeof(struct head)));
}

static void writes(void *argument)
{
	static unsigned char bytes[LONGEST];
	const uint32_t writer = (uintptr_t)argument;
	const int fd = device(writer % 2 ? O_WRONLY | O_NONBLOCK : O_WRONLY);

	for (uint32_t number = 0; number < RECORDS; number++) {
		const struct head head = { writer, number,
					   length_of(writer, number) };

		fill_pattern(bytes, head.length, writer * 1000 + number);
		memcpy(bytes, &head, sizeof(head));
		while (write(fd, bytes, head.length) != (ssize_t)head.length) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			check_equal(errno, EAGAIN);
			/* poll() may report less space than this record takes. */
			check(poll(&p, 1, 1) >= 0);
		}
	}
}

static void check_record(const unsigned char *bytes, ssize_t n,
			 uint32_t next[WRITERS])
{
	static unsigned char want[LONGEST];
	struct head head;

	check(n >= (ssize_t)sizeof(head));
	memcpy(&head, bytes, sizeof(head));
	check(head.writer < WRITERS && head.number < RECORDS);
	check_equal(head.length, n);
	check_equal(length_of(head.writer, head.number), n);
	fill_pattern(want, n, head.writer * 1000 + head.number);
	check(!memcmp(bytes + sizeof(head), want + sizeof(head),
		      n - sizeof(head)));
	/* A reader gets what a writer wrote in order. */
	check(head.number >= next[head.writer]);
	next[head.writer] = head.number + 1;
	check_equal(__atomic_add_fetch(&seen[head.writer][head.number], 1,
				       __ATOMIC_RELAXED),
		    1);
}

static void reads(void *argument)
{
	static unsigned char bytes[LONGEST];
	const int reader = (uintptr_t)argument;
	const int fd = device(O_RDONLY);
	uint32_t next[WRITERS] = { 0 };
	ssize_t n;

	do {
		n = read(fd, bytes, reader % 2 ? sizeof(bytes) : 100);
		if (n < 0) {
			check_equal(errno, EMSGSIZE);
			n = read(fd, bytes, sizeof(bytes));
		}
		check(n >= 0);
		if (n)
			check_record(bytes, n, next);
	} while (n);
}

int main(void)
{
	pid_t readers[READERS], writers[WRITERS];

	seen = mmap(NULL, WRITERS * sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(seen != MAP_FAILED);
	check_equal(set_attribute("framing", "records"), 0);
	for (uintptr_t i = 0; i < READERS; i++)
		readers[i] = start(reads, (void *)i);
	for (uintptr_t i = 0; i < WRITERS; i++)
		writers[i] = start(writes, (void *)i);
	for (int i = 0; i < WRITERS; i++)
		finish(writers[i]);
	/* No writer is left: each reader gets the end of the file. */
	check_equal(set_attribute("eof", "1"), 0);
	for (int i = 0; i < READERS; i++)
		finish(readers[i]);
	for (int writer = 0; writer < WRITERS; writer++)
		for (int number = 0; number < RECORDS; number++)
			check_equal(seen[writer][number], 1);
	check_equal(attribute("size"), 0);
	return 0;
}
