// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two programs stream through libvfifo, and at random moments one of them is killed. The
 * other one gets correct bytes or none. Once the dead process has been reaped, its side is
 * free; the next holder continues where the dead one ended. Dead processes leave no memory
 * behind.
 *
 * In full: 10,000 kills; otherwise 250.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

#define MOST 3000 /* bytes moved at once */

static unsigned int seed = 1;

/* The positions of both, for the process that kills them. */
static const struct vfifo_position *at[2];

/* Each byte follows from its position, so that any process can continue. */
static void fill(uint8_t *bytes, size_t n, uint32_t from)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern((uint32_t)(from + i));
}

static void look_at(const uint8_t *bytes, size_t n, uint32_t from)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != pattern((uint32_t)(from + i)))
			fail("the byte at position %u is %#x, not %#x",
			     (uint32_t)(from + i), bytes[i],
			     pattern((uint32_t)(from + i)));
}

static void move_in_place(struct vfifo_handle *f)
{
	void *p;
	ssize_t n = __vfifo_span(f, 1, &p);

	if (n > MOST)
		n = MOST;
	if (n < 0) {
		check_equal(n, -EAGAIN);
		return;
	}
	n = 1 + rand_r(&seed) % n;
	if (__vfifo_hot(f)->end == VFIFO_PRODUCER)
		fill(p, n, __vfifo_hot(f)->own);
	else
		look_at(p, n, __vfifo_hot(f)->own);
	check_equal(vfifo_advance(f, n), 0);
	/* In one case of four the bytes are not published. */
	if (rand_r(&seed) % 4)
		check_equal(vfifo_publish(f), 0);
}

static void move_with_a_copy(struct vfifo_handle *f)
{
	static uint8_t bytes[MOST];
	const size_t most = 1 + rand_r(&seed) % MOST;
	const uint32_t from = __vfifo_hot(f)->own;
	ssize_t n;

	if (__vfifo_hot(f)->end == VFIFO_PRODUCER) {
		fill(bytes, most, from);
		n = vfifo_write(f, bytes, most, 10);
	} else {
		n = vfifo_read(f, bytes, most, 10);
		look_at(bytes, n > 0 ? n : 0, from);
	}
	check(n > 0 || n == -ETIMEDOUT);
}

static void wait_for_some(struct vfifo_handle *f)
{
	int err = vfifo_wait(f, 1 + rand_r(&seed) % MOST, 10);

	check(!err || err == -ETIMEDOUT);
}

static void stream(void *argument)
{
	struct vfifo_handle *f;

	check_equal(vfifo_open(DEVICE, *(enum vfifo_end *)argument, 0, &f), 0);
	vfifo_set_spin(f, 20 * (rand_r(&seed) % 2));
	for (;;) {
		switch (rand_r(&seed) % 8) {
		case 0:
			wait_for_some(f);
			break;
		case 1:
			move_with_a_copy(f);
			break;
		default:
			move_in_place(f);
		}
	}
}

static pid_t start_end(enum vfifo_end end)
{
	seed++;
	return start(stream, &end);
}

/* The process must die by the signal, and not by a failed check before. */
static void kill_and_wait(pid_t pid)
{
	int status;

	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("it ended by itself, with %#x", status);
}

static void is_alive(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) == pid)
		fail("it ended by itself, with %#x", status);
}

static uint32_t position(enum vfifo_end end)
{
	return __atomic_load_n(&at[end]->position, __ATOMIC_ACQUIRE);
}

/* Waits until bytes flow from one process to the other. */
static void wait_for_flow(const pid_t pids[2])
{
	const double until = now() + 20;
	uint32_t from[] = { position(VFIFO_PRODUCER),
			    position(VFIFO_CONSUMER) };

	/* More than a capacity takes both of them. */
	while (position(VFIFO_PRODUCER) - from[VFIFO_PRODUCER] <= CAPACITY ||
	       position(VFIFO_CONSUMER) - from[VFIFO_CONSUMER] <= CAPACITY) {
		is_alive(pids[VFIFO_PRODUCER]);
		is_alive(pids[VFIFO_CONSUMER]);
		if (now() > until)
			fail("nothing flows");
		usleep(100);
	}
}

static void kill_and_replace(pid_t pids[2])
{
	enum vfifo_end end = rand_r(&seed) % 2;

	kill_and_wait(pids[end]);
	check_equal(attribute(end == VFIFO_PRODUCER ? "producer" : "consumer"),
		    0);
	/* For a while the other one is alone. */
	usleep(rand_r(&seed) % 500);
	is_alive(pids[!end]);
	pids[end] = start_end(end);
}

static void kill_many(unsigned long kills)
{
	const unsigned long some = kills / 10 ?: 1;
	pid_t pids[2] = { start_end(VFIFO_PRODUCER),
			  start_end(VFIFO_CONSUMER) };
	uint64_t bytes = 0;

	for (unsigned long i = 0; i < kills; i++) {
		uint32_t before = position(VFIFO_CONSUMER);

		/* One in four is killed just after its start, or before. */
		if (rand_r(&seed) % 4)
			wait_for_flow(pids);
		usleep(rand_r(&seed) % 1000);
		kill_and_replace(pids);
		bytes += position(VFIFO_CONSUMER) - before;
		if (!((i + 1) % some)) {
			printf("# %lu killed, %llu bytes\n", i + 1,
			       (unsigned long long)bytes);
			fflush(stdout);
		}
	}
	wait_for_flow(pids);
	kill_and_wait(pids[VFIFO_PRODUCER]);
	kill_and_wait(pids[VFIFO_CONSUMER]);
}

/* Another process can take the bytes that are stored. */
static void the_rest_is_right(void)
{
	static uint8_t bytes[CAPACITY];
	uint32_t from = position(VFIFO_CONSUMER);
	int fd = device(O_RDONLY | O_NONBLOCK);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	check(n > 0 || errno == EAGAIN);
	look_at(bytes, n > 0 ? n : 0, from);
	check_equal(attribute("size"), 0);
	close(fd);
}

static const void *map(int fd, off_t offset)
{
	void *p = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd,
		       offset);

	check(p != MAP_FAILED);
	return p;
}

int main(void)
{
	const unsigned long kills = share(10000, 250);
	int fd = device(O_RDONLY);
	long long charged, others;

	enter_cgroup();
	at[VFIFO_PRODUCER] = map(fd, VFIFO_MMAP_PRODUCER);
	at[VFIFO_CONSUMER] = map(fd, VFIFO_MMAP_CONSUMER);
	kill_many(kills / 10);
	sleep_ms(1000);
	charged = cgroup_memory();
	others = kernel_memory();
	kill_many(kills);
	sleep_ms(1000);
	charged = cgroup_memory() - charged;
	others = kernel_memory() - others;

	the_rest_is_right();
	check_equal(attribute("producer"), 0);
	check_equal(attribute("consumer"), 0);
	check_equal(attribute("mappings"), 2); /* those of this process */
	printf("# %lld bytes more are charged, %lld more are the kernel's\n",
	       charged, others);
	/*
	 * A leak of a page in some of the kills would exceed the limits, and so
	 * would a struct pid in ten thousand. Below them are caches of stacks and
	 * of pages for each processor, which grow with the page size. A debug kernel
	 * caches more, but it has kmemleak.
	 */
	if (!slow_kernel()) {
		check(charged <
		      (PAGE > 4096 ? 250 * (long long)PAGE : 1000000));
		check(others < 1000000);
	}
	return 0;
}
