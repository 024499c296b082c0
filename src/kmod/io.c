// SPDX-License-Identifier: GPL-2.0
/*
 * io.c - read(2) and write(2)
 *
 * The two are one function, io_run(): it takes the lock of its side, copies what is available,
 * commits and wakes. io_simple() does the same for a call that has nothing to wait for. The copy
 * is made with page faults disabled, because a fault under the lock could wait for anything
 * (userfaultfd, a network file system), and because mmap(2) takes the lock inside mmap_lock. If
 * user memory is not resident, the call drops the lock, faults the memory in, and tries again.
 */
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "device.h"
#include "io.h"
#include "record.h"
#include "wait.h"

/*
 * The limit of one copy under the lock, and of one fault-in: no task waits long for the lock,
 * and memory that was faulted in first is still resident when it is copied. More than
 * PIPE_BUF.
 */
#define VFIFO_MOVE_MAX (256U << 10)

/* One read() or write() under way. */
struct vfifo_io {
	struct vfifo_ring *ring;
	enum vfifo_end end;
	struct iov_iter *iter;
	struct vfifo_sleeper *sleeper; /* its place in the queue, if queued */
	size_t count;		       /* bytes that the caller asked for */
	int need;		       /* bytes to wait for */
	bool whole;		       /* all or nothing: an atomic write */
	bool record;		       /* all or nothing, and never less */
	bool nonblock;	     /* EAGAIN rather than wait for the other side */
	bool nowait;	     /* EAGAIN rather than wait for the lock, too */
	bool can_continue;   /* more to copy without waiting */
	bool waited;	     /* it may have used a wake-up */
	unsigned int futile; /* copies in a row that copied nothing */
	bool done;	     /* end of file, or the rest was dropped: stop */
	bool counted;	     /* in stats/reads or stats/writes */
	size_t copied_most;  /* of a record, before a fault */
	unsigned int copies; /* of a record, that met a fault */
	size_t copy_limit;   /* of the next copy: bytes faulted in; 0: none */
	size_t faulted_in;   /* bytes of the source, for io_make_room() */
	bool made_room;	     /* the other waiters of the side can go on */
};

/*
 * Copies without page faults. A copy that ends early has met memory that is not resident, or
 * that refuses it.
 *
 * copy_to_iter() and copy_from_iter() would call check_object_size() first. It knows slab
 * objects, the stack and the kernel's text, but it looks at a vmap() area only while page faults
 * are enabled. The buffer is a vmap() area, and the caller has compared @n with its room.
 */
static __always_inline size_t io_copy(struct iov_iter *iter, enum vfifo_end end,
				      void *at, size_t n)
{
	size_t copied;

	pagefault_disable();
	if (end == VFIFO_PRODUCER)
		copied = _copy_from_iter(at, n, iter);
	else
		copied = _copy_to_iter(at, n, iter);
	pagefault_enable();
	return copied;
}

static int io_lock(struct vfifo_io *io)
{
	if (!io->nowait)
		return vfifo_side_lock_interruptible(io->ring, io->end);
	return vfifo_side_trylock(io->ring, io->end) ? 0 : -EAGAIN;
}

static bool io_overwrites(struct vfifo_io *io)
{
	return io->end == VFIFO_PRODUCER &&
	       READ_ONCE(io->ring->overflow) == VFIFO_OVERWRITE;
}

/* Gives up the place in the queue, if there is one. io_pass_on() is due. */
static void io_leave(struct vfifo_io *io)
{
	if (io->sleeper->queued)
		vfifo_ring_leave(io->ring, io->end, io->sleeper);
}

/* A call that has not waited was not woken, so no other call misses its wake-up. */
static void io_pass_on(struct vfifo_io *io)
{
	if (io->waited)
		vfifo_ring_pass_on(io->ring, io->end);
}

/* A hint, except under the lock of a side. */
static bool is_too_long(struct vfifo_ring *ring, size_t length)
{
	return length > vfifo_record_max(READ_ONCE(ring->buffer.capacity));
}

/*
 * For overwrite mode, called without locks. Faults in the source before anything is dropped:
 * old bytes must not be lost for new ones that turn out to be unreadable.
 */
