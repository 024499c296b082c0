// SPDX-License-Identifier: GPL-2.0
/*
 * dmabuf.c - the data of a vfifo as a dma-buf
 *
 * A dma-buf holds a reference to its vfifo and counts as one of its mappings, so the buffer
 * stays the same while the dma-buf lives, also after the device was removed. The core holds a
 * reference to the module for it.
 *
 * What may be written depends on the file that was exported. An importer that wants to write,
 * by DMA or by mmap(2), gets -EACCES from a read-only export, which has no address in the
 * kernel to give.
 *
 * Every kind of memory is synchronised. For uncached memory this is cheap, and a device that
 * cannot address the pages uses bounce buffers (swiotlb) anyway. The direction of the device's
 * mapping decides what is synchronised, not the flags from user space: the bounce buffer of a
 * device that only reads must not be copied back.
 */
#include <linux/bitops.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <vfifo.h>

#include "arch.h"
#include "claim.h"
#include "compat.h"
#include "device.h"
#include "dmabuf.h"
#include "mmap.h"

/* MODULE_IMPORT_NS() takes a name or a string, depending on the kernel. */
MODULE_INFO(import_ns, "DMA_BUF");

/* The private data of a dma-buf. */
struct exported {
	struct vfifo *vfifo;
	bool writable;
	struct mutex lock; /* the list, and what is mapped; order 6 */
	struct list_head attachments;
};

/* The private data of an attachment. */
struct attachment {
	struct list_head node;
	struct device *dev;
	struct sg_table table;
	unsigned long mapped; /* bit 0, also while it is mapped or unmapped */
	enum dma_data_direction direction; /* DMA_NONE: not mapped */
};

static const struct vfifo_buffer *buffer_of(const struct exported *export)
{
	return &export->vfifo->ring.buffer;
}

/* --- devices ------------------------------------------------------------------------ */

/*
 * Lists the pages for a device, in segments that the device takes and that the DMA API can map:
 * where it works on copies, these are limited.
 */
static int list_pages(struct sg_table *table, const struct vfifo_buffer *buffer,
		      struct device *dev)
{
	const size_t copied = dma_max_mapping_size(dev) ?: SIZE_MAX;
	const size_t most = min_t(size_t, copied, dma_get_max_seg_size(dev));
	const unsigned long size = buffer->capacity;
	const unsigned int n = buffer->pages.n;

	return vfifo_sg_alloc_pages_segment(table, buffer->pages.page, n, 0,
					    size, most, GFP_KERNEL_ACCOUNT);
}

/*
 * The memory is charged to the importer's cgroup: a process can have a driver import any number
 * of exports, and needs no open file for them.
 */
static int export_attach(struct dma_buf *dmabuf,
			 struct dma_buf_attachment *attach)
{
	struct exported *export = dmabuf->priv;
	const struct vfifo_buffer *buffer = buffer_of(export);
	struct attachment *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	int err;

	if (!a)
		return -ENOMEM;
	err = list_pages(&a->table, buffer, attach->dev);
	if (err) {
		kfree(a);
		return err;
	}
	a->dev = attach->dev;
	a->direction = DMA_NONE;
	attach->priv = a;
	mutex_lock(&export->lock);
	list_add(&a->node, &export->attachments);
	mutex_unlock(&export->lock);
	return 0;
}

static void export_detach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach)
{
	struct exported *export = dmabuf->priv;
	struct attachment *a = attach->priv;

	mutex_lock(&export->lock);
	list_del(&a->node);
	mutex_unlock(&export->lock);
	sg_free_table(&a->table);
	kfree(a);
}

/* Bounce buffers are copied by the linear mapping, which may be cached when the kind is not. */
static bool can_map(const struct exported *export, struct device *dev)
{
	return !vfifo_memory_uncached(buffer_of(export)->pages.memory) ||
	       vfifo_linear_follows() || !dma_addressing_limited(dev);
}

static void set_direction(struct exported *export, struct attachment *a,
			  enum dma_data_direction direction)
{
	mutex_lock(&export->lock);
	a->direction = direction;
	mutex_unlock(&export->lock);
}

/* An attachment has one list of DMA addresses, so it can be mapped once. */
static struct sg_table *export_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction direction)
{
	struct exported *export = attach->dmabuf->priv;
	struct attachment *a = attach->priv;
	int err;

	if (!export->writable && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	if (!can_map(export, a->dev))
		return ERR_PTR(-EOPNOTSUPP);
	/* Acquire: pairs with the release in export_unmap(), which is done with the list. */
	if (test_and_set_bit_lock(0, &a->mapped))
		return ERR_PTR(-EBUSY);
	err = dma_map_sgtable(a->dev, &a->table, direction, 0);
	if (err) {
		clear_bit_unlock(0, &a->mapped);
		return ERR_PTR(err);
	}
	set_direction(export, a, direction);
	return &a->table;
}

static void export_unmap(struct dma_buf_attachment *attach,
			 struct sg_table *table,
			 enum dma_data_direction direction)
{
	struct exported *export = attach->dmabuf->priv;
	struct attachment *a = attach->priv;

