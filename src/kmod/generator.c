// SPDX-License-Identifier: GPL-2.0
/*
 * generator.c - a producer inside the kernel, for mode 1
 *
 * The timer only queues the work, and the work arms nothing. So to stop the generator is to
 * cancel the timer, which waits for its function, and then the work, which waits for its
 * function. What the work reads changes only while both are stopped.
 *
 * When its count is complete, the generator stops by itself. The work cannot do that: to stop is
 * to wait for it, under a lock. So it only notes the end and queues another work, `finish`, which
 * takes the lock and stops the generator, unless a task has stopped or restarted it by then. No
 * work stays that is queued when a device goes: vfifo_generator_destroy() waits for `finish`.
 *
 * The clock tells how many bytes are due, not the number of timer ticks, so the rate is exact
 * on average however late the work runs. The generator produces as a write() does, but never
 * waits: bytes that do not fit are dropped, because a source of data cannot stop its world. The
 * pattern goes on, so a reader sees what is missing. If the framing is VFIFO_RECORDS, each burst is
 * a record, which is stored or dropped as a whole.
 */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "claim.h"
#include "compat.h"
#include "generator.h"
#include "notice.h"
#include "record.h"
#include "ring.h"
#include "wait.h"

/* Bytes to produce under one hold of the lock. */
#define VFIFO_PIECE_MAX (64U << 10)

#define VFIFO_PERIOD_US_MIN 50
#define VFIFO_PERIOD_US_MAX 3600000000U
#define VFIFO_BURST_MAX (1024 * 1024)

/* For a burst of 0, when the pattern is not a text to be produced once. */
#define VFIFO_BURST_DEFAULT 1024

/* Bursts until the generator stops by itself: more than there can be. */
#define VFIFO_ENDLESS U64_MAX

/* Not a system workqueue: those are for short work that never sleeps for long. */
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

/* Skips the next @n bytes of the pattern and counts them as dropped. */
static void generator_drop(struct vfifo_generator *generator, u32 n)
{
	vfifo_pattern_skip(&generator->pattern, n);
	atomic64_add(n, &generator->ring->dropped);
}

/* Bytes until a unit of the pattern ends; 0: none has begun. */
static u32 unit_rest(const struct vfifo_pattern *pattern)
{
	return pattern->at ? vfifo_pattern_unit(pattern) - pattern->at : 0;
}

/*
 * How many of the next @n bytes to store in @space bytes, so that the last unit is whole, at
 * once or when the bytes that follow have come.
 */
static u32 whole_units(const struct vfifo_pattern *pattern, u32 n, u32 space)
{
	const u32 first = unit_rest(pattern);

	if (space < first)
		return 0;
	return min(n, space - (space - first) % vfifo_pattern_unit(pattern));
}

/* The next @n bytes, rounded up to the end of the last unit. */
static u32 with_whole_units(const struct vfifo_pattern *pattern, u32 n)
{
	return roundup(pattern->at + n, vfifo_pattern_unit(pattern)) -
	       pattern->at;
}

/*
 * Takes the next @n bytes of the pattern, at most half of the capacity. Stores those that fit,
 * up to the end of a unit, and drops the others. The next piece continues a unit that @n ends
 * inside. After a drop, the rest of that unit (or of @n) is dropped too, so a drop leaves no
 * partial unit, unless a write(2) took the space meanwhile. (In overwrite mode the oldest
 * stored unit may lose its first bytes.)
 *
 * Return: true if any byte was stored. Sets @made_room if old bytes were dropped for that.
 */
