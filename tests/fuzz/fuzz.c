// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz.c - the table of operations, the model's mode, replay and shrinking
 *
 * The environment's VFIFO_FUZZ has words that are separated by commas:
 *
 *	seed=N		the first seed; each sequence of steps has the next one
 *	operations=N	how many to do
 *	seconds=N	the time after which no more begin
 *	without=S	not these operations: OPERATION+OPERATION...+
 *	steps=S		only these steps: OPERATION.A.B.C.D, separated by +
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "testlib.h"

#define STEPS 400	  /* in a sequence */
#define PATIENCE 30	  /* seconds for one step */
#define LESS_PATIENCE 4	  /* the same, while a sequence is shrunk */
#define SHRINK_SECONDS 90 /* until what is left counts as short enough */

/* --- the table ---------------------------------------------------------------------------- */

static const struct operation *const families[] = {
	file_operations,   transfer_operations, wait_operations,
	memory_operations, control_operations,	process_operations,
};
#define FAMILIES (sizeof(families) / sizeof(*families))

const struct operation *operation(unsigned int number)
{
	for (size_t i = 0; i < FAMILIES; i++)
		for (const struct operation *o = families[i]; o->name; o++)
			if (!number--)
				return o;
	return NULL;
}

unsigned int operations(void)
{
	unsigned int n = 0;

	while (operation(n))
		n++;
	return n;
}

/* Returns what follows `name` in VFIFO_FUZZ, or NULL. */
static const char *word(const char *name)
{
	const char *all = getenv("VFIFO_FUZZ");
	const char *at = all ? strstr(all, name) : NULL;

	return at ? at + strlen(name) : NULL;
}

static unsigned int weight_of(const struct operation *o, bool exact)
{
	const char *without = word("without=");
	char name[64];

	snprintf(name, sizeof(name), "%s+", o->name);
	if (without && strstr(without, name))
		return 0;
	return exact ? o->weight : o->mob_weight;
}

/* The operation of each unit of weight, so that a random one is found at once. */
static const uint8_t *by_weight(bool exact, unsigned int *sum)
{
	static uint8_t *tables[2];
	static unsigned int sums[2];
	const struct operation *o;

	if (!tables[exact]) {
		for (unsigned int i = 0; (o = operation(i)); i++)
			sums[exact] += weight_of(o, exact);
		tables[exact] = malloc(sums[exact]);
		check(tables[exact]);
		sums[exact] = 0;
		for (unsigned int i = 0; (o = operation(i)); i++)
			for (unsigned int n = weight_of(o, exact); n; n--)
				tables[exact][sums[exact]++] = i;
	}
	*sum = sums[exact];
	return tables[exact];
}

struct step random_step(struct random *r, bool exact)
{
	unsigned int sum;
	const uint8_t *table = by_weight(exact, &sum);
	struct step s = { .op = table[random_below(r, sum)] };
	const uint32_t one = random_u32(r), two = random_u32(r);

	s.arg[0] = one;
	s.arg[1] = one >> 16;
	s.arg[2] = two;
	s.arg[3] = two >> 16;
	return s;
}

/* --- steps as text ---------------------------------------------------------------------- */

static void print_steps(const struct step *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%s.%u.%u.%u.%u", i ? "+" : "",
		       operation(s[i].op)->name, s[i].arg[0], s[i].arg[1],
		       s[i].arg[2], s[i].arg[3]);
}

static unsigned int operation_named(const char *name, size_t n)
{
	const struct operation *o;
	unsigned int i;

	for (i = 0; (o = operation(i)); i++)
		if (strlen(o->name) == n && !memcmp(o->name, name, n))
			return i;
	fail("there is no operation %.*s", (int)n, name);
}

static size_t parse_steps(const char *text, struct step *s, size_t most)
{
	size_t n = 0;

	while (*text) {
		const size_t name = strcspn(text, ".");
		char *at = (char *)text + name;

		check(n < most);
		s[n].op = operation_named(text, name);
		for (int i = 0; i < ARGS; i++) {
			check(*at == '.');
			s[n].arg[i] = strtoul(at + 1, &at, 10);
		}
		n++;
		text = at + (*at == '+');
	}
	return n;
}

struct campaign campaign_from_environment(uint64_t seed,
					  unsigned long operations,
					  double seconds)
{
	struct campaign c = { seed, operations, seconds, word("steps=") };

	if (word("seed="))
		c.seed = strtoull(word("seed="), NULL, 10);
	if (word("operations="))
		c.operations = strtoul(word("operations="), NULL, 10);
	if (word("seconds="))
		c.seconds = atof(word("seconds="));
	printf("# seed=%llu,operations=%lu,seconds=%.0f\n",
	       (unsigned long long)c.seed, c.operations, c.seconds);
	fflush(stdout);
	return c;
}

/* --- one sequence -------------------------------------------------------------------------- */

/* Of the process that runs the steps and of the one that watches it. */
static struct {
	unsigned long count;
	uint64_t sequence;
	unsigned long step;
} * progress;

static void make_progress_shared(void)
{
	if (progress)
		return;
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(progress != MAP_FAILED);
}

/* Whatever an earlier process has left, only these devices exist, and they are new. */
static void fresh_devices(struct world *w)
{
	for (int i = 0; i < NUMBERS; i++) {
		char path[64], text[16];

		snprintf(path, sizeof(path), CLASS_FOLDER "vfifo%d",
			 numbers[i]);
		snprintf(text, sizeof(text), "%d", numbers[i]);
		if (!access(path, F_OK) &&
		    store_text(CLASS_FOLDER "remove", text, strlen(text)))
			mismatch(w, "vfifo%d cannot be removed", numbers[i]);
	}
	device_add(w, numbers[0]);
	device_add(w, numbers[1]);
}