static int io_prepare(struct vfifo_io *io)
{
	const bool record = READ_ONCE(io->ring->framing) == VFIFO_RECORDS;
	const size_t count = iov_iter_count(io->iter);
	const size_t n = record ? count : min_t(size_t, count, VFIFO_MOVE_MAX);

	if (record && is_too_long(io->ring, n))
		return 0; /* record_room() looks at this under the lock */
	/* The fault can take for ever, and other calls wait behind this one. */
	io_leave(io);
	io_pass_on(io);
	io->faulted_in = n;
	if (vfifo_user_backed_iter(io->iter))
		io->faulted_in -= vfifo_fault_in_iov_iter_readable(io->iter, n);
	if (record)
		return io->faulted_in < n ? -EFAULT : 0;
	if (io->whole && io->faulted_in < n) {
		iov_iter_truncate(io->iter, io->faulted_in);
		io->need = io->faulted_in;
	}
	return io->faulted_in ? 0 : -EFAULT;
}

/*
 * For overwrite mode: drops the oldest bytes to make room for the new ones. Looks at the claimed
 * position first: a valid one ends -EIO.
 */
static int io_make_room(struct vfifo_io *io, u32 n)
{
	int ret = vfifo_side_available(io->ring, io->end);

	if (ret < 0)
		return ret;
	ret = vfifo_ring_make_room(io->ring, n, io->nowait);
	io->made_room = ret > 0;
	return min(ret, 0);
}

/*
 * Too little is available, but the side does not wait: a reader is at the end of the file, and
 * a writer drops the rest, as if it had been written.
 */
static ssize_t io_finish(struct vfifo_io *io)
{
	const size_t rest = iov_iter_count(io->iter);

	io->done = true;
	if (io->end == VFIFO_CONSUMER)
		return 0;
	iov_iter_advance(io->iter, rest);
	if (io->record)
		vfifo_record_drop_new(io->ring, rest);
	else
		atomic64_add(rest, &io->ring->dropped);
	return rest;
}

/* Whether the call may take what is available, or has to wait behind calls that sleep. */
static bool io_turn(struct vfifo_io *io)
{
	return io->nonblock ||
	       !READ_ONCE(vfifo_side(io->ring, io->end)->sleepers.count) ||
	       vfifo_ring_overtake(io->ring, io->end, io->sleeper);
}

/* A record can be long: other tasks get the processor in between. */
static size_t copy_record(struct vfifo_io *io, void *at, size_t n)
{
	size_t copied = 0, piece, got;

	do {
		piece = min_t(size_t, n - copied, VFIFO_MOVE_MAX);
		got = io_copy(io->iter, io->end, at + copied, piece);
		copied += got;
		cond_resched();
	} while (got == piece && copied < n);
	return copied;
}

/*
 * Return: as vfifo_side_available(), after records were dropped for a new one in overwrite mode;
 * -EMSGSIZE: the new one is too long for the ring; -EAGAIN, -ERESTARTSYS: as io_move().
 */
static int record_room(struct vfifo_io *io)
{
	int available = vfifo_side_available(io->ring, io->end);
	int err;

	if (available < 0)
		return available;
	if (io->end == VFIFO_PRODUCER && is_too_long(io->ring, io->count))
		return -EMSGSIZE;
	if (!io->faulted_in)
		return available;
	err = io_make_room(io, io->need);
	/* Also if none was dropped: a read() that this has waited for can have made room. */
	return err ?: vfifo_side_available(io->ring, io->end);
}

/*
 * Finds the record that the call may move now.
 *
 * Return: its length in bytes; 0: too few bytes are available, or it is another call's turn;
 * -EMSGSIZE: it is too long for the ring, or for the buffer of a read(); or as io_move().
 */
static ssize_t record_to_move(struct vfifo_io *io)
{
	const bool waits = vfifo_side_waits(io->ring, io->end);
	const int available = record_room(io);
	int length;

	if (available < 0)
		return available;
	if (available < io->need)
		return waits ? 0 : io_finish(io);
	length = io->count;
	if (io->end == VFIFO_CONSUMER)
		length = vfifo_record_next(io->ring, available);
	if (length > 0 && length > io->count)
		return -EMSGSIZE;
	/* Last: a call that fails takes no other call's turn. */
	if (length > 0 && waits && !io_turn(io))
		return 0;
	return length;
}

/* The record has been taken out of the ring. */
static void consume_record(struct vfifo_ring *ring, u32 length)
{
	const u32 space = vfifo_record_space(length);

	if (READ_ONCE(ring->scrub))
		vfifo_ring_scrub(ring, vfifo_side_at(ring, VFIFO_CONSUMER),
				 space);
	vfifo_side_commit(ring, VFIFO_CONSUMER, space);
}

