// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * native [-r ROUNDS] [-t MS] [-c CAPACITY] [-w WAY] [-k]: measures the library's data path and its
 * alternatives between two processes, each on its own processor, on this machine
 *
 * With /dev/vfifo0 and /dev/vfifo1 the library works on them. Without them it works on plain memory
 * with the layout of the device. Each round measures all ways one after the other, for MS
 * milliseconds each, and prints a line for each number (see scripts/bench):
 *
 *	native PLACE WHAT BYTES AT-ONCE CAPACITY WAY NUMBER UNIT
 *
 * The host moves virtual processors, so the distance of two processors changes. The round trip
 * of a cache line is probed before and after each measurement, and PLACE is near or far. A
 * measurement is dropped if PLACE changed or if another process used one of the processors; each
 * is tried TRIES times. Without -k the two processes have real-time priority if permitted, and
 * other processes wait.
 *
 *	-c CAPACITY  only this capacity
 *	-w WAY       only the ways that this pattern matches
 *	-k           no measurement is dropped: for a quick run on a busy machine
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vfifo_ring.h>

#include "message.h"
#include "ways.h"

#define PROBES 100    /* of PROBE_TRIPS each */
#define PROBES_KEPT 5 /* with -k, where little depends on them */
#define PROBE_TRIPS 100
#define TRIES 8
#define SECONDS_MAX 30 /* ends the program if one measurement hangs */
#define PRIORITY 5
#define PUSHED_MAX 0 /* involuntary context switches of the two */
#define NEAR_NS 150  /* at most */
#define FAR_NS 200   /* at least */

/*
 * A stream is measured for at least so many capacities. Before, it flows unmeasured for at least
 * one capacity and for the same time: the caches fill, and vfifo finds its settings.
 */
#define STREAM_CAPACITIES 2

/* The clock is read after so many bytes, or after a batch or some round trips. */
#define CHUNK_BYTES (64 << 10)
#define CHUNK_TRIPS 64
#define TRIP_BYTES 64
#define TRIP_CAPACITY (64 << 10)

static const size_t capacities[] = { 64 << 10, 1 << 20, 16 << 20 };
static const size_t sizes[] = { 64, 4096, 65536 };
static const size_t batches[] = { 1, 8, 32, 128 };
#define NUMBER_OF(array) (sizeof(array) / sizeof((array)[0]))

static int cpus[2];
static bool keep; /* disturbed measurements */
static double at_least_ns;
static size_t only_capacity;
static const char *only_ways = "*";
static long
	pushed; /* involuntary context switches of the processes that have ended */

/* Memory that the two processes share, besides the channel. */
struct meeting {
	unsigned int there;
	unsigned int line __attribute__((aligned(128)));
};

static struct meeting *meeting;

/* --- the machine --------------------------------------------------------------------- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set))
		die("sched_setaffinity: %s", strerror(errno));
}

static void choose_cpus(void)
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	if (n < 2)
		die("this takes two processors");
}

/* Sets real-time priority, which the other process inherits. */
static void go_before_others(void)
{
	struct sched_param param = { .sched_priority = PRIORITY };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		puts("# others may take a processor from this");
}

/*
 * Lets other processes run. The kernel takes a real-time process off the processor, in the middle of
 * a measurement, if it has run for 95 % of a second.
 */
static void let_others_run(double ns)
{
	const struct timespec tenth = { .tv_nsec = (long)(ns / 10) };

	alarm(SECONDS_MAX);
	if (!keep)
		nanosleep(&tenth, NULL);
}

/* Waits until both processes have called this. */
static void meet(void)
{
	__atomic_add_fetch(&meeting->there, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&meeting->there, __ATOMIC_SEQ_CST) % 2)
		pause_cpu();
}

