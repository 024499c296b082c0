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
	return __vfifo_hot(f)->capacity - __vfifo_known_room(f);
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
	const struct __vfifo_hot *h = __vfifo_hot(f);

	return h->status ? check_claim(h) : -ESTALE;
}

int __vfifo_wake(struct vfifo_handle *f)
{
	struct vfifo_inner *h = vfifo_inner(f);
	const struct vfifo_status *s = h->hot.status;
	enum vfifo_end other = __vfifo_other_end(h->hot.end);
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
	int err = need & VFIFO_NEED_REMOVED ? -ENODEV : check_claim(&h->hot);
	__u32 room;

	if (err)
		return err;
	err = __vfifo_look(f);
	if (err && !unknown)
		return err;
	room = room_of_peer(f);
	if (!((need & sleep_bit[other]) && room >= threshold) &&
	    !((need & poll_bit[other]) && room >= watermark) && !unknown)
		return 0;
	h->kicks++;
	return ioctl(h->fd, VFIFO_KICK) ? -errno : err;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

vfifo_hidden uint64_t vfifo_deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return VFIFO_FOREVER;
	return now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

/* Return: the time left for poll(2), rounded up, so no wait ends early; 0: none. */
static int ms_left(uint64_t deadline)
{
	uint64_t now, left;

	if (deadline == VFIFO_FOREVER)
		return -1;
	now = now_ns();
	if (now >= deadline)
		return 0;
	left = (deadline - now + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Return: 0: there is room for @n; -EAGAIN: not yet; or an error of __vfifo_span(). */
static int enough(struct vfifo_handle *f, size_t n)
{
	void *p;
	ssize_t room = __vfifo_span(f, n, &p);

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

/* The clock costs more than a look, so it is read once for 16 looks. */
static int spin(struct vfifo_handle *f, size_t n, uint64_t deadline)
{
	struct vfifo_inner *h = vfifo_inner(f);
	uint64_t end, now;
	int err = -EAGAIN;

	now = now_ns();
	if (!h->spin_ns || now >= deadline)
		return err;
	end = now + h->spin_ns < deadline ? now + h->spin_ns : deadline;
	for (; err == -EAGAIN && now < end; now = now_ns()) {
		for (int looks = 16; err == -EAGAIN && looks; looks--) {
			pause_cpu();
			err = enough(f, n);
		}
	}
	adapt_spin(h, err != -EAGAIN);
	return err;
}

/* Return: the error that POLLHUP stands for; 0: the cause, such as an end of file, is gone. */
static int hang_up(const struct vfifo_handle *f)
{
	/* Acquire: a look after this sees all bytes produced before the end. */
	__u32 flags = __atomic_load_n(&__vfifo_hot(f)->status->flags,
				      __ATOMIC_ACQUIRE);

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
	if (poll(&p, 1, ms) < 0)
		return -errno;
	if (p.revents & POLLNVAL)
		return -EBADF;
	if (p.revents & POLLHUP)
		err = hang_up((struct vfifo_handle *)h);
	if (!err && (p.revents & POLLERR))
		err = -EIO;
	return err ? err : (p.revents & events) != 0;
}

static int shorter(int ms, int nap)
{
	return ms < 0 || ms > nap ? nap : ms;
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
	int nap = 1, ready = 0, err, ms;

	while ((ms = ms_left(deadline)) != 0) {
		short events = ready ? 0 : poll_event[__vfifo_hot(f)->end];
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
	}
	return -ETIMEDOUT;
}

vfifo_hidden int vfifo_wait_until(struct vfifo_handle *f, size_t n,
				  uint64_t deadline)
{
	int err = vfifo_lost(f);

	if (!n)
		n = 1;
	/* The other end may wait for what is not published, and we for the other end. */
	if (!err && __vfifo_hot(f)->own != __vfifo_hot(f)->published)
		err = vfifo_publish(f);
	if (!err)
		err = enough(f, n);
	if (err == -EAGAIN)
		err = spin(f, n, deadline);
	if (err == -EAGAIN)
		err = sleep_until(f, n, deadline);
	return err;
}

int vfifo_wait(struct vfifo_handle *f, size_t n, int timeout_ms)
{
	return vfifo_wait_until(f, n, vfifo_deadline(timeout_ms));
}

unsigned long vfifo_kicks(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->kicks;
}

unsigned long vfifo_sleeps(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->sleeps;
}
