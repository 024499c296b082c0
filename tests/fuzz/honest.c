// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * honest.c - programs that stream through two devices while the mob is at work
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "fuzz.h"
#include "honest.h"
#include "testlib.h"

#define WRITERS 4 /* the last one writes large records */
#define SMALL 512
#define LARGE PIPE_BUF
#define LARGE_FRAMED (LARGE / 2 - 64) /* fits the smallest capacity */
#define LONGEST (2 * LARGE)	      /* may be too long for the capacity */
#define MAGIC 0x52454356
#define MANY 6000  /* records, of which some must be large */
#define STALLED 25 /* seconds without any byte */
#define BEGIN 10   /* seconds until the first */

struct record {
	uint32_t magic;
	uint16_t size; /* with this head */
	uint16_t writer;
	uint64_t number;
};

enum { READER = WRITERS, PRODUCER, CONSUMER, PROCESSES };

static struct {
	bool framed;		    /* records by the attribute framing */
	bool stop;		    /* the writers and the producer */
	bool produced;		    /* the producer has */
	bool ended;		    /* all of them have */
	uint64_t sent[WRITERS + 1]; /* records of each; bytes of the producer */
	uint64_t received[WRITERS + 1];
	unsigned long pieces;
} * shared;

static pid_t pids[PROCESSES];
static uint64_t seen[2];
static double seen_at[2];

