// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * userfaultfd stalls the memory of a reader and a writer in the middle of their calls. Meanwhile
 * other processes can read, write, map and resize, and root can remove the device.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static int fd;
static char *stalled; /* two pages, whose faults wait for end_stall() */
static char *before;  /* the page before them, which is resident */
static char bytes[2 * PAGE_MAX];

static void *read_stalled(void *argument)
{
	(void)argument;
	check_equal(read(fd, stalled + PAGE, 100), 100);
	check_pattern(stalled + PAGE, 100, 0);
	return NULL;
}

static void *write_stalled(void *argument)
{
	(void)argument;
	check_equal(write(fd, before + PAGE - 50, 100), 100);
	return NULL;
}

static int stall(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)stalled, 2 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		skip("this kernel has no userfaultfd");
	check(!ioctl(uffd, UFFDIO_API, &api));
	check(!ioctl(uffd, UFFDIO_REGISTER, &range));
	return uffd;
}

static int stall_new_pages(void)
{
	stalled = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(stalled != MAP_FAILED);
	return stall();
}

static void await_fault(int uffd)
{
	struct uffd_msg message;

	check_equal(read(uffd, &message, sizeof(message)), sizeof(message));
	check_equal(message.event, UFFD_EVENT_PAGEFAULT);
}

/* A fault of a task that has a signal pending can come more than once. */
static void await_fault_of(int uffd, const char *page)
{
	struct uffd_msg message;

	do {
		check_equal(read(uffd, &message, sizeof(message)),
			    sizeof(message));
		check_equal(message.event, UFFD_EVENT_PAGEFAULT);
	} while (message.arg.pagefault.address / PAGE !=
		 (uintptr_t)page / PAGE);
}

static void end_stall(int uffd, char *page, const char *with)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)page,
				    .src = (uintptr_t)with,
				    .len = PAGE };

	check(!ioctl(uffd, UFFDIO_COPY, &copy));
}

static void *use(void *argument)
{
	char *map;

	(void)argument;
	fill_pattern(bytes, 50, 100);
	check_equal(write(fd, bytes, 50), 50);
	check_equal(read(fd, bytes, 100), 100);
	check_pattern(bytes, 100, 0);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	check(!munmap(map, PAGE));
	check_equal(set_attribute("capacity", "131072"), 0);
	check_equal(attribute("size"), 50);
	return NULL;
}

static void others_go_on(void)
{
	pthread_t reader, writer, user;
	int uffd;

	before = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(before != MAP_FAILED);
	stalled = before + PAGE;
	fill_pattern(before + PAGE - 50, 50, 1000);
	uffd = stall();

	fill_pattern(bytes, 100, 0);
	write_all(fd, bytes, 100);
	check(!pthread_create(&reader, NULL, read_stalled, NULL));
	await_fault(uffd);
	check(!pthread_create(&writer, NULL, write_stalled, NULL));
	await_fault(uffd);
	/* The write is atomic, so the 50 bytes that it could copy are not stored. */
	check_equal(attribute("size"), 100);

	check(!pthread_create(&user, NULL, use, NULL));
	check(!pthread_join(user, NULL));

	/* The bytes of the stalled writer are stored now, after the others. */
	fill_pattern(bytes, PAGE, 1050);
	end_stall(uffd, stalled, bytes);
	check(!pthread_join(writer, NULL));
	check_equal(attribute("size"), 150);
	read_all(fd, bytes, 150);
	check_pattern(bytes, 50, 100);
	check_pattern(bytes + 50, 100, 1000);

	/* The stalled reader has not taken any byte yet. */
	fill_pattern(bytes, 100, 0);
	write_all(fd, bytes, 100);
	memset(bytes, 0, sizeof(bytes));
	end_stall(uffd, stalled + PAGE, bytes);
	check(!pthread_join(reader, NULL));
	check_equal(attribute("size"), 0);
	close(uffd);
}

/* --- a signal while a call stalls ----------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

static void *write_until_signal(void *argument)
{
	(void)argument;
	check_errno(write(fd, stalled, 2 * PAGE), EINTR);
	return NULL;
}

static void *read_until_signal(void *argument)
{
	(void)argument;
	check_errno(read(fd, stalled, 2 * PAGE), EINTR);
	return NULL;
}

static void interrupt_stalled(void *(*call)(void *))
{
	pthread_t thread;
	int uffd = stall_new_pages();

	check(!pthread_create(&thread, NULL, call, NULL));
	await_fault(uffd);
	check(!pthread_kill(thread, SIGUSR1));
	end_stall(uffd, stalled, bytes);
	await_fault_of(uffd, stalled + PAGE);
	/* Before the copy begins again, its first page goes. */
	check(!madvise(stalled, PAGE, MADV_DONTNEED));
	end_stall(uffd, stalled + PAGE, bytes);
	await_fault_of(uffd, stalled);
	end_stall(uffd, stalled, bytes);
	check(!pthread_join(thread, NULL));
	close(uffd);
}

/*
 * A record is copied from its beginning after each fault, so another process that shares its
 * memory, and takes a page away before each copy, could keep the call going. A signal ends it.
 */
static void signal_ends_a_record_that_stalls(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	check(!sigaction(SIGUSR1, &action, NULL));
	check_equal(set_capacity(8 * PAGE), 0);
	check_equal(set_attribute("framing", "records"), 0);
	interrupt_stalled(write_until_signal);
	check_equal(attribute("size"), 0);
	fill_pattern(bytes, 2 * PAGE, 7);
	check_equal(write(fd, bytes, 2 * PAGE), 2 * PAGE);
	interrupt_stalled(read_until_signal);
	check_equal(read(fd, bytes, 2 * PAGE), 2 * PAGE);
	check_pattern(bytes, 2 * PAGE, 7);
	check_equal(set_attribute("framing", "bytes"), 0);
	check_equal(set_capacity(131072), 0);
}

