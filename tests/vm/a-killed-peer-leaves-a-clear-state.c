// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two programs stream through libvfifo, and now the one, now the other is killed, at
 * any moment. The one that is left gets right bytes, or none; the end is free to be
 * claimed once the dead one has been waited for; whoever claims it goes on where the
 * other ended, and nothing of the dead ones stays behind.
 *
 * Whole: 10,000 kills; else 300.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

#define MOST 3000 /* bytes that are moved at once */

static unsigned int seed = 1;

/* Where the two are, for the one that kills them. */
static const struct vfifo_position *at[2];

/* The byte at a position tells which position that is, so any handle can go on. */
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
	/* Mostly; else it is as if it had not been. */
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

/* It has not ended because of what it found, and it was there to be killed. */
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

/* Both have moved from where they were: they can only do it together. */
static void wait_for_flow(const pid_t pids[2])
{
	const double until = now() + 20;
	uint32_t from[] = { position(VFIFO_PRODUCER),
			    position(VFIFO_CONSUMER) };

	/* More than could be done without the other. */
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
	/* The other is alone, for a while. */
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

		/* One in four is killed when it has hardly begun, or not yet. */
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

/* Where what is stored can be had by anyone else. */
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
	check_equal(attribute("mappings"), 2); /* our own */
	printf("# %lld bytes more are charged, %lld more are the kernel's\n",
	       charged, others);
	/*
	 * A page each would be more for a share of them, and a struct pid for
	 * ten thousand. Less is what the kernel keeps of the dead ones' stacks, and
	 * of pages ahead for each processor, larger ones where pages are. A debug
	 * kernel keeps more for a while, but it has kmemleak.
	 */
	if (!slow_kernel()) {
		check(charged <
		      (PAGE > 4096 ? 250 * (long long)PAGE : 1000000));
		check(others < 1000000);
	}
	return 0;
}
