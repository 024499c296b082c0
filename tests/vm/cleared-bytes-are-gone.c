// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that may only read can map the buffer and see old bytes. The bytes that
 * VFIFO_CLEAR and the attribute `clear` drop are zeroed, unless anything is mapped at that
 * time. The bytes that read(2) and splice(2) take are zeroed while the attribute `scrub` is
 * 1, and kept while it is 0. Stored bytes never change.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define NOBODY 65534

static uint8_t bytes[4 * CAPACITY], back[4 * CAPACITY];
static int fd;
static size_t capacity = CAPACITY;
static uint64_t in, out; /* positions in the pattern and in the FIFO */

/* Never 0, to tell bytes from zeroed ones. */
static uint8_t byte_at(uint64_t at)
{
	return pattern(at) | 1;
}

static void put(size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(in + i);
	check_equal(write(fd, bytes, n), n);
	in += n;
}

static void look_at(const uint8_t *got, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (got[i] != byte_at(out + i))
			fail("byte %llu is %#x, not %#x",
			     (unsigned long long)(out + i), got[i],
			     byte_at(out + i));
	out += n;
}

static void take(size_t n)
{
	check_equal(read(fd, back, n), n);
	look_at(back, n);
}

static const uint8_t *map_data(void)
{
	int file = device(O_RDONLY);
	const uint8_t *data = mmap(NULL, capacity, PROT_READ, MAP_SHARED, file,
				   VFIFO_MMAP_DATA);

	check(data != MAP_FAILED);
	close(file);
	return data;
}

static void unmap_data(const uint8_t *data)
{
	check(!munmap((void *)data, capacity));
}

/* The bytes of the pattern from..to must be unchanged (`there`), or zero. */
static void check_bytes(const uint8_t *data, uint64_t from, uint64_t to,
			bool there)
{
	for (uint64_t at = from; at < to; at++) {
		const uint8_t is = data[at & (capacity - 1)];

		if (is != (there ? byte_at(at) : 0))
			fail("byte %llu of %llu..%llu is %#x, and is to be %s",
			     (unsigned long long)at, (unsigned long long)from,
			     (unsigned long long)to, is,
			     there ? "there" : "zero");
	}
}

/* The same in a new mapping. */
static void later_mapping_shows(uint64_t from, uint64_t to, bool there)
{
	const uint8_t *data = map_data();

	check_bytes(data, from, to, there);
	unmap_data(data);
}

/* --- clear ---------------------------------------------------------------------- */

static void by_ioctl(void)
{
	int file = device(O_RDONLY);

	check(!ioctl(file, VFIFO_CLEAR));
	close(file);
}

static void by_attribute(void)
{
	check_equal(set_attribute("clear", "1"), 0);
}

static void clear_by(void (*clear)(void))
{
	const uint64_t from = out;

	clear();
	check_equal(attribute("size"), 0);
	out = in;
	later_mapping_shows(from, in, false);
}

static void what_is_cleared_is_gone(void (*clear)(void))
{
	const uint64_t read_from = out;

	/* Bytes that were read before are not dropped. */
	put(20000);
	take(5000);
	later_mapping_shows(read_from, in, true);
	clear_by(clear);
	later_mapping_shows(read_from, read_from + 5000, true);
	/* Across the end of the buffer, a full buffer, and an empty one. */
	for (int i = 0; i < 5; i++) {
		put(30001);
		take(1);
		clear_by(clear);
	}
	put(CAPACITY);
	clear_by(clear);
	later_mapping_shows(in - CAPACITY, in, false);
	clear_by(clear);
	/* The FIFO still works. */
	put(CAPACITY);
	take(CAPACITY);
}

/* Mapped bytes are dropped but not zeroed. */
static void mapped_bytes_stay(void (*clear)(void))
{
	const uint8_t *data = map_data();
	const uint64_t from = out;

	put(1000);
	clear();
	check_equal(attribute("size"), 0);
	check_errno(read(fd, back, 1), EAGAIN);
	out = in;
	check_bytes(data, from, in, true);
	put(10);
	take(10);
	unmap_data(data);
}

static void clear_is_for_readers(void)
{
	int file = device(O_WRONLY);

	put(100);
	check_errno(ioctl(file, VFIFO_CLEAR), EBADF);
	check_equal(attribute("size"), 100);
	close(file);
	take(100);
	put(100);
	clear_by(by_ioctl);
}

/* --- scrub ---------------------------------------------------------------------- */

static void work_set_scrub(void *unused)
{
	(void)unused;
	check(!setgid(NOBODY) && !setuid(NOBODY));
	check_errno(open(ATTRIBUTES "scrub", O_WRONLY), EACCES);
	check_equal(attribute("scrub"), 0);
}

