// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each allocation and each copy to or from user memory fails once. Every operation is repeated
 * while the first, the second, ... allocation or copy in it fails, until it makes no more of
 * them. Each time it must either succeed, or return its documented errno and change nothing:
 * every attribute, the bytes stored and the counts of mappings and writers are as before. At the
 * end no page stays charged, and init.c has kmemleak search for other memory.
 *
 * Needs a kernel with fault injection. In User-Mode Linux all operations run; on an emulated
 * kernel, which is slow, only those that User-Mode Linux lacks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults.h"
#include "raw.h"
#include "testlib.h"

/* The errnos that an operation may return. */
#define NO_MEMORY 1 /* ENOMEM */
#define BAD_COPY 2  /* EFAULT */
#define NO_NAME \
	4 /* EINVAL: the kernel says so if a platform device gets no name */

struct operation {
	const char *name;
	int errnos;
	int (*act)(void);     /* returns 0 or an errno */
	void (*undo)(void);   /* after a success; it checks what was done */
	void (*verify)(void); /* after a failure */
};

static char bytes[12288];
static int fd;

/* --- one operation ------------------------------------------------------------ */

static void allowed(const struct operation *operation, int n, int err)
{
	if ((err == ENOMEM && operation->errnos & NO_MEMORY) ||
	    (err == EFAULT && operation->errnos & BAD_COPY) ||
	    (err == EINVAL && operation->errnos & NO_NAME))
		return;
	fail("%s, failure %d: %s", operation->name, n, strerror(err));
}

/* So many repetitions in a row without a failure end an operation: they vary a little in length. */
#define ENOUGH 3

/* Begins with the failure `first`. Prints a line of the table. */
static void fails_from(const struct operation *operation, int first)
{
	int err, failures = 0, no_memory = 0, bad_copy = 0, in_vain = 0;
	const double from = now();

	for (int n = first; in_vain < ENOUGH; n++) {
		const bool reached = with_fault(n, operation->act, &err);

		in_vain = reached ? 0 : in_vain + 1;
		failures += reached;
		if (!err) {
			operation->undo();
			continue;
		}
		if (!reached)
			fail("%s: %s although nothing failed", operation->name,
			     strerror(err));
		allowed(operation, n, err);
		*(err == EFAULT ? &bad_copy : &no_memory) += 1;
		operation->verify();
	}
	if (operation->errnos & NO_MEMORY)
		check(no_memory);
	printf("# %-28s %5d %7d %7d %9d %7.1f\n", operation->name, failures,
	       no_memory, bad_copy, failures - no_memory - bad_copy,
	       now() - from);
}

static void fails(const struct operation *operation)
{
	fails_from(operation, 1);
}

static void all_fail(const char *what, const struct operation *operations,
		     size_t n)
{
	subtest("%s", what);
	for (size_t i = 0; i < n; i++)
		fails(&operations[i]);
}

#define ALL_FAIL(what, operations) \
	all_fail(what, operations, sizeof(operations) / sizeof(operations[0]))

/* --- the state ---------------------------------------------------------------- */

/* What a test changes: all attributes with a value that does not change by itself. */
static const char *const values[] = {
	"capacity",
	"memory",
	"mode",
	"size",
	"read_watermark",
	"write_watermark",
	"mappings",
	"producer",
	"consumer",
	"overflow",
	"eof",
	"scrub",
	"label",
	"generator/pattern",
	"generator/text",
	"generator/burst",
	"generator/period_us",
};

struct state {
	char value[sizeof(values) / sizeof(values[0])][256];
};

static struct state before;

static void read_state(struct state *state)
{
	memset(state, 0, sizeof(*state));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char path[96];
		int in;

		snprintf(path, sizeof(path), ATTRIBUTES "%s", values[i]);
		in = open(path, O_RDONLY | O_CLOEXEC);
		if (in < 0 ||
		    read(in, state->value[i], sizeof(state->value[i]) - 1) < 0)
			fail("%s: %s", path, strerror(errno));
		close(in);
	}
}

