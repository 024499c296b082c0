// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crowd [ROUNDS [MS]]: measures readers and writers that run at once, on the device and, in the
 * same round, on a pipe of the same size; in a guest with two processors and /dev/vfifo0
 *
 * Measures a pair for MS milliseconds and a crowd for CROWD_TIMES as long, and prints lines for
 * each way (see scripts/bench):
 *
 *	smp - pair BYTES 1 CAPACITY WAY NUMBER k/s             one reader, one writer
 *	smp - crowd BYTES 1 CAPACITY WAY NUMBER k/s            64 of each
 *	smp - crowd-slowest BYTES 1 CAPACITY WAY NUMBER share  of the mean of the 64 readers
 *
 * The clock is that of an emulator, whose two processors share those of the host with other
 * programs. So only a ratio to the pipe says something.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define CROWD 64
#define BYTES_MAX 65536
#define WARM_UP_MS 300
#define CROWD_TIMES 6 /* as long as a pair, as all have to run several times */

static unsigned char buffer[BYTES_MAX];

/* The bytes that each reader has taken, each in a line of its own. */
static struct {
	uint64_t bytes __attribute__((aligned(64)));
} * taken;

struct job {
	bool pipe;
	int fd[2];
	size_t bytes;
	unsigned int number;
};

static int end_of(const struct job *j, int which, int flags)
{
	return j->pipe ? j->fd[which] : device(flags);
}

static void write_on(void *argument)
{
	const struct job *j = argument;
	int fd = end_of(j, 1, O_WRONLY);

	for (;;)
		write_all(fd, buffer, j->bytes);
}

static void read_on(void *argument)
{
	const struct job *j = argument;
	int fd = end_of(j, 0, O_RDONLY);

	for (;;) {
		ssize_t n = read(fd, buffer, j->bytes);

		check(n > 0);
		__atomic_add_fetch(&taken[j->number].bytes, (uint64_t)n,
				   __ATOMIC_RELAXED);
	}
}

/* Stores what each reader took in MS milliseconds. Returns the seconds that it took. */
static double watch(unsigned int readers, long ms, double *each)
{
	double began;

	sleep_ms(readers > 1 ? CROWD_TIMES * WARM_UP_MS : WARM_UP_MS);
	began = now();
	for (unsigned int i = 0; i < readers; i++)
		each[i] = -(double)__atomic_load_n(&taken[i].bytes,
						   __ATOMIC_RELAXED);
	sleep_ms(ms);
	for (unsigned int i = 0; i < readers; i++)
		each[i] += (double)__atomic_load_n(&taken[i].bytes,
						   __ATOMIC_RELAXED);
	return now() - began;
}

static void measure(bool pipe_, size_t bytes, unsigned int clients, long ms)
{
	const char *way = pipe_ ? "pipe" : "vfifo";
	struct job j = { .pipe = pipe_, .bytes = bytes };
	double each[CROWD], all = 0, least = 1e18, took;
	pid_t pids[2 * CROWD];
	unsigned int i;

	if (pipe_)
		check(!pipe(j.fd));
	else
		check_equal(set_attribute("clear", "1"), 0);
	for (i = 0; i < 2 * clients; i++) {
		j.number = i / 2;
		pids[i] = start(i % 2 ? write_on : read_on, &j);
	}
	took = watch(clients, clients > 1 ? CROWD_TIMES * ms : ms, each);
	for (i = 0; i < 2 * clients; i++)
		check(!kill(pids[i], SIGKILL));
	for (i = 0; i < 2 * clients; i++)
		check_equal(waitpid(pids[i], NULL, 0), pids[i]);
	if (pipe_) {
		close(j.fd[0]);
		close(j.fd[1]);
	}
	for (i = 0; i < clients; i++) {
		all += each[i];
		least = each[i] < least ? each[i] : least;
	}
	printf("smp - %s %zu 1 %d %s %.4f k/s\n",
	       clients > 1 ? "crowd" : "pair", bytes, CAPACITY, way,
	       all / (double)bytes / took / 1e3);
	if (clients > 1)
		printf("smp - crowd-slowest %zu 1 %d %s %.4f share\n", bytes,
		       CAPACITY, way, least * clients / all);
}

static void measure_both(size_t bytes, unsigned int clients, long ms)
{
	measure(true, bytes, clients, ms);
	measure(false, bytes, clients, ms);
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 3;
	const long ms = argc > 2 ? atol(argv[2]) : 500;

	taken = mmap(NULL, CROWD * sizeof(*taken), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(taken != MAP_FAILED);
	setlinebuf(stdout);
	for (int round = 0; round < rounds; round++) {
		measure_both(64, 1, ms);
		measure_both(4096, 1, ms);
		measure_both(BYTES_MAX, 1, ms);
		measure_both(64, CROWD, ms);
		measure_both(4096, CROWD, ms);
	}
	return 0;
}
