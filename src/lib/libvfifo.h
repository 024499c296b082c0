/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvfifo.h - libvfifo: one end of a vfifo in a program's own memory
 *
 * A handle is the claim of one end of a FIFO, see <linux/vfifo.h>. Its owner is a producer or
 * a consumer, and moves bytes without a system call and without a copy.
 *
 *	producer				consumer
 *	n = vfifo_reserve(f, least, &p)		n = vfifo_peek(f, least, &p)
 *	fill up to n bytes at p			use up to n bytes at p
 *	vfifo_commit(f, filled)			vfifo_consume(f, used)
 *
 * The n bytes at p are contiguous. vfifo_commit() and vfifo_consume() are vfifo_advance(),
 * which moves the handle, and vfifo_publish(), which makes the move visible to the other end
 * and wakes it. To publish many messages at once, advance for each and publish once.
 *
 * All sizes are in bytes. A function that fails returns a negative errno and has changed
 * nothing, except where its comment says otherwise; errno is not set. Every function that
 * moves bytes, waits or looks can return
 *
 *	-ESTALE		the handle has no claim: root revoked it, or this is a child after
 *			fork(2). Final: close the handle.
 *	-EBADMSG	the position of the other end is invalid. The handle is unchanged; see
 *			libvfifo(3), Trust.
 *
 * Threads: a handle must not be used by two threads at once; two handles may be. Fork: the
 * claim stays with the parent. In the child every function returns -ESTALE, and
 * vfifo_close() frees what the child inherited. This does not hold for a child that a
 * signal handler forks while it interrupts a function of this library.
 *
 * A FIFO of records (attribute `framing`) needs a handle of records: VFIFO_OPEN_RECORDS. It has
 * functions of its own, whose names end in _record. The functions that move bytes return -EPROTO
 * for it, and those that move records return -EPROTO for a handle of bytes.
 *
 * A process that may write the device may change the bytes at any time, so copy bytes before
 * you check them.
 *
 * Names that begin with two underscores are no interface: a program must not use them.
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

struct vfifo_handle;

/* A flag of vfifo_open(): the FIFO is one of records, and the handle moves records. */
#define VFIFO_OPEN_RECORDS 0x1U

/*
 * Claims @end of the FIFO at @path. @flags is 0 or VFIFO_OPEN_RECORDS. The new handle is stored
 * in *@f; the caller owns it and must pass it to vfifo_close(). After an error *@f is NULL.
 *
 * Return: 0; -EBUSY: the end is claimed, or the generator is the producer; -EPROTO: the FIFO is
 * one of records, and @flags is 0, or the other way round; -EOPNOTSUPP: this kernel has no
 * records; -ENOTTY: @path is not a vfifo; -EPROTONOSUPPORT: it is a vfifo of another ABI;
 * -ENODEV: the device was removed; -EBADMSG; -EINVAL: @end or @flags is invalid; or an error of
 * open(2), mmap(2) or madvise(2).
 */
int vfifo_open(const char *path, enum vfifo_end end, unsigned int flags,
	       struct vfifo_handle **f);

/*
 * Releases the end and frees the handle. Bytes that were not published are not moved. @f may
 * be NULL. In a child after fork(2) it frees the child's copies and leaves the claim alone.
 */
void vfifo_close(struct vfifo_handle *f);

/*
 * Return: the file descriptor, for an event loop: POLLOUT for a producer, POLLIN for a
 * consumer, at vfifo_watermark(). The handle owns the descriptor: do not close it. Move
 * bytes until -EAGAIN, publish, then wait, in this order: the wait has the kernel look at the
 * positions again, so no bytes that arrive in between are missed.
 */
int vfifo_fd(const struct vfifo_handle *f);