/* Starts the other process, which runs work(argument) on the other processor. */
static pid_t begin(void (*work)(void *), void *argument)
{
	pid_t pid;

	fflush(stdout);
	meeting->there = 0;
	meeting->line = 0;
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid) {
		/* From here: it may have to wait for our processor to do it itself. */
		pin(pid, cpus[1]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(argument);
	_exit(0);
}

/* The other process works until it is killed. It ends by itself only for an error. */
static void end(pid_t pid)
{
	struct rusage usage;
	int status;

	kill(pid, SIGKILL);
	if (wait4(pid, &status, 0, &usage) != pid || !WIFSIGNALED(status))
		die("the other process failed");
	pushed += usage.ru_nivcsw;
}

/* Returns the number of involuntary context switches of both processes. */
static long all_pushed(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return pushed + usage.ru_nivcsw;
}

static void turn(unsigned int to)
{
	while (__atomic_load_n(&meeting->line, __ATOMIC_ACQUIRE) != to - 1)
		pause_cpu();
	__atomic_store_n(&meeting->line, to, __ATOMIC_RELEASE);
}

static void echo_line(void *unused)
{
	(void)unused;
	meet();
	for (unsigned int i = 0;; i++)
		turn(2 * i + 2);
}

/* The minimum, as disturbances only add to the time. */
static double probe_ns(void)
{
	pid_t pid = begin(echo_line, NULL);
	double least = 1e9;
	unsigned int i = 0;

	meet();
	for (int probe = 0; probe < (keep ? PROBES_KEPT : PROBES); probe++) {
		double began = now_ns(), took;

		for (int trip = 0; trip < PROBE_TRIPS; trip++, i++)
			turn(2 * i + 1);
		took = (now_ns() - began) / PROBE_TRIPS;
		if (took < least)
			least = took;
	}
	end(pid);
	return least;
}

static const char *place_of(double ns)
{
	return ns < NEAR_NS ? "near" : ns > FAR_NS ? "far" : "between";
}

/* --- one measurement ------------------------------------------------------------------ */

/* What is measured, and how. */
struct run {
	const char *what;
	const struct way *way;
	size_t bytes, at_once, capacity;
	double (*measure)(struct run *r); /* returns ns a message */
	struct channel there, back;
};

static void make(const struct run *r, struct channel *c, unsigned int number)
{
	*c = (struct channel){ .way = r->way,
			       .capacity = r->capacity,
			       .bytes = r->bytes,
			       .at_once = r->at_once,
			       .number = number };
	c->way->make(c);
}

static void enter(struct channel *c, enum vfifo_end as)
{
	c->end = as;
	c->way->enter(c);
}

/* The number of messages after which the clock is read. */
static uint64_t chunk_of(const struct run *r)
{
	const uint64_t chunk = CHUNK_BYTES / r->bytes;

	return chunk > r->at_once ? chunk : r->at_once;
}

/* Until it is killed. */
static void produce(void *argument)
{
	struct run *r = argument;
	const uint64_t chunk = chunk_of(r);

	enter(&r->there, VFIFO_PRODUCER);
	meet();
	for (uint64_t i = 0;; i += chunk)
		r->way->send(&r->there, i, chunk);
}

static double stream(struct run *r)
{
	const uint64_t chunk = chunk_of(r), fill = r->capacity / r->bytes;
	struct channel *c = &r->there;
	double began = 0, took = 0;
	uint64_t first, i = 0;
	pid_t pid;

	make(r, c, 0);
	pid = begin(produce, r);
	enter(c, VFIFO_CONSUMER);
	meet();
	began = now_ns();
	for (; i < fill || now_ns() - began < at_least_ns; i += chunk)
		c->way->receive(c, i, chunk);
	first = i;
	began = now_ns();
	while (took < at_least_ns || i - first < STREAM_CAPACITIES * fill) {
		c->way->receive(c, i, chunk);
		i += chunk;
		took = now_ns() - began;
	}
	end(pid);
	c->way->leave(c);
	return took / (double)(i - first);
}

static void echo(void *argument)
{
	struct run *r = argument;

	enter(&r->there, VFIFO_CONSUMER);
	enter(&r->back, VFIFO_PRODUCER);
	meet();
	for (uint64_t i = 0;; i++) {
		r->way->receive(&r->there, i, 1);
		r->way->send(&r->back, i, 1);
	}
}

static void go_there_and_back(struct run *r, uint64_t first, uint64_t trips)
{
	for (uint64_t i = first; i < first + trips; i++) {
		r->way->send(&r->there, i, 1);
		r->way->receive(&r->back, i, 1);
	}
}

static double round_trips(struct run *r)
{
	double began, took = 0;
	uint64_t i = 0;
	pid_t pid;

	make(r, &r->there, 0);
	make(r, &r->back, 1);
	pid = begin(echo, r);
	enter(&r->there, VFIFO_PRODUCER);
	enter(&r->back, VFIFO_CONSUMER);
	meet();
	go_there_and_back(r, 0, CHUNK_TRIPS);
	began = now_ns();
	while (took < at_least_ns) {
		i += CHUNK_TRIPS;
		go_there_and_back(r, i, CHUNK_TRIPS);
		took = now_ns() - began;
	}
	end(pid);
	r->way->leave(&r->there);
	r->way->leave(&r->back);
	return took / (double)i;
}

static uint64_t sum(const uint64_t *word, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n / sizeof(*word); i++)
		all += word[i];
	return all;
}

/* One process copies a message and reads the copy: what caches and processor allow. */
static double window(struct run *r)
{
	unsigned char *from = get_private(r->bytes),
		      *to = get_private(r->bytes);
	const uint64_t chunk = chunk_of(r);
	double began, took = 0;
	uint64_t i = 0;

	fill(from, r->bytes, 1);
	memset(to, 0, r->bytes);
	began = now_ns();
	while (took < at_least_ns) {
		for (uint64_t end = i + chunk; i < end; i++) {
			memcpy(to, from, r->bytes);
			/* The compiler must copy, and sum each time. */
			__asm__ volatile("" : : "r"(to) : "memory");
			__asm__ volatile(""
					 :
					 : "r"(sum((uint64_t *)to, r->bytes))
					 : "memory");
		}
		took = now_ns() - began;
	}
	free(from);
	free(to);
	return took / (double)i;
}

/* --- the list of all measurements ------------------------------------------------------ */

