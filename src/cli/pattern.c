// SPDX-License-Identifier: GPL-2.0-or-later
/* Patterns by their text form; their bytes, and the place of bytes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "pattern.h"

/* A pattern with a shorter period is searched, and gaps are counted, forward only. */
#define LONG_PERIOD (1U << 20)
/* A waveform is searched so far in each direction. */
#define REACH (16U << 20)
/* The bytes of a waveform that are compared at a time, and with which a search begins. */
#define CHUNK (64U << 10)

/* What the options of a text form have set. */
struct options {
	const struct pattern_kind *kind;
	struct sampling sampling;
	uint64_t frequency, to; /* thousandths of a hertz */
	uint64_t time;		/* ns */
	uint64_t amplitude;	/* 10^-9 */
	uint64_t seed;
	bool invert;
	char *why;
};

enum {
	TAKES_SAMPLING = 1,
	TAKES_FREQUENCY = 2,
	TAKES_SWEEP = 4,
	TAKES_SEED = 8,
	TAKES_AMPLITUDE = 16,
	TAKES_INVERT = 32,
};

struct pattern_kind {
	const char *name;
	int (*begin)(struct pattern *p, const struct options *o);
	void (*fill)(struct pattern *p, uint64_t at, unsigned char *bytes,
		     size_t n);
	int (*find)(struct pattern *p, const unsigned char *bytes, size_t n,
		    uint64_t near, uint64_t *budget, int64_t *distance);
	unsigned int takes;
	enum wave_shape shape;
	unsigned int order;
};