static bool produce_piece(struct vfifo_generator *generator, u32 n,
			  bool *made_room)
{
	struct vfifo_pattern *pattern = &generator->pattern;
	struct vfifo_ring *ring = generator->ring;
	u32 rest = generator->dropping ? min(unit_rest(pattern), n) : 0;
	int space;
	u32 fit;

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	generator_drop(generator, rest);
	n -= rest;
	if (READ_ONCE(ring->overflow) == VFIFO_OVERWRITE)
		*made_room = vfifo_ring_make_room(ring,
						  with_whole_units(pattern, n),
						  false) > 0;
	space = vfifo_side_available(ring, VFIFO_PRODUCER);
	fit = whole_units(pattern, n, max(space, 0));
	if (fit) {
		vfifo_pattern_fill(pattern, vfifo_side_at(ring, VFIFO_PRODUCER),
				   fit);
		vfifo_side_commit(ring, VFIFO_PRODUCER, fit);
	}
	generator_drop(generator, n - fit);
	generator->dropping = fit < n || (generator->dropping && !n);
	return fit;
}

/* Stores the next @n bytes of the pattern at @to, or skips them if that is NULL. */
static void take_pattern(struct vfifo_pattern *pattern, void *to, u32 n)
{
	while (n) {
		const u32 piece = min(n, VFIFO_PIECE_MAX);

		if (to) {
			vfifo_pattern_fill(pattern, to, piece);
			to += piece;
		} else {
			vfifo_pattern_skip(pattern, piece);
		}
		n -= piece;
		cond_resched();
	}
}

/*
 * Stores a record of the next @n bytes of the pattern; or drops it, if it does not fit or is longer
 * than a record can be. The pattern is still before a dropped one.
 *
 * Return: true if it was stored. Sets @made_room if old records were dropped for that.
 */
static bool produce_record(struct vfifo_generator *generator, u32 n,
			   bool *made_room)
{
	struct vfifo_ring *ring = generator->ring;
	const bool possible = n <= vfifo_record_max(ring->buffer.capacity);
	const u32 space = vfifo_record_space(n);

	lockdep_assert_held(&vfifo_side(ring, VFIFO_PRODUCER)->lock);
	if (possible && READ_ONCE(ring->overflow) == VFIFO_OVERWRITE)
		*made_room = vfifo_ring_make_room(ring, space, false) > 0;
	if (!possible ||
	    vfifo_side_available(ring, VFIFO_PRODUCER) < (int)space) {
		vfifo_record_drop_new(ring, n);
		return false;
	}
	take_pattern(&generator->pattern,
		     vfifo_side_at(ring, VFIFO_PRODUCER) +
			     sizeof(struct vfifo_record),
		     n);
	vfifo_record_commit(ring, n);
	return true;
}

/* The bytes up to the end of the present burst, if @n are left of some bursts. */
static u32 burst_rest(const struct vfifo_generator *generator, u64 n)
{
	const u32 burst = burst_bytes(generator);
	u32 rest;

	div_u64_rem(n, burst, &rest);
	return rest ?: burst;
}

/*
 * Produces some of the next @n bytes, under one hold of the lock. The framing can change between
 * two holds: then a burst of bytes ends in a record.
 *
 * Return: how many were produced or dropped.
 */
static u32 produce_some(struct vfifo_generator *generator, u64 n)
{
	struct vfifo_ring *ring = generator->ring;
	bool record, produced, made_room = false;
	u32 piece;

	vfifo_side_lock(ring, VFIFO_PRODUCER);
	record = ring->framing == VFIFO_RECORDS;
	if (record) {
		piece = burst_rest(generator, n);
		produced = produce_record(generator, piece, &made_room);
	} else {
		/* Half of the capacity, so that overwrite never drops its own bytes. */
		piece = min3(n, (u64)VFIFO_PIECE_MAX,
			     (u64)ring->buffer.capacity / 2);
		produced = produce_piece(generator, piece, &made_room);
	}
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
	if (made_room)
		vfifo_ring_wake(ring, VFIFO_CONSUMER);
	if (produced)
		vfifo_ring_wake(ring, VFIFO_PRODUCER);
	if (record && !produced)
		take_pattern(&generator->pattern, NULL, piece);
	return piece;
}

