// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * world.c - the files, mappings and buffers of a process that runs steps, and how it compares
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"
#include "testlib.h"

const int numbers[NUMBERS] = { 0, 1, 2, 255 };

/* The mixer of splitmix64. */
uint32_t random_u32(struct random *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) >> 32;
}

/* --- comparing ---------------------------------------------------------------- */

void mismatch(struct world *w, const char *format, ...)
{
	va_list arguments;

	printf("# ");
	if (w->step)
		printf("%s %u %u %u %u: ", operation(w->step->op)->name,
		       w->step->arg[0], w->step->arg[1], w->step->arg[2],
		       w->step->arg[3]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	_exit(3);
}

void count_operations(struct world *w, unsigned long n)
{
	*w->count += n;
}

static const char *result_text(long result, char *text, size_t size)
{
	if (result < 0)
		snprintf(text, size, "%s", strerror(-result));
	else
		snprintf(text, size, "%ld", result);
	return text;
}

/*
 * The numbers from 512 on are those that the kernel uses between its own functions. None of
 * them may come out of a system call.
 */
void expect(struct world *w, const char *what, long is, long want)
{
	char one[64], two[64];

	count_operations(w, 1);
	if (is <= -512)
		mismatch(w, "%s: errno %ld", what, -is);
	if (w->exact && is != want)
		mismatch(w, "%s: %s, but the model says %s", what,
			 result_text(is, one, sizeof(one)),
			 result_text(want, two, sizeof(two)));
}

void expect_bytes(struct world *w, const char *what, const uint8_t *is,
		  const uint8_t *want, const uint8_t *unknown, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is[i] != want[i] && !unknown[i])
			mismatch(
				w,
				"%s: byte %zu of %zu is %#x, but the model says %#x",
				what, i, n, is[i], want[i]);
}

/* --- signals ------------------------------------------------------------------- */

static void set_alarm(long first_us, long then_us)
{
	struct itimerval when = { { 0, then_us }, { 0, first_us } };

	check(!setitimer(ITIMER_REAL, &when, NULL));
}

void alarm_on(void)
{
	set_alarm(1000, 1000);
}

void alarm_off(void)
{
	set_alarm(0, 0);
}

static void nothing(int signal)
{
	(void)signal;
}

/* --- slots --------------------------------------------------------------------- */

int some_number(uint16_t arg)
{
	return numbers[arg % 8 ? arg / 8 % 2 : arg / 8 % NUMBERS];
}

/* The file of that slot, or of the next slot that has one. */
struct file_slot *some_file(struct world *w, uint16_t arg)
{
	for (int i = 0; i < FILES; i++) {
		struct file_slot *f = &w->files[(arg + i) % FILES];

		if (f->fd >= 0)
			return f;
	}
	return NULL;
}

struct file_slot *file_of_description(struct world *w,
				      const struct description *d)
{
	for (int i = 0; i < FILES; i++)
		if (w->files[i].fd >= 0 && w->files[i].of == d)
			return &w->files[i];
	return NULL;
}

void take_fd(struct file_slot *f, int fd, struct description *of)
{
	f->fd = fd;
	f->of = of;
	f->watched = 0;
}

/* An epoll follows the file and not the descriptor, so a descriptor leaves it first. */
void close_slot(struct world *w, struct file_slot *f)
{
	if (f->fd < 0)
		return;
	if (f->watched)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, f->fd, NULL);
	expect(w, "close", outcome(close(f->fd)), 0);
	f->fd = -1;
	f->watched = 0;
	description_put(f->of);
}

/* Many reads have just enough space for the record that is next, or nearly so. */
static size_t some_record_size(struct fifo *f, uint16_t arg)
{
	const unsigned int n = arg / 16;
	const uint32_t next = fifo_next_record(f);
	const uint32_t space = fifo_room(f, VFIFO_PRODUCER);

	switch (arg % 16) {
	case 0:
		return n % 64 ? 1 : 0;
	case 1:
		return f->capacity / 2 - 2 + n % 4;
	case 2:
		return 1 + n * 4;
	case 3:
		return (space > 16 ? space - 16 : 0) + n % 12;
	case 4:
	case 5:
	case 6:
	case 7:
		return next + n % 8;
	case 8:
		return next ? next - 1 : 4095 + n % 3;
	case 9:
		return 1 + n * 16;
	default:
		return 1 + n % 200;
	}
}

