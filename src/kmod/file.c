// SPDX-License-Identifier: GPL-2.0
/*
 * file.c - what system calls do to an open /dev/vfifoN
 *
 * read() and write() are one function: each takes the lock of its side, copies
 * what is available, commits and wakes. The copy is made with page faults
 * disabled, as a fault under the lock could wait for anything (userfaultfd, a
 * network file system) and mmap(2) takes the lock under mmap_lock. Where user
 * memory is not there, the lock is given up, the memory is brought in, and round
 * it goes.
 */
#include <linux/compat.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include <asm/ioctls.h>

#include <vfifo.h>

#include "compat.h"
#include "device.h"

/*
 * At most this much under the lock in one go, and to be brought in at once: so
 * nobody waits long for the lock, and what was brought in first is still there
 * when it is copied. More than PIPE_BUF.
 */
#define VFIFO_MOVE_MAX (256U << 10)

/* One read() or write() under way. */
struct vfifo_io {
	struct vfifo_ring *ring;
	enum vfifo_end end;
	struct iov_iter *iter;
	struct vfifo_sleeper *sleeper; /* its place in the queue, if it has one */
	int need;		       /* bytes to wait for */
	bool whole;		       /* all or nothing: an atomic write */
	bool nonblock;	     /* EAGAIN rather than wait for the other side */
	bool nowait;	     /* EAGAIN rather than wait for the lock, either */
	bool more;	     /* the last move could have gone on at once */
	unsigned int futile; /* moves in a row that copied nothing */
	bool over;	     /* nothing more is to be moved, nor waited for */
	bool counted;	     /* a byte has been moved */
	size_t there; /* the next move is of what was brought in; 0: of any */
	size_t ready; /* bytes of user memory that are there, for io_make_room() */
};

static int io_lock(struct vfifo_io *io)
{
	if (!io->nowait)
		return vfifo_ring_lock(io->ring, io->end);
	return vfifo_ring_trylock(io->ring, io->end) ? 0 : -EAGAIN;
}

static size_t io_copy(struct vfifo_io *io, void *at, size_t n)
{
	size_t copied;

	pagefault_disable();
	if (io->end == VFIFO_PRODUCER)
		copied = copy_from_iter(at, n, io->iter);
	else
		copied = copy_to_iter(at, n, io->iter);
	pagefault_enable();
	return copied;
}

static bool io_overwrites(struct vfifo_io *io)
{
	return io->end == VFIFO_PRODUCER &&
	       READ_ONCE(io->ring->overflow) == VFIFO_OVERWRITE;
}

/* Gives up the place in the queue, if it has one. A vfifo_ring_pass_on() is due. */
static void io_leave(struct vfifo_io *io)
{
	if (io->sleeper->queued)
		vfifo_ring_leave(io->ring, io->end, io->sleeper);
}

/*
 * With no lock held. Nothing old is to go for new bytes that cannot be had, so where
 * it would they are brought in before.
 */
static int io_prepare(struct vfifo_io *io)
{
	const size_t n =
		min_t(size_t, iov_iter_count(io->iter), VFIFO_MOVE_MAX);

	io->ready = 0;
	if (!io_overwrites(io))
		return 0;
	/* That may take for ever, and others wait behind it. */
	io_leave(io);
	vfifo_ring_pass_on(io->ring, io->end);
	io->ready = n;
	if (vfifo_user_backed_iter(io->iter))
		io->ready -= vfifo_fault_in_iov_iter(io->iter, n, false);
	if (io->whole && io->ready < n) {
		iov_iter_truncate(io->iter, io->ready);
		io->need = io->ready;
	}
	return io->ready ? 0 : -EFAULT;
}

/* Where the oldest bytes make room for new ones. */
static int io_make_room(struct vfifo_io *io)
{
	int err;

	if (!io->ready)
		return 0;
	err = vfifo_ring_state(io->ring, io->end);
	return err ?: vfifo_ring_make_room(io->ring, io->ready, io->nowait);
}

/*
 * There is too little, but who need not wait for more is through: a reader is at the
 * end of the file, and a writer drops the rest, as if it had been written.
 */
static ssize_t io_give_up(struct vfifo_io *io)
{
	const size_t rest = iov_iter_count(io->iter);

	io->over = true;
	if (io->end == VFIFO_CONSUMER)
		return 0;
	iov_iter_advance(io->iter, rest);
	vfifo_ring_dropped(io->ring, rest);
	return rest;
}