/* Return: how many of the @n bytes were not produced, because the generator is to stop. */
static u64 generator_produce(struct vfifo_generator *generator, u64 n)
{
	while (n && !READ_ONCE(generator->stopping)) {
		n -= produce_some(generator, n);
		cond_resched();
	}
	return n;
}

/* Drops bursts, and the pattern does not go through them. */
static void give_up(struct vfifo_generator *generator, u64 bursts)
{
	struct vfifo_ring *ring = generator->ring;
	const u32 burst = burst_bytes(generator);

	vfifo_side_lock(ring, VFIFO_PRODUCER);
	if (ring->framing == VFIFO_RECORDS)
		vfifo_record_drop_many(ring, bursts, burst);
	else
		atomic64_add(bursts * burst, &ring->dropped);
	vfifo_side_unlock(ring, VFIFO_PRODUCER);
	generator->left -= bursts;
}

/*
 * The number of bursts that are due. Up to a second's worth is made up for. Older bursts would
 * be more than this machine can produce: they are counted as dropped, and the pattern does
 * not go through them.
 */
static u64 take_due(struct vfifo_generator *generator)
{
	const u64 period_ns = ktime_to_ns(period(generator));
	const u64 passed = ktime_get_ns() - generator->began_ns;
	const u64 most = max_t(u64, div64_u64(NSEC_PER_SEC, period_ns), 1);
	const u64 ticks = div64_u64(passed, period_ns);
	u64 due = ticks - generator->ticks;

	generator->ticks = ticks;
	due = min(due, generator->left);
	if (due > most) {
		give_up(generator, due - most);
		due = most;
	}
	return due;
}

static void generator_work(struct work_struct *work)
{
	struct vfifo_generator *generator =
		container_of(work, struct vfifo_generator, work);
	const u32 burst = burst_bytes(generator);
	const u64 n = take_due(generator) * burst;
	const u64 taken = n - generator_produce(generator, n);

	/* The burst that a stop has cut counts, too: its rest never comes. */
	generator->left -= DIV_ROUND_UP_ULL(taken, burst);
	if (!generator->left) {
		WRITE_ONCE(generator->ended, true);
		queue_work(vfifo_generators, &generator->finish);
	}
}

static enum hrtimer_restart generator_tick(struct hrtimer *timer)
{
	struct vfifo_generator *generator =
		container_of(timer, struct vfifo_generator, timer);

	queue_work(vfifo_generators, &generator->work);
	hrtimer_forward_now(timer, period(generator));
	return HRTIMER_RESTART;
}

