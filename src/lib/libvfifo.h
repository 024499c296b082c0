/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvfifo.h - libvfifo: one end of a vfifo in a program's own memory
 *
 * A handle is the claim of one end of a FIFO, as <linux/vfifo.h> has it: a producer
 * or a consumer, that moves bytes with no system call and no copy.
 *
 *	producer				consumer
 *	n = vfifo_reserve(f, least, &p)		n = vfifo_peek(f, least, &p)
 *	fill up to n bytes at p			use up to n bytes at p
 *	vfifo_commit(f, filled)			vfifo_consume(f, used)
 *
 * The bytes at p are contiguous: nothing wraps. vfifo_commit() is vfifo_advance(),
 * which only moves the handle on, and vfifo_publish(), which tells the other side;
 * to tell it of many messages at once, advance for each and publish once.
 *
 * What fails returns a negative errno and has changed nothing. A handle is for one
 * thread at a time; two handles, of the two ends say, may be in two threads. After
 * a fork(2) the child must not touch its copy of the handle, not even to close it.
 *
 * Nothing that the other side stores is believed: what cannot be its position is
 * -EBADMSG, and never an access outside the buffer. Where it stays so: close, and open
 * again when the other side is held by somebody else, or by nobody. The bytes
 * themselves may change under the reader's eyes, as whoever may write the device may
 * change them; copy first what you have to trust.
 */
#ifndef LIBVFIFO_H
#define LIBVFIFO_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/vfifo.h>
#include <vfifo_pattern.h>
#include <vfifo_ring.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the functions in this header work on: a cache line that nobody else writes.
 * Look, but let the functions change it. Its layout is part of the library's ABI.
 */
struct vfifo_handle {
	unsigned char *data;	     /* twice, back to back */
	struct vfifo_position *mine; /* the claim: only ever stored to */
	const struct vfifo_position *theirs;
	const struct vfifo_status *status;
	__u32 capacity;
	__u32 own;	 /* our position */
	__u32 published; /* as the other side knows it: the same or behind */
	__u32 peer;	 /* the other side's, when last looked at; was good */
	__u32 peer_need; /* the bits of status->need to act on */
	enum vfifo_end end; /* which one we are */
	__u32 claim;	    /* the number of our claim: status->claim[end] */
} __attribute__((aligned(64)));

/*
 * Claims `end` of the FIFO at `path`. `flags` is 0. -EBUSY: it is claimed, or the
 * generator is the producer; -EPROTO: not a vfifo, or of an ABI that is not ours;
 * -EBADMSG: the other side is claimed, and its position is not possible; else what
 * open(2) and mmap(2) fail with.
 */
int vfifo_open(const char *path, enum vfifo_end end, unsigned int flags,
	       struct vfifo_handle **f);

/*
 * Releases the end. What was not published is as if it had never been reserved, or
 * peeked at. f may be NULL.
 */
void vfifo_close(struct vfifo_handle *f);

/*
 * For an event loop: POLLOUT for a producer, POLLIN for a consumer, at the watermark
 * (vfifo(4)). In this order: move bytes until there is -EAGAIN, publish, then wait;
 * the wait has the kernel look once more, so nothing that comes in between is lost.
 */
int vfifo_fd(const struct vfifo_handle *f);

/*
 * Waits until `n` bytes are free, or stored; 0 is as 1. Publishes first. At most
 * `timeout_ms` milliseconds, for ever if negative, not at all if 0: -ETIMEDOUT.
 * -EMSGSIZE: more than the capacity; -EBADMSG: see above; -EINTR: a signal;
 * -EIO: the FIFO is broken; -ENODATA: there is less, and nobody is left who could
 * produce more (the attribute eof).
 *
 * -ENODEV: the device was removed. -ESTALE: root has revoked the claim, and our position
 * page is gone: a store to it (vfifo_publish() begins with one) raises SIGBUS. Both are
 * final, so close the handle. vfifo_wait(), vfifo_write() and vfifo_read() check for both
 * before they touch that page or move a byte; a claim that is revoked later, while they
 * run, can still raise SIGBUS.
 *
 * It spins for some microseconds, then sleeps in poll(2), which goes by the watermark.
 * Where n is another number, the sleep is looked after: it may end late, by at most
 * as long as it took, and never more than VFIFO_NAP_MAX_MS.
 */