size_t some_size(struct world *w, const struct description *d, uint16_t arg)
{
	const unsigned int n = arg / 16;
	struct fifo *f = d->fifo;

	if (w->exact && f && f->framing == VFIFO_RECORDS)
		return some_record_size(f, arg);
	switch (arg % 16) {
	case 0:
		return n % 64 ? 1 : 0;
	case 1:
		return 4095 + n % 3;
	case 2:
		return 1 + n * 4;
	case 3:
		if (w->exact && f)
			return fifo_room(f, VFIFO_PRODUCER) + n % 3;
		return 1 + n * 16;
	case 4:
		if (w->exact && f)
			return fifo_room(f, VFIFO_CONSUMER) + n % 3;
		return 1 + n % 1000;
	case 5:
		return n % 16 ? 1 + n % 5000 : 1 + n * 100;
	default:
		return 1 + n % 200;
	}
}

/* --- bytes ---------------------------------------------------------------------- */

void fresh_bytes(struct world *w, uint8_t *bytes, size_t n)
{
	fill_pattern(bytes, n, w->written);
	w->written += n;
}

void did_read(struct world *w, struct fifo *f, const uint8_t *got, long n)
{
	if (!w->exact || n <= 0)
		return;
	fifo_take(f, w->wanted, w->unknown, n);
	expect_bytes(w, "read", got, w->wanted, w->unknown, n);
}

void look_too(const struct file_slot *f)
{
	struct pollfd p = { .fd = f->fd };

	check(poll(&p, 1, 0) >= 0);
	fifo_poll(f->of->fifo, f->of, ALL_EVENTS);
}

/* --- the beginning and the end --------------------------------------------------- */

static uint8_t *buffer(bool exact, bool with_edge)
{
	uint8_t *at = mmap(NULL, BYTES + PAGE_MAX, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(at != MAP_FAILED);
	/* To copy them is most of a fork(2), and the model's children do not need them. */
	if (exact)
		check(!madvise(at, BYTES, MADV_DONTFORK));
	if (with_edge)
		check(!mprotect(at + BYTES, PAGE_MAX, PROT_NONE));
	return at;
}

static void own_things(struct world *w)
{
	check(!pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK));
	/* A kernel without sockets has no messages with rights. */
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, w->pair))
		w->pair[0] = w->pair[1] = -1;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	check(w->epoll >= 0);
}

void world_begin(struct world *w, bool exact)
{
	struct sigaction action = { .sa_handler = nothing };

	w->exact = exact;
	for (int i = 0; i < FILES; i++)
		w->files[i].fd = -1;
	w->exported = -1;
	w->held = -1;
	w->user = getuid();
	if (!w->bytes) {
		w->bytes = buffer(exact, true);
		w->edge = w->bytes + BYTES;
		w->got = buffer(exact, false);
		w->unknown = buffer(exact, false);
		w->wanted = buffer(exact, false);
		w->fifos = calloc(NUMBER_MAX, sizeof(*w->fifos));
		check(w->fifos);
		check(!sigaction(SIGALRM, &action, NULL));
		wait_begin();
		memory_begin();
	}
	/* What an earlier sequence has left says nothing about this one. */
	forget_pending_signals();
	w->signals = false;
	w->async_before = 0;
	own_things(w);
}

void world_forked(struct world *w)
{
	for (int i = 0; i < FILES; i++)
		w->files[i].watched = 0;
	w->uring = NULL;
	forget_uninherited(w);
	own_things(w);
}

void world_end(struct world *w)
{
	w->step = NULL;
	for (int i = 0; i < MAPS; i++)
		unmap_slot(w, &w->maps[i]);
	for (int i = 0; i < FILES; i++)
		close_slot(w, &w->files[i]);
	if (w->exported >= 0) {
		close(w->exported);
		if (w->exact) {
			w->exported_of->mappings--;
			fifo_put(w->exported_of);
		}
		w->exported = -1;
	}
	if (w->held >= 0)
		close(w->held);
	if (w->uring)
		uring_free(w->uring);
	w->uring = NULL;
	close(w->epoll);
	close(w->pipe[0]);
	close(w->pipe[1]);
	if (w->pair[0] >= 0) {
		close(w->pair[0]);
		close(w->pair[1]);
	}
}
