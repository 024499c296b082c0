// SPDX-License-Identifier: GPL-2.0
/*
 * generator.c - a producer inside the kernel, for mode 1
 *
 * The timer only queues the work, and the work arms nothing: so to stop is to
 * cancel the timer, which waits for its function, and then the work, which waits
 * for its. What the work needs changes only while it is stopped.
 *
 * How much is due the clock says, not how often the timer ran, so the rate is right
 * on average however late the work comes. It produces as anyone does, but never
 * waits: what does not fit is dropped, as a source of data has no way to stop its
 * world, and the pattern goes on, so that who reads can see what is missing.
 */
#include <linux/ktime.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "device.h"

/* Bytes to produce under the lock in one go. */
#define VFIFO_PIECE_MAX (64U << 10)

#define VFIFO_PERIOD_US_MIN 50
#define VFIFO_PERIOD_US_MAX 3600000000U
#define VFIFO_BURST_MAX (1024 * 1024)

/* For a burst of 0, where there is no text to be done once. */
#define VFIFO_BURST_DEFAULT 1024

/* Of our own: the system's are for short work that never sleeps for long. */
static struct workqueue_struct *vfifo_generators;

static u32 burst_bytes(const struct vfifo_generator *generator)
{
	if (generator->burst)
		return generator->burst;
	return generator->pattern.kind == VFIFO_PATTERN_TEXT ?
		       generator->pattern.length :
		       VFIFO_BURST_DEFAULT;
}

static ktime_t period(const struct vfifo_generator *generator)
{
	return ns_to_ktime((u64)generator->period_us * NSEC_PER_USEC);
}

/* As if they had been produced. */
static void generator_drop(struct vfifo *vfifo, u32 n)
{
	vfifo_pattern_skip(&vfifo->generator.pattern, n);
	vfifo_ring_dropped(&vfifo->ring, n);
}

/* Bytes until a unit of the pattern ends; 0: none has begun. */
static u32 unit_rest(const struct vfifo_pattern *pattern)
{
	return pattern->at ? vfifo_pattern_unit(pattern) - pattern->at : 0;
}

/*
 * How many of the next @n bytes to store in @space, so that the last unit is whole, now
 * or once what is to follow has come.
 */
static u32 whole_units(const struct vfifo_pattern *pattern, u32 n, u32 space)
{
	const u32 first = unit_rest(pattern);

	if (space < first)
		return 0;
	return min(n, space - (space - first) % vfifo_pattern_unit(pattern));
}

/* The next @n bytes, and the rest of the last unit. */
static u32 with_whole_units(const struct vfifo_pattern *pattern, u32 n)
{
	return roundup(pattern->at + n, vfifo_pattern_unit(pattern)) -
	       pattern->at;
}

/*
 * The next @n bytes, at most half of the capacity. Where some were dropped, so is all up
 * to the end of the unit, and of the @n. Return: whether any was not.
 */
static bool generator_piece(struct vfifo *vfifo, u32 n)
{
	struct vfifo_generator *generator = &vfifo->generator;
	struct vfifo_pattern *pattern = &generator->pattern;
	struct vfifo_ring *ring = &vfifo->ring;
	u32 rest = generator->dropping ? min(unit_rest(pattern), n) : 0;
	int space;
	u32 fit;

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	generator_drop(vfifo, rest);
	n -= rest;
	if (READ_ONCE(ring->overflow) == VFIFO_OVERWRITE)
		vfifo_ring_make_room(ring, with_whole_units(pattern, n), false);
	space = vfifo_ring_available(ring, VFIFO_PRODUCER);
	fit = whole_units(pattern, n, max(space, 0));
	if (fit) {
		vfifo_pattern_fill(pattern, vfifo_ring_at(ring, VFIFO_PRODUCER),
				   fit);
		vfifo_ring_commit(ring, VFIFO_PRODUCER, fit);
	}
	generator_drop(vfifo, n - fit);
	generator->dropping = fit < n || (generator->dropping && !n);
	return fit;
}

