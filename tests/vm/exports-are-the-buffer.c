// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIFO_EXPORT gives the data as a dma-buf, of a file that may read, with the access of that
 * file and no more. It counts as a mapping, and the buffer stays valid while it lives: after
 * close(2), after the device was removed. The module cannot be unloaded until it is gone. What
 * fails exports nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <linux/vfifo.h>

#include "testlib.h"

#define CARD "/dev/dri/card0"
#define UDMABUF "/dev/udmabuf"

static char bytes[CAPACITY];

static int export_with(int fd, unsigned int flags)
{
	struct vfifo_export export = { .flags = flags, .fd = -1 };

	return ioctl(fd, VFIFO_EXPORT, &export) ? -1 : export.fd;
}

static int export_of(int fd)
{
	int buffer = export_with(fd, O_CLOEXEC);

	check(buffer >= 0);
	return buffer;
}

static char *map_of(int buffer, int protection)
{
	char *map = mmap(NULL, CAPACITY, protection, MAP_SHARED, buffer, 0);

	check(map != MAP_FAILED);
	return map;
}

static void begin(int buffer, __u64 flags)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | flags };

	check(!ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync));
}

static void end(int buffer, __u64 flags)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_END | flags };

	check(!ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync));
}

static void bytes_are_the_same(int fd)
{
	int buffer = export_of(fd);
	char *map = map_of(buffer, PROT_READ | PROT_WRITE);
	size_t in;

	check_equal(lseek(buffer, 0, SEEK_END), CAPACITY);
	check_equal(attribute("mappings"), 1);
	/* Byte p of the stream is at p & (capacity - 1). */
	in = (size_t)attribute("stats/in_bytes") & (CAPACITY - 1);
	write_all(fd, "hello", 5);
	begin(buffer, DMA_BUF_SYNC_RW);
	check(!memcmp(map + in, "hello", 5));
	map[in] = 'j';
	end(buffer, DMA_BUF_SYNC_RW);
	read_all(fd, bytes, 5);
	check(!memcmp(bytes, "jello", 5));
	check(!munmap(map, CAPACITY));
	close(buffer);
	check_equal(attribute("mappings"), 0);
}

static void of_each_kind(int fd)
{
	static const char *const kinds[] = { "write-combining", "uncached",
					     "coherent", "contiguous",
					     "cached" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int err = set_attribute("memory", kinds[i]);

		if (err == EOPNOTSUPP)
			continue;
		check_equal(err, 0);
		bytes_are_the_same(fd);
	}
}

static void access_of_the_file(void)
{
	int rw = device(O_RDWR), r = device(O_RDONLY), w = device(O_WRONLY);
	int buffer, plain;
	char *map;

	check_errno(export_with(w, 0), EBADF);
	buffer = export_of(rw);
	check_equal(fcntl(buffer, F_GETFL) & O_ACCMODE, O_RDWR);
	check_equal(fcntl(buffer, F_GETFD), FD_CLOEXEC);
	plain = export_with(rw, 0);
	check(plain >= 0);
	check_equal(fcntl(plain, F_GETFD), 0);
	check_equal(attribute("mappings"), 2);
	close(plain);
	close(buffer);

	buffer = export_of(r);
	check_equal(fcntl(buffer, F_GETFL) & O_ACCMODE, O_RDONLY);
	check_errno((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			       buffer, 0),
		    EACCES);
	map = map_of(buffer, PROT_READ);
	check_errno(mprotect(map, PAGE, PROT_READ | PROT_WRITE), EACCES);
	check(!munmap(map, CAPACITY));
	close(buffer);
	close(rw);
	close(r);
	close(w);
	check_equal(attribute("mappings"), 0);
}