__attribute__((format(printf, 2, 3))) static int bad(char why[WHY_MAX],
						     const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	vsnprintf(why, WHY_MAX, fmt, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* --- distances -------------------------------------------------------------- */

bool pattern_is_long(const struct pattern *p)
{
	return !p->period || p->period >= LONG_PERIOD;
}

/* From one place to another one that is known modulo the period. */
static int64_t way(const struct pattern *p, uint64_t from, uint64_t to)
{
	uint64_t forward = (to + p->period - from % p->period) % p->period;

	if (pattern_is_long(p) && forward > p->period / 2)
		return -(int64_t)(p->period - forward);
	return (int64_t)forward;
}

/* --- the patterns of the generator ------------------------------------------ */

static int begin_generated(struct pattern *p, const struct options *o)
{
	vfifo_pattern_set(&p->generated, o->kind->name, NULL, 0);
	p->unit = vfifo_pattern_unit(&p->generated);
	switch (p->generated.kind) {
	case VFIFO_PATTERN_COUNTER:
		p->period = 4ULL << 32;
		break;
	case VFIFO_PATTERN_RAMP:
		p->period = 256;
		break;
	default:
		p->period = 1;
	}
	return 0;
}

static int begin_text(struct pattern *p, const char *text, char why[WHY_MAX])
{
	if (vfifo_pattern_set(&p->generated, "text", text, strlen(text)))
		return bad(why, "a text has 1 to %d bytes", VFIFO_TEXT_MAX);
	p->unit = vfifo_pattern_unit(&p->generated);
	p->period = p->unit;
	return 0;
}

/* The byte `at`, as far as the state is concerned. */
static void set_place(struct pattern *p, uint64_t at)
{
	struct vfifo_pattern *g = &p->generated;

	g->at = (__u32)(at % p->unit);
	g->state = (__u32)(at / p->unit);
}

static void fill_generated(struct pattern *p, uint64_t at, unsigned char *bytes,
			   size_t n)
{
	set_place(p, at);
	vfifo_pattern_fill(&p->generated, bytes, (__u32)n);
}

static int find_generated(struct pattern *p, const unsigned char *bytes,
			  size_t n, uint64_t near, uint64_t *budget,
			  int64_t *distance)
{
	struct vfifo_pattern behind = p->generated;
	int err = vfifo_pattern_sync(&behind, bytes, n);
	uint64_t at = (uint64_t)behind.state * p->unit + behind.at;

	(void)budget;
	if (!err)
		*distance = way(p, near,
				(at + p->period - n % p->period) % p->period);
	return err;
}

/* --- sequences of bits ------------------------------------------------------ */

static int begin_prbs(struct pattern *p, const struct options *o)
{
	if (p->sampling.format->floats)
		return bad(o->why, "%s: a sequence of bits has no floats",
			   o->kind->name);
	prbs_begin(&p->prbs, o->kind->order, o->invert);
	p->unit = sampling_frame(&p->sampling);
	p->period = prbs_period(&p->prbs);
	return 0;
}

static void fill_prbs(struct pattern *p, uint64_t at, unsigned char *bytes,
		      size_t n)
{
	prbs_fill(&p->prbs, at, bytes, n);
}

static int find_prbs(struct pattern *p, const unsigned char *bytes, size_t n,
		     uint64_t near, uint64_t *budget, int64_t *distance)
{
	uint64_t at;
	int err = prbs_find(&p->prbs, bytes, n, &at);

	(void)budget;
	if (!err)
		*distance = way(p, near, at);
	return err;
}

/* --- waveforms -------------------------------------------------------------- */

static bool is_frequency(const struct options *o, uint64_t frequency)
{
	return frequency && frequency <= 500ULL * o->sampling.rate;
}

static int begin_sweep(struct pattern *p, const struct options *o)
{
	uint64_t rate = o->sampling.rate, second = 1000000000, samples;

	if (!is_frequency(o, o->to))
		return bad(o->why,
			   "to: a frequency is above 0 and at most rate/2");
	if (o->time > 3600 * second)
		return bad(o->why, "time: at most one hour");
	samples = o->time / second * rate + o->time % second * rate / second;
	if (samples < 2 || samples > UINT32_MAX)
		return bad(o->why, "time: %llu samples are not 2 to 2^32 - 1",
			   (unsigned long long)samples);
	wave_set_sweep(&p->wave, o->frequency, o->to, samples);
	return 0;
}

static int begin_wave(struct pattern *p, const struct options *o)
{
	struct wave *w = &p->wave;
	int err = 0;

	*w = (struct wave){ .shape = o->kind->shape,
			    .sampling = p->sampling,
			    .seed = o->seed };
	w->scale = (uint32_t)(((o->amplitude << 31) + 500000000) / 1000000000);
	if (w->shape != WAVE_NOISE && !is_frequency(o, o->frequency))
		return bad(o->why,
			   "frequency: it is above 0 and at most rate/2");
	if (w->shape == WAVE_CHIRP)
		err = begin_sweep(p, o);
	else if (w->shape != WAVE_NOISE)
		wave_set_frequency(w, o->frequency);
	p->unit = sampling_frame(&p->sampling);
	p->period = w->period * p->unit;
	/* Neighbouring samples can be equal. */
	p->enough = VFIFO_SYNC_ENOUGH * 4;
	return err;
}

static void fill_wave(struct pattern *p, uint64_t at, unsigned char *bytes,
		      size_t n)
{
	wave_fill(&p->wave, at, bytes, n);
}

/* The first place, or the last one, in the n places from `from` on. 1: found. */
static int look_in_chunk(struct pattern *p, const unsigned char *bytes,
			 size_t length, uint64_t from, size_t n, bool last,
			 uint64_t *at)
{
	size_t size = n + length - 1;
	unsigned char *piece = malloc(size), *next, *found = NULL;

	if (!piece)
		return -ENOMEM;
	pattern_fill(p, from, piece, size);
	next = piece;
	while ((next = memmem(next, size - (size_t)(next - piece), bytes,
			      length))) {
		found = next++;
		if (!last)
			break;
	}
	if (found)
		*at = from + (uint64_t)(found - piece);
	free(piece);
	return found != NULL;
}

struct search {
	uint64_t near;
	uint64_t forward, backward; /* how many places were compared */
	uint64_t most_forward, most_backward;
};

/* Compares some more places. 1: found. */
static int look_forward(struct pattern *p, struct search *s,
			const unsigned char *bytes, size_t length, uint64_t to,
			uint64_t *at)
{
	int found = 0;

	if (to > s->most_forward)
		to = s->most_forward;
	while (!found && s->forward < to) {
		size_t n = to - s->forward < CHUNK ? (size_t)(to - s->forward) :
						     CHUNK;

		found = look_in_chunk(p, bytes, length, s->near + s->forward, n,
				      false, at);
		s->forward += n;
	}
	return found;
}

static int look_backward(struct pattern *p, struct search *s,
			 const unsigned char *bytes, size_t length, uint64_t to,
			 uint64_t *at)
{
	int found = 0;

	if (to > s->most_backward)
		to = s->most_backward;
	while (!found && s->backward < to) {
		size_t n = to - s->backward < CHUNK ?
				   (size_t)(to - s->backward) :
				   CHUNK;

		s->backward += n;
		found = look_in_chunk(p, bytes, length, s->near - s->backward,
				      n, true, at);
	}
	return found;
}

/* A place is not looked for in front of the beginning, nor twice in a period. */
static struct search search_around(const struct pattern *p, uint64_t near)
{
	struct search s = { .near = near,
			    .most_forward = REACH,
			    .most_backward = REACH };

	if (!pattern_is_long(p)) {
		s.most_forward = p->period;
		s.most_backward = 0;
	} else if (p->period) {
		/* Far from the beginning, so that the way back can be gone. */
		s.near = near % p->period + p->period;
		if (s.most_forward > p->period / 2 + 1)
			s.most_forward = s.most_backward = p->period / 2 + 1;
	} else if (near < REACH) {
		s.most_backward = near;
	}
	return s;
}

/* In both directions in turn, each time twice as far. */
static int find_wave(struct pattern *p, const unsigned char *bytes, size_t n,
		     uint64_t near, uint64_t *budget, int64_t *distance)
{
	struct search s = search_around(p, near);
	uint64_t at = 0, spent;
	int found = 0;

	for (uint64_t to = CHUNK;
	     !found && to <= REACH && s.forward + s.backward < *budget;
	     to *= 2) {
		found = look_forward(p, &s, bytes, n, to, &at);
		if (!found)
			found = look_backward(p, &s, bytes, n, to, &at);
	}
	spent = s.forward + s.backward;
	*budget -= spent < *budget ? spent : *budget;
	if (found < 0)
		return found;
	*distance = (int64_t)(at - s.near);
	return found ? 0 : -EBADMSG;
}

/* --- by name ---------------------------------------------------------------- */

#define GENERATED(name)                                                \
	{                                                              \
		name, begin_generated, fill_generated, find_generated, \
			TAKES_SAMPLING, 0, 0                           \
	}
#define PRBS(order)                                              \
	{                                                        \
		"prbs" #order, begin_prbs, fill_prbs, find_prbs, \
			TAKES_SAMPLING | TAKES_INVERT, 0, order  \
	}
#define WAVE(name, takes, shape)                                             \
	{                                                                    \
		name, begin_wave, fill_wave, find_wave,                      \
			TAKES_SAMPLING | TAKES_AMPLITUDE | (takes), shape, 0 \
	}

static const struct pattern_kind kinds[] = {
	GENERATED("counter"),
	GENERATED("ramp"),
	GENERATED("zero"),
	PRBS(7),
	PRBS(9),
	PRBS(11),
	PRBS(15),
	PRBS(20),
	PRBS(23),
	PRBS(31),
	WAVE("sine", TAKES_FREQUENCY, WAVE_SINE),
	WAVE("square", TAKES_FREQUENCY, WAVE_SQUARE),
	WAVE("triangle", TAKES_FREQUENCY, WAVE_TRIANGLE),
	WAVE("saw", TAKES_FREQUENCY, WAVE_SAW),
	WAVE("chirp", TAKES_FREQUENCY | TAKES_SWEEP, WAVE_CHIRP),
	WAVE("noise", TAKES_SEED, WAVE_NOISE),
};
static const struct pattern_kind text_kind = { .name = "text",
					       .fill = fill_generated,
					       .find = find_generated };

/* The kind whose name is the first n bytes of a text. */
static const struct pattern_kind *kind_of(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(text, kinds[i].name, n) && !kinds[i].name[n])
			return &kinds[i];
	return NULL;
}

/* --- the options ------------------------------------------------------------ */

static int set_rate(struct options *o, const char *value)
{
	uint64_t rate;

	if (parse_decimal(value, 0, &rate) || !rate || rate > 1000000000)
		return bad(o->why, "rate=%s: it is 1 to 1G samples per second",
			   value);
	o->sampling.rate = (uint32_t)rate;
	return 0;
}

static int set_format(struct options *o, const char *value)
{
	o->sampling.format = sample_format_find(value);
	if (!o->sampling.format)
		return bad(o->why, "format=%s: it is " SAMPLE_FORMATS, value);
	return 0;
}

static int set_channels(struct options *o, const char *value)
{
	uint64_t n;

	if (parse_decimal(value, 0, &n) || !n || n > CHANNELS_MAX)
		return bad(o->why, "channels=%s: it is 1 to %d", value,
			   CHANNELS_MAX);
	o->sampling.channels = (unsigned int)n;
	return 0;
}

static int set_frequency(struct options *o, const char *value)
{
	if (parse_decimal(value, 3, &o->frequency))
		return bad(
			o->why,
			"frequency=%s: it is a number of hertz, with up to 3 decimals",
			value);
	return 0;
}

static int set_to(struct options *o, const char *value)
{
	if (parse_decimal(value, 3, &o->to))
		return bad(
			o->why,
			"to=%s: it is a number of hertz, with up to 3 decimals",
			value);
	return 0;
}

static int set_time(struct options *o, const char *value)
{
	if (parse_duration(value, &o->time))
		return bad(o->why, "time=%s: it is a time, as 1.5 or 20ms",
			   value);
	return 0;
}

static int set_amplitude(struct options *o, const char *value)
{
	if (parse_decimal(value, 9, &o->amplitude) || !o->amplitude ||
	    o->amplitude > 1000000000)
		return bad(o->why, "amplitude=%s: it is above 0 and at most 1",
			   value);
	return 0;
}

static int set_seed(struct options *o, const char *value)
{
	if (parse_decimal(value, 0, &o->seed))
		return bad(o->why, "seed=%s: it is a whole number", value);
	return 0;
}

static int set_invert(struct options *o, const char *value)
{
	o->invert = !strcmp(value, "yes");
	if (!o->invert && strcmp(value, "no"))
		return bad(o->why, "invert=%s: it is yes or no", value);
	return 0;
}

static const struct option_of_pattern {
	const char *name;
	unsigned int taken; /* by kinds with one of these bits */
	int (*set)(struct options *o, const char *value);
} known_options[] = {
	{ "rate", TAKES_SAMPLING, set_rate },
	{ "format", TAKES_SAMPLING, set_format },
	{ "channels", TAKES_SAMPLING, set_channels },
	{ "frequency", TAKES_FREQUENCY, set_frequency },
	{ "to", TAKES_SWEEP, set_to },
	{ "time", TAKES_SWEEP, set_time },
	{ "amplitude", TAKES_AMPLITUDE, set_amplitude },
	{ "seed", TAKES_SEED, set_seed },
	{ "invert", TAKES_INVERT, set_invert },
};

static int set_option(struct options *o, unsigned int takes, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return bad(o->why, "%s: it is not of the form NAME=VALUE",
			   option);
	*value++ = 0;
	for (size_t i = 0; i < sizeof(known_options) / sizeof(known_options[0]);
	     i++)
		if (!strcmp(option, known_options[i].name) &&
		    takes & known_options[i].taken)
			return known_options[i].set(o, value);
	return bad(o->why, "%s: there is no such option here", option);
}

static int set_options(struct options *o, unsigned int takes, const char *list)
{
	char *copy = strdup(list), *rest = copy, *option;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (option = strsep(&rest, ",")))
		err = set_option(o, takes, option);
	free(copy);
	return err;
}

