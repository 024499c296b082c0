// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait.c - the steps that wait: poll(2), select(2), epoll, SIGIO and io_uring
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "testlib.h"

static const short sets[] = { POLLIN,
			      POLLOUT,
			      POLLIN | POLLOUT,
			      0,
			      POLLRDNORM,
			      POLLWRNORM,
			      POLLIN | POLLPRI | POLLRDHUP,
			      POLLOUT | POLLRDNORM | POLLWRBAND };

static short some_events(uint16_t arg)
{
	return sets[arg % (sizeof(sets) / sizeof(*sets))];
}

/* --- poll and select ------------------------------------------------------------- */

static void op_poll(struct world *w, const uint16_t *arg)
{
	struct pollfd p[3];
	struct file_slot *f[3];
	struct timespec no_time = { 0, 0 };
	int n = 0;

	for (int i = 0; i < 3; i++) {
		f[n] = some_file(w, arg[0] >> 3 * i);
		if (!f[n])
			continue;
		p[n] = (struct pollfd){ f[n]->fd, some_events(arg[1] >> 3 * i),
					0 };
		n++;
	}
	if (!n)
		return;
	if (!w->exact) {
		expect(w, "poll",
		       outcome(poll(p, n, arg[2] % 8 ? 0 : arg[2] / 8 % 10)),
		       0);
		return;
	}
	if (ppoll(p, n, &no_time, NULL) < 0)
		mismatch(w, "ppoll: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		expect(w, "poll", p[i].revents,
		       fifo_poll(f[i]->of->fifo, f[i]->of, p[i].events));
}

static void op_select(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]);
	struct timeval no_time = { 0, 0 };
	fd_set in, out, other;
	short ready;

	if (!f || f->fd >= FD_SETSIZE)
		return;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&other);
	FD_SET(f->fd, &in);
	FD_SET(f->fd, &out);
	FD_SET(f->fd, &other);
	if (select(f->fd + 1, &in, &out, &other, &no_time) < 0)
		mismatch(w, "select: %s", strerror(errno));
	if (!w->exact) {
		count_operations(w, 1);
		return;
	}
	ready = fifo_poll(f->of->fifo, f->of, ALL_EVENTS);
	expect(w, "select for reading", FD_ISSET(f->fd, &in) != 0,
	       (ready & (POLLIN | POLLHUP | POLLERR)) != 0);
	expect(w, "select for writing", FD_ISSET(f->fd, &out) != 0,
	       (ready & (POLLOUT | POLLERR)) != 0);
	expect(w, "select for other events", FD_ISSET(f->fd, &other), 0);
}

/* --- epoll ------------------------------------------------------------------------ */

/* The kernel looks at the positions of claimed sides where it polls a file, so the model does. */
static void polled(struct world *w, const struct file_slot *f)
{
	if (w->exact)
		fifo_poll(f->of->fifo, f->of, ALL_EVENTS);
}

static void op_epoll_ctl(struct world *w, const uint16_t *arg)
{
	static const uint32_t ways[] = { 0, 0, EPOLLET, EPOLLONESHOT,
					 EPOLLET | EPOLLONESHOT };
	struct file_slot *f = some_file(w, arg[0]);
	struct epoll_event e;

	if (!f)
		return;
	e.data.u32 = f - w->files;
	e.events = (unsigned short)some_events(arg[1]) | ways[arg[2] % 5];
	if (f->watched && arg[3] % 2) {
		expect(w, "EPOLL_CTL_DEL",
		       outcome(epoll_ctl(w->epoll, EPOLL_CTL_DEL, f->fd, &e)),
		       0);
		f->watched = 0;
	} else if (f->watched & EPOLLEXCLUSIVE) {
		expect(w, "EPOLL_CTL_MOD",
		       outcome(epoll_ctl(w->epoll, EPOLL_CTL_MOD, f->fd, &e)),
		       -EINVAL);
	} else if (f->watched) {
		expect(w, "EPOLL_CTL_MOD",
		       outcome(epoll_ctl(w->epoll, EPOLL_CTL_MOD, f->fd, &e)),
		       0);
		f->watched = e.events | EPOLLHUP | EPOLLERR;
		polled(w, f);
	} else {
		if (arg[3] % 16 < 4)
			e.events = (e.events & (EPOLLIN | EPOLLOUT | EPOLLET)) |
				   EPOLLEXCLUSIVE;
		expect(w, "EPOLL_CTL_ADD",
		       outcome(epoll_ctl(w->epoll, EPOLL_CTL_ADD, f->fd, &e)),
		       0);
		f->watched = e.events | EPOLLHUP | EPOLLERR;
		polled(w, f);
	}
}

