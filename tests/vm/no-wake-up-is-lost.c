// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No wake-up is lost. The holder of a claim moves a message and waits until the other side has
 * taken it, or has filled the space again. Other processes wait for the message. So both sides
 * sleep nearly every time, and each is about to sleep while the other moves.
 *
 * In full: for each kind of waiter a million messages from a claimed producer and a million to
 * a claimed consumer; otherwise 160 of each. An eighth of the messages goes to each combination
 * of: the claim is made by the ABI alone, or by libvfifo; the holder and one waiter get signals
 * all the time, or none; the watermark of the waiters is one record, or several.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"
#include "waiters.h"

#define SMALL PAGE /* the capacity */
#define RECORD sizeof(uint64_t)
#define WRITER_SHIFT 56 /* in a record: the number of its writer */
#define MOST_WAITERS 2
#define SEVERAL (8 * RECORD)
#define MOST_RECORDS 4 /* in a message, above the watermark */

/* Settings and counts, in memory that all processes share. */
static struct session {
	const struct waiter *waiter;
	enum vfifo_end claimed;
	bool rain;
	uint32_t watermark; /* of the waiters' side */
	int ready, stop;
	struct {
		uint64_t records, sum;
	} of[MOST_WAITERS];
} * session;

static unsigned int seed = 1;

/* Sums of all combinations. */
static uint64_t kicks_of_kind, sleeps_of_kind;

static void nothing(int signal)
{
	(void)signal;
}

/* Interrupts this process at intervals; interrupted calls are not restarted. */
static void rain(void)
{
	struct itimerval every = { { 0, 997 }, { 0, 997 } };

	check(!setitimer(ITIMER_REAL, &every, NULL));
}

static void no_rain(void)
{
	struct itimerval never = { 0 };

	check(!setitimer(ITIMER_REAL, &never, NULL));
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = nothing };

	check(!sigaction(SIGALRM, &action, NULL));
	check(!sigaction(SIGUSR1, &action, NULL));
}

/* Delays for a random time, so that the two sides meet at different points. */
static void dawdle(void)
{
	for (volatile int left = rand_r(&seed) % 2000; left > 0; left--)
		;
}

/* --- waiters ---------------------------------------------------------------- */

static bool must_stop(void)
{
	return __atomic_load_n(&session->stop, __ATOMIC_SEQ_CST);
}

/* Checks the errno of a call that has moved no bytes. */
static void check_why_none(ssize_t done)
{
	check(done < 0);
	check(errno == EAGAIN || errno == EINTR);
}

static bool take_some(int number, int fd)
{
	static uint64_t records[PAGE_MAX / RECORD];
	static uint64_t next;
	ssize_t done = read(fd, records, sizeof(records));

	if (done <= 0) {
		check_why_none(done);
		return false;
	}
	check_equal(done % RECORD, 0);
	for (size_t i = 0; i < done / RECORD; i++) {
		if (session->waiter->number == 1)
			check_equal(records[i], next);
		check(records[i] >= next);
		next = records[i] + 1;
		session->of[number].records++;
		session->of[number].sum += records[i];
	}
	return true;
}

static bool put_one(int number, int fd)
{
	uint64_t record = session->of[number].records | (uint64_t)number
								<< WRITER_SHIFT;
	ssize_t done = write(fd, &record, RECORD);

	if (done <= 0) {
		check_why_none(done);
		return false;
	}
	check_equal(done, RECORD);
	session->of[number].records++;
	return true;
}

static bool move_some(int number, int fd)
{
	return session->claimed == VFIFO_PRODUCER ? take_some(number, fd) :
						    put_one(number, fd);
}

/* Moves bytes until EAGAIN, which an edge-triggered waiter needs. */
static void move_all(int number, int fd)
{
	while (!must_stop() && (move_some(number, fd) || errno != EAGAIN))
		;
}

static void take_the_rest(int number, int fd)
{
	check(!fcntl(fd, F_SETFL, O_NONBLOCK));
	while (take_some(number, fd) || errno != EAGAIN)
		;
}

