/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - one side of a device, and the two methods to move bytes through it
 *
 * The callers fill or use spans of bytes. Mapped, a span is a part of the FIFO's buffer. With
 * system calls it is a private buffer, which write(2) empties, or which read(2) has filled.
 *
 * In a FIFO of records, whose attribute framing says so, a span is a record.
 */
#ifndef VFIFO_PORT_H
#define VFIFO_PORT_H

#include <libvfifo.h>

#include "cli.h"

enum method {
	METHOD_AUTO,  /* METHOD_MAP if possible and if `overflow` allows it */
	METHOD_MAP,   /* a claim */
	METHOD_CALLS, /* read(2) and write(2) */
};

struct port {
	const struct device *device;
	enum vfifo_end end;
	uint64_t capacity;
	bool records;
	/* Consumer: the header of the last span's record; length 0: read(2) does not give one. */
	struct vfifo_record record;
	struct vfifo_handle *f; /* NULL: system calls, by the rest: */
	int fd;
	unsigned char *buffer;
	size_t size;	/* of the buffer */
	bool overflows; /* a write(2) makes space, or drops */
	size_t at,
		pending; /* consumer: bytes that were read and not used yet */
};

/* 0, or -EINVAL. */
int method_parse(const char *name, enum method *method);

/*
 * 0, or a negative errno for explain(). port_open() is for bytes: -EPROTO: with a mapping, the
 * device has records. port_open_framed() is for what the device has; p->records says what.
 */
int port_open(struct port *p, const struct device *d, enum vfifo_end end,
	      enum method method);
int port_open_framed(struct port *p, const struct device *d, enum vfifo_end end,
		     enum method method);
void port_close(struct port *p);

/*
 * Waits at most a tick for a span of up to `most` bytes: free ones for a producer, stored ones
 * for a consumer. *at is set. Return: its size; 0 at the end of file; -EAGAIN: none yet, or
 * a signal came; another negative errno.
 *
 * With records the span is the next record, whatever `most` is, or room for one of exactly `most`
 * bytes. -EMSGSIZE: a record cannot have so many.
 */
ssize_t port_span(struct port *p, size_t most, void **at);

/*
 * Passes the first n bytes of the last span to the other side. *moved is set to the number
 * that were passed, also if a negative errno is returned. A record is passed as a whole.
 */
int port_move(struct port *p, size_t n, size_t *moved);

/* Ends the stream of a producer: see VFIFO_END. 0, or a negative errno. */
int port_end(const struct port *p);

/* The same, with an error message for the errors that port_end() has. */
int port_end_stream(const struct port *p);

/* Producer: whether n bytes can be stored now. 1, 0, or a negative errno. */
int port_fits(struct port *p, size_t n);

/* The number of stored bytes, as last known. */
uint64_t port_stored(const struct port *p);

#endif /* VFIFO_PORT_H */
