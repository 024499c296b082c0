/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * honest.h - programs that stream through two devices while the mob is at work
 *
 * Several writers and a reader use a device by system calls, as bytes or with the attribute
 * framing. A producer and a consumer use another one by the library, and claim it. Each byte is
 * checked: none may come twice, none be invented or lost, and each writer's records keep their
 * order. With framing each read is one record, whole.
 */
#ifndef HONEST_H
#define HONEST_H

#include <stdbool.h>

#define STREAM_DEVICE 2
#define CLAIMED_DEVICE 255

void honest_begin(bool framed);
/* Fails if one of them has ended, or if none of a stream makes progress. */
void honest_check(void);
/* Fails if small writes starve a large one. The mob has ended. */
void honest_fair(void);
/* Has the streams end, and checks that all that was sent has arrived. */
void honest_end(void);
/* How many records and pieces were received. */
unsigned long honest_count(void);

#endif