static void generator_produce(struct vfifo *vfifo, u64 n)
{
	struct vfifo_side *side = vfifo_side(&vfifo->ring, VFIFO_PRODUCER);

	while (n && !READ_ONCE(vfifo->generator.stopping)) {
		bool produced;
		u32 piece;

		mutex_lock(&side->lock);
		/* Of the capacity, so that the newest can make room for themselves. */
		piece = min3(n, (u64)VFIFO_PIECE_MAX,
			     (u64)vfifo_ring_capacity(&vfifo->ring) / 2);
		produced = generator_piece(vfifo, piece);
		mutex_unlock(&side->lock);
		if (produced)
			vfifo_ring_wake(&vfifo->ring, VFIFO_PRODUCER);
		n -= piece;
		cond_resched();
	}
}

/*
 * Of what is due by now, a second's worth is made up for. What is older would be more
 * than this machine can do, and is lost time: counted, but not gone through.
 */
static u64 generator_due(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;
	const u64 period_ns = ktime_to_ns(period(generator));
	const u64 passed = ktime_get_ns() - generator->began_ns;
	const u64 most = max_t(u64, div64_u64(NSEC_PER_SEC, period_ns), 1);
	const u64 ticks = div64_u64(passed, period_ns);
	u64 due = ticks - generator->ticks;

	generator->ticks = ticks;
	if (due > most) {
		vfifo_ring_dropped(&vfifo->ring,
				   (due - most) * burst_bytes(generator));
		due = most;
	}
	return due * burst_bytes(generator);
}

static void generator_work(struct work_struct *work)
{
	struct vfifo *vfifo = container_of(work, struct vfifo, generator.work);

	generator_produce(vfifo, generator_due(vfifo));
}

static enum hrtimer_restart generator_tick(struct hrtimer *timer)
{
	struct vfifo_generator *generator =
		container_of(timer, struct vfifo_generator, timer);

	queue_work(vfifo_generators, &generator->work);
	hrtimer_forward_now(timer, period(generator));
	return HRTIMER_RESTART;
}

static void generator_go(struct vfifo_generator *generator)
{
	lockdep_assert_held(&generator->lock);
	generator->began_ns = ktime_get_ns();
	generator->ticks = 0;
	WRITE_ONCE(generator->stopping, false);
	hrtimer_start(&generator->timer, period(generator), HRTIMER_MODE_REL);
}

static void generator_halt(struct vfifo_generator *generator)
{
	lockdep_assert_held(&generator->lock);
	WRITE_ONCE(generator->stopping, true);
	hrtimer_cancel(&generator->timer);
	cancel_work_sync(&generator->work);
}

static void generator_rewind(struct vfifo_generator *generator)
{
	vfifo_pattern_rewind(&generator->pattern);
	generator->dropping = false;
}

static int generator_start(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;
	int err;

	lockdep_assert_held(&generator->lock);
	err = vfifo_ring_generate_begin(&vfifo->ring);
	if (err)
		return err;
	generator_rewind(generator);
	generator_go(generator);
	WRITE_ONCE(generator->on, true);
	return 0;
}

static void generator_stop(struct vfifo *vfifo)
{
	struct vfifo_generator *generator = &vfifo->generator;

	lockdep_assert_held(&generator->lock);
	generator_halt(generator);
	WRITE_ONCE(generator->on, false);
	vfifo_ring_generate_end(&vfifo->ring);
}

/**
 * vfifo_generator_set_mode() - start or stop it
 * @vfifo: whose
 * @mode: 0: nothing of it comes after the return; 1: first after a period
 *
 * Return: 1: done; 0: so it was; -EINVAL: neither; -EBUSY: the producer side is claimed;
 * -ENODEV.
 */
