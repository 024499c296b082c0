// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every kind of memory behaves alike: stored bytes are kept when the kind changes, the data are
 * mapped twice, system calls and the library stream through it. EBUSY while mapped, EINVAL for
 * what is no kind, ENOMEM if there is no such piece, EOPNOTSUPP if the machine has no such
 * kind; nothing changes then. Only cached pages can be pinned.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <libvfifo.h>

#include "testlib.h"

static const char *const kinds[] = { "cached", "write-combining", "uncached",
				     "coherent", "contiguous" };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static char bytes[2 * CAPACITY];

/* The kinds that a machine must have: all on x86, which User-Mode Linux is not. */
static int required(enum vfifo_memory kind)
{
	if (user_mode_linux())
		return kind == VFIFO_MEMORY_CACHED ||
		       kind == VFIFO_MEMORY_CONTIGUOUS;
	switch (kind) {
	case VFIFO_MEMORY_CACHED:
	case VFIFO_MEMORY_CONTIGUOUS:
		return 1;
#if defined(__x86_64__) || defined(__i386__)
	default:
		return 1;
#elif defined(__aarch64__) || defined(__arm__)
	case VFIFO_MEMORY_UNCACHED:
		return 0;
	default:
		return 1;
#else
	default:
		return 0;
#endif
	}
}

static void check_status(int fd, enum vfifo_memory kind)
{
	const struct vfifo_status *status =
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, VFIFO_MMAP_STATUS);

	check(status != MAP_FAILED);
	check(status->features & VFIFO_HAS_MEMORY);
	check_equal(status->memory, kind);
	check(!munmap((void *)status, PAGE));
}

/* Changes the kind while bytes are stored across the end of the buffer. */
static int change(int fd, enum vfifo_memory kind)
{
	const size_t n = CAPACITY - 1000;
	int err;

	check_equal(set_attribute("memory", "cached"), 0);
	write_all(fd, bytes, n);
	read_all(fd, bytes, n);
	fill_pattern(bytes, n, kind);
	write_all(fd, bytes, n);
	err = set_attribute("memory", kinds[kind]);
	check_equal(attribute("size"), n);
	read_all(fd, bytes, n);
	check_pattern(bytes, n, kind);
	check_attribute("memory", err ? "cached" : kinds[kind]);
	check_status(fd, err ? VFIFO_MEMORY_CACHED : kind);
	return err;
}

static char *map_data(int fd, size_t n, int protection, off_t at)
{
	char *map = mmap(NULL, n, protection, MAP_SHARED, fd, at);

	check(map != MAP_FAILED);
	return map;
}

static void mirror(int fd, enum vfifo_memory kind)
{
	char *map = map_data(fd, 2 * CAPACITY, PROT_READ | PROT_WRITE, 0);
	char *part = map_data(fd, 2 * PAGE, PROT_READ, CAPACITY - PAGE);
	/* The compiler does not know that two addresses are one byte. */
	volatile char *v = map, *w = part;
	size_t i;

	check_equal(attribute("mappings"), 2);
	for (i = 0; i < CAPACITY; i += 1024) {
		v[i] = (char)(i >> 10);
		check_equal(v[CAPACITY + i], (char)(i >> 10));
	}
	v[CAPACITY - 1] = 'a';
	v[CAPACITY] = 'b';
	check_equal(w[PAGE - 1], 'a');
	check_equal(w[PAGE], 'b');
	check_equal(v[0], 'b');

	/* A part that stays, and one that moves. */
	check(!munmap(map, CAPACITY));
	map[2 * CAPACITY - 1] = 'c';
	check_equal(map[2 * CAPACITY - 1], 'c');
	part = mremap(part, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      map);
	check(part == map);
	check_equal(part[PAGE], 'b');
	check_equal(set_attribute("memory", kind == VFIFO_MEMORY_CACHED ?
						    "contiguous" :
						    "cached"),
		    EBUSY);
	check_attribute("memory", kinds[kind]);
	check(!munmap(part, 2 * PAGE));
	check(!munmap(map + CAPACITY, CAPACITY));
	check_equal(attribute("mappings"), 0);
}