static void is_unchanged(void)
{
	struct state state;

	read_state(&state);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strcmp(state.value[i], before.value[i]))
			fail("%s is %s instead of %s", values[i],
			     state.value[i], before.value[i]);
}

/* --- load and unload ---------------------------------------------------------- */

static int load(void)
{
	return load_module("devices=1");
}

static void is_not_loaded(void)
{
	check_errno(access(CLASS, F_OK), ENOENT);
	check_errno(access("/sys/module/vfifo", F_OK), ENOENT);
	check_errno(access("/sys/devices/platform/vfifo", F_OK), ENOENT);
	check_errno(access(DEVICE, F_OK), ENOENT);
}

static void was_loaded(void)
{
	check(!access(DEVICE, F_OK));
	check_equal(unload_module(), 0);
	is_not_loaded();
}

static void is_loaded(void)
{
	check(!access(DEVICE, F_OK));
	close(device(O_RDWR));
}

static void was_unloaded(void)
{
	is_not_loaded();
	check_equal(load(), 0);
}

static int load_in_vain(void)
{
	return load_module("devices=257") == EINVAL ? 0 : EIO;
}

/*
 * Those before the module's init are the kernel's own, some with another errno. Their number
 * varies, so the n-th of two loads is not the same one: the second time gets what the first missed.
 */
static void load_fails(void)
{
	static const struct operation loading = {
		"load", NO_MEMORY | BAD_COPY | NO_NAME, load, was_loaded,
		is_not_loaded
	};

	subtest("load");
	/* The first load makes more allocations than later ones. */
	check_equal(load_in_vain(), 0);
	for (int times = 0; times < 2; times++)
		fails_from(&loading, count_faults(load_in_vain) - 10);
}

static const struct operation unloads[] = {
	{ "unload", BAD_COPY, unload_module, was_unloaded, is_loaded },
};

/* --- devices and files -------------------------------------------------------- */

#define NEW "7"

static int add(void)
{
	return store(CLASS "add", NEW);
}

static int remove_it(void)
{
	return store(CLASS "remove", NEW);
}

static void was_added(void)
{
	check(!access(CLASS "vfifo" NEW "/stats/wakeups", F_OK));
	check_equal(remove_it(), 0);
	check_errno(access(CLASS "vfifo" NEW, F_OK), ENOENT);
}

static void was_not_added(void)
{
	check_errno(access(CLASS "vfifo" NEW, F_OK), ENOENT);
	check_errno(access("/dev/vfifo" NEW, F_OK), ENOENT);
	check_equal(remove_it(), ENODEV);
}

static void was_removed(void)
{
	check_equal(remove_it(), ENODEV);
	check_equal(add(), 0);
}

static void was_not_removed(void)
{
	close(device(O_RDONLY));
	check(!access(CLASS "vfifo" NEW "/stats/wakeups", F_OK));
}

static int open_and_close(void)
{
	int file = open(DEVICE, O_WRONLY | O_CLOEXEC);

	return file < 0 || close(file) ? errno : 0;
}

/* With eof=1 a read returns 0 while no file is open for writing. */
static void has_no_writer(void)
{
	char c;
	int file = device(O_RDONLY | O_NONBLOCK);

	check_equal(read(file, &c, 1), 0);
	close(file);
}

static const struct operation devices[] = {
	{ "add", NO_MEMORY | BAD_COPY, add, was_added, was_not_added },
	{ "open", NO_MEMORY | BAD_COPY, open_and_close, has_no_writer,
	  has_no_writer },
};

static const struct operation removal[] = {
	{ "remove", NO_MEMORY | BAD_COPY, remove_it, was_removed,
	  was_not_removed },
};

/* --- mappings ----------------------------------------------------------------- */

