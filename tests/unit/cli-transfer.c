// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command's send and receive on a mapped FIFO: they move all bytes, no more than --size,
 * and lose none when a signal ends them.
 */
#include "fake-device.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#define IN VFIFO_PRODUCER
#define OUT VFIFO_CONSUMER
#define CAPACITY 8192

/* The fake is the device; the functions below replace the rest of the command. */
#include "../../src/cli/check.c"
#include "../../src/cli/decimal.c"
#include "../../src/cli/framer.c"
#include "../../src/cli/interrupt.c"
#include "../../src/cli/pace.c"
#include "../../src/cli/pattern.c"
#include "../../src/cli/port.c"
#include "../../src/cli/prbs.c"
#include "../../src/cli/progress.c"
#include "../../src/cli/pcapng.c"
#include "../../src/cli/recorder.c"
#include "../../src/cli/sample.c"
#include "../../src/cli/source-recording.c"
#include "../../src/cli/text.c"
#include "../../src/cli/transfer.c"
#include "../../src/cli/wav.c"
#include "../../src/cli/wave.c"

int device_claim(const struct device *d, enum vfifo_end end, unsigned int flags,
		 struct vfifo_handle **f)
{
	(void)d;
	return fake_try_open_as(
		end, flags & VFIFO_OPEN_RECORDS ? VFIFO_RECORDS : VFIFO_BYTES,
		f);
}

int device_open(const struct device *d, int flags)
{
	(void)d;
	(void)flags;
	return -ENOENT;
}

int device_find(const char *spec, struct device *d)
{
	(void)spec;
	strcpy(d->name, "vfifo0");
	return 0;
}

int attribute_get(const struct device *d, const char *name, char *buf,
		  size_t size)
{
	(void)d;
	if (strcmp(name, "framing") || device.status->framing != VFIFO_RECORDS)
		return -ENOENT;
	snprintf(buf, size, "records");
	return 0;
}

int attribute_number(const struct device *d, const char *name, uint64_t *value)
{
	(void)d;
	(void)name;
	(void)value;
	return -ENOENT;
}

int attribute_set(const struct device *d, const char *name, const char *text)
{
	(void)d;
	(void)name;
	(void)text;
	return -ENOENT;
}

/* How often a stream was ended, at which position, and what that returns. */
static int ended, end_error;
static uint32_t ended_at;

int device_end(int fd)
{
	(void)fd;
	ended++;
	ended_at = fake_position(IN);
	/* The claim is still there. */
	assert_int_not_equal(device.status->claim[IN], 0);
	return end_error;
}

static int explained;
/* The same in memory that a parent sees. */
static int *shared_explained;

int explain(int err, const struct device *d, const char *what)
{
	(void)d;
	(void)what;
	explained = err;
	if (shared_explained)
		*shared_explained = err;
	return EXIT_FAILED;
}

int explain_root(int err, const struct device *d, const char *what,
		 const char *verb)
{
	(void)verb;
	return explain(err, d, what);
}

/* --- files ------------------------------------------------------------------ */

static unsigned char bytes[300001];

static void make_bytes(void)
{
	struct vfifo_pattern p;

	vfifo_pattern_set(&p, "prbs31", NULL, 0);
	vfifo_pattern_fill(&p, bytes, sizeof(bytes));
}

/* The name of a new file with the first n of these bytes. */
static const char *file_of(size_t n)
{
	static char name[] = "/tmp/vfifo-unit-XXXXXX";
	int fd;

	strcpy(name + sizeof(name) - 7, "XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	return name;
}

static void assert_file(const char *name, const unsigned char *wanted, size_t n)
{
	static unsigned char got[sizeof(bytes) + 1];
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), n);
	assert_memory_equal(got, wanted, n);
	close(fd);
	unlink(name);
}

static struct transfer transfer_of(enum vfifo_end end, const char *file)
{
	return (struct transfer){ .device = { .name = "vfifo0" },
				  .end = end,
				  .method = METHOD_MAP,
				  .file_name = file,
				  .size = UINT64_MAX };
}

/* --- tests ------------------------------------------------------------------ */

static void *run_in_thread(void *t)
{
	return transfer_run(t) == EXIT_OK ? NULL : "failed";
}