static void refusals(int fd)
{
	char *map;

	check_errno((long)mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED,
			       fd, 0),
		    EPERM);
	check_errno((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			       fd, 0),
		    EINVAL);
	check_errno((long)mmap(NULL, 2 * CAPACITY + PAGE, PROT_READ, MAP_SHARED,
			       fd, 0),
		    EINVAL);
	check_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd,
			       2 * CAPACITY),
		    EINVAL);
	map = map_data(fd, PAGE, PROT_READ, 0);
	check_errno(mprotect(map, PAGE, PROT_READ | PROT_WRITE), EACCES);
	check_errno(mprotect(map, PAGE, PROT_READ | PROT_EXEC), EACCES);
	check(!munmap(map, PAGE));
	map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	check(map != MAP_FAILED);
	check(!munmap(map, PAGE));
	check_equal(attribute("mappings"), 0);
}

/* A child has the data mapping too. */
static void see_and_change(void *argument)
{
	char *map = argument;

	check_equal(map[100], 'p');
	map[100] = 'q';
}

/* /proc/PID/mem reads the data, and writes them if the mapping is writable. */
static void debugger(int fd, enum vfifo_memory kind)
{
	char *map = map_data(fd, CAPACITY, PROT_READ | PROT_WRITE, 0);
	int mem = open("/proc/self/mem", O_RDWR);

	check(mem >= 0);
	check_equal(pwrite(mem, "hello", 5, (off_t)(uintptr_t)(map + PAGE - 2)),
		    5);
	check(!memcmp(map + PAGE - 2, "hello", 5));
	check_equal(pread(mem, bytes, 5, (off_t)(uintptr_t)(map + PAGE - 2)),
		    5);
	check(!memcmp(bytes, "hello", 5));
	check(!munmap(map, CAPACITY));

	map = map_data(fd, PAGE, PROT_READ, 0);
	if (kind != VFIFO_MEMORY_CACHED)
		check_errno(pwrite(mem, "x", 1, (off_t)(uintptr_t)map), EIO);
	check(!munmap(map, PAGE));

	/* Nothing behind the mapping. */
	map = map_data(fd, 2 * CAPACITY, PROT_READ, 0);
	check(!munmap(map + CAPACITY, CAPACITY));
	check_equal(pread(mem, bytes, 5,
			  (off_t)(uintptr_t)(map + CAPACITY - 2)),
		    2);
	check(!munmap(map, CAPACITY));
	close(mem);
}

static void others(int fd, enum vfifo_memory kind)
{
	char *map = map_data(fd, CAPACITY, PROT_READ | PROT_WRITE, 0);
	struct iovec ours = { bytes, 1000 }, theirs = { map, 1000 };
	int p[2];

	map[100] = 'p';
	finish(start(see_and_change, map));
	check_equal(map[100], 'q');

	/* A pin. (It is the copy of another kernel call that pins.) */
	check(!pipe(p));
	if (kind == VFIFO_MEMORY_CACHED) {
		check_equal(vmsplice(p[1], &theirs, 1, 0), 1000);
		check_equal(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0),
			    1000);
	} else {
		check_errno(vmsplice(p[1], &theirs, 1, 0), EFAULT);
		check_errno(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0),
			    EFAULT);
	}
	close(p[0]);
	close(p[1]);

	check(!munmap(map, CAPACITY));
	if (kind == VFIFO_MEMORY_CACHED || debuggers_see_devices())
		debugger(fd, kind);

	/* The mapping as the buffer of a call, fresh and used. */
	map = map_data(fd, 2 * CAPACITY, PROT_READ | PROT_WRITE, 0);
	memset(map, 'm', 1000);
	check_equal(write(fd, map, 1000), 1000);
	check_equal(read(fd, map + CAPACITY + 30000, 1000), 1000);
	check_equal(map[30000], 'm');
	check_equal(map[30999], 'm');

	/* With overwrite, the source is faulted in before old bytes are dropped. */
	check_equal(set_attribute("overflow", "overwrite"), 0);
	check_equal(write(fd, map, 20000), 20000);
	check_equal(read(fd, bytes, 20000), 20000);
	check_equal(set_attribute("overflow", "block"), 0);
	check(!munmap(map, 2 * CAPACITY));
}

#define STREAM (slow_kernel() ? 1 << 20 : 8 << 20)

static void produce(void *argument)
{
	size_t at = 0, all = STREAM, n;
	struct vfifo_handle *f;

	(void)argument;
	check_equal(vfifo_open(DEVICE, VFIFO_PRODUCER, 0, &f), 0);
	while (at < all) {
		n = 1 + at % 30000;
		if (n > all - at)
			n = all - at;
		fill_pattern(bytes, n, at);
		check_equal(vfifo_write(f, bytes, n, 60000), n);
		at += n;
	}
	vfifo_close(f);
}

