/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - the only place where kernels differ
 *
 * Older kernels get the newer spelling, under a prefix of our own. Kbuild searches the headers
 * for what a kernel has (VFIFO_HAVE_*) and looks at no version number, because distributions
 * and stable series backport.
 */
#ifndef _VFIFO_COMPAT_H
#define _VFIFO_COMPAT_H

/*
 * The data are mapped twice, in the kernel and in user space, at any address. A data cache that
 * is looked up by virtual address would keep a copy for each mapping. (ARM has such caches
 * before version 7.)
 */
#if defined(CONFIG_ARC) || defined(CONFIG_CSKY) || defined(CONFIG_M68K) || \
	defined(CONFIG_MIPS) || defined(CONFIG_NIOS2) ||                   \
	defined(CONFIG_PARISC) || defined(CONFIG_SPARC) ||                 \
	defined(CONFIG_SUPERH) || defined(CONFIG_XTENSA) ||                \
	defined(CONFIG_CPU_CACHE_VIVT) || defined(CONFIG_CPU_V6) ||        \
	defined(CONFIG_CPU_V6K)
#error "vfifo: the data cache of this architecture aliases, so it cannot be mapped twice"
#endif

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/memtype.h>
#include <asm/set_memory.h>
#elif defined(CONFIG_ARM64) || defined(CONFIG_ARM)
#include <linux/dma-direct.h>
#endif

#ifdef VFIFO_HAVE_CC_PLATFORM
#include <linux/cc_platform.h>
#else
#include <linux/mem_encrypt.h>
#endif
#include <linux/device/class.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
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
 * Kinds of memory. Each architecture decides which mappings of one page may coexist. x86
 * changes the linear mapping too. On ARM a page that is not used by its linear mapping may be
 * mapped as normal memory that is not cached; the only other uncached memory is that of
 * device registers, to which memcpy() may not write. Elsewhere there are no such kinds.
 */
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
static inline bool vfifo_can_write_combine(void)
{
	return pat_enabled();
}

static inline bool vfifo_can_uncache(void)
{
	return true;
}

static inline int vfifo_pages_uncache(struct device *dev, struct page **pages,
				      unsigned int n, bool write_combining)
{
	return write_combining ? set_pages_array_wc(pages, n) :
				 set_pages_array_uc(pages, n);
}

static inline int vfifo_pages_cache(struct page **pages, unsigned int n)
{
	return set_pages_array_wb(pages, n);
}

/* Whether a copy by the kernel's linear mapping has the protection of the kind. */
static inline bool vfifo_linear_follows(void)
{
	return true;
}
#elif defined(CONFIG_ARM64) || defined(CONFIG_ARM)
/* Not with encryption: the DMA API would copy, and the lines of the page itself would stay. */
static inline bool vfifo_can_write_combine(void)
{
	return !vfifo_memory_encrypted();
}

static inline bool vfifo_can_uncache(void)
{
	return false;
}

/*
 * dma_map_page() for a device that is not cache-coherent writes the cache lines of the page
 * back. It does not if it copies the page (swiotlb=force).
 */
static inline int vfifo_pages_uncache(struct device *dev, struct page **pages,
				      unsigned int n, bool write_combining)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		dma_addr_t at = dma_map_page(dev, pages[i], 0, PAGE_SIZE,
					     DMA_BIDIRECTIONAL);
		bool copied;

		if (dma_mapping_error(dev, at))
			return -ENOMEM;
		copied = at != phys_to_dma(dev, page_to_phys(pages[i]));
		dma_unmap_page(dev, at, PAGE_SIZE, DMA_BIDIRECTIONAL);
		if (copied)
			return -EOPNOTSUPP;
		cond_resched(); /* there may be half a gigabyte of pages */
	}
	return 0;
}

static inline int vfifo_pages_cache(struct page **pages, unsigned int n)
{
	return 0;
}

static inline bool vfifo_linear_follows(void)
{
	return false;
}
#else
static inline bool vfifo_can_write_combine(void)
{
	return false;
}

static inline bool vfifo_can_uncache(void)
{
	return false;
}

static inline int vfifo_pages_uncache(struct device *dev, struct page **pages,
				      unsigned int n, bool write_combining)
{
	return -EOPNOTSUPP;
}

static inline int vfifo_pages_cache(struct page **pages, unsigned int n)
{
	return 0;
}

static inline bool vfifo_linear_follows(void)
{
	return false;
}
#endif

/*
 * The operation of a dma-buf that gives the kernel an address, vfifo_dmabuf_vmap(), stores it in a
 * struct vfifo_kernel_map: before 5.18 that had another name, and before 5.11 the operation
 * returned the address.
 */
struct dma_buf;

#if defined(VFIFO_HAVE_IOSYS_MAP)
#define vfifo_kernel_map iosys_map
#define vfifo_kernel_map_set iosys_map_set_vaddr
#define vfifo_vmap_operation vfifo_dmabuf_vmap
struct vfifo_kernel_map;
#elif defined(VFIFO_HAVE_DMA_BUF_MAP)
#define vfifo_kernel_map dma_buf_map
#define vfifo_kernel_map_set dma_buf_map_set_vaddr
#define vfifo_vmap_operation vfifo_dmabuf_vmap
struct vfifo_kernel_map;
#else
struct vfifo_kernel_map {
	void *address;
};

