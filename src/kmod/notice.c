// SPDX-License-Identifier: GPL-2.0
/*
 * notice.c - wake-ups of all waiters, at a bounded rate
 *
 * Some events wake all waiters of a device although no byte has moved: a side was claimed
 * or released, a file was closed, the mode was switched. A process needs no privilege to
 * cause them, so it could keep all waiters busy by a loop. A notice is such a wake-up. At
 * most VFIFO_NOTICES_MAX notices a second are given at once. The others are delayed by
 * 1/VFIFO_NOTICES_MAX of a second and merged into one. No notice is lost: a waiter that it
 * wakes sees what was stored before the call of vfifo_notice().
 *
 * (The kernel's own ratelimit also refuses while another caller holds its lock. That would
 * delay a notice for no reason.)
 */
#include <linux/jiffies.h>

#include "notice.h"

/* How many times a second a notice is given at once, and how many times a worker gives it. */
#define VFIFO_NOTICES_MAX 8

/* Not a system workqueue: since 7.2 the kernel warns when a module uses those. */
static struct workqueue_struct *vfifo_notices;

/* Counts the notice. Return: true: it may be given at once. */
static bool notice_take_turn(struct vfifo_notice *notice)
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
 * @give: the function that gives it, called by vfifo_notice() or by a worker,
 *	and by several tasks at once
 */
void vfifo_notice_init(struct vfifo_notice *notice, work_func_t give)
{
	spin_lock_init(&notice->lock);
	notice->since = get_jiffies_64();
	notice->given = 0;
	INIT_DELAYED_WORK(&notice->work, give);
}

/**
 * vfifo_notice() - give a notice, at once or within 1/VFIFO_NOTICES_MAX of a second
 * @notice: the notice
 *
 * Context: As @give of vfifo_notice_init() needs it.
 * Return: true: it was given at once; false: a worker will give it.
 */
bool vfifo_notice(struct vfifo_notice *notice)
{
	const bool at_once = notice_take_turn(notice);

	if (at_once)
		notice->work.work.func(&notice->work.work);
	else
		queue_delayed_work(vfifo_notices, &notice->work,
				   HZ / VFIFO_NOTICES_MAX);
	return at_once;
}

/**
 * vfifo_notice_cancel() - drop a notice that is not given yet
 * @notice: the notice, for which vfifo_notice() is not called any more
 *
 * Context: Process context. Waits for a worker that gives the notice.
 */
void vfifo_notice_cancel(struct vfifo_notice *notice)
{
	cancel_delayed_work_sync(&notice->work);
}

/**
 * vfifo_notices_init() - start the workers that give delayed notices
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM.
 */
int vfifo_notices_init(void)
{
	vfifo_notices = alloc_workqueue("vfifo-notices", WQ_UNBOUND, 0);
	return vfifo_notices ? 0 : -ENOMEM;
}

/**
 * vfifo_notices_exit() - stop the workers
 *
 * Context: Process context. May sleep.
 */
void vfifo_notices_exit(void)
{
	destroy_workqueue(vfifo_notices);
}
