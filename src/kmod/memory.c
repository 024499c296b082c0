// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c - pages of each kind of memory
 *
 *	kind			pages					protection
 *	cached			huge pages, then of order 0		cached
 *	write-combining		of order 0				write-combining
 *	uncached		of order 0				uncached
 *	coherent		one piece of dma_alloc_coherent()	the DMA API's
 *	contiguous		one piece of alloc_pages_exact()	cached
 *
 * All mappings of one page must agree on its protection, or a processor may find an old copy
 * in its cache. The kernel's linear mapping of all memory is one of these mappings. On x86
 * the protection of the linear mapping is changed as long as the pages are ours. On ARM the
 * linear mapping stays cached, but nothing uses it, and its cache lines are written back
 * before the pages are used. Other architectures have no such kinds.
 *
 * Pages may hold data of another process, so all of them are zeroed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "arch.h"
#include "compat.h"
#include "memory.h"

/* Fail before the OOM killer would have to make room. */
#define VFIFO_GFP (VFIFO_GFP_PAGES | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Pages of order 0 will do as well, so only one attempt is made to make room for a huge one. */
#define VFIFO_GFP_HUGE                                                  \
	(VFIFO_GFP_PAGES | __GFP_HIGHMEM | __GFP_ZERO | __GFP_NORETRY | \
	 __GFP_NOWARN)

/* The device whose DMA addresses coherent memory has. */
static struct platform_device *vfifo_dma;

static const char *const names[] = {
	[VFIFO_MEMORY_CACHED] = "cached",
	[VFIFO_MEMORY_WRITE_COMBINING] = "write-combining",
	[VFIFO_MEMORY_UNCACHED] = "uncached",
	[VFIFO_MEMORY_COHERENT] = "coherent",
	[VFIFO_MEMORY_CONTIGUOUS] = "contiguous",
};

/**
 * vfifo_memory_find() - find a kind of memory by its name
 * @name: the name; a newline may follow it
 *
 * Context: Any.
 * Return: an enum vfifo_memory; -EINVAL: no kind has this name.
 */
int vfifo_memory_find(const char *name)
{
	return sysfs_match_string(names, name);
}

/**
 * vfifo_memory_name() - find the name of a kind of memory
 * @memory: the kind
 *
 * Context: Any.
 * Return: the name.
 */
const char *vfifo_memory_name(enum vfifo_memory memory)
{
	return names[memory];
}

/**
 * vfifo_memories_init() - make the device that coherent memory is allocated for
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM or another error of platform_device_register_full().
 */
int vfifo_memories_init(void)
{
	const struct platform_device_info info = {
		.name = KBUILD_MODNAME,
		.id = PLATFORM_DEVID_NONE,
		.dma_mask = DMA_BIT_MASK(64),
	};

	vfifo_dma = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(vfifo_dma);
}

/**
 * vfifo_memories_exit() - undo vfifo_memories_init()
 *
 * Context: Process context. May sleep. No coherent memory is allocated any more.
 */
void vfifo_memories_exit(void)
{
	platform_device_unregister(vfifo_dma);
}

/**
 * vfifo_memory_supported() - find out whether the machine has a kind of memory
 * @memory: the kind
 *
 * A query.
 *
 * Context: Any.
 * Return: whether it has.
 */
bool vfifo_memory_supported(enum vfifo_memory memory)
{
	switch (memory) {
	case VFIFO_MEMORY_CACHED:
	case VFIFO_MEMORY_CONTIGUOUS:
		return true;
	case VFIFO_MEMORY_WRITE_COMBINING:
		return vfifo_can_write_combine();
	case VFIFO_MEMORY_UNCACHED:
		return vfifo_can_uncache();
	case VFIFO_MEMORY_COHERENT:
		/* A mapping of ours would show a device's bytes encrypted. */
		return IS_ENABLED(CONFIG_HAS_DMA) && !vfifo_memory_encrypted();
	}
	return false;
}

/**
 * vfifo_memory_uncached() - find out whether the mappings of a kind are not cached
 * @memory: the kind
 *
 * A query.
 *
 * Context: Any.
 * Return: whether they are not. Coherent memory is cached if the machine's DMA is cache-coherent.
 */