static void write_it(void *argument)
{
	size_t at = 0, all = STREAM, n;
	int fd = device(O_WRONLY);

	(void)argument;
	while (at < all) {
		n = 1 + at % 9000;
		if (n > all - at)
			n = all - at;
		fill_pattern(bytes, n, at);
		write_all(fd, bytes, n);
		at += n;
	}
}

static void consume(void)
{
	size_t at = 0, all = STREAM;
	struct vfifo_handle *f;
	ssize_t n;

	check_equal(vfifo_open(DEVICE, VFIFO_CONSUMER, 0, &f), 0);
	while (at < all) {
		n = vfifo_read(f, bytes, 1 + at % 20000, 60000);
		check(n > 0);
		check_pattern(bytes, (size_t)n, at);
		at += (size_t)n;
	}
	vfifo_close(f);
}

static void read_it(int fd)
{
	size_t at = 0, all = STREAM;
	ssize_t n;

	while (at < all) {
		n = read(fd, bytes, 1 + at % 20000);
		check(n > 0);
		check_pattern(bytes, (size_t)n, at);
		at += (size_t)n;
	}
}

static void streams(int fd)
{
	pid_t pid = start(produce, NULL);

	consume();
	finish(pid);
	pid = start(write_it, NULL);
	consume();
	finish(pid);
	pid = start(produce, NULL);
	read_it(fd);
	finish(pid);
	check_equal(attribute("size"), 0);
}

static void sizes(const char *kind)
{
	check_equal(set_capacity(PAGE_MAX * 4), 0);
	check_attribute("memory", kind);
	check_equal(set_capacity(CAPACITY), 0);
	check_attribute("memory", kind);
}

/* No machine here has half a gigabyte in one piece. */
static void no_piece(const char *kind)
{
	check_equal(set_capacity(VFIFO_CAPACITY_MAX), ENOMEM);
	check_equal(attribute("capacity"), CAPACITY);
	check_attribute("memory", kind);
}

/* Two processes change the two properties of the buffer. Neither undoes the other's change. */
static void change_kinds(void *argument)
{
	unsigned long i, n = share(2000, 200);

	(void)argument;
	for (i = 0; i < n; i++)
		check_equal(set_attribute("memory",
					  i % 2 ? "contiguous" : "cached"),
			    0);
	check_equal(set_attribute("memory", "contiguous"), 0);
}

static void race(int fd)
{
	unsigned long i, n = share(2000, 200);
	pid_t pid;

	check_equal(set_attribute("memory", "cached"), 0);
	fill_pattern(bytes, 5000, 0);
	write_all(fd, bytes, 5000);
	pid = start(change_kinds, NULL);
	for (i = 0; i < n; i++)
		check_equal(set_capacity(i % 2 ? CAPACITY : 2 * CAPACITY), 0);
	check_equal(set_capacity(4 * CAPACITY), 0);
	finish(pid);
	check_equal(attribute("capacity"), 4 * CAPACITY);
	check_attribute("memory", "contiguous");
	read_all(fd, bytes, 5000);
	check_pattern(bytes, 5000, 0);
	check_equal(set_capacity(CAPACITY), 0);
	check_equal(set_attribute("memory", "cached"), 0);
}

int main(void)
{
	int fd = device(O_RDWR);
	unsigned int kind;

	subtest("what is no kind");
	check_attribute("memory", "cached");
	check_equal(set_attribute("memory", "purple"), EINVAL);
	check_equal(set_attribute("memory", " cached"), EINVAL);
	check_equal(set_attribute("memory", "Cached"), EINVAL);
	check_equal(set_attribute("memory", "1"), EINVAL);
	check_equal(set_attribute("memory", "contiguous\n"), 0);
	check_attribute("memory", "contiguous");

	for (kind = 0; kind < KINDS; kind++) {
		const char *name = kinds[kind];
		int err;

		subtest("%s: stored bytes are kept", name);
		err = change(fd, kind);
		if (err) {
			check_equal(err, EOPNOTSUPP);
			check(!required(kind));
			printf("# this machine has no %s memory\n", name);
			continue;
		}
		subtest("%s: the data are there twice", name);
		mirror(fd, kind);
		subtest("%s: what is refused", name);
		refusals(fd);
		subtest("%s: pins, debuggers, children, buffers", name);
		others(fd, kind);
		subtest("%s: streams", name);
		streams(fd);
		subtest("%s: other capacities", name);
		sizes(name);
		if (kind == VFIFO_MEMORY_COHERENT ||
		    kind == VFIFO_MEMORY_CONTIGUOUS)
			no_piece(name);
	}
	subtest("capacity and kind at once");
	race(fd);
	return 0;
}
