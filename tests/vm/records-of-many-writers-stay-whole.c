// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Eight writers of 4096-byte records and eight readers at once: each record arrives once and
 * whole, at any reader.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testlib.h"

#define CLIENTS 8
#define RECORDS 500 /* of each writer */

struct record {
	uint32_t writer, number;
	uint8_t rest[PIPE_BUF - 8];
};

static uint8_t (*seen)[RECORDS]; /* shared memory */

static void writer(void *argument)
{
	const uint32_t me = (uintptr_t)argument;
	struct record r = { .writer = me };
	int fd = device(O_WRONLY);

	for (r.number = 0; r.number < RECORDS; r.number++) {
		memset(r.rest, me * 31 + r.number, sizeof(r.rest));
		check_equal(write(fd, &r, sizeof(r)), sizeof(r));
	}
}

static void reader(void *argument)
{
	int fd = device(O_RDONLY);
	struct record r;

	(void)argument;
	for (int i = 0; i < RECORDS; i++) {
		check_equal(read(fd, &r, sizeof(r)), sizeof(r));
		check(r.writer < CLIENTS && r.number < RECORDS);
		for (size_t b = 0; b < sizeof(r.rest); b++)
			check_equal(r.rest[b],
				    (uint8_t)(r.writer * 31 + r.number));
		__atomic_fetch_add(&seen[r.writer][r.number], 1,
				   __ATOMIC_RELAXED);
	}
}

int main(void)
{
	pid_t pids[2 * CLIENTS];

	seen = mmap(NULL, CLIENTS * sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(seen != MAP_FAILED);
	for (uintptr_t i = 0; i < CLIENTS; i++) {
		pids[2 * i] = start(writer, (void *)i);
		pids[2 * i + 1] = start(reader, NULL);
	}
	for (int i = 0; i < 2 * CLIENTS; i++)
		finish(pids[i]);
	for (int i = 0; i < CLIENTS; i++)
		for (int n = 0; n < RECORDS; n++)
			check_equal(seen[i][n], 1);
	check_equal(attribute("size"), 0);
	return 0;
}
