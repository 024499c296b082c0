// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handles: open, attach to the memory, close. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define SPIN_DEFAULT_US 20

_Static_assert(sizeof(struct __vfifo_hot) == 64, "one cache line");
_Static_assert(sizeof(struct __vfifo_records) == 128, "two cache lines");
_Static_assert(offsetof(struct vfifo_inner, hot) ==
		       sizeof(struct __vfifo_records),
	       "the header finds the one in front of the other");
_Static_assert(offsetof(struct vfifo_inner, regions) == 192,
	       "the hot fields can be the last of a page");

#define HOT offsetof(struct vfifo_inner, regions)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

vfifo_hidden int vfifo_check_status(const struct vfifo_status *status)
{
	__u32 capacity = __atomic_load_n(&status->capacity, __ATOMIC_RELAXED);

	if (status->magic != VFIFO_MAGIC)
		return -ENOTTY;
	if (status->abi != VFIFO_ABI)
		return -EPROTONOSUPPORT;
	/* Not a capacity of this ABI, whatever the number of the ABI is. */
	if (capacity < page_size() || capacity > VFIFO_CAPACITY_MAX ||
	    (capacity & (capacity - 1)))
		return -EPROTONOSUPPORT;
	return (int)capacity;
}

vfifo_hidden int vfifo_check_framing(const struct vfifo_status *status,
				     enum vfifo_framing framing)
{
	const bool has_records = status->features & VFIFO_HAS_RECORDS;

	if (!has_records)
		return framing == VFIFO_BYTES ? 0 : -EOPNOTSUPP;
	return status->framing == framing ? 0 : -EPROTO;
}

/*
 * Two pages, all zero: the hot fields are the last of the first page, the rest is on the
 * second. fork(2) would copy the hot fields, with addresses of pages that the child does not
 * have, so the kernel wipes the first page in a child: its handle has no claim.
 *
 * Return: NULL, with errno set, if it fails.
 */
static struct vfifo_inner *new_handle(void)
{
	size_t page = page_size();
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (pages == MAP_FAILED)
		return NULL;
	if (madvise(pages, page, MADV_WIPEONFORK)) {
		err = errno;
		munmap(pages, 2 * page);
		errno = err;
		return NULL;
	}
	return (void *)(pages + page - HOT);
}

static void free_handle(struct vfifo_inner *h)
{
	size_t page = page_size();

	munmap((char *)&h->regions - page, 2 * page);
}

/* The part of a handle that is in use. What the kernel has stored for a claim is read here. */
static void use_part(struct vfifo_inner *h, enum vfifo_end end,
		     enum vfifo_framing framing, __u32 own)
{
	const struct vfifo_position *mine = h->regions.position[end];

	if (framing == VFIFO_BYTES) {
		h->used = &h->hot;
		h->unaligned = __VFIFO_BYTES_UNALIGNED;
		return;
	}
	h->used = &h->records.hot;
	h->unaligned = __VFIFO_RECORDS_UNALIGNED;
	h->records.space = UINT32_MAX;
	h->records.next = own;
	if (end == VFIFO_PRODUCER)
		h->records.sequence =
			__atomic_load_n(&mine->sequence, __ATOMIC_RELAXED);
}

vfifo_hidden int vfifo_attach(const struct vfifo_regions *regions,
			      enum vfifo_end end, enum vfifo_framing framing,
			      int fd, struct vfifo_handle **f)
{
	const struct vfifo_status *status = regions->status;
	enum vfifo_end other = __vfifo_other_end(end);
	int capacity = vfifo_check_status(status);
	struct vfifo_inner *h;
	__u32 own, peer, claim;
	int err;

	if (capacity < 0)
		return capacity;
	err = vfifo_check_framing(status, framing);
	if (err)
		return err;
	/* The claim is mapped by now, so this is its number. */
	claim = __atomic_load_n(&status->claim[end], __ATOMIC_RELAXED);
	own = __atomic_load_n(&regions->position[end]->position,
			      __ATOMIC_RELAXED);
	/* Acquire: what the other end has filled, or taken, by now is done. */
	peer = __atomic_load_n(&regions->position[other]->position,
			       __ATOMIC_ACQUIRE);
	if (!vfifo_valid((__u32)capacity, end == VFIFO_PRODUCER ? own : peer,
			 end == VFIFO_PRODUCER ? peer : own))
		return -EBADMSG;
	if (framing == VFIFO_RECORDS &&
	    ((own | peer) & __VFIFO_RECORDS_UNALIGNED))
		return -EBADMSG;

	h = new_handle();
	if (!h)
		return -errno;
	h->regions = *regions;
	h->data_length = 2 * (size_t)capacity;
	h->fd = fd;
	use_part(h, end, framing, own);
	*h->used = (struct __vfifo_hot){
		.data = regions->data,
		.mine = regions->position[end],
		.theirs = regions->position[other],
		.status = regions->status,
		.capacity = (__u32)capacity,
		.own = own,
		.published = own,
		.peer = peer,
		.limit = end == VFIFO_PRODUCER ? peer + (__u32)capacity : peer,
		.peer_need = other == VFIFO_PRODUCER ? VFIFO_NEED_PRODUCER :
						       VFIFO_NEED_CONSUMER,
		.end = end,
		.claim = claim,
		.memory = status->features & VFIFO_HAS_MEMORY ?
				  status->memory :
				  VFIFO_MEMORY_CACHED,
	};
	/* What `peer` stands for is read after this. */
	__vfifo_order(h->used);
	*f = vfifo_handle(h);
	vfifo_reset_pace(h);
	vfifo_copy_begin(h);
	/* With one processor the other end cannot move while we spin. */
	vfifo_set_spin(*f,
		       sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPIN_DEFAULT_US : 0);
	return 0;
}

