/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - one side of a device, and the two ways to move bytes through it
 *
 * Mapped, a span is a stretch of the FIFO's own buffer; by system calls it is a buffer of
 * ours, which is written after it was filled, or was read before it is used.
 */
#ifndef VFIFO_PORT_H
#define VFIFO_PORT_H

#include <libvfifo.h>

#include "cli.h"

enum method {
	METHOD_AUTO, /* mapped if that is possible, and is what `overflow` asks for */
	METHOD_MAP,   /* by a claim */
	METHOD_CALLS, /* by read(2) and write(2) */
};

struct port {
	const struct device *device;
	enum vfifo_end end;
	uint64_t capacity;
	struct vfifo_handle *f; /* mapped; or NULL, and these: */
	int fd;
	unsigned char *buffer;
	size_t at, pending; /* consumer: what was read and is not used yet */
};

/* -EINVAL: no name of a method. */
int method_parse(const char *name, enum method *method);

/* 0 or a negative errno. */
int port_open(struct port *p, const struct device *d, enum vfifo_end end,
	      enum method method);
void port_close(struct port *p);

/*
 * A producer's space for, or a consumer's next, up to `most` bytes at *at: how many,
 * or 0 at the end of file. -EAGAIN: none for some time, or a signal came.
 */
ssize_t port_span(struct port *p, size_t most, void **at);

/*
 * `n` bytes of the last span have been filled, or used, and go to the other side. *moved
 * says how many did, even where that fails.
 */
int port_move(struct port *p, size_t n, size_t *moved);

/* Bytes that are stored now, as far as is known. */
uint64_t port_stored(const struct port *p);

#endif /* VFIFO_PORT_H */
