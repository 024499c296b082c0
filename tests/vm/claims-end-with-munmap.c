// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A claim ends with its mapping, even while root revokes it: the next claim succeeds at once.
 * The claim is released exactly once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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

int main(void)
{
	const double until =
		now() + (slow_kernel() && !user_mode_linux() ? 20 : 8);
	pthread_t threads[REVOKERS + 1];
	unsigned long claims = 0;
	int fd = device(O_RDWR);

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
	return 0;
}
