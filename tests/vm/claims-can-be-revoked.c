// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When root writes 0 to the attribute `producer` or `consumer`, the claim of that side is
 * revoked, whatever its holder does. The last valid position stands, and the side can be
 * used and claimed at once. The old mapping raises SIGBUS and never becomes a claim again;
 * it counts as a mapping until it is unmapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfifo.h>

#include "raw.h"
#include "testlib.h"

#define STORED 1000
#define NOBODY 65534

static const int rw = PROT_READ | PROT_WRITE;
static uint8_t bytes[CAPACITY];
static enum vfifo_end end; /* the side under test */
static int fd;
static const struct vfifo_status *status; /* mapped */

static const char *holder(void)
{
	return end == VFIFO_PRODUCER ? "producer" : "consumer";
}

static void revoke_it(void)
{
	check_equal(set_attribute(holder(), "0"), 0);
}

/* --- access to a mapping that may raise SIGBUS ------------------------------------ */

static sigjmp_buf out_of_it;

static void bus_error(int signal)
{
	(void)signal;
	siglongjmp(out_of_it, 1);
}

/* Whether the mapping can be read, or written with its own value. */
static bool can_read(volatile uint32_t *at)
{
	if (sigsetjmp(out_of_it, 1))
		return false;
	(void)*at;
	return true;
}

static bool can_write(volatile uint32_t *at)
{
	if (sigsetjmp(out_of_it, 1))
		return false;
	*at = 12345678;
	return true;
}

static void check_dead(volatile uint32_t *at)
{
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	uint32_t seen;

	check(!can_read(at));
	check(!can_write(at));
	check(!can_read(at));
	/* Nor the way of a debugger. */
	check(mem >= 0);
	check_errno(pread(mem, &seen, 4, (off_t)(uintptr_t)at), EIO);
	close(mem);
}

/* --- the two states of a side ---------------------------------------------------- */

static uint32_t *claim(void)
{
	uint32_t *at = map_page(fd, position_offset(end), rw);

	check(at != MAP_FAILED);
	return at;
}

static void check_claimed(void)
{
	char c = 0;

	check_equal(attribute(holder()), getpid());
	check_errno((long)map_page(fd, position_offset(end), rw), EBUSY);
	check(status->claim[end]);
	check(status->flags & (end == VFIFO_PRODUCER ? VFIFO_PRODUCER_CLAIMED :
						       VFIFO_CONSUMER_CLAIMED));
	if (end == VFIFO_PRODUCER)
		check_errno(write(fd, &c, 1), EBUSY);
	else
		check_errno(read(fd, &c, 1), EBUSY);
}

/* The side is free, so system calls move its position. The stored bytes are unchanged. */
static void check_free(long long size)
{
	char c;

	check_equal(attribute(holder()), 0);
	check_equal(status->claim[end], 0);
	check(!(status->flags & (VFIFO_PRODUCER_CLAIMED |
				 VFIFO_CONSUMER_CLAIMED | VFIFO_BROKEN)));
	check_equal(attribute("size"), size);
	if (end == VFIFO_PRODUCER) {
		check_equal(write(fd, "x", 1), 1);
		check_equal(attribute("size"), size + 1);
	} else {
		check_equal(read(fd, &c, 1), size ? 1 : -1);
		check_equal(attribute("size"), size ? size - 1 : 0);
	}
}

static void begin(void)
{
	check(!ioctl(fd, VFIFO_CLEAR));
	fill_pattern(bytes, STORED, 0);
	check_equal(write(fd, bytes, STORED), STORED);
}

/* In the end only the status page is mapped, and both sides are free. */
static void finish_all(void)
{
	uint32_t *at;

	check_equal(attribute("mappings"), 1);
	at = claim();
	check_claimed();
	check(!munmap(at, PAGE));
	check_equal(attribute("mappings"), 1);
}

/* --- the tests ------------------------------------------------------------------- */

static int lines_about_it(int log)
{
	char record[8192];
	int lines = 0;
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, "vfifo0") && strstr(record, "revoke") &&
		    strstr(record, holder()))
			lines++;
	}
	check(n < 0 && errno == EAGAIN);
	return lines;
}

static void the_log_has_a_line(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint32_t *at;

	check(log >= 0 && lseek(log, 0, SEEK_END) >= 0);
	at = claim();
	check_equal(lines_about_it(log), 0);
	revoke_it();
	check_equal(lines_about_it(log), 1);
	revoke_it();
	check_equal(lines_about_it(log), 0);
	check(!munmap(at, PAGE));
	check_equal(lines_about_it(log), 0);
	close(log);
}