int vfifo_generator_set_mode(struct vfifo *vfifo, int mode)
{
	struct vfifo_generator *generator = &vfifo->generator;
	bool changes;
	int err = 0;

	if (mode != 0 && mode != 1)
		return -EINVAL;
	mutex_lock(&generator->lock);
	changes = mode != generator->on;
	if (changes && mode)
		err = generator_start(vfifo);
	else if (changes)
		generator_stop(vfifo);
	mutex_unlock(&generator->lock);
	return err ?: changes;
}

int vfifo_generator_mode(struct vfifo *vfifo)
{
	return READ_ONCE(vfifo->generator.on);
}

/* What it goes by is set while it stands still, if it was going. */
static void settings_begin(struct vfifo_generator *generator)
{
	mutex_lock(&generator->lock);
	if (generator->on)
		generator_halt(generator);
}

static void settings_end(struct vfifo_generator *generator)
{
	if (generator->on)
		generator_go(generator);
	mutex_unlock(&generator->lock);
}

/* The pattern begins anew. */
void vfifo_generator_set_pattern(struct vfifo *vfifo,
				 enum vfifo_pattern_kind kind)
{
	struct vfifo_generator *generator = &vfifo->generator;

	settings_begin(generator);
	WRITE_ONCE(generator->pattern.kind, kind);
	generator_rewind(generator);
	settings_end(generator);
}

enum vfifo_pattern_kind vfifo_generator_pattern(struct vfifo *vfifo)
{
	return READ_ONCE(vfifo->generator.pattern.kind);
}

/* Return: 0; -EINVAL: empty, or longer than VFIFO_TEXT_MAX. */
int vfifo_generator_set_text(struct vfifo *vfifo, const char *text, size_t n)
{
	struct vfifo_generator *generator = &vfifo->generator;

	if (!n || n > VFIFO_TEXT_MAX)
		return -EINVAL;
	settings_begin(generator);
	memcpy(generator->pattern.text, text, n);
	generator->pattern.length = n;
	generator_rewind(generator);
	settings_end(generator);
	return 0;
}

/* Return: how many bytes it has, of which @text, of VFIFO_TEXT_MAX, then has a copy. */
size_t vfifo_generator_text(struct vfifo *vfifo, char *text)
{
	struct vfifo_generator *generator = &vfifo->generator;
	size_t n;

	mutex_lock(&generator->lock);
	n = generator->pattern.length;
	memcpy(text, generator->pattern.text, n);
	mutex_unlock(&generator->lock);
	return n;
}

/* Return: 0; -EINVAL: too short or too long. */
int vfifo_generator_set_period_us(struct vfifo *vfifo, u64 period_us)
{
	struct vfifo_generator *generator = &vfifo->generator;

	if (period_us < VFIFO_PERIOD_US_MIN || period_us > VFIFO_PERIOD_US_MAX)
		return -EINVAL;
	settings_begin(generator);
	WRITE_ONCE(generator->period_us, period_us);
	settings_end(generator);
	return 0;
}

u32 vfifo_generator_period_us(struct vfifo *vfifo)
{
	return READ_ONCE(vfifo->generator.period_us);
}

/* Return: 0; -EINVAL: too much. */
int vfifo_generator_set_burst(struct vfifo *vfifo, u64 burst)
{
	struct vfifo_generator *generator = &vfifo->generator;

	if (burst > VFIFO_BURST_MAX)
		return -EINVAL;
	settings_begin(generator);
	WRITE_ONCE(generator->burst, burst);
	settings_end(generator);
	return 0;
}

u32 vfifo_generator_burst(struct vfifo *vfifo)
{
	return READ_ONCE(vfifo->generator.burst);
}

void vfifo_generator_init(struct vfifo *vfifo)
{
	static const char text[] = "AUTO ";
	struct vfifo_generator *generator = &vfifo->generator;

	mutex_init(&generator->lock);
	generator->period_us = USEC_PER_SEC;
	generator->pattern.kind = VFIFO_PATTERN_TEXT;
	generator->pattern.length = sizeof(text) - 1;
	memcpy(generator->pattern.text, text, sizeof(text) - 1);
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
