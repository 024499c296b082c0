/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message.h - messages, whose words are numbered on from message to message
 *
 * So a batch of messages is filled and verified as one long message.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ways.h"

static inline void fill(void *message, size_t n, uint64_t number)
{
	uint64_t *word = (uint64_t *)message;
	size_t words = n / sizeof(*word);

	for (size_t i = 0; i < words; i++)
		word[i] = number * words + i;
}

static inline void verify(const void *message, size_t n, uint64_t number)
{
	const uint64_t *word = (const uint64_t *)message;
	uint64_t words = n / sizeof(*word), wrong = 0;

	for (uint64_t i = 0; i < words; i++)
		wrong |= word[i] ^ (number * words + i);
	if (wrong)
		die("message %llu is not what was sent",
		    (unsigned long long)number);
}

/* So that a waiting process does not disturb the other one. */
static inline void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