static void a_file_goes_through(void **state)
{
	char out[] = "/tmp/vfifo-unit-out-XXXXXX";
	const char *in = file_of(sizeof(bytes));
	struct transfer send = transfer_of(IN, in);
	struct transfer receive = transfer_of(OUT, out);
	pthread_t thread;
	void *failed;

	(void)state;
	fake_create(CAPACITY, 0xfffff000);
	close(mkstemp(out));
	receive.size = sizeof(bytes);
	pthread_create(&thread, NULL, run_in_thread, &send);
	assert_int_equal(transfer_run(&receive), EXIT_OK);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_file(out, bytes, sizeof(bytes));
	unlink(in);
	fake_destroy();
}

static ssize_t read_from(void *from, void *to, size_t n)
{
	return read(*(int *)from, to, n);
}

/* The packets of a recording in one piece. Return: how many bytes. */
static size_t unpack(const char *name, unsigned char *to, size_t most)
{
	int fd = open(name, O_RDONLY), found;
	struct pcapng_reader r;
	struct pcapng_packet p;
	size_t n = 0;

	assert_true(fd >= 0);
	pcapng_begin(&r, read_from, &fd);
	while ((found = pcapng_next(&r, &p)) == 1) {
		assert_true(p.length <= most - n);
		memcpy(to + n, p.bytes, p.length);
		n += p.length;
	}
	assert_int_equal(found, 0);
	pcapng_end(&r);
	close(fd);
	return n;
}