static void scrub_is_a_bit(void)
{
	static const char *const bad[] = { "2", "-1", "x", "\n", "1 1" };

	check_attribute("scrub", "0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_equal(set_attribute("scrub", bad[i]), EINVAL);
	check_attribute("scrub", "0");
	check_equal(set_attribute("scrub", "1\n"), 0);
	check_attribute("scrub", "1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_equal(set_attribute("scrub", bad[i]), EINVAL);
	check_attribute("scrub", "1");
	check_equal(set_attribute("scrub", "0"), 0);
	check_attribute("scrub", "0");
	finish(start(work_set_scrub, NULL));
}

static void without_it_bytes_stay(void)
{
	const uint64_t from = out;

	put(1000);
	take(1000);
	later_mapping_shows(from, in, true);
}

static void take_by_splice(size_t n)
{
	int p[2];

	check(!pipe(p));
	check_equal(splice(fd, NULL, p[1], NULL, n, 0), n);
	check_equal(read(p[0], back, n), n);
	look_at(back, n);
	close(p[0]);
	close(p[1]);
}

/*
 * Bytes that were read are zero and stored bytes are unchanged, at each offset of a page: the
 * number of bytes of a move and the size of a page are coprime.
 */
static void at_every_offset(void (*take_some)(size_t n))
{
	const unsigned long rounds = share(PAGE, PAGE);
	const size_t n = 97;
	const uint8_t *data;

	capacity = PAGE;
	check_equal(set_capacity(capacity), 0);
	data = map_data();
	for (unsigned long i = 0; i < rounds; i++) {
		const uint64_t from = out;

		put(n);
		take_some(1 + i % (n - 1));
		check_bytes(data, from, out, false);
		check_bytes(data, out, in, true);
		take_some(in - out);
		check_bytes(data, from, in, false);
	}
	unmap_data(data);
	capacity = CAPACITY;
	check_equal(set_capacity(capacity), 0);
}

static void much_at_once(void)
{
	const uint8_t *data;
	const uint64_t from = out;

	capacity = sizeof(bytes);
	check_equal(set_capacity(capacity), 0);
	data = map_data();
	put(capacity);
	take(capacity - 5000);
	check_bytes(data, from, out, false);
	check_bytes(data, out, in, true);
	put(capacity - 5000);
	take(capacity);
	check_bytes(data, in - capacity, in, false);
	unmap_data(data);
	capacity = CAPACITY;
	check_equal(set_capacity(capacity), 0);
}

/* If user memory ends, the bytes that were not copied are kept. */
static void only_what_was_given(void)
{
	uint8_t *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint8_t *data = map_data();
	const uint64_t from = out;

	check(at != MAP_FAILED);
	check(!munmap(at + PAGE, PAGE));
	put(1000);
	check_errno(read(fd, at + PAGE, 100), EFAULT);
	check_bytes(data, from, in, true);
	check_equal(read(fd, at + PAGE - 100, 1000), 100);
	look_at(at + PAGE - 100, 100);
	check_bytes(data, from, out, false);
	check_bytes(data, out, in, true);
	take(900);
	unmap_data(data);
	check(!munmap(at, PAGE));
}

/*
 * Bytes that were read are zeroed before new ones can take their place. This producer does
 * not sleep, and fills the free space from its end, so that it would meet late zeroes.
 */
static void work_produce(void *argument)
{
	const size_t total = *(size_t *)argument;
	struct raw producer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	raw_claim(&producer, VFIFO_PRODUCER);
	for (size_t at = 0, n; at < total; at += n) {
		while (!(n = raw_room(&producer)))
			relax();
		if (n > total - at)
			n = total - at;
		for (size_t i = n; i--;)
			raw_here(&producer)[i] = pattern(at + i);
		raw_move(&producer, n);
	}
	raw_release(&producer);
}

static void a_stream_stays_whole(void)
{
	size_t total = share(256 << 20, 32 << 20), n;
	int file = device(O_RDONLY);
	pid_t pid;

	pid = start(work_produce, &total);
	for (size_t at = 0; at < total; at += n) {
		n = read(file, back, CAPACITY);
		check((ssize_t)n > 0);
		check_pattern(back, n, at);
	}
	finish(pid);
	close(file);
}

static void with_it_bytes_are_gone(void)
{
	check_equal(set_attribute("scrub", "1"), 0);
	at_every_offset(take);
	at_every_offset(take_by_splice);
	much_at_once();
	only_what_was_given();
	a_stream_stays_whole();
	check_equal(set_attribute("scrub", "0"), 0);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	run_case(what_is_cleared_is_gone(by_ioctl));
	run_case(what_is_cleared_is_gone(by_attribute));
	run_case(mapped_bytes_stay(by_ioctl));
	run_case(mapped_bytes_stay(by_attribute));
	run_case(clear_is_for_readers());
	run_case(scrub_is_a_bit());
	run_case(without_it_bytes_stay());
	run_case(with_it_bytes_are_gone());
	return 0;
}
