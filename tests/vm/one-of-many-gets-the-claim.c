// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Of processes that claim a side at the same time, one gets it and the others get EBUSY. The holder
 * is the process that maps, wherever its descriptor comes from: dup(2), another process by
 * SCM_RIGHTS, or the parent.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

#define CLAIMANTS 8
#define ROUNDS 40

static const int rw = PROT_READ | PROT_WRITE;
static int fd;

/* Shared by all processes. */
static struct shared {
	unsigned int arrived; /* at one of the two meeting points of each round */
	unsigned int won;
	unsigned int refused;
} * shared;

/* Waits until all claimants have come to the n-th meeting point. */
static void meet(unsigned int n)
{
	__atomic_add_fetch(&shared->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->arrived, __ATOMIC_SEQ_CST) <
	       n * CLAIMANTS)
		sched_yield();
}

static void work_claim(void *unused)
{
	int mine = device(O_RDWR);

	(void)unused;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		void *at;

		meet(2 * round + 1);
		at = map_page(mine, position_offset(round % 2), rw);
		if (at == MAP_FAILED) {
			check_equal(errno, EBUSY);
			__atomic_add_fetch(&shared->refused, 1,
					   __ATOMIC_RELAXED);
		} else {
			__atomic_add_fetch(&shared->won, 1, __ATOMIC_RELAXED);
		}
		/* The claim stays until all have tried. */
		meet(2 * round + 2);
		if (at != MAP_FAILED)
			check(!munmap(at, PAGE));
		while (attribute(round % 2 == VFIFO_PRODUCER ? "producer" :
							       "consumer"))
			sched_yield();
	}
}

static void one_wins_each_race(void)
{
	pid_t pids[CLAIMANTS];

	for (int i = 0; i < CLAIMANTS; i++)
		pids[i] = start(work_claim, NULL);
	for (int i = 0; i < CLAIMANTS; i++)
		finish(pids[i]);
	check_equal(shared->won, ROUNDS);
	check_equal(shared->refused, ROUNDS * (CLAIMANTS - 1));
	check_equal(attribute("mappings"), 0);
}

static void *claim(int of)
{
	void *at = map_page(of, VFIFO_MMAP_PRODUCER, rw);

	check(at != MAP_FAILED);
	return at;
}

/* For all descriptors here, another process has the producer side. */
static void check_busy(int of)
{
	int one = 1;

	check_errno((long)map_page(of, VFIFO_MMAP_PRODUCER, rw), EBUSY);
	check_errno(write(of, "x", 1), EBUSY);
	check_errno(ioctl(of, VFIFO_SET_MODE, &one), EBUSY);
	check_equal(set_attribute("mode", "1"), EBUSY);
}

static void of_a_copy(void)
{
	int copy = dup(fd);
	void *at = claim(copy);

	check(copy >= 0);
	check_busy(fd);
	check(!close(copy));
	check_busy(fd);
	check(!munmap(at, PAGE));
	check_equal(write(fd, "x", 1), 1);
	check_equal(ioctl(fd, VFIFO_CLEAR), 0);
}

static void pass(int socket, int what)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS,
				  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec byte = { "!", 1 };
	struct msghdr m = { .msg_iov = &byte,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &what, sizeof(what));
	check_equal(sendmsg(socket, &m, 0), 1);
}

static int passed(int socket)
{
	char c, space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec byte = { &c, 1 };
	struct msghdr m = { .msg_iov = &byte,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	struct cmsghdr *header;
	int what;

	check_equal(recvmsg(socket, &m, 0), 1);
	header = CMSG_FIRSTHDR(&m);
	check(header && header->cmsg_type == SCM_RIGHTS);
	memcpy(&what, CMSG_DATA(header), sizeof(what));
	return what;
}

static int sockets[2];

static void work_with_a_passed_one(void *unused)
{
	(void)unused;
	check(!close(fd));
	claim(passed(sockets[1]));
	check_equal(write(sockets[1], "!", 1), 1);
	pause();
}

static void work_with_an_inherited_one(void *unused)
{
	(void)unused;
	claim(fd);
	check_equal(write(sockets[1], "!", 1), 1);
	pause();
}

static void of_another_process(void (*work)(void *))
{
	char c;
	pid_t pid;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = start(work, NULL);
	if (work == work_with_a_passed_one)
		pass(sockets[0], fd);
	check_equal(read(sockets[0], &c, 1), 1);
	check_equal(attribute("producer"), pid);
	check_busy(fd);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_equal(attribute("producer"), 0);
	check_equal(attribute("mappings"), 0);
	check_equal(write(fd, "x", 1), 1);
	check_equal(ioctl(fd, VFIFO_CLEAR), 0);
	close(sockets[0]);
	close(sockets[1]);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), rw, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	check(shared != MAP_FAILED);
	fd = device(O_RDWR);
	run_case(one_wins_each_race());
	run_case(of_a_copy());
	run_case(of_another_process(work_with_a_passed_one));
	run_case(of_another_process(work_with_an_inherited_one));
	return 0;
}
