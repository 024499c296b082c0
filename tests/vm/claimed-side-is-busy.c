// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What other processes can and cannot do while a side is claimed, which pages can be mapped
 * with which access, and that processes that sleep on a side are woken when it is claimed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static const int rw = PROT_READ | PROT_WRITE;
static int fd;

static void pages_have_their_permissions(void)
{
	const off_t offsets[] = { VFIFO_MMAP_STATUS, VFIFO_MMAP_PRODUCER,
				  VFIFO_MMAP_CONSUMER };
	int in = device(O_RDONLY), out = device(O_WRONLY);

	check_errno((long)map_page(fd, VFIFO_MMAP_STATUS, rw), EACCES);
	for (size_t i = 0; i < 3; i++) {
		void *at = map_page(in, offsets[i], PROT_READ);

		check(at != MAP_FAILED);
		check_errno(mprotect(at, PAGE, rw), EACCES);
		check_errno(mprotect(at, PAGE, PROT_READ | PROT_EXEC), EACCES);
		check(!munmap(at, PAGE));
		at = map_page(fd, offsets[i], PROT_READ);
		check(at != MAP_FAILED);
		check_errno(mprotect(at, PAGE, rw), EACCES);
		check(!munmap(at, PAGE));
		check_errno((long)map_page(in, offsets[i], rw), EACCES);
		check_errno((long)map_page(out, offsets[i], PROT_READ), EACCES);
		check_errno((long)map_page(out, offsets[i], PROT_WRITE),
			    EACCES);
		check_errno((long)map_page(fd, offsets[i],
					   PROT_READ | PROT_EXEC),
			    EPERM);
		check_errno((long)mmap(NULL, PAGE, rw, MAP_PRIVATE, fd,
				       offsets[i]),
			    EINVAL);
		check_errno((long)mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED,
				       fd, offsets[i]),
			    EINVAL);
	}
	check_equal(attribute("mappings"), 0);
	check_equal(attribute("producer") + attribute("consumer"), 0);
	close(in);
	close(out);
}

static void status_page_is_current(void)
{
	const struct vfifo_status *status =
		map_page(fd, VFIFO_MMAP_STATUS, PROT_READ);

	check(status != MAP_FAILED);
	check_equal(status->magic, VFIFO_MAGIC);
	check_equal(status->abi, VFIFO_ABI);
	check_equal(status->capacity, CAPACITY);
	check_equal(status->watermark[VFIFO_PRODUCER], 4096);
	check_equal(status->watermark[VFIFO_CONSUMER], 1);
	check_equal(status->flags, 0);
	check_equal(status->need, 0);
	check(!munmap((void *)status, PAGE));
}

static void claimed_producer(void)
{
	struct raw producer;
	const int mode = 1;
	char buffer[16];

	raw_claim(&producer, VFIFO_PRODUCER);
	check_equal(producer.status->flags, VFIFO_PRODUCER_CLAIMED);
	check_errno(write(fd, "x", 1), EBUSY);
	check_equal(write(fd, buffer, 0), 0);
	check_errno(ioctl(fd, VFIFO_SET_MODE, &mode), EBUSY);
	check_equal(set_attribute("mode", "1"), EBUSY);
	check_equal(attribute("mode"), 0);
	check_equal(set_attribute("mode", "0"), 0);
	check_equal(set_attribute("capacity", "131072"), EBUSY);

	raw_put(&producer, 10, 0);
	check_equal(attribute("size"), 10);
	check_equal(read(fd, buffer, 4), 4);
	check_pattern(buffer, 4, 0);
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(attribute("size"), 0);
	raw_put(&producer, 10, 10);
	raw_release(&producer);

	/* The next call continues at the position of the claim. */
	check_equal(attribute("size"), 10);
	check_equal(write(fd, "abc", 3), 3);
	check_equal(read(fd, buffer, 16), 13);
	check_pattern(buffer, 10, 10);
	check(!memcmp(buffer + 10, "abc", 3));
}