static void a_recording_has_all_bytes(void **state)
{
	static unsigned char got[sizeof(bytes)];
	char out[] = "/tmp/vfifo-unit-out-XXXXXX";
	const char *in = file_of(sizeof(bytes));
	struct transfer send = transfer_of(IN, in);
	struct transfer receive = transfer_of(OUT, out);
	struct recorder recorder = { .application = "a test" };
	pthread_t thread;
	void *failed;

	(void)state;
	fake_create(CAPACITY, 0xfffff000);
	close(mkstemp(out));
	receive.recorder = &recorder;
	receive.size = sizeof(bytes);
	pthread_create(&thread, NULL, run_in_thread, &send);
	assert_int_equal(transfer_run(&receive), EXIT_OK);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_equal(unpack(out, got, sizeof(got)), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	unlink(in);
	unlink(out);
	fake_destroy();
}

/* So that other programs take them. */
static void a_packet_has_64_kib_at_most(void **state)
{
	static unsigned char got[sizeof(bytes)];
	struct recorder recorder = { .application = "a test" };
	const char *out = file_of(0);
	struct transfer t = transfer_of(OUT, out);

	(void)state;
	fake_create(1 << 19, 0);
	memcpy(device.window, bytes, sizeof(bytes));
	fake_move(IN, sizeof(bytes));
	t.recorder = &recorder;
	t.size = sizeof(bytes);
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(recorder.totals.packets, sizeof(bytes) / 65536 + 1);
	assert_int_equal(unpack(out, got, sizeof(got)), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	unlink(out);
	fake_destroy();
}

/* Records as a producer makes them: of 1 to RECORDS bytes, at made-up times, and some are lost. */
enum { RECORDS = 100 };

static uint64_t time_of_record(unsigned int i)
{
	return 1000000007 + (uint64_t)i * i * 1000003;
}

static uint32_t number_of_record(unsigned int i)
{
	return 0xfffffff0 + i + (i >= 50 ? 3 : 0);
}

static void store_records(void)
{
	for (unsigned int i = 0; i < RECORDS; i++) {
		struct vfifo_handle *f;
		void *at = NULL;

		/* The kernel takes the number of the next record from here at each claim. */
		device.position[IN]->sequence = number_of_record(i);
		f = fake_open_records(IN);
		assert_true(vfifo_reserve_record(f, i + 1, &at) > (ssize_t)i);
		memcpy(at, bytes + i, i + 1);
		assert_int_equal(
			vfifo_commit_record(f, i + 1, time_of_record(i)), 0);
		vfifo_close(f);
	}
}

/* Records all that is stored, and leaves the reader at the first packet. */
static void record_all(const char *name, size_t size, struct pcapng_reader *r,
		       int *fd)
{
	struct recorder recorder = { .application = "a test" };
	struct transfer t = transfer_of(OUT, name);

	t.recorder = &recorder;
	t.size = size;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(recorder.totals.packets, RECORDS);
	assert_int_equal(fake_position(OUT), fake_position(IN));
	*fd = open(name, O_RDONLY);
	pcapng_begin(r, read_from, fd);
}

static void play_all(const char *name)
{
	const struct recording_settings s = { .name = name,
					      .largest = CAPACITY / 2,
					      .whole = true };
	struct source *source = recording_source(&s);
	const struct device d = { .name = "vfifo0" };
	struct source_block b;
	struct port p;

	assert_non_null(source);
	assert_int_equal(port_open_framed(&p, &d, IN, METHOD_MAP), 0);
	assert_true(p.records);
	while (source->next(source, &b) == 1) {
		size_t moved;
		void *at = NULL;

		assert_int_equal(port_fits(&p, b.n), 1);
		assert_int_equal(port_span(&p, b.n, &at), b.n);
		memcpy(at, b.bytes, b.n);
		assert_int_equal(port_move(&p, b.n, &moved), 0);
		assert_int_equal(moved, b.n);
	}
	source->close(source);
	port_close(&p);
}

/* With their boundaries, times, numbers and gaps; what is played is recorded as the same records. */
static void records_are_recorded_and_played(void **state)
{
	const size_t all = RECORDS * (RECORDS + 1) / 2;
	char out[] = "/tmp/vfifo-unit-out-XXXXXX";
	struct pcapng_reader r;
	struct pcapng_packet p;
	uint64_t first = 0;
	int fd;

	(void)state;
	fake_create(CAPACITY, 0xfffff000);
	fake_use_records(0);
	store_records();
	close(mkstemp(out));
	record_all(out, all, &r, &fd);
	for (unsigned int i = 0; i < RECORDS; i++) {
		assert_int_equal(pcapng_next(&r, &p), 1);
		assert_int_equal(p.length, i + 1);
		assert_memory_equal(p.bytes, bytes + i, i + 1);
		assert_true(p.numbered);
		assert_int_equal((uint32_t)p.number, number_of_record(i));
		assert_int_equal(p.number - number_of_record(0),
				 i + (i >= 50 ? 3 : 0));
		assert_int_equal(p.lost, i == 50 ? 3 : 0);
		first = i ? first : p.time;
		assert_int_equal(p.time - first,
				 time_of_record(i) - time_of_record(0));
	}
	assert_int_equal(pcapng_next(&r, &p), 0);
	pcapng_end(&r);
	close(fd);

	play_all(out);
	record_all(out, all, &r, &fd);
	for (unsigned int i = 0; i < RECORDS; i++) {
		assert_int_equal(pcapng_next(&r, &p), 1);
		assert_int_equal(p.length, i + 1);
		assert_memory_equal(p.bytes, bytes + i, i + 1);
		assert_int_equal(p.lost, 0);
	}
	pcapng_end(&r);
	close(fd);
	unlink(out);
	fake_destroy();
}

static void csv_has_numbers_and_gaps_of_records(void **state)
{
	const size_t all = RECORDS * (RECORDS + 1) / 2;
	struct recorder recorder = { .format = RECORDER_CSV };
	const char *out = file_of(0);
	struct transfer t = transfer_of(OUT, out);
	unsigned int i = 0;
	char line[512];
	FILE *f;

	(void)state;
	fake_create(CAPACITY, 0);
	fake_use_records(0);
	store_records();
	t.recorder = &recorder;
	t.size = all;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	f = fopen(out, "r");
	assert_non_null(f);
	for (; fgets(line, sizeof(line), f); i++) {
		if (!i)
			assert_string_equal(line,
					    "time,length,sequence,lost,data\n");
		else if (i == 1 || i == 51)
			assert_non_null(
				strstr(line, i == 1 ? ",1,4294967280,0," :
						      ",51,37,3,"));
	}
	assert_int_equal(i, RECORDS + 1);
	fclose(f);
	unlink(out);
	fake_destroy();
}

/* Whole ones, up to the one in which the size ends. */
static void size_ends_a_recording_of_records(void **state)
{
	struct recorder recorder = { .application = "a test" };
	struct transfer t = transfer_of(OUT, "/dev/null");

	(void)state;
	fake_create(CAPACITY, 0);
	fake_use_records(0);
	store_records();
	t.recorder = &recorder;
	t.size = 5;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(recorder.totals.packets, 3);
	assert_int_equal(fake_position(OUT), 3 * vfifo_record_space(3));
	fake_destroy();
}

static void an_invalid_record_is_reported(void **state)
{
	struct recorder recorder = { .application = "a test" };
	struct transfer t = transfer_of(OUT, "/dev/null");

	(void)state;
	fake_create(CAPACITY, 0);
	fake_use_records(0);
	store_records();
	((struct vfifo_record *)(void *)device.window)->length = CAPACITY;
	t.recorder = &recorder;
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(explained, -EBADMSG);
	assert_int_equal(recorder.totals.packets, 0);
	fake_destroy();
}

static void a_packet_longer_than_a_record_is_refused(void **state)
{
	const struct device d = { .name = "vfifo0" };
	struct port p;
	void *at = NULL;

	(void)state;
	fake_create(CAPACITY, 0);
	fake_use_records(0);
	assert_int_equal(port_open_framed(&p, &d, IN, METHOD_MAP), 0);
	assert_int_equal(port_span(&p, CAPACITY / 2, &at), CAPACITY / 2);
	assert_int_equal(port_span(&p, CAPACITY / 2 + 1, &at), -EMSGSIZE);
	port_close(&p);
	fake_destroy();
}

static void what_cannot_be_recorded_stays(void **state)
{
	struct recorder recorder = { .application = "a test" };
	struct transfer t = transfer_of(OUT, "/dev/full");

	(void)state;
	fake_create(CAPACITY, 0);
	fake_move(IN, 1000);
	t.recorder = &recorder;
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(fake_position(OUT), 0);
	fake_destroy();
}

static void size_is_an_end(void **state)
{
	const char *in = file_of(5000);
	struct transfer t = transfer_of(IN, in);

	(void)state;
	fake_create(CAPACITY, 0);
	t.size = 4321;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(fake_position(IN), 4321);
	assert_memory_equal(device.window, bytes, 4321);
	unlink(in);
	fake_destroy();
}

/* Bytes that are stored already stay in front. */
static void a_short_file_ends_it(void **state)
{
	const char *in = file_of(100);
	struct transfer t = transfer_of(IN, in);

	(void)state;
	fake_create(CAPACITY, 0);
	fake_move(IN, 50);
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(fake_position(IN), 150);
	assert_memory_equal(device.window + 50, bytes, 100);
	unlink(in);
	fake_destroy();
}

static void the_rate_is_kept(void **state)
{
	const char *in = file_of(8000);
	struct transfer t = transfer_of(IN, in);
	double began = now_seconds(), took;

	(void)state;
	fake_create(CAPACITY, 0);
	t.rate = 16000;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	took = now_seconds() - began;
	assert_int_equal(fake_position(IN), 8000);
	assert_true(took > 0.45);
	unlink(in);
	fake_destroy();
}

static int receive_checked(const char *name, bool joins, bool keep, size_t skip)
{
	struct transfer t = transfer_of(OUT, "/dev/null");
	struct check check = { .name = name,
			       .joins = joins,
			       .keeps_going = keep };
	char why[WHY_MAX];

	fake_create(CAPACITY, 0);
	memcpy(device.window, bytes + skip, 4000);
	fake_move(IN, 4000);
	assert_int_equal(check_begin(&check, why), 0);
	t.check = &check;
	t.size = 4000;
	return transfer_run(&t);
}

static void what_comes_is_checked(void **state)
{
	(void)state;
	assert_int_equal(receive_checked("prbs31", false, false, 0), EXIT_OK);
	assert_int_equal(fake_position(OUT), 4000);
	fake_destroy();
	assert_int_equal(receive_checked("prbs31", false, false, 1),
			 EXIT_MISMATCH);
	fake_destroy();
	assert_int_equal(receive_checked("prbs31", true, false, 77), EXIT_OK);
	fake_destroy();
	assert_int_equal(receive_checked("text:AUTO ", true, false, 0),
			 EXIT_MISMATCH);
	fake_destroy();
	/* All of it is received, and found to be elsewhere in the pattern. */
	assert_int_equal(receive_checked("prbs31", false, true, 1),
			 EXIT_MISMATCH);
	assert_int_equal(fake_position(OUT), 4000);
	fake_destroy();
}

/* The FIFO is full, so the sender waits. The signal ends it, and with it the claim. */
static void a_signal_ends_a_sender_that_waits(void **state)
{
	const char *in = file_of(20000);
	struct transfer t = transfer_of(IN, in);
	int status;
	pid_t child;

	(void)state;
	fake_create(CAPACITY, 0);
	child = fork();
	if (!child)
		_exit(transfer_run(&t));
	while (fake_position(IN) < CAPACITY)
		usleep(1000);
	kill(child, SIGTERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(fake_position(IN), CAPACITY);
	assert_memory_equal(device.window, bytes, CAPACITY);
	unlink(in);
	fake_destroy();
}

/* Without a reader of the output, no byte is consumed. */
static void an_output_that_nobody_reads_ends_it(void **state)
{
	struct transfer t = transfer_of(OUT, NULL);
	int fd[2], status;
	pid_t child;

	(void)state;
	fake_create(CAPACITY, 0);
	fake_move(IN, 1000);
	assert_int_equal(pipe(fd), 0);
	/* Before the fork, as otherwise the child could write while this process is a reader. */
	close(fd[0]);
	child = fork();
	if (!child) {
		dup2(fd[1], STDOUT_FILENO);
		_exit(transfer_run(&t));
	}
	close(fd[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGPIPE);
	assert_int_equal(fake_position(OUT), 0);
	fake_destroy();
}

static void an_invalid_position_of_the_other_end_is_reported(void **state)
{
	struct transfer t = transfer_of(OUT, "/dev/null");

	(void)state;
	fake_create(CAPACITY, 0);
	fake_move(IN, CAPACITY + 1);
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(explained, -EBADMSG);
	fake_destroy();
}

/* A receiver consumes the stored bytes first; a sender fails at once. */
static void a_removal_is_reported(void **state)
{
	const char *out = file_of(0), *in;
	struct transfer t = transfer_of(OUT, out);

	(void)state;
	fake_create(CAPACITY, 0);
	memcpy(device.window, bytes, 5000);
	fake_move(IN, 5000);
	fake_remove();
	explained = 0;
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(explained, -ENODEV);
	assert_int_equal(fake_position(OUT), 5000);
	assert_file(out, bytes, 5000);

	in = file_of(8000);
	t = transfer_of(IN, in);
	explained = 0;
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(explained, -ENODEV);
	unlink(in);
	fake_destroy();
}

static struct transfer *revoked;

static void revoke_it(void)
{
	fake_revoke(revoked->port.f);
}

/* While it waits. A later access to the position page would be SIGSEGV. */
static void a_revocation_is_reported(void **state)
{
	const char *in = file_of(20000);
	struct transfer sender = transfer_of(IN, in);
	struct transfer receiver = transfer_of(OUT, "/dev/null");

	(void)state;
	fake_create(CAPACITY, 0);
	device.in_poll = revoke_it;
	revoked = &receiver;
	explained = 0;
	assert_int_equal(transfer_run(&receiver), EXIT_FAILED);
	assert_int_equal(explained, -ESTALE);

	revoked = &sender;
	explained = 0;
	assert_int_equal(transfer_run(&sender), EXIT_FAILED);
	assert_int_equal(explained, -ESTALE);
	assert_int_equal(fake_position(IN), CAPACITY);
	unlink(in);
	fake_destroy();
}

static void the_end_of_a_stream_is_sent_last(void **state)
{
	const char *in = file_of(5000);
	struct transfer t = transfer_of(IN, in);

	(void)state;
	fake_create(CAPACITY, 0);
	ended = 0;
	t.ends = true;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(ended, 1);
	assert_int_equal(ended_at, 5000);

	/* An older module. */
	t = transfer_of(IN, "/dev/null");
	t.ends = true;
	end_error = -ENOTTY;
	assert_int_equal(transfer_run(&t), EXIT_FAILED);
	assert_int_equal(ended, 2);
	end_error = 0;

	/* Nobody asked for it. */
	t = transfer_of(IN, "/dev/null");
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(ended, 2);
	unlink(in);
	fake_destroy();
}

/* As with a pipe, the receiver of an interrupted sender does not wait for ever. */
static void an_interrupted_sender_ends_its_stream(void **state)
{
	const char *in = file_of(20000);
	struct transfer t = transfer_of(IN, in);
	int *ends = mmap(NULL, sizeof(*ends), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	(void)state;
	fake_create(CAPACITY, 0);
	t.ends = true;
	end_error = -EIO;
	explained = 0;
	child = fork();
	if (!child) {
		/* The signal ends the child, so its result is not seen. */
		shared_explained = ends;
		_exit(transfer_run(&t));
	}
	while (fake_position(IN) < CAPACITY)
		usleep(1000);
	kill(child, SIGTERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(*ends, -EIO);
	end_error = 0;
	munmap(ends, sizeof(*ends));
	unlink(in);
	fake_destroy();
}

/* The kernel has set the flag: nothing is stored, and no producer is left. */
static void a_receiver_ends_with_the_stream(void **state)
{
	const char *out = file_of(0);
	struct transfer t = transfer_of(OUT, out);

	(void)state;
	fake_create(CAPACITY, 0);
	memcpy(device.window, bytes, 3000);
	fake_move(IN, 3000);
	device.status->flags = VFIFO_ENDED;
	device.revents = POLLHUP;
	assert_int_equal(transfer_run(&t), EXIT_OK);
	assert_int_equal(fake_position(OUT), 3000);
	assert_file(out, bytes, 3000);
	fake_destroy();
}

static void options_are_read(void **state)
{
	char *operands[] = { "0", "file", "more" };
	struct transfer t = { .end = IN };

	(void)state;
	assert_int_equal(transfer_option(&t, 'm', "send", "calls"), EXIT_OK);
	assert_int_equal(t.method, METHOD_CALLS);
	assert_int_equal(transfer_option(&t, 'm', "send", "call"), EXIT_USAGE);
	assert_int_equal(transfer_option(&t, 's', "send", "2K"), EXIT_OK);
	assert_int_equal(t.size, 2048);
	assert_int_equal(transfer_option(&t, 's', "send", "2X"), EXIT_USAGE);
	assert_int_equal(transfer_option(&t, 'r', "send", "0"), EXIT_USAGE);
	assert_int_equal(transfer_operands(&t, "send", 2, operands), EXIT_OK);
	assert_string_equal(t.file_name, "file");
	assert_int_equal(transfer_operands(&t, "send", 3, operands),
			 EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_goes_through),
		cmocka_unit_test(a_recording_has_all_bytes),
		cmocka_unit_test(what_cannot_be_recorded_stays),
		cmocka_unit_test(a_packet_has_64_kib_at_most),
		cmocka_unit_test(records_are_recorded_and_played),
		cmocka_unit_test(csv_has_numbers_and_gaps_of_records),
		cmocka_unit_test(size_ends_a_recording_of_records),
		cmocka_unit_test(an_invalid_record_is_reported),
		cmocka_unit_test(a_packet_longer_than_a_record_is_refused),
		cmocka_unit_test(size_is_an_end),
		cmocka_unit_test(a_short_file_ends_it),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(what_comes_is_checked),
		cmocka_unit_test(a_signal_ends_a_sender_that_waits),
		cmocka_unit_test(an_output_that_nobody_reads_ends_it),
		cmocka_unit_test(
			an_invalid_position_of_the_other_end_is_reported),
		cmocka_unit_test(a_removal_is_reported),
		cmocka_unit_test(a_revocation_is_reported),
		cmocka_unit_test(the_end_of_a_stream_is_sent_last),
		cmocka_unit_test(an_interrupted_sender_ends_its_stream),
		cmocka_unit_test(a_receiver_ends_with_the_stream),
		cmocka_unit_test(options_are_read),
	};

	make_bytes();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("send and receive", tests, NULL,
					   NULL);
}
