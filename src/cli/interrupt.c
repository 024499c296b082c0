// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts signals, and interrupts blocking calls by a tick. */
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

#include "interrupt.h"

static volatile sig_atomic_t count, last;

int interrupts(void)
{
	return count;
}

int interrupt_signal(void)
{
	return last;
}

static void remember(int signal)
{
	count++;
	last = signal;
}

/* Has nothing to do: the signal itself interrupts the call. */
static void tick(int signal)
{
	(void)signal;
}

static void handle(int signal, void (*handler)(int))
{
	/* Without SA_RESTART. */
	struct sigaction action = { .sa_handler = handler };

	sigaction(signal, &action, NULL);
}

/* nohup(1), and a shell that starts a background job, have signals ignored. */
static void handle_unless_ignored(int signal)
{
	struct sigaction before;

	sigaction(signal, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		handle(signal, remember);
}

static void tick_every(long ms)
{
	const struct timeval every = { .tv_usec = ms * 1000 };
	const struct itimerval timer = { .it_interval = every,
					 .it_value = every };

	setitimer(ITIMER_REAL, &timer, NULL);
}

void interrupts_begin(void)
{
	handle_unless_ignored(SIGINT);
	handle_unless_ignored(SIGTERM);
	handle_unless_ignored(SIGHUP);
	handle(SIGPIPE, SIG_IGN);
	handle(SIGALRM, tick);
	tick_every(TICK_MS);
}

void interrupts_end(void)
{
	tick_every(0);
}

void interrupt_die(int signal)
{
	handle(signal, SIG_DFL);
	raise(signal);
}

bool in_foreground(int fd)
{
	return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}
