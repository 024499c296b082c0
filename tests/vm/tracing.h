/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracing.h - tracefs, for tests */
#ifndef TRACING_H
#define TRACING_H

#define TRACING "/sys/kernel/tracing/"

/* Writes text to a file of tracefs, in place of its contents. */
void tracing_put(const char *file, const char *text);

/* Reads a file of tracefs, up to 1 MiB; the next call replaces the text. */
char *tracing_read(const char *file);

/*
 * From here on the test is a process of its own. When it ends, in whatever way, this one undoes
 * what it has set and ends in the same way. Meanwhile there is one processor only: tracing patches
 * the kernel's code, at which an emulator with several processors sometimes fails.
 */
void tracing_begin(void (*undo)(void));

#endif