static inline void vfifo_kernel_map_set(struct vfifo_kernel_map *map, void *at)
{
	map->address = at;
}

int vfifo_dmabuf_vmap(struct dma_buf *dmabuf, struct vfifo_kernel_map *map);

static inline void *vfifo_vmap_operation(struct dma_buf *dmabuf)
{
	struct vfifo_kernel_map map;

	return vfifo_dmabuf_vmap(dmabuf, &map) ? NULL : map.address;
}
#endif

/*
 * Lists the pages for a device, in segments that the device takes and that the DMA API can map:
 * where it works on copies, these are limited. 5.10 has no such limit.
 */
static inline int vfifo_list_pages(struct sg_table *table, struct page **pages,
				   unsigned int n, struct device *dev)
{
	const unsigned long bytes = (unsigned long)n << PAGE_SHIFT;
#ifdef VFIFO_HAVE_SG_SEGMENT
	const size_t copied = dma_max_mapping_size(dev) ?: SIZE_MAX;
	const size_t most = min_t(size_t, copied, dma_get_max_seg_size(dev));

	return sg_alloc_table_from_pages_segment(table, pages, n, 0, bytes,
						 most, GFP_KERNEL_ACCOUNT);
#else
	return sg_alloc_table_from_pages(table, pages, n, 0, bytes,
					 GFP_KERNEL_ACCOUNT);
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

/* Removes page table entries of a VM_PFNMAP mapping. 7.x has another name for it. */
static inline void vfifo_zap(struct vm_area_struct *vma)
{
	const unsigned long bytes = vma->vm_end - vma->vm_start;

#ifdef VFIFO_HAVE_ZAP_SPECIAL
	zap_special_vma_range(vma, vma->vm_start, bytes);
#else
	zap_vma_ptes(vma, vma->vm_start, bytes);
#endif
}

/* Before 6.6 the second argument of ->huge_fault was not an order. */
#ifdef VFIFO_HAVE_HUGE_FAULT_ORDER
#define vfifo_fault_order unsigned int
#else
#define vfifo_fault_order enum page_entry_size
#endif

/*
 * Huge pages: since 6.15 a module can map one as a whole, with a reference to it, so that
 * get_user_pages() can pin it. vmf_insert_pfn_pmd(), which older kernels have, takes no reference.
 */
#if defined(VFIFO_HAVE_INSERT_FOLIO_PMD) && defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define vfifo_huge_order HPAGE_PMD_ORDER
#define vfifo_get_unmapped_area thp_get_unmapped_area

static inline struct page *vfifo_huge_page_alloc(gfp_t gfp)
{
	struct folio *folio = folio_alloc(gfp, HPAGE_PMD_ORDER);

	return folio ? folio_page(folio, 0) : NULL;
}

/*
 * The insert is never a write. The kernel calls ->huge_fault without a lock, so another thread can
 * map single pages there meanwhile, for example after PR_SET_THP_DISABLE. An insert for a write
 * that finds them warns. The entry gets the access of the mapping. A store to /proc/PID/clear_refs
 * can have made that too little for the fault: then the kernel maps single pages. The kernel
 * removes an entry that is there already.
 */
static inline vm_fault_t vfifo_huge_page_insert(struct vm_fault *vmf,
						struct page *page)
{
	const pte_t access = pfn_pte(page_to_pfn(page), vmf->vma->vm_page_prot);

	if (!pmd_none(pmdp_get_lockless(vmf->pmd)))
		return VM_FAULT_FALLBACK;
	if ((vmf->flags & FAULT_FLAG_WRITE) && !pte_write(access))
		return VM_FAULT_FALLBACK;
	return vmf_insert_folio_pmd(vmf, page_folio(page), false);
}
#else
#define vfifo_huge_order 0
#define vfifo_get_unmapped_area NULL

static inline struct page *vfifo_huge_page_alloc(gfp_t gfp)
{
	return NULL;
}

static inline vm_fault_t vfifo_huge_page_insert(struct vm_fault *vmf,
						struct page *page)
{
	return VM_FAULT_FALLBACK;
}
#endif

/* Since 6.13 one call sets the function too. */
static inline void
vfifo_hrtimer_setup(struct hrtimer *timer,
		    enum hrtimer_restart (*function)(struct hrtimer *))
{
#ifdef VFIFO_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
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
 * Faults in the next @size bytes of user memory of @iter, for the kernel to read or, if
 * @writeable, to write. Returns the number of bytes that failed.
 */
#ifdef VFIFO_HAVE_FAULT_IN_IOV_ITER
static inline size_t vfifo_fault_in_iov_iter(struct iov_iter *iter, size_t size,
					     bool writeable)
{
	return writeable ? fault_in_iov_iter_writeable(iter, size) :
			   fault_in_iov_iter_readable(iter, size);
}
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

static inline size_t vfifo_fault_in_iov_iter(struct iov_iter *iter, size_t size,
					     bool writeable)
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
#endif

#endif /* _VFIFO_COMPAT_H */
