// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sleeping and waking: step 5 of the protocol (src/doc/protocol.rst, Moving bytes and Waking),
 * and the poll(2) that it wakes.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <time.h>

#include "internal.h"

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

static const __u32 sleep_bit[] = { VFIFO_NEED_PRODUCER_SLEEP,
				   VFIFO_NEED_CONSUMER_SLEEP };
static const __u32 poll_bit[] = { VFIFO_NEED_PRODUCER_POLL,
				  VFIFO_NEED_CONSUMER_POLL };
static const short poll_event[] = { POLLOUT, POLLIN };

/* Return: the bytes that the other end may fill or take, once ours are published. */
static __u32 room_of_peer(const struct vfifo_handle *f)
{
	return vfifo_hot(f)->capacity - __vfifo_room(vfifo_hot(f));
}

/*
 * The flags and the claims are on a cache line that hardly ever changes, so a wait that spins
 * does not load the line of `need`, which does.
 */
static int check_claim(const struct __vfifo_hot *h)
{
	const struct vfifo_status *s = h->status;

	if (__atomic_load_n(&s->flags, __ATOMIC_RELAXED) & VFIFO_REMOVED)
		return -ENODEV;
	if (__atomic_load_n(&s->claim[h->end], __ATOMIC_RELAXED) != h->claim)
		return -ESTALE;
	return 0;
}

int vfifo_lost(const struct vfifo_handle *f)
{
	const struct __vfifo_hot *h = __vfifo_used_part(f);

	return h->status ? check_claim(h) : -ESTALE;
}

int __vfifo_wake(struct vfifo_handle *f)
{
	struct vfifo_inner *h = vfifo_inner(f);
	const struct vfifo_status *s = h->used->status;
	enum vfifo_end other = __vfifo_other_end(h->used->end);
	/*
	 * Acquire: the position that __vfifo_look() loads is no older than the bit. A
	 * threshold older than the bit does no harm: a waiter that stored a newer one
	 * looks at the positions once more after that, and sees what we have published.
	 */
	__u32 need = __atomic_load_n(&s->need, __ATOMIC_ACQUIRE);
	__u32 threshold =
		__atomic_load_n(&s->threshold[other], __ATOMIC_RELAXED);
	__u32 watermark =
		__atomic_load_n(&s->watermark[other], __ATOMIC_RELAXED);
	/* Only the kernel knows what an unknown bit waits for, so such a bit is a kick. */
	__u32 unknown = need & ~VFIFO_NEED_KNOWN;
	int err = need & VFIFO_NEED_REMOVED ? -ENODEV : check_claim(h->used);
	__u32 room;

	if (err)
		return err;
	err = __vfifo_look_at(h->used, h->unaligned);
	if (err && !unknown)
		return err;
	room = room_of_peer(f);
	if (!((need & sleep_bit[other]) && room >= threshold) &&
	    !((need & poll_bit[other]) && room >= watermark) && !unknown)
		return 0;
	h->kicks++;
	return ioctl(h->fd, VFIFO_KICK) ? -errno : err;
}

vfifo_hidden uint64_t vfifo_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

#define FOREVER UINT64_MAX

static uint64_t deadline_of(struct vfifo_time *time)
{
	if (time->timeout_ms < 0)
		time->deadline = FOREVER;
	else if (!time->deadline)
		time->deadline =
			vfifo_now() + (uint64_t)time->timeout_ms * NS_PER_MS;
	return time->deadline;
}

