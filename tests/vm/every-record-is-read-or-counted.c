// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writers and readers of records, whose memory faults and who get signals, while `overflow`, the
 * capacity and the kind of memory change: each record of a write() that succeeds is read once, whole
 * and in order, or is counted in stats/dropped_records. Its number is used up in both cases.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define WRITERS 3
#define READERS 2
#define RECORDS 3000
#define LONGEST ((size_t)CAPACITY / 2)

struct head {
	uint32_t writer, number, length;
};

/* Shared by all processes. */
static struct {
	unsigned char seen[WRITERS][RECORDS];
	unsigned int reads, changes;
} * shared;

static uint32_t length_of(uint32_t writer, uint32_t number)
{
	const uint32_t n = (number * 2654435761u + writer * 40503u) >> 16;

	return sizeof(struct head) +
	       n % (number % 8 ? 300 : LONGEST - sizeof(struct head));
}

static void ignore(int number)
{
	(void)number;
}

static void get_signals(void)
{
	const struct sigaction action = { .sa_handler = ignore,
					  .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 1500 }, { 0, 1500 } };

	check(!sigaction(SIGALRM, &action, NULL));
	check(!setitimer(ITIMER_REAL, &often, NULL));
}

/* Memory that keeps its bytes when its pages go: MADV_DONTNEED. */
static unsigned char *memory_that_faults(void)
{
	const int file = memfd_create("records", 0);
	void *memory;

	check(!ftruncate(file, LONGEST));
	memory = mmap(NULL, LONGEST, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		      0);
	check(memory != MAP_FAILED);
	close(file);
	return memory;
}

static void fault_somewhere(unsigned char *memory, uint32_t number)
{
	const size_t page = number % (LONGEST / PAGE);

	check(!madvise(memory + page * PAGE, LONGEST - page * PAGE,
		       MADV_DONTNEED));
}

static void writes(void *argument)
{
	unsigned char *bytes = memory_that_faults();
	const uint32_t writer = (uintptr_t)argument;
	const int fd = device(writer % 2 ? O_WRONLY | O_NONBLOCK : O_WRONLY);

	get_signals();
	for (uint32_t number = 0; number < RECORDS; number++) {
		const struct head head = { writer, number,
					   length_of(writer, number) };

		fill_pattern(bytes, head.length, writer * 1000 + number);
		memcpy(bytes, &head, sizeof(head));
		fault_somewhere(bytes, number);
		while (write(fd, bytes, head.length) != (ssize_t)head.length) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			check_equal(errno, EAGAIN);
			poll(&p, 1, 1);
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
	check(head.number >= next[head.writer]);
	next[head.writer] = head.number + 1;
	check_equal(__atomic_add_fetch(&shared->seen[head.writer][head.number],
				       1, __ATOMIC_RELAXED),
		    1);
	__atomic_add_fetch(&shared->reads, 1, __ATOMIC_RELAXED);
}

static void reads(void *argument)
{
	unsigned char *bytes = memory_that_faults();
	uint32_t next[WRITERS] = { 0 };
	const int fd = device(O_RDONLY);
	ssize_t n;

	(void)argument;
	get_signals();
	for (uint32_t i = 0;; i++) {
		fault_somewhere(bytes, i);
		n = read(fd, bytes, LONGEST);
		if (!n)
			break;
		check(n > 0);
		check_record(bytes, n, next);
	}
}

static void changes(void *unused)
{
	static const char *const overflows[] = { "overwrite", "drop", "block" };
	static const char *const memories[] = { "cached", "contiguous" };

	(void)unused;
	for (int i = 0;; i++) {
		int err = set_attribute("overflow", overflows[i % 3]);

		if (!err && i % 5 == 0)
			err = set_capacity(CAPACITY << i % 3);
		if (!err && i % 7 == 0)
			err = set_attribute("memory", memories[i / 7 % 2]);
		check(!err || err == EBUSY || err == ENOMEM ||
		      err == EOPNOTSUPP);
		__atomic_add_fetch(&shared->changes, 1, __ATOMIC_RELAXED);
		sleep_ms(2);
	}
}

static void kill_and_wait(pid_t pid)
{
	int status;

	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status));
}

/* The number that the next record gets: that of a header, and of the dropped ones before. */
static uint32_t next_number(void)
{
	const int fd = device(O_RDWR);
	struct vfifo_position *page = map_page(fd, VFIFO_MMAP_RECORD_PRODUCER,
					       PROT_READ | PROT_WRITE);
	uint32_t number;

	check(page != MAP_FAILED);
	number = page->sequence;
	check(!munmap(page, PAGE));
	close(fd);
	return number;
}

int main(void)
{
	pid_t readers[READERS], writers[WRITERS], other;
	uint32_t number;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	check_equal(set_attribute("framing", "records"), 0);
	number = next_number();
	for (uintptr_t i = 0; i < READERS; i++)
		readers[i] = start(reads, NULL);
	for (uintptr_t i = 0; i < WRITERS; i++)
		writers[i] = start(writes, (void *)i);
	other = start(changes, NULL);
	for (int i = 0; i < WRITERS; i++)
		finish(writers[i]);
	kill_and_wait(other);
	/* No writer is left: each reader gets the end of the file. */
	check_equal(set_attribute("eof", "1"), 0);
	for (int i = 0; i < READERS; i++)
		finish(readers[i]);
	check_equal(shared->reads + attribute("stats/dropped_records"),
		    WRITERS * RECORDS);
	check_equal(next_number() - number, WRITERS * RECORDS);
	check(shared->changes > 3);
	check(shared->reads);
	return 0;
}