/* Moves a record as a whole. Return: as io_move(). */
static ssize_t io_move_record(struct vfifo_io *io, size_t *missing,
			      size_t *copied)
{
	ssize_t length;
	void *at;

	/* It began as bytes, of which some were moved, or could not be faulted in. */
	if (iov_iter_count(io->iter) != io->count)
		return -EFAULT;
	length = record_to_move(io);
	if (length <= 0 || io->done)
		return length;
	at = vfifo_side_at(io->ring, io->end) + sizeof(struct vfifo_record);
	*copied = copy_record(io, at, length);
	*missing = length - *copied;
	if (*missing)
		return -EFAULT;
	if (io->end == VFIFO_PRODUCER)
		vfifo_record_commit(io->ring, length);
	else
		consume_record(io->ring, length);
	vfifo_side_count_call(io->ring, io->end);
	io->can_continue = false;
	return length;
}

/* The framing can have changed since the last look, which was without the lock. */
static void io_take_framing(struct vfifo_io *io)
{
	const bool record = io->ring->framing == VFIFO_RECORDS;
	const bool writes = io->end == VFIFO_PRODUCER;

	if (likely(record == io->record))
		return;
	io_leave(io); /* the need of its place is another one */
	io->record = record;
	io->whole = record || (writes && io->count <= PIPE_BUF);
	io->need = 1;
	if (writes && record)
		io->need = vfifo_record_space(io->count);
	else if (writes && io->whole)
		io->need = iov_iter_count(io->iter);
}

/* As io_move(). */
static ssize_t io_move_bytes(struct vfifo_io *io, size_t *missing,
			     size_t *copied)
{
	const bool waits = vfifo_side_waits(io->ring, io->end);
	size_t possible, n;
	int available, err = 0;
	void *at;

	if (io->faulted_in)
		err = io_make_room(io, io->faulted_in);
	if (err)
		return err;
	available = vfifo_side_available(io->ring, io->end);
	if (available < 0)
		return available;
	if (available < io->need)
		return waits ? 0 : io_finish(io);
	if (waits && !io_turn(io))
		return 0;
	possible = min_t(size_t, available, iov_iter_count(io->iter));
	n = min_t(size_t, possible, io->copy_limit ?: VFIFO_MOVE_MAX);
	io->copy_limit = 0;
	at = vfifo_side_at(io->ring, io->end);
	*copied = io_copy(io->iter, io->end, at, n);
	*missing = n - *copied;
	if (!*copied || (*missing && io->whole))
		return -EFAULT;
	if (io->end == VFIFO_CONSUMER && READ_ONCE(io->ring->scrub))
		vfifo_ring_scrub(io->ring, at, *copied);
	vfifo_side_commit(io->ring, io->end, *copied);
	if (!io->counted)
		vfifo_side_count_call(io->ring, io->end);
	io->counted = true;
	io->can_continue = *copied < possible;
	return *copied;
}

/*
 * Moves what can be moved now, under the side's lock.
 *
 * Return: bytes moved or dropped; 0: fewer bytes than needed are available, or it is another
 * call's turn, or io->done; -EFAULT: none was moved, as user memory was not resident or
 * refused the copy; -ENODEV, -EBUSY, -EIO: see vfifo_side_available(); -EAGAIN, -ERESTARTSYS:
 * see vfifo_ring_make_room().
 *
 * @missing and @copied are set only if a copy was tried. @missing: bytes of user memory to fault
 * in, also after a short move; io->iter is at the first of them. If an atomic write was copied
 * in part, nothing was committed, and the @copied bytes have to be copied again. So it is for a
 * record.
 */
static ssize_t io_move(struct vfifo_io *io, size_t *missing, size_t *copied)
{
	io_take_framing(io);
	return io->record ? io_move_record(io, missing, copied) :
			    io_move_bytes(io, missing, copied);
}

/* Return: the number of bytes, of the next @n of user memory, that could not be faulted in. */
static size_t fault_in(const struct vfifo_io *io, size_t n)
{
	return io->end == VFIFO_CONSUMER ?
		       vfifo_fault_in_iov_iter_writeable(io->iter, n) :
		       vfifo_fault_in_iov_iter_readable(io->iter, n);
}

/*
 * Faults in the missing user memory, with no lock held. If an atomic write cannot be faulted in
 * completely, it is shortened to the readable part. For any other transfer the next copy is
 * limited to the range just faulted in: a copy with faults disabled can stop up to 64 bytes
 * before a missing page (32-bit x86) and would never make progress.
 */