static void claimed_consumer(void)
{
	struct raw consumer;
	char buffer[16];

	raw_claim(&consumer, VFIFO_CONSUMER);
	check_equal(consumer.status->flags, VFIFO_CONSUMER_CLAIMED);
	check_errno(read(fd, buffer, 16), EBUSY);
	check_errno(ioctl(fd, VFIFO_CLEAR), EBUSY);
	fill_pattern(buffer, 16, 0);
	check_equal(write(fd, buffer, 16), 16);
	check_equal(attribute("size"), 16);
	raw_take(&consumer, 6, 0);
	check_equal(attribute("size"), 10);
	check_equal(set_attribute("mode", "1"), 0);
	check_equal(set_attribute("mode", "0"), 0);
	raw_release(&consumer);
	check_equal(read(fd, buffer, 16), 10);
	check_pattern(buffer, 10, 6);
}

static void both_claimed(void)
{
	struct raw producer, consumer;

	raw_claim(&producer, VFIFO_PRODUCER);
	raw_claim(&consumer, VFIFO_CONSUMER);
	for (uint64_t at = 0; at < 4 * CAPACITY; at += 1000) {
		raw_put(&producer, 1000, at);
		check_equal(attribute("size"), 1000);
		raw_take(&consumer, 1000, at);
		check_equal(attribute("size"), 0);
	}
	raw_put(&producer, CAPACITY, 0);
	check_equal(attribute("size"), CAPACITY);
	raw_release(&producer);
	check_equal(attribute("size"), CAPACITY);
	raw_take(&consumer, CAPACITY, 0);
	raw_release(&consumer);
	check_equal(attribute("size"), 0);
}

static void the_generator_keeps_the_producer_side(void)
{
	check_equal(set_attribute("mode", "1"), 0);
	check_errno((long)map_page(fd, VFIFO_MMAP_PRODUCER, rw), EBUSY);
	check_equal(set_attribute("mode", "0"), 0);
	check(!ioctl(fd, VFIFO_CLEAR));
}

static void work_read(void *unused)
{
	char c;

	(void)unused;
	check_errno(read(device(O_RDONLY), &c, 1), EBUSY);
}

static void work_write(void *unused)
{
	(void)unused;
	check_errno(write(device(O_WRONLY), "x", 1), EBUSY);
}

static void sleepers_are_woken(void)
{
	static char full[CAPACITY];
	pid_t pid = start(work_read, NULL);
	struct raw holder;

	wait_asleep(pid, "vfifo");
	raw_claim(&holder, VFIFO_CONSUMER);
	finish(pid);
	raw_release(&holder);

	check_equal(write(fd, full, CAPACITY), CAPACITY);
	pid = start(work_write, NULL);
	wait_asleep(pid, "vfifo");
	raw_claim(&holder, VFIFO_PRODUCER);
	finish(pid);
	raw_release(&holder);
	check(!ioctl(fd, VFIFO_CLEAR));
}

/* A debugger can read the pages through /proc/PID/mem, but not write them. */
static void debuggers_may_read(void)
{
	struct raw producer;
	uint32_t seen = 1;
	char bytes[8], *page;
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	check(mem >= 0);
	raw_claim(&producer, VFIFO_PRODUCER);
	check_equal(pread(mem, &seen, 4, (off_t)(uintptr_t)producer.status), 4);
	check_equal(seen, VFIFO_MAGIC);
	check_equal(pread(mem, &seen, 4,
			  (off_t)(uintptr_t)producer.at[VFIFO_PRODUCER]),
		    4);
	check_equal(seen, producer.own);
	check_equal(pwrite(mem, &seen, 4, (off_t)(uintptr_t)producer.status),
		    -1);
	check_equal(producer.status->magic, VFIFO_MAGIC);
	/* No byte behind the page, where nothing else is mapped. */
	page = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	check(page != MAP_FAILED);
	check_equal(munmap(page + PAGE, PAGE), 0);
	check(mmap(page, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, producer.fd,
		   VFIFO_MMAP_STATUS) == page);
	check_equal(pread(mem, bytes, 8, (off_t)(uintptr_t)page + PAGE - 4), 4);
	check_equal(munmap(page, PAGE), 0);
	raw_release(&producer);
	close(mem);
}

int main(void)
{
	fd = device(O_RDWR | O_NONBLOCK);
	run_case(pages_have_their_permissions());
	run_case(status_page_is_current());
	run_case(claimed_producer());
	run_case(claimed_consumer());
	run_case(both_claimed());
	run_case(the_generator_keeps_the_producer_side());
	run_case(sleepers_are_woken());
	if (debuggers_see_devices())
		run_case(debuggers_may_read());
	check_equal(attribute("mappings"), 0);
	return 0;
}
