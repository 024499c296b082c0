// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A claimed side whose peer is awake makes less than one system call in a thousand messages: the
 * producer and the consumer of a claimed pair, and each of them with a peer that uses read() or
 * write() and does not sleep.
 *
 * In full: 10,000,000 messages in each case; otherwise 500,000.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfifo.h>

#include "count.h"
#include "testlib.h"

#define MESSAGE 16

/* Memory that the two processes share. */
static struct {
	uint64_t calls; /* system calls of the claimed sides */
	int ready;	/* number of processes that are ready */
} * common;

static unsigned long messages;
static double until; /* set in advance, as now() can be a system call */

/* Gives each process its own processor, and begins both at the same time. */
static void begin(void)
{
	__atomic_add_fetch(&common->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&common->ready, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
}

static void *span(struct vfifo_handle *f)
{
	unsigned long looks = 0;
	ssize_t n;
	void *p;

	while ((n = __vfifo_span(f, MESSAGE, &p)) == -EAGAIN)
		if (!(++looks % 100000000) && now() > until)
			fail("the other side does not move");
	check(n >= MESSAGE);
	return p;
}

/* A claimed side that counts its system calls while it moves the messages. */
static void mapped(enum vfifo_end end)
{
	struct vfifo_handle *f;
	uint64_t calls;

	check_equal(vfifo_open(DEVICE, end, 0, &f), 0);
	begin();
	count_system_calls();
	for (unsigned long i = 0; i < messages; i++) {
		uint64_t *message = span(f);

		if (end == VFIFO_PRODUCER)
			*message = i;
		else
			check_equal(*message, i);
		check_equal(vfifo_advance(f, MESSAGE), 0);
		check_equal(vfifo_publish(f), 0);
	}
	getppid(); /* one call, to show that calls are counted */
	calls = system_calls_counted();
	__atomic_add_fetch(&common->calls, calls, __ATOMIC_SEQ_CST);
	/* Neither process exits while the other one streams. */
	__atomic_add_fetch(&common->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&common->ready, __ATOMIC_SEQ_CST) < 4)
		sched_yield();
	vfifo_close(f);
}

static void mapped_producer(void *argument)
{
	(void)argument;
	mapped(VFIFO_PRODUCER);
}

static void mapped_consumer(void *argument)
{
	(void)argument;
	mapped(VFIFO_CONSUMER);
}

/* Never sleeps, so the peer never has to wake it. */
static void busy(enum vfifo_end end)
{
	uint64_t block[512];
	int fd = device(O_RDWR | O_NONBLOCK);

	begin();
	for (unsigned long i = 0; i < messages;) {
		size_t n = sizeof(block), left = (messages - i) * MESSAGE;
		ssize_t done;

		if (n > left)
			n = left;
		for (size_t j = 0; j < n / MESSAGE; j++)
			block[2 * j] = i + j;
		if (end == VFIFO_PRODUCER)
			done = write(fd, block, n);
		else
			done = read(fd, block, n);
		if (done < 0) {
			check(errno == EAGAIN);
			continue;
		}
		check(done && done % MESSAGE == 0);
		for (ssize_t j = 0; j < done / MESSAGE; j++, i++)
			check_equal(block[2 * j], i);
	}
	__atomic_add_fetch(&common->ready, 1, __ATOMIC_SEQ_CST);
	close(fd);
}

static void busy_writer(void *argument)
{
	(void)argument;
	busy(VFIFO_PRODUCER);
}

static void busy_reader(void *argument)
{
	(void)argument;
	busy(VFIFO_CONSUMER);
}

static void stream(const char *what, void (*producer)(void *),
		   void (*consumer)(void *))
{
	double began = now();
	pid_t pids[2];

	subtest("%s", what);
	until = began + 100;
	common->calls = 0;
	common->ready = 0;
	pids[0] = start(producer, NULL);
	pids[1] = start(consumer, NULL);
	finish(pids[0]);
	finish(pids[1]);
	printf("# %s: %llu system calls, %.1f s\n", what,
	       (unsigned long long)common->calls, now() - began);
	/* Includes the getppid() of each claimed side. */
	check(common->calls);
	check(common->calls < messages / 1000);
}

int main(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("this takes two processors");
	messages = share(10000000, 500000);
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(common != MAP_FAILED);
	stream("claimed to claimed", mapped_producer, mapped_consumer);
	stream("claimed to a busy reader", mapped_producer, busy_reader);
	stream("a busy writer to claimed", busy_writer, mapped_consumer);
	return 0;
}