bool vfifo_memory_uncached(enum vfifo_memory memory)
{
	switch (memory) {
	case VFIFO_MEMORY_WRITE_COMBINING:
	case VFIFO_MEMORY_UNCACHED:
		return true;
	case VFIFO_MEMORY_COHERENT:
		return !dev_is_dma_coherent(&vfifo_dma->dev);
	default:
		return false;
	}
}

/**
 * vfifo_memory_protection() - find the protection that every mapping of a kind has
 * @memory: the kind
 * @cached: the protection of an ordinary mapping
 *
 * A query.
 *
 * Context: Any.
 * Return: @cached, with the caching of the kind.
 */
pgprot_t vfifo_memory_protection(enum vfifo_memory memory, pgprot_t cached)
{
	switch (memory) {
	case VFIFO_MEMORY_WRITE_COMBINING:
		return pgprot_writecombine(cached);
	case VFIFO_MEMORY_UNCACHED:
		return pgprot_noncached(cached);
	case VFIFO_MEMORY_COHERENT:
		return vfifo_memory_uncached(memory) ?
			       pgprot_dmacoherent(cached) :
			       cached;
	default:
		return cached;
	}
}

static void set_page_of(struct vfifo_memory_pages *pages, unsigned int i,
			struct page *page)
{
	pages->page[i] = page;
	pages->page[i + pages->n] = page;
}

/* --- huge pages and pages of order 0 ------------------------------------------------ */

/* Frees the first @n pages; a huge page, which has one reference, as a whole. */
static void free_counted(struct vfifo_memory_pages *pages, unsigned int n)
{
	unsigned int i = 0;

	while (i < n) {
		struct page *page = pages->page[i];

		i += 1U << compound_order(page);
		put_page(page);
		cond_resched(); /* there may be half a gigabyte of pages */
	}
}

/* Allocates huge pages for as long as whole ones fit and there are any. */
static void alloc_huge(struct vfifo_memory_pages *pages)
{
	const unsigned int each = 1U << vfifo_huge_order;
	unsigned int i;

	while (pages->n - pages->huge >= each &&
	       !fatal_signal_pending(current)) {
		struct page *page = vfifo_huge_page_alloc(VFIFO_GFP_HUGE);

		if (!page)
			break;
		for (i = 0; i < each; i++)
			set_page_of(pages, pages->huge++, page + i);
		cond_resched();
	}
}

/* Allocates the pages that are not in huge ones. On failure it frees both. */
static int alloc_singles(struct vfifo_memory_pages *pages, gfp_t where)
{
	unsigned int i;

	for (i = pages->huge; i < pages->n; i++) {
		struct page *page = NULL;

		if (!fatal_signal_pending(current))
			page = alloc_page(VFIFO_GFP | __GFP_ZERO | where);
		if (!page) {
			free_counted(pages, i);
			return fatal_signal_pending(current) ? -EINTR : -ENOMEM;
		}
		set_page_of(pages, i, page);
		cond_resched();
	}
	return 0;
}

static void free_uncached(struct vfifo_memory_pages *pages)
{
	if (vfifo_pages_cache(pages->page, pages->n)) {
		pr_err("%u pages stay allocated, as they stay uncached\n",
		       pages->n);
		return;
	}
	free_counted(pages, pages->n);
}

static int alloc_uncached(struct vfifo_memory_pages *pages)
{
	/* A page of high memory has no address in the linear mapping to be changed. */
	int err = alloc_singles(pages, 0);

	if (err)
		return err;
	err = vfifo_pages_uncache(&vfifo_dma->dev, pages->page, pages->n,
				  pages->memory ==
					  VFIFO_MEMORY_WRITE_COMBINING);
	if (err) {
		/* A part of them may be uncached. */
		free_uncached(pages);
		return err == -EOPNOTSUPP ? err : -ENOMEM;
	}
	return 0;
}

/* --- one piece ---------------------------------------------------------------------- */

static size_t bytes_of(const struct vfifo_memory_pages *pages)
{
	return (size_t)pages->n << PAGE_SHIFT;
}

static void free_contiguous(struct vfifo_memory_pages *pages)
{
	free_pages_exact(pages->piece, bytes_of(pages));
}