/* Return: the time left for poll(2), rounded up, so no wait ends early; 0: none. */
static int ms_left(uint64_t deadline)
{
	uint64_t now, left;

	if (deadline == FOREVER)
		return -1;
	now = vfifo_now();
	if (now >= deadline)
		return 0;
	left = (deadline - now + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Return: 0: there is room for @n, at least 1; -EAGAIN: not yet; or an error of __vfifo_span(). */
static int enough(struct vfifo_handle *f, size_t n)
{
	struct __vfifo_hot *h = vfifo_hot(f);
	ssize_t room = (ssize_t)__vfifo_room(h);

	if (n > h->capacity)
		return h->capacity ? -EMSGSIZE : -ESTALE;
	if ((size_t)room < n)
		room = __vfifo_look_for(f, h, n, vfifo_inner(f)->unaligned);
	return room < 0 ? (int)room : 0;
}

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

void vfifo_set_spin(struct vfifo_handle *f, unsigned int microseconds)
{
	struct vfifo_inner *h = vfifo_inner(f);

	h->spin_ns = h->spin_max_ns = microseconds * NS_PER_US;
}

/*
 * Doubles the time after a spin that paid, halves it after one that did not. The lower limit
 * is not 0: only a spin can find that the other end has become faster.
 */
static void adapt_spin(struct vfifo_inner *h, bool paid)
{
	uint64_t most = h->spin_max_ns, least = most / 16;
	uint64_t next = paid ? h->spin_ns * 2 : h->spin_ns / 2;

	h->spin_ns = next > most ? most : next < least ? least : next;
}

static int look_often(struct vfifo_handle *f, size_t n, int looks)
{
	int err = -EAGAIN;

	for (; err == -EAGAIN && looks; looks--) {
		pause_cpu();
		err = enough(f, n);
	}
	return err;
}

/* The clock costs more than a look, so it is read once for 16 looks. */
static int spin(struct vfifo_handle *f, size_t n, uint64_t deadline)
{
	struct vfifo_inner *h = vfifo_inner(f);
	uint64_t end, now = vfifo_now();
	int err = -EAGAIN;

	if (now >= deadline)
		return err;
	end = now + h->spin_ns < deadline ? now + h->spin_ns : deadline;
	for (; err == -EAGAIN && now < end; now = vfifo_now())
		err = look_often(f, n, 16);
	adapt_spin(h, err != -EAGAIN);
	return err;
}

/*
 * Each look at the other end's position takes its cache line away from the other end, which
 * must have it back to publish. Two ends that look at each other for each message are many times
 * slower than they can be. So a wait pauses before its first look, for as long as that
 * makes the stream faster: by then there is more to do. Where each end answers the other, a pause
 * makes nothing faster, so the measurement chooses none.
 */
static const unsigned int pace_ns[] = { 0, 500, 1500, 4000 };

#define PACE_MAX (sizeof(pace_ns) / sizeof(pace_ns[0]) - 1)
#define PACE_WAITS 32 /* in an epoch */

static void pause_before_look(const struct vfifo_inner *h)
{
	uint64_t ns = pace_ns[h->pace.now], until;

	if (!ns || ns > h->spin_ns)
		return;
	for (until = vfifo_now() + ns; vfifo_now() < until;)
		pause_cpu();
}

/*
 * If the processors are far from each other, a producer waits long for each line that the consumer
 * has read. So the consumer writes these lines back to memory, where the producer finds them
 * sooner. It does so when it has to wait anyway. If it never waits, the producer is not the slower
 * one. The producer may fill a line before it is flushed: a flush changes no byte.
 */
#define FLUSH_MIN 4096U

static void flush_consumed(struct vfifo_inner *h)
{
	__u32 n = h->used->own - h->flushed;

	if (h->used->end != VFIFO_CONSUMER || n < FLUSH_MIN)
		return;
	/* Of more than half of it, much has been filled again, or is from before a trial. */
	if (h->copy.now && n <= h->used->capacity / 2)
		vfifo_flush(h->used->data +
				    vfifo_offset(h->used->capacity, h->flushed),
			    n);
	h->flushed = h->used->own;
}

/* After a wait that did not sleep. */
static void tune_waits(struct vfifo_inner *h)
{
	/* After 4 GiB without a wait this is too little, and one epoch measured wrongly. */
	__u32 bytes = h->used->own - h->paced;

	h->paced = h->used->own;
	vfifo_tune_work(&h->pace, bytes, 1, PACE_WAITS);
	if (h->used->end == VFIFO_CONSUMER)
		vfifo_tune_copy(h, bytes);
}

vfifo_hidden void vfifo_reset_pace(struct vfifo_inner *h)
{
	vfifo_tune_begin(&h->pace, PACE_MAX);
	h->paced = h->used->own;
}

/* Return: the error that POLLHUP stands for; 0: the cause, such as an end of file, is gone. */
static int hang_up(const struct vfifo_handle *f)
{
	/* Acquire: a look after this sees all bytes produced before the end. */
	__u32 flags =
		__atomic_load_n(&vfifo_hot(f)->status->flags, __ATOMIC_ACQUIRE);

	if (flags & VFIFO_REMOVED)
		return -ENODEV;
	return flags & VFIFO_ENDED ? -ENODATA : 0;
}

/* Return: 1: ready; 0: not within @ms milliseconds; or a negative errno. */
static int poll_once(struct vfifo_inner *h, short events, int ms)
{
	struct pollfd p = { .fd = h->fd, .events = events };
	int err = 0;

	h->sleeps++;
	vfifo_reset_pace(h);
	h->copy.began = 0;
	if (poll(&p, 1, ms) < 0)
		return -errno;
	if (p.revents & POLLNVAL)
		return -EBADF;
	if (p.revents & POLLHUP)
		err = hang_up(vfifo_handle(h));
	if (!err && (p.revents & POLLERR))
		err = -EIO;
	return err ? err : (p.revents & events) != 0;
}

static int shorter(int ms, int nap)
{
	return ms < 0 || ms > nap ? nap : ms;
}

/*
 * Whether poll(2) would tell an error. The flags are a snapshot: a broken state may have ended
 * meanwhile, which only the kernel finds.
 */
static bool has_news(const struct vfifo_handle *f)
{
	__u32 flags =
		__atomic_load_n(&vfifo_hot(f)->status->flags, __ATOMIC_RELAXED);

	return flags & (VFIFO_BROKEN | VFIFO_REMOVED | VFIFO_ENDED);
}

/*
 * poll(2) wakes at the watermark, not at @n. If @n is smaller, poll may keep sleeping although
 * @n bytes are available (forever, if the other end is waiting for us), so poll in short
 * slices. If @n is larger, poll returns at once although @n bytes are not available, so sleep
 * one slice with events = 0, where only an error or a hang-up wakes us.
 *
 * Return: 0; -ETIMEDOUT; -ESTALE; or an error of enough() or of poll_once().
 */
static int sleep_until(struct vfifo_handle *f, size_t n, uint64_t deadline)
{
	struct vfifo_inner *h = vfifo_inner(f);
	int nap = 1, ready = 0, err, ms = ms_left(deadline);

	/* Without time for a sleep the kernel is called only if it has something to tell. */
	if (!ms && !has_news(f))
		return -ETIMEDOUT;
	do {
		short events = ready ? 0 : poll_event[vfifo_hot(f)->end];
		bool napping = ready || n < vfifo_watermark(f);

		ready = poll_once(h, events, napping ? shorter(ms, nap) : ms);
		/*
		 * Enough bytes take precedence over an error; but without its claim the
		 * caller could not move past them.
		 */
		err = vfifo_lost(f);
		if (err != -ESTALE)
			err = enough(f, n);
		if (err != -EAGAIN)
			return err;
		if (ready < 0)
			return ready;
		if (napping && nap < VFIFO_NAP_MAX_MS)
			nap *= 2;
		ms = ms_left(deadline);
	} while (ms);
	return -ETIMEDOUT;
}

/* So many looks come before the clock is read, which costs as much as several of them. */
#define FIRST_LOOKS 32

static int wait_awake(struct vfifo_handle *f, size_t n, struct vfifo_time *time)
{
	struct vfifo_inner *h = vfifo_inner(f);
	bool spins = h->spin_ns && time->timeout_ms;
	int err;

	if (spins && __vfifo_room(h->used) < n) {
		flush_consumed(h);
		pause_before_look(h);
	}
	err = enough(f, n);
	if (err == -EAGAIN && spins) {
		err = look_often(f, n, FIRST_LOOKS);
		if (err == -EAGAIN)
			err = spin(f, n, deadline_of(time));
		else
			adapt_spin(h, true);
	}
	if (!err && spins)
		tune_waits(h);
	return err;
}

vfifo_hidden int vfifo_wait_until(struct vfifo_handle *f, size_t n,
				  struct vfifo_time *time)
{
	int err = vfifo_lost(f);

	if (!n)
		n = 1;
	/* The other end may wait for what is not published, and we for the other end. */
	if (!err && vfifo_hot(f)->own != vfifo_hot(f)->published)
		err = vfifo_publish(f);
	if (!err)
		err = wait_awake(f, n, time);
	if (err == -EAGAIN)
		err = sleep_until(f, n, deadline_of(time));
	return err;
}

int vfifo_wait(struct vfifo_handle *f, size_t n, int timeout_ms)
{
	struct vfifo_time time = { timeout_ms, 0 };

	return vfifo_wait_until(f, n, &time);
}

unsigned long vfifo_kicks(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->kicks;
}

unsigned long vfifo_sleeps(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->sleeps;
}