/* Faults every page in. An mmap(2) that fails half way leaves no mapping. */
static int map_at(off_t offset, size_t n, int protection)
{
	volatile char *at = mmap(NULL, n, protection, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < n; i += PAGE)
		(void)at[i];
	return munmap((void *)at, n) ? errno : 0;
}

static int map_data(void)
{
	return map_at(0, 2 * CAPACITY, PROT_READ | PROT_WRITE);
}

static int map_status(void)
{
	return map_at(VFIFO_MMAP_STATUS, PAGE, PROT_READ);
}

static int claim_producer(void)
{
	return map_at(VFIFO_MMAP_PRODUCER, PAGE, PROT_READ | PROT_WRITE);
}

static int claim_consumer(void)
{
	return map_at(VFIFO_MMAP_CONSUMER, PAGE, PROT_READ | PROT_WRITE);
}

static const struct operation mappings[] = {
	{ "map the data", NO_MEMORY, map_data, is_unchanged, is_unchanged },
	{ "map the status", NO_MEMORY, map_status, is_unchanged, is_unchanged },
	{ "claim the producer side", NO_MEMORY, claim_producer, is_unchanged,
	  is_unchanged },
	{ "claim the consumer side", NO_MEMORY, claim_consumer, is_unchanged,
	  is_unchanged },
};

/* --- bytes -------------------------------------------------------------------- */

static char back[CAPACITY + sizeof(bytes)];
static ssize_t moved;
static int ends[2]; /* of a pipe */

static int result(ssize_t n)
{
	moved = n < 0 ? 0 : n;
	return n < 0 ? errno : 0;
}

static int write_some(void)
{
	return result(write(fd, bytes, sizeof(bytes)));
}

static int write_record(void)
{
	return result(write(fd, bytes, 4096));
}

static struct iovec *pieces_of(char *at)
{
	static struct iovec pieces[12];

	for (int i = 0; i < 12; i++)
		pieces[i] = (struct iovec){ at + 1024 * i, 1024 };
	return pieces;
}

static int write_pieces(void)
{
	return result(writev(fd, pieces_of(bytes), 12));
}

static int read_some(void)
{
	return result(read(fd, back, sizeof(bytes)));
}

static int read_pieces(void)
{
	return result(readv(fd, pieces_of(back), 12));
}

static int splice_in(void)
{
	return result(splice(ends[0], NULL, fd, NULL, sizeof(bytes), 0));
}

static int splice_out(void)
{
	return result(splice(fd, NULL, ends[1], NULL, sizeof(bytes), 0));
}

static void is_empty(void)
{
	check_equal(attribute("size"), 0);
}

/* The moved bytes are stored, and nothing else. */
static void was_stored(void)
{
	check(moved > 0);
	check_equal(attribute("size"), moved);
	read_all(fd, back, moved);
	check(!memcmp(back, bytes, moved));
}

static void record_was_stored(void)
{
	check_equal(moved, 4096);
	was_stored();
}

static void fill(void)
{
	is_empty();
	write_all(fd, bytes, sizeof(bytes));
}

/* `back` has the moved bytes; those behind them are still stored. */
static void rest_is_stored(void)
{
	check_equal(attribute("size"), (long long)sizeof(bytes) - moved);
	read_all(fd, back + moved, sizeof(bytes) - moved);
	check(!memcmp(back, bytes, sizeof(bytes)));
	fill();
}

static void all_is_stored(void)
{
	moved = 0;
	rest_is_stored();
}

static void was_read(void)
{
	check(moved > 0);
	rest_is_stored();
}

static void was_spliced_out(void)
{
	check(moved > 0);
	read_all(ends[0], back, moved);
	rest_is_stored();
}

static void fill_pipe(void)
{
	int n;

	check(!ioctl(ends[0], FIONREAD, &n) && n == 0);
	write_all(ends[1], bytes, sizeof(bytes));
}