static void the_side_is_free(void)
{
	uint32_t generation, number;
	uint32_t *at;

	begin();
	at = claim();
	check_claimed();
	number = status->claim[end];
	generation = status->generation;
	revoke_it();
	check(status->generation != generation);
	check_dead(at);
	check_free(STORED);
	check_equal(attribute("mappings"), 2);
	check_equal(set_attribute("capacity", "131072"), EBUSY);
	check(!munmap(at, PAGE));
	check_equal(attribute("mappings"), 1);

	/* Each claim has its own number. */
	at = claim();
	check(status->claim[end] != number);
	check(!munmap(at, PAGE));
	check_equal(status->claim[end], 0);
	finish_all();
}

static void what_it_moved_stands(void)
{
	const uint32_t moved = 100;
	struct raw raw;

	begin();
	raw_claim(&raw, end);
	fill_pattern(raw_here(&raw), end == VFIFO_PRODUCER ? moved : 0, STORED);
	*raw.at[end] = raw.own + moved; /* without a kick */
	revoke_it();
	check_dead(raw.at[end]);
	/* The other pages can still be read. */
	check_equal((int32_t)(*raw.at[other(end)] - raw.own),
		    end == VFIFO_PRODUCER ? -STORED : STORED);
	check_equal(raw.status->capacity, CAPACITY);
	if (end == VFIFO_PRODUCER) {
		check_equal(read(fd, bytes, CAPACITY), STORED + moved);
		check_pattern(bytes, STORED + moved, 0);
		check_free(0);
	} else {
		check_equal(read(fd, bytes, CAPACITY), STORED - moved);
		check_pattern(bytes, STORED - moved, moved);
	}
	raw_release(&raw);
	finish_all();
}

static void the_last_valid_position_stands(void)
{
	uint32_t *at;

	begin();
	at = claim();
	*at -= 1; /* a step back is invalid */
	revoke_it();
	check_dead(at);
	check_free(STORED);
	check(!munmap(at, PAGE));
	finish_all();
}

/* Nothing that is done to the old mapping affects a new claim. */
static void check_new_one(uint32_t *at, uint32_t number, uint32_t where)
{
	check_claimed();
	check_equal(status->claim[end], number);
	check(can_read(at));
	check_equal(*at, where);
	*at = where;
}

