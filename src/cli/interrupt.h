/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupt.h - signals that end a transfer between two steps of it
 *
 * A signal that comes just before a call that waits would be seen only after it. So
 * while they are looked for there is a tick as well, a signal that interrupts whatever
 * waits; and it is time to tell how far things are.
 */
#ifndef VFIFO_INTERRUPT_H
#define VFIFO_INTERRUPT_H

#define TICK_MS 250

/*
 * From here on SIGINT, SIGTERM and SIGHUP are counted, SIGPIPE is ignored, and calls that
 * wait give EINTR at every tick.
 */
void interrupts_begin(void);

/* No more ticks; signals are still counted. */
void interrupts_end(void);

/* How many came, and which was the last, or 0. */
int interrupts(void);
int interrupt_signal(void);

/* Has the process end by that signal, for the shell to see. */
void interrupt_die(int signal);

#endif /* VFIFO_INTERRUPT_H */
