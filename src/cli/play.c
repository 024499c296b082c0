// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo play: plays samples into a device at their exact pace, as an instrument does. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "decimal.h"
#include "fault.h"
#include "interrupt.h"
#include "pace.h"
#include "port.h"
#include "progress.h"
#include "source-recording.h"

/* A part of a packet, if the capacity is unknown. */
#define PACKET_PART_MAX (64 << 10)

enum play_state {
	PLAY_RUNS,
	PLAY_ENDED,
	PLAY_DEVICE_FAILED,
	PLAY_PRINTED, /* an error was printed */
};

struct play {
	struct device device;
	enum method method;
	/* What is played: a pattern, a recording, or else a file. */
	bool is_pattern, is_recording, is_raw;
	struct recording_settings recording;
	struct pattern pattern;
	struct sampling raw;
	struct file_settings file;
	struct block_size block;
	/* When it begins and ends. */
	bool waits_for_line, starts_in, starts_at;
	uint64_t start_time;		/* ns: of CLOCK_REALTIME, or from now */
	uint64_t duration, size, count; /* UINT64_MAX: no limit */
	bool waits; /* while the FIFO is full; otherwise blocks are dropped */
	bool drops; /* the user wants that */
	bool ends;  /* VFIFO_END at the end */
	bool quiet, stats, json;
	struct fault_settings settings;
	const char *protocol_name;
	/* The state. */
	enum play_state state;
	int err;
	struct port port;
	struct protocol protocol;
	struct faults faults;
	struct progress progress;
	uint64_t start; /* CLOCK_MONOTONIC */
	uint64_t blocks, dropped_blocks, dropped_bytes;
	struct lateness lateness;
	uint64_t first_due, last_due, first_at, last_at;
};

static int help(void)
{
	printf("Usage: vfifo play [OPTION...] [DEVICE] SOURCE\n"
	       "Plays samples into DEVICE, each block at its exact time. SOURCE is a pattern, a\n"
	       "recording of vfifo record (pcapng), or a file that libsndfile reads (WAV, FLAC\n"
	       "and others), at its own rate. In a FIFO of records each block becomes a record.\n\n"
	       "Options:\n"
	       "  -r, --raw SAMPLING     SOURCE is a file of samples alone, - is standard input;\n"
	       "                         as in rate=48k,format=s16le,channels=2\n"
	       "  -f, --format FORMAT    samples of a file become samples of this format\n"
	       "  -b, --block N          a block has N samples of each channel; the default is\n"
	       "                         10 ms, at most a quarter of the capacity\n"
	       "  -l, --loop             play a file again and again\n"
	       "  -v, --speed FACTOR     of the times of a recording: 1 (the default), 0.5, 10;\n"
	       "                         0 or max: as fast as possible\n"
	       "  -d, --duration TIME    end after TIME: 1.5 (seconds), 20ms\n"
	       "  -c, --count N          end after N samples of each channel\n"
	       "  -s, --size SIZE        end after SIZE bytes (4K, 4KiB, 4kB)\n"
	       "  -a, --start-at TIME    begin at @SECONDS since 1970 (date +%%s), or in +TIME\n"
	       "  -w, --wait-for-line    begin when a line comes on standard input\n"
	       "  -F, --on-full WHAT     drop: leave out a block that does not fit, as hardware\n"
	       "                         does (the default); wait: wait for space (the default\n"
	       "                         of a recording)\n"
	       "  -x, --fault FAULT      a fault on purpose, from the list below\n"
	       "  -S, --seed N           the same number makes the same faults; the default is 1\n"
	       "  -p, --protocol FILE    write a line for each fault and each dropped block\n"
	       "  -t, --stats            at the end print how exact the pace was\n"
	       "  -J, --json             the same as JSON\n"
	       "  -m, --method METHOD    map, calls or auto, as for send\n"
	       "  -e, --eof              end the stream, as send does\n"
	       "  -q, --quiet            no progress line\n"
	       "  -h, --help             this text\n\n" PATTERN_HELP
	       "\n" FAULT_HELP "\nThe default DEVICE is vfifo0:\n\n"
	       "  vfifo play adc sine:rate=48k,frequency=1k --duration 10\n");
	return EXIT_OK;
}