static uint64_t load(const uint64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *number, uint64_t value)
{
	__atomic_store_n(number, value, __ATOMIC_RELEASE);
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static int open_device(int number, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfifo%d", number);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail("an honest open: %s", strerror(errno));
	return fd;
}

/* --- by system calls ---------------------------------------------------------------- */

static void fill_record(char *bytes, unsigned int writer, uint64_t number,
			size_t size)
{
	const struct record head = { MAGIC, size, writer, number };

	memcpy(bytes, &head, sizeof(head));
	fill_pattern(bytes + sizeof(head), size - sizeof(head),
		     number * LARGE + writer);
}

static size_t some_length(struct random *random, unsigned int writer)
{
	if (writer < WRITERS - 1)
		return sizeof(struct record) +
		       random_below(random, SMALL - sizeof(struct record));
	if (!shared->framed)
		return LARGE;
	return random_below(random, 4) ?
		       LARGE_FRAMED :
		       LARGE_FRAMED +
			       random_below(random, LONGEST - LARGE_FRAMED);
}

static void work_write(void *argument)
{
	static char bytes[LONGEST];
	const unsigned int writer = (uintptr_t)argument;
	struct random random = { writer };
	const int fd = open_device(STREAM_DEVICE, O_WRONLY);
	uint64_t n = 0;

	while (!is_set(&shared->stop)) {
		const size_t size = some_length(&random, writer);
		ssize_t ret;

		fill_record(bytes, writer, n, size);
		ret = write(fd, bytes, size);
		/* The capacity can be small, or have become so while the call slept. */
		if (ret < 0 && errno == EMSGSIZE && size > LARGE_FRAMED &&
		    shared->framed)
			continue;
		if (ret != (ssize_t)size)
			fail("an honest write of %zu returns %zd: %s", size,
			     ret, strerror(errno));
		store(&shared->sent[writer], ++n);
	}
}

static void check_record(const struct record *r, const char *bytes)
{
	if (r->magic != MAGIC || r->writer >= WRITERS || r->size > LONGEST ||
	    r->size < sizeof(*r))
		fail("no record: %#x, %u bytes of writer %u, number %#llx, after %llu, %llu, %llu and %llu",
		     r->magic, r->size, r->writer,
		     (unsigned long long)r->number,
		     (unsigned long long)shared->received[0],
		     (unsigned long long)shared->received[1],
		     (unsigned long long)shared->received[2],
		     (unsigned long long)shared->received[3]);
	if (r->number != shared->received[r->writer])
		fail("record %llu of writer %u comes in place of %llu",
		     (unsigned long long)r->number, r->writer,
		     (unsigned long long)shared->received[r->writer]);
	check_pattern(bytes, r->size - sizeof(*r),
		      r->number * LARGE + r->writer);
	store(&shared->received[r->writer], r->number + 1);
}

static bool all_received(void)
{
	if (!is_set(&shared->ended))
		return false;
	for (int i = 0; i < WRITERS; i++)
		if (load(&shared->sent[i]) != load(&shared->received[i]))
			return false;
	return true;
}

static void nothing(int number)
{
	(void)number;
}

/* Returns what a read() has returned that was not interrupted; 0: it was, or the stream has ended. */
static size_t honest_read(int fd, char *bytes, size_t size)
{
	const ssize_t n = read(fd, bytes, size);

	if (n < 0 && errno == EINTR)
		return 0;
	if (!n && is_set(&shared->stop))
		return 0; /* the attribute eof can be 1 */
	if (n <= 0)
		fail("an honest read returns %zd: %s", n, strerror(errno));
	return n;
}

/* Nobody else reads, so what FIONREAD says comes next, and a record stays that is too long. */
static void read_framed(int fd, struct random *random)
{
	static char bytes[LONGEST];
	struct record head;
	int next = 0;
	size_t n;

	if (random_below(random, 4) == 0 && ioctl(fd, FIONREAD, &next))
		fail("an honest FIONREAD: %s", strerror(errno));
	if (next > 1 && random_below(random, 2)) {
		const ssize_t ret =
			read(fd, bytes, random_below(random, next - 1) + 1);

		if (ret >= 0 || (errno != EMSGSIZE && errno != EINTR))
			fail("a read of less than %d bytes returns %zd: %s",
			     next, ret, strerror(errno));
	}
	n = honest_read(fd, bytes, sizeof(bytes));
	if (!n)
		return;
	memcpy(&head, bytes, sizeof(head));
	if (n < sizeof(head) || n != head.size || (next && n != (size_t)next))
		fail("a record of %u bytes has %zu, and FIONREAD says %d",
		     head.size, n, next);
	check_record(&head, bytes + sizeof(head));
}

static void work_read_framed(int fd)
{
	struct random random = { 98 };

	while (!all_received())
		read_framed(fd, &random);
}

static void work_read(void *unused)
{
	static char bytes[2 * LARGE];
	struct sigaction action = { .sa_handler = nothing };
	struct random random = { 99 };
	const int fd = open_device(STREAM_DEVICE, O_RDONLY);
	size_t have = 0;

	(void)unused;
	check(!sigaction(SIGALRM, &action, NULL));
	if (shared->framed)
		work_read_framed(fd);
	while (!all_received()) {
		size_t at = 0;

		have += honest_read(fd, bytes + have,
				    1 + random_below(&random, SMALL));
		while (have - at >= sizeof(struct record)) {
			struct record head;

			memcpy(&head, bytes + at, sizeof(head));
			if (head.magic == MAGIC && have - at < head.size)
				break;
			check_record(&head, bytes + at + sizeof(head));
			at += head.size;
		}
		have -= at;
		memmove(bytes, bytes + at, have);
	}
	if (have)
		fail("%zu bytes of no record are left", have);
}

/* --- by the library -------------------------------------------------------------------- */

static struct vfifo_handle *claim(enum vfifo_end end)
{
	struct vfifo_handle *f;
	char path[32];
	int err;

	snprintf(path, sizeof(path), "/dev/vfifo%d", CLAIMED_DEVICE);
	err = vfifo_open(path, end, 0, &f);
	if (err)
		fail("an honest claim: %s", strerror(-err));
	return f;
}

static void work_produce(void *unused)
{
	static uint8_t bytes[10000];
	struct random random = { 7 };
	struct vfifo_handle *f = claim(VFIFO_PRODUCER);
	uint64_t at = 0;

	(void)unused;
	while (!is_set(&shared->stop)) {
		const size_t n = 1 + random_below(&random, sizeof(bytes));
		size_t done = 0;

		fill_pattern(bytes, n, at);
		while (done < n) {
			ssize_t ret =
				vfifo_write(f, bytes + done, n - done, 1000);

			if (ret < 0 && ret != -EAGAIN && ret != -ETIMEDOUT &&
			    ret != -EINTR)
				fail("an honest vfifo_write: %s",
				     strerror(-ret));
			done += ret > 0 ? ret : 0;
		}
		at += n;
		store(&shared->sent[WRITERS], at);
	}
	__atomic_store_n(&shared->produced, true, __ATOMIC_RELEASE);
	/* The claim stays until all have ended, so that nobody else makes one. */
	while (!is_set(&shared->ended))
		sleep_ms(1);
	vfifo_close(f);
}

static void work_consume(void *unused)
{
	static uint8_t bytes[10000];
	struct random random = { 8 };
	struct vfifo_handle *f = claim(VFIFO_CONSUMER);
	uint64_t at = 0;

	(void)unused;
	while (!is_set(&shared->ended) || at < load(&shared->sent[WRITERS])) {
		const ssize_t n = vfifo_read(
			f, bytes, 1 + random_below(&random, sizeof(bytes)),
			100);

		if (n == -EAGAIN || n == -ETIMEDOUT || n == -EINTR || !n)
			continue;
		if (n < 0)
			fail("an honest vfifo_read: %s", strerror(-n));
		check_pattern(bytes, n, at);
		at += n;
		shared->pieces++;
		store(&shared->received[WRITERS], at);
	}
	vfifo_close(f);
}

/* --- all of them --------------------------------------------------------------------------- */

struct job {
	void (*work)(void *argument);
	void *argument;
};

static void work_and_die_with_us(void *argument)
{
	const struct job *job = argument;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	job->work(job->argument);
}

static pid_t start_job(void (*work)(void *argument), uintptr_t argument)
{
	struct job job = { work, (void *)argument };

	return start(work_and_die_with_us, &job);
}

void honest_begin(bool framed)
{
	if (!shared) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		check(shared != MAP_FAILED);
	}
	memset(shared, 0, sizeof(*shared));
	shared->framed = framed;
	seen[0] = seen[1] = 0;
	seen_at[0] = seen_at[1] = now();
	pids[PRODUCER] = start_job(work_produce, 0);
	pids[CONSUMER] = start_job(work_consume, 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pids[i] = start_job(work_write, i);
	pids[READER] = start_job(work_read, 0);
	/* From the first byte on both sides are claimed. */
	while (!load(&shared->received[WRITERS])) {
		if (now() > seen_at[0] + BEGIN)
			fail("the honest streams do not begin");
		sleep_ms(1);
	}
}

static uint64_t records(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < WRITERS; i++)
		sum += load(&shared->received[i]);
	return sum;
}

