// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A writable mapping of a position page is the claim, exactly as long as the mapping exists,
 * whatever else happens to the mapping or the process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

static const int rw = PROT_READ | PROT_WRITE;
static enum vfifo_end end;
static int fd;

static const char *holder(void)
{
	return end == VFIFO_PRODUCER ? "producer" : "consumer";
}

static uint32_t *claim(void)
{
	uint32_t *at = map_page(fd, position_offset(end), rw);

	check(at != MAP_FAILED);
	return at;
}

static void check_claimed_by(pid_t pid)
{
	check_errno((long)map_page(fd, position_offset(end), rw), EBUSY);
	check_equal(attribute(holder()), pid);
}

/* The side is free: a new claim succeeds at once. */
static void check_free(void)
{
	check_equal(attribute(holder()), 0);
	check(!munmap(claim(), PAGE));
	check_equal(attribute("mappings"), 0);
}

static void unmapped(void)
{
	uint32_t *at = claim();

	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check_free();
}

/* The claim outlives the last descriptor of its file. */
static void outlives_its_descriptor(void)
{
	int first = fd;
	uint32_t *at = claim();

	check(!close(first));
	fd = device(O_RDWR);
	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check_free();
}

static void not_released_by_mprotect(void)
{
	uint32_t *at = claim();

	check(!mprotect(at, PAGE, PROT_READ));
	check_claimed_by(getpid());
	check(!mprotect(at, PAGE, PROT_NONE));
	check_claimed_by(getpid());
	check(!mprotect(at, PAGE, rw));
	check_errno(mprotect(at, PAGE, rw | PROT_EXEC), EACCES);
	*at = *at;
	check(!munmap(at, PAGE));
	check_free();
}

static void moved_by_mremap(void)
{
	uint32_t *at = claim(), *to;

	to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(to != MAP_FAILED);
	check_errno((long)mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	check((long)mremap(at, 0, PAGE, MREMAP_MAYMOVE) == -1); /* no copy */
	check(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	check_claimed_by(getpid());
	check_equal(attribute("mappings"), 1);
	*to = *to;
	check(!munmap(to, PAGE));
	check_free();
}

/* A mapping at the same address replaces the claim; another claim can do so, too. */
static void replaced_by_another(void)
{
	uint32_t *at = claim();

	check(mmap(at, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == at);
	check_free();
	check(!munmap(at, PAGE));
	at = claim();
	check(mmap(at, PAGE, rw, MAP_SHARED | MAP_FIXED, fd,
		   position_offset(end)) == at);
	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check_free();
}

static void survives_advice(void)
{
	uint32_t *at = claim();

	check_errno(madvise(at, PAGE, MADV_DOFORK), EINVAL);
	check(!madvise(at, PAGE, MADV_DONTFORK));
	*at = *at;
	check(!madvise(at, PAGE, MADV_DONTNEED));
	*at = *at; /* fault it in again */
	check_errno(madvise(at, PAGE, MADV_DODUMP), EINVAL);
	check(!mlock(at, PAGE));
	*at = *at;
	check(!munlock(at, PAGE));
	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check_free();

	check(!mlockall(MCL_CURRENT | MCL_FUTURE));
	at = mmap(NULL, PAGE, rw, MAP_SHARED | MAP_POPULATE, fd,
		  position_offset(end));
	check(at != MAP_FAILED);
	*at = *at;
	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check(!munlockall());
	check_free();
}

/* A child does not have the mapping. */
static void not_inherited(void)
{
	uint32_t *at = claim();
	pid_t pid = fork();
	int status;

	check(pid >= 0);
	if (!pid) {
		*(volatile uint32_t *)at = 1; /* this kills it */
		_exit(1);
	}
	check_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	check_claimed_by(getpid());
	check(!munmap(at, PAGE));
	check_free();
}

/* Starts a process that claims the side and then waits. */
static pid_t claiming_process(void)
{
	int said[2];
	char c;
	pid_t pid;

	check(!pipe(said));
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		claim();
		check_equal(write(said[1], "!", 1), 1);
		pause();
		_exit(0);
	}
	check_equal(read(said[0], &c, 1), 1);
	close(said[0]);
	close(said[1]);
	return pid;
}

static void killed(void)
{
	pid_t pid = claiming_process();

	check_claimed_by(pid);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_free();
}

/* A stopped process keeps its claim; a killed one loses it. */
static void stopped(void)
{
	pid_t pid = claiming_process();
	int status;

	check(!kill(pid, SIGSTOP));
	check_equal(waitpid(pid, &status, WUNTRACED), pid);
	check_claimed_by(pid);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_free();
}

static void work_claim_and_exit(void *unused)
{
	(void)unused;
	claim();
}

static void exited(void)
{
	finish(start(work_claim_and_exit, NULL));
	check_free();
}

/*
 * The claim ends with the memory of the old program, when the new one runs in the same
 * process. (The descriptors can be closed some milliseconds earlier.)
 */
static void executed(void)
{
	int said[2];
	pid_t pid;
	char c;

	check(!pipe2(said, O_CLOEXEC));
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		claim();
		dup2(said[1], STDOUT_FILENO);
		execl("/bin/busybox", "yes", NULL);
		_exit(1);
	}
	close(said[1]);
	check_equal(read(said[0], &c, 1), 1);
	check_equal(c, 'y');
	check_free();
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	close(said[0]);
}

static void *work_claim(void *at)
{
	*(uint32_t **)at = claim();
	return NULL;
}

/* A claim belongs to an address space, so it outlives the thread that made it. */
static void shared_by_threads(void)
{
	pthread_t thread;
	uint32_t *at;

	check(!pthread_create(&thread, NULL, work_claim, &at));
	check(!pthread_join(thread, NULL));
	check_claimed_by(getpid());
	*at = *at;
	check(!munmap(at, PAGE));
	check_free();
}

int main(void)
{
	fd = device(O_RDWR);
	for (int e = VFIFO_PRODUCER; e <= VFIFO_CONSUMER; e++) {
		end = e;
		cases_of(e == VFIFO_PRODUCER ? "producer" : "consumer");
		run_case(unmapped());
		run_case(outlives_its_descriptor());
		run_case(not_released_by_mprotect());
		run_case(moved_by_mremap());
		run_case(replaced_by_another());
		run_case(survives_advice());
		run_case(not_inherited());
		run_case(killed());
		run_case(stopped());
		run_case(exited());
		run_case(executed());
		run_case(shared_by_threads());
	}
	return 0;
}