static void stop(struct play *p, enum play_state state, int err)
{
	p->state = state;
	p->err = err;
}

/* --- the beginning ---------------------------------------------------------- */

/* Return: false if a signal came. */
static bool wait_until(clockid_t clock, uint64_t ns)
{
	while (!interrupts())
		if (sleep_until_ns(clock, ns))
			return true;
	return false;
}

static void wait_for_line(struct play *p)
{
	char c = 0;

	while (c != '\n' && !interrupts()) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n == 1 || (n < 0 && errno == EINTR))
			continue;
		complain("no line came on standard input");
		stop(p, PLAY_PRINTED, EXIT_FAILED);
		return;
	}
}

/* A clock that is set meanwhile does not begin in the past. */
#define LATE_MAX 1000000000

/* A time of the calendar is met by that clock. One that has passed is now. */
static void wait_for_time(struct play *p)
{
	uint64_t late;

	if (p->start_time <= now_ns(CLOCK_REALTIME) ||
	    !wait_until(CLOCK_REALTIME, p->start_time))
		return;
	late = now_ns(CLOCK_REALTIME) - p->start_time;
	p->start = now_ns(CLOCK_MONOTONIC);
	if (late < LATE_MAX)
		p->start -= late;
}

static void wait_for_start(struct play *p)
{
	p->start = now_ns(CLOCK_MONOTONIC);
	if (p->starts_in)
		p->start += p->start_time;
	else if (p->starts_at)
		wait_for_time(p);
}

/* --- blocks ----------------------------------------------------------------- */

static void store(struct play *p, const unsigned char *bytes, size_t n)
{
	while (n && p->state == PLAY_RUNS && !interrupts()) {
		size_t moved = 0;
		void *at;
		ssize_t room = port_span(&p->port, n, &at);
		int err = room < 0 && room != -EAGAIN ? (int)room : 0;

		if (room > 0) {
			memcpy(at, bytes, (size_t)room);
			err = port_move(&p->port, (size_t)room, &moved);
		}
		bytes += moved;
		n -= moved;
		p->protocol.offset += moved;
		if (err)
			stop(p, PLAY_DEVICE_FAILED, err);
	}
}

static void drop(struct play *p, size_t n)
{
	protocol_note(&p->protocol, p->protocol.offset, n, "full", 0);
	p->dropped_blocks++;
	p->dropped_bytes += n;
}

static void play_block(struct play *p, const struct source_block *b)
{
	int fits = p->waits ? 1 : port_fits(&p->port, b->n);

	p->blocks++;
	if (fits < 0) {
		stop(p, PLAY_DEVICE_FAILED, fits);
	} else if (!fits) {
		drop(p, b->n);
	} else {
		faults_flip(&p->faults, b->bytes, b->n);
		store(p, b->bytes, b->n);
	}
}

/* Return: false if a signal came. */
static bool wait_for_due(struct play *p, uint64_t due)
{
	uint64_t deadline = p->start + due, now;

	if (!wait_until(CLOCK_MONOTONIC, deadline))
		return false;
	now = now_ns(CLOCK_MONOTONIC);
	lateness_add(&p->lateness, now > deadline ? now - deadline : 0);
	if (!p->blocks) {
		p->first_due = due;
		p->first_at = now;
	}
	p->last_due = due;
	p->last_at = now;
	return true;
}

static void show(struct play *p)
{
	struct progress_state s = { .done = p->protocol.offset,
				    .capacity = p->port.capacity };

	if (!p->progress.on)
		return;
	s.stored = port_stored(&p->port);
	progress_show(&p->progress, &s);
}

/* The bytes that may still be played or dropped. */
static uint64_t bytes_left(const struct play *p)
{
	return p->size - (p->protocol.offset + p->dropped_bytes);
}

