// SPDX-License-Identifier: GPL-2.0
/*
 * buffer.c - the pages that the kernel shares with user space
 *
 * The data appear twice in one mapping,
 *
 *	data                    data + capacity         data + 2 * capacity
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *	|  0  |  1  | .. | n-1 |  0  |  1  | .. | n-1 |
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *
 * so no span of up to capacity bytes ever wraps. The pages are of order 0, as user space
 * gets each of them alone. They are zeroed, as they may hold data of another process.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buffer.h"
#include "compat.h"

/**
 * vfifo_buffer_free() - free a buffer
 * @buffer: the buffer, which nothing maps any more
 *
 * A page that user space still has pinned is freed when the last pin goes.
 *
 * Context: Process context. May sleep.
 */
void vfifo_buffer_free(struct vfifo_buffer *buffer)
{
	unsigned int i;

	vunmap(buffer->data);
	for (i = 0; i < buffer->nr_pages; i++) {
		put_page(buffer->pages[i]);
		cond_resched(); /* there may be half a gigabyte of pages */
	}
	kvfree(buffer->pages);
}

/**
 * vfifo_buffer_alloc() - allocate a buffer
 * @buffer: the buffer; on failure there is nothing to free
 * @capacity: bytes, as vfifo_capacity_for() returns them
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM; -EINTR: the caller was killed.
 */
int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity)
{
	/* Fail before the OOM killer would have to make room. */
	const gfp_t gfp = __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	const unsigned int n = capacity >> PAGE_SHIFT;
	int err = -ENOMEM;

	*buffer = (struct vfifo_buffer){ .capacity = capacity };
	buffer->pages = kvmalloc_array(2 * (size_t)n, sizeof(*buffer->pages),
				       GFP_KERNEL_ACCOUNT | gfp);
	if (!buffer->pages)
		return err;

	for (; buffer->nr_pages < n; buffer->nr_pages++) {
		struct page *page;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_free;
		}
		page = alloc_page(VFIFO_GFP_PAGES | gfp | __GFP_HIGHMEM |
				  __GFP_ZERO);
		if (!page)
			goto err_free;
		buffer->pages[buffer->nr_pages] = page;
		buffer->pages[buffer->nr_pages + n] = page;
		cond_resched();
	}

	buffer->data = vmap(buffer->pages, 2 * n, VM_MAP, PAGE_KERNEL);
	if (!buffer->data)
		goto err_free;
	return 0;

err_free:
	vfifo_buffer_free(buffer);
	return err;
}

/**
 * vfifo_buffer_page() - find a page of the data
 * @buffer: the buffer; the caller's mapping keeps it from being replaced
 * @index: the number of the page in a mapping from offset 0
 *
 * Context: Any.
 * Return: the page; NULL: @index is behind the second appearance of the data.
 */
struct page *vfifo_buffer_page(const struct vfifo_buffer *buffer,
			       unsigned long index)
{
	return index < 2UL * buffer->nr_pages ? buffer->pages[index] : NULL;
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
