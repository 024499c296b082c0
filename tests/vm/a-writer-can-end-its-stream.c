// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIFO_END: with eof=0, an ordinary user ends the stream that it writes. Readers get the end
 * when the last producer has gone and everything is read, until something is produced again.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"

static int reader;

static short events(void)
{
	struct pollfd p = { .fd = reader, .events = POLLIN };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void at_end(void)
{
	char byte;

	check_equal(read(reader, &byte, 1), 0);
	check_equal(events(), POLLHUP);
}

static void not_at_end(void)
{
	char byte;

	check_errno(read(reader, &byte, 1), EAGAIN);
	check_equal(events(), 0);
}

static void end_and_close(int fd)
{
	check_equal(ioctl(fd, VFIFO_END), 0);
	close(fd);
}

static void needs_a_writer(void)
{
	check_errno(ioctl(reader, VFIFO_END), EBADF);
	not_at_end();
}

static void ends_after_the_last_byte(void)
{
	int writer = device(O_WRONLY);
	char bytes[8];

	check_equal(write(writer, "bytes", 5), 5);
	check_equal(ioctl(writer, VFIFO_END), 0);
	check_equal(events(), POLLIN);
	close(writer);
	check_equal(events(), POLLIN | POLLHUP);
	check_equal(read(reader, bytes, sizeof(bytes)), 5);
	at_end();
	at_end();
	check_equal(attribute("eof"), 0);
}

static void other_writers_keep_it_open(void)
{
	int one = device(O_WRONLY), other = device(O_WRONLY);

	end_and_close(one);
	not_at_end();
	close(other);
	at_end();
}

/* A file that is opened and closed again has produced nothing. */
static void an_open_alone_keeps_the_end(void)
{
	int writer = device(O_WRONLY);

	not_at_end();
	close(writer);
	at_end();
}

static void a_write_starts_the_next_stream(void)
{
	int writer = device(O_WRONLY);
	char byte;

	check_equal(write(writer, "x", 1), 1);
	close(writer);
	check_equal(read(reader, &byte, 1), 1);
	not_at_end();
}

static void a_write_of_nothing_does_not(void)
{
	int writer;

	end_and_close(device(O_WRONLY));
	at_end();
	writer = device(O_WRONLY);
	check_equal(write(writer, "", 0), 0);
	close(writer);
	at_end();
}

static void a_claim_starts_the_next_stream(void)
{
	struct raw raw;

	end_and_close(device(O_WRONLY));
	at_end();
	raw_claim(&raw, VFIFO_PRODUCER);
	check(!(raw.status->flags & VFIFO_ENDED));
	raw_release(&raw);
	not_at_end();
}

static void mode_1_starts_the_next_stream(void)
{
	int writer = device(O_WRONLY);
	int off = 0, on = 1;

	end_and_close(device(O_WRONLY));
	check_equal(ioctl(writer, VFIFO_SET_MODE, &on), 0);
	check_equal(ioctl(writer, VFIFO_SET_MODE, &off), 0);
	close(writer);
	not_at_end();
}

/* The order that `vfifo send --eof` has: the claim goes, then the file. */
static void a_holder_ends_its_stream(void)
{
	struct vfifo_handle *f;
	char bytes[8];

	check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &f), 0);
	check_equal(vfifo_write(f, "mapped", 6, 1000), 6);
	check_equal(ioctl(vfifo_fd(f), VFIFO_END), 0);
	check_equal(events(), POLLIN);
	vfifo_close(f);
	check_equal(read(reader, bytes, sizeof(bytes)), 6);
	at_end();
}

/* The holder of the consumer side has the only file that is open for writing. */
static void a_mapped_consumer_gets_the_end(void)
{
	struct vfifo_handle *f;

	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &f), 0);
	check_equal(vfifo_wait(f, 1, 1000), -ENODATA);
	check_equal(vfifo_wait(f, 1, 0), -ENODATA);
	/* ... and may end the stream, too. */
	check_equal(ioctl(vfifo_fd(f), VFIFO_END), 0);
	check_equal(vfifo_wait(f, 1, 1000), -ENODATA);
	vfifo_close(f);
	at_end();
}

static void poll_end(void *unused)
{
	struct pollfd p = { .fd = device(O_RDONLY) };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLHUP);
}

/* There is no producer, so the stream ends at once, and no close follows. */
static void a_poller_gets_the_end(void)
{
	struct raw raw;
	pid_t child;

	raw_claim(&raw, VFIFO_CONSUMER);
	child = start(poll_end, NULL);
	wait_asleep(child, "poll");
	check_equal(ioctl(raw.fd, VFIFO_END), 0);
	finish(child);
	raw_release(&raw);
	at_end();
}

static void read_end(void *writer)
{
	int fd = device(O_RDONLY);
	char byte;

	/* The copy that fork(2) made would be a writer as well. */
	close(*(int *)writer);
	check_equal(read(fd, &byte, 1), 0);
}

static void a_sleeping_reader_gets_the_end(void)
{
	int writer = device(O_WRONLY);
	pid_t child;
	char byte;

	check_equal(write(writer, "x", 1), 1);
	check_equal(read(reader, &byte, 1), 1);
	child = start(read_end, &writer);
	wait_asleep(child, "vfifo");
	end_and_close(writer);
	finish(child);
	at_end();
}

int main(void)
{
	reader = device(O_RDONLY | O_NONBLOCK);
	/* As root, who may see where a process sleeps. */
	a_poller_gets_the_end();
	a_write_starts_the_next_stream();
	a_sleeping_reader_gets_the_end();
	a_write_starts_the_next_stream();
	become_alice();
	needs_a_writer();
	ends_after_the_last_byte();
	other_writers_keep_it_open();
	an_open_alone_keeps_the_end();
	a_write_starts_the_next_stream();
	a_write_of_nothing_does_not();
	a_claim_starts_the_next_stream();
	mode_1_starts_the_next_stream();
	a_holder_ends_its_stream();
	a_mapped_consumer_gets_the_end();
	return 0;
}