/* --- a call that waits, and then stalls ---------------------------------------------- */

#define SMALL 10
#define OVERTAKES 16

static pid_t large_task;

static void *write_large(void *argument)
{
	(void)argument;
	__atomic_store_n(&large_task, gettid(), __ATOMIC_RELEASE);
	check_equal(write(fd, stalled, PIPE_BUF), PIPE_BUF);
	return NULL;
}

static void write_small(void *unused)
{
	(void)unused;
	write_all(fd, bytes, SMALL);
}

static void wait_for_sleep_of_large(void)
{
	pid_t task;

	while (!(task = __atomic_load_n(&large_task, __ATOMIC_ACQUIRE)))
		sleep_ms(1);
	wait_asleep(task, "vfifo_ring_wait");
}

/* A large write was overtaken as often as may be. It gives its place up when its memory stalls. */
static void no_call_waits_behind_one_that_stalls(void)
{
	static char all[2 * CAPACITY];
	const size_t capacity = attribute("capacity");
	pthread_t large;
	int uffd;

	uffd = stall_new_pages();
	check(capacity <= sizeof(all));
	write_all(fd, all, capacity);
	check(!pthread_create(&large, NULL, write_large, NULL));
	wait_for_sleep_of_large();
	for (int i = 0; i < OVERTAKES; i++) {
		pid_t pid = start(write_small, NULL);

		read_all(fd, all, SMALL);
		finish(pid);
	}
	read_all(fd, all, PIPE_BUF);
	await_fault(uffd);
	for (int i = 0; i < 3; i++)
		finish(start(write_small, NULL));
	end_stall(uffd, stalled, bytes);
	read_all(fd, all, 3 * SMALL);
	check(!pthread_join(large, NULL));
	read_all(fd, all, capacity);
	check_equal(attribute("size"), 0);
	close(uffd);
}

/* --- a write that stalls in overwrite mode, and goes on in another ---------------------- */

static void *write_stalled_record(void *unused)
{
	check_equal(write(fd, stalled, PIPE_BUF), PIPE_BUF);
	return unused;
}

static void write_record(void *unused)
{
	(void)unused;
	write_all(fd, bytes, PIPE_BUF);
}

static void write_byte(void *unused)
{
	(void)unused;
	write_all(fd, bytes, 1);
}

/* The write makes room, but has to wait behind a call that sleeps by now. That call gets the room. */
static void room_is_left_to_who_sleeps(void)
{
	static char all[2 * CAPACITY];
	const size_t capacity = attribute("capacity");
	pthread_t stalling;
	char watermark[16];
	bool done = false;
	pid_t record;
	int uffd;

	uffd = stall_new_pages();
	check(capacity <= sizeof(all));
	/* With more, a call may be overtaken without bound. */
	snprintf(watermark, sizeof(watermark), "%zu", capacity - PIPE_BUF + 1);
	check_equal(set_attribute("read_watermark", watermark), 0);
	check_equal(set_attribute("overflow", "overwrite"), 0);
	check(!pthread_create(&stalling, NULL, write_stalled_record, NULL));
	await_fault(uffd);

	check_equal(set_attribute("overflow", "block"), 0);
	write_all(fd, all, capacity - 100);
	record = start(write_record, NULL);
	wait_asleep(record, "vfifo_ring_wait");
	for (int i = 0; i < OVERTAKES; i++)
		finish(start(write_byte, NULL));
	end_stall(uffd, stalled, bytes);
	for (int i = 0; i < 50 && !done; i++) {
		sleep_ms(100);
		done = waitpid(record, NULL, WNOHANG) == record;
	}
	if (!done)
		fail("%lld of %zu bytes are stored, and a writer sleeps",
		     attribute("size"), capacity);
	read_all(fd, all, capacity);
	check(!pthread_join(stalling, NULL));
	read_all(fd, all, attribute("size"));
	check_equal(set_attribute("read_watermark", "1"), 0);
	close(uffd);
}

/* --- an ioctl that stalls between its two looks at the device --------------------------- */

static void *start_generator(void *argument)
{
	(void)argument;
	check_errno(ioctl(fd, VFIFO_SET_MODE, stalled), ENODEV);
	return NULL;
}

static void store(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	check(file >= 0);
	check_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}

/* The device was there when the ioctl began. A generator that starts now would never be stopped. */
static void generator_of_a_removed_device_stays_off(void)
{
	static int mode[PAGE_MAX / sizeof(int)] = { 1 };
	pthread_t starter;
	int uffd;

	uffd = stall_new_pages();
	check(!pthread_create(&starter, NULL, start_generator, NULL));
	await_fault(uffd);
	store("/sys/class/vfifo/remove", "0");
	end_stall(uffd, stalled, (const char *)mode);
	check(!pthread_join(starter, NULL));
	close(uffd);
	/* The last file frees the device, with what is still active of it. */
	close(fd);
	store("/sys/class/vfifo/add", "0");
}

int main(void)
{
	fd = device(O_RDWR);
	run_case(others_go_on());
	run_case(signal_ends_a_record_that_stalls());
	run_case(no_call_waits_behind_one_that_stalls());
	run_case(room_is_left_to_who_sleeps());
	run_case(generator_of_a_removed_device_stays_off());
	return 0;
}
