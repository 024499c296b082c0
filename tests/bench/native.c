// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * native [ROUNDS [MS [keep]]]: measures the library's data path and its alternatives between two
 * processes, each on its own processor, on this machine
 *
 * There is no module here: the library works on plain memory with the layout of the device.
 * Each round measures all ways one after the other, for MS milliseconds each, and prints a line
 * for each number (see scripts/bench):
 *
 *	native PLACE WHAT BYTES WAY NUMBER UNIT
 *
 * The host moves virtual processors, so the distance of two processors changes. The round trip
 * of a cache line is probed before and after each measurement, and PLACE is near or far. A
 * measurement is dropped if PLACE changed or if another process used one of the processors; each
 * is tried TRIES times. With keep, for a quick run on a busy machine, no measurement is dropped.
 * Without keep the two processes have real-time priority if permitted, and other processes wait.
 */
#define _GNU_SOURCE
#include <errno.h>
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

#include "ways.h"

#define PROBES 100 /* of PROBE_TRIPS each */
#define PROBE_TRIPS 100
#define TRIES 8
#define SECONDS_MAX 180 /* ends the program if it hangs */
#define PRIORITY 5
#define PUSHED_MAX 0 /* involuntary context switches of the two */
#define NEAR_NS 150  /* at most */
#define FAR_NS 200   /* at least */
#define WARM_UP 4    /* capacities, to fault in pages and fill caches */
#define ROUND_TRIP_BYTES 64

static const size_t sizes[] = { 64, 4096, 65536 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define WAYS_MAX 16

static int cpus[2];
static bool keep; /* disturbed measurements */
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

	alarm(SECONDS_MAX);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		puts("# others may take a processor from this");
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

static void end(pid_t pid)
{
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) != pid || status)
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
	for (unsigned int i = 0; i < PROBES * PROBE_TRIPS; i++)
		turn(2 * i + 2);
}