static void step(struct play *p)
{
	struct source *source = &p->faults.source;
	struct source_block b;
	int result;

	if (!bytes_left(p)) {
		stop(p, PLAY_ENDED, 0);
		return;
	}
	result = source->next(source, &b);
	if (result < 0)
		stop(p, PLAY_PRINTED, EXIT_FAILED);
	else if (!result || b.due > p->duration)
		stop(p, PLAY_ENDED, 0);
	if (p->state != PLAY_RUNS || !wait_for_due(p, b.due))
		return;
	if (b.n > bytes_left(p))
		b.n = (size_t)bytes_left(p);
	play_block(p, &b);
	show(p);
}

static void run(struct play *p)
{
	if (p->waits_for_line)
		wait_for_line(p);
	if (p->state == PLAY_RUNS && !interrupts())
		wait_for_start(p);
	while (p->state == PLAY_RUNS && !interrupts())
		step(p);
}

/* --- the end ---------------------------------------------------------------- */

static uint64_t rounded_up(double value)
{
	return (uint64_t)(value + 0.5);
}

/* By how much the blocks came too fast on average, in parts of a million. */
static void pace_error(const struct play *p, char *text, size_t size)
{
	double due = (double)(p->last_due - p->first_due);
	double took = (double)(p->last_at - p->first_at);

	snprintf(text, size, "%.3f", took > 0 ? (due / took - 1) * 1e6 : 0.0);
}

static int print_stats(const struct play *p)
{
	const struct table_options options = { .json = p->json };
	char error[64];
	struct value v[9];
	size_t n = 0;

	pace_error(p, error, sizeof(error));
	value_number(&v[n++], "blocks", p->blocks, "blocks that were due");
	value_size(&v[n++], "bytes", p->protocol.offset,
		   "bytes that were stored");
	value_number(&v[n++], "dropped_blocks", p->dropped_blocks,
		     "blocks that did not fit");
	value_size(&v[n++], "dropped_bytes", p->dropped_bytes,
		   "bytes of these");
	value_number(&v[n++], "faults", p->protocol.faults,
		     "lines of the protocol");
	value_number(&v[n++], "late_mean_ns", rounded_up(p->lateness.mean),
		     "how late blocks were, on average");
	value_number(&v[n++], "late_max_ns", p->lateness.max, "at most");
	value_number(&v[n++], "late_deviation_ns",
		     rounded_up(lateness_deviation(&p->lateness)),
		     "its standard deviation");
	value_text(&v[n++], "pace_error_ppm", error,
		   "too fast by so many parts of a million");
	return fields_print("play", &options, v, n);
}

static void print_result(struct play *p)
{
	if (p->dropped_blocks)
		complain(
			"%llu blocks (%llu bytes) were dropped, as %s was full; to wait for space: --on-full wait",
			(unsigned long long)p->dropped_blocks,
			(unsigned long long)p->dropped_bytes, p->device.name);
	if (p->state == PLAY_RUNS)
		complain("interrupted: %llu bytes were played",
			 (unsigned long long)p->protocol.offset);
	else if (p->state == PLAY_DEVICE_FAILED)
		p->err = explain(p->err, &p->device, "play");
}

/* The port, the source and the protocol are open. Returns the exit code. */
static int finish(struct play *p)
{
	int err;

	interrupts_end();
	progress_end(&p->progress, p->protocol.offset);
	if (p->ends && p->state != PLAY_DEVICE_FAILED &&
	    port_end_stream(&p->port) && p->state == PLAY_ENDED)
		stop(p, PLAY_PRINTED, EXIT_FAILED);
	print_result(p);
	err = protocol_close(&p->protocol);
	if (err) {
		complain("%s: %s", p->protocol_name, strerror(-err));
		if (!p->err)
			p->err = EXIT_FAILED;
	}
	if (p->stats && print_stats(p) && !p->err)
		p->err = EXIT_FAILED;
	p->faults.source.close(&p->faults.source);
	port_close(&p->port);
	if (p->state == PLAY_RUNS) {
		fflush(stdout);
		interrupt_die(interrupt_signal());
	}
	return p->err;
}

/* --- all of it -------------------------------------------------------------- */