int vfifo_wait(struct vfifo_handle *f, size_t n, int timeout_ms);

#define VFIFO_NAP_MAX_MS 16

/*
 * The longest that a wait spins before it sleeps, in microseconds; 0: not at all. It
 * spins less while that does not pay. The default is 20, and 0 with one processor.
 */
void vfifo_set_spin(struct vfifo_handle *f, unsigned int microseconds);

/*
 * With a copy. vfifo_write() stores all n bytes, and waits when the FIFO is full;
 * vfifo_read() waits for a byte, then takes what there is, up to n. What is long is
 * handed over in pieces, so that both ends can copy at once. They return how
 * many bytes they moved; an error, as those of vfifo_wait(), only if that is none, and
 * vfifo_read() 0 at the end: see -ENODATA. After -ENODEV, bytes that are still stored can
 * be had with vfifo_peek().
 * -EBADF: it is the other end's to do.
 */
ssize_t vfifo_write(struct vfifo_handle *f, const void *buffer, size_t n,
		    int timeout_ms);
ssize_t vfifo_read(struct vfifo_handle *f, void *buffer, size_t n,
		   int timeout_ms);

/* How often this handle has called the kernel: to wake the other side, and to sleep. */
unsigned long vfifo_kicks(const struct vfifo_handle *f);
unsigned long vfifo_sleeps(const struct vfifo_handle *f);

/*
 * The slow half of vfifo_publish(): calls the kernel if somebody on the other side
 * waits for as much as there is by now. -ENODEV, -ESTALE: see vfifo_wait().
 */
int vfifo_wake(struct vfifo_handle *f);

/*
 * 0; -ENODEV: the device was removed; -ESTALE: the claim was revoked. See vfifo_wait().
 * vfifo_span() asks this when there is no room.
 */
int vfifo_lost(const struct vfifo_handle *f);

/*
 * What the generator produces, at its beginning: `name` as the attribute generator/pattern
 * has it; the `length` bytes of `text`, for that pattern only, as generator/text has them.
 * -EINVAL: no such pattern, or a text that is empty or too long. vfifo_pattern_match()
 * then tells whether the right bytes come.
 */
int vfifo_pattern_set(struct vfifo_pattern *p, const char *name,
		      const void *text, size_t length);

/*
 * For who joins in the middle, or after a gap: finds where in the pattern the `n` bytes
 * are, and has it go on after them. -EAGAIN: too few bytes to tell, but
 * VFIFO_SYNC_ENOUGH always suffice; -EBADMSG: they are nowhere in the pattern.
 */
int vfifo_pattern_sync(struct vfifo_pattern *p, const void *bytes, size_t n);

#define VFIFO_SYNC_ENOUGH VFIFO_TEXT_MAX

static inline size_t vfifo_capacity(const struct vfifo_handle *f)
{
	return f->capacity;
}