static void bad_arguments(int fd)
{
	struct vfifo_export export = { .flags = O_NONBLOCK };
	struct rlimit limit, none;
	int buffer;
	char *map;

	check_errno(ioctl(fd, VFIFO_EXPORT, &export), EINVAL);
	export = (struct vfifo_export){ .flags = 1U << 31 };
	check_errno(ioctl(fd, VFIFO_EXPORT, &export), EINVAL);
	export = (struct vfifo_export){ .reserved = { 1 } };
	check_errno(ioctl(fd, VFIFO_EXPORT, &export), EINVAL);
	export = (struct vfifo_export){ .reserved = { 0, 1 } };
	check_errno(ioctl(fd, VFIFO_EXPORT, &export), EINVAL);
	check_errno(ioctl(fd, VFIFO_EXPORT, NULL), EFAULT);
	check_errno(ioctl(fd, VFIFO_EXPORT, -1L), EFAULT);
	/* An argument that can be read only. */
	map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(map != MAP_FAILED);
	check_errno(ioctl(fd, VFIFO_EXPORT, map), EFAULT);
	check(!munmap(map, PAGE));

	check(!getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	check(!setrlimit(RLIMIT_NOFILE, &none));
	export = (struct vfifo_export){ 0 };
	check_errno(ioctl(fd, VFIFO_EXPORT, &export), EMFILE);
	check(!setrlimit(RLIMIT_NOFILE, &limit));
	check_equal(attribute("mappings"), 0);

	buffer = export_of(fd);
	check_errno((long)mmap(NULL, CAPACITY + PAGE, PROT_READ, MAP_SHARED,
			       buffer, 0),
		    EINVAL);
	check_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, buffer,
			       CAPACITY),
		    EINVAL);
	check_errno((long)mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED,
			       buffer, 0),
		    EPERM);
	check_errno((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			       buffer, 0),
		    EINVAL);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, buffer, CAPACITY - PAGE);
	check(map != MAP_FAILED);
	bytes[0] = map[PAGE - 1];
	check_errno(mprotect(map, PAGE, PROT_READ | PROT_EXEC), EACCES);
	check(!munmap(map, PAGE));
	close(buffer);
}

static void counts_as_a_mapping(int fd)
{
	int buffer = export_of(fd);
	char *map = map_of(buffer, PROT_READ);

	close(buffer);
	check_equal(attribute("mappings"), 1);
	check_equal(set_capacity(2 * CAPACITY), EBUSY);
	check_equal(set_attribute("memory", "contiguous"), EBUSY);
	check_equal(attribute("capacity"), CAPACITY);
	check_attribute("memory", "cached");
	/* A part of the mapping keeps the dma-buf. */
	check(!munmap(map, CAPACITY - PAGE));
	check_equal(attribute("mappings"), 1);
	check(!munmap(map + CAPACITY - PAGE, PAGE));
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);
}

/* Has a driver of the kernel import the buffer. Returns a handle, or 0 with errno set. */
static __u32 import(int card, int buffer)
{
	struct drm_prime_handle prime = { .fd = buffer };

	return ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) ? 0 :
								   prime.handle;
}

static void forget(int card, __u32 handle)
{
	struct drm_gem_close gem = { .handle = handle };

	check(!ioctl(card, DRM_IOCTL_GEM_CLOSE, &gem));
}

