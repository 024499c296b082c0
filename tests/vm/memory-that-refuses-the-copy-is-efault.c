// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User memory that can be faulted in but not copied: calls return EFAULT in bounded time, and no
 * byte is stored or lost. Calls work again once the memory can be copied.
 *
 * There are two ways to get such memory. Fault injection, on the debug kernel, makes each copy
 * of a child fail, while its parent has it enabled; in that time the child makes no other
 * system call that copies. A memory protection key, if the processor has them, forbids the
 * access to a resident page.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"

#define INJECTION "/sys/kernel/debug/fail_usercopy/"
#define STORED 1000
#define LIMIT 10 /* seconds for a call that must fail at once */

static uint8_t memory[4 * CAPACITY], back[CAPACITY];

struct call {
	const char *name;
	ssize_t (*call)(int fd, const struct iovec *iov, int n);
	int direction; /* O_RDONLY or O_WRONLY */
	size_t length;
};

static ssize_t call_read(int fd, const struct iovec *iov, int n)
{
	(void)n;
	return read(fd, iov->iov_base, iov->iov_len);
}

static ssize_t call_write(int fd, const struct iovec *iov, int n)
{
	(void)n;
	return write(fd, iov->iov_base, iov->iov_len);
}

/* Some are longer than one move or than the FIFO, and would block if they moved bytes. */
static const struct call calls[] = {
	{ "a byte read", call_read, O_RDONLY, 1 },
	{ "some read", call_read, O_RDONLY, 100 },
	{ "all read", call_read, O_RDONLY, sizeof(memory) },
	{ "a byte written", call_write, O_WRONLY, 1 },
	{ "an atomic write", call_write, O_WRONLY, PIPE_BUF },
	{ "a large write", call_write, O_WRONLY, PIPE_BUF + 1 },
	{ "a larger write than the FIFO", call_write, O_WRONLY,
	  sizeof(memory) },
};
#define CALLS ((int)(sizeof(calls) / sizeof(*calls)))

static void put_stored(int fd)
{
	static uint8_t bytes[STORED];

	fill_pattern(bytes, STORED, 0);
	check_equal(write(fd, bytes, STORED), STORED);
}

/* The FIFO has exactly the expected bytes, and works. */
static void all_is_well(int fd)
{
	check_equal(attribute("size"), STORED);
	memset(back, 0, STORED);
	check_equal(read(fd, back, CAPACITY), STORED);
	check_pattern(back, STORED, 0);
	fill_pattern(memory, CAPACITY, 5);
	check_equal(write(fd, memory, CAPACITY), CAPACITY);
	check_equal(read(fd, back, CAPACITY), CAPACITY);
	check_pattern(back, CAPACITY, 5);
	check_equal(attribute("size"), 0);
}

/* --- each copy fails ------------------------------------------------------------ */

static struct {
	int ready; /* the child is about to make the call */
	int go;	   /* the injection is on */
	int done;
	ssize_t result;
	int err;
} * shared;

struct injected {
	const struct call *call;
	int flags, vectors;
	long long size; /* stored bytes afterwards */
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s to %s: %s", text, path, strerror(errno));
	close(fd);
}

static void inject_into(pid_t pid, const char *on)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", (int)pid);
	put(path, on);
}

static void injection_is_off(void)
{
	put(INJECTION "probability", "0");
	put(INJECTION "task-filter", "N");
}

static void injection_is_on(void)
{
	put(INJECTION "verbose", "0");
	put(INJECTION "task-filter", "Y");
	put(INJECTION "times", "-1");
	put(INJECTION "probability", "100");
}

static void wait_for(const int *word)
{
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		sched_yield();
}

static void work_call(void *argument)
{
	const struct injected *in = argument;
	const size_t one = in->call->length / in->vectors;
	struct iovec iov[2] = { { memory, one },
				{ memory + one, in->call->length - one } };
	int fd = device(in->call->direction | in->flags);
	bool reads = in->call->direction == O_RDONLY;

	memset(memory, 1, in->call->length); /* make it resident */
	__atomic_store_n(&shared->ready, 1, __ATOMIC_SEQ_CST);
	wait_for(&shared->go);
	if (in->vectors == 1)
		shared->result = in->call->call(fd, iov, 1);
	else if (reads)
		shared->result = readv(fd, iov, in->vectors);
	else
		shared->result = writev(fd, iov, in->vectors);
	shared->err = errno;
	__atomic_store_n(&shared->done, 1, __ATOMIC_SEQ_CST);
	/* Until copies work again. */
	while (__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST))
		sched_yield();
}

static void one_call(const struct injected *in)
{
	double until;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = start(work_call, (void *)in);
	wait_for(&shared->ready);
	inject_into(pid, "1");
	__atomic_store_n(&shared->go, 1, __ATOMIC_SEQ_CST);
	until = now() + LIMIT;
	while (!__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST) &&
	       now() < until)
		sleep_ms(1);
	inject_into(pid, "0");
	__atomic_store_n(&shared->go, 0, __ATOMIC_SEQ_CST);
	if (!shared->done) {
		kill(pid, SIGKILL);
		injection_is_off();
		fail("%s, of %d pieces, %s: not done after %d s",
		     in->call->name, in->vectors,
		     in->flags ? "O_NONBLOCK" : "blocking", LIMIT);
	}
	finish(pid);
	if (shared->result != -1 || shared->err != EFAULT) {
		injection_is_off();
		fail("%s, of %d pieces: %zd, %s", in->call->name, in->vectors,
		     shared->result, strerror(shared->err));
	}
	check_equal(attribute("size"), in->size);
}

