// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With eof=1 a read returns 0 when no byte is stored and there is no producer: no file that
 * is open for writing, no claim and no generator. Waiting readers are woken by that.
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

static void off_by_default(void)
{
	check_equal(attribute("eof"), 0);
	not_at_end();
	check_equal(set_attribute("eof", "1"), 0);
	at_end();
	check_equal(set_attribute("eof", "0"), 0);
	not_at_end();
	check_equal(set_attribute("eof", "1"), 0);
}

/* Stored bytes are read before the end of file, whatever the watermark. */
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

/* Its file is open for writing, but the library does not write. */
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

/* With one file for both sides no file counts as a writer, but there is a producer. */
static void holder_of_both_sides_counts(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	int both = device(O_RDWR);
	const volatile struct vfifo_status *status =
		map_page(reader, VFIFO_MMAP_STATUS, PROT_READ);
	void *in, *out = map_page(both, VFIFO_MMAP_CONSUMER, rw);

	check(status != MAP_FAILED && out != MAP_FAILED);
	check(status->flags & VFIFO_ENDED);
	in = map_page(both, VFIFO_MMAP_PRODUCER, rw);
	check(in != MAP_FAILED);
	check(!(status->flags & VFIFO_ENDED));
	check(!munmap(in, PAGE));
	check(status->flags & VFIFO_ENDED);
	check(!munmap(out, PAGE));
	check(!(status->flags & VFIFO_ENDED));
	close(both);
	check(!munmap((void *)status, PAGE));
	at_end();
}

static void library_returns_it(void)
{
	struct vfifo_handle *f;
	char bytes[8];

	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &f), 0);
	check_equal(vfifo_wait(f, 1, 1000), -ENODATA);
	check_equal(vfifo_wait(f, 1, 0), -ENODATA);
	writer = device(O_WRONLY);
	check_equal(vfifo_wait(f, 1, 10), -ETIMEDOUT);
	check_equal(write(writer, "last", 4), 4);
	close(writer);
	/* More bytes than will ever come, then the stored ones, then the end of file. */
	check_equal(vfifo_wait(f, 5, 1000), -ENODATA);
	check_equal(vfifo_read(f, bytes, sizeof(bytes), 1000), 4);
	check(!memcmp(bytes, "last", 4));
	check_equal(vfifo_read(f, bytes, sizeof(bytes), 1000), 0);
	vfifo_close(f);
}

/* In a child, so that no inherited file is a writer. */
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

/* Waiters are woken by a close, by the attribute and by the end of the generator. */
static void waiters_are_woken(void (*wait_for_end)(void *), const char *where)
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
	run_case(off_by_default());
	run_case(last_bytes_are_read());
	run_case(every_kind_of_producer_counts());
	run_case(holder_of_the_consumer_side_does_not_count());
	run_case(holder_of_both_sides_counts());
	run_case(library_returns_it());
	run_case(waiters_are_woken(read_end, "vfifo"));
	run_case(waiters_are_woken(poll_end, "poll"));
	run_case(waiters_are_woken(epoll_end, "ep"));
	subtest("bad values of eof");
	for (const char *const *bad =
		     (const char *[]){ "2", "-1", "y", "\n", "1 1", NULL };
	     *bad; bad++)
		check_equal(set_attribute("eof", *bad), EINVAL);
	check_equal(attribute("eof"), 1);
	return 0;
}