/*
 * Waits until at least @n bytes are free (producer) or stored (consumer); 0 is the same as 1.
 * Publishes first. @timeout_ms is in milliseconds; negative: no limit, 0: do not wait.
 *
 * The wait may pause for some microseconds before it looks, if measurements show that the
 * stream is faster by that. It spins, then sleeps in poll(2), which wakes at the watermark.
 * If @n is another number, the wait checks periodically and may end late: by at most as long
 * as it took, and never by more than VFIFO_NAP_MAX_MS.
 *
 * Return: 0; -ETIMEDOUT; -EMSGSIZE: @n is more than the capacity; -EINTR: a signal was caught;
 * -EIO: the FIFO is broken; -ENODATA: fewer bytes are stored, and the stream has ended;
 * -ENODEV: the device was removed; -ESTALE; -EBADMSG; or an error of poll(2).
 *
 * A revocation takes the page of the handle's position away, and a store to it raises
 * SIGBUS. vfifo_wait(), vfifo_write() and vfifo_read() check for a revocation before they
 * store. vfifo_publish(), vfifo_commit() and vfifo_consume() store first.
 */
int vfifo_wait(struct vfifo_handle *f, size_t n, int timeout_ms);

#define VFIFO_NAP_MAX_MS 16

/*
 * Sets the longest time, in microseconds, that a wait spins before it sleeps; 0: never. While
 * spinning does not pay, waits spin for less. Default: 20, and 0 with one processor.
 */
void vfifo_set_spin(struct vfifo_handle *f, unsigned int microseconds);

/*
 * With a copy. vfifo_write() stores all @n bytes of @buffer, and waits while the FIFO is full.
 * vfifo_read() waits for the first byte, then takes what is stored, up to @n bytes. Long
 * copies are published in pieces, so that both ends can copy at once. @timeout_ms as in
 * vfifo_wait(), for the whole call. The caller owns @buffer.
 *
 * Return: the number of bytes moved; only if that is 0, an error: those of vfifo_wait() but
 * -ENODATA, for which vfifo_read() returns 0; -EBADF: the handle is for the other end; -EINVAL:
 * @n is more than SSIZE_MAX. After -ENODEV, vfifo_peek() still reaches the stored bytes.
 */
ssize_t vfifo_write(struct vfifo_handle *f, const void *buffer, size_t n,
		    int timeout_ms);
ssize_t vfifo_read(struct vfifo_handle *f, void *buffer, size_t n,
		   int timeout_ms);

/*
 * A record, with a copy. vfifo_write_record() stores a record of the @n bytes of @buffer, whole or
 * not at all, with the time of now, and waits while the FIFO has no room for it. It returns @n.
 * vfifo_read_record() waits for a record, copies its bytes to @buffer, which has room for @n, and
 * returns their number. It fills in *@record, if @record is not NULL. @timeout_ms as in vfifo_wait().
 *
 * Return: a number of bytes; vfifo_read_record() returns 0 at the end of the stream; or an error:
 * those of vfifo_wait() but -ENODATA; -EMSGSIZE: @n is more than vfifo_record_max() of the
 * capacity, or less than the record has: the record stays, and record->length is what it has;
 * -EINVAL: vfifo_write_record() of 0 bytes; -EBADF; -EPROTO; -EBADMSG also: the next record has an
 * invalid header, see vfifo_drop_records().
 */
ssize_t vfifo_write_record(struct vfifo_handle *f, const void *buffer, size_t n,
			   int timeout_ms);
ssize_t vfifo_read_record(struct vfifo_handle *f, void *buffer, size_t n,
			  struct vfifo_record *record, int timeout_ms);

/*
 * Gives all that is stored back to the producer, unread. For a consumer that joins late, and the
 * way to go on after an invalid header, as nobody knows where the next record begins.
 *
 * Return: as vfifo_consume_record().
 */
int vfifo_drop_records(struct vfifo_handle *f);

/*
 * Whether bytes go past the caches: vfifo_write() of a kilobyte or more by streaming stores; a
 * consumer flushes the lines that it has consumed, in the waits of vfifo_wait() and vfifo_read()
 * that spin. That can be faster if the other end is far away, and slower if both ends share a
 * cache. By default the handle measures which of the two moves more bytes, and does that.
 */
enum vfifo_copying {
	VFIFO_COPY_AUTO, /* the default */
	VFIFO_COPY_CACHED,
	VFIFO_COPY_STREAMING,
};

/*
 * Return: 0; -EINVAL: @how is not one of these; -EOPNOTSUPP: the library cannot do it on this
 * processor, or in this kind of memory; -ESTALE in a child after fork(2).
 */
