// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moves bytes from a file into a device, or from a device into a file.
 *
 * A step gets a span of the device, calls the file's read(2) or write(2) directly on it, and
 * passes these bytes on. Between two steps no byte is in transit (except in port.pending), so
 * signals are handled there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* A full disk, or the server of a network file, may be reported only by close(2). */
static void close_file(struct transfer *t)
{
	if (!t->pattern && close(t->file) && t->state == TRANSFER_ENDED)
		stop(t, TRANSFER_FILE_FAILED, -errno);
}

/* Another process may have made a shared standard input non-blocking. */
static void wait_for_file(const struct transfer *t)
{
	struct pollfd p = { .fd = t->file,
			    .events = sends(t) ? POLLIN : POLLOUT };

	poll(&p, 1, TICK_MS);
}

/* Handles the result of read(2) or write(2). Return: how many bytes; 0: none, or the end. */
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
	/* What is filled is stored, unless the transfer fails. */
	pattern_fill(t->pattern, t->done, p, n);
	return n;
}

static ssize_t record(struct transfer *t, const void *p, size_t n)
{
	return t->port.records && t->recorder->format != RECORDER_WAV ?
		       recorder_record(t->recorder, p, n, &t->port.record) :
		       recorder_bytes(t->recorder, p, n);
}

static size_t drain(struct transfer *t, const void *p, size_t n)
{
	size_t done = file_moved(t, t->recorder ? record(t, p, n) :
						  write(t->file, p, n));

	if (t->check && !check_bytes(t->check, p, done))
		stop(t, TRANSFER_WRONG, 0);
	return done;
}

static void begin_recording(struct transfer *t)
{
	if (!t->recorder)
		return;
	t->recorder->records = t->port.records;
	if (recorder_begin(t->recorder, &t->device, t->file))
		file_moved(t, -1);
}

/* Also after a signal, and after an error, which stays the result. */
static void end_recording(struct transfer *t)
{
	const bool failed = t->state != TRANSFER_RUNS &&
			    t->state != TRANSFER_ENDED;

	if (t->recorder && recorder_end(t->recorder) && !failed)
		file_moved(t, -1);
}

/* --- the end of the stream -------------------------------------------------- */

/*
 * With the attribute set, a reader that starts before the first writer gets the end of file
 * at once. So it is set when the first bytes have arrived.
 */
static void set_eof(struct transfer *t)
{
	uint64_t eof;
	int err = attribute_number(&t->device, "eof", &eof);

	t->ends = false;
	if (!err && !eof)
		err = attribute_set(&t->device, "eof", "1");
	if (err)
		stop(t, TRANSFER_PRINTED,
		     explain_root(err, &t->device, "the attribute eof",
				  "receive"));
	else
		t->eof_set = !eof;
}

static void reset_eof(struct transfer *t)
{
	if (t->eof_set)
		attribute_set(&t->device, "eof", "0");
}

/*
 * However the transfer ended, as with a pipe. After a failure of the device there is no
 * stream to end; the error is printed already.
 */
static void end_stream(struct transfer *t)
{
	int err;

	if (!sends(t) || !t->ends || t->state == TRANSFER_DEVICE_FAILED)
		return;
	err = port_end_stream(&t->port);
	if (err && t->state == TRANSFER_ENDED)
		stop(t, TRANSFER_PRINTED, EXIT_FAILED);
}

/* --- steps ------------------------------------------------------------------ */

/* Ends the transfer if the output has no reader: no byte may ever come to find that out. */
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

	if (t->ends && !sends(t))
		set_eof(t);
	if (t->state != TRANSFER_RUNS)
		return;
	moved = sends(t) ? fill(t, p, n) : drain(t, p, n);
	if (moved)
		move(t, moved);
}

/* --- records ---------------------------------------------------------------- */

/* An error of the file that has no errno. */
static void file_is_wrong(struct transfer *t, ssize_t err)
{
	if (err == -EMSGSIZE)
		complain(
			"%s: a record is longer than %zu bytes, which is half of the capacity of %s",
			file_name(t), t->framer->longest, t->device.name);
	else
		complain("%s: it has no valid length of a record at its end",
			 file_name(t));
	stop(t, TRANSFER_PRINTED, EXIT_FAILED);
}

/* The length of the next record of the file; 0: none yet, or none at all. */
static size_t record_of_file(struct transfer *t, const void **record)
{
	ssize_t n = framer_next(t->framer, record);

	if (n > 0)
		return (size_t)n;
	if (n < 0)
		file_is_wrong(t, n);
	else if (t->framer->ended)
		stop(t, TRANSFER_ENDED, 0);
	else if ((n = framer_read(t->framer, t->file)))
		file_moved(t, n);
	return 0;
}