/* false after an error message. */
static bool open_source(struct play *p)
{
	struct source *source;

	p->block.capacity = p->port.capacity;
	p->recording.largest = p->port.capacity ? p->port.capacity :
						  PACKET_PART_MAX;
	p->recording.whole = p->port.records;
	if (p->port.records && p->port.capacity)
		p->recording.largest =
			vfifo_record_max((__u32)p->port.capacity);
	if (p->is_pattern)
		source = pattern_source(&p->pattern, &p->block);
	else if (p->is_recording)
		source = recording_source(&p->recording);
	else
		source = file_source(&p->file, &p->block);
	if (!source)
		return false;
	if (faults_begin(&p->faults, source, &p->settings, &p->protocol)) {
		out_of_memory();
	} else if (p->waits || !p->port.capacity || p->port.overflows ||
		   source->largest <= p->port.capacity) {
		if (p->count < p->size / source->frame)
			p->size = p->count * source->frame;
		return true;
	} else {
		complain(
			"a block of %zu bytes never fits into %s; --block, or --on-full wait",
			source->largest, p->device.name);
	}
	p->faults.source.close(&p->faults.source);
	return false;
}

static bool open_protocol(struct play *p)
{
	int err = p->protocol_name ?
			  protocol_open(&p->protocol, p->protocol_name) :
			  0;

	if (err)
		complain("%s: %s", p->protocol_name, strerror(-err));
	return !err;
}

static int play(struct play *p)
{
	int err = port_open_framed(&p->port, &p->device, VFIFO_PRODUCER,
				   p->method);

	if (err)
		return explain(err, &p->device, "play");
	if (!open_source(p)) {
		port_close(&p->port);
		return EXIT_FAILED;
	}
	if (!open_protocol(p)) {
		p->faults.source.close(&p->faults.source);
		port_close(&p->port);
		return EXIT_FAILED;
	}
	/* Otherwise the kernel adds 50 us to each sleep, to wake rarely. */
	prctl(PR_SET_TIMERSLACK, 1);
	interrupts_begin();
	progress_begin(&p->progress, p->device.name, "played", p->size);
	if (p->quiet)
		p->progress.on = false;
	run(p);
	return finish(p);
}

/* --- the command line ------------------------------------------------------- */

static int take_start(struct play *p, const char *text)
{
	p->starts_at = *text == '@';
	p->starts_in = *text == '+';
	if ((p->starts_at || p->starts_in) &&
	    !parse_duration(text + 1, &p->start_time) &&
	    (p->starts_at || p->start_time <= 86400 * 1000000000ULL))
		return EXIT_OK;
	return misused("play",
		       "--start-at is @SECONDS since 1970 or +TIME, not %s",
		       text);
}

static int take_full(struct play *p, const char *text)
{
	p->waits = !strcmp(text, "wait");
	p->drops = !strcmp(text, "drop");
	if (p->waits || p->drops)
		return EXIT_OK;
	return misused("play", "--on-full is drop or wait, not %s", text);
}

static int take_number(uint64_t *number, const char *option, const char *text)
{
	if (!parse_decimal(text, 0, number) && *number)
		return EXIT_OK;
	return misused("play", "--%s: %s is not a number above 0", option,
		       text);
}

static int take_option(struct play *p, int c)
{
	char why[WHY_MAX];

	switch (c) {
	case 'r':
		p->is_raw = true;
		if (sampling_parse(optarg, &p->raw, why))
			return misused("play", "--raw: %s", why);
		break;
	case 'f':
		p->file.format = sample_format_find(optarg);
		if (!p->file.format)
			return misused("play",
				       "--format is " SAMPLE_FORMATS ", not %s",
				       optarg);
		break;
	case 'b':
		return take_number(&p->block.samples, "block", optarg);
	case 'c':
		return take_number(&p->count, "count", optarg);
	case 'l':
		p->file.loops = true;
		break;
	case 'd':
		if (parse_duration(optarg, &p->duration))
			return misused("play", "--duration: %s is not a time",
				       optarg);
		break;
	case 's':
		if (parse_size(optarg, &p->size))
			return misused("play", "%s is not a size", optarg);
		break;
	case 'a':
		return take_start(p, optarg);
	case 'w':
		p->waits_for_line = true;
		break;
	case 'F':
		return take_full(p, optarg);
	case 'x':
		if (fault_parse(optarg, &p->settings, why))
			return misused("play", "%s", why);
		break;
	case 'S':
		if (parse_decimal(optarg, 0, &p->settings.seed))
			return misused("play", "--seed: %s is not a number",
				       optarg);
		break;
	case 'p':
		p->protocol_name = optarg;
		break;
	case 'v':
		if (parse_speed(optarg, &p->recording.speed))
			return misused(
				"play",
				"--speed is a factor of up to 1000000 with six places, or max, not %s",
				optarg);
		break;
	case 'J':
		p->json = p->stats = true;
		break;
	case 't':
		p->stats = true;
		break;
	case 'm':
		if (method_parse(optarg, &p->method))
			return misused("play",
				       "--method is auto, map or calls, not %s",
				       optarg);
		break;
	case 'e':
		p->ends = true;
		break;
	case 'q':
		p->quiet = true;
		break;
	default:
		return misused("play", NULL);
	}
	return EXIT_OK;
}

