/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arch.h - what differs between architectures and configurations
 */
#ifndef _VFIFO_ARCH_H
#define _VFIFO_ARCH_H

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

#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/memtype.h>
#include <asm/set_memory.h>
#elif defined(CONFIG_ARM64) || defined(CONFIG_ARM)
#include <linux/dma-direct.h>
#endif

#include "compat.h"

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

#ifdef VFIFO_HUGE_PAGES
#define vfifo_huge_order HPAGE_PMD_ORDER

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

#endif /* _VFIFO_ARCH_H */
