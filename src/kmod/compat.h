/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - the only place where kernels differ
 *
 * Older kernels get the newer spelling, under a prefix of our own. Kbuild searches the headers
 * for what a kernel has (VFIFO_HAVE_*) and looks at no version number, because distributions
 * and stable series backport. scripts/patch makes the sources of the newest kernel without this
 * file: it takes the prefix away, and scripts/lib/upstream/write lists the names that differ.
 */
#ifndef _VFIFO_COMPAT_H
#define _VFIFO_COMPAT_H

#ifdef VFIFO_HAVE_CC_PLATFORM
#include <linux/cc_platform.h>
#else
#include <linux/mem_encrypt.h>
#endif
#include <linux/device/class.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

/* Before 5.16 only x86 and s390 could encrypt memory, and each said so in its own way. */
static inline bool vfifo_memory_encrypted(void)
{
#ifdef VFIFO_HAVE_CC_PLATFORM
	return cc_platform_has(CC_ATTR_MEM_ENCRYPT);
#else
	return mem_encrypt_active();
#endif
}

/*
 * The operation of a dma-buf that gives the kernel an address stores it in a struct. Before 5.18
 * that had another name, and before 5.11 the operation returned the address.
 * VFIFO_DEFINE_VMAP(OPERATION) follows the function, and vfifo_vmap(OPERATION) is the operation.
 */
#if defined(VFIFO_HAVE_IOSYS_MAP)
#define vfifo_iosys_map iosys_map
#define vfifo_iosys_map_set_vaddr iosys_map_set_vaddr
#define VFIFO_DEFINE_VMAP(...)
#define vfifo_vmap(operation) operation
#elif defined(VFIFO_HAVE_DMA_BUF_MAP)
#define vfifo_iosys_map dma_buf_map
#define vfifo_iosys_map_set_vaddr dma_buf_map_set_vaddr
#define VFIFO_DEFINE_VMAP(...)
#define vfifo_vmap(operation) operation
#else
struct dma_buf;

struct vfifo_iosys_map {
	void *address;
};

static inline void vfifo_iosys_map_set_vaddr(struct vfifo_iosys_map *map,
					     void *at)
{
	map->address = at;
}

static inline void *
vfifo_vmap_address(struct dma_buf *dmabuf,
		   int (*operation)(struct dma_buf *, struct vfifo_iosys_map *))
{
	struct vfifo_iosys_map map;

	return operation(dmabuf, &map) ? NULL : map.address;
}

#define VFIFO_DEFINE_VMAP(operation)                             \
	static void *operation##_address(struct dma_buf *dmabuf) \
	{                                                        \
		return vfifo_vmap_address(dmabuf, operation);    \
	}
#define vfifo_vmap(operation) operation##_address
#endif

/* 5.10 does not limit the segments. */
static inline int
vfifo_sg_alloc_pages_segment(struct sg_table *table, struct page **pages,
			     unsigned int n, unsigned int offset,
			     unsigned long size, unsigned int max_segment,
			     gfp_t gfp)
{
#ifdef VFIFO_HAVE_SG_SEGMENT
	return sg_alloc_table_from_pages_segment(table, pages, n, offset, size,
						 max_segment, gfp);
#else
	return sg_alloc_table_from_pages(table, pages, n, offset, size, gfp);
#endif
}

/* Before 6.1 the type was not const. */
static inline void vfifo_kobject_init(struct kobject *kobject,
				      const struct kobj_type *type)
{
	kobject_init(kobject, (void *)type);
}

/* Until 6.4 a class had an owner. */
static inline struct class *vfifo_class_create(const char *name)
{
#ifdef VFIFO_HAVE_CLASS_CREATE_NAME
	return class_create(name);
#else
	return class_create(THIS_MODULE, name);
#endif
}

/* Since 6.4 the attributes of a class have const arguments. */
#ifdef VFIFO_HAVE_CLASS_ATTRIBUTE_CONST
#define vfifo_class_const const
#else
#define vfifo_class_const
#endif

/* Before 6.5 generic_file_splice_read() did this, by a pipe iterator. */
#ifdef VFIFO_HAVE_COPY_SPLICE_READ
#define vfifo_copy_splice_read copy_splice_read
#else
#define vfifo_copy_splice_read generic_file_splice_read
#endif

