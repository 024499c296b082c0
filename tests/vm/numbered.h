/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * numbered.h - a buffer each page of which has its number at both ends
 */
#ifndef NUMBERED_H
#define NUMBERED_H

#include <stddef.h>

/* Numbers the pages of a buffer of `capacity` bytes. */
void number_pages(int fd, size_t capacity);

/*
 * A mapping must show the page `first`, or the n pages from there on. The pages of both appearances
 * are counted through.
 */
void check_page(const void *map, size_t first);
void check_pages(const void *map, size_t first, size_t n);

/* Returns the signal that a store at this address raises, or 0. It stores what is there. */
int store_raises(void *at);

#endif