static int io_fault_in(struct vfifo_io *io, size_t missing, size_t copied)
{
	size_t got = 0;

	if (vfifo_user_backed_iter(io->iter))
		got = missing - fault_in(io, missing);
	if (!io->whole) {
		io->copy_limit = got;
		return got ? 0 : -EFAULT;
	}

	iov_iter_revert(io->iter, copied);
	if (got == missing)
		return 0;
	if (io->record)
		return -EFAULT;
	iov_iter_truncate(io->iter, copied + got);
	io->need = copied + got;
	return io->need ? 0 : -EFAULT;
}

/*
 * After a copy of nothing, or of no more than before. The first one may have found memory that
 * was not resident, and a page that was faulted in can be reclaimed before it is copied. But
 * memory that faults in can also refuse the copy, for ever (a tagged granule on arm64, a shadow
 * stack on x86), so no progress twice in a row after a fault-in is an error. (The kernel's
 * fault_in_subpage_writeable() would find out at once, but it stores zeroes to do so.)
 */
static int io_retry(struct vfifo_io *io, size_t copied)
{
	if (copied > io->copied_most)
		io->futile = 0;
	io->copied_most = max(io->copied_most, copied);
	if (++io->futile > 2)
		return -EFAULT;
	/*
	 * A record can meet a fault in each of its pages, and each copy begins with the first. A
	 * signal does not end the first copy: io_uring's task work, which makes signal_pending()
	 * true, is there before a call into fresh memory begins.
	 */
	if (io->record && ++io->copies > 1 && signal_pending(current))
		return -ERESTARTSYS;
	return 0;
}

/* What to do after a move that found all the user memory that it wanted. */
static int io_next(struct vfifo_io *io, bool moved, bool any)
{
	if (moved && !io->can_continue && !io_overwrites(io))
		return 0;
	if (moved) {
		/* This may go on for long. */
		cond_resched();
		return signal_pending(current) ? -ERESTARTSYS : 0;
	}
	if (io->nonblock || (any && io->end == VFIFO_CONSUMER))
		return -EAGAIN;
	/*
	 * If the call has waited before, it has used the only wake-up and found less than
	 * it needs, which may be enough for the next sleeper.
	 */
	io_pass_on(io);
	io->waited = true;
	return vfifo_ring_wait(io->ring, io->end, io->sleeper, io->need,
			       io->record ? VFIFO_RECORDS : VFIFO_BYTES);
}

static ssize_t io_run(struct vfifo_io *io)
{
	size_t moved = 0;
	int err = 0;

	do {
		size_t missing = 0, copied = 0;
		ssize_t n;

		io->faulted_in = 0;
		io->made_room = false;
		if (io_overwrites(io))
			err = io_prepare(io);
		if (!err)
			err = io_lock(io);
		if (err)
			break;
		n = io_move(io, &missing, &copied);
		vfifo_side_unlock(io->ring, io->end);

		if (io->made_room)
			vfifo_ring_wake(io->ring, vfifo_peer(io->end));
		if (n > 0) {
			moved += n;
			io->futile = 0;
			io->copied_most = 0;
			io_leave(io);
			if (!io->done)
				vfifo_ring_wake(io->ring, io->end);
		}
		if (missing) {
			/* The fault can take for ever, and other calls sleep. */
			io_leave(io);
			io_pass_on(io);
			err = io_fault_in(io, missing, copied);
			if (!err && n < 0)
				err = io_retry(io, copied);
			continue;
		}
		if (n < 0) {
			err = n;
			break;
		}
		if (io->done)
			break;
		if (n > 0 && io->end == VFIFO_CONSUMER && !io->can_continue)
			break; /* read(2) returns what there is */
		err = io_next(io, n > 0, moved);
	} while (!err && iov_iter_count(io->iter));

	io_leave(io);
	io_pass_on(io);
	return moved ?: err;
}

static noinline ssize_t io_start(struct kiocb *iocb, struct iov_iter *iter,
				 enum vfifo_end end)
{
	struct file *file = iocb->ki_filp;
	struct vfifo *vfifo = file->private_data;
	const size_t count = iov_iter_count(iter);
	const bool whole = end == VFIFO_PRODUCER && count <= PIPE_BUF;
	struct vfifo_sleeper sleeper;
	struct vfifo_io io = {
		.ring = &vfifo->ring,
		.end = end,
		.iter = iter,
		.count = count,
		.sleeper = &sleeper,
		.need = whole ? count : 1,
		.whole = whole,
		.nonblock = (iocb->ki_flags & IOCB_NOWAIT) ||
			    (file->f_flags & O_NONBLOCK),
		.nowait = iocb->ki_flags & IOCB_NOWAIT,
	};

