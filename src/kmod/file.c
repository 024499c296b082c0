// SPDX-License-Identifier: GPL-2.0
/*
 * file.c - what system calls do to an open /dev/vfifoN, except read(2) and write(2): see io.c
 */
#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/splice.h>
#include <linux/uaccess.h>

#include <asm/ioctls.h>

#include "compat.h"
#include "device.h"
#include "dmabuf.h"
#include "file.h"
#include "io.h"
#include "mmap.h"
#include "record.h"
#include "wait.h"

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
	ret = vfifo_generator_set_mode(&vfifo->generator, mode);
	if (ret > 0)
		vfifo_mode_changed(vfifo);
	return min(ret, 0);
}

/* A file that may read may take all stored bytes, and so may drop them. */
static long clear(struct file *file)
{
	struct vfifo *vfifo = file->private_data;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	return vfifo_ring_clear(&vfifo->ring);
}

/* A file that may write decides when its stream is complete. */
static long end_stream(struct file *file)
{
	struct vfifo *vfifo = file->private_data;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	vfifo_ring_end(&vfifo->ring);
	return 0;
}

/* Without a lock for bytes. */
static long bytes_to_read(struct vfifo_ring *ring, int __user *arg)
{
	int n = READ_ONCE(ring->framing) == VFIFO_RECORDS ?
			vfifo_record_look(ring) :
			vfifo_side_room(ring, VFIFO_CONSUMER);

	return n < 0 ? n : put_user(n, arg);
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
	case VFIFO_END:
		return end_stream(file);
	case VFIFO_EXPORT:
		return vfifo_dmabuf_export(file,
					   (struct vfifo_export __user *)arg);
	case FIONREAD:
		return bytes_to_read(&vfifo->ring, (int __user *)arg);
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

	/* The VFS calls ->fasync only if O_ASYNC is set. */
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
	.get_unmapped_area = vfifo_thp_get_unmapped_area,
};
