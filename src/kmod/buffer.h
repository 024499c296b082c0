/* SPDX-License-Identifier: GPL-2.0 */
/*
 * buffer.h - the pages that the kernel shares with user space
 */
#ifndef _VFIFO_BUFFER_H
#define _VFIFO_BUFFER_H

#include <linux/types.h>

struct page;

/* The data, mapped twice, back to back: see buffer.c. */
struct vfifo_buffer {
	void *data;
	struct page **pages; /* 2 * nr_pages entries, the second half again */
	unsigned int nr_pages;
	u32 capacity;
};

int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity);
void vfifo_buffer_free(struct vfifo_buffer *buffer);
struct page *vfifo_buffer_page(const struct vfifo_buffer *buffer,
			       unsigned long index);
void *vfifo_page_alloc(void);
void vfifo_page_free(void *page);

#endif /* _VFIFO_BUFFER_H */
