/* SPDX-License-Identifier: GPL-2.0 */
/*
 * buffer.h - the memory that the kernel shares with user space
 */
#ifndef _VFIFO_BUFFER_H
#define _VFIFO_BUFFER_H

#include <asm/barrier.h>

#include <linux/compiler.h>
#include <linux/types.h>

#include "memory.h"

struct page;
struct vm_area_struct;
struct vm_fault;

/* The data, mapped twice, back to back: see buffer.c. */
struct vfifo_buffer {
	void *data;
	u32 capacity;
	struct vfifo_memory_pages pages;
};

int vfifo_buffer_alloc(struct vfifo_buffer *buffer, u32 capacity,
		       enum vfifo_memory memory);
void vfifo_buffer_free(struct vfifo_buffer *buffer);
struct page *vfifo_buffer_page(const struct vfifo_buffer *buffer,
			       unsigned long index);
void vfifo_buffer_map_around(const struct vfifo_buffer *buffer,
			     struct vm_area_struct *vma, unsigned long address);
bool vfifo_buffer_maps_huge(const struct vfifo_buffer *buffer,
			    unsigned long index, unsigned long n);
vm_fault_t vfifo_buffer_map_huge(const struct vfifo_buffer *buffer,
				 struct vm_fault *vmf, unsigned int order);
int vfifo_buffer_map(const struct vfifo_buffer *buffer,
		     struct vm_area_struct *vma);
void *vfifo_page_alloc(void);
void vfifo_page_free(void *page);

/*
 * Orders accesses to the data with accesses to a position. The barriers of a position order
 * cached memory only: x86 may delay a store to write-combining memory past a later store to
 * cached memory, and may load from it ahead of an earlier load.
 */
static inline void vfifo_buffer_order(const struct vfifo_buffer *buffer)
{
	if (unlikely(buffer->pages.memory == VFIFO_MEMORY_WRITE_COMBINING))
		mb(); /* pairs with the same in the task that moves the other position */
}

#endif /* _VFIFO_BUFFER_H */
