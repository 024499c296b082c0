/* SPDX-License-Identifier: GPL-2.0 */
/*
 * claim.h - who has a side of a ring: a process by a mapping, the generator, or the kernel
 */
#ifndef _VFIFO_CLAIM_H
#define _VFIFO_CLAIM_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "side.h"

struct file;
struct pid;

/* A claim of a side: vm_private_data of the mapping that makes it. */
struct vfifo_claim {
	refcount_t refs; /* one for all its mappings, one for each revoke */
	unsigned int mappings; /* 1; 2 while mremap(2) moves it; 0: it ends */
	bool revoked;
	struct pid *holder;
	struct file *file; /* valid as long as there is a mapping */
};

int vfifo_pin_buffer(struct vfifo_ring *ring, unsigned long first,
		     unsigned long pages);

struct vfifo_claim *vfifo_claim_begin(struct vfifo_ring *ring,
				      enum vfifo_end end,
				      enum vfifo_framing framing,
				      struct file *file);
void vfifo_claim_again(struct vfifo_ring *ring, struct vfifo_claim *claim);
bool vfifo_claim_release(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_claim *claim, bool *moved);
bool vfifo_claim_revoke(struct vfifo_ring *ring, enum vfifo_end end,
			bool *moved);
pid_t vfifo_claim_holder(struct vfifo_ring *ring, enum vfifo_end end);

int vfifo_claim_reserve(struct vfifo_ring *ring);
void vfifo_claim_unreserve(struct vfifo_ring *ring);

#endif /* _VFIFO_CLAIM_H */