/* The length of the next record of the pattern. The last one can be shorter. */
static size_t record_of_pattern(const struct transfer *t)
{
	uint64_t left = t->size - t->done;

	return t->framer->size < left ? t->framer->size : (size_t)left;
}

static void send_record(struct transfer *t)
{
	const void *record = NULL;
	size_t n = t->pattern ? record_of_pattern(t) :
				record_of_file(t, &record);
	ssize_t room;
	void *p = NULL;

	if (!n)
		return;
	room = port_span(&t->port, n, &p);
	if (room < 0 && room != -EAGAIN)
		stop(t, TRANSFER_DEVICE_FAILED, (int)room);
	if (room <= 0)
		return;
	if (t->pattern) {
		pattern_fill(t->pattern, t->done, p, n);
	} else {
		memcpy(p, record, n);
		framer_take(t->framer, n);
	}
	move(t, n);
}

/* read(2) gives no number. */
static void count_missing(struct transfer *t)
{
	const struct vfifo_record *record = &t->port.record;

	if (!record->length)
		return;
	if (t->numbered)
		t->missing += (uint32_t)(record->sequence - t->next_number);
	t->numbered = true;
	t->next_number = record->sequence + 1;
}

/* Writes what is left of the record. Return: whether all of it is written. */
static bool write_record(struct transfer *t, void *p, size_t n)
{
	struct iovec part[2] = { { p, n } };
	int parts = t->framer ? framer_parts(t->framer, p, n, part) : 1;
	size_t all = 0, skip = t->written;

	for (int i = 0; i < parts; i++) {
		size_t of_this = skip < part[i].iov_len ? skip :
							  part[i].iov_len;

		all += part[i].iov_len;
		part[i].iov_base = (char *)part[i].iov_base + of_this;
		part[i].iov_len -= of_this;
		skip -= of_this;
	}
	t->written += file_moved(t, writev(t->file, part, parts));
	return t->written == all;
}

/* The record is the device's until all of it is written. */
static void receive_record(struct transfer *t, void *p, size_t n)
{
	if (t->ends)
		set_eof(t);
	if (t->state != TRANSFER_RUNS || !write_record(t, p, n))
		return;
	t->written = 0;
	count_missing(t);
	if (t->check && !check_bytes(t->check, p, n))
		stop(t, TRANSFER_WRONG, 0);
	move(t, n);
}

/* --- a step ----------------------------------------------------------------- */

static void step_to_device(struct transfer *t)
{
	if (pace_allows(&t->pace, 1))
		send_record(t);
}

static void use(struct transfer *t, void *p, size_t n)
{
	if (t->port.records && !t->recorder)
		receive_record(t, p, n);
	else
		use_span(t, p, n);
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
		use(t, p, (size_t)n);
	else if (n == 0)
		stop(t, TRANSFER_ENDED, 0);
	else if (n == -EAGAIN)
		look_at_output(t);
	else
		stop(t, TRANSFER_DEVICE_FAILED, (int)n);
}

/*
 * What was read, from the device or for records from the file, is written first, unless a second
 * signal comes.
 */
static bool interrupted(const struct transfer *t)
{
	bool held = t->framer && t->framer->held;

	return interrupts() > (t->port.pending || held ? 1 : 0);
}

static void show(struct transfer *t)
{
	struct progress_state s;

	/* port_stored() makes a system call. */
	if (!t->progress.on)
		return;
	s.done = t->done;
	s.stored = port_stored(&t->port);
	s.capacity = t->port.capacity;
	progress_show(&t->progress, &s);
}

static bool is_over(const struct transfer *t)
{
	/* The last record can be longer than what is left. */
	return t->done >= t->size ||
	       (t->duration &&
		now_ns(CLOCK_MONOTONIC) - t->began >= t->duration);
}

static void run(struct transfer *t)
{
	while (t->state == TRANSFER_RUNS && !interrupted(t)) {
		if (t->framer && interrupts())
			t->framer->ended = true; /* what is held is the rest */
		if (is_over(t))
			stop(t, TRANSFER_ENDED, 0);
		else if (sends(t) && t->port.records)
			step_to_device(t);
		else
			step(t);
		show(t);
	}
}

/* --- all of it -------------------------------------------------------------- */

