/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.h - how often a process does something in the kernel, by perf
 *
 * Exact, and of that one process only (its first thread).
 */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>
#include <sys/types.h>

/* Not every kernel can have a function's calls counted. */
int calls_can_be_counted(void);

/* From now on; the counter is a file, to be closed. 0: this process. */
int count_calls(pid_t pid, const char *kernel_function);
int count_system_calls(pid_t pid);

uint64_t counted(int counter);

#endif
