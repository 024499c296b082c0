// SPDX-License-Identifier: GPL-2.0
/*
 * buffer.c - the pages that are shared with user space
 *
 * The data appear twice in one mapping,
 *
 *	data                    data + capacity         data + 2 * capacity
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *	|  0  |  1  | .. | n-1 |  0  |  1  | .. | n-1 |
 *	+-----+-----+-- -+-----+-----+-----+-- -+-----+
 *
 * so no span of up to capacity bytes ever wraps. Order-0 pages, as each is
 * handed to user space alone, zeroed as somebody's secrets were there before.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "ring.h"

/* The caller may sleep. */
void vfifo_buffer_free(struct vfifo_buffer *buffer)
{
	unsigned int i;

	vunmap(buffer->data);
	for (i = 0; i < buffer->nr_pages; i++) {
		put_page(buffer->pages[i]);
		cond_resched(); /* it may be half a gigabyte */
	}
	kvfree(buffer->pages);
}

/* -ENOMEM, or -EINTR for whoever was killed meanwhile. */
int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity)
{
	/* Rather fail than have the OOM killer make room. */
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

/* A zeroed page of its own, for numbers; NULL if there is none. */
void *vfifo_page_alloc(void)
{
	return (void *)get_zeroed_page(VFIFO_GFP_PAGES);
}

/* Whoever has it pinned keeps it until he has not. */
void vfifo_page_free(void *page)
{
	if (page)
		put_page(virt_to_page(page));
}
