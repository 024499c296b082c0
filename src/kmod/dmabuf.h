/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dmabuf.h - the data of a vfifo as a dma-buf
 */
#ifndef _VFIFO_DMABUF_H
#define _VFIFO_DMABUF_H

#include <linux/errno.h>

struct file;
struct vfifo_export;

#ifdef CONFIG_DMA_SHARED_BUFFER
long vfifo_dmabuf_export(struct file *file, struct vfifo_export __user *arg);
#else
static inline long vfifo_dmabuf_export(struct file *file,
				       struct vfifo_export __user *arg)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _VFIFO_DMABUF_H */
