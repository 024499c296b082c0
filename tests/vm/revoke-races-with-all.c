// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * root revokes claims in a loop. Meanwhile other processes claim, access the claim, move it
 * with mremap(2) in one thread and publish in another, unmap it, exit or are killed with it, or
 * stream through libvfifo; and further ones use both sides by system calls. No process gets
 * stuck. In the end there is no mapping and no claim, the positions are valid, the capacity can
 * be changed and both sides can be claimed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"

#define MOST 3000 /* bytes moved at once */
#define LIMIT 40  /* seconds after which the test ends */

static const int rw = PROT_READ | PROT_WRITE;
static unsigned int seed = 1;
static uint8_t bytes[CAPACITY];

/* Counts of all processes. */
static struct {
	unsigned long claims, busy, bus_errors, streamed, moved;
} * count;

static void add(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static enum vfifo_end some_end(void)
{
	return rand_r(&seed) % 2;
}

static const char *holder(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? "producer" : "consumer";
}

/* --- access to a claim -------------------------------------------------------- */

static __thread sigjmp_buf out_of_it;

static void no_access(int signal)
{
	if (signal == SIGBUS)
		add(&count->bus_errors);
	siglongjmp(out_of_it, 1);
}

/* Stores the current position or one near it. Returns false if the claim was revoked. */
static bool touch(volatile uint32_t *at, unsigned int *own_seed)
{
	if (sigsetjmp(out_of_it, 1))
		return false;
	for (int i = rand_r(own_seed) % 50; i >= 0; i--) {
		*at = *at + (rand_r(own_seed) % 4 ? 0 : rand_r(own_seed) % 16);
		relax();
	}
	return true;
}

/* Returns MAP_FAILED if another process has the claim. */
static uint32_t *try_claim(int fd, enum vfifo_end end, int flags)
{
	uint32_t *at = mmap(NULL, PAGE, rw, MAP_SHARED | flags, fd,
			    position_offset(end));

	if (at == MAP_FAILED) {
		check_equal(errno, EBUSY);
		add(&count->busy);
	} else {
		add(&count->claims);
	}
	return at;
}

/* --- a process with a claim ------------------------------------------------------ */

static uint32_t *do_something(uint32_t *at)
{
	uint32_t *to;

	switch (rand_r(&seed) % 8) {
	case 0:
		check(!madvise(at, PAGE, MADV_DONTNEED));
		break;
	case 1:
		check(!mprotect(at, PAGE, PROT_READ));
		check(!mprotect(at, PAGE, rw));
		break;
	case 2:
	case 3:
		to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
		check(to != MAP_FAILED);
		check(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to) == to);
		at = to;
		break;
	default:
		usleep(rand_r(&seed) % 500);
	}
	return at;
}

/* The claim number changes only after the last possible access. */
static void use(uint32_t *at, const volatile uint32_t *number, uint32_t mine)
{
	const bool over = __atomic_load_n(number, __ATOMIC_ACQUIRE) != mine;

	if (touch(at, &seed) && over)
		fail("claim %u could be touched after it was revoked", mine);
}

/* Unmaps most claims; the exit of the process unmaps the others. */
static void work_claim(void *unused)
{
	const struct vfifo_status *status;
	int fd = device(O_RDWR);

	(void)unused;
	status = map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);
	check(status != MAP_FAILED);
	for (;;) {
		const enum vfifo_end end = some_end();
		uint32_t *at = try_claim(fd, end,
					 rand_r(&seed) % 2 ? MAP_POPULATE : 0);
		uint32_t mine;

		if (at == MAP_FAILED) {
			usleep(rand_r(&seed) % 200);
			continue;
		}
		/* Or the number of a later claim, which changes even later. */
		mine = __atomic_load_n(&status->claim[end], __ATOMIC_ACQUIRE);
		/* Continues once after the revoke, and then makes another claim. */
		for (int i = rand_r(&seed) % 8; i > 0; i--) {
			use(at, &status->claim[end], mine);
			at = do_something(at);
		}
		if (rand_r(&seed) % 8 == 0)
			return;
		check(!munmap(at, PAGE));
	}
}

/* --- one thread moves the claim that the other one uses --------------------------- */

static uint32_t *volatile places[2];

static void *work_touch(void *own_seed)
{
	for (;;) {
		volatile uint32_t *at = places[rand_r(own_seed) % 2];

		/* SIGSEGV if the mapping is elsewhere at this moment. */
		touch(at, own_seed);
	}
	return NULL;
}

static void work_move(void *unused)
{
	int fd = device(O_RDWR);
	struct sigaction action = { .sa_handler = no_access };
	unsigned int thread_seed = seed + 1000;
	pthread_t thread;
	uint32_t *area;

	(void)unused;
	check(!sigaction(SIGSEGV, &action, NULL));
	area = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	check(area != MAP_FAILED);
	places[0] = area;
	places[1] = (uint32_t *)((char *)area + PAGE);
	check(!pthread_create(&thread, NULL, work_touch, &thread_seed));
	for (;;) {
		uint32_t *at = mmap(places[0], PAGE, rw, MAP_SHARED | MAP_FIXED,
				    fd, position_offset(some_end()));

		if (at == MAP_FAILED) {
			check_equal(errno, EBUSY);
			add(&count->busy);
			usleep(rand_r(&seed) % 200);
			continue;
		}
		add(&count->claims);
		for (int i = 2 * (rand_r(&seed) % 20), to = 1; i > 0;
		     i--, to = !to)
			check(mremap(places[!to], PAGE, PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     places[to]) == places[to]);
		check(mmap(at, PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			   0) == at);
	}
}