/* What is played again equals what was recorded, so nothing is left out unless that is wanted. */
static int take_recording(struct play *p, const char *text)
{
	if (p->file.loops || p->file.format || p->block.samples ||
	    p->count != UINT64_MAX)
		return misused(
			"play",
			"--loop, --format, --block and --count are for samples, and %s is a recording",
			text);
	p->recording.name = text;
	p->waits = !p->drops;
	return EXIT_OK;
}

static int take_source(struct play *p, const char *text)
{
	char why[WHY_MAX];

	p->is_recording = !p->is_raw &&
			  (!strcmp(text, "-") || is_recording(text));
	if (p->is_recording)
		return take_recording(p, text);
	if (p->recording.speed != SPEED_ONE)
		return misused("play", "--speed is for recordings");
	p->is_pattern = !p->is_raw && pattern_is_named(text);
	if (!p->is_pattern) {
		if (p->is_raw && p->file.format)
			return misused("play", "--raw has a format of its own");
		p->file.name = text;
		p->file.raw = p->is_raw ? &p->raw : NULL;
		return EXIT_OK;
	}
	if (p->file.loops || p->file.format)
		return misused("play", "--%s is for files",
			       p->file.loops ? "loop" : "format");
	if (pattern_parse(text, &p->pattern, why))
		return misused("play", "%s", why);
	return EXIT_OK;
}

static int take_operands(struct play *p, int n, char **operands)
{
	int code;

	if (!n)
		return misused("play", "what is to be played?");
	if (n > 2)
		return misused("play", "unexpected argument %s",
			       operands[n - 1]);
	code = take_source(p, operands[n - 1]);
	return code ? code :
		      device_find(n == 2 ? operands[0] : NULL, &p->device);
}

int verb_play(int argc, char **argv)
{
	static const struct option options[] = {
		{ "raw", required_argument, NULL, 'r' },
		{ "format", required_argument, NULL, 'f' },
		{ "block", required_argument, NULL, 'b' },
		{ "loop", no_argument, NULL, 'l' },
		{ "speed", required_argument, NULL, 'v' },
		{ "duration", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 's' },
		{ "start-at", required_argument, NULL, 'a' },
		{ "wait-for-line", no_argument, NULL, 'w' },
		{ "on-full", required_argument, NULL, 'F' },
		{ "fault", required_argument, NULL, 'x' },
		{ "seed", required_argument, NULL, 'S' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "stats", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'J' },
		{ "method", required_argument, NULL, 'm' },
		{ "eof", no_argument, NULL, 'e' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct play p = { .duration = UINT64_MAX,
			  .size = UINT64_MAX,
			  .count = UINT64_MAX,
			  .recording = { .speed = SPEED_ONE },
			  .settings = { .seed = 1 } };
	int c, code = EXIT_OK;

	while (!code &&
	       (c = getopt_long(argc, argv, "r:f:b:lv:d:c:s:a:wF:x:S:p:tJm:eqh",
				options, NULL)) != -1) {
		if (c == 'h')
			return help();
		code = take_option(&p, c);
	}
	if (!code)
		code = take_operands(&p, argc - optind, argv + optind);
	return code ? code : play(&p);
}
