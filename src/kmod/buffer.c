// SPDX-License-Identifier: GPL-2.0
/*
 * buffer.c - the memory that the kernel shares with user space
 *
 * The data appear twice in one mapping,
 *
 *	data                    data + capacity         data + 2 * capacity
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *	|  0  |  1  | .. | n-1 |  0  |  1  | .. | n-1 |
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *
 * so no span of up to capacity bytes ever wraps. memory.c allocates the pages.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "arch.h"
#include "buffer.h"
#include "compat.h"

/*
 * A fault maps this many bytes, aligned to as many. Fewer cost more faults, and four times as many
 * save only another 5 % of what a first touch costs.
 */
#define AROUND ((unsigned long)SZ_256K)

/**
 * vfifo_buffer_free() - free a buffer
 * @buffer: the buffer, which nothing maps any more
 *
 * Context: Process context. May sleep.
 */
void vfifo_buffer_free(struct vfifo_buffer *buffer)
{
	vunmap(buffer->data);
	vfifo_memory_free(&buffer->pages);
}

/**
 * vfifo_buffer_alloc() - allocate a buffer, all zero
 * @buffer: the buffer; on failure there is nothing to free
 * @capacity: bytes, as vfifo_capacity_for() returns them
 * @memory: the kind of memory
 *
 * Context: Process context. May sleep.
 * Return: 0; -EOPNOTSUPP: the machine does not have this kind; -ENOMEM; -EINTR: the caller was
 * killed.
 */
int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity,
		       enum vfifo_memory memory)
{
	const unsigned int n = capacity >> PAGE_SHIFT;
	int err;

	buffer->capacity = capacity;
	err = vfifo_memory_alloc(&buffer->pages, memory, n);
	if (err)
		return err;
	buffer->data = vmap(buffer->pages.page, 2 * n, VM_MAP,
			    vfifo_memory_protection(memory, PAGE_KERNEL));
	if (!buffer->data) {
		vfifo_memory_free(&buffer->pages);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vfifo_buffer_page() - find a page of the data
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @index: the number of the page in a mapping from offset 0
 *
 * Context: Any.
 * Return: the page; NULL: @index is beyond the second appearance of the data.
 */
struct page *vfifo_buffer_page(const struct vfifo_buffer *buffer,
			       unsigned long index)
{
	return index < 2UL * buffer->pages.n ? buffer->pages.page[index] : NULL;
}

/* The number of the page at an address, in a mapping from offset 0. */
static unsigned long index_at(const struct vm_area_struct *vma,
			      unsigned long address)
{
	return vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);
}

/*
 * vm_insert_pages() stops at the first page that is mapped already, and another fault maps the
 * rest, so an error needs no answer.
 */
static void insert_range(const struct vfifo_buffer *buffer,
			 struct vm_area_struct *vma, unsigned long start,
			 unsigned long end)
{
	unsigned long n = (end - start) >> PAGE_SHIFT;

	if (n)
		vm_insert_pages(vma, start,
				buffer->pages.page + index_at(vma, start), &n);
}

/**
 * vfifo_buffer_map_around() - map the pages around a page that is about to be mapped
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @vma: the mapping, which has VM_MIXEDMAP; it and its offset lie within the two appearances of
 * the data
 * @address: the address of the page
 *
 * Leaves out the page itself, which the kernel maps with the access of the fault, and all that
 * lies beyond the mapping. Maps what it can: a page that stays unmapped is mapped by a fault of its
 * own.
 *
 * Context: Process context, in ->fault. May sleep.
 */
void vfifo_buffer_map_around(const struct vfifo_buffer *buffer,
			     struct vm_area_struct *vma, unsigned long address)
{
	const unsigned long start = ALIGN_DOWN(address, AROUND);