static void was_spliced_in(void)
{
	const ssize_t n = moved;

	was_stored();
	read_all(ends[0], back + n, sizeof(bytes) - n);
	check(!memcmp(back, bytes, sizeof(bytes)));
	fill_pipe();
}

static void pipe_is_full(void)
{
	is_empty();
	read_all(ends[0], back, sizeof(bytes));
	check(!memcmp(back, bytes, sizeof(bytes)));
	fill_pipe();
}

/* With overflow=overwrite, on a full FIFO. */
static char old[CAPACITY];

static void fill_all(void)
{
	is_empty();
	write_all(fd, old, CAPACITY);
}

static void old_are_stored(void)
{
	check_equal(attribute("size"), CAPACITY);
	read_all(fd, back, CAPACITY);
	check(!memcmp(back, old, CAPACITY));
	fill_all();
}

static void old_were_dropped(void)
{
	const size_t left = CAPACITY - moved;

	check(moved > 0);
	check_equal(attribute("size"), CAPACITY);
	read_all(fd, back, CAPACITY);
	check(!memcmp(back, old + moved, left));
	check(!memcmp(back + left, bytes, moved));
	fill_all();
}

static const struct operation writes[] = {
	{ "write", BAD_COPY, write_some, was_stored, is_empty },
	{ "write, atomic", BAD_COPY, write_record, record_was_stored,
	  is_empty },
	{ "writev", BAD_COPY | NO_MEMORY, write_pieces, was_stored, is_empty },
};

static const struct operation reads[] = {
	{ "read", BAD_COPY, read_some, was_read, all_is_stored },
	{ "readv", BAD_COPY | NO_MEMORY, read_pieces, was_read, all_is_stored },
	{ "splice to a pipe", NO_MEMORY, splice_out, was_spliced_out,
	  all_is_stored },
};

static const struct operation splices[] = {
	{ "splice from a pipe", NO_MEMORY, splice_in, was_spliced_in,
	  pipe_is_full },
};

static const struct operation overwrites[] = {
	{ "write, overwriting", BAD_COPY, write_some, old_were_dropped,
	  old_are_stored },
};

static void bytes_fail(void)
{
	check(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	ALL_FAIL("write", writes);
	fill();
	ALL_FAIL("read", reads);
	read_all(fd, back, sizeof(bytes));
	fill_pipe();
	ALL_FAIL("splice", splices);
	close(ends[0]);
	close(ends[1]);

	check_equal(set_attribute("overflow", "overwrite"), 0);
	fill_all();
	ALL_FAIL("overwrite", overwrites);
	check_equal(set_attribute("overflow", "block"), 0);
	read_all(fd, back, CAPACITY);
}

/* --- waiting, and other calls -------------------------------------------------- */

static int epoll;

static int add_to_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

static void is_in_epoll(void)
{
	check(!epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
}

static void is_not_in_epoll(void)
{
	check_errno(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL), ENOENT);
}

static int poll_now(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? errno : 0;
}

static int ask_for_sigio(void)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) ? errno : 0;
}

static void sigio_is_on(void)
{
	check(fcntl(fd, F_GETFL) & O_ASYNC);
	check(!fcntl(fd, F_SETFL, O_NONBLOCK));
}

static void sigio_is_off(void)
{
	check(!(fcntl(fd, F_GETFL) & O_ASYNC));
	is_unchanged();
}

static int count_stored(void)
{
	int n = -1;

	if (ioctl(fd, FIONREAD, &n))
		return errno;
	check_equal(n, 1000);
	return 0;
}

static int start_generator(void)
{
	int on = 1;

	return ioctl(fd, VFIFO_SET_MODE, &on) ? errno : 0;
}

static void generator_is_on(void)
{
	check_equal(attribute("mode"), 1);
	check_equal(set_attribute("mode", "0"), 0);
}

