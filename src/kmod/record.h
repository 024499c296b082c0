/* SPDX-License-Identifier: GPL-2.0 */
/*
 * record.h - records in a ring whose framing is VFIFO_RECORDS
 */
#ifndef _VFIFO_RECORD_H
#define _VFIFO_RECORD_H

#include <linux/types.h>

struct vfifo_ring;

int vfifo_record_next(struct vfifo_ring *ring, u32 stored);
int vfifo_record_look(struct vfifo_ring *ring);
void vfifo_record_commit(struct vfifo_ring *ring, u32 length);
void vfifo_record_drop_new(struct vfifo_ring *ring, u32 length);
void vfifo_record_drop_many(struct vfifo_ring *ring, u64 records, u32 length);
void vfifo_record_drop_oldest(struct vfifo_ring *ring, u32 least, u32 stored);

#endif /* _VFIFO_RECORD_H */
