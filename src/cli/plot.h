/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plot.h - the history of devices as a picture */
#ifndef VFIFO_PLOT_H
#define VFIFO_PLOT_H

#include "watch.h"

/* Writes it as SVG: 0, or it has complained and returns the exit code. */
int plot_write(const struct watch *w, const char *file);

#endif /* VFIFO_PLOT_H */
