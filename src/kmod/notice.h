/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notice.h - wake-ups of all waiters, at a bounded rate
 */
#ifndef _VFIFO_NOTICE_H
#define _VFIFO_NOTICE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct vfifo_notice {
	spinlock_t lock;    /* the next two */
	u64 since;	    /* jiffies: when the present second began */
	unsigned int given; /* in that second */
	struct delayed_work work;
};

void vfifo_notice_init(struct vfifo_notice *notice, work_func_t give);
bool vfifo_notice(struct vfifo_notice *notice);
void vfifo_notice_cancel(struct vfifo_notice *notice);
int vfifo_notices_init(void);
void vfifo_notices_exit(void);

#endif /* _VFIFO_NOTICE_H */
