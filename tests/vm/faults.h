/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.h - makes allocations and copies fail, on a kernel with fault injection such as
 * the debug kernel
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

#define CLASS "/sys/class/vfifo/"

/* Skips the test if this kernel has no fault injection. Faults are those of this thread. */
void set_up_faults(void);

/*
 * Calls act(), which returns 0 or an errno, while the n-th allocation or copy in it fails
 * (from 1), and stores what it returned in *err. Returns true if act() made that many
 * allocations and copies.
 */
bool with_fault(int n, int (*act)(void), int *err);

/* Returns how many allocations and copies act() makes, which must return 0. */
int count_faults(int (*act)(void));

/* Writes text to a file. Returns 0 or an errno. */
int store(const char *path, const char *text);

#endif