int vfifo_set_copy(struct vfifo_handle *f, enum vfifo_copying how);

/* Return: what is in use: VFIFO_COPY_CACHED or VFIFO_COPY_STREAMING. */
int vfifo_copy(const struct vfifo_handle *f);

/* Return: the number of calls to the kernel so far, to wake the other end and to sleep. */
unsigned long vfifo_kicks(const struct vfifo_handle *f);
unsigned long vfifo_sleeps(const struct vfifo_handle *f);

/*
 * Return: 0: the handle can be used; -ENODEV: the device was removed; -ESTALE. It does not
 * call the kernel. For a program that has to find a revocation before it stores.
 */
int vfifo_lost(const struct vfifo_handle *f);

/*
 * Sets @p to the beginning of the generator's pattern @name, as in the attribute
 * generator/pattern. @text and @length are those of generator/text; other patterns ignore
 * them. The text is copied.
 *
 * Return: 0; -EINVAL: no such pattern, or the text is empty or longer than VFIFO_TEXT_MAX.
 */
int vfifo_pattern_set(struct vfifo_pattern *p, const char *name,
		      const void *text, size_t length);

/*
 * For a reader that starts in the middle, or finds a gap: searches the pattern for the @n
 * bytes at @bytes, and sets @p to the place behind them.
 *
 * Return: 0; -EAGAIN: too few bytes (VFIFO_SYNC_ENOUGH always suffice); -EBADMSG: the pattern
 * does not have these bytes.
 */
int vfifo_pattern_sync(struct vfifo_pattern *p, const void *bytes, size_t n);

#define VFIFO_SYNC_ENOUGH VFIFO_TEXT_MAX

/* --- no interface, up to vfifo_capacity() ---------------------------------------------- */

/*
 * What the inline functions use: a cache line that only the owner of the handle writes. Its
 * layout is part of the library's ABI. The kernel wipes it in a child after fork(2), so all
 * zero means: no claim. The tests for that are on slow branches: such a handle has no room.
 *
 * It is all zero also in a handle of records, so the functions for bytes find no claim, and no
 * further test keeps the two apart.
 */
struct __vfifo_hot {
	unsigned char *data;	     /* mapped twice, back to back */
	struct vfifo_position *mine; /* the claim: stored to, never loaded */
	const struct vfifo_position *theirs;
	const struct vfifo_status *status;
	__u32 capacity;
	__u32 own;	 /* our position */
	__u32 published; /* our position as the other end can see it */
	__u32 peer;	 /* the other end's last valid position */
	__u32 peer_need; /* the bits of status->need to act on */
	__u32 claim;	 /* its number, see status->claim[] */
	enum vfifo_end end : 16;
	__u32 memory : 16; /* enum vfifo_memory */
	__u32 limit;	   /* up to where `peer` lets us move */
} __attribute__((aligned(64)));

static inline struct __vfifo_hot *__vfifo_hot(const struct vfifo_handle *f)
{
	return (struct __vfifo_hot *)f;
}

/*
 * What the functions for records use, all zero in a handle of bytes. It is in front of the line for
 * bytes, so it is wiped by fork(2) too.
 */
struct __vfifo_records {
	struct __vfifo_hot hot;
	__u32 sequence; /* of the producer's next record */
	__u32 next; /* where the record ends that the consumer looks at; none: our position */
	__u32 word; /* the last valid one of a header's length */
	__u32 length,
		space; /* what it stands for; at first the space is too much */
} __attribute__((aligned(64)));

static inline struct __vfifo_records *
__vfifo_records(const struct vfifo_handle *f)
{
	return (struct __vfifo_records *)f - 1;
}

/* The part that is in use, if there is a claim. */
static inline const struct __vfifo_hot *
__vfifo_used_part(const struct vfifo_handle *f)
{
	const struct __vfifo_hot *h = __vfifo_hot(f);

	return h->capacity ? h : &__vfifo_records(f)->hot;
}

/* The slow half of vfifo_publish(): calls the kernel if the other end waits and can go on. */
int __vfifo_wake(struct vfifo_handle *f);

static inline enum vfifo_end __vfifo_other_end(enum vfifo_end end)
{
	return end == VFIFO_PRODUCER ? VFIFO_CONSUMER : VFIFO_PRODUCER;
}

