/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal.h - what the library's files, and its tests, know of each other
 *
 * handle.c makes handles, wait.c sleeps and wakes, copy.c builds read and write on
 * them. None of what is here is exported.
 */
#ifndef VFIFO_INTERNAL_H
#define VFIFO_INTERNAL_H

#include <stdint.h>

#include "libvfifo.h"

#define vfifo_hidden __attribute__((visibility("hidden")))

/* The four mappings. Only position[] of our own end is writable. */
struct vfifo_regions {
	const struct vfifo_status *status;
	unsigned char *data;
	struct vfifo_position *position[2];
};

/* A handle: what the header's functions use, then all that is used seldom. */
struct vfifo_inner {
	struct vfifo_handle hot;
	struct vfifo_regions regions;
	int fd;
	uint64_t spin_ns, spin_max_ns;
	unsigned long kicks, sleeps;
};

static inline struct vfifo_inner *vfifo_inner(const struct vfifo_handle *f)
{
	return (struct vfifo_inner *)f;
}

/* The capacity that the status page tells, or a negative errno. */
vfifo_hidden int vfifo_check_status(const struct vfifo_status *status);

/*
 * A handle on memory that is laid out as the device's. It belongs to the handle if
 * this succeeds, as does fd.
 */
vfifo_hidden int vfifo_attach(const struct vfifo_regions *regions,
			      enum vfifo_end end, int fd,
			      struct vfifo_handle **f);

/* When a wait that begins now ends, in ns of the monotonic clock. */
vfifo_hidden uint64_t vfifo_deadline(int timeout_ms);

#define VFIFO_FOREVER UINT64_MAX

vfifo_hidden int vfifo_wait_until(struct vfifo_handle *f, size_t n,
				  uint64_t deadline);

#endif /* VFIFO_INTERNAL_H */