static void poll_watched(struct world *w)
{
	for (int i = 0; i < FILES; i++) {
		struct pollfd p = { .fd = w->files[i].fd };

		if (p.fd < 0 || !w->files[i].watched)
			continue;
		if (poll(&p, 1, 0) < 0)
			mismatch(w, "poll: %s", strerror(errno));
		polled(w, &w->files[i]);
	}
}

/* Which slots the epoll must report, as their state lasts; a bit for each. */
static unsigned int lasting(struct world *w)
{
	unsigned int slots = 0;

	for (int i = 0; i < FILES; i++) {
		struct file_slot *f = &w->files[i];
		struct fifo *fifo;

		if (f->fd < 0 || !f->watched ||
		    f->watched & (EPOLLET | EPOLLONESHOT))
			continue;
		fifo = f->of->fifo;
		/* A holder that does not kick wakes nobody. */
		if (!fifo->claimant[VFIFO_PRODUCER] &&
		    !fifo->claimant[VFIFO_CONSUMER] &&
		    fifo_poll(fifo, f->of, f->watched))
			slots |= 1U << i;
	}
	return slots;
}

/* Returns the slots that were reported; each event must be true. */
static unsigned int reported(struct world *w)
{
	struct epoll_event events[FILES];
	int n = epoll_wait(w->epoll, events, FILES, 0);
	unsigned int slots = 0;

	if (n < 0)
		mismatch(w, "epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		struct file_slot *f = &w->files[events[i].data.u32];
		short is = events[i].events;

		slots |= 1U << events[i].data.u32;
		if (f->fd < 0 || !f->watched)
			mismatch(w, "an event of a file that is not watched");
		if (w->exact && is != fifo_poll(f->of->fifo, f->of, f->watched))
			mismatch(w, "the epoll says %#x, the model %#x", is,
				 fifo_poll(f->of->fifo, f->of, f->watched));
	}
	return slots;
}

/*
 * A change that is no move is reported up to an eighth of a second late, so the epoll has some
 * seconds.
 */
static void op_epoll_wait(struct world *w, const uint16_t *arg)
{
	unsigned int slots, must;

	if (!w->exact) {
		struct epoll_event events[FILES];

		expect(w, "epoll_wait",
		       outcome(epoll_wait(w->epoll, events, FILES,
					  arg[0] % 8 ? 0 : arg[0] / 8 % 10)),
		       0);
		return;
	}
	/* Which of them the epoll polls is not determined. */
	poll_watched(w);
	must = lasting(w);
	slots = reported(w);
	for (int tries = 0; must & ~slots; tries++) {
		if (tries > 300)
			mismatch(w, "the epoll does not report slots %#x",
				 must & ~slots);
		sleep_ms(10);
		slots |= reported(w);
	}
	count_operations(w, 1);
}

/* --- signals of O_ASYNC ------------------------------------------------------------------------ */

static sigset_t io_signals;

/*
 * Takes all that are pending. User-Mode Linux sometimes passes a SIGIO of its own on, so that one
 * does not count.
 */
static bool signals_came(siginfo_t *last)
{
	struct timespec no_time = { 0, 0 };
	bool came = false;
	siginfo_t info;
	int number;

	while ((number = sigtimedwait(&io_signals, &info, &no_time)) > 0) {
		if (number == SIGIO)
			continue;
		came = true;
		*last = info;
	}
	return came;
}

void forget_pending_signals(void)
{
	siginfo_t last;

	signals_came(&last);
}

/* A SIGIO of User-Mode Linux does not count, as in signals_came(). */
bool signal_is_pending(void)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, SIGRTMIN + 1) > 0;
}

void check_no_signal(struct world *w)
{
	siginfo_t last;

	if (signals_came(&last))
		mismatch(
			w,
			"a signal came (code %d, descriptor %d, events %#lx), but no file has O_ASYNC",
			last.si_code, last.si_fd, (unsigned long)last.si_band);
}

void wait_begin(void)
{
	sigemptyset(&io_signals);
	sigaddset(&io_signals, SIGIO);
	sigaddset(&io_signals, SIGRTMIN + 1);
	check(!sigprocmask(SIG_BLOCK, &io_signals, NULL));
}

int async_files(const struct world *w)
{
	int n = 0;

	for (int i = 0; i < FILES; i++)
		n += w->files[i].fd >= 0 && w->files[i].of->async;
	/* A mapping keeps its file open, and so the signals. */
	for (int i = 0; i < MAPS; i++)
		n += w->maps[i].at && w->maps[i].of->async;
	return n;
}

