// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overflow=overwrite while a read() of a long record is under way: the new record is stored. There
 * is no space for it until that read() is complete, and then there is enough.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "testlib.h"

#define MIB ((size_t)1 << 20)
#define ROUNDS 40
#define LONGEST (8 * MIB)
#define NEW 100

static int fd;
static char sent[LONGEST], got[LONGEST];

static void *read_one(void *unused)
{
	(void)unused;
	check_equal(read(fd, got, sizeof(got)), LONGEST - 16);
	return NULL;
}

/* It runs as soon as it wants to, also in the middle of the read(). */
static void *write_later(void *us)
{
	const struct sched_param first = { .sched_priority = 1 };

	check(!pthread_setschedparam(pthread_self(), SCHED_FIFO, &first));
	usleep((uintptr_t)us);
	check_equal(write(fd, sent, NEW), NEW);
	return NULL;
}

static ssize_t drain(void)
{
	ssize_t n, last = 0;

	while ((n = read(fd, got, sizeof(got))) > 0)
		last = n;
	check_equal(errno, EAGAIN);
	return last;
}

static void last_one_is_new(uintptr_t us)
{
	pthread_t reader, writer;

	/* With their headers they take all space. */
	check_equal(write(fd, sent, LONGEST - 16), LONGEST - 16);
	check_equal(write(fd, sent, LONGEST - 16), LONGEST - 16);
	check(!pthread_create(&writer, NULL, write_later, (void *)us));
	check(!pthread_create(&reader, NULL, read_one, NULL));
	check(!pthread_join(reader, NULL));
	check(!pthread_join(writer, NULL));
	check_equal(drain(), NEW);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	check_equal(set_capacity(2 * LONGEST), 0);
	check_equal(set_attribute("framing", "records"), 0);
	check_equal(set_attribute("overflow", "overwrite"), 0);
	memset(sent, 1, sizeof(sent));
	memset(got, 1, sizeof(got));
	for (uintptr_t i = 0; i < ROUNDS; i++)
		last_one_is_new(100 + i * 100);
	return 0;
}