/* The number of bytes that will be moved; UINT64_MAX: unknown. */
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
	t->began = now_ns(CLOCK_MONOTONIC);
	pace_begin(&t->pace, t->rate);
	progress_begin(&t->progress, t->device.name,
		       sends(t) ? "sent" : "received", expected(t));
	/* The line would be mixed with what is typed, or shown, on the terminal. */
	if (t->quiet || (!t->pattern && isatty(t->file)))
		t->progress.on = false;
}

static void print_lost(const struct transfer *t)
{
	uint64_t lost = t->lost + t->port.pending;

	if (t->missing)
		complain("%llu records are missing, by their numbers",
			 (unsigned long long)t->missing);
	if (t->framer)
		lost += t->framer->held;
	if (!lost)
		return;
	if (sends(t))
		complain(
			"%llu bytes that were read from %s could not be stored, and are lost",
			(unsigned long long)lost, file_name(t));
	else
		complain(
			"%llu bytes that were received from %s could not be written, and are lost",
			(unsigned long long)lost, t->device.name);
}

/* Prints the error, if any. Returns the exit code. */
static int print_result(const struct transfer *t)
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
	case TRANSFER_PRINTED:
		return t->err;
	default:
		return EXIT_OK;
	}
}

/* Whether the option --records fits the device. Return: an exit code, after an error message. */
static int check_framing(const struct transfer *t)
{
	const char *name = t->device.name;

	if (t->framer && !t->port.records)
		complain(
			"--records: %s keeps no records; sudo vfifo set %s framing=records",
			name, name);
	else if (!t->framer && t->port.records && sends(t))
		complain(
			"%s keeps records: --records lines, length or a size tells where one ends",
			name);
	else
		return EXIT_OK;
	return EXIT_USAGE;
}

static int begin_framing(struct transfer *t)
{
	return t->framer ?
		       framer_begin(t->framer,
				    vfifo_record_max((__u32)t->port.capacity)) :
		       0;
}

static void end_framing(struct transfer *t)
{
	if (t->framer)
		framer_end(t->framer);
}

/* Sets the state if it fails. */
static void open_device(struct transfer *t)
{
	int err = port_open_framed(&t->port, &t->device, t->end, t->method);
	int code = EXIT_OK;

	if (!err) {
		code = check_framing(t);
		err = code ? 0 : begin_framing(t);
		if (code || err)
			port_close(&t->port);
	}
	if (code)
		stop(t, TRANSFER_PRINTED, code);
	else if (err)
		stop(t, TRANSFER_DEVICE_FAILED, err);
}

/* The port and the file are open. */
static int finish(struct transfer *t)
{
	int code;

	end_recording(t);
	interrupts_end();
	progress_end(&t->progress, t->done);
	print_lost(t);
	reset_eof(t);
	end_stream(t);
	end_framing(t);
	port_close(&t->port);
	close_file(t);
	code = print_result(t);
	/* The totals are of use after a signal, too. */
	if (t->check && t->state != TRANSFER_WRONG &&
	    (code == EXIT_OK || t->check->keeps_going) &&
	    !check_end(t->check) && code == EXIT_OK)
		code = EXIT_MISMATCH;
	if (t->state == TRANSFER_RUNS)
		interrupt_die(interrupt_signal());
	if (t->state == TRANSFER_UNREAD)
		interrupt_die(SIGPIPE);
	return code;
}

/* What is recorded keeps its records. */
int transfer_run(struct transfer *t)
{
	int err = 0;

	open_device(t);
	if (t->state != TRANSFER_RUNS)
		return print_result(t);
	/* After the port, so that the file is not truncated if there is no device. */
	if (!t->pattern)
		err = open_file(t);
	if (err) {
		stop(t, TRANSFER_FILE_FAILED, err);
		end_framing(t);
		port_close(&t->port);
		return print_result(t);
	}
	interrupts_begin();
	begin_recording(t);
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
		return misused(verb, "%s is not a size", argument);
	case 'r':
		if (!parse_size(argument, &t->rate) && t->rate)
			return EXIT_OK;
		return misused(verb, "%s is not a number of bytes per second",
			       argument);
	case 'R':
		if (!framer_parse(&t->framed, argument)) {
			t->framer = &t->framed;
			return EXIT_OK;
		}
		return misused(verb,
			       "--records is lines, length or a size, not %s",
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
		return misused(verb, "unexpected argument %s", operands[n - 1]);
	if (n == 2)
		t->file_name = operands[1];
	return device_find(n ? operands[0] : NULL, &t->device);
}
