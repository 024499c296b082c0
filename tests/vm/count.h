/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.h - counts the system calls of the calling thread
 *
 * The count is exact. It uses ptrace(2), as perf makes the kernel patch its own code while it
 * runs, at which an emulator sometimes fails (Oops: int3).
 */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>

/* Starts counting. There is one counter. */
void count_system_calls(void);

/* Ends counting and returns the count. */
uint64_t system_calls_counted(void);

#endif
