/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo.h - the interface of the module: constants, structures and ioctls
 *
 * protocol.rst (src/doc in the sources, the documentation of libvfifo-dev in a package) defines
 * how they are used: system calls, memory, claims, waking, growth of the ABI, guarantees and
 * limitations. sysfs-class-vfifo describes the attributes. The library <libvfifo.h> follows the
 * protocol for a program.
 */
#ifndef _UAPI_VFIFO_H
#define _UAPI_VFIFO_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The largest capacity, in bytes. */
#define VFIFO_CAPACITY_MAX (512U << 20)

/* mmap offsets: multiples of every page size, and within 31 bits. */
#define VFIFO_MMAP_DATA 0x00000000U
#define VFIFO_MMAP_STATUS 0x70000000U
#define VFIFO_MMAP_PRODUCER 0x71000000U
#define VFIFO_MMAP_CONSUMER 0x72000000U

/*
 * The same two pages in a FIFO of records. A claim is made at these offsets if `framing` is
 * VFIFO_RECORDS, and at those above if it is VFIFO_BYTES: mmap(2) fails with EPROTO otherwise, so a
 * client that knows bytes only does no harm to records.
 */
#define VFIFO_MMAP_RECORD_PRODUCER 0x73000000U
#define VFIFO_MMAP_RECORD_CONSUMER 0x74000000U

/* The two sides, as an index. */
enum vfifo_end {
	VFIFO_PRODUCER,
	VFIFO_CONSUMER,
};

/* A position page. Only the holder of the claim, or else the kernel, stores. The rest is 0. */
struct vfifo_position {
	__u32 position;
	__u32 sequence; /* producer, with records: of the next one; set at a claim */
};

#define VFIFO_MAGIC 0x4f464956U /* "VIFO" in little-endian memory */
#define VFIFO_ABI 1

/* vfifo_status.flags; an unknown flag is ignored. */
#define VFIFO_PRODUCER_CLAIMED 0x1
#define VFIFO_CONSUMER_CLAIMED 0x2
#define VFIFO_BROKEN 0x4
#define VFIFO_REMOVED 0x8
#define VFIFO_ENDED 0x10 /* end of file: no producer is left */

/* vfifo_status.need: who waits, and for which side to move */
#define VFIFO_NEED_PRODUCER_SLEEP 0x1U /* for free bytes */
#define VFIFO_NEED_PRODUCER_POLL 0x2U
#define VFIFO_NEED_CONSUMER_SLEEP 0x4U /* for stored bytes */
#define VFIFO_NEED_CONSUMER_POLL 0x8U
#define VFIFO_NEED_REMOVED 0x10U /* the device was removed: stays set */
#define VFIFO_NEED_KNOWN 0x1fU	 /* any other bit: call VFIFO_KICK */

/*
 * The bits that a holder of the other side has to act on after it has moved: all but those
 * of its own side, so that a bit of a later kernel is never missed.
 */
#define VFIFO_NEED_PRODUCER \
	(~(VFIFO_NEED_CONSUMER_SLEEP | VFIFO_NEED_CONSUMER_POLL))
#define VFIFO_NEED_CONSUMER \
	(~(VFIFO_NEED_PRODUCER_SLEEP | VFIFO_NEED_PRODUCER_POLL))

/* The kinds of memory of the data: the attribute `memory`, and vfifo_status.memory. */
enum vfifo_memory {
	VFIFO_MEMORY_CACHED,
	VFIFO_MEMORY_WRITE_COMBINING,
	VFIFO_MEMORY_UNCACHED,
	VFIFO_MEMORY_COHERENT,
	VFIFO_MEMORY_CONTIGUOUS,
};

/* How the bytes belong together: the attribute `framing`, and vfifo_status.framing. */
enum vfifo_framing {
	VFIFO_BYTES,   /* not at all */
	VFIFO_RECORDS, /* each write(2) is a record */
};

/*
 * The header of a record. It is in front of the record's bytes, at a position that is a
 * multiple of VFIFO_RECORD_ALIGN. Behind the bytes is padding up to the next such position.
 */
struct vfifo_record {
	__u32 length;	/* bytes, at least 1; the upper three bits are flags */
	__u32 sequence; /* of the record, modulo 2^32; a gap: some were dropped */
	__u64 time; /* of CLOCK_MONOTONIC, ns, at its production; 0: not known */
};

#define VFIFO_RECORD_ALIGN 8U
/* The bits of `length` that are the length. A reader ignores the flags: none is defined yet. */
#define VFIFO_RECORD_LENGTH 0x1fffffffU

