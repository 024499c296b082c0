/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal.h - shared by the library's files and its tests; nothing here is exported
 *
 * handle.c makes handles, wait.c sleeps and wakes, copy.c builds read and write on them, and
 * record.c those of records. stream.c moves bytes past the caches, tune.c finds by measurement which
 * of these is fastest.
 */
#ifndef VFIFO_INTERNAL_H
#define VFIFO_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "libvfifo.h"

#define vfifo_hidden __attribute__((visibility("hidden")))

/* The four mappings. Only position[] of our own end is writable. */
struct vfifo_regions {
	const struct vfifo_status *status;
	unsigned char *data;
	struct vfifo_position *position[2];
};

/*
 * A choice between levels, by the rate of bytes at each. It is tested again from time to time,
 * because the other end and the distance of the two processors change.
 */
struct vfifo_tune {
	uint64_t began; /* the epoch, in ns; 0: not yet */
	uint64_t bytes; /* moved in the epoch */
	uint64_t work;	/* done in it: its length is given in this */
	uint64_t rate;	/* of the last epoch at `level`, in bytes a ms */
	unsigned int level, max;
	unsigned int now;      /* of this epoch: `level`, or one on trial */
	unsigned int left;     /* epochs until the next trial */
	unsigned int patience; /* epochs between trials */
	unsigned int next;     /* the level of the last trial */
};

/* How long a call may wait. It begins with the first wait that outlasts a few looks. */
struct vfifo_time {
	int timeout_ms;
	uint64_t deadline; /* 0: not asked for yet */
};

/*
 * A handle: what the header's functions use, then the rest. A page boundary lies between
 * `hot`, which a child after fork(2) finds all zero, and `regions`, which it inherits. The address
 * that the program has is that of `hot`.
 */
struct vfifo_inner {
	struct __vfifo_records records;
	struct __vfifo_hot hot;
	struct vfifo_regions regions;
	size_t data_length;
	struct __vfifo_hot *used; /* `hot`, or that of `records` */
	__u32 unaligned;	  /* the bits that a position must not have */
	int fd;
	uint64_t spin_ns, spin_max_ns;
	unsigned long kicks, sleeps;
	struct vfifo_tune pace; /* how long a wait pauses before its first look */
	__u32 paced;		/* our position at the last wait */
	struct vfifo_tune copy; /* level 1: to stream, or to flush */
	__u32 flushed;		/* up to this position */
};

static inline struct vfifo_inner *vfifo_inner(const struct vfifo_handle *f)
{
	return (struct vfifo_inner *)(void *)__vfifo_records(f);
}

static inline struct vfifo_handle *vfifo_handle(struct vfifo_inner *h)
{
	return (struct vfifo_handle *)&h->hot;
}

/* What this file calls hot is of either framing. In a child after fork(2) it is all zero. */
static inline struct __vfifo_hot *vfifo_hot(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->used;
}

/*
 * Return: the capacity in the status page; -ENOTTY: it is no status page;
 * -EPROTONOSUPPORT: it has another ABI.
 */
vfifo_hidden int vfifo_check_status(const struct vfifo_status *status);

/*
 * Return: 0; -EPROTO: the FIFO has another framing than @framing; -EOPNOTSUPP: this kernel has no
 * records.
 */
vfifo_hidden int vfifo_check_framing(const struct vfifo_status *status,
				     enum vfifo_framing framing);

/*
 * Makes a handle on memory that is laid out as the device's. On success the handle owns that
 * memory and @fd.
 *
 * Return: 0, or the errors of vfifo_check_status(), vfifo_check_framing(), mmap(2) and madvise(2);
 * -EBADMSG: the two positions are no valid pair.
 */
vfifo_hidden int vfifo_attach(const struct vfifo_regions *regions,
			      enum vfifo_end end, enum vfifo_framing framing,
			      int fd, struct vfifo_handle **f);

/* Copies @n bytes to @p, which a producer has reserved, past the caches if that pays. */
vfifo_hidden void vfifo_copy_in(struct vfifo_inner *h, void *p,
				const void *buffer, size_t n);

/* Begins to measure which copy is faster, with cached copies. */
vfifo_hidden void vfifo_copy_begin(struct vfifo_inner *h);

/* Counts @n bytes that were moved, for that measurement. */
vfifo_hidden void vfifo_tune_copy(struct vfifo_inner *h, size_t n);

/* Copies from this size on can stream; shorter ones are slower by it. */
#define VFIFO_STREAM_MIN 1024

#ifdef __x86_64__
#define VFIFO_CAN_STREAM 1
#else
#define VFIFO_CAN_STREAM 0
#endif

/*
 * memcpy() with streaming stores for all whole cache lines of @to: they go to memory, and the line
 * is not fetched first from the processor that has read the old bytes. Where the processor has
 * none, it is memcpy().
 */
vfifo_hidden void vfifo_stream(unsigned char *to, const unsigned char *from,
			       size_t n);

/* Return: whether vfifo_flush() does anything on this processor. */
vfifo_hidden bool vfifo_can_flush(void);

/*
 * Writes the cache lines of @n bytes back to memory and drops them, but for the last one if it is
 * not whole. It changes no byte.
 */
vfifo_hidden void vfifo_flush(unsigned char *p, size_t n);

/* Return: now, in ns of the monotonic clock. */
vfifo_hidden uint64_t vfifo_now(void);

/* Begins with level 0 of 0 to @max. */
vfifo_hidden void vfifo_tune_begin(struct vfifo_tune *t, unsigned int max);

/*
 * Counts bytes and work. An epoch ends after @enough work. A trial also ends after an eighth of it,
 * if its rate is less than half of the rate at t->level. t->now is then the level of the next
 * epoch. An epoch that was delayed by something else than its level, such as a sleep, must not be
 * measured: set t->began to 0.
 */
vfifo_hidden void vfifo_tune_work(struct vfifo_tune *t, uint64_t bytes,
				  uint64_t work, uint64_t enough);
vfifo_hidden void vfifo_tune_epoch(struct vfifo_tune *t, uint64_t now);

/*
 * Begins to measure pauses, with none. Called for a new handle, and when a wait sleeps: then no
 * stream flows that a pause could make faster.
 */
vfifo_hidden void vfifo_reset_pace(struct vfifo_inner *h);

vfifo_hidden int vfifo_wait_until(struct vfifo_handle *f, size_t n,
				  struct vfifo_time *time);

#endif /* VFIFO_INTERNAL_H */