	sleeper.queued = false; /* the other fields are set when it is queued */
	return count ? io_run(&io) : 0;
}

/*
 * How many bytes a simple call moves; 0: it is not simple. The caller holds the lock of the side.
 */
static __always_inline u32 simple_bytes(struct vfifo_ring *ring,
					enum vfifo_end end, size_t count)
{
	u32 room;

	if (ring->framing != VFIFO_BYTES)
		return 0;
	if (end == VFIFO_CONSUMER && READ_ONCE(ring->scrub))
		return 0;
	/* Calls that sleep are served in order. */
	if (READ_ONCE(vfifo_side(ring, end)->sleepers.count))
		return 0;
	/* The position of a holder has to be checked. Without a claim the ring is not broken. */
	if (vfifo_side_any_claimed(ring))
		return 0;
	room = vfifo_side_unclaimed_room(ring, end);
	/* The position of the other side before the bytes that it stands for. */
	vfifo_buffer_order(&ring->buffer);
	if (READ_ONCE(ring->removed))
		return 0;
	/* With enough room a producer does the same whatever `overflow` is. */
	if (end == VFIFO_PRODUCER && count > room)
		return 0;
	return min_t(size_t, count, room);
}

/*
 * Most calls are simple: no other task has the lock of the side or sleeps there, no side is
 * claimed, there is room for all bytes, and user memory is resident. io_run() would do the same,
 * with more steps.
 *
 * Return: bytes moved; 0: the call is not simple. Then no byte was moved, and @iter is where it
 * was. A copy that ended early may have left bytes in the buffer of a read().
 */
static __always_inline size_t io_simple(struct vfifo_ring *ring,
					struct iov_iter *iter,
					enum vfifo_end end)
{
	size_t n, copied = 0;

	if (!vfifo_side_trylock(ring, end))
		return 0;
	n = simple_bytes(ring, end, iov_iter_count(iter));
	if (unlikely(!n || n > VFIFO_MOVE_MAX))
		goto not_simple;
	copied = io_copy(iter, end, vfifo_side_at(ring, end), n);
	if (unlikely(copied != n))
		goto not_simple;
	vfifo_side_commit(ring, end, n);
	vfifo_side_count_call(ring, end);
	vfifo_ring_unlock_and_wake(ring, end);
	return n;

not_simple:
	vfifo_side_unlock(ring, end);
	iov_iter_revert(iter, copied);
	return 0;
}

static __always_inline ssize_t read_or_write(struct kiocb *iocb,
					     struct iov_iter *iter,
					     enum vfifo_end end)
{
	struct vfifo *vfifo = iocb->ki_filp->private_data;
	const size_t n = io_simple(&vfifo->ring, iter, end);

	return n ?: io_start(iocb, iter, end);
}

/**
 * vfifo_read_iter() - read from an open device, as of struct file_operations
 * @iocb: the file, and whether the call may wait
 * @to: the caller's memory
 *
 * Context: Process context. May sleep, unless the file or @iocb says otherwise.
 * Return: bytes, of one record at most; 0: the stream has ended; -EAGAIN: the call would wait;
 * -ERESTARTSYS: a signal; -EBUSY: the consumer side is claimed; -EIO: the producer's position, or
 * the next record, is invalid; -EMSGSIZE: the next record is longer; -EFAULT; -ENODEV: the device
 * was removed.
 */
ssize_t vfifo_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return read_or_write(iocb, to, VFIFO_CONSUMER);
}

/**
 * vfifo_write_iter() - write to an open device, as of struct file_operations
 * @iocb: the file, and whether the call may wait
 * @from: the caller's memory; with records, one record
 *
 * Context: As vfifo_read_iter().
 * Return: bytes, including those that were dropped; -EAGAIN: the call would wait; -ERESTARTSYS: a
 * signal; -EBUSY: the producer side is claimed; -EIO: the consumer's position is invalid;
 * -EMSGSIZE: the record is longer than the ring can hold; -EFAULT; -ENODEV: the device was removed.
 */
ssize_t vfifo_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return read_or_write(iocb, from, VFIFO_PRODUCER);
}