/* Whether the call may take what there is, or has to wait behind those that sleep. */
static bool io_turn(struct vfifo_io *io)
{
	return io->nonblock ||
	       !READ_ONCE(vfifo_side(io->ring, io->end)->sleepers.count) ||
	       vfifo_ring_overtake(io->ring, io->end, io->sleeper);
}

/*
 * Moves what can be moved now, under the lock of the side.
 *
 * Return: bytes moved, or dropped; 0: fewer than needed are available, or it is another
 * call's turn, or it is over;
 * -EFAULT: none, as user memory was not there; what vfifo_ring_available() and
 * vfifo_ring_make_room() say. @missing: how many bytes of user memory are to be brought
 * in; @iter is at the first of them, with those of an atomic write that came before
 * it, @copied, to be gone back over.
 */
static ssize_t io_move(struct vfifo_io *io, size_t *missing, size_t *copied)
{
	const bool waits = vfifo_ring_waits(io->ring, io->end);
	size_t possible, n;
	int available, err;
	void *at;

	err = io_make_room(io);
	if (err)
		return err;
	available = vfifo_ring_available(io->ring, io->end);
	if (available < 0)
		return available;
	if (available < io->need)
		return waits ? 0 : io_give_up(io);
	if (waits && !io_turn(io))
		return 0;
	possible = min_t(size_t, available, iov_iter_count(io->iter));
	n = min_t(size_t, possible, io->there ?: VFIFO_MOVE_MAX);
	io->there = 0;
	at = vfifo_ring_at(io->ring, io->end);
	*copied = io_copy(io, at, n);
	*missing = n - *copied;
	if (!*copied || (*missing && io->whole))
		return -EFAULT;
	if (io->end == VFIFO_CONSUMER && READ_ONCE(io->ring->scrub))
		vfifo_ring_scrub(io->ring, at, *copied);
	vfifo_ring_commit(io->ring, io->end, *copied);
	if (!io->counted)
		vfifo_ring_count_call(io->ring, io->end);
	io->counted = true;
	io->more = *copied < possible;
	return *copied;
}

/*
 * Brings in the user memory that was missing, with no lock held. An atomic write
 * from memory that ends too soon becomes the shorter one that can be had. So does
 * the next move of any other, as a copy that meets missing memory may give up well
 * before it (on x86 of 32 bits by up to 64 bytes), and would do so for ever.
 */
static int io_fault_in(struct vfifo_io *io, size_t missing, size_t copied)
{
	size_t got = 0;

	if (vfifo_user_backed_iter(io->iter))
		got = missing -
		      vfifo_fault_in_iov_iter(io->iter, missing,
					      io->end == VFIFO_CONSUMER);
	if (!io->whole) {
		io->there = got;
		return got ? 0 : -EFAULT;
	}

	iov_iter_revert(io->iter, copied);
	if (got == missing)
		return 0;
	iov_iter_truncate(io->iter, copied + got);
	io->need = copied + got;
	return io->need ? 0 : -EFAULT;
}

/*
 * After a copy of nothing. The first one may have found memory that was not resident, and
 * a page that was faulted in can be reclaimed before it is copied. But memory that faults
 * in can also refuse the copy, for ever (a tagged granule on arm64, a shadow stack on x86),
 * so no progress twice in a row after a fault-in is an error. (The kernel's
 * fault_in_subpage_writeable() would tell at once, but it stores zeroes to find out.)
 */
static int io_retry(struct vfifo_io *io)
{
	return ++io->futile > 2 ? -EFAULT : 0;
}

/* What to do after a move that was not hindered by user memory. */
static int io_next(struct vfifo_io *io, bool moved, bool done)
{
	if (moved && !io->more && !io_overwrites(io))
		return 0;
	if (moved) {
		/* It may go on like this for long. */
		cond_resched();
		return signal_pending(current) ? -ERESTARTSYS : 0;
	}
	if (io->nonblock || (done && io->end == VFIFO_CONSUMER))
		return -EAGAIN;
	/*
	 * If it has waited before, it was the only one to be woken, and found less
	 * than it was woken for, which may be enough for the next.
	 */
	vfifo_ring_pass_on(io->ring, io->end);
	return vfifo_ring_wait(io->ring, io->end, io->sleeper, io->need);
}

