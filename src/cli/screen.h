/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen.h - the live view of devices, on a terminal */
#ifndef VFIFO_SCREEN_H
#define VFIFO_SCREEN_H

#include "watch.h"

/* As wide as a window may be. */
#define SCREEN_HISTORY 512

/* -ENOTTY: the terminal is none, or TERM is of no use. */
int screen_begin(void);
void screen_end(void);

void screen_draw(const struct watch *w, double interval);

/*
 * Waits up to so many seconds for a key or another size of the window. false: it was q.
 * What it changed is drawn.
 */
bool screen_wait(const struct watch *w, double interval, double seconds);

#endif /* VFIFO_SCREEN_H */