/* From now on a burst comes each period; @at_once: the first one now. */
static void generator_go(struct vfifo_generator *generator, bool at_once)
{
	lockdep_assert_held(&generator->lock);
	generator->began_ns = ktime_get_ns();
	generator->ticks = 0;
	WRITE_ONCE(generator->stopping, false);
	if (at_once) {
		generator->began_ns -= ktime_to_ns(period(generator));
		queue_work(vfifo_generators, &generator->work);
	}
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

/* It stops by itself after so many bursts. */
static void generator_count_down(struct vfifo_generator *generator, u64 bursts)
{
	generator->left = bursts;
	WRITE_ONCE(generator->ended, false);
}

static int generator_start(struct vfifo_generator *generator, u64 bursts,
			   bool at_once)
{
	int err;

	lockdep_assert_held(&generator->lock);
	err = vfifo_claim_reserve(generator->ring);
	if (err)
		return err;
	vfifo_ring_changed(generator->ring);
	generator_rewind(generator);
	generator_count_down(generator, bursts);
	generator_go(generator, at_once);
	WRITE_ONCE(generator->on, true);
	return 0;
}

static void generator_stop(struct vfifo_generator *generator)
{
	lockdep_assert_held(&generator->lock);
	generator_halt(generator);
	WRITE_ONCE(generator->ended, false);
	WRITE_ONCE(generator->on, false);
	vfifo_claim_unreserve(generator->ring);
	vfifo_ring_changed(generator->ring);
}

/* Stops a generator whose count is complete, unless a task was faster. */
static void generator_finish(struct work_struct *work)
{
	struct vfifo_generator *generator =
		container_of(work, struct vfifo_generator, finish);
	bool ended;

	mutex_lock(&generator->lock);
	ended = READ_ONCE(generator->ended);
	if (ended)
		generator_stop(generator);
	mutex_unlock(&generator->lock);
	if (ended)
		vfifo_notice(generator->mode_notice);
}

/**
 * vfifo_generator_set_mode() - start or stop the generator
 * @generator: the generator
 * @mode: 0: it produces nothing after the return; 1: it produces first after one period, and
 *	stops by itself when its count is complete
 *
 * Context: Process context. May sleep. Takes generator->lock and the producer side's lock.
 * Return: 1: changed; 0: unchanged; -EINVAL: @mode is neither; -EBUSY: the producer side is
 * claimed; -ENODEV: the device was removed.
 */
int vfifo_generator_set_mode(struct vfifo_generator *generator, int mode)
{
	bool changes;
	int err = 0;

	if (mode != 0 && mode != 1)
		return -EINVAL;
	mutex_lock(&generator->lock);
	changes = mode != generator->on;
	if (changes && mode)
		err = generator_start(generator,
				      generator->count ?: VFIFO_ENDLESS, false);
	else if (changes)
		generator_stop(generator);
	mutex_unlock(&generator->lock);
	return err ?: changes;
}

/**
 * vfifo_generator_trigger() - start a count, or one burst if there is no count
 * @generator: the generator, which stops by itself
 *
 * The first burst comes at once, without a period before it.
 *
 * Context: Process context. May sleep. Takes generator->lock and the producer side's lock.
 * Return: 0; -EBUSY: the generator is on, or the producer side is claimed; -ENODEV: the device was
 * removed.
 */
int vfifo_generator_trigger(struct vfifo_generator *generator)
{
	int err = -EBUSY;

	mutex_lock(&generator->lock);
	if (!generator->on)
		err = generator_start(generator, generator->count ?: 1, true);
	mutex_unlock(&generator->lock);
	return err;
}

/* The settings change while timer and work are stopped, if the generator is on. */
static void settings_begin(struct vfifo_generator *generator)
{
	mutex_lock(&generator->lock);
	if (generator->on)
		generator_halt(generator);
}

static void settings_end(struct vfifo_generator *generator)
{
	if (generator->on)
		generator_go(generator, false);
	mutex_unlock(&generator->lock);
}

/**
 * vfifo_generator_set_pattern() - choose the pattern, which starts from its beginning
 * @generator: the generator
 * @kind: the pattern
 *
 * Context: Process context. May sleep. Takes generator->lock.
 */
void vfifo_generator_set_pattern(struct vfifo_generator *generator,
				 enum vfifo_pattern_kind kind)
{
	settings_begin(generator);
	WRITE_ONCE(generator->pattern.kind, kind);
	generator_rewind(generator);
	settings_end(generator);
}

/**
 * vfifo_generator_set_text() - set the text of the pattern of that name
 * @generator: the generator, whose pattern starts from its beginning
 * @text: any bytes
 * @n: their number
 *
 * Context: Process context. May sleep. Takes generator->lock.
 * Return: 0; -EINVAL: @n is 0, or more than VFIFO_TEXT_MAX.
 */
int vfifo_generator_set_text(struct vfifo_generator *generator,
			     const char *text, size_t n)
{
	if (!n || n > VFIFO_TEXT_MAX)
		return -EINVAL;
	settings_begin(generator);
	memcpy(generator->pattern.text, text, n);
	generator->pattern.length = n;
	generator_rewind(generator);
	settings_end(generator);
	return 0;
}

/**
 * vfifo_generator_text() - copy the text
 * @generator: the generator
 * @text: VFIFO_TEXT_MAX bytes, which get the copy
 *
 * Context: Process context. May sleep. Takes generator->lock.
 * Return: the length of the text in bytes.
 */
size_t vfifo_generator_text(struct vfifo_generator *generator, char *text)
{
	size_t n;

	mutex_lock(&generator->lock);
	n = generator->pattern.length;
	memcpy(text, generator->pattern.text, n);
	mutex_unlock(&generator->lock);
	return n;
}

/**
 * vfifo_generator_set_period_us() - set the time between two bursts
 * @generator: the generator
 * @period_us: microseconds
 *
 * Context: Process context. May sleep. Takes generator->lock.
 * Return: 0; -EINVAL: less than 50 us, or more than an hour.
 */
int vfifo_generator_set_period_us(struct vfifo_generator *generator,
				  u64 period_us)
{
	if (period_us < VFIFO_PERIOD_US_MIN || period_us > VFIFO_PERIOD_US_MAX)
		return -EINVAL;
	settings_begin(generator);
	WRITE_ONCE(generator->period_us, period_us);
	settings_end(generator);
	return 0;
}

/**
 * vfifo_generator_set_burst() - set the number of bytes in each period
 * @generator: the generator
 * @burst: bytes; 0: one text, or 1,024 bytes of another pattern
 *
 * Context: Process context. May sleep. Takes generator->lock.
 * Return: 0; -EINVAL: more than a MiB.
 */
int vfifo_generator_set_burst(struct vfifo_generator *generator, u64 burst)
{
	if (burst > VFIFO_BURST_MAX)
		return -EINVAL;
	settings_begin(generator);
	WRITE_ONCE(generator->burst, burst);
	settings_end(generator);
	return 0;
}

/**
 * vfifo_generator_set_count() - set the number of bursts after which the generator stops
 * @generator: the generator; if it is on, it counts from now on
 * @count: bursts; 0: it does not stop by itself
 *
 * Context: Process context. May sleep. Takes generator->lock.
 */
void vfifo_generator_set_count(struct vfifo_generator *generator, u32 count)
{
	settings_begin(generator);
	WRITE_ONCE(generator->count, count);
	generator_count_down(generator, count ?: VFIFO_ENDLESS);
	settings_end(generator);
}

/**
 * vfifo_generator_init() - prepare a generator, which is off
 * @generator: zeroed memory
 * @ring: where to produce into
 * @mode_notice: is given when the generator has stopped by itself
 *
 * The last two must outlive the generator.
 */
void vfifo_generator_init(struct vfifo_generator *generator,
			  struct vfifo_ring *ring,
			  struct vfifo_notice *mode_notice)
{
	static const char text[] = "AUTO ";

	generator->ring = ring;
	generator->mode_notice = mode_notice;
	mutex_init(&generator->lock);
	generator->period_us = USEC_PER_SEC;
	generator->pattern.kind = VFIFO_PATTERN_TEXT;
	generator->pattern.length = sizeof(text) - 1;
	memcpy(generator->pattern.text, text, sizeof(text) - 1);
	INIT_WORK(&generator->work, generator_work);
	INIT_WORK(&generator->finish, generator_finish);
	vfifo_hrtimer_setup(&generator->timer, generator_tick, CLOCK_MONOTONIC,
			    HRTIMER_MODE_REL);
}

/**
 * vfifo_generator_destroy() - undo vfifo_generator_init()
 * @generator: the generator, which is off for good
 *
 * Context: Process context. May sleep.
 */
void vfifo_generator_destroy(struct vfifo_generator *generator)
{
	cancel_work_sync(&generator->finish);
	mutex_destroy(&generator->lock);
}

/**
 * vfifo_generators_init() - start the workers of all generators
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM.
 */
int vfifo_generators_init(void)
{
	vfifo_generators = alloc_workqueue("vfifo", WQ_UNBOUND, 0);
	return vfifo_generators ? 0 : -ENOMEM;
}

/**
 * vfifo_generators_exit() - stop the workers
 *
 * Context: Process context. May sleep.
 */
void vfifo_generators_exit(void)
{
	destroy_workqueue(vfifo_generators);
}
