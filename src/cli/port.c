// SPDX-License-Identifier: GPL-2.0-or-later
/* One side of a device, mapped or with system calls. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "interrupt.h"
#include "pace.h"
#include "port.h"

/* As large as a pipe, so that both of its ends can work at the same time. */
#define BUFFER_SIZE (64 << 10)

int method_parse(const char *name, enum method *method)
{
	static const char *const names[] = {
		[METHOD_AUTO] = "auto",
		[METHOD_MAP] = "map",
		[METHOD_CALLS] = "calls",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], name)) {
			*method = (enum method)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* --- opening ---------------------------------------------------------------- */

static int open_mapped(struct port *p)
{
	int err = device_claim(p->device, p->end,
			       p->records ? VFIFO_OPEN_RECORDS : 0, &p->f);

	if (!err)
		p->capacity = vfifo_capacity(p->f);
	return err;
}

static int open_calls(struct port *p)
{
	int flags = p->end == VFIFO_PRODUCER ? O_WRONLY : O_RDONLY;

	p->fd = device_open(p->device, flags);
	if (p->fd < 0)
		return p->fd;
	/* If this fails, the progress line has no fill. */
	attribute_number(p->device, "capacity", &p->capacity);
	p->size = BUFFER_SIZE;
	if (p->records && vfifo_record_max((__u32)p->capacity) > p->size)
		p->size = vfifo_record_max((__u32)p->capacity);
	p->buffer = malloc(p->size);
	if (!p->buffer) {
		close(p->fd);
		return -ENOMEM;
	}
	return 0;
}

/* Whether a write(2) drops bytes when the FIFO is full. A claimed producer always waits. */
static bool drops(const struct device *d)
{
	char overflow[ATTR_MAX];

	return !attribute_get(d, "overflow", overflow, sizeof(overflow)) &&
	       strcmp(overflow, "block");
}

/* While a side is claimed, read(2) or write(2) on it fails with EBUSY. */
static bool is_held(const struct device *d, enum vfifo_end end)
{
	uint64_t pid;

	return !attribute_number(
		       d, end == VFIFO_PRODUCER ? "producer" : "consumer",
		       &pid) &&
	       pid;
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -ENXIO;
}

/* Without the attribute the module is older than records. */
static bool has_records(const struct device *d)
{
	char framing[ATTR_MAX];

	return !attribute_get(d, "framing", framing, sizeof(framing)) &&
	       !strcmp(framing, "records");
}

/* Fails if the side is claimed, before any input is read, as that input would be lost. */
static int open_port(struct port *p, const struct device *d, enum vfifo_end end,
		     enum method method, bool records)
{
	int err;

	*p = (struct port){
		.device = d, .end = end, .fd = -1, .records = records
	};
	if (method == METHOD_MAP)
		return open_mapped(p);
	if (method == METHOD_AUTO && !(end == VFIFO_PRODUCER && drops(d))) {
		err = open_mapped(p);
		if (!err || is_gone(err))
			return err;
	}
	p->overflows = end == VFIFO_PRODUCER && drops(d);
	return is_held(d, end) ? -EBUSY : open_calls(p);
}

int port_open(struct port *p, const struct device *d, enum vfifo_end end,
	      enum method method)
{
	return open_port(p, d, end, method, false);
}

int port_open_framed(struct port *p, const struct device *d, enum vfifo_end end,
		     enum method method)
{
	return open_port(p, d, end, method, has_records(d));
}

void port_close(struct port *p)
{
	vfifo_close(p->f);
	if (p->fd >= 0)
		close(p->fd);
	free(p->buffer);
	*p = (struct port){ .fd = -1 };
}

/* --- mapped ----------------------------------------------------------------- */

/* At most a quarter of the capacity, so that the other side can work at the same time. */
static size_t piece_of(const struct port *p, size_t room, size_t most)
{
	size_t piece = vfifo_capacity(p->f) / 4;

	if (room > piece)
		room = piece;
	return room < most ? room : most;
}

/*
 * The bytes of the buffer that a span of up to `most` bytes needs. poll(2) wakes at the watermark, so
 * a wait for exactly that many bytes sleeps once.
 */
static size_t wait_for(const struct port *p, size_t most)
{
	if (p->end == VFIFO_CONSUMER)
		return 1;
	return p->records ? vfifo_record_space((__u32)most) :
			    vfifo_watermark(p->f);
}

static ssize_t record_of(struct port *p, size_t most, void **at)
{
	ssize_t n;

	if (p->end == VFIFO_CONSUMER)
		return vfifo_peek_record(p->f, at, &p->record);
	n = vfifo_reserve_record(p->f, most, at);
	return n < 0 ? n : (ssize_t)most;
}

static ssize_t bytes_of(const struct port *p, size_t most, void **at)
{
	ssize_t n = p->end == VFIFO_PRODUCER ? vfifo_reserve(p->f, 1, at) :
					       vfifo_peek(p->f, 1, at);

	return n < 0 ? n : (ssize_t)piece_of(p, (size_t)n, most);
}

static ssize_t span_of(struct port *p, size_t most, void **at)
{
	return p->records ? record_of(p, most, at) : bytes_of(p, most, at);
}

static ssize_t span_mapped(struct port *p, size_t most, void **at)
{
	int err = vfifo_lost(p->f);
	ssize_t room;

	/* After a removal (-ENODEV) stored bytes can still be used; a revoked claim is lost. */
	if (err == -ESTALE)
		return err;
	room = span_of(p, most, at);
	err = 0;
	if (room == -EAGAIN) {
		err = vfifo_wait(p->f, wait_for(p, most), TICK_MS);
		room = span_of(p, most, at);
	}
	if (room > 0)
		return room;
	if (err == -ENODATA)
		return 0;
	return err && err != -EINTR && err != -ETIMEDOUT ? err : room;
}

static int advance_port(const struct port *p, size_t n)
{
	if (!p->records)
		return vfifo_advance(p->f, n);
	return p->end == VFIFO_CONSUMER ?
		       vfifo_skip_record(p->f) :
		       vfifo_advance_record(p->f, n, now_ns(CLOCK_MONOTONIC));
}

static int move_mapped(struct port *p, size_t n, size_t *moved)
{
	int err = vfifo_lost(p->f);

	/* A claim that is revoked after this test raises SIGBUS. */
	if (err == -ESTALE)
		return err;
	err = advance_port(p, n);
	if (err)
		return err;
	*moved = n;
	err = vfifo_publish(p->f);
	/* A consumer uses the rest first; its next span reports the removal. */
	return err == -ENODEV && p->end == VFIFO_CONSUMER ? 0 : err;
}

/* --- with system calls ------------------------------------------------------ */

/* With records FIONREAD is the length of the next one. */
static uint64_t stored_with_headers(const struct port *p)
{
	uint64_t stored;

	return attribute_number(p->device, "size", &stored) ? 0 : stored;
}

static uint64_t stored_by_calls(const struct port *p)
{
	int stored;

	if (p->records)
		return stored_with_headers(p);
	return ioctl(p->fd, FIONREAD, &stored) || stored < 0 ? 0 :
							       (uint64_t)stored;
}

/*
 * Waits for space before the input is read: input that was read must be written, and a
 * write(2) that waits would delay the handling of a signal. The write(2) may wait all the
 * same if write_watermark is less than PIPE_BUF, or if another process took the space.
 */
static ssize_t space_by_calls(struct port *p, size_t most)
{
	struct pollfd poller = { .fd = p->fd, .events = POLLOUT };
	uint64_t stored, room = PIPE_BUF;
	int ready = poll(&poller, 1, TICK_MS);

	if (ready < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!ready)
		return -EAGAIN;
	/* The write(2) of a record waits until it fits. */
	if (p->records)
		return most <= p->size ? (ssize_t)most : -EMSGSIZE;
	stored = stored_by_calls(p);
	if (stored + PIPE_BUF < p->capacity)
		room = p->capacity - stored;
	if (room > p->size)
		room = p->size;
	return room < most ? (ssize_t)room : (ssize_t)most;
}

static ssize_t bytes_by_calls(struct port *p, size_t most)
{
	ssize_t n;

	/* A record is read as a whole, or not at all. */
	if (p->records)
		most = p->size;
	if (!p->pending) {
		n = read(p->fd, p->buffer, most < p->size ? most : p->size);
		if (n <= 0)
			return n && errno == EINTR ? -EAGAIN : n ? -errno : 0;
		p->at = 0;
		p->pending = (size_t)n;
	}
	return p->pending < most ? (ssize_t)p->pending : (ssize_t)most;
}

static ssize_t span_by_calls(struct port *p, size_t most, void **at)
{
	ssize_t n = p->end == VFIFO_PRODUCER ? space_by_calls(p, most) :
					       bytes_by_calls(p, most);

	*at = p->buffer + p->at;
	return n;
}

/* The bytes are gone from the input, so only a second signal ends this. */
static int write_by_calls(struct port *p, size_t n, size_t *moved)
{
	while (*moved < n) {
		ssize_t done = write(p->fd, p->buffer + *moved, n - *moved);

		if (done > 0)
			*moved += (size_t)done;
		else if (errno != EINTR || interrupts() > 1)
			return -errno;
	}
	return 0;
}

static int move_by_calls(struct port *p, size_t n, size_t *moved)
{
	if (p->end == VFIFO_PRODUCER)
		return write_by_calls(p, n, moved);
	p->at += n;
	p->pending -= n;
	*moved = n;
	return 0;
}

/* --- either ----------------------------------------------------------------- */

ssize_t port_span(struct port *p, size_t most, void **at)
{
	return p->f ? span_mapped(p, most, at) : span_by_calls(p, most, at);
}

int port_move(struct port *p, size_t n, size_t *moved)
{
	*moved = 0;
	return p->f ? move_mapped(p, n, moved) : move_by_calls(p, n, moved);
}

int port_end(const struct port *p)
{
	return device_end(p->f ? vfifo_fd(p->f) : p->fd);
}

int port_end_stream(const struct port *p)
{
	int err = port_end(p);

	if (err == -ENOTTY)
		complain(
			"%s: the running module is older than this command and has no --eof: the receiver waits for more",
			p->device->name);
	else if (err)
		explain(err, p->device, "--eof");
	return err;
}

/* The library looks at the other side anew only if it knows of fewer free bytes. */
static int fits_mapped(const struct port *p, size_t n)
{
	int err = vfifo_lost(p->f);
	ssize_t room;
	void *at;

	if (err)
		return err;
	room = p->records ? vfifo_reserve_record(p->f, n, &at) :
			    vfifo_reserve(p->f, n, &at);
	return room == -EAGAIN ? 0 : room < 0 ? (int)room : 1;
}

int port_fits(struct port *p, size_t n)
{
	uint64_t space = p->records ? vfifo_record_space((__u32)n) : n;
	int next;

	if (p->f)
		return fits_mapped(p, n);
	if (ioctl(p->fd, FIONREAD, &next))
		return -errno;
	return p->overflows || !p->capacity ||
	       stored_by_calls(p) + space <= p->capacity;
}

uint64_t port_stored(const struct port *p)
{
	uint64_t room;
	ssize_t n;
	void *at;

	if (!p->f || p->records)
		return stored_by_calls(p);
	n = p->end == VFIFO_PRODUCER ? vfifo_reserve(p->f, 1, &at) :
				       vfifo_peek(p->f, 1, &at);
	room = n < 0 ? 0 : (uint64_t)n;
	return p->end == VFIFO_CONSUMER ? room : p->capacity - room;
}