static void wait_and_move(int number, struct waiting *w)
{
	const struct waiter *waiter = session->waiter;

	while (!must_stop()) {
		if (waiter->blocks) {
			move_some(number, w->fd);
		} else {
			move_all(number, w->fd);
			if (!must_stop())
				waiter->wait(w);
		}
		if (rand_r(&seed) % 2)
			dawdle();
	}
}

/*
 * On powerpc (6.12, interrupt_exit_user_prepare_main()) a signal that arrives while task work of
 * io_uring runs corrupts the counter register, and the program jumps to a wrong address. The
 * same happens with an eventfd in place of this device.
 */
static bool stands_rain(const struct waiting *w)
{
#ifdef __powerpc__
	return !w->uring;
#else
	(void)w;
	return true;
#endif
}

static void be_waiter(void *argument)
{
	const struct waiter *waiter = session->waiter;
	const bool reads = session->claimed == VFIFO_PRODUCER;
	const int number = *(int *)argument;
	struct waiting w = { .events = reads ? POLLIN : POLLOUT };

	seed += number;
	w.fd = device((reads ? O_RDONLY : O_WRONLY) |
		      (waiter->blocks ? 0 : O_NONBLOCK));
	if (waiter->prepare)
		waiter->prepare(&w);
	__atomic_add_fetch(&session->ready, 1, __ATOMIC_SEQ_CST);
	if (session->rain && !number) {
		if (stands_rain(&w))
			rain();
		else
			puts("# (rain on the holder alone)");
	}
	wait_and_move(number, &w);
	no_rain();
	if (reads)
		take_the_rest(number, w.fd);
}

