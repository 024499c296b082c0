// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes from a file into a device, or from a device into a file.
 *
 * It goes in steps: a span of the device, then the file's read(2) or write(2) straight on
 * it, then the device is told how many bytes of it that were. Between two steps everything
 * is as it should be, so that is where signals are looked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "transfer.h"

static bool sends(const struct transfer *t)
{
	return t->end == VFIFO_PRODUCER;
}

static void stop(struct transfer *t, enum transfer_state state, int err)
{
	t->state = state;
	t->err = err;
}

/* --- the file --------------------------------------------------------------- */

static bool is_standard(const char *name)
{
	return !name || !strcmp(name, "-");
}

static const char *file_name(const struct transfer *t)
{
	if (!is_standard(t->file_name))
		return t->file_name;
	return sends(t) ? "standard input" : "standard output";
}

/* 0 or a negative errno. */
static int open_file(struct transfer *t)
{
	int flags = sends(t) ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;

	if (is_standard(t->file_name))
		t->file = sends(t) ? STDIN_FILENO : STDOUT_FILENO;
	else
		t->file = open(t->file_name, flags | O_CLOEXEC, 0666);
	return t->file < 0 ? -errno : 0;
}

/* What a full disk, or a server, did not take may be told only here. */
static void close_file(struct transfer *t)
{
	if (!t->pattern && close(t->file) && t->state == TRANSFER_ENDED)
		stop(t, TRANSFER_FILE_FAILED, -errno);
}

/* Standard input may have been made non-blocking, by whoever shares it. */
static void wait_for_file(const struct transfer *t)
{
	struct pollfd p = { .fd = t->file,
			    .events = sends(t) ? POLLIN : POLLOUT };

	poll(&p, 1, TICK_MS);
}

/* What read(2) or write(2) said: how many bytes; 0: none, for now or for good. */
static size_t file_moved(struct transfer *t, ssize_t n)
{
	if (n > 0)
		return (size_t)n;
	if (n == 0)
		stop(t, TRANSFER_ENDED, 0);
	else if (errno == EAGAIN)
		wait_for_file(t);
	else if (errno == EPIPE)
		stop(t, TRANSFER_UNREAD, 0);
	else if (errno != EINTR)
		stop(t, TRANSFER_FILE_FAILED, -errno);
	return 0;
}

static size_t fill(struct transfer *t, void *p, size_t n)
{
	if (!t->pattern)
		return file_moved(t, read(t->file, p, n));
	vfifo_pattern_fill(t->pattern, p, (__u32)n);
	return n;
}

static size_t drain(struct transfer *t, const void *p, size_t n)
{
	size_t done = file_moved(t, write(t->file, p, n));

	if (t->check && !check_bytes(t->check, p, done))
		stop(t, TRANSFER_WRONG, 0);
	return done;
}

/* --- the end of file that --eof asks for ------------------------------------ */

/*
 * Who comes before the first writer would find the end at once, so it is asked for when
 * the first bytes are there.
 */
static void set_eof(struct transfer *t)
{
	uint64_t eof;
	int err = attribute_number(&t->device, "eof", &eof);

	t->ends = false;
	if (!err && !eof)
		err = attribute_set(&t->device, "eof", "1");
	if (err)
		stop(t, TRANSFER_TOLD,
		     explain_root(err, &t->device, "the attribute eof",
				  "receive"));
	else
		t->eof_was_set = !eof;
}

static void reset_eof(struct transfer *t)
{
	if (t->eof_was_set)
		attribute_set(&t->device, "eof", "0");
}

/* --- steps ------------------------------------------------------------------ */

/* Who waits for bytes for an output that nobody reads may wait for ever. */
static void look_at_output(struct transfer *t)
{
	struct pollfd p = { .fd = t->file };

	if (!sends(t) && poll(&p, 1, 0) > 0 && (p.revents & POLLERR))
		stop(t, TRANSFER_UNREAD, 0);
}

static void move(struct transfer *t, size_t n)
{
	size_t moved;
	int err = port_move(&t->port, n, &moved);

	t->done += moved;
	t->lost += n - moved;
	pace_moved(&t->pace, moved);
	if (err && t->state == TRANSFER_RUNS)
		stop(t, TRANSFER_DEVICE_FAILED, err);
}

static void use_span(struct transfer *t, void *p, size_t n)
{
	size_t moved;

	if (t->ends)
		set_eof(t);
	if (t->state != TRANSFER_RUNS)
		return;
	moved = sends(t) ? fill(t, p, n) : drain(t, p, n);
	if (moved)
		move(t, moved);
}

static void step(struct transfer *t)
{
	uint64_t left = t->size - t->done;
	size_t most = pace_allows(&t->pace,
				  left < SSIZE_MAX ? (size_t)left : SSIZE_MAX);
	void *p = NULL;
	ssize_t n;

	if (!most)
		return;
	n = port_span(&t->port, most, &p);
	if (n > 0)
		use_span(t, p, (size_t)n);
	else if (n == 0)
		stop(t, TRANSFER_ENDED, 0);
	else if (n == -EAGAIN)
		look_at_output(t);
	else
		stop(t, TRANSFER_DEVICE_FAILED, (int)n);
}