	insert_range(buffer, vma, max(start, vma->vm_start), address);
	insert_range(buffer, vma, address + PAGE_SIZE,
		     min(start + AROUND, vma->vm_end));
}

/**
 * vfifo_buffer_maps_huge() - find out whether a mapping could show a huge page as a whole
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @index: the number of the mapping's first page in a mapping from offset 0
 * @n: its pages; they lie within the two appearances of the data
 *
 * A query. No part of a mapping could do so if the mapping itself could not.
 *
 * Context: Any.
 * Return: whether it could, at a suitable address.
 */
bool vfifo_buffer_maps_huge(const struct vfifo_buffer *buffer,
			    unsigned long index, unsigned long n)
{
	const struct vfifo_memory_pages *pages = &buffer->pages;
	const unsigned long each = 1UL << vfifo_huge_order;
	unsigned long i;

	if (!pages->huge)
		return false;
	for (i = round_up(index, each); i + each <= index + n; i += each)
		if (i % pages->n < pages->huge)
			return true;
	return false;
}

/**
 * vfifo_buffer_map_huge() - map a huge page as a whole
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @vmf: the fault, where no page is mapped, or one that is to become writable
 * @order: the order of the page
 *
 * Context: Process context, in ->huge_fault. May sleep.
 * Return: VM_FAULT_NOPAGE; VM_FAULT_FALLBACK: there is no such page, or it would begin or end
 * beyond the mapping; VM_FAULT_OOM.
 */
vm_fault_t vfifo_buffer_map_huge(const struct vfifo_buffer *buffer,
				 struct vm_fault *vmf, unsigned int order)
{
	const unsigned long size = PAGE_SIZE << order;
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long start = ALIGN_DOWN(vmf->address, size);
	struct page *page;

	if (start < vma->vm_start || vma->vm_end - start < size)
		return VM_FAULT_FALLBACK;
	page = buffer->pages.page[index_at(vma, start)];
	/* The order of a tail page is 0: the mapping may be aligned in another way. */
	if (compound_order(page) != order)
		return VM_FAULT_FALLBACK;
	return vfifo_huge_page_insert(vmf, page);
}

/* How many pages, up to @limit, are one behind the other in memory from @index on. */
static unsigned long run_length(const struct vfifo_buffer *buffer,
				unsigned long index, unsigned long limit)
{
	struct page **page = buffer->pages.page + index;
	unsigned long n = 1;

	while (n < limit && page_to_pfn(page[n]) == page_to_pfn(*page) + n)
		n++;
	return n;
}

/**
 * vfifo_buffer_map() - map all pages of a mapping now
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @vma: the mapping; it and its offset lie within the two appearances of the data
 *
 * For pages that user space must not pin, and for dma-bufs. The pages of a coherent piece have
 * no reference count of their own. get_user_pages() refuses such a mapping, so no pin
 * outlives the protection of a page, which ends before the page is freed.
 *
 * Context: Process context, in ->mmap. May sleep.
 * Return: 0; -EINTR: the caller was killed; -ENOMEM or another error of remap_pfn_range().
 * Nothing stays mapped after an error, so the caller may let go of the buffer.
 */
int vfifo_buffer_map(const struct vfifo_buffer *buffer,
		     struct vm_area_struct *vma)
{
	const unsigned long first = vma->vm_pgoff, pages = vma_pages(vma);
	unsigned long i, n, pfn;
	int err = 0;

	vma->vm_page_prot = vfifo_memory_protection(buffer->pages.memory,
						    vma->vm_page_prot);
	for (i = 0; i < pages && !err; i += n) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		n = run_length(buffer, first + i, pages - i);
		pfn = page_to_pfn(buffer->pages.page[first + i]);
		err = remap_pfn_range(vma, vma->vm_start + (i << PAGE_SHIFT),
				      pfn, n << PAGE_SHIFT, vma->vm_page_prot);
		cond_resched();
	}
	if (err && i)
		vfifo_zap_special_vma_range(vma, vma->vm_start,
					    vma->vm_end - vma->vm_start);
	return err;
}

/**
 * vfifo_page_alloc() - allocate a page of numbers: the status or a position
 *
 * Context: Process context. May sleep.
 * Return: the page's address, its contents zero; NULL: there is no memory.
 */
void *vfifo_page_alloc(void)
{
	return (void *)get_zeroed_page(VFIFO_GFP_PAGES);
}

/**
 * vfifo_page_free() - free a page of numbers
 * @page: what vfifo_page_alloc() returned, or NULL
 *
 * A page that user space still has pinned is freed when the last pin goes.
 *
 * Context: Process context.
 */
void vfifo_page_free(void *page)
{
	if (page)
		put_page(virt_to_page(page));
}