static void stop(pid_t pid)
{
	int status;
	pid_t done;

	/* Again and again: a single signal can arrive just before the process sleeps. */
	while (!(done = waitpid(pid, &status, WNOHANG))) {
		check(!kill(pid, SIGUSR1));
		sleep_ms(1);
	}
	check_equal(done, pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("a waiter ended with status %#x", status);
}

/* --- the holder of the claim ------------------------------------------------ */

struct holder {
	const struct holder_kind *kind;
	enum vfifo_end end;
	struct raw raw;
	struct vfifo_handle *handle;
	uint32_t watermark; /* of the holder's side; reached when the waiters are done */
	uint64_t next[MOST_WAITERS];
	uint64_t records, sum, sleeps;
};

struct holder_kind {
	const char *name;
	void (*claim)(struct holder *h);
	uint32_t (*room)(struct holder *h);
	void *(*here)(struct holder *h);
	void (*move)(struct holder *h, uint32_t n);
	void (*sleep)(struct holder *h);
	unsigned long (*kicks)(struct holder *h);
	void (*release)(struct holder *h);
};

static bool looks_ready(struct holder *h)
{
	return h->kind->room(h) >= h->watermark;
}

/* Waits, mostly asleep, until the waiters have finished the message. */
static void wait_until_done(struct holder *h)
{
	const double until = now() + WAKE_UP_MS / 1000;
	int looks = rand_r(&seed) % 4 ? 0 : rand_r(&seed) % 3000;

	while (looks-- > 0 && !looks_ready(h))
		;
	while (!looks_ready(h)) {
		h->sleeps++;
		h->kind->sleep(h);
		if (now() > until)
			fail("not taken in %d ms", WAKE_UP_MS);
	}
}

static void put_records(struct holder *h, uint64_t *at, int n)
{
	while (n--) {
		*at++ = h->records;
		h->sum += h->records++;
	}
}

static void take_records(struct holder *h, const uint64_t *at, int n)
{
	for (; n--; at++) {
		unsigned int writer = *at >> WRITER_SHIFT;

		check(writer < MOST_WAITERS);
		check_equal(*at & ((1ULL << WRITER_SHIFT) - 1),
			    h->next[writer]++);
		h->records++;
	}
}

static void move_records(struct holder *h, int n)
{
	void *at = h->kind->here(h);

	if (h->end == VFIFO_PRODUCER)
		put_records(h, at, n);
	else
		take_records(h, at, n);
	h->kind->move(h, n * RECORD);
}

/* Moves the message, mostly in two parts, so that one of them reaches the watermark. */
static void move_message(struct holder *h)
{
	int n = session->watermark / RECORD + rand_r(&seed) % MOST_RECORDS;
	int first = rand_r(&seed) % (n + 1);

	if (first) {
		move_records(h, first);
		dawdle();
	}
	if (n > first)
		move_records(h, n - first);
}

/* --- ... by the ABI alone --------------------------------------------------- */

static void abi_claim(struct holder *h)
{
	raw_claim(&h->raw, h->end);
}

static uint32_t abi_room(struct holder *h)
{
	return raw_room(&h->raw);
}

static void *abi_here(struct holder *h)
{
	return raw_here(&h->raw);
}

static void abi_move(struct holder *h, uint32_t n)
{
	raw_move(&h->raw, n);
}

static void abi_sleep(struct holder *h)
{
	struct pollfd p = { .fd = h->raw.fd,
			    .events = h->end == VFIFO_PRODUCER ? POLLOUT :
								 POLLIN };
	int n = poll(&p, 1, WAKE_UP_MS);

	if (!n)
		fail("the holder was not woken (need is %#x)",
		     h->raw.status->need);
	check(n == 1 || errno == EINTR);
}

static unsigned long abi_kicks(struct holder *h)
{
	return h->raw.kicks;
}

static void abi_release(struct holder *h)
{
	raw_release(&h->raw);
}

static const struct holder_kind by_abi = {
	.name = "the ABI",
	.claim = abi_claim,
	.room = abi_room,
	.here = abi_here,
	.move = abi_move,
	.sleep = abi_sleep,
	.kicks = abi_kicks,
	.release = abi_release,
};

/* --- ... by the library ----------------------------------------------------- */

static void lib_claim(struct holder *h)
{
	check_equal(vfifo_open(DEVICE, h->end, 0, &h->handle), 0);
	/* This test spins by itself, and the library must sleep. */
	vfifo_set_spin(h->handle, 0);
}

static uint32_t lib_room(struct holder *h)
{
	check_equal(__vfifo_look(h->handle), 0);
	return __vfifo_known_room(h->handle);
}

static void *lib_here(struct holder *h)
{
	void *at;

	check(__vfifo_span(h->handle, 1, &at) > 0);
	return at;
}

static void lib_move(struct holder *h, uint32_t n)
{
	check_equal(vfifo_advance(h->handle, n), 0);
	check_equal(vfifo_publish(h->handle), 0);
}

static void lib_sleep(struct holder *h)
{
	int err = vfifo_wait(h->handle, h->watermark, WAKE_UP_MS);

	if (err == -ETIMEDOUT)
		fail("the holder was not woken (need is %#x)",
		     __vfifo_hot(h->handle)->status->need);
	check(!err || err == -EINTR);
}

static unsigned long lib_kicks(struct holder *h)
{
	return vfifo_kicks(h->handle);
}

static void lib_release(struct holder *h)
{
	vfifo_close(h->handle);
}

static const struct holder_kind by_library = {
	.name = "libvfifo",
	.claim = lib_claim,
	.room = lib_room,
	.here = lib_here,
	.move = lib_move,
	.sleep = lib_sleep,
	.kicks = lib_kicks,
	.release = lib_release,
};

/* --- the test --------------------------------------------------------------- */

static void set_number(const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	check_equal(set_attribute(name, text), 0);
}

/* The sum of the watermarks is the maximum, so the holder is ready when all is done. */
static void set_watermarks(struct holder *h)
{
	static const char *const names[] = { "write_watermark",
					     "read_watermark" };

	h->watermark = SMALL + 1 - session->watermark;
	set_number(names[VFIFO_PRODUCER], 1);
	set_number(names[VFIFO_CONSUMER], 1);
	set_number(names[other(h->end)], session->watermark);
	set_number(names[h->end], h->watermark);
}

static void wait_ready(int number)
{
	const double until = now() + 20;

	while (__atomic_load_n(&session->ready, __ATOMIC_SEQ_CST) < number) {
		check(now() < until);
		sched_yield();
	}
}

/* Takes the bytes that the waiters had written when they were stopped. */
static void take_what_is_left(struct holder *h)
{
	uint32_t stored = h->kind->room(h);

	if (stored)
		move_records(h, stored / RECORD);
}

static void all_has_arrived(const struct holder *h)
{
	uint64_t records = 0, sum = 0;

	for (int i = 0; i < session->waiter->number; i++) {
		records += session->of[i].records;
		sum += session->of[i].sum;
	}
	check_equal(records, h->records);
	check_equal(sum, h->sum);
}

/* need-tells-who-waits checks that there are no more kicks than sleeps and polls. */
static void tell(struct holder *h, unsigned long messages, double took)
{
	uint64_t kicks = h->kind->kicks(h);

	printf("# %s, %s claimed by %s, watermark %u%s: %lu messages, %llu kicks; %llu sleeps of the holder; %.1f s\n",
	       session->waiter->name,
	       h->end == VFIFO_PRODUCER ? "producer" : "consumer",
	       h->kind->name, session->watermark, session->rain ? ", rain" : "",
	       messages, (unsigned long long)kicks,
	       (unsigned long long)h->sleeps, took);
	fflush(stdout);
	kicks_of_kind += kicks;
	sleeps_of_kind += h->sleeps;
}

static void run(struct holder *h, unsigned long messages)
{
	const int number = session->waiter->number;
	const double began = now();
	pid_t pids[MOST_WAITERS];

	set_watermarks(h);
	h->kind->claim(h);
	for (int i = 0; i < number; i++)
		pids[i] = start(be_waiter, &i);
	wait_ready(number);
	if (session->rain)
		rain();
	for (unsigned long i = 0; i < messages; i++) {
		wait_until_done(h);
		move_message(h);
	}
	wait_until_done(h);
	no_rain();
	__atomic_store_n(&session->stop, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < number; i++)
		stop(pids[i]);
	if (h->end == VFIFO_CONSUMER)
		take_what_is_left(h);
	all_has_arrived(h);
	tell(h, messages, now() - began);
	h->kind->release(h);
	check_equal(attribute("size"), 0);
}

static void combination(const struct waiter *waiter, enum vfifo_end claimed,
			unsigned int which, unsigned long messages)
{
	struct holder h = { .kind = which & 1 ? &by_library : &by_abi,
			    .end = claimed };

	*session = (struct session){
		.waiter = waiter,
		.claimed = claimed,
		.rain = which & 2,
		.watermark = which & 4 ? SEVERAL : RECORD,
	};
	run(&h, messages);
}

static void no_wake_up_is_lost(const struct waiter *waiter,
			       unsigned long messages)
{
	subtest("%s", waiter->name);
	kicks_of_kind = sleeps_of_kind = 0;
	for (unsigned int which = 0; which < 8; which++) {
		combination(waiter, VFIFO_PRODUCER, which, messages / 8);
		combination(waiter, VFIFO_CONSUMER, which, messages / 8);
	}
	/* Otherwise the test has hardly slept, and shows nothing. */
	check(kicks_of_kind > messages / 8);
	check(sleeps_of_kind > messages / 8);
}

int main(void)
{
	const unsigned long messages =
		share(1000000, slow_kernel() ? 240 : 160);

	session = mmap(NULL, sizeof(*session), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(session != MAP_FAILED);
	set_number("capacity", SMALL);
	catch_signals();
	for (int i = 0; i < nr_waiters; i++)
		no_wake_up_is_lost(&waiters[i], messages);
	return 0;
}
