/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wait.h - who sleeps on a ring, and what wakes them
 */
#ifndef _VFIFO_WAIT_H
#define _VFIFO_WAIT_H

#include <linux/poll.h>

#include "side.h"

void vfifo_ring_waiting_init(struct vfifo_ring *ring);
void vfifo_ring_waiting_end(struct vfifo_ring *ring);
void vfifo_ring_waiting_exit(struct vfifo_ring *ring);

bool vfifo_ring_overtake(struct vfifo_ring *ring, enum vfifo_end end,
			 struct vfifo_sleeper *sleeper);
int vfifo_ring_wait(struct vfifo_ring *ring, enum vfifo_end end,
		    struct vfifo_sleeper *sleeper, u32 need);
void vfifo_ring_leave(struct vfifo_ring *ring, enum vfifo_end end,
		      struct vfifo_sleeper *sleeper);
void vfifo_ring_pass_on(struct vfifo_ring *ring, enum vfifo_end end);

__poll_t vfifo_ring_poll(struct vfifo_ring *ring, struct file *file,
			 struct poll_table_struct *wait);
int vfifo_ring_fasync(struct vfifo_ring *ring, int fd, struct file *file,
		      int on);

void vfifo_ring_wake(struct vfifo_ring *ring, enum vfifo_end end);
void vfifo_ring_kick(struct vfifo_ring *ring, const struct file *file);
void vfifo_ring_changed(struct vfifo_ring *ring);
void vfifo_ring_released(struct vfifo_ring *ring, enum vfifo_end end,
			 bool moved);
void vfifo_ring_flush(struct vfifo_ring *ring);

#endif /* _VFIFO_WAIT_H */