/* All attributes are as the model has them, with no file and no mapping left. */
static void leave_nothing(struct world *w)
{
	for (int i = 0; i < NUMBERS; i++) {
		struct fifo *f = w->fifos[numbers[i]];
		const uint16_t all[ARGS] = { i };

		if (!f)
			continue;
		if (f->mappings || f->writers || f->refs != 1)
			mismatch(
				w,
				"the model has %d mappings, %d writers, %d users at the end",
				f->mappings, f->writers, f->refs);
		for (const struct operation *o = control_operations; o->name;
		     o++)
			if (!strcmp(o->name, "show-all"))
				o->act(w, all);
		device_remove(w, numbers[i]);
	}
}

static void run_steps(struct world *w, const struct step *steps, size_t n)
{
	world_begin(w, true);
	fresh_devices(w);
	for (size_t i = 0; i < n; i++) {
		progress->step = i;
		w->step = &steps[i];
		note_signals(w);
		operation(steps[i].op)->act(w, steps[i].arg);
		check_signals(w);
		check_status_pages(w);
	}
	world_end(w);
	leave_nothing(w);
}

static void steps_of(uint64_t seed, struct step *steps)
{
	struct random r = { seed * 0x2545f4914f6cdd1dULL };

	for (size_t i = 0; i < STEPS; i++)
		steps[i] = random_step(&r, true);
	/* Before there is a mapping. So most sequences have a FIFO of records. */
	steps[0].op = operation_named("framing", strlen("framing"));
}

/* --- watching -------------------------------------------------------------------------------- */

/* Returns how the process ended; if it makes no progress it is killed. */
static int watch(pid_t pid, double patience)
{
	unsigned long before = 0;
	double since = now();
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		const unsigned long at =
			progress->count + progress->step + progress->sequence;

		if (at != before) {
			before = at;
			since = now();
		} else if (now() - since > patience) {
			printf("# step %lu hangs\n", progress->step);
			fflush(stdout);
			kill(pid, SIGKILL);
			since = now();
		}
		usleep(1000);
	}
	return status;
}

/* Returns how the process ended that ran the steps; 0: they do not fail. */
static int end_of_steps(const struct step *steps, size_t n, bool quiet)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		static struct world w;

		if (quiet && !freopen("/dev/null", "w", stdout))
			_exit(1);
		w.count = &progress->count;
		run_steps(&w, steps, n);
		_exit(0);
	}
	return watch(pid, quiet ? LESS_PATIENCE : PATIENCE);
}

/*
 * Leaves out ever smaller parts, as long as the rest fails in the same way. Returns how many are
 * left.
 */
static size_t shrink(struct step *steps, size_t n, int status)
{
	const double until = now() + SHRINK_SECONDS;
	size_t part = n / 2;
	struct step *rest = malloc(n * sizeof(*rest));

	check(rest);
	while (part && now() < until) {
		bool smaller = false;

		for (size_t from = 0; from < n && now() < until;) {
			const size_t out = part < n - from ? part : n - from;

			memcpy(rest, steps, from * sizeof(*rest));
			memcpy(rest + from, steps + from + out,
			       (n - from - out) * sizeof(*rest));
			if (end_of_steps(rest, n - out, true) == status) {
				n -= out;
				memcpy(steps, rest, n * sizeof(*rest));
				smaller = true;
			} else {
				from += out;
			}
		}
		if (!smaller || part > 1)
			part /= 2;
	}
	free(rest);
	return n;
}

static void report(struct step *steps, size_t n)
{
	const int status = end_of_steps(steps, n, true);

	if (!status) {
		printf("# the steps alone do not fail: it depends on what was before\n");
		return;
	}
	n = shrink(steps, n, status);
	printf("# %zu steps fail:\n", n);
	for (size_t i = 0; i < n; i++)
		printf("#   %s %u %u %u %u\n", operation(steps[i].op)->name,
		       steps[i].arg[0], steps[i].arg[1], steps[i].arg[2],
		       steps[i].arg[3]);
	end_of_steps(steps, n, false);
	printf("# again: VFIFO_FUZZ=steps=");
	print_steps(steps, n);
	printf(" scripts/vm-test random-calls-match-the-model\n");
}

static void run_sequences(const struct campaign *c)
{
	const double until = now() + c->seconds;
	struct step steps[STEPS];
	struct world w = { .count = &progress->count };

	while (progress->count < c->operations && now() < until) {
		steps_of(progress->sequence, steps);
		run_steps(&w, steps, STEPS);
		progress->sequence++;
	}
	_exit(0);
}

void run_found(const char *name, const char *text)
{
	struct step steps[STEPS];
	const size_t n = parse_steps(text, steps, STEPS);

	make_progress_shared();
	if (end_of_steps(steps, n, false))
		fail("%s: the steps fail", name);
}

void fuzz_against_the_model(const struct campaign *c)
{
	struct step steps[STEPS];
	double since = now();
	int status;
	pid_t pid;

	make_progress_shared();
	if (c->replay) {
		const size_t n = parse_steps(c->replay, steps, STEPS);

		if (end_of_steps(steps, n, false))
			fail("the steps fail");
		return;
	}
	progress->sequence = c->seed;
	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid)
		run_sequences(c);
	status = watch(pid, PATIENCE);
	printf("# %lu operations in %.1f s, next seed=%llu\n", progress->count,
	       now() - since, (unsigned long long)progress->sequence);
	if (!status)
		return;
	printf("# seed=%llu ends with status %#x\n",
	       (unsigned long long)progress->sequence, status);
	fflush(stdout);
	steps_of(progress->sequence, steps);
	report(steps, progress->step + 1 < STEPS ? progress->step + 1 : STEPS);
	fail("a result is not that of the model");
}