	set_direction(export, a, DMA_NONE);
	dma_unmap_sgtable(a->dev, table, direction, 0);
	clear_bit_unlock(0, &a->mapped); /* pairs with export_map() */
}

/* --- processors --------------------------------------------------------------------- */

/* Whether a device that has the pages mapped in this direction can have changed them. */
static bool writes(enum dma_data_direction direction)
{
	return direction == DMA_FROM_DEVICE || direction == DMA_BIDIRECTIONAL;
}

static int export_begin_cpu_access(struct dma_buf *dmabuf,
				   enum dma_data_direction direction)
{
	struct exported *export = dmabuf->priv;
	struct attachment *a;

	mutex_lock(&export->lock);
	list_for_each_entry(a, &export->attachments, node) {
		if (writes(a->direction))
			dma_sync_sgtable_for_cpu(a->dev, &a->table,
						 a->direction);
	}
	mutex_unlock(&export->lock);
	return 0;
}

/*
 * A device that only writes gets the buffer back too: no cache line may be written back over its
 * bytes.
 */
static int export_end_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction direction)
{
	struct exported *export = dmabuf->priv;
	struct attachment *a;

	vfifo_buffer_order(buffer_of(export));
	mutex_lock(&export->lock);
	list_for_each_entry(a, &export->attachments, node) {
		if (a->direction != DMA_NONE)
			dma_sync_sgtable_for_device(a->dev, &a->table,
						    a->direction);
	}
	mutex_unlock(&export->lock);
	return 0;
}

static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct exported *export = dmabuf->priv;

	return vfifo_mmap_exported(export->vfifo, vma, export->writable);
}

/*
 * The kernel mapping always exists, so there is no ->vunmap. It is writable, so a read-only
 * export does not have this operation. (An error of the operation would be a warning in the
 * kernel's log.)
 */
static int export_vmap(struct dma_buf *dmabuf, struct vfifo_iosys_map *map)
{
	vfifo_iosys_map_set_vaddr(map, buffer_of(dmabuf->priv)->data);
	return 0;
}

VFIFO_DEFINE_VMAP(export_vmap)

/* --- lifetime ----------------------------------------------------------------------- */

static void export_free(struct exported *export)
{
	atomic_dec(&export->vfifo->ring.mappings);
	vfifo_put(export->vfifo);
	mutex_destroy(&export->lock);
	kfree(export);
}

static void export_release(struct dma_buf *dmabuf)
{
	export_free(dmabuf->priv);
}

static const struct dma_buf_ops read_only_operations = {
	.attach = export_attach,
	.detach = export_detach,
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.begin_cpu_access = export_begin_cpu_access,
	.end_cpu_access = export_end_cpu_access,
	.mmap = export_mmap,
	.release = export_release,
};

static const struct dma_buf_ops writable_operations = {
	.attach = export_attach,
	.detach = export_detach,
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.begin_cpu_access = export_begin_cpu_access,
	.end_cpu_access = export_end_cpu_access,
	.mmap = export_mmap,
	.vmap = vfifo_vmap(export_vmap),
	.release = export_release,
};

/* An export that is counted as a mapping, for export_free(); or an error pointer. */
static struct exported *export_new(struct vfifo *vfifo, bool writable)
{
	struct exported *export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	int err;

	if (!export)
		return ERR_PTR(-ENOMEM);
	err = vfifo_pin_buffer(&vfifo->ring, 0, 1);
	if (err) {
		kfree(export);
		return ERR_PTR(err);
	}
	kref_get(&vfifo->refs);
	export->vfifo = vfifo;
	export->writable = writable;
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->attachments);
	return export;
}

static struct dma_buf *export_file(struct file *file)
{
	const bool writable = file->f_mode & FMODE_WRITE;
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	struct exported *export;

	export = export_new(file->private_data, writable);
	if (IS_ERR(export))
		return ERR_CAST(export);
	info.ops = writable ? &writable_operations : &read_only_operations;
	info.size = buffer_of(export)->capacity;
	info.flags = writable ? O_RDWR : O_RDONLY;
	info.priv = export;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		export_free(export);
	return dmabuf;
}

/**
 * vfifo_dmabuf_export() - export the data of an open vfifo as a dma-buf
 * @file: the open vfifo
 * @arg: of VFIFO_EXPORT; gets the file descriptor
 *
 * Context: Process context. May sleep. Takes the consumer side's lock.
 * Return: 0; nothing is exported on failure: -EBADF: the file is not open for reading; -EINVAL:
 * an unknown flag, or a reserved field is not 0; -EFAULT: a bad pointer; -EMFILE; -ENFILE;
 * -ENOMEM; -EINTR: the caller was killed; -ENODEV: the device was removed.
 */
long vfifo_dmabuf_export(struct file *file, struct vfifo_export __user *arg)
{
	struct vfifo_export export;
	struct dma_buf *dmabuf;
	int fd;

	/* Every importer of a dma-buf can read its bytes. */
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (copy_from_user(&export, arg, sizeof(export)))
		return -EFAULT;
	if ((export.flags & ~(u32)O_CLOEXEC) || export.reserved[0] ||
	    export.reserved[1])
		return -EINVAL;

	dmabuf = export_file(file);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(export.flags);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	if (put_user(fd, &arg->fd)) {
		put_unused_fd(fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	/* The last step, as another thread may use the descriptor from here on. */
	fd_install(fd, dmabuf->file);
	return 0;
}
