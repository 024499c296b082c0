/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memory.h - pages of each kind of memory
 */
#ifndef _VFIFO_MEMORY_H
#define _VFIFO_MEMORY_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include <vfifo.h>

/* The pages of one buffer. */
struct vfifo_memory_pages {
	enum vfifo_memory memory;
	unsigned int n;
	unsigned int huge;  /* so many of them, the first, are in huge pages */
	struct page **page; /* 2 * n entries, the second half again */
	void *piece;	    /* contiguous, coherent: the kernel's address */
	dma_addr_t dma;	    /* coherent: the address for a device */
};

int vfifo_memory_find(const char *name);
const char *vfifo_memory_name(enum vfifo_memory memory);

int vfifo_memories_init(void);
void vfifo_memories_exit(void);

bool vfifo_memory_supported(enum vfifo_memory memory);
bool vfifo_memory_uncached(enum vfifo_memory memory);
pgprot_t vfifo_memory_protection(enum vfifo_memory memory, pgprot_t cached);

int vfifo_memory_alloc(struct vfifo_memory_pages *pages,
		       enum vfifo_memory memory, unsigned int n);
void vfifo_memory_free(struct vfifo_memory_pages *pages);

#endif /* _VFIFO_MEMORY_H */