void honest_check(void)
{
	const uint64_t is[2] = { records(), load(&shared->received[WRITERS]) };
	int status;

	for (int i = 0; i < PROCESSES; i++)
		if (waitpid(pids[i], &status, WNOHANG))
			fail("honest process %d ended with status %#x", i,
			     status);
	for (int i = 0; i < 2; i++) {
		if (is[i] != seen[i]) {
			seen[i] = is[i];
			seen_at[i] = now();
		} else if (now() - seen_at[i] > STALLED) {
			fail("the honest stream %s stands still after %llu",
			     i ? "by the library" : "by system calls",
			     (unsigned long long)is[i]);
		}
	}
}

void honest_fair(void)
{
	const double until = now() + STALLED;
	const uint64_t before = records();
	const uint64_t large = load(&shared->received[WRITERS - 1]);

	while (records() - before < MANY) {
		honest_check();
		if (now() > until)
			return; /* a slow machine, which shows nothing */
		sleep_ms(5);
	}
	if (load(&shared->received[WRITERS - 1]) == large)
		fail("of %llu records none was of the writer of large ones",
		     (unsigned long long)(records() - before));
}

static void finish_within(int which, double until)
{
	int status;

	while (!waitpid(pids[which], &status, WNOHANG)) {
		if (now() > until)
			fail("honest process %d does not end", which);
		/* The reader may be in a read for which nothing comes any more. */
		if (which == READER && is_set(&shared->ended))
			kill(pids[which], SIGALRM);
		sleep_ms(2);
	}
	if (status)
		fail("honest process %d ended with status %#x", which, status);
}

void honest_end(void)
{
	const double until = now() + STALLED;

	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < WRITERS; i++)
		finish_within(i, until);
	while (!is_set(&shared->produced)) {
		if (now() > until)
			fail("the honest producer does not end");
		sleep_ms(1);
	}
	__atomic_store_n(&shared->ended, true, __ATOMIC_RELEASE);
	finish_within(READER, until);
	finish_within(PRODUCER, until);
	finish_within(CONSUMER, until);
	if (load(&shared->sent[WRITERS]) != load(&shared->received[WRITERS]))
		fail("%llu bytes were produced, and %llu consumed",
		     (unsigned long long)load(&shared->sent[WRITERS]),
		     (unsigned long long)load(&shared->received[WRITERS]));
}

unsigned long honest_count(void)
{
	return records() + shared->pieces;
}