static void never_again(uint32_t *old, uint32_t *at, uint32_t number)
{
	const uint32_t where = *at;
	uint32_t *to =
		mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int wstatus;

	check_dead(old);
	check_new_one(at, number, where);
	check(!madvise(old, PAGE, MADV_DONTNEED));
	check_dead(old);
	check(!mprotect(old, PAGE, PROT_READ));
	check(!can_read(old));
	check(!mprotect(old, PAGE, rw));
	check_dead(old);
	mlock(old, PAGE); /* can fail */
	check_dead(old);
	munlock(old, PAGE);
	check_new_one(at, number, where);

	check(to != MAP_FAILED);
	if (mremap(old, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		old = to;
	else
		check(!munmap(to, PAGE));
	check_dead(old);
	check_new_one(at, number, where);
	check((long)mremap(old, 0, PAGE, MREMAP_MAYMOVE) == -1); /* no copy */

	pid = fork();
	check(pid >= 0);
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		*(volatile uint32_t *)old = 12345678; /* this kills it */
		_exit(1);
	}
	check_equal(waitpid(pid, &wstatus, 0), pid);
	check(WIFSIGNALED(wstatus));
	check_dead(old);
	check_new_one(at, number, where);

	check(!munmap(old, PAGE));
	check_new_one(at, number, where);
}

static void the_old_mapping_stays_dead(void)
{
	uint32_t *old, *at;

	begin();
	old = claim();
	*old = *old; /* fault it in */
	revoke_it();
	at = claim();
	never_again(old, at, status->claim[end]);
	check_equal(attribute("mappings"), 2);
	check(!munmap(at, PAGE));

	/* A claim that was never accessed before its revoke, and a second revoke. */
	old = claim();
	revoke_it();
	at = claim();
	revoke_it();
	check_dead(at);
	check_dead(old);
	check(!munmap(old, PAGE));
	old = claim();
	check_dead(at);
	check(!munmap(at, PAGE));
	check_claimed();
	check(!munmap(old, PAGE));
	finish_all();
}

static void nothing_to_revoke(void)
{
	static const char *const bad[] = { "1", "-1", "x", "\n", "0 0", "00x" };
	uint32_t generation, *at;
	char pid[32];

	begin();
	generation = status->generation;
	check_equal(set_attribute("stats/reset", "1"), 0);
	revoke_it();
	check_equal(set_attribute(holder(), "0\n"), 0);
	check_equal(status->generation, generation);
	check_equal(attribute("stats/wakeups"), 0);
	check_equal(attribute("size"), STORED);

	at = claim();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_equal(set_attribute(holder(), bad[i]), EINVAL);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	check_equal(set_attribute(holder(), pid), EINVAL);
	check_claimed();
	/* The claim of the other side is not affected. */
	check_equal(set_attribute(end == VFIFO_PRODUCER ? "consumer" :
							  "producer",
				  "0"),
		    0);
	check_claimed();
	check(can_write(at));
	check(!munmap(at, PAGE));
	finish_all();
}

static void work_as_nobody(void *unused)
{
	char path[256];

	(void)unused;
	check(!setgid(NOBODY) && !setuid(NOBODY));
	snprintf(path, sizeof(path), ATTRIBUTES "%s", holder());
	check_errno(open(path, O_WRONLY), EACCES);
	check_errno(open(path, O_RDWR), EACCES);
	check(attribute(holder()) > 0);
}

static void for_root_only(void)
{
	uint32_t *at = claim();

	finish(start(work_as_nobody, NULL));
	check_claimed();
	check(!munmap(at, PAGE));
}

static void work_poll(void *unused)
{
	const int events = end == VFIFO_PRODUCER ? POLLOUT : POLLIN;
	struct pollfd p = { .fd = device(O_RDWR), .events = events };

	(void)unused;
	check_equal(poll(&p, 1, 20000), 1);
	check_equal(p.revents, events);
}

/* The library returns the error while it waits, and afterwards. */
static void work_wait(void *unused)
{
	struct vfifo_handle *f;

	(void)unused;
	check_equal(vfifo_open(DEVICE, end, 0, &f), 0);
	check_equal(vfifo_wait(f, 1, 20000), -ESTALE);
	check_equal(vfifo_wait(f, 1, 0), -ESTALE);
	if (end == VFIFO_PRODUCER)
		check_equal(vfifo_write(f, "x", 1, 0), -ESTALE);
	else
		check_equal(vfifo_read(f, bytes, 1, 0), -ESTALE);
	vfifo_close(f);
}

static int revents_of(int file)
{
	struct pollfd p = { .fd = file, .events = POLLIN | POLLOUT };

	check(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void its_holder_gets_an_error(void)
{
	uint32_t *at, *again;
	pid_t pid;
	int own;

	check(!ioctl(fd, VFIFO_CLEAR));
	if (end == VFIFO_PRODUCER)
		check_equal(write(fd, bytes, CAPACITY), CAPACITY);
	pid = start(work_wait, NULL);
	wait_asleep(pid, "poll");
	revoke_it();
	finish(pid);
	check(!ioctl(fd, VFIFO_CLEAR));

	own = device(O_RDWR);
	at = map_page(own, position_offset(end), rw);
	check(at != MAP_FAILED);
	check(!(revents_of(own) & POLLERR));
	revoke_it();
	check(revents_of(own) & POLLERR);
	check(!(revents_of(fd) & POLLERR));
	/* A second claim of the same file does not end the error of the first. */
	again = map_page(own, position_offset(end), rw);
	check(again != MAP_FAILED);
	check(!munmap(again, PAGE));
	check(revents_of(own) & POLLERR);
	check(!munmap(at, PAGE));
	check(!(revents_of(own) & POLLERR));
	close(own);
	finish_all();
}

/* Pollers of the claimed side are woken. */
static void pollers_are_woken(void)
{
	uint32_t *at;
	pid_t pid;

	begin();
	at = claim();
	pid = start(work_poll, NULL);
	wait_asleep(pid, "poll");
	revoke_it();
	finish(pid);
	check(!munmap(at, PAGE));
	finish_all();
}

static void the_generator_works(void)
{
	uint32_t *at;

	check(!ioctl(fd, VFIFO_CLEAR));
	at = claim();
	if (end == VFIFO_PRODUCER)
		check_equal(set_attribute("mode", "1"), EBUSY);
	revoke_it();
	check_equal(set_attribute("mode", "1"), 0);
	check_dead(at);
	if (end == VFIFO_PRODUCER)
		check_errno((long)map_page(fd, position_offset(end), rw),
			    EBUSY);
	check(!munmap(at, PAGE));
	check_equal(attribute("mode"), 1);
	check_equal(set_attribute("mode", "0"), 0);
	check(!ioctl(fd, VFIFO_CLEAR));
	finish_all();
}

/* `eof` counts the writers correctly before, during and after a claim. */
static void the_end_is_right(void)
{
	int file = device(O_RDONLY);
	uint32_t *at;
	char c;

	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(set_attribute("eof", "1"), 0);
	at = claim();
	revoke_it();
	check(!(status->flags & VFIFO_ENDED)); /* this process can write */
	check(!close(fd)); /* the mapping keeps the file open */
	check(!(status->flags & VFIFO_ENDED));
	check(!munmap(at, PAGE));
	check(status->flags & VFIFO_ENDED);
	check_equal(read(file, &c, 1), 0);
	fd = device(O_RDWR | O_NONBLOCK);
	check(!(status->flags & VFIFO_ENDED));
	at = claim();
	check(!(status->flags & VFIFO_ENDED) == (end == VFIFO_PRODUCER));
	check(!munmap(at, PAGE));
	check(!(status->flags & VFIFO_ENDED));
	check_equal(set_attribute("eof", "0"), 0);
	close(file);
	finish_all();
}

/* Claims, moves a byte, stops, and accesses the mapping again when it is continued. */
static void work_hold(void *unused)
{
	volatile uint32_t *at = claim();

	(void)unused;
	signal(SIGBUS, SIG_DFL);
	*at += 1;
	check(!raise(SIGSTOP));
	*at += 1;
	fail("it has its claim still");
}

static void whatever_the_holder_does(bool killed)
{
	const int moved = end == VFIFO_PRODUCER ? 1 : -1;
	int wstatus;
	uint32_t *at;
	pid_t pid;

	begin();
	pid = start(work_hold, NULL);
	check_equal(waitpid(pid, &wstatus, WUNTRACED), pid);
	check(WIFSTOPPED(wstatus));
	check_equal(attribute(holder()), pid);
	revoke_it();
	check_free(STORED + moved);
	check_equal(attribute("mappings"), 2);
	check_equal(set_attribute("capacity", "131072"), EBUSY);
	at = claim();
	check_claimed();

	check(!kill(pid, killed ? SIGKILL : SIGCONT));
	check_equal(waitpid(pid, &wstatus, 0), pid);
	check(WIFSIGNALED(wstatus));
	check_equal(WTERMSIG(wstatus), killed ? SIGKILL : SIGBUS);
	check_claimed();
	check(can_read(at));
	check(!munmap(at, PAGE));
	finish_all();
}

static void both_at_once(void)
{
	struct raw one, two;

	begin();
	raw_claim(&one, end);
	raw_claim(&two, other(end));
	revoke_it();
	check_dead(one.at[end]);
	check(can_read(two.at[other(end)]));
	check_equal(attribute(end == VFIFO_PRODUCER ? "consumer" : "producer"),
		    getpid());
	check_equal(attribute("size"), STORED);
	if (end == VFIFO_PRODUCER)
		raw_take(&two, STORED, 0);
	else
		raw_put(&two, 100, STORED);
	raw_release(&two);
	raw_release(&one);
	check_equal(attribute("size"),
		    end == VFIFO_PRODUCER ? 0 : STORED + 100);
	finish_all();
}

int main(void)
{
	struct sigaction action = { .sa_handler = bus_error };
	int in;

	check(!sigaction(SIGBUS, &action, NULL));
	fd = device(O_RDWR | O_NONBLOCK);
	in = device(O_RDONLY); /* the mapping must not count as a writer */
	status = map_page(in, VFIFO_MMAP_STATUS, PROT_READ);
	check(status != MAP_FAILED && !close(in));
	for (int e = VFIFO_PRODUCER; e <= VFIFO_CONSUMER; e++) {
		end = e;
		cases_of(e == VFIFO_PRODUCER ? "producer" : "consumer");
		run_case(the_log_has_a_line());
		run_case(the_side_is_free());
		run_case(what_it_moved_stands());
		run_case(the_last_valid_position_stands());
		run_case(the_old_mapping_stays_dead());
		run_case(nothing_to_revoke());
		run_case(for_root_only());
		run_case(its_holder_gets_an_error());
		run_case(pollers_are_woken());
		run_case(the_generator_works());
		run_case(the_end_is_right());
		run_case(whatever_the_holder_does(false));
		run_case(whatever_the_holder_does(true));
		run_case(both_at_once());
	}
	check(!munmap((void *)status, PAGE));
	check_equal(attribute("mappings"), 0);
	check_equal(set_attribute("capacity", "131072"), 0);
	return 0;
}
