/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.h - how many system calls this process makes
 *
 * Exact, and of the calling thread only. By ptrace(2): perf has the kernel rewrite its
 * own code while it runs, which an emulated processor can trip over (Oops: int3).
 */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>

/* From here on; one at a time. */
void count_system_calls(void);

/* So many since then; ends it. */
uint64_t system_calls_counted(void);

#endif