static ssize_t io_run(struct vfifo_io *io)
{
	size_t done = 0;
	int err;

	do {
		size_t missing = 0, copied = 0;
		ssize_t n;

		err = io_prepare(io);
		if (!err)
			err = io_lock(io);
		if (err)
			break;
		n = io_move(io, &missing, &copied);
		vfifo_ring_unlock(io->ring, io->end);

		if (n > 0) {
			done += n;
			io->futile = 0;
			io_leave(io);
			if (!io->over)
				vfifo_ring_wake(io->ring, io->end);
		}
		if (missing) {
			/* This may take for ever, and others sleep. */
			io_leave(io);
			vfifo_ring_pass_on(io->ring, io->end);
			err = io_fault_in(io, missing, copied);
			if (!err && n < 0)
				err = io_retry(io);
			continue;
		}
		if (n < 0) {
			err = n;
			break;
		}
		if (io->over)
			break;
		if (n > 0 && io->end == VFIFO_CONSUMER && !io->more)
			break; /* gives what there is */
		err = io_next(io, n > 0, done);
	} while (!err && iov_iter_count(io->iter));

	io_leave(io);
	vfifo_ring_pass_on(io->ring, io->end);
	return done ?: err;
}

static ssize_t vfifo_io(struct kiocb *iocb, struct iov_iter *iter,
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
		.sleeper = &sleeper,
		.need = whole ? count : 1,
		.whole = whole,
		.nonblock = (iocb->ki_flags & IOCB_NOWAIT) ||
			    (file->f_flags & O_NONBLOCK),
		.nowait = iocb->ki_flags & IOCB_NOWAIT,
	};

	sleeper.queued = false; /* all else is set when it is */
	return count ? io_run(&io) : 0;
}

static ssize_t vfifo_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return vfifo_io(iocb, to, VFIFO_CONSUMER);
}

static ssize_t vfifo_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return vfifo_io(iocb, from, VFIFO_PRODUCER);
}

static __poll_t vfifo_poll(struct file *file, struct poll_table_struct *wait)
{
	struct vfifo *vfifo = file->private_data;

	return vfifo_ring_poll(&vfifo->ring, file, wait);
}

static long set_mode(struct file *file, const int __user *arg)
{
	struct vfifo *vfifo = file->private_data;
	int mode, ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (get_user(mode, arg))
		return -EFAULT;
	ret = vfifo_generator_set_mode(vfifo, mode);
	if (ret > 0)
		vfifo_mode_changed(vfifo);
	return min(ret, 0);
}

/* A file that may read may take all there is, and so may drop it. */
static long clear(struct file *file)
{
	struct vfifo *vfifo = file->private_data;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	return vfifo_ring_clear(&vfifo->ring);
}

static long vfifo_ioctl(struct file *file, unsigned int command,
			unsigned long arg)
{
	struct vfifo *vfifo = file->private_data;

	if (READ_ONCE(vfifo->ring.removed))
		return -ENODEV;
	switch (command) {
	case VFIFO_CLEAR:
		return clear(file);
	case VFIFO_SET_MODE:
		return set_mode(file, (const int __user *)arg);
	case VFIFO_KICK:
		vfifo_ring_kick(&vfifo->ring, file);
		return 0;
	case FIONREAD:
		return put_user(vfifo_ring_used(&vfifo->ring),
				(int __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int vfifo_fasync(int fd, struct file *file, int on)
{
	struct vfifo *vfifo = file->private_data;

	return vfifo_ring_fasync(&vfifo->ring, fd, file, on);
}

static int vfifo_flush(struct file *file, fl_owner_t id)
{
	struct vfifo *vfifo = file->private_data;

	vfifo_ring_flush(&vfifo->ring);
	return 0;
}

static int vfifo_open(struct inode *inode, struct file *file)
{
	struct vfifo *vfifo = vfifo_get(iminor(inode));

	if (!vfifo)
		return -ENODEV;
	file->private_data = vfifo;
	file->f_mode |= FMODE_NOWAIT;
	vfifo_ring_open(&vfifo->ring, file->f_mode);
	return stream_open(inode, file);
}

static int vfifo_release(struct inode *inode, struct file *file)
{
	struct vfifo *vfifo = file->private_data;

	/* The VFS has done so where O_ASYNC is set, which is all that it looks at. */
	vfifo_ring_fasync(&vfifo->ring, -1, file, 0);
	vfifo_ring_close(&vfifo->ring, file->f_mode);
	vfifo_put(vfifo);
	return 0;
}

const struct file_operations vfifo_file_operations = {
	.owner = THIS_MODULE,
	.open = vfifo_open,
	.flush = vfifo_flush,
	.release = vfifo_release,
	.read_iter = vfifo_read_iter,
	.write_iter = vfifo_write_iter,
	.splice_read = vfifo_copy_splice_read,
	.splice_write = iter_file_splice_write,
	.poll = vfifo_poll,
	.fasync = vfifo_fasync,
	.unlocked_ioctl = vfifo_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vfifo_mmap,
};
