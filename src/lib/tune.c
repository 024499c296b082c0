// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding out what is fastest: an end cannot know how far away the other one is, nor how fast, so
 * it tries a neighbouring level now and then, and keeps it if the rate of bytes is better. What
 * fails is tried less and less often.
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

/* A higher level has to gain an eighth; the lower one of two that are alike is better. */
static bool is_better(const struct vfifo_tune *t, uint64_t rate)
{
	return t->now > t->level ? rate > t->rate + t->rate / 8 :
				   rate >= t->rate - t->rate / 16;
}

/* The direction changes after each trial that failed, unless there is only one. */
static void try_neighbour(struct vfifo_tune *t)
{
	if (t->level == 0)
		t->up = true;
	else if (t->level == t->max)
		t->up = false;
	t->now = t->up ? t->level + 1 : t->level - 1;
}

static void end_trial(struct vfifo_tune *t, uint64_t rate)
{
	if (is_better(t, rate)) {
		t->level = t->now;
		t->rate = rate;
		t->patience = PATIENCE_MIN;
		t->left = 1;
		return;
	}
	t->now = t->level;
	t->up = !t->up;
	if (t->patience < PATIENCE_MAX)
		t->patience *= 2;
	t->left = t->patience;
}

vfifo_hidden void vfifo_tune_epoch(struct vfifo_tune *t, uint64_t now)
{
	uint64_t took = now - t->began;
	uint64_t rate = took ? t->bytes * 1000000 / took : 0;

	if (t->began && t->now != t->level) {
		end_trial(t, rate);
	} else if (t->began) {
		t->rate = rate;
		if (!--t->left)
			try_neighbour(t);
	}
	t->began = now;
	t->bytes = 0;
}