static inline enum vfifo_end vfifo_other_end(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

/* Bytes that our end may fill, or take, going by the peer's position as last seen. */
static inline __u32 vfifo_known_room(const struct vfifo_handle *f)
{
	return f->end == VFIFO_PRODUCER ?
		       vfifo_room(f->end, f->capacity, f->own, f->peer) :
		       vfifo_room(f->end, f->capacity, f->peer, f->own);
}

/*
 * Looks at the peer's position again. Acquire: what it filled, or took, before it
 * moved there is done. It cannot be ahead of what we published.
 */
static inline int vfifo_look(struct vfifo_handle *f)
{
	__u32 now = __atomic_load_n(&f->theirs->position, __ATOMIC_ACQUIRE);

	if (!vfifo_moved(vfifo_other_end(f->end), f->capacity, f->peer, now,
			 f->published))
		return -EBADMSG;
	f->peer = now;
	return 0;
}

/* At least n bytes at our position, for either end; 0 is as 1. */
static inline ssize_t vfifo_span(struct vfifo_handle *f, size_t n, void **p)
{
	__u32 room = vfifo_known_room(f);
	int err;

	if (n > f->capacity)
		return -EMSGSIZE;
	if (room < n || !room) {
		err = vfifo_look(f);
		if (err)
			return err;
		room = vfifo_known_room(f);
		if (room < n || !room) {
			err = vfifo_lost(f);
			return err < 0 ? err : -EAGAIN;
		}
	}
	*p = f->data + vfifo_offset(f->capacity, f->own);
	return (ssize_t)room;
}

/*
 * Where the next bytes go, and how many there may be: at least n, mostly more, at
 * most the capacity. -EAGAIN: not so many are free now; -EMSGSIZE: never will be;
 * -ENODEV, -ESTALE: not so many are free, and see vfifo_wait(); -EBADMSG: see above;
 * -EBADF: not the producer.
 */
static inline ssize_t vfifo_reserve(struct vfifo_handle *f, size_t n, void **p)
{
	return f->end == VFIFO_PRODUCER ? vfifo_span(f, n, p) : -EBADF;
}

/* Where the next bytes are, and how many: the mirror image of vfifo_reserve(). */
static inline ssize_t vfifo_peek(struct vfifo_handle *f, size_t n, void **p)
{
	return f->end == VFIFO_CONSUMER ? vfifo_span(f, n, p) : -EBADF;
}

/*
 * Moves on past n bytes that were reserved, or peeked at, and tells nobody yet.
 * -EINVAL: there were not so many.
 */
static inline int vfifo_advance(struct vfifo_handle *f, size_t n)
{
	if (n > vfifo_known_room(f))
		return -EINVAL;
	f->own += (__u32)n;
	return 0;
}

/*
 * Release: the bytes are there, or have been read, before the position says so. Then a
 * full barrier, whose partner is in the kernel's poll(), read() and write(): either
 * they see the position, or we see their bit of `need`. (ThreadSanitizer knows no
 * fences; to the machine the exchange is the same.)
 */
#if defined(__SANITIZE_THREAD__)
#define VFIFO_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VFIFO_THREAD_SANITIZER 1
#endif
#endif

static inline void vfifo_store_own(struct vfifo_handle *f)
{
	f->published = f->own;
#ifdef VFIFO_THREAD_SANITIZER
	__atomic_exchange_n(&f->mine->position, f->own, __ATOMIC_SEQ_CST);
#else
	__atomic_store_n(&f->mine->position, f->own, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/*
 * Hands over all that we have advanced past, and wakes the other side if it waits for
 * that. The bytes are handed over even where this fails: -ENODEV: the device was
 * removed, so nobody may ever read them; -EBADMSG: see above. After a claim was revoked
 * (-ESTALE) this raises SIGBUS.
 */
static inline int vfifo_publish(struct vfifo_handle *f)
{
	vfifo_store_own(f);
	if (__atomic_load_n(&f->status->need, __ATOMIC_SEQ_CST) & f->peer_need)
		return vfifo_wake(f);
	return 0;
}

/* Hands n bytes to the consumer; see vfifo_advance() and vfifo_publish(). */
static inline int vfifo_commit(struct vfifo_handle *f, size_t n)
{
	int err = f->end == VFIFO_PRODUCER ? vfifo_advance(f, n) : -EBADF;

	return err ? err : vfifo_publish(f);
}

/* Gives n bytes back to the producer, to be filled again. */
static inline int vfifo_consume(struct vfifo_handle *f, size_t n)
{
	int err = f->end == VFIFO_CONSUMER ? vfifo_advance(f, n) : -EBADF;

	return err ? err : vfifo_publish(f);
}

#ifdef __cplusplus
}
#endif

#endif /* LIBVFIFO_H */