/* vfifo_status.features: the optional parts of this kernel */
#define VFIFO_HAS_MEMORY 0x1  /* vfifo_status.memory */
#define VFIFO_HAS_EXPORT 0x2  /* VFIFO_EXPORT */
#define VFIFO_HAS_RECORDS 0x4 /* vfifo_status.framing */

/*
 * The status page: counts of bytes in the machine's byte order, stored by the kernel only.
 *
 * Growth: a client of today works with every later kernel of the same VFIFO_ABI. What is
 * reserved is 0, and gets a meaning only together with a bit of `features`. A page with
 * another `abi` has another layout; a client refuses it.
 */
struct vfifo_status {
	__u32 magic;
	__u32 abi;	  /* VFIFO_ABI */
	__u32 capacity;	  /* fixed while anything is mapped */
	__u32 generation; /* counts claims, releases, clears, resizes; removal */
	__u32 flags;	  /* a snapshot */
	__u32 watermark[2]; /* by enum vfifo_end: poll(2) reports from here on */
	__u32 claim[2]; /* by enum vfifo_end: the number of its claim, or 0 */
	__u32 features; /* VFIFO_HAS_*; an unknown bit is ignored */
	__u32 memory;	/* enum vfifo_memory; fixed while anything is mapped */
	__u32 framing;	/* enum vfifo_framing; fixed while anything is mapped */
	__u32 reserved[4];

	/* On a cache line of their own, as those above hardly ever change. */
	__u32 need;
	__u32 threshold[2]; /* by enum vfifo_end: the least that a sleeper needs */
	__u32 reserved2[13];
};

/*
 * ioctls. The first two numbers are those of the course that vfifo comes from. All
 * others have the type VFIFO_IOC, which no driver in the kernel's table
 * (Documentation/userspace-api/ioctl/ioctl-number.rst) uses. Every ioctl fails with ENODEV
 * once the device was removed.
 *
 * FIONREAD (an int *) returns the number of bytes stored. With records it returns the length of
 * the next record, or 0 if there is none. Then EBUSY: the consumer side is claimed; EIO: there is
 * no valid record; EINTR: a signal came first.
 */
#define VFIFO_IOC 0xFB

/*
 * Drops the bytes that are stored. EBADF: the file is not open for reading; EBUSY: the
 * consumer side is claimed; EIO: the FIFO is broken; EINTR: a signal came first.
 */
#define VFIFO_CLEAR _IO('k', 1)

/*
 * Sets the attribute `mode` to the int that the argument points to: 0, a plain FIFO; 1, the
 * generator produces too. Sends no uevent. EBADF: the file is not open for writing;
 * EBUSY: the producer side is claimed; EFAULT: a bad pointer; EINVAL: neither 0 nor 1.
 */
#define VFIFO_SET_MODE _IOW('k', 2, int)

/*
 * The doorbell: wakes the calls and pollers that can go on now, after a claimed position
 * has moved. Needs no claim and no access mode, and may be called at any time.
 */
#define VFIFO_KICK _IO(VFIFO_IOC, 1)

/*
 * Ends the stream. Once no file that could produce is open any more (as with the attribute
 * `eof`), and what is stored has been read, read(2) returns 0 and poll(2) reports POLLHUP,
 * although `eof` is 0. The end holds for all readers of the device, until bytes are produced
 * again: by a write(2) that stores bytes, a claim of the producer side, or the generator.
 * EBADF: the file is not open for writing.
 */
#define VFIFO_END _IO(VFIFO_IOC, 2)

/*
 * Exports the data as a dma-buf of `capacity` bytes: each byte once. Byte p of the stream is at
 * offset p & (capacity - 1), so a program computes the importer's offset from the position
 * pages and vfifo_status.capacity. The dma-buf counts as a mapping of the device. It is
 * read-only if the file is: no importer gets write access then, nor does mmap(2).
 *
 * EBADF: the file is not open for reading; EINVAL: an unknown flag, or a reserved field is not 0;
 * EFAULT: a bad pointer; EMFILE, ENFILE, ENOMEM; EOPNOTSUPP: the kernel has no dma-buf. Nothing
 * is exported after an error.
 */
struct vfifo_export {
	__u32 flags; /* 0 or O_CLOEXEC */
	__s32 fd;    /* returned: the file descriptor of the dma-buf */
	__u64 reserved[2];
};

#define VFIFO_EXPORT _IOWR(VFIFO_IOC, 3, struct vfifo_export)

#endif /* _UAPI_VFIFO_H */