void note_signals(struct world *w)
{
	if (w->signals)
		w->async_before = async_files(w);
}

void check_signals(struct world *w)
{
	if (!w->signals)
		return;
	if (w->exact && !w->async_before && !async_files(w))
		check_no_signal(w);
	else
		forget_pending_signals();
}

/* --- io_uring ----------------------------------------------------------------------- */

#define ENTRIES 128
#define SLOT 256 /* bytes for each entry */
#define CALLS 8	 /* with entries, in a step */

struct uring {
	struct io_uring ring;
	unsigned int pending;
};

struct uring *uring_new(void)
{
	struct uring *u = calloc(1, sizeof(*u));

	check(u);
	if (!io_uring_queue_init(ENTRIES, &u->ring, 0))
		return u;
	free(u);
	return NULL;
}

void uring_free(struct uring *u)
{
	io_uring_queue_exit(&u->ring);
	free(u);
}

static bool uring_ready(struct world *w)
{
	if (!w->uring)
		w->uring = uring_new();
	return w->uring;
}

static struct random random_of(const uint16_t *arg)
{
	return (struct random){ (uint64_t)arg[0] << 48 |
				(uint64_t)arg[1] << 32 |
				(uint64_t)arg[2] << 16 | arg[3] };
}

/* An entry costs much less than a system call, so most of the operations are entries. */
static unsigned int some_entries(struct random *r)
{
	return random_below(r, 4) ? ENTRIES / 2 + random_below(r, ENTRIES / 2) :
				    1 + random_below(r, ENTRIES / 2);
}

/* What the entries of one call must give. */
static struct {
	long want[ENTRIES];
	uint32_t size[ENTRIES]; /* of what a read gets */
	uint8_t bytes[ENTRIES][SLOT], unknown[ENTRIES][SLOT],
		got[ENTRIES][SLOT];
	struct io_uring_sqe *last;
} batch;

/*
 * Adds an entry whose result is determined, and applies it to the model. Returns whether it did.
 * The entries of a chain must succeed in full, as a shorter result breaks a chain.
 */
static bool add_entry(struct world *w, struct file_slot *f, struct random *r,
		      unsigned int i, bool chain)
{
	const uint32_t n = 1 + random_below(r, SLOT);
	const short events = some_events(random_u32(r));
	const unsigned int kind = random_below(r, 8);
	struct description *d = f->of;
	struct io_uring_sqe *sqe;
	struct plan plan = { .result = -EBADF };
	short ready;

	batch.size[i] = 0;
	if (kind == 0) {
		ready = fifo_poll(d->fifo, d, events);
		if (!ready)
			return false;
		sqe = io_uring_get_sqe(&w->uring->ring);
		io_uring_prep_poll_add(sqe, f->fd, (unsigned short)events);
		plan.result = ready;
	} else if (kind < 4) {
		if (d->reads)
			plan = fifo_plan_read(d->fifo, n, n, true);
		if (would_learn)
			return false;
		/* Where a call would wait, io_uring does, some kernels with O_NONBLOCK too. */
		if (plan.result == -EAGAIN || (chain && plan.result != n))
			return false;
		sqe = io_uring_get_sqe(&w->uring->ring);
		io_uring_prep_read(sqe, f->fd, batch.got[i], n, -1);
		if (d->reads)
			fifo_looked(d->fifo, &plan);
		if (plan.result > 0) {
			batch.size[i] = plan.result;
			fifo_take(d->fifo, batch.bytes[i], batch.unknown[i],
				  plan.result);
		}
	} else {
		if (d->writes)
			plan = fifo_plan_write(d->fifo, n, n, true);
		if (would_learn || plan.result == -EAGAIN ||
		    (chain && plan.result != n))
			return false;
		fresh_bytes(w, batch.got[i], n);
		sqe = io_uring_get_sqe(&w->uring->ring);
		io_uring_prep_write(sqe, f->fd, batch.got[i], n, -1);
		if (d->writes)
			fifo_write(d->fifo, batch.got[i], &plan);
	}
	sqe->user_data = i;
	if (chain)
		sqe->flags |= IOSQE_IO_LINK;
	batch.last = sqe;
	batch.want[i] = plan.result;
	return true;
}

static bool try_entry(struct world *w, struct file_slot *f, struct random *r,
		      unsigned int i, bool chain)
{
	bool added;

	learning_comes_too_early = true;
	would_learn = false;
	added = add_entry(w, f, r, i, chain);
	learning_comes_too_early = false;
	if (!added)
		look_too(f);
	return added;
}