/* The minimum, as disturbances only add to the time. */
static double probe_ns(void)
{
	pid_t pid = begin(echo_line, NULL);
	double least = 1e9;
	unsigned int i = 0;

	meet();
	for (int probe = 0; probe < PROBES; probe++) {
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

struct run {
	const struct way *way;
	size_t bytes;
	uint64_t messages, warm_up;
	struct channel there, back;
};

static void enter(struct channel *c, enum vfifo_end as)
{
	c->end = as;
	c->way->enter(c);
}

static void make(struct channel *c, const struct way *way)
{
	*c = (struct channel){ .way = way };
	way->make(c);
}

static void produce(void *argument)
{
	struct run *r = argument;
	struct channel *c = &r->there;

	enter(c, VFIFO_PRODUCER);
	meet();
	for (uint64_t i = 0; i < r->warm_up + r->messages; i++)
		c->way->send(c, r->bytes, i);
	c->way->finish(c);
}

/* Returns the nanoseconds for all messages, in one direction. */
static double stream(struct run *r)
{
	struct channel *c = &r->there;
	double began, took;
	pid_t pid;

	make(c, r->way);
	pid = begin(produce, r);
	enter(c, VFIFO_CONSUMER);
	meet();
	for (uint64_t i = 0; i < r->warm_up; i++)
		c->way->receive(c, r->bytes, i);
	began = now_ns();
	for (uint64_t i = 0; i < r->messages; i++)
		c->way->receive(c, r->bytes, r->warm_up + i);
	took = now_ns() - began;
	c->way->finish(c);
	end(pid);
	c->way->leave(c);
	return took;
}

static void echo(void *argument)
{
	struct run *r = argument;

	enter(&r->there, VFIFO_CONSUMER);
	enter(&r->back, VFIFO_PRODUCER);
	meet();
	for (uint64_t i = 0; i < r->warm_up + r->messages; i++) {
		r->way->receive(&r->there, r->bytes, i);
		r->way->send(&r->back, r->bytes, i);
	}
}

/* Returns the nanoseconds for the round trips of all messages, one at a time. */
static double round_trips(struct run *r)
{
	double began = 0;
	pid_t pid;

	make(&r->there, r->way);
	make(&r->back, r->way);
	pid = begin(echo, r);
	enter(&r->there, VFIFO_PRODUCER);
	enter(&r->back, VFIFO_CONSUMER);
	meet();
	for (uint64_t i = 0; i < r->warm_up + r->messages; i++) {
		if (i == r->warm_up)
			began = now_ns();
		r->way->send(&r->there, r->bytes, i);
		r->way->receive(&r->back, r->bytes, i);
	}
	began = now_ns() - began;
	end(pid);
	r->way->leave(&r->there);
	r->way->leave(&r->back);
	return began;
}

/* --- the rounds ----------------------------------------------------------------------- */

struct kind {
	const char *what;
	double (*measure)(struct run *r);
	size_t bytes;
	bool round_trip;
	uint64_t messages[WAYS_MAX]; /* as many as take as long as wanted */
};

static struct kind kinds[SIZES + 1];

static void list_kinds(void)
{
	for (size_t i = 0; i < SIZES; i++)
		kinds[i] = (struct kind){ .what = "throughput",
					  .measure = stream,
					  .bytes = sizes[i] };
	kinds[SIZES] = (struct kind){ .what = "round-trip",
				      .measure = round_trips,
				      .bytes = ROUND_TRIP_BYTES,
				      .round_trip = true };
}

static double measure(const struct kind *kind, const struct way *way,
		      uint64_t messages)
{
	struct run r = { .way = way,
			 .bytes = kind->bytes,
			 .messages = messages,
			 .warm_up = WARM_UP * (BENCH_CAPACITY / kind->bytes) };

	if (kind->round_trip)
		r.warm_up = messages / 8;
	return kind->measure(&r);
}

/* No round trips with batches: a message that waits for its batch never returns. */
static bool applies(const struct kind *kind, const struct way *way)
{
	return !kind->round_trip || way->batch == 1;
}

static void calibrate(struct kind *kind, double ns)
{
	for (size_t w = 0; w < number_of_ways; w++) {
		uint64_t messages = 64;
		double took;

		if (!applies(kind, &ways[w]))
			continue;
		while ((took = measure(kind, &ways[w], messages)) < ns / 4)
			messages *= 2;
		kind->messages[w] =
			(uint64_t)((double)messages * ns / took) + 1;
	}
}

static void print(const char *place, const struct kind *kind,
		  const struct way *way, uint64_t messages, double ns)
{
	const double each = ns / (double)messages;

	if (kind->round_trip)
		printf("native %s %s %zu %s %.1f ns\n", place, kind->what,
		       kind->bytes, way->name, each);
	else
		printf("native %s %s %zu %s %.6f GB/s\n", place, kind->what,
		       kind->bytes, way->name, (double)kind->bytes / each);
}

static bool measure_and_print(const struct kind *kind, size_t w)
{
	double before = probe_ns(), took, after;
	long was_pushed = all_pushed();
	bool disturbed;

	took = measure(kind, &ways[w], kind->messages[w]);
	was_pushed = all_pushed() - was_pushed;
	after = probe_ns();
	printf("# probe %.0f %.0f, pushed %ld\n", before, after, was_pushed);
	disturbed = was_pushed > PUSHED_MAX ||
		    strcmp(place_of(before), place_of(after));
	if (disturbed && !keep)
		return false;
	print(place_of(before), kind, &ways[w], kind->messages[w], took);
	return true;
}

static void try_to_measure(const struct kind *kind, size_t w)
{
	for (int tries = TRIES; tries; tries--)
		if (measure_and_print(kind, w))
			return;
	printf("# dropped: %s %zu %s\n", kind->what, kind->bytes, ways[w].name);
}

/* Each round begins with another way. */
static void measure_round(int round)
{
	for (size_t k = 0; k < SIZES + 1; k++) {
		for (size_t i = 0; i < number_of_ways; i++) {
			size_t w = (i + (size_t)round) % number_of_ways;

			if (applies(&kinds[k], &ways[w]))
				try_to_measure(&kinds[k], w);
		}
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9;
	double ns = (argc > 2 ? atof(argv[2]) : 20) * 1e6;

	keep = argc > 3 && !strcmp(argv[3], "keep");
	setlinebuf(stdout);
	choose_cpus();
	pin(0, cpus[0]);
	meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (meeting == MAP_FAILED || number_of_ways > WAYS_MAX)
		die("no memory");
	if (!keep)
		go_before_others();
	list_kinds();
	for (size_t k = 0; k < SIZES + 1; k++)
		calibrate(&kinds[k], ns);
	for (int round = 0; round < rounds; round++)
		measure_round(round);
	return 0;
}
