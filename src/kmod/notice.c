// SPDX-License-Identifier: GPL-2.0
/*
 * notice.c - notices to everybody that anybody can cause, at a bounded rate
 *
 * Some wake-ups go to all waiters of a device although no byte has moved: a side was
 * claimed or released, a file was closed, the mode was switched. They need no
 * privilege, so a loop could keep all the waiters busy. At most VFIFO_NOTICES_MAX of
 * them a second are given at once. The others are put off by 1/VFIFO_NOTICES_MAX of a
 * second and become one. None is lost: what was stored before vfifo_notice() is seen
 * by those who are told after it.
 *
 * (The kernel's own ratelimit also refuses while another caller has its lock, which
 * would delay a notice for no reason.)
 */
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "ring.h"

/* A second, and for each of the notices. */
#define VFIFO_NOTICES_MAX 8

/* A queue of our own: the system's warn of use by modules since 7.2. */
static struct workqueue_struct *vfifo_notices;

static bool notice_due(struct vfifo_notice *notice)
{
	const u64 now = get_jiffies_64();
	bool due;

	spin_lock(&notice->lock);
	if (now - notice->since >= HZ) {
		notice->since = now;
		notice->given = 0;
	}
	due = notice->given < VFIFO_NOTICES_MAX;
	notice->given += due;
	spin_unlock(&notice->lock);
	return due;
}

/**
 * vfifo_notice_init() - prepare a notice
 * @notice: the notice
 * @give: gives it; runs in the context of the caller of vfifo_notice(), or as work
 */
void vfifo_notice_init(struct vfifo_notice *notice, work_func_t give)
{
	spin_lock_init(&notice->lock);
	notice->since = get_jiffies_64();
	notice->given = 0;
	INIT_DELAYED_WORK(&notice->work, give);
}

/**
 * vfifo_notice() - give a notice, now or a little later
 * @notice: the notice
 *
 * The caller may sleep.
 */
void vfifo_notice(struct vfifo_notice *notice)
{
	if (notice_due(notice))
		notice->work.work.func(&notice->work.work);
	else
		vfifo_notice_later(notice);
}

/* Gives a notice a little later in any case. The caller need not be able to sleep. */
void vfifo_notice_later(struct vfifo_notice *notice)
{
	queue_delayed_work(vfifo_notices, &notice->work,
			   HZ / VFIFO_NOTICES_MAX);
}

/* No notice is given after the return. Nobody may call vfifo_notice() any more. */
void vfifo_notice_cancel(struct vfifo_notice *notice)
{
	cancel_delayed_work_sync(&notice->work);
}

/* Return: 0 or -ENOMEM. */
int vfifo_notices_init(void)
{
	vfifo_notices = alloc_workqueue("vfifo-notices", WQ_UNBOUND, 0);
	return vfifo_notices ? 0 : -ENOMEM;
}

void vfifo_notices_exit(void)
{
	destroy_workqueue(vfifo_notices);
}
