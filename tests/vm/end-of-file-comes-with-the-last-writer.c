// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eof: with 1 a read gives 0 when nothing is stored and nobody is left who could produce:
 * no file that is open for writing, no holder, no generator. Those who wait learn it.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"

static int reader, writer = -1;

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

static void off_at_first(void)
{
	check_equal(attribute("eof"), 0);
	not_at_end();
	check_equal(set_attribute("eof", "1"), 0);
	at_end();
	check_equal(set_attribute("eof", "0"), 0);
	not_at_end();
	check_equal(set_attribute("eof", "1"), 0);
}

/* What is stored comes first, whatever the watermark. */
static void last_bytes_are_read(void)
{
	char bytes[8];

	writer = device(O_WRONLY);
	check_equal(set_attribute("read_watermark", "100"), 0);
	not_at_end();
	check_equal(write(writer, "bytes", 5), 5);
	check_equal(events(), 0);
	close(writer);
	check_equal(events(), POLLIN | POLLHUP);
	check_equal(read(reader, bytes, sizeof(bytes)), 5);
	at_end();
	check_equal(set_attribute("read_watermark", "1"), 0);
}

static void every_kind_of_producer_counts(void)
{
	int both = device(O_RDWR), dup_of_it;
	struct raw raw;
	void *mapping;

	not_at_end();
	dup_of_it = dup(both);
	close(both);
	not_at_end();
	mapping = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dup_of_it, 0);
	check(mapping != MAP_FAILED);
	close(dup_of_it);
	not_at_end();
	munmap(mapping, PAGE);
	at_end();

	raw_claim(&raw, VFIFO_PRODUCER);
	close(raw.fd);
	not_at_end();
	raw.fd = device(O_RDONLY);
	raw_release(&raw);
	at_end();

	check_equal(set_attribute("mode", "1"), 0);
	not_at_end();
	check_equal(set_attribute("mode", "0"), 0);
	at_end();
}

/* ... which needs a file that is open for writing, but does not mean to write. */
static void holder_of_the_consumer_side_does_not_count(void)
{
	struct raw raw;
	struct pollfd p;

	raw_claim(&raw, VFIFO_CONSUMER);
	check(raw.status->flags & VFIFO_ENDED);
	p = (struct pollfd){ .fd = raw.fd, .events = POLLIN };
	check_equal(poll(&p, 1, 0), 1);
	check_equal(p.revents, POLLHUP);
	raw_release(&raw);
	at_end();
}

static void library_tells(void)
{
	struct vfifo_handle *f;
	char bytes[8];

	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &f), 0);
	check_equal(vfifo_wait(f, 1, 1000), -ENODATA);
	writer = device(O_WRONLY);
	check_equal(vfifo_wait(f, 1, 10), -ETIMEDOUT);
	check_equal(write(writer, "last", 4), 4);
	close(writer);
	/* More than there will ever be; then what there is; then the end. */
	check_equal(vfifo_wait(f, 5, 1000), -ENODATA);
	check_equal(vfifo_read(f, bytes, sizeof(bytes), 1000), 4);
	check(!memcmp(bytes, "last", 4));
	check_equal(vfifo_read(f, bytes, sizeof(bytes), 1000), 0);
	vfifo_close(f);
}

/* The copy that fork() made would be a writer as well. */
static int open_as_child(void)
{
	close(writer);
	return device(O_RDONLY);
}

static void read_end(void *unused)
{
	int fd = open_as_child();
	char byte;

	(void)unused;
	check_equal(read(fd, &byte, 1), 0);
}

static void poll_end(void *unused)
{
	struct pollfd p = { .fd = open_as_child(), .events = POLLIN };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, POLLHUP);
}

static void epoll_end(void *unused)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, got;
	int e = epoll_create1(0);

	(void)unused;
	check(!epoll_ctl(e, EPOLL_CTL_ADD, open_as_child(), &event));
	check_equal(epoll_wait(e, &got, 1, 20000), 1);
	check_equal(got.events, EPOLLHUP);
}

/* By a close, by the attribute and by the generator's end. */
static void those_who_wait_learn_it(void (*wait_for_end)(void *),
				    const char *where)
{
	check_equal(set_attribute("generator/period_us", "3600000000"), 0);
	for (int how = 0; how < 3; how++) {
		pid_t child;

		writer = how == 0 ? device(O_WRONLY) : -1;
		check_equal(set_attribute("eof", how == 1 ? "0" : "1"), 0);
		if (how == 2)
			check_equal(set_attribute("mode", "1"), 0);
		child = start(wait_for_end, NULL);
		wait_asleep(child, where);
		if (how == 0)
			close(writer);
		else if (how == 1)
			check_equal(set_attribute("eof", "1"), 0);
		else
			check_equal(set_attribute("mode", "0"), 0);
		finish(child);
	}
}

int main(void)
{
	reader = device(O_RDONLY | O_NONBLOCK);
	off_at_first();
	last_bytes_are_read();
	every_kind_of_producer_counts();
	holder_of_the_consumer_side_does_not_count();
	library_tells();
	those_who_wait_learn_it(read_end, "vfifo");
	those_who_wait_learn_it(poll_end, "poll");
	those_who_wait_learn_it(epoll_end, "ep");
	for (const char *const *bad =
		     (const char *[]){ "2", "-1", "y", "\n", "1 1", NULL };
	     *bad; bad++)
		check_equal(set_attribute("eof", *bad), EINVAL);
	check_equal(attribute("eof"), 1);
	return 0;
}