/* Since 6.3 vm_flags is changed by functions only. */
static inline void vfifo_vm_flags_mod(struct vm_area_struct *vma,
				      unsigned long set, unsigned long clear)
{
#ifdef VFIFO_HAVE_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* Removes page table entries of a VM_PFNMAP mapping. Before 7.x it had another name. */
static inline void vfifo_zap_special_vma_range(struct vm_area_struct *vma,
					       unsigned long address,
					       unsigned long size)
{
#ifdef VFIFO_HAVE_ZAP_SPECIAL
	zap_special_vma_range(vma, address, size);
#else
	zap_vma_ptes(vma, address, size);
#endif
}

/* Before 6.6 the second argument of ->huge_fault was not an order. */
#ifdef VFIFO_HAVE_HUGE_FAULT_ORDER
#define vfifo_fault_order unsigned int
#else
#define vfifo_fault_order enum page_entry_size
#endif

/*
 * Since 6.15 a module can map a huge page as a whole, with a reference to it, so that
 * get_user_pages() can pin it. vmf_insert_pfn_pmd(), which older kernels have, takes no reference.
 */
#if defined(VFIFO_HAVE_INSERT_FOLIO_PMD) && defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define VFIFO_HUGE_PAGES
#define vfifo_thp_get_unmapped_area thp_get_unmapped_area
#else
#define vfifo_thp_get_unmapped_area NULL
#endif

/* Since 6.13 one call sets the function too. */
static inline void
vfifo_hrtimer_setup(struct hrtimer *timer,
		    enum hrtimer_restart (*function)(struct hrtimer *),
		    clockid_t clock, enum hrtimer_mode mode)
{
#ifdef VFIFO_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* Before 6.0 the only iterator over user memory was an iovec. */
static inline bool vfifo_user_backed_iter(const struct iov_iter *iter)
{
#ifdef VFIFO_HAVE_USER_BACKED_ITER
	return user_backed_iter(iter);
#else
	return iter_is_iovec(iter);
#endif
}

/*
 * Before 5.11 the mark of a page that is charged to a cgroup overlaps the count of its user
 * mappings, and our pages would have both.
 */
#ifdef VFIFO_HAVE_PG_KMEMCG
#define VFIFO_GFP_PAGES GFP_KERNEL
#else
#define VFIFO_GFP_PAGES GFP_KERNEL_ACCOUNT
#endif

/*
 * Fault in the next bytes of user memory of an iterator, for the kernel to read or to write.
 * Return: the number of bytes that failed.
 */
#ifdef VFIFO_HAVE_FAULT_IN_IOV_ITER
#define vfifo_fault_in_iov_iter_readable fault_in_iov_iter_readable
#define vfifo_fault_in_iov_iter_writeable fault_in_iov_iter_writeable
#else
/*
 * Before 5.16: taking a reference to a page faults it in. Memory without pages (a mapping of a
 * device) has no reference to take, but it can be read.
 */
static inline size_t vfifo_fault_in_page(struct iov_iter *at, size_t size,
					 bool writeable)
{
	const struct iovec *iov = at->iov;
	const size_t in_page =
		PAGE_SIZE - offset_in_page(iov->iov_base + at->iov_offset);
	struct page *page;
	size_t offset;
	ssize_t n = iov_iter_get_pages(at, &page, size, 1, &offset);

	if (n > 0) {
		put_page(page);
		return n;
	}
	n = min3(size, in_page, iov_iter_single_seg_count(at));
	if (writeable || !n || iov_iter_fault_in_readable(at, n))
		return 0;
	return n;
}

static inline size_t vfifo_fault_in_iov_iter(const struct iov_iter *iter,
					     size_t size, bool writeable)
{
	struct iov_iter at = *iter; /* its direction is the access */

	while (size) {
		size_t n = vfifo_fault_in_page(&at, size, writeable);

		if (!n)
			break;
		iov_iter_advance(&at, n);
		size -= n;
	}
	return size;
}

static inline size_t
vfifo_fault_in_iov_iter_readable(const struct iov_iter *iter, size_t size)
{
	return vfifo_fault_in_iov_iter(iter, size, false);
}

static inline size_t
vfifo_fault_in_iov_iter_writeable(const struct iov_iter *iter, size_t size)
{
	return vfifo_fault_in_iov_iter(iter, size, true);
}
#endif

#endif /* _VFIFO_COMPAT_H */
