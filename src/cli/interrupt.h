/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupt.h - signals, and the foreground of the terminal
 *
 * A signal that arrives just before a blocking call would be noticed only when the call
 * returns. So a timer signal (the tick) interrupts blocking calls regularly; the callers also
 * update the progress line then.
 */
#ifndef VFIFO_INTERRUPT_H
#define VFIFO_INTERRUPT_H

#include <stdbool.h>

#define TICK_MS 250

/*
 * From now on SIGINT, SIGTERM and SIGHUP are counted, SIGPIPE is ignored, and every tick
 * interrupts blocking calls (EINTR).
 */
void interrupts_begin(void);

/* Stops the tick. Signals are still counted. */
void interrupts_end(void);

/* The number of signals so far, and the last one (0: none). */
int interrupts(void);
int interrupt_signal(void);

/* Ends the process by the signal, so that the shell sees it. */
void interrupt_die(int signal);

/*
 * Whether the file is a terminal in whose foreground this process runs. Only then may the
 * process paint there: a background job would paint over what the user does.
 */
bool in_foreground(int fd);

#endif /* VFIFO_INTERRUPT_H */