static int alloc_contiguous(struct vfifo_memory_pages *pages)
{
	unsigned long first;
	unsigned int i;

	pages->piece =
		alloc_pages_exact(bytes_of(pages), VFIFO_GFP | __GFP_ZERO);
	if (!pages->piece)
		return -ENOMEM;
	first = page_to_pfn(virt_to_page(pages->piece));
	for (i = 0; i < pages->n; i++)
		set_page_of(pages, i, pfn_to_page(first + i));
	return 0;
}

static void free_coherent(struct vfifo_memory_pages *pages)
{
	dma_free_coherent(&vfifo_dma->dev, bytes_of(pages), pages->piece,
			  pages->dma);
}

static int alloc_coherent(struct vfifo_memory_pages *pages)
{
	struct device *dev = &vfifo_dma->dev;
	struct sg_page_iter at;
	struct sg_table table;
	unsigned int i = 0;
	int err;

	pages->piece = dma_alloc_coherent(dev, bytes_of(pages), &pages->dma,
					  GFP_KERNEL | __GFP_RETRY_MAYFAIL |
						  __GFP_NOWARN);
	if (!pages->piece)
		return -ENOMEM;
	/* The address may be in the linear mapping or not: only the DMA API knows the pages. */
	err = dma_get_sgtable(dev, &table, pages->piece, pages->dma,
			      bytes_of(pages));
	if (err) {
		free_coherent(pages);
		return -ENOMEM;
	}
	for_each_sgtable_page(&table, &at, 0) {
		if (i < pages->n)
			set_page_of(pages, i, sg_page_iter_page(&at));
		i++;
	}
	sg_free_table(&table);
	if (i != pages->n) {
		free_coherent(pages);
		return -ENOMEM;
	}
	return 0;
}

/* --- all kinds ---------------------------------------------------------------------- */

/**
 * vfifo_memory_alloc() - allocate zeroed pages
 * @pages: filled in; on failure there is nothing to free
 * @memory: their kind
 * @n: their number
 *
 * Context: Process context. May sleep.
 * Return: 0; -EOPNOTSUPP: the machine does not have this kind; -ENOMEM; -EINTR: the caller was
 * killed.
 */
int vfifo_memory_alloc(struct vfifo_memory_pages *pages,
		       enum vfifo_memory memory, unsigned int n)
{
	int err;

	if (!vfifo_memory_supported(memory))
		return -EOPNOTSUPP;
	*pages = (struct vfifo_memory_pages){ .memory = memory, .n = n };
	pages->page = kvmalloc_array(2 * (size_t)n, sizeof(*pages->page),
				     GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
					     __GFP_NOWARN);
	if (!pages->page)
		return -ENOMEM;

	switch (memory) {
	case VFIFO_MEMORY_WRITE_COMBINING:
	case VFIFO_MEMORY_UNCACHED:
		err = alloc_uncached(pages);
		break;
	case VFIFO_MEMORY_COHERENT:
		err = alloc_coherent(pages);
		break;
	case VFIFO_MEMORY_CONTIGUOUS:
		err = alloc_contiguous(pages);
		break;
	default:
		alloc_huge(pages);
		err = alloc_singles(pages, __GFP_HIGHMEM);
	}
	if (err)
		kvfree(pages->page);
	return err;
}

/**
 * vfifo_memory_free() - undo vfifo_memory_alloc()
 * @pages: the pages, which nothing maps any more
 *
 * A cached page that user space still has pinned is freed when the last pin goes, and so is the
 * huge page that it is part of. get_user_pages() refuses the pages of other kinds.
 *
 * Context: Process context. May sleep.
 */
void vfifo_memory_free(struct vfifo_memory_pages *pages)
{
	switch (pages->memory) {
	case VFIFO_MEMORY_WRITE_COMBINING:
	case VFIFO_MEMORY_UNCACHED:
		free_uncached(pages);
		break;
	case VFIFO_MEMORY_COHERENT:
		free_coherent(pages);
		break;
	case VFIFO_MEMORY_CONTIGUOUS:
		free_contiguous(pages);
		break;
	default:
		free_counted(pages, pages->n);
	}
	kvfree(pages->page);
}