static void unmap(void *p, size_t length)
{
	if (p)
		munmap(p, length);
}

static void unmap_all(const struct vfifo_regions *r, size_t data_length)
{
	unmap(r->data, data_length);
	unmap((void *)r->status, page_size());
	unmap(r->position[VFIFO_PRODUCER], page_size());
	unmap(r->position[VFIFO_CONSUMER], page_size());
}

/* Return: NULL, with errno set, if it fails. */
static void *map(int fd, __u32 offset, size_t length, int protection)
{
	void *at =
		mmap(NULL, length, protection, MAP_SHARED, fd, (off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

static void *map_position(int fd, enum vfifo_end end,
			  enum vfifo_framing framing, int protection)
{
	static const __u32 offsets[][2] = {
		[VFIFO_BYTES] = { VFIFO_MMAP_PRODUCER, VFIFO_MMAP_CONSUMER },
		[VFIFO_RECORDS] = { VFIFO_MMAP_RECORD_PRODUCER,
				    VFIFO_MMAP_RECORD_CONSUMER },
	};

	return map(fd, offsets[framing][end], page_size(), protection);
}

/*
 * The status is mapped first: while anything is mapped the capacity is fixed, so the page has
 * the length of the data. The claim is mapped last, so a failure before it claims nothing.
 */
static int map_all(int fd, enum vfifo_end end, enum vfifo_framing framing,
		   struct vfifo_regions *r, size_t *data_length)
{
	enum vfifo_end other = __vfifo_other_end(end);
	int capacity, err;

	r->status = map(fd, VFIFO_MMAP_STATUS, page_size(), PROT_READ);
	if (!r->status)
		return -errno;
	capacity = vfifo_check_status(r->status);
	if (capacity < 0)
		return capacity;
	err = vfifo_check_framing(r->status, framing);
	if (err)
		return err;
	*data_length = 2 * (size_t)capacity;
	r->data =
		map(fd, VFIFO_MMAP_DATA, *data_length, PROT_READ | PROT_WRITE);
	if (!r->data)
		return -errno;
	/* A policy may want to be asked. Without huge pages all is as right, and slower. */
	madvise(r->data, *data_length, MADV_HUGEPAGE);
	r->position[other] = map_position(fd, other, framing, PROT_READ);
	if (!r->position[other])
		return -errno;
	r->position[end] =
		map_position(fd, end, framing, PROT_READ | PROT_WRITE);
	return r->position[end] ? 0 : -errno;
}

static int attach_file(int fd, enum vfifo_end end, enum vfifo_framing framing,
		       struct vfifo_handle **f)
{
	struct vfifo_regions r = { 0 };
	size_t data_length = 0;
	int err;

	/* Another file may have nothing at these offsets: a load from its map is SIGBUS. */
	if (ioctl(fd, VFIFO_KICK))
		return errno == ENODEV ? -ENODEV : -ENOTTY;
	err = map_all(fd, end, framing, &r, &data_length);
	if (!err)
		err = vfifo_attach(&r, end, framing, fd, f);
	if (err)
		unmap_all(&r, data_length);
	return err;
}

int vfifo_open(const char *path, enum vfifo_end end, unsigned int flags,
	       struct vfifo_handle **f)
{
	enum vfifo_framing framing =
		flags & VFIFO_OPEN_RECORDS ? VFIFO_RECORDS : VFIFO_BYTES;
	int fd, err;

	*f = NULL;
	if ((flags & ~VFIFO_OPEN_RECORDS) ||
	    (end != VFIFO_PRODUCER && end != VFIFO_CONSUMER))
		return -EINVAL;
	/* O_NOCTTY: a terminal that is not a vfifo must not become ours. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	err = attach_file(fd, end, framing, f);
	if (err)
		close(fd);
	return err;
}

void vfifo_close(struct vfifo_handle *f)
{
	struct vfifo_inner *h;

	if (!f)
		return;
	h = vfifo_inner(f);
	/*
	 * A child after fork(2) inherits the data only. The other pages are not copied, so
	 * something else may be mapped at their addresses.
	 */
	if (h->used->capacity)
		unmap_all(&h->regions, h->data_length);
	else
		unmap(h->regions.data, h->data_length);
	close(h->fd);
	free_handle(h);
}

int vfifo_fd(const struct vfifo_handle *f)
{
	return vfifo_inner(f)->fd;
}