static struct io_uring_cqe *next_entry(struct world *w)
{
	struct __kernel_timespec limit = { .tv_sec = 5 };
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe_timeout(&w->uring->ring, &cqe, &limit);

	if (err)
		mismatch(w, "io_uring completes nothing: %s", strerror(-err));
	return cqe;
}

/* A call ends with the first entry that cannot begin. The others need another call. */
static bool submit_all(struct io_uring *ring)
{
	while (io_uring_sq_ready(ring))
		if (io_uring_submit(ring) <= 0)
			return false;
	return true;
}

/* Many entries, all of which complete at once. */
static void uring_exactly(struct world *w, struct random *r)
{
	const bool chain = random_below(r, 4) == 0;
	const unsigned int most = some_entries(r);
	unsigned int n = 0;

	for (unsigned int i = 0; i < most; i++) {
		struct file_slot *f = some_file(w, random_u32(r));

		if (f && try_entry(w, f, r, n, chain))
			n++;
	}
	if (!n)
		return;
	/*
	 * A chain without an end goes to a worker, which puts the file some time after the entry
	 * has completed: the last close of the file would not be that of this process.
	 */
	batch.last->flags &= ~IOSQE_IO_LINK;
	if (!submit_all(&w->uring->ring))
		mismatch(w, "io_uring does not take %u entries", n);
	for (unsigned int i = 0; i < n; i++) {
		struct io_uring_cqe *cqe = next_entry(w);
		const unsigned int which = cqe->user_data;

		check(which < n);
		expect(w, "an entry of io_uring", cqe->res, batch.want[which]);
		if (batch.size[which])
			expect_bytes(w, "an entry of io_uring",
				     batch.got[which], batch.bytes[which],
				     batch.unknown[which], batch.size[which]);
		io_uring_cqe_seen(&w->uring->ring, cqe);
	}
}

/*
 * Any entries, of which some never complete. The descriptor of an entry that is linked to an earlier
 * one is looked up when that has completed, and the one of the first entry of a chain that has no
 * end by a worker. It can be one of another device by then. So an entry of a chain moves no bytes.
 */
static void uring_anyhow(struct world *w)
{
	struct io_uring *ring = &w->uring->ring;
	const unsigned int most = some_entries(&w->random);
	unsigned int n = 0;
	struct io_uring_cqe *cqe;
	bool linked = false;

	/* A stream that has these bytes has them from here. */
	memset(batch.bytes, 0xd7, sizeof(batch.bytes));
	for (unsigned int i = 0; i < most; i++) {
		struct file_slot *f = some_file(w, random_u32(&w->random));
		const uint32_t size = 1 + random_below(&w->random, SLOT);
		const uint32_t kind = linked ? 6 + random_below(&w->random, 2) :
					       random_below(&w->random, 8);
		struct io_uring_sqe *sqe;

		if (!f || (kind < 6 && care_of(f->of) == CARE_STREAM))
			continue;
		sqe = io_uring_get_sqe(ring);
		if (!sqe)
			break;
		if (kind < 3)
			io_uring_prep_read(sqe, f->fd, batch.got[i], size, -1);
		else if (kind < 6)
			io_uring_prep_write(sqe, f->fd, batch.bytes[i], size,
					    -1);
		else if (kind == 6)
			io_uring_prep_poll_add(sqe, f->fd,
					       (unsigned short)some_events(
						       random_u32(&w->random)));
		else
			io_uring_prep_cancel64(
				sqe, random_below(&w->random, ENTRIES), 0);
		if (kind == 6 && random_below(&w->random, 4) == 0)
			sqe->len = IORING_POLL_ADD_MULTI;
		linked = kind >= 6 && random_below(&w->random, 4) == 0;
		if (linked)
			sqe->flags |= IOSQE_IO_LINK;
		sqe->user_data = i;
		n++;
	}
	count_operations(w, n);
	/* No entry may be left for later, when its descriptor is one of another device. */
	if (!submit_all(ring)) {
		uring_free(w->uring);
		w->uring = NULL;
		return;
	}
	w->uring->pending += n;
	while (!io_uring_peek_cqe(ring, &cqe)) {
		if (cqe->res <= -512)
			mismatch(w, "an entry of io_uring: %d", cqe->res);
		if (!(cqe->flags & IORING_CQE_F_MORE) && w->uring->pending)
			w->uring->pending--;
		io_uring_cqe_seen(ring, cqe);
	}
	/* The end of the ring cancels what waits. */
	if (w->uring->pending > 4 * ENTRIES ||
	    random_below(&w->random, 16) == 0) {
		uring_free(w->uring);
		w->uring = NULL;
	}
}