/* The error for a handle that has no claim of bytes, or none of records. */
static inline int __vfifo_no_claim(const struct vfifo_handle *f)
{
	return __vfifo_used_part(f)->capacity ? -EPROTO : -ESTALE;
}

/* The error for a handle of the other end, if @h is the part that is in use. */
static inline int __vfifo_not_this_end(const struct vfifo_handle *f,
				       const struct __vfifo_hot *h)
{
	return h->capacity ? -EBADF : __vfifo_no_claim(f);
}

static inline int __vfifo_wrong_end(const struct vfifo_handle *f)
{
	return __vfifo_not_this_end(f, __vfifo_hot(f));
}

/*
 * Bytes that our end may fill or take, by the other end's position as last seen. Each message asks
 * for it several times, so it is one subtraction.
 */
static inline __u32 __vfifo_room(const struct __vfifo_hot *h)
{
	return h->limit - h->own;
}

static inline __u32 __vfifo_known_room(const struct vfifo_handle *f)
{
	return __vfifo_room(__vfifo_hot(f));
}

/*
 * Orders accesses to the data with accesses to a position. Release and acquire order cached
 * memory only: x86 may delay a store to write-combining memory past a later store to cached
 * memory, and may load from it ahead of an earlier load.
 */
static inline void __vfifo_order(const struct __vfifo_hot *h)
{
	if (__builtin_expect(h->memory == VFIFO_MEMORY_WRITE_COMBINING, 0)) {
#if defined(__x86_64__)
		__asm__ volatile("mfence" ::: "memory");
#else
		__sync_synchronize();
#endif
	}
}

/* The bits that a position must not have. */
#define __VFIFO_BYTES_UNALIGNED 0U
#define __VFIFO_RECORDS_UNALIGNED (VFIFO_RECORD_ALIGN - 1)

/*
 * Loads the other end's position. Acquire: what that end filled or took before it moved is
 * done. It cannot be ahead of what we published.
 */
static inline int __vfifo_look_at(struct __vfifo_hot *h, __u32 unaligned)
{
	__u32 now = __atomic_load_n(&h->theirs->position, __ATOMIC_ACQUIRE);

	if ((now & unaligned) ||
	    !vfifo_moved(__vfifo_other_end(h->end), h->capacity, h->peer, now,
			 h->published))
		return -EBADMSG;
	__vfifo_order(h);
	h->limit += now - h->peer;
	h->peer = now;
	return 0;
}

static inline int __vfifo_look(struct vfifo_handle *f)
{
	return __vfifo_look_at(__vfifo_hot(f), __VFIFO_BYTES_UNALIGNED);
}

/* Looks for room for @n bytes, at least 1. Return: the room, or an error. */
static inline ssize_t __vfifo_look_for(const struct vfifo_handle *f,
				       struct __vfifo_hot *h, size_t n,
				       __u32 unaligned)
{
	int err = __vfifo_look_at(h, unaligned);
	__u32 room;

	if (err)
		return err;
	room = __vfifo_room(h);
	if (room < n) {
		err = vfifo_lost(f);
		return err < 0 ? err : -EAGAIN;
	}
	return (ssize_t)room;
}

/* vfifo_reserve() and vfifo_peek(), for either end. A handle without a claim has no room. */
static inline ssize_t __vfifo_span(struct vfifo_handle *f, size_t n, void **p)
{
	struct __vfifo_hot *h = __vfifo_hot(f);
	__u32 room = __vfifo_room(h);

	if (__builtin_expect(n > h->capacity, 0))
		return h->capacity ? -EMSGSIZE : __vfifo_no_claim(f);
	if (room < n || !room) {
		ssize_t now;

		if (!n) {
			if (!h->capacity)
				return __vfifo_no_claim(f);
			n = 1;
		}
		now = __vfifo_look_for(f, h, n, __VFIFO_BYTES_UNALIGNED);
		if (now < 0)
			return now;
		room = (__u32)now;
	}
	*p = h->data + vfifo_offset(h->capacity, h->own);
	return (ssize_t)room;
}

#if defined(__SANITIZE_THREAD__)
#define __VFIFO_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __VFIFO_THREAD_SANITIZER 1
#endif
#endif