#define RUNS_MAX 512
static struct run runs[RUNS_MAX];
static size_t number_of_runs;

static void add(struct run run)
{
	if (fnmatch(only_ways, run.way->name, 0))
		return;
	if (run.way->device_only && !on_device)
		return;
	if (run.way->records && run.bytes > vfifo_record_max(run.capacity))
		return;
	if (run.way->possible && !run.way->possible(run.capacity)) {
		printf("# not permitted: %s of %zu bytes\n", run.way->name,
		       run.capacity);
		return;
	}
	if (number_of_runs == RUNS_MAX)
		die("too many measurements");
	runs[number_of_runs++] = run;
}

static bool has_batch(const struct way *way, size_t at_once)
{
	return at_once == 1 ? !way->spans : way->batches || way->spans;
}

static void add_streams(size_t capacity, size_t bytes, size_t at_once)
{
	/* During a batch of more than that the other side could not work. */
	if (at_once > 1 && at_once * bytes > capacity / 2)
		return;
	for (size_t w = 0; w < number_of_ways; w++)
		if (ways[w].stream && has_batch(&ways[w], at_once))
			add((struct run){ .what = "stream",
					  .way = &ways[w],
					  .bytes = bytes,
					  .at_once = at_once,
					  .capacity = capacity,
					  .measure = stream });
}

static void add_trips(void)
{
	for (size_t w = 0; w < number_of_ways; w++)
		if (ways[w].trip)
			add((struct run){ .what = "round-trip",
					  .way = &ways[w],
					  .bytes = TRIP_BYTES,
					  .at_once = 1,
					  .capacity = TRIP_CAPACITY,
					  .measure = round_trips });
}

static void add_windows(void)
{
	static const struct way one_process = { .name = "window" };

	for (size_t s = 1; s < NUMBER_OF(sizes); s++)
		add((struct run){ .what = "window",
				  .way = &one_process,
				  .bytes = sizes[s],
				  .at_once = 1,
				  .capacity = sizes[s],
				  .measure = window });
}

static void add_all(void)
{
	for (size_t s = 0; s < NUMBER_OF(sizes); s++)
		for (size_t b = 0; b < NUMBER_OF(batches); b++)
			for (size_t c = 0; c < NUMBER_OF(capacities); c++)
				if (!only_capacity ||
				    only_capacity == capacities[c])
					add_streams(capacities[c], sizes[s],
						    batches[b]);
	add_trips();
	add_windows();
}

/* --- the rounds ----------------------------------------------------------------------- */

static void print(const char *place, const struct run *r, double ns)
{
	printf("native %s %s %zu %zu %zu %s ", place, r->what, r->bytes,
	       r->at_once, r->capacity, r->way->name);
	if (r->measure == round_trips)
		printf("%.1f ns\n", ns);
	else if (r->bytes == 64)
		printf("%.4f M/s\n", 1e3 / ns);
	else
		printf("%.2f MiB/s\n", (double)r->bytes / ns * 1e9 / (1 << 20));
}

static bool measure_and_print(struct run *r)
{
	double before = probe_ns(), took, after, began = now_ns();
	long was_pushed = all_pushed();
	bool disturbed;

	took = r->measure(r);
	was_pushed = all_pushed() - was_pushed;
	after = probe_ns();
	printf("# probe %.0f %.0f, pushed %ld\n", before, after, was_pushed);
	disturbed = was_pushed > PUSHED_MAX ||
		    strcmp(place_of(before), place_of(after));
	if (!disturbed || keep)
		print(place_of(before), r, took);
	let_others_run(now_ns() - began);
	return !disturbed || keep;
}

static void try_to_measure(struct run *r)
{
	for (int tries = TRIES; tries; tries--)
		if (measure_and_print(r))
			return;
	printf("# dropped: %s %zu %zu %zu %s\n", r->what, r->bytes, r->at_once,
	       r->capacity, r->way->name);
}

int main(int argc, char **argv)
{
	unsigned long rounds = 7;
	int option;

	at_least_ns = 20e6;
	while ((option = getopt(argc, argv, "r:t:c:w:k")) != -1) {
		switch (option) {
		case 'r':
			rounds = strtoul(optarg, NULL, 10);
			break;
		case 't':
			at_least_ns = strtod(optarg, NULL) * 1e6;
			break;
		case 'c':
			only_capacity = strtoul(optarg, NULL, 10);
			break;
		case 'w':
			only_ways = optarg;
			break;
		case 'k':
			keep = true;
			break;
		default:
			return 2;
		}
	}
	setlinebuf(stdout);
	choose_cpus();
	pin(0, cpus[0]);
	choose_device();
	printf("# vfifo: %s\n",
	       on_device ? "the device" : "memory of the device's layout");
	meeting = get_shared(sizeof(*meeting));
	if (!keep)
		go_before_others();
	add_all();
	/* Each round begins with another measurement. */
	for (unsigned long round = 0; round < rounds; round++)
		for (size_t i = 0; i < number_of_runs; i++)
			try_to_measure(
				&runs[(i + round * 17) % number_of_runs]);
	return 0;
}
