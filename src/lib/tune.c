// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finds out which level is fastest. An end cannot know how far away the other one is, nor how fast
 * it is. So it tries another level from time to time, and keeps it if the rate of bytes is higher.
 * While no trial succeeds, trials become rare.
 */
#include "internal.h"

#define PATIENCE_MIN 4
#define PATIENCE_MAX 256

vfifo_hidden void vfifo_tune_begin(struct vfifo_tune *t, unsigned int max)
{
	*t = (struct vfifo_tune){ .max = max,
				  .left = PATIENCE_MIN,
				  .patience = PATIENCE_MIN };
}

/* A higher level has to gain an eighth. A lower one may lose a sixteenth. */
static bool is_better(const struct vfifo_tune *t, uint64_t rate)
{
	return t->now > t->level ? rate > t->rate + t->rate / 8 :
				   rate >= t->rate - t->rate / 16;
}

/* Tries all other levels in turn: the next one may gain nothing where a further one does. */
static void begin_trial(struct vfifo_tune *t)
{
	t->next = t->next < t->max ? t->next + 1 : 0;
	if (t->next == t->level)
		t->next = t->next < t->max ? t->next + 1 : 0;
	t->now = t->next;
}

static void end_trial(struct vfifo_tune *t, uint64_t rate)
{
	if (is_better(t, rate)) {
		t->level = t->now;
		t->rate = rate;
		t->patience = PATIENCE_MIN;
	} else if (t->patience < PATIENCE_MAX) {
		t->patience *= 2;
	}
	t->now = t->level;
	t->left = t->patience;
}

static uint64_t rate_until(const struct vfifo_tune *t, uint64_t now)
{
	uint64_t took = now - t->began;

	return took ? t->bytes * 1000000 / took : 0;
}

vfifo_hidden void vfifo_tune_epoch(struct vfifo_tune *t, uint64_t now)
{
	uint64_t rate = rate_until(t, now);

	if (t->began && t->now != t->level) {
		end_trial(t, rate);
	} else if (t->began) {
		/* Most likely it was interrupted. If epochs stay so slow, the rate follows soon. */
		t->rate = rate < t->rate / 8 ? t->rate / 2 : rate;
		if (!--t->left)
			begin_trial(t);
	}
	t->began = now;
	t->bytes = t->work = 0;
}

vfifo_hidden void vfifo_tune_work(struct vfifo_tune *t, uint64_t bytes,
				  uint64_t work, uint64_t enough)
{
	bool trial = t->now != t->level;
	uint64_t now;

	t->bytes += bytes;
	t->work += work;
	if (t->work < (trial ? enough / 8 : enough))
		return;
	now = vfifo_now();
	if (t->work >= enough || rate_until(t, now) < t->rate / 2)
		vfifo_tune_epoch(t, now);
}
