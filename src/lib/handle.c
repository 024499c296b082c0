// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handles: open, attach to the memory, close. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define SPIN_DEFAULT_US 20

_Static_assert(sizeof(struct vfifo_handle) == 64, "one cache line");

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

vfifo_hidden int vfifo_check_status(const struct vfifo_status *status)
{
	__u32 capacity = __atomic_load_n(&status->capacity, __ATOMIC_RELAXED);

	if (status->magic != VFIFO_MAGIC || status->abi != VFIFO_ABI)
		return -EPROTO;
	if (capacity < page_size() || capacity > VFIFO_CAPACITY_MAX ||
	    (capacity & (capacity - 1)))
		return -EPROTO;
	return (int)capacity;
}

vfifo_hidden int vfifo_attach(const struct vfifo_regions *regions,
			      enum vfifo_end end, int fd,
			      struct vfifo_handle **f)
{
	enum vfifo_end other = vfifo_other_end(end);
	int capacity = vfifo_check_status(regions->status);
	struct vfifo_inner *h;
	__u32 own, peer, claim;

	if (capacity < 0)
		return capacity;
	/* The claim is mapped by now, so this is its number. */
	claim = __atomic_load_n(&regions->status->claim[end], __ATOMIC_RELAXED);
	own = __atomic_load_n(&regions->position[end]->position,
			      __ATOMIC_RELAXED);
	/* Acquire: what the other side has filled, or taken, by now is done. */
	peer = __atomic_load_n(&regions->position[other]->position,
			       __ATOMIC_ACQUIRE);
	if (!vfifo_valid((__u32)capacity, end == VFIFO_PRODUCER ? own : peer,
			 end == VFIFO_PRODUCER ? peer : own))
		return -EBADMSG;

	h = aligned_alloc(_Alignof(struct vfifo_inner), sizeof(*h));
	if (!h)
		return -ENOMEM;
	memset(h, 0, sizeof(*h));
	h->regions = *regions;
	h->fd = fd;
	h->hot = (struct vfifo_handle){
		.data = regions->data,
		.mine = regions->position[end],
		.theirs = regions->position[other],
		.status = regions->status,
		.capacity = (__u32)capacity,
		.own = own,
		.published = own,
		.peer = peer,
		.peer_need = other == VFIFO_PRODUCER ? VFIFO_NEED_PRODUCER :
						       VFIFO_NEED_CONSUMER,
		.end = end,
		.claim = claim,
	};
	/* Whom we wait for needs a processor of its own to move meanwhile. */
	vfifo_set_spin(&h->hot,
		       sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPIN_DEFAULT_US : 0);
	*f = &h->hot;
	return 0;
}

static void unmap(void *p, size_t length)
{
	if (p)
		munmap(p, length);
}

static void unmap_all(const struct vfifo_regions *r, size_t capacity)
{
	unmap(r->data, 2 * capacity);
	unmap((void *)r->status, page_size());
	unmap(r->position[VFIFO_PRODUCER], page_size());
	unmap(r->position[VFIFO_CONSUMER], page_size());
}

/* NULL, and errno says why. */
static void *map(int fd, __u32 offset, size_t length, int protection)
{
	void *at =
		mmap(NULL, length, protection, MAP_SHARED, fd, (off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

static void *map_position(int fd, enum vfifo_end end, int protection)
{
	return map(fd,
		   end == VFIFO_PRODUCER ? VFIFO_MMAP_PRODUCER :
					   VFIFO_MMAP_CONSUMER,
		   page_size(), protection);
}

/*
 * The status first: once something is mapped the capacity stays, so what it says is
 * what can be mapped. The claim last, so that who cannot have all claims nothing.
 */
static int map_all(int fd, enum vfifo_end end, struct vfifo_regions *r)
{
	enum vfifo_end other = vfifo_other_end(end);
	int capacity;

	r->status = map(fd, VFIFO_MMAP_STATUS, page_size(), PROT_READ);
	if (!r->status)
		return -errno;
	capacity = vfifo_check_status(r->status);
	if (capacity < 0)
		return capacity;
	r->data = map(fd, VFIFO_MMAP_DATA, 2 * (size_t)capacity,
		      PROT_READ | PROT_WRITE);
	if (!r->data)
		return -errno;
	r->position[other] = map_position(fd, other, PROT_READ);
	if (!r->position[other])
		return -errno;
	r->position[end] = map_position(fd, end, PROT_READ | PROT_WRITE);
	return r->position[end] ? 0 : -errno;
}

static int attach_file(int fd, enum vfifo_end end, struct vfifo_handle **f)
{
	struct vfifo_regions r = { 0 };
	int err;

	/* Where nothing is behind the offsets of what is no vfifo, a look is SIGBUS. */
	if (ioctl(fd, VFIFO_KICK))
		return errno == ENODEV ? -ENODEV : -EPROTO;
	err = map_all(fd, end, &r);
	if (!err)
		err = vfifo_attach(&r, end, fd, f);
	if (err) {
		size_t capacity = r.data ? r.status->capacity : 0;

		unmap_all(&r, capacity);
	}
	return err;
}

int vfifo_open(const char *path, enum vfifo_end end, unsigned int flags,
	       struct vfifo_handle **f)
{
	int fd, err;

	if (flags || (end != VFIFO_PRODUCER && end != VFIFO_CONSUMER))
		return -EINVAL;
	/* What is no vfifo may be a terminal, which must not become ours. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	err = attach_file(fd, end, f);
	if (err)
		close(fd);
	return err;
}

void vfifo_close(struct vfifo_handle *f)
{
	struct vfifo_inner *h = vfifo_inner(f);

	if (!f)
		return;
	unmap_all(&h->regions, f->capacity);
	close(h->fd);
	free(h);
}

int vfifo_fd(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->fd;
}