static struct options defaults(char why[WHY_MAX])
{
	return (struct options){
		.sampling = { .rate = 48000,
			      .format = sample_format_find("s16le"),
			      .channels = 1 },
		.frequency = 1000000,
		.to = 10000000,
		.time = 1000000000,
		.amplitude = 1000000000,
		.seed = 1,
		.why = why,
	};
}

int sampling_parse(const char *text, struct sampling *s, char why[WHY_MAX])
{
	struct options o = defaults(why);
	int err = set_options(&o, TAKES_SAMPLING, text);

	*s = o.sampling;
	return err;
}

bool pattern_is_named(const char *text)
{
	size_t n = strcspn(text, ":");

	return kind_of(text, n) || !strncmp(text, "text:", 5);
}

int pattern_parse(const char *text, struct pattern *p, char why[WHY_MAX])
{
	size_t n = strcspn(text, ":");
	struct options o = defaults(why);
	int err = 0;

	*p = (struct pattern){ .unit = 1, .enough = VFIFO_SYNC_ENOUGH };
	p->sampling = o.sampling;
	if (!strncmp(text, "text:", 5)) {
		p->kind = &text_kind;
		return begin_text(p, text + 5, why);
	}
	o.kind = kind_of(text, n);
	if (!o.kind)
		return bad(why, "there is no pattern %s", text);
	if (o.kind->takes & TAKES_SWEEP)
		o.frequency = 100000;
	if (text[n])
		err = set_options(&o, o.kind->takes, text + n + 1);
	p->kind = o.kind;
	p->sampling = o.sampling;
	return err ? err : o.kind->begin(p, &o);
}

void pattern_fill(struct pattern *p, uint64_t at, void *bytes, size_t n)
{
	p->kind->fill(p, at, bytes, n);
}

int pattern_find(struct pattern *p, const unsigned char *bytes, size_t n,
		 uint64_t near, uint64_t *budget, int64_t *distance)
{
	return p->kind->find(p, bytes, n, near, budget, distance);
}

bool pattern_is_distinct(struct pattern *p, uint64_t at, size_t n)
{
	unsigned char bytes[VFIFO_TEXT_MAX];
	uint64_t places = CHUNK, again;

	if (p->kind->find != find_wave)
		return true;
	if (p->period && p->period <= places)
		places = p->period - 1;
	pattern_fill(p, at, bytes, n);
	return !places || look_in_chunk(p, bytes, n, at + 1, (size_t)places,
					false, &again) != 1;
}