static void each_copy_fails(void)
{
	int fd = device(O_RDWR | O_NONBLOCK);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED);
	put_stored(fd);
	injection_is_on();
	for (int i = 0; i < CALLS; i++)
		for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK)
			for (int vectors = 1; vectors <= 2; vectors++)
				one_call(&(struct injected){ &calls[i], flags,
							     vectors, STORED });
	injection_is_off();
	all_is_well(fd);
	close(fd);
}

/* A full FIFO, of the pattern from 0 on, in which a write drops the oldest bytes. */
static void fill_to_overwrite(int fd)
{
	fill_pattern(memory, CAPACITY, 0);
	check_equal(write(fd, memory, CAPACITY), CAPACITY);
	check_equal(set_attribute("overflow", "overwrite"), 0);
	check_equal(set_attribute("stats/reset", "1"), 0);
}

/* The first `dropped` bytes are missing, and no others. */
static void check_dropped(int fd, int dropped)
{
	check_equal(attribute("stats/dropped_bytes"), dropped);
	check_equal(set_attribute("overflow", "block"), 0);
	check_equal(read(fd, back, CAPACITY), CAPACITY - dropped);
	check_pattern(back, CAPACITY - dropped, dropped);
	put_stored(fd);
	all_is_well(fd);
}

/*
 * The new bytes are faulted in before the oldest ones are dropped, but copied afterwards. If
 * then the copy fails, the old bytes are gone, once and as many as the write needed.
 */
static void overwriting_drops_before_the_copy(void)
{
	static const struct call some = { "an overwriting write", call_write,
					  O_WRONLY, 100 };
	int fd = device(O_RDWR | O_NONBLOCK);

	fill_to_overwrite(fd);
	injection_is_on();
	one_call(&(struct injected){ &some, 0, 1, CAPACITY - 100 });
	injection_is_off();
	check_dropped(fd, 100);
	close(fd);
}

/* --- a key forbids it ----------------------------------------------------------- */

/* Gives the memory a key, on x86 and POWER. Returns -1 if the machine has no keys. */
static int key_for(void *at, size_t n)
{
#ifdef PKEY_DISABLE_ACCESS
	int key = pkey_alloc(0, 0);

	if (key < 0)
		return -1;
	check(!pkey_mprotect(at, n, PROT_READ | PROT_WRITE, key));
	return key;
#else
	(void)at, (void)n;
	return -1;
#endif
}

static void forbid(int key, bool forbidden)
{
#ifdef PKEY_DISABLE_ACCESS
	check(!pkey_set(key, forbidden ? PKEY_DISABLE_ACCESS : 0));
#else
	(void)key, (void)forbidden;
#endif
}

static void a_key_forbids_it(int key, uint8_t *at)
{
	int fd = device(O_RDWR | O_NONBLOCK);
	uint8_t *edge = at + 8 * PAGE;

	put_stored(fd);
	memset(at, 1, 16 * PAGE);
	for (int i = 0; i < CALLS; i++) {
		for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
			int own = device(calls[i].direction | flags);
			struct iovec iov = { edge, calls[i].length };

			if (iov.iov_len > 8 * PAGE)
				iov.iov_len = 8 * PAGE;
			alarm(2 * LIMIT); /* ends the test */
			forbid(key, true);
			check_errno(calls[i].call(own, &iov, 1), EFAULT);
			forbid(key, false);
			alarm(0);
			close(own);
		}
	}
	check_equal(attribute("size"), STORED);

	/* A write that begins in accessible memory is short. */
	forbid(key, true);
	check_equal(write(fd, edge - 10, 100), 10);
	check_equal(read(fd, edge - 10, 100), 10);
	check_pattern(edge - 10, 10, 0);
	forbid(key, false);
	check_equal(*edge, 1);
	check_equal(attribute("size"), STORED);
	check_equal(read(fd, back, STORED - 10), STORED - 10);
	check_pattern(back, STORED - 10, 10);
	check_equal(read(fd, back, STORED), 10);
	check(back[0] == 1 && back[9] == 1);
	put_stored(fd);
	all_is_well(fd);
	close(fd);
}

/* A key keeps the new bytes from being faulted in, so no old byte is dropped. */
static void overwriting_drops_none_for_a_key(int key, uint8_t *at)
{
	int fd = device(O_RDWR | O_NONBLOCK);

	fill_to_overwrite(fd);
	forbid(key, true);
	check_errno(write(fd, at + 8 * PAGE, 100), EFAULT);
	forbid(key, false);
	check_dropped(fd, 0);
	close(fd);
}

int main(void)
{
	const bool injection = !access(INJECTION "probability", W_OK);
	uint8_t *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int key;

	check(at != MAP_FAILED);
	key = key_for(at + 8 * PAGE, 8 * PAGE);
	if (!injection && key < 0)
		skip("no fault injection in this kernel, and no memory protection keys");
	printf("# fault injection: %s; memory protection keys: %s\n",
	       injection ? "yes" : "no", key < 0 ? "no" : "yes");
	fflush(stdout);
	if (key >= 0) {
		run_case(a_key_forbids_it(key, at));
		run_case(overwriting_drops_none_for_a_key(key, at));
	}
	if (injection) {
		run_case(each_copy_fails());
		run_case(overwriting_drops_before_the_copy());
	}
	return 0;
}
