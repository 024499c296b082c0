/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal.h - shared by the library's files and its tests; nothing here is exported
 *
 * handle.c makes handles, wait.c sleeps and wakes, copy.c builds read and write on them.
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

/*
 * A handle: what the header's functions use, then the rest. A page boundary lies between
 * `hot`, which a child after fork(2) finds all zero, and `regions`, which it inherits.
 */
struct vfifo_inner {
	struct __vfifo_hot hot;
	struct vfifo_regions regions;
	size_t data_length;
	int fd;
	uint64_t spin_ns, spin_max_ns;
	unsigned long kicks, sleeps;
};

static inline struct vfifo_inner *vfifo_inner(const struct vfifo_handle *f)
{
	return (struct vfifo_inner *)f;
}

/*
 * Return: the capacity in the status page; -ENOTTY: it is no status page;
 * -EPROTONOSUPPORT: it has another ABI.
 */
vfifo_hidden int vfifo_check_status(const struct vfifo_status *status);

/*
 * Makes a handle on memory that is laid out as the device's. On success the handle owns that
 * memory and @fd.
 *
 * Return: 0, or the errors of vfifo_check_status(), mmap(2) and madvise(2); -EBADMSG: the two
 * positions are no valid pair.
 */
vfifo_hidden int vfifo_attach(const struct vfifo_regions *regions,
			      enum vfifo_end end, int fd,
			      struct vfifo_handle **f);

/* Return: the end of a wait that begins now, in ns of the monotonic clock. */
vfifo_hidden uint64_t vfifo_deadline(int timeout_ms);

#define VFIFO_FOREVER UINT64_MAX

vfifo_hidden int vfifo_wait_until(struct vfifo_handle *f, size_t n,
				  uint64_t deadline);

#endif /* VFIFO_INTERNAL_H */
