// SPDX-License-Identifier: GPL-2.0
/*
 * generator.c - a producer inside the kernel, for mode 1
 *
 * The timer only queues the work, and the work arms nothing: so to stop is to
 * cancel the timer, which waits for its function, and then the work, which waits
 * for its. The work produces as anyone does, but never waits: what does not fit
 * is dropped, as a source of data has no way to stop its world.
 */
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "device.h"

static const char vfifo_text[] = "AUTO ";
static const u64 vfifo_period_ns = NSEC_PER_SEC;

/* Of our own: the system's are for short work that never sleeps for long. */
static struct workqueue_struct *vfifo_generators;

static void generator_work(struct work_struct *work)
{
	struct vfifo *vfifo = container_of(work, struct vfifo, generator.work);

	vfifo_ring_copy_in(&vfifo->ring, vfifo_text, sizeof(vfifo_text) - 1);
}

static enum hrtimer_restart generator_tick(struct hrtimer *timer)
{
	struct vfifo_generator *generator =
		container_of(timer, struct vfifo_generator, timer);

	queue_work(vfifo_generators, &generator->work);
	hrtimer_forward_now(timer, ns_to_ktime(vfifo_period_ns));
	return HRTIMER_RESTART;
}

static int generator_start(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;
	int err;

	lockdep_assert_held(&generator->lock);
	err = vfifo_ring_generate_begin(&vfifo->ring);
	if (err)
		return err;
	hrtimer_start(&generator->timer, ns_to_ktime(vfifo_period_ns),
		      HRTIMER_MODE_REL);
	return 0;
}

static void generator_stop(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;

	lockdep_assert_held(&generator->lock);
	hrtimer_cancel(&generator->timer);
	cancel_work_sync(&generator->work);
	vfifo_ring_generate_end(&vfifo->ring);
}

/**
 * vfifo_generator_set_mode() - start or stop it
 * @vfifo: whose
 * @mode: 0: nothing of it comes after the return; 1: first after a second
 *
 * Return: 0; -EINVAL: neither; -EBUSY: the producer side is claimed; -ENODEV.
 */
int vfifo_generator_set_mode(struct vfifo *vfifo, int mode)
{
	struct vfifo_generator *generator = &vfifo->generator;
	int err = 0;

	if (mode != 0 && mode != 1)
		return -EINVAL;
	mutex_lock(&generator->lock);
	if (mode && !generator->on)
		err = generator_start(vfifo);
	else if (!mode && generator->on)
		generator_stop(vfifo);
	if (!err)
		WRITE_ONCE(generator->on, mode);
	mutex_unlock(&generator->lock);
	return err;
}

int vfifo_generator_mode(struct vfifo *vfifo)
{
	return READ_ONCE(vfifo->generator.on);
}

void vfifo_generator_init(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;

	mutex_init(&generator->lock);
	INIT_WORK(&generator->work, generator_work);
	vfifo_hrtimer_setup(&generator->timer, generator_tick);
}

int vfifo_generators_init(void)
{
	vfifo_generators = alloc_workqueue("vfifo", WQ_UNBOUND, 0);
	return vfifo_generators ? 0 : -ENOMEM;
}

void vfifo_generators_exit(void)
{
	destroy_workqueue(vfifo_generators);
}
