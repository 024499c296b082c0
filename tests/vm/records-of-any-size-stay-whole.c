// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Eight writers of records of all sizes up to PIPE_BUF, and one reader with odd sizes, while
 * the FIFO is resized: the records of each writer arrive whole and in order.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define WRITERS 8
#define RECORDS 3000 /* of each writer */

struct record {
	uint16_t length, writer;
	uint32_t number;
	uint8_t rest[PIPE_BUF - 8];
};

static int *resized; /* shared memory */

static void writer(void *argument)
{
	unsigned int seed = (uintptr_t)argument;
	struct record r = { .writer = seed };
	int fd = device(O_WRONLY);

	for (r.number = 0; r.number < RECORDS; r.number++) {
		r.length = 8 + rand_r(&seed) % (rand_r(&seed) % 4 ?
							64 :
							sizeof(r.rest) + 1);
		memset(r.rest, r.writer * 31 + r.number, r.length - 8);
		check_equal(write(fd, &r, r.length), r.length);
	}
}

static void resizer(void *argument)
{
	(void)argument;
	for (int i = 0;; i++)
		if (!set_capacity(PAGE << 2 * (i % 3)))
			__atomic_fetch_add(resized, 1, __ATOMIC_RELAXED);
}

static char stream[2 * CAPACITY];
static uint32_t next[WRITERS];

/* Checks the first record, if it is complete, and returns its size. */
static size_t take(const char *at, size_t n)
{
	const struct record *r = (const void *)at;

	if (n < 8 || n < r->length)
		return 0;
	check(r->length >= 8 && r->length <= PIPE_BUF);
	check(r->writer < WRITERS);
	check_equal(r->number, next[r->writer]);
	next[r->writer]++;
	for (int i = 0; i < r->length - 8; i++)
		check_equal(r->rest[i], (uint8_t)(r->writer * 31 + r->number));
	return r->length;
}

static void read_all_records(int fd)
{
	size_t have = 0;
	unsigned int seed = 99;
	int left = WRITERS * RECORDS;

	while (left) {
		size_t at = 0, n;
		ssize_t got =
			read(fd, stream + have,
			     1 + rand_r(&seed) % (CAPACITY /
						  (1 + rand_r(&seed) % 50)));

		check(got > 0);
		have += got;
		while ((n = take(stream + at, have - at))) {
			at += n;
			left--;
		}
		have -= at;
		memmove(stream, stream + at, have);
	}
	check_equal(have, 0);
}

int main(void)
{
	pid_t pids[WRITERS], other;
	int status;

	resized = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(resized != MAP_FAILED);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pids[i] = start(writer, (void *)i);
	other = start(resizer, NULL);
	read_all_records(device(O_RDONLY));
	for (int i = 0; i < WRITERS; i++)
		finish(pids[i]);
	kill(other, SIGKILL);
	check_equal(waitpid(other, &status, 0), other);
	check(WIFSIGNALED(status));
	check(*resized > 3);
	check_equal(attribute("size"), 0);
	return 0;
}