/* --- users of the library and of system calls ---------------------------------------- */

/* A revoke can kill this process by SIGBUS. */
static void work_stream(void *unused)
{
	(void)unused;
	signal(SIGBUS, SIG_DFL);
	for (;;) {
		enum vfifo_end end = some_end();
		struct vfifo_handle *f;
		ssize_t n = 1;
		int err = vfifo_open(DEVICE, end, 0, &f);

		if (err) {
			check(err == -EBUSY || err == -EBADMSG);
			add(&count->busy);
			usleep(rand_r(&seed) % 200);
			continue;
		}
		add(&count->claims);
		for (int i = rand_r(&seed) % 200; i > 0 && n > 0; i--) {
			const size_t most = 1 + rand_r(&seed) % MOST;

			n = end == VFIFO_PRODUCER ?
				    vfifo_write(f, bytes, most, 2) :
				    vfifo_read(f, bytes, most, 2);
			if (n > 0)
				add(&count->streamed);
		}
		vfifo_close(f);
	}
}

static void work_call(void *unused)
{
	int fd = device(O_RDWR | O_NONBLOCK);

	(void)unused;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
		const size_t n = 1 + rand_r(&seed) % MOST;
		ssize_t done = rand_r(&seed) % 2 ? read(fd, bytes, n) :
						   write(fd, bytes, n);
		int size;

		check(done);
		if (done > 0)
			add(&count->moved);
		else
			check(errno == EAGAIN || errno == EBUSY ||
			      errno == EIO);
		check(!ioctl(fd, FIONREAD, &size));
		check(size >= 0 && size <= CAPACITY);
		if (rand_r(&seed) % 16 == 0)
			check(poll(&p, 1, 1) >= 0);
		if (rand_r(&seed) % 64 == 0)
			check(!ioctl(fd, VFIFO_CLEAR) || errno == EBUSY ||
			      errno == EIO);
	}
}

/* --- the process that starts, kills and revokes -------------------------------------- */

static void (*const works[])(void *) = {
	work_claim, work_claim, work_move, work_stream, work_stream, work_call,
};
#define WORKS ((int)(sizeof(works) / sizeof(*works)))

static pid_t pids[WORKS];

static void work_and_die_with_us(void *argument)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(*(void (*const *)(void *))argument)(NULL);
}

static void start_one(int i)
{
	seed++;
	pids[i] = start(work_and_die_with_us, (void *)&works[i]);
}

/* The process was killed, by this one or for its claim, or has exited with 0. */
static void check_ended_well(int i, int status)
{
	if (WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGKILL ||
	     (works[i] == work_stream && WTERMSIG(status) == SIGBUS)))
		return;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("work %d ended with status %#x", i, status);
}

static void replace_the_dead(void)
{
	for (int i = 0; i < WORKS; i++) {
		int status;

		if (!waitpid(pids[i], &status, WNOHANG))
			continue;
		check_ended_well(i, status);
		start_one(i);
	}
}

static void kill_all(void)
{
	for (int i = 0; i < WORKS; i++) {
		int status;

		check(!kill(pids[i], SIGKILL));
		check_equal(waitpid(pids[i], &status, 0), pids[i]);
		check_ended_well(i, status);
	}
}

static void revoke_many(unsigned long times)
{
	const double until = now() + LIMIT;
	unsigned long i;

	for (int w = 0; w < WORKS; w++)
		start_one(w);
	for (i = 0; i < times && now() < until; i++) {
		check_equal(set_attribute(holder(some_end()), "0"), 0);
		if (rand_r(&seed) % 8 == 0)
			check(!kill(pids[rand_r(&seed) % WORKS], SIGKILL));
		replace_the_dead();
		usleep(rand_r(&seed) % 3000);
	}
	kill_all();
	printf("# %lu revoked; %lu claims, %lu were busy, %lu bus errors, %lu moved by the library, %lu by calls\n",
	       i, count->claims, count->busy, count->bus_errors,
	       count->streamed, count->moved);
	fflush(stdout);
	/* Otherwise the test has shown nothing. */
	check(count->claims && count->bus_errors && count->streamed &&
	      count->moved);
}

static void all_is_well(void)
{
	struct raw producer, consumer;
	int fd = device(O_RDWR | O_NONBLOCK);

	check_equal(attribute("mappings"), 0);
	check_equal(attribute("producer"), 0);
	check_equal(attribute("consumer"), 0);
	check(attribute("size") >= 0 && attribute("size") <= CAPACITY);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(attribute("size"), 0);
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	for (uint64_t at = 0; at < 10 * CAPACITY; at += 10000) {
		raw_put(&producer, 10000, at);
		raw_take(&consumer, 10000, at);
	}
	raw_release(&producer);
	raw_release(&consumer);
	check_equal(write(fd, bytes, CAPACITY), CAPACITY);
	check_equal(read(fd, bytes, CAPACITY), CAPACITY);
	check_equal(attribute("mappings"), 0);
	close(fd);
}

int main(void)
{
	/* Each revoke can log a line, and the log has room for some thousands. */
	const unsigned long times = slow_kernel() ? 300 : 1000;
	struct sigaction action = { .sa_handler = no_access };

	check(!sigaction(SIGBUS, &action, NULL));
	count = mmap(NULL, sizeof(*count), rw, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	check(count != MAP_FAILED);
	revoke_many(times);
	all_is_well();
	return 0;
}