/* What was taken out of the device is written first, unless there is a second signal. */
static bool interrupted(const struct transfer *t)
{
	return interrupts() > (t->port.pending ? 1 : 0);
}

static void show(struct transfer *t)
{
	struct progress_state s;

	/* It costs a call, so not without need. */
	if (!t->progress.on)
		return;
	s.done = t->done;
	s.stored = port_stored(&t->port);
	s.capacity = t->port.capacity;
	progress_show(&t->progress, &s);
}

static void run(struct transfer *t)
{
	while (t->state == TRANSFER_RUNS && !interrupted(t)) {
		if (t->done == t->size)
			stop(t, TRANSFER_ENDED, 0);
		else
			step(t);
		show(t);
	}
}

/* --- all of it -------------------------------------------------------------- */

/* How much will come, if anybody knows. */
static uint64_t expected(const struct transfer *t)
{
	uint64_t left = UINT64_MAX;
	off_t at;
	struct stat s;

	if (sends(t) && !t->pattern && !fstat(t->file, &s) &&
	    S_ISREG(s.st_mode)) {
		at = lseek(t->file, 0, SEEK_CUR);
		left = s.st_size > at ? (uint64_t)(s.st_size - at) : 0;
	}
	return left < t->size ? left : t->size;
}

static void begin(struct transfer *t)
{
	pace_begin(&t->pace, t->rate);
	progress_begin(&t->progress, t->device.name,
		       sends(t) ? "sent" : "received", expected(t));
	/* What is typed, or shown, on the terminal has the line for itself. */
	if (t->quiet || (!t->pattern && isatty(t->file)))
		t->progress.on = false;
}

static void tell_lost(const struct transfer *t)
{
	uint64_t lost = t->lost + t->port.pending;

	if (!lost)
		return;
	if (sends(t))
		complain(
			"%llu bytes that were read from %s could not be stored, and are lost",
			(unsigned long long)lost, file_name(t));
	else
		complain(
			"%llu bytes that were taken out of %s could not be written, and are lost",
			(unsigned long long)lost, t->device.name);
}

static int tell(const struct transfer *t)
{
	switch (t->state) {
	case TRANSFER_RUNS:
		complain("interrupted: %llu bytes were %s",
			 (unsigned long long)t->done,
			 sends(t) ? "sent" : "received");
		return EXIT_FAILED;
	case TRANSFER_DEVICE_FAILED:
		return explain(t->err, &t->device,
			       sends(t) ? "send" : "receive");
	case TRANSFER_FILE_FAILED:
		complain("%s: %s", file_name(t), strerror(-t->err));
		return EXIT_FAILED;
	case TRANSFER_WRONG:
		return EXIT_MISMATCH;
	case TRANSFER_TOLD:
		return t->err;
	default:
		return EXIT_OK;
	}
}

/* With the files open. */
static int finish(struct transfer *t)
{
	int code;

	interrupts_end();
	progress_end(&t->progress, t->done);
	tell_lost(t);
	reset_eof(t);
	port_close(&t->port);
	close_file(t);
	code = tell(t);
	if (code == EXIT_OK && t->check && !check_end(t->check))
		code = EXIT_MISMATCH;
	/* As a shell expects it of what a signal has ended. */
	if (t->state == TRANSFER_RUNS)
		interrupt_die(interrupt_signal());
	if (t->state == TRANSFER_UNREAD)
		interrupt_die(SIGPIPE);
	return code;
}

int transfer_run(struct transfer *t)
{
	int err = port_open(&t->port, &t->device, t->end, t->method);

	if (err) {
		stop(t, TRANSFER_DEVICE_FAILED, err);
		return tell(t);
	}
	/* Where there is no device nothing is to become of the file. */
	if (!t->pattern)
		err = open_file(t);
	if (err) {
		stop(t, TRANSFER_FILE_FAILED, err);
		port_close(&t->port);
		return tell(t);
	}
	interrupts_begin();
	begin(t);
	run(t);
	return finish(t);
}

/* --- the command line ------------------------------------------------------- */

int transfer_option(struct transfer *t, int c, const char *verb,
		    const char *argument)
{
	switch (c) {
	case 'm':
		if (!method_parse(argument, &t->method))
			return EXIT_OK;
		return misused(verb, "--method is auto, map or calls, not %s",
			       argument);
	case 's':
		if (!parse_size(argument, &t->size))
			return EXIT_OK;
		return misused(verb, "%s is no size", argument);
	case 'r':
		if (!parse_size(argument, &t->rate) && t->rate)
			return EXIT_OK;
		return misused(verb, "%s is no number of bytes a second",
			       argument);
	case 'q':
		t->quiet = true;
		return EXIT_OK;
	}
	return misused(verb, NULL);
}

int transfer_operands(struct transfer *t, const char *verb, int n,
		      char **operands)
{
	if (n > (t->pattern ? 1 : 2))
		return misused(verb, "what is %s?", operands[n - 1]);
	if (n == 2)
		t->file_name = operands[1];
	return device_find(n ? operands[0] : NULL, &t->device);
}