static void imports(int fd)
{
	int card = open(CARD, O_RDWR | O_CLOEXEC), r = device(O_RDONLY);
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int buffer = export_of(fd);
	__u32 handle;
	char *map;

	check(card >= 0);
	handle = import(card, buffer);
	check(handle);
	/* The importer keeps the buffer, and gives the same one to others. */
	close(buffer);
	check_equal(attribute("mappings"), 1);
	prime.handle = handle;
	check(!ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	map = map_of(prime.fd, PROT_READ | PROT_WRITE);
	begin(prime.fd, DMA_BUF_SYNC_RW);
	memset(map, 'i', CAPACITY);
	end(prime.fd, DMA_BUF_SYNC_RW);
	check(!munmap(map, CAPACITY));
	close(prime.fd);
	forget(card, handle);
	check_equal(attribute("mappings"), 0);

	/* The driver would write, which this export does not allow. */
	buffer = export_of(r);
	check(!import(card, buffer));
	check_equal(errno, EACCES);
	close(buffer);
	close(r);
	close(card);
	check_equal(attribute("mappings"), 0);
}

static int udmabuf_of(int udmabuf, int memory)
{
	struct udmabuf_create create = {
		.memfd = (unsigned int)memory,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = CAPACITY,
	};

	return ioctl(udmabuf, UDMABUF_CREATE, &create);
}

/*
 * udmabuf makes a dma-buf of the pages of a memfd. Its own test compares the two; here the bytes
 * go from the one to the other through the FIFO and its export, both ways, page by page.
 */
static void beside_a_dmabuf_of_udmabuf(int fd, int udmabuf)
{
	int memory = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int theirs, ours = export_of(fd);
	char *from, *to, *memfd;
	size_t i, in;

	check(memory >= 0 && !ftruncate(memory, CAPACITY));
	check(!fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
	theirs = udmabuf_of(udmabuf, memory);
	check(theirs >= 0);
	memfd = map_of(memory, PROT_READ | PROT_WRITE);
	from = map_of(theirs, PROT_READ | PROT_WRITE);
	to = map_of(ours, PROT_READ | PROT_WRITE);
	in = (size_t)attribute("stats/in_bytes") & (CAPACITY - 1);
	for (i = 0; i < CAPACITY; i += PAGE) {
		size_t at = (in + i) & (CAPACITY - 1);
		size_t n = CAPACITY - at < PAGE ? CAPACITY - at : PAGE;

		fill_pattern(memfd + i, PAGE, i);
		write_all(fd, from + i, PAGE);
		check(!memcmp(to + at, memfd + i, n));
		check(!memcmp(to, memfd + i + n, PAGE - n));
	}
	memset(to, 'u', CAPACITY);
	read_all(fd, from, CAPACITY);
	for (i = 0; i < CAPACITY; i++)
		check(memfd[i] == 'u');
	check(!munmap(from, CAPACITY));
	check(!munmap(to, CAPACITY));
	check(!munmap(memfd, CAPACITY));
	close(theirs);
	close(ours);
	close(memory);

	/* It takes a memfd only. */
	check_errno(udmabuf_of(udmabuf, fd), EBADFD);
	check_equal(attribute("mappings"), 0);
}

/* One object of a kind, or of none, and what ends it. */
struct object {
	int fd;
	char *map;
	__u32 handle;
};

static void end_object(int card, struct object *o)
{
	if (o->map)
		check(!munmap(o->map, CAPACITY));
	if (o->handle)
		forget(card, o->handle);
	if (o->fd >= 0)
		close(o->fd);
	*o = (struct object){ .fd = -1 };
}

static void in_any_order(int card)
{
	unsigned long round;
	unsigned int seed = 1, i, left;

	for (round = 0; round < 1000; round++) {
		struct object all[6];
		int buffer;

		for (i = 0; i < 6; i++)
			all[i] = (struct object){ .fd = -1 };
		all[0].fd = device(O_RDWR);
		buffer = export_of(all[0].fd);
		all[1].fd = buffer;
		all[2].map = map_of(buffer, PROT_READ | PROT_WRITE);
		all[3].map = map_of(all[0].fd, PROT_READ);
		all[4].fd = dup(buffer);
		if (card >= 0)
			all[5].handle = import(card, buffer);
		check(card < 0 || all[5].handle);
		all[2].map[0] = 'x';
		for (left = 6; left; left--) {
			struct object *last = &all[left - 1], one;

			i = (unsigned int)rand_r(&seed) % left;
			one = all[i];
			all[i] = *last;
			end_object(card, &one);
		}
	}
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);
}

static void export_and_close(void *argument)
{
	int card = *(int *)argument, fd = device(O_RDWR);
	unsigned long i, n = share(4000, 400);

	for (i = 0; i < n; i++) {
		int buffer = export_of(fd);
		off_t capacity = lseek(buffer, 0, SEEK_END);
		char *map = mmap(NULL, (size_t)capacity, PROT_READ | PROT_WRITE,
				 MAP_SHARED, buffer, 0);
		__u32 handle = card < 0 ? 0 : import(card, buffer);

		check(map != MAP_FAILED);
		map[capacity - 1] = 'y';
		if (handle)
			forget(card, handle);
		check(!munmap(map, (size_t)capacity));
		close(buffer);
	}
}

/* A device takes segments of limited length (64 KiB here), also of one large block. */
static void block_is_imported_in_segments(int card)
{
	int fd = device(O_RDWR), buffer;
	__u32 handle;

	check_equal(set_attribute("memory", "contiguous"), 0);
	check_equal(set_capacity(16 * CAPACITY), 0);
	buffer = export_of(fd);
	handle = import(card, buffer);
	check(handle);
	forget(card, handle);
	close(buffer);
	close(fd);
	check_equal(set_capacity(CAPACITY), 0);
	check_equal(set_attribute("memory", "cached"), 0);
}

/*
 * The buffer never changes under an export, as its mappings show. (One process imports only, as
 * the DMA API does not allow that one page is mapped for two devices that write.)
 */
static void while_resizing(int card)
{
	int none = -1;
	pid_t pids[2];
	unsigned long i, n = share(4000, 400);
	int err;

	pids[0] = start(export_and_close, &card);
	pids[1] = start(export_and_close, &none);
	for (i = 0; i < n; i++) {
		err = set_capacity(i % 2 ? CAPACITY : 4 * CAPACITY);
		if (err)
			check_equal(err, EBUSY);
		err = set_attribute("memory", i % 3 ? "contiguous" : "cached");
		if (err)
			check_equal(err, EBUSY);
	}
	finish(pids[0]);
	finish(pids[1]);
	check_equal(attribute("mappings"), 0);
	check_equal(set_capacity(CAPACITY), 0);
	check_equal(set_attribute("memory", "cached"), 0);
}

/* Begins and ends accesses for as long as it lives, also while the buffer is mapped for a device. */
static void synchronise(void *argument)
{
	int buffer = *(int *)argument;

	for (;;) {
		begin(buffer, DMA_BUF_SYNC_RW);
		end(buffer, DMA_BUF_SYNC_RW);
		close(dup(buffer));
	}
}

/* Has a driver import one dma-buf again and again. */
static void import_again(void *argument)
{
	int card = open(CARD, O_RDWR | O_CLOEXEC), buffer = *(int *)argument;

	check(card >= 0);
	for (;;) {
		__u32 handle = import(card, buffer);

		check(handle);
		forget(card, handle);
	}
}

static void end_by_force(pid_t pid)
{
	int status;

	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Processes that share one dma-buf are killed in the middle of what they do with it. */
static void killed_while_sharing(int card)
{
	unsigned long i, n = share(200, 40);

	for (i = 0; i < n; i++) {
		int fd = device(O_RDWR), buffer = export_of(fd);
		pid_t a = start(synchronise, &buffer);
		pid_t b = start(synchronise, &buffer);
		pid_t c = card < 0 ? 0 : start(import_again, &buffer);

		close(buffer);
		close(fd);
		sleep_ms(1 + i % 30);
		end_by_force(a);
		check_equal(attribute("mappings"), 1);
		if (c)
			end_by_force(c);
		end_by_force(b);
		check_equal(attribute("mappings"), 0);
	}
	check_equal(set_capacity(2 * CAPACITY), 0);
	check_equal(set_capacity(CAPACITY), 0);
}

/* Bound to a device that was removed, in a module that cannot be unloaded. */
static void outlives_the_device(int fd)
{
	int buffer = export_of(fd), remove;
	char *map;

	close(fd);
	remove = open("/sys/class/vfifo/remove", O_WRONLY);
	check_equal(write(remove, "0", 1), 1);
	close(remove);
	map = map_of(buffer, PROT_READ | PROT_WRITE);
	memset(map, 'z', CAPACITY);
	check_errno(syscall(SYS_delete_module, "vfifo", O_NONBLOCK),
		    EWOULDBLOCK);
	close(buffer);
	check_errno(syscall(SYS_delete_module, "vfifo", O_NONBLOCK),
		    EWOULDBLOCK);
	check_equal(map[CAPACITY - 1], 'z');
	check(!munmap(map, CAPACITY));
}

static int has_exports(int fd)
{
	const struct vfifo_status *status =
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, VFIFO_MMAP_STATUS);
	int has;

	check(status != MAP_FAILED);
	has = status->features & VFIFO_HAS_EXPORT;
	check(!munmap((void *)status, PAGE));
	return has;
}

int main(void)
{
	int fd = device(O_RDWR), card, udmabuf;

	if (!has_exports(fd)) {
		check_errno(export_with(fd, 0), EOPNOTSUPP);
		skip("this kernel has no dma-buf, and VFIFO_EXPORT says so");
	}
	run_case(of_each_kind(fd));
	run_case(access_of_the_file());
	run_case(bad_arguments(fd));
	run_case(counts_as_a_mapping(fd));
	card = open(CARD, O_RDWR | O_CLOEXEC);
	if (card >= 0) {
		run_case(imports(fd));
		run_case(block_is_imported_in_segments(card));
	} else {
		printf("# no driver here imports a dma-buf\n");
	}
	udmabuf = open(UDMABUF, O_RDWR | O_CLOEXEC);
	if (udmabuf >= 0)
		run_case(beside_a_dmabuf_of_udmabuf(fd, udmabuf));
	run_case(in_any_order(card));
	run_case(while_resizing(card));
	run_case(killed_while_sharing(card));
	run_case(outlives_the_device(fd));
	return 0;
}
