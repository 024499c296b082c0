// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps a rate on average over at most a tenth of a second, or exact times. */
#include <math.h>
#include <time.h>

#include "interrupt.h"
#include "pace.h"

/* Seconds whose bytes may move at once after a time without any. */
#define BURST 0.1
/* Seconds whose bytes are waited for, so that few calls move them. */
#define PIECE 0.02

double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void pace_begin(struct pace *p, uint64_t rate)
{
	*p = (struct pace){ .rate = rate, .at = now_seconds() };
}

/* At least 1, also for the slowest rate. */
static double bytes_in(const struct pace *p, double seconds)
{
	double bytes = (double)p->rate * seconds;

	return bytes < 1 ? 1 : bytes;
}

static void catch_up(struct pace *p)
{
	double now = now_seconds(), most = bytes_in(p, BURST);

	p->allowed += (now - p->at) * (double)p->rate;
	if (p->allowed > most)
		p->allowed = most;
	p->at = now;
}

static void sleep_for(double seconds)
{
	struct timespec t;

	if (seconds > TICK_MS / 1e3)
		seconds = TICK_MS / 1e3;
	t.tv_sec = 0;
	t.tv_nsec = (long)(seconds * 1e9);
	nanosleep(&t, NULL);
}

size_t pace_allows(struct pace *p, size_t most)
{
	double wanted;

	if (!p->rate)
		return most;
	wanted = bytes_in(p, PIECE);
	if (wanted > (double)most)
		wanted = (double)most;
	catch_up(p);
	if (p->allowed < wanted) {
		sleep_for((wanted - p->allowed) / (double)p->rate);
		return 0;
	}
	return p->allowed < (double)most ? (size_t)p->allowed : most;
}

void pace_moved(struct pace *p, size_t n)
{
	if (p->rate)
		p->allowed -= (double)n;
}

/* --- exact times ------------------------------------------------------------ */

uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The time is absolute, so that what is lost before the call and by it is not added up. */
bool sleep_until_ns(clockid_t clock, uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000) };

	return !clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL);
}

/* By Welford's method, which needs no second pass. */
void lateness_add(struct lateness *l, uint64_t ns)
{
	double difference = (double)ns - l->mean;

	l->n++;
	l->mean += difference / (double)l->n;
	l->squares += difference * ((double)ns - l->mean);
	if (ns > l->max)
		l->max = ns;
}

double lateness_deviation(const struct lateness *l)
{
	return l->n ? sqrt(l->squares / (double)l->n) : 0;
}
