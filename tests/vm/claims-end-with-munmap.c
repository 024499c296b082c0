// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A claim ends with its mapping, even while root revokes it: the next claim succeeds at once.
 * The claim is released exactly once, and those who can go on then are woken, although the holder
 * has not kicked and keeps its file open.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define REVOKERS 2

static int stop;

static void *revoker(void *unused)
{
	int fd = open(ATTRIBUTES "producer", O_WRONLY | O_CLOEXEC);

	(void)unused;
	check(fd >= 0);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		check_equal(pwrite(fd, "0", 1, 0), 1);
	close(fd);
	return NULL;
}

/*
 * Contends for the lock that the end of a claim takes several times, and asks for its holder, who
 * may be gone any time.
 */
static void *asker(void *unused)
{
	int fd = device(O_RDONLY), n;

	(void)unused;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		check(!ioctl(fd, FIONREAD, &n) && attribute("producer") >= 0);
	close(fd);
	return NULL;
}

static void while_it_is_revoked(int fd)
{
	const double until =
		now() + (slow_kernel() && !user_mode_linux() ? 20 : 8);
	pthread_t threads[REVOKERS + 1];
	unsigned long claims = 0;

	for (int i = 0; i < REVOKERS; i++)
		check(!pthread_create(&threads[i], NULL, revoker, NULL));
	check(!pthread_create(&threads[REVOKERS], NULL, asker, NULL));
	for (; now() < until; claims++) {
		void *at = map_page(fd, VFIFO_MMAP_PRODUCER,
				    PROT_READ | PROT_WRITE);

		if (at == MAP_FAILED)
			fail("claim %lu: %s", claims, strerror(errno));
		check(!munmap(at, PAGE));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i <= REVOKERS; i++)
		check(!pthread_join(threads[i], NULL));
	printf("# %lu claims\n", claims);
	check_equal(attribute("producer"), 0);
	check_equal(attribute("mappings"), 0);
}

/* --- who waits for the end of a claim ---------------------------------------------- */

static char bytes[CAPACITY];

static void poll_for_bytes(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLIN);
}

static void a_poller_is_woken(int fd)
{
	void *at = map_page(fd, VFIFO_MMAP_CONSUMER, PROT_READ | PROT_WRITE);
	pid_t poller;

	check(at != MAP_FAILED);
	write_all(fd, bytes, 10);
	poller = start(poll_for_bytes, NULL);
	wait_asleep(poller, "poll");
	check(!munmap(at, PAGE));
	finish(poller);
	read_all(fd, bytes, 10);
}

static void write_a_byte(void *unused)
{
	(void)unused;
	write_all(device(O_WRONLY), bytes, 1);
}

static void a_writer_is_woken(int fd)
{
	struct raw consumer;
	pid_t writer;

	write_all(fd, bytes, CAPACITY);
	raw_claim(&consumer, VFIFO_CONSUMER);
	writer = start(write_a_byte, NULL);
	wait_asleep(writer, "vfifo_ring_wait");
	/* Without a kick. */
	*consumer.at[VFIFO_CONSUMER] = consumer.own + 100;
	check(!munmap((void *)consumer.at[VFIFO_CONSUMER], PAGE));
	finish(writer);
	check_equal(attribute("size"), CAPACITY - 100 + 1);
	raw_release(&consumer);
	read_all(fd, bytes, CAPACITY - 100 + 1);
}

int main(void)
{
	int fd = device(O_RDWR);

	run_case(a_poller_is_woken(fd));
	run_case(a_writer_is_woken(fd));
	run_case(while_it_is_revoked(fd));
	return 0;
}
