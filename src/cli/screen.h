/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen.h - the live view of devices, on a terminal */
#ifndef VFIFO_SCREEN_H
#define VFIFO_SCREEN_H

#include "watch.h"

/* The readings of a device that are shown, at most one in each column of the window. */
#define SCREEN_HISTORY 512

/*
 * Draws the devices; `interval` is shown as well. In the background it draws nothing. Return:
 * EXIT_OK, or the exit code after an error message, if TERM does not name a known terminal.
 */
int screen_draw(const struct watch *w, double interval);

/*
 * Waits at most `seconds`, and at most a tick, for a key, and handles it. Returns false if
 * the key was q.
 */
bool screen_wait(const struct watch *w, double interval, double seconds);

/* Restores the terminal. */
void screen_end(void);

#endif /* VFIFO_SCREEN_H */
