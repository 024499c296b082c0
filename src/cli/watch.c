// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices over time. They may be added and removed meanwhile. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pace.h"
#include "watch.h"

/* A counter that went back was reset: no rate is known then. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now < before || seconds <= 0 ? 0 :
					      (double)(now - before) / seconds;
}

double reading_fill(const struct reading *r)
{
	return r->capacity ? (double)r->size / (double)r->capacity : 0;
}

/* 0 if the running module does not have the attribute. */
static uint64_t number(const struct device *d, const char *name)
{
	uint64_t value = 0;

	attribute_number(d, name, &value);
	return value;
}

/* Without stats: a change of `size` shows that at least that many bytes went in or out. */
static void derive(struct reading *now, const struct reading *before)
{
	now->in = before->in;
	now->out = before->out;
	if (now->size > before->size)
		now->in += now->size - before->size;
	else
		now->out += before->size - now->size;
}

/* false: the device is gone. */
static bool read_counters(struct watched *w)
{
	const struct device *d = &w->device;
	struct reading *r = &w->now;

	r->at = now_seconds();
	if (attribute_number(d, "capacity", &r->capacity))
		return false;
	r->size = number(d, "size");
	r->dropped = number(d, "stats/dropped_bytes");
	w->has_stats = !attribute_number(d, "stats/in_bytes", &r->in) &&
		       !attribute_number(d, "stats/out_bytes", &r->out);
	if (!w->has_stats)
		derive(r, &w->before);
	return true;
}

static void read_users(struct watched *w)
{
	w->mode = number(&w->device, "mode");
	w->producer = number(&w->device, "producer");
	w->consumer = number(&w->device, "consumer");
	if (attribute_get(&w->device, "label", w->label, sizeof(w->label)))
		*w->label = 0;
}

static void update_rates(struct watched *w)
{
	double seconds = w->now.at - w->before.at;

	w->in_rate = rate(w->now.in, w->before.in, seconds);
	w->out_rate = rate(w->now.out, w->before.out, seconds);
	w->drop_rate = rate(w->now.dropped, w->before.dropped, seconds);
}

static int remember(struct watched *w, size_t keep)
{
	if (!keep)
		return 0;
	if (!w->history)
		w->history = calloc(keep, sizeof(*w->history));
	if (!w->history)
		return -ENOMEM;
	if (w->n_history == keep)
		memmove(w->history, w->history + 1,
			--w->n_history * sizeof(*w->history));
	w->history[w->n_history++] = reading_fill(&w->now);
	return 0;
}

static int update(struct watched *w, size_t keep)
{
	bool first = !w->now.at;

	w->before = w->now;
	w->seen = read_counters(w);
	if (!w->seen)
		return 0;
	read_users(w);
	/* The counters of the first reading are older than the interval. */
	if (first)
		w->before = w->now;
	update_rates(w);
	return remember(w, keep);
}

static int compare_numbers(const void *a, const void *b)
{
	const struct watched *one = a, *other = b;

	return one->device.number - other->device.number;
}

static struct watched *find(const struct watch *w, int number)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].device.number == number)
			return &w->list[i];
	return NULL;
}

static int add(struct watch *w, const struct device *d)
{
	struct watched *grown = reallocarray(w->list, w->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	w->list = grown;
	w->list[w->n++] = (struct watched){ .device = *d };
	qsort(w->list, w->n, sizeof(*w->list), compare_numbers);
	return 0;
}

static int update_all(struct watch *w, const struct device *devices, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (!find(w, devices[i].number))
			err = add(w, &devices[i]);
		if (!err)
			err = update(find(w, devices[i].number), w->keep);
	}
	return err;
}

static void drop_unseen(struct watch *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (w->list[i].seen)
			w->list[kept++] = w->list[i];
		else
			free(w->list[i].history);
	}
	w->n = kept;
}

static int find_named(struct watch *w, char **specs)
{
	int code = 0;

	w->named = calloc(w->n_named, sizeof(*w->named));
	if (!w->named)
		return out_of_memory();
	for (size_t i = 0; !code && i < w->n_named; i++)
		code = device_find(specs[i], &w->named[i]);
	return code;
}

int watch_begin(struct watch *w, size_t keep, char **specs, size_t n)
{
	struct device *all;
	size_t n_all;
	int code;

	*w = (struct watch){ .keep = keep, .n_named = n };
	if (n)
		return find_named(w, specs);
	code = device_all(&all, &n_all);
	if (!code)
		free(all);
	return code;
}

/* Without an error message if the module was unloaded, as it would garble the screen. */
static int update_found(struct watch *w)
{
	struct device *all;
	char path[PATH_MAX];
	size_t n;
	int err;

	if (rooted(path, sizeof(path), "/sys/class/vfifo") ||
	    access(path, F_OK) || device_all(&all, &n))
		return 0;
	err = update_all(w, all, n);
	free(all);
	return err;
}

int watch_update(struct watch *w)
{
	int err;

	for (size_t i = 0; i < w->n; i++)
		w->list[i].seen = false;
	err = w->named ? update_all(w, w->named, w->n_named) : update_found(w);
	drop_unseen(w);
	return err;
}

void watch_free(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].history);
	free(w->list);
	free(w->named);
}