static void op_uring(struct world *w, const uint16_t *arg)
{
	struct random r = random_of(arg);
	unsigned int calls = 1 + random_below(&r, CALLS);

	for (; calls && uring_ready(w); calls--) {
		if (w->exact)
			uring_exactly(w, &r);
		else
			uring_anyhow(w);
	}
}

static struct file_slot *some_writer(struct world *w, const struct fifo *fifo)
{
	for (int i = 0; i < FILES; i++)
		if (w->files[i].fd >= 0 && w->files[i].of->fifo == fifo &&
		    w->files[i].of->writes)
			return &w->files[i];
	return NULL;
}

static void entry_is(struct world *w, uint64_t data, long want)
{
	struct io_uring_cqe *cqe = next_entry(w);

	if (cqe->user_data != data)
		mismatch(w, "entry %llu completes before %llu",
			 (unsigned long long)cqe->user_data,
			 (unsigned long long)data);
	expect(w, data ? "the read" : "the cancel", cqe->res, want);
	io_uring_cqe_seen(&w->uring->ring, cqe);
}

static void cancel_entry(struct world *w, struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	bool cancelled = false, ended = false;

	io_uring_prep_cancel64(sqe, 1, 0);
	sqe->user_data = 0;
	check(io_uring_submit(ring) == 1);
	/* The two complete in any order. */
	while (!cancelled || !ended) {
		struct io_uring_cqe *cqe = next_entry(w);

		if (cqe->user_data) {
			expect(w, "a cancelled entry", cqe->res, -ECANCELED);
			ended = true;
		} else {
			expect(w, "a cancel", cqe->res, 0);
			cancelled = true;
		}
		io_uring_cqe_seen(ring, cqe);
	}
}

/* A read of an empty FIFO waits; then bytes come, or it is cancelled. */
static void op_uring_wait(struct world *w, const uint16_t *arg)
{
	struct file_slot *f = some_file(w, arg[0]), *writer;
	const uint32_t n = 1 + arg[1] % SLOT;
	struct io_uring_sqe *sqe;
	struct io_uring *ring;
	struct fifo *fifo;
	struct plan plan, write_plan;

	if (!w->exact || !f || !f->of->reads || f->of->nonblock)
		return;
	fifo = f->of->fifo;
	plan = fifo_plan_read(fifo, n, n, false);
	if (!plan.blocks || fifo_poll(fifo, f->of, ALL_EVENTS) ||
	    !uring_ready(w)) {
		look_too(f);
		return;
	}
	ring = &w->uring->ring;
	sqe = io_uring_get_sqe(ring);
	if (arg[2] % 4 == 0) {
		struct io_uring_cqe *cqe;

		io_uring_prep_poll_multishot(sqe, f->fd, POLLIN);
		sqe->user_data = 1;
		check(io_uring_submit(ring) == 1);
		if (io_uring_peek_cqe(ring, &cqe)) {
			cancel_entry(w, ring);
			return;
		}
		/* Before 5.13 there was no such poll. */
		expect(w, "a poll of many shots", cqe->res, -EINVAL);
		io_uring_cqe_seen(ring, cqe);
		return;
	}
	io_uring_prep_read(sqe, f->fd, w->got, n, -1);
	sqe->user_data = 1;
	check(io_uring_submit(ring) == 1);
	writer = some_writer(w, fifo);
	if (arg[2] % 4 == 1 || !writer ||
	    fifo->watermark[VFIFO_CONSUMER] > SLOT) {
		cancel_entry(w, ring);
		return;
	}
	write_plan = fifo_plan_write(fifo, SLOT, SLOT, true);
	if (write_plan.store != SLOT) {
		cancel_entry(w, ring);
		return;
	}
	fresh_bytes(w, w->bytes, SLOT);
	expect(w, "write", outcome(write(writer->fd, w->bytes, SLOT)),
	       write_plan.result);
	fifo_write(fifo, w->bytes, &write_plan);
	plan = fifo_plan_read(fifo, n, n, false);
	entry_is(w, 1, plan.result);
	fifo_looked(fifo, &plan);
	did_read(w, fifo, w->got, plan.result);
}

const struct operation wait_operations[] = {
	{ "poll", "poll", 250, 200, op_poll },
	{ "select", "poll", 50, 50, op_select },
	{ "epoll-ctl", "poll", 75, 150, op_epoll_ctl },
	{ "epoll-wait", "poll", 75, 150, op_epoll_wait },
	{ "uring", "read_iter write_iter poll", 400, 300, op_uring },
	{ "uring-wait", "read_iter poll", 30, 0, op_uring_wait },
	{ 0 },
};
