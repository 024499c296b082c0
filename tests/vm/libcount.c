// SPDX-License-Identifier: GPL-2.0-or-later
/* libcount.c - see count.h */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "testlib.h"

#define CALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */

/* Shared memory of tracer and traced thread, which needs no system call. */
static struct {
	uint64_t calls;
	int begun, over;
} * tally;

static pid_t tracer;

static int next_stop(pid_t pid)
{
	int status;

	check_equal(waitpid(pid, &status, __WALL), pid);
	check(WIFSTOPPED(status));
	return status;
}

static void trace(void *argument)
{
	const pid_t pid = *(pid_t *)argument;
	bool inside = false;
	int signal = 0;

	check(!ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
	check(!ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	next_stop(pid);
	__atomic_store_n(&tally->begun, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		int status;

		check(!ptrace(PTRACE_SYSCALL, pid, 0, signal));
		status = next_stop(pid);
		signal = 0;
		if (WSTOPSIG(status) == CALL_STOP) {
			inside = !inside;
			if (__atomic_load_n(&tally->over, __ATOMIC_SEQ_CST))
				break;
			tally->calls += inside;
		} else if (!(status >> 16)) {
			signal = WSTOPSIG(status);
		}
	}
	check(!ptrace(PTRACE_DETACH, pid, 0, 0));
}

void count_system_calls(void)
{
	pid_t pid = getpid();

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(tally != MAP_FAILED);
	tracer = start(trace, &pid);
	while (!__atomic_load_n(&tally->begun, __ATOMIC_SEQ_CST))
		relax();
}

uint64_t system_calls_counted(void)
{
	uint64_t calls = tally->calls;

	/* At the next system call the tracer detaches. */
	__atomic_store_n(&tally->over, 1, __ATOMIC_SEQ_CST);
	finish(tracer);
	check(!munmap(tally, sizeof(*tally)));
	return calls;
}