static const struct operation waits[] = {
	{ "epoll_ctl", NO_MEMORY | BAD_COPY, add_to_epoll, is_in_epoll,
	  is_not_in_epoll },
	{ "poll", BAD_COPY, poll_now, is_unchanged, is_unchanged },
	{ "fcntl, O_ASYNC", NO_MEMORY, ask_for_sigio, sigio_is_on,
	  sigio_is_off },
	{ "FIONREAD", BAD_COPY, count_stored, is_unchanged, is_unchanged },
	{ "VFIFO_SET_MODE", BAD_COPY, start_generator, generator_is_on,
	  is_unchanged },
};

/* --- attributes --------------------------------------------------------------- */

static const char *attribute_name, *attribute_value;

static int store_value(void)
{
	char path[96];

	snprintf(path, sizeof(path), ATTRIBUTES "%s", attribute_name);
	return store(path, attribute_value);
}

/* The generator's text is as it was written; all others end with a newline. */
static void value_was_stored(void)
{
	const size_t n = strlen(attribute_value);
	struct state state;
	size_t i = 0;

	while (strcmp(values[i], attribute_name))
		i++;
	read_state(&state);
	if (strncmp(state.value[i], attribute_value, n) ||
	    (state.value[i][n] && strcmp(state.value[i] + n, "\n")))
		fail("%s is %s instead of %s", attribute_name, state.value[i],
		     attribute_value);
	check_equal(set_attribute(attribute_name, before.value[i]), 0);
	is_unchanged();
}

static int show_all(void)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char path[96], text[256];
		int in, err = 0;

		snprintf(path, sizeof(path), ATTRIBUTES "%s", values[i]);
		in = open(path, O_RDONLY | O_CLOEXEC);
		if (in < 0)
			return errno;
		if (read(in, text, sizeof(text)) < 0)
			err = errno;
		close(in);
		if (err)
			return err;
	}
	return 0;
}

static void store_fails(const char *name, const char *value)
{
	const struct operation operation = { name, NO_MEMORY | BAD_COPY,
					     store_value, value_was_stored,
					     is_unchanged };

	attribute_name = name;
	attribute_value = value;
	fails(&operation);
}

static void attributes_fail(void)
{
	static const char *const other[][2] = {
		{ "capacity", "131072" },
		{ "capacity", "4096" },
		{ "read_watermark", "5" },
		{ "write_watermark", "6" },
		{ "overflow", "drop" },
		{ "eof", "1" },
		{ "scrub", "1" },
		{ "label", "a label" },
		{ "mode", "1" },
		{ "generator/pattern", "ramp" },
		{ "generator/text", "other" },
		{ "generator/burst", "7" },
		{ "generator/period_us", "1000" },
	};
	static const struct operation show = { "show all attributes",
					       NO_MEMORY | BAD_COPY, show_all,
					       is_unchanged, is_unchanged };

	subtest("attributes");
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		store_fails(other[i][0], other[i][1]);
	fails(&show);
}

/* --- kinds of memory, and exports ---------------------------------------------- */

static void kinds_fail(void)
{
	static const char *const kinds[] = { "contiguous", "write-combining",
					     "uncached", "coherent" };
	static const struct operation map = { "map it", NO_MEMORY, map_data,
					      is_unchanged, is_unchanged };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int err = set_attribute("memory", kinds[i]);

		subtest("%s", kinds[i]);
		if (err == EOPNOTSUPP) {
			printf("# %s: not on this machine\n", kinds[i]);
			continue;
		}
		check_equal(err, 0);
		check_equal(set_attribute("memory", "cached"), 0);
		store_fails("memory", kinds[i]);
		check_equal(set_attribute("memory", kinds[i]), 0);
		read_state(&before);
		fails(&map);
		check_equal(set_attribute("memory", "cached"), 0);
		read_state(&before);
	}
}

static int export_and_close(void)
{
	struct vfifo_export export = { .flags = O_CLOEXEC, .fd = -1 };

	if (ioctl(fd, VFIFO_EXPORT, &export))
		return errno;
	return close(export.fd) ? errno : 0;
}