/*
 * Release: the bytes are stored, or have been read, before the position moves. The full
 * barrier pairs with the one in the kernel's poll(), read() and write(): either the kernel
 * sees the position, or we see its bit of `need`. ThreadSanitizer does not support fences; the
 * exchange has the same effect.
 */
static inline void __vfifo_store_own(struct __vfifo_hot *h)
{
	h->published = h->own;
	__vfifo_order(h);
#ifdef __VFIFO_THREAD_SANITIZER
	__atomic_exchange_n(&h->mine->position, h->own, __ATOMIC_SEQ_CST);
#else
	__atomic_store_n(&h->mine->position, h->own, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* vfifo_publish() of a handle that has a claim, or had it until it was revoked. */
static inline int __vfifo_publish_part(struct vfifo_handle *f,
				       struct __vfifo_hot *h)
{
	__vfifo_store_own(h);
	if (__atomic_load_n(&h->status->need, __ATOMIC_SEQ_CST) & h->peer_need)
		return __vfifo_wake(f);
	return 0;
}

static inline int __vfifo_publish(struct vfifo_handle *f)
{
	return __vfifo_publish_part(f, __vfifo_hot(f));
}

/*
 * The next producer continues with the number that is stored here. The release of the position
 * makes it visible no later than the records. It is not stored for each record, as the line
 * is shared with the other end.
 */
static inline int __vfifo_publish_records(struct vfifo_handle *f)
{
	struct __vfifo_records *r = __vfifo_records(f);

	if (r->hot.end == VFIFO_PRODUCER)
		__atomic_store_n(&r->hot.mine->sequence, r->sequence,
				 __ATOMIC_RELAXED);
	return __vfifo_publish_part(f, &r->hot);
}

/* --- the inline part of the interface -------------------------------------------------- */

/* Return: the number of bytes that the FIFO can store; constant. 0 in a child after fork(2). */
static inline size_t vfifo_capacity(const struct vfifo_handle *f)
{
	return __vfifo_used_part(f)->capacity;
}

/*
 * Return: the number of bytes at which poll(2) reports this end ready: the attribute
 * write_watermark for a producer, read_watermark for a consumer. A wait for exactly so many
 * is one sleep. 0 in a child after fork(2).
 */
static inline size_t vfifo_watermark(const struct vfifo_handle *f)
{
	const struct __vfifo_hot *h = __vfifo_used_part(f);

	return h->status ? __atomic_load_n(&h->status->watermark[h->end],
					   __ATOMIC_RELAXED) :
			   0;
}

/*
 * Stores in *@p where a producer's next bytes go. They stay the handle's: p is valid until
 * vfifo_close(), and the bytes until they are committed. 0 is the same as 1 for @n.
 *
 * Return: how many contiguous bytes are free: at least @n, at most the capacity. -EAGAIN: fewer
 * than @n are free now; -EMSGSIZE: @n is more than the capacity; -EBADF: the handle is a
 * consumer's; -ENODEV: fewer than @n are free, and the device was removed; -ESTALE, if fewer
 * than @n are free; -EBADMSG.
 */
static inline ssize_t vfifo_reserve(struct vfifo_handle *f, size_t n, void **p)
{
	return __vfifo_hot(f)->end == VFIFO_PRODUCER ? __vfifo_span(f, n, p) :
						       __vfifo_wrong_end(f);
}

/*
 * Stores in *@p where a consumer's next bytes are. Return: how many contiguous bytes are stored,
 * or an error, as vfifo_reserve(). The bytes are the caller's until they are consumed.
 */
static inline ssize_t vfifo_peek(struct vfifo_handle *f, size_t n, void **p)
{
	return __vfifo_hot(f)->end == VFIFO_CONSUMER ? __vfifo_span(f, n, p) :
						       __vfifo_wrong_end(f);
}

static inline int __vfifo_advance(struct vfifo_handle *f, size_t n)
{
	struct __vfifo_hot *h = __vfifo_hot(f);

	/* n = 0 as well (n - 1 wraps), so that no other test of the capacity is needed. */
	if (__builtin_expect(n - 1 >= __vfifo_known_room(f), 0)) {
		if (!h->capacity)
			return __vfifo_no_claim(f);
		if (n)
			return -EINVAL;
	}
	h->own += (__u32)n;
	return 0;
}

/*
 * Prefetches the lines that a producer fills after the next messages: they are in the cache of the
 * processor that has read their old bytes, and arrive while the messages before are filled. Only
 * lines that are known to be free. Long messages do not need it: their own stores have enough lines
 * under way. vfifo_commit() does not call it, as it would delay a message that is published alone.
 */
#define __VFIFO_AHEAD 1024U
#define __VFIFO_AHEAD_MAX 512U

static inline void __vfifo_ask_for_line(const unsigned char *at)
{
#if defined(__x86_64__)
	/* By default the compiler's builtin asks for a line to read. */
	__asm__ volatile("prefetchw %0" : : "m"(*at));
#else
	__builtin_prefetch(at, 1);
#endif
}

static inline void __vfifo_ask_for_lines(const struct __vfifo_hot *h, size_t n)
{
	const unsigned char *at;

	if (h->end != VFIFO_PRODUCER || n > __VFIFO_AHEAD_MAX ||
	    __vfifo_room(h) < __VFIFO_AHEAD + __VFIFO_AHEAD_MAX)
		return;
	at = h->data + vfifo_offset(h->capacity, h->own + __VFIFO_AHEAD);
	for (size_t i = 0; i < n; i += 64)
		__vfifo_ask_for_line(at + i);
}

/*
 * Moves the handle past @n bytes that were reserved or peeked at, without publishing.
 * Return: 0; -EINVAL: there were fewer; -ESTALE in a child after fork(2).
 */
static inline int vfifo_advance(struct vfifo_handle *f, size_t n)
{
	__vfifo_ask_for_lines(__vfifo_hot(f), n);
	return __vfifo_advance(f, n);
}

/*
 * Publishes all that the handle has advanced past, and wakes the other end if it waits and
 * can go on.
 *
 * Return: 0; -ENODEV, -EBADMSG: the bytes are published, but the other end may not have been
 * woken; -ESTALE in a child after fork(2). If the claim was revoked, this raises SIGBUS, or
 * returns -ESTALE if it was revoked after the store.
 */
static inline int vfifo_publish(struct vfifo_handle *f)
{
	if (__builtin_expect(!__vfifo_hot(f)->mine, 0))
		return __vfifo_records(f)->hot.mine ?
			       __vfifo_publish_records(f) :
			       -ESTALE;
	return __vfifo_publish(f);
}

/*
 * Hands the first @n reserved bytes to the consumer: vfifo_advance(), then vfifo_publish().
 * Return: 0, or an error of these two; -EBADF: the handle is a consumer's.
 */
static inline int vfifo_commit(struct vfifo_handle *f, size_t n)
{
	int err = __vfifo_hot(f)->end == VFIFO_PRODUCER ?
			  __vfifo_advance(f, n) :
			  __vfifo_wrong_end(f);

	return err ? err : __vfifo_publish(f);
}

/*
 * Gives the first @n bytes back to the producer, which may overwrite them at once.
 * Return: as vfifo_commit(); -EBADF: the handle is a producer's.
 */
static inline int vfifo_consume(struct vfifo_handle *f, size_t n)
{
	int err = __vfifo_hot(f)->end == VFIFO_CONSUMER ?
			  __vfifo_advance(f, n) :
			  __vfifo_wrong_end(f);

	return err ? err : __vfifo_publish(f);
}

/* --- records --------------------------------------------------------------------------- */

/*
 * A producer makes each record in place: vfifo_reserve_record(), then vfifo_commit_record(), or
 * vfifo_advance_record() and one vfifo_publish() for many. A consumer uses it in place:
 * vfifo_peek_record(), then vfifo_consume_record(), or vfifo_skip_record() and one vfifo_publish().
 * vfifo_wait(), vfifo_fd() and vfifo_watermark() count bytes of the buffer: a record of n bytes takes
 * vfifo_record_space(n) of them. If there is no record, wait for 1 byte. Each record comes whole.
 */

/*
 * Stores in *@p where the bytes of the producer's next record go, aligned to 8. 0 is the same as 1
 * for @n.
 *
 * Return: how many bytes that record can have now: at least @n, at most vfifo_record_max() of the
 * capacity. -EAGAIN: less than vfifo_record_space(@n) is free; -EMSGSIZE: @n is more than
 * vfifo_record_max(); -EBADF: the handle is a consumer's; -EPROTO; -ENODEV and -ESTALE as in
 * vfifo_reserve(); -EBADMSG.
 */
static inline ssize_t vfifo_reserve_record(struct vfifo_handle *f, size_t n,
					   void **p)
{
	struct __vfifo_hot *h = &__vfifo_records(f)->hot;
	__u32 room = __vfifo_room(h), space, longest;

	if (__builtin_expect(h->end != VFIFO_PRODUCER, 0))
		return -EBADF;
	if (__builtin_expect(n > vfifo_record_max(h->capacity), 0))
		return h->capacity ? -EMSGSIZE : __vfifo_no_claim(f);
	space = vfifo_record_space((__u32)n + !n);
	if (room < space) {
		ssize_t now;

		if (!h->capacity)
			return __vfifo_no_claim(f);
		now = __vfifo_look_for(f, h, space, __VFIFO_RECORDS_UNALIGNED);
		if (now < 0)
			return now;
		room = (__u32)now;
	}
	*p = h->data + vfifo_offset(h->capacity, h->own) +
	     sizeof(struct vfifo_record);
	longest = room - (__u32)sizeof(struct vfifo_record);
	return longest < vfifo_record_max(h->capacity) ?
		       (ssize_t)longest :
		       (ssize_t)vfifo_record_max(h->capacity);
}

/*
 * As __vfifo_ask_for_lines(), but records do not begin with a line: each line is asked for once, by
 * the record with which it begins.
 */
static inline void __vfifo_ask_for_record_lines(const struct __vfifo_hot *h,
						__u32 space)
{
	const unsigned char *at, *end;

	if (space > __VFIFO_AHEAD_MAX ||
	    __vfifo_room(h) < __VFIFO_AHEAD + __VFIFO_AHEAD_MAX)
		return;
	at = h->data + vfifo_offset(h->capacity, h->own + __VFIFO_AHEAD);
	end = at + space;
	for (at += -(__UINTPTR_TYPE__)at % 64; at < end; at += 64)
		__vfifo_ask_for_line(at);
}

static inline int __vfifo_advance_record(struct vfifo_handle *f, size_t n,
					 __u64 time)
{
	struct __vfifo_records *r = __vfifo_records(f);
	struct __vfifo_hot *h = &r->hot;
	struct vfifo_record *header;
	__u32 space;

	if (__builtin_expect(h->end != VFIFO_PRODUCER, 0))
		return -EBADF;
	/* n = 0 as well. Without a claim the limit is 0. */
	if (__builtin_expect(n - 1 >= vfifo_record_max(h->capacity), 0))
		return h->capacity ? -EINVAL : __vfifo_no_claim(f);
	space = vfifo_record_space((__u32)n);
	if (__builtin_expect(space > __vfifo_room(h), 0))
		return -EINVAL;
	header = (struct vfifo_record *)(void *)(h->data +
						 vfifo_offset(h->capacity,
							      h->own));
	header->length = (__u32)n;
	header->sequence = r->sequence++;
	header->time = time;
	h->own += space;
	return 0;
}

/*
 * Makes a record of the first @n bytes that were reserved, without publishing it. @time is when
 * they were produced: CLOCK_MONOTONIC in ns, or 0 if that is not known. The library does not read
 * the clock, which costs more than a short record. The padding behind the bytes keeps what it had.
 *
 * Return: 0; -EINVAL: @n is 0, or more than were reserved; -EBADF: the handle is a consumer's;
 * -EPROTO; -ESTALE in a child after fork(2).
 */
static inline int vfifo_advance_record(struct vfifo_handle *f, size_t n,
				       __u64 time)
{
	int err = __vfifo_advance_record(f, n, time);

	if (!err)
		__vfifo_ask_for_record_lines(&__vfifo_records(f)->hot,
					     vfifo_record_space((__u32)n));
	return err;
}

/*
 * Hands a record to the consumer: vfifo_advance_record(), then vfifo_publish().
 * Return: 0, or an error of these two.
 */
static inline int vfifo_commit_record(struct vfifo_handle *f, size_t n,
				      __u64 time)
{
	int err = __vfifo_advance_record(f, n, time);

	return err ? err : __vfifo_publish_records(f);
}

/*
 * Where the next record begins depends on the length of this one. A processor that has to wait for
 * this line could not load the next one meanwhile. So it compares the length with that of the record
 * before: if they are equal, it goes on with the number that it has, before it knows that.
 *
 * The word is loaded once, as a process that has mapped the data can change it.
 *
 * Return: whether there is a valid record, given that @room bytes are stored. Its space is then in
 * r->next, which is our position otherwise.
 */
static inline int __vfifo_find_record(struct __vfifo_records *r,
				      const struct vfifo_record *header,
				      __u32 room)
{
	__u32 word, length;

	r->next = r->hot.own;
	if (room < sizeof(*header))
		return 0;
	word = __atomic_load_n(&header->length, __ATOMIC_RELAXED);
	if (__builtin_expect(word != r->word || r->space > room, 0)) {
		length = vfifo_record_length(word, room);
		if (!length)
			return 0;
		r->word = word;
		r->length = length;
		r->space = vfifo_record_space(length);
	}
	r->next = r->hot.own + r->space;
	return 1;
}

/*
 * Stores in *@p where the bytes of the consumer's next record are, aligned to 8, and in *@record,
 * if @record is not NULL, its length, its number and its time. A number that is not the one after
 * that of the record before shows how many records are missing. The bytes are the caller's until
 * vfifo_consume_record().
 *
 * Return: the length of the record in bytes, at least 1; -EAGAIN: no record is stored; -EBADMSG:
 * also if the header of the next record is invalid, see vfifo_drop_records(); -EBADF: the handle is
 * a producer's; -EPROTO; -ENODEV and -ESTALE, if no record is stored.
 */
static inline ssize_t vfifo_peek_record(struct vfifo_handle *f, void **p,
					struct vfifo_record *record)
{
	struct __vfifo_records *r = __vfifo_records(f);
	struct __vfifo_hot *h = &r->hot;
	struct vfifo_record *header;

	/* Without a claim the end is VFIFO_PRODUCER. */
	if (__builtin_expect(h->end != VFIFO_CONSUMER, 0))
		return __vfifo_not_this_end(f, h);
	header = (struct vfifo_record *)(void *)(h->data +
						 vfifo_offset(h->capacity,
							      h->own));
	if (!__vfifo_find_record(r, header, __vfifo_room(h))) {
		ssize_t now =
			__vfifo_look_for(f, h, 1, __VFIFO_RECORDS_UNALIGNED);

		if (now < 0)
			return now;
		if (!__vfifo_find_record(r, header, (__u32)now))
			return -EBADMSG;
	}
	*p = header + 1;
	if (record) {
		record->length = r->length;
		record->sequence = header->sequence;
		record->time = header->time;
	}
	return (ssize_t)r->length;
}

/*
 * Moves the handle past the record that vfifo_peek_record() has found last, without publishing.
 *
 * Return: 0; -EINVAL: no record was peeked at since the last one was skipped; -EBADF: the handle is
 * a producer's; -EPROTO; -ESTALE in a child after fork(2).
 */
static inline int vfifo_skip_record(struct vfifo_handle *f)
{
	struct __vfifo_records *r = __vfifo_records(f);

	if (__builtin_expect(r->hot.end != VFIFO_CONSUMER, 0))
		return __vfifo_not_this_end(f, &r->hot);
	/* It was checked against the room, which has not become less. */
	if (__builtin_expect(r->next == r->hot.own, 0))
		return -EINVAL;
	r->hot.own = r->next;
	return 0;
}

/*
 * Gives a record back to the producer: vfifo_skip_record(), then vfifo_publish().
 * Return: 0, or an error of these two.
 */
static inline int vfifo_consume_record(struct vfifo_handle *f)
{
	int err = vfifo_skip_record(f);

	return err ? err : __vfifo_publish_records(f);
}

#ifdef __cplusplus
}
#endif

#endif /* LIBVFIFO_H */
