// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libnumbered.c - a buffer each page of which has its number at both ends
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "numbered.h"
#include "testlib.h"

static size_t pages;
static sigjmp_buf after_signal;

void number_pages(int fd, size_t capacity)
{
	char *all =
		mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(all != MAP_FAILED);
	pages = capacity / PAGE;
	for (size_t i = 0; i < pages; i++) {
		uint32_t *page = (uint32_t *)(all + i * PAGE);

		page[0] = page[PAGE / 4 - 1] = 1 + i;
	}
	check(!munmap(all, capacity));
}

void check_page(const void *map, size_t first)
{
	const volatile uint32_t *page = map;

	check_equal(page[0], 1 + first % pages);
	check_equal(page[PAGE / 4 - 1], 1 + first % pages);
}

void check_pages(const void *map, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_page((const char *)map + i * PAGE, first + i);
}

static void on_signal(int signal)
{
	siglongjmp(after_signal, signal);
}

int store_raises(void *at)
{
	struct sigaction action = { .sa_handler = on_signal }, before;
	int signal;

	check(!sigaction(SIGSEGV, &action, &before));
	signal = sigsetjmp(after_signal, 1);
	if (!signal)
		*(volatile char *)at = *(volatile char *)at;
	check(!sigaction(SIGSEGV, &before, NULL));
	return signal;
}