static int export_and_map(void)
{
	struct vfifo_export export = { .flags = O_CLOEXEC, .fd = -1 };
	int err = 0;
	void *at;

	if (ioctl(fd, VFIFO_EXPORT, &export))
		return errno;
	at = mmap(NULL, CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, export.fd,
		  0);
	if (at == MAP_FAILED)
		err = errno;
	else
		munmap(at, CAPACITY);
	close(export.fd);
	return err;
}

static void exports_fail(void)
{
	static const struct operation exports[] = {
		{ "export", NO_MEMORY | BAD_COPY, export_and_close,
		  is_unchanged, is_unchanged },
		{ "export and map", NO_MEMORY | BAD_COPY, export_and_map,
		  is_unchanged, is_unchanged },
	};

	if (export_and_close() == EOPNOTSUPP) {
		subtest("export");
		printf("# exports: not on this kernel\n");
		return;
	}
	ALL_FAIL("export", exports);
}

/* --- leaks -------------------------------------------------------------------- */

/* Returns the pages that are charged to this cgroup, without those of slabs, which can be late. */
static long long charged_pages(void)
{
	static const char *const others[] = { "slab",	    "kernel_stack",
					      "pagetables", "sec_pagetables",
					      "percpu",	    "vmalloc" };
	FILE *f;
	char line[128], name[64];
	long long sum = 0, n;

	sleep_ms(2500); /* the kernel adds up its counters every two seconds */
	f = fopen("cgroups/vfifo/memory.stat", "re");
	check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lld", name, &n) != 2)
			continue;
		if (!strcmp(name, "kernel"))
			sum += n;
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (!strcmp(name, others[i]))
				sum -= n;
	}
	fclose(f);
	return sum / (long long)PAGE;
}

/* A page that one site leaks is leaked in each round. */
static void no_page_leaks(void)
{
	const int rounds = 8;
	long long pages = charged_pages();
	int err;

	subtest("no page leaks");
	for (int i = 0; i < rounds; i++)
		for (int n = 1; with_fault(n, add, &err); n++)
			if (!err)
				check_equal(remove_it(), 0);
	check_equal(remove_it(), 0);
	pages = charged_pages() - pages;
	printf("# %lld pages more are charged\n", pages);
	check(pages < rounds / 2);
}

int main(void)
{
	set_up_faults();
	fill_pattern(bytes, sizeof(bytes), 0);
	fill_pattern(old, sizeof(old), 1 << 20);
	printf("# %-28s %5s %7s %7s %9s %7s\n", "OPERATION", "SITES", "ENOMEM",
	       "EFAULT", "SUCCEEDED", "SECONDS");

	if (user_mode_linux()) {
		load_fails();
		check_equal(load(), 0);
		ALL_FAIL("unload", unloads);
		check_equal(set_attribute("eof", "1"), 0);
		ALL_FAIL("devices", devices);
		check_equal(set_attribute("eof", "0"), 0);
		check_equal(add(), 0);
		ALL_FAIL("remove", removal);
		check_equal(remove_it(), 0);
	} else {
		check_equal(load(), 0);
	}

	fd = device(O_RDWR | O_NONBLOCK);
	if (user_mode_linux())
		bytes_fail();
	check_equal(write(fd, bytes, 1000), 1000);
	read_state(&before);
	if (user_mode_linux()) {
		epoll = epoll_create1(EPOLL_CLOEXEC);
		check(epoll >= 0);
		ALL_FAIL("mappings", mappings);
		ALL_FAIL("waits", waits);
		attributes_fail();
		close(epoll);
	}
	kinds_fail();
	exports_fail();
	read_all(fd, back, 1000);
	check(!memcmp(back, bytes, 1000));
	close(fd);
	if (user_mode_linux()) {
		enter_cgroup();
		no_page_leaks();
	}
	check_equal(unload_module(), 0);
	is_not_loaded();
	return 0;
}
