/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo.h - what programs and the vfifo module agree on
 *
 * /dev/vfifoN is a byte FIFO. Bytes that one client writes, another reads, each
 * byte once, in order. This header is the only text that defines the rest of
 * what user space may rely on: the numbers, sizes and errors below. Whoever
 * wants less to read takes the library: libvfifo, <libvfifo.h>, vfifo(3).
 *
 * System calls
 * ------------
 * read(2) waits while the FIFO is empty, then gives what there is, up to the
 * count. write(2) is as pipe(7) says: a blocking write writes all of its bytes;
 * one of up to PIPE_BUF bytes is never mixed with another's; with O_NONBLOCK
 * those are written whole or not at all (EAGAIN), and larger ones write what
 * fits, or give EAGAIN where nothing does. Seeks, pread(2) and pwrite(2) give
 * ESPIPE. poll(2) reports POLLIN when read_watermark bytes are stored, POLLOUT
 * when write_watermark bytes are free, POLLERR while the FIFO is broken (see
 * below) and POLLHUP when the device has been removed, or has ended. A call that must not wait
 * at all (RWF_NOWAIT, io_uring) may see EAGAIN for a lock that is in use as well.
 * A splice(2) from an empty FIFO waits, and its pipe with it, unless the file has
 * O_NONBLOCK. A removed device gives ENODEV.
 *
 * That is how it is at first. The attributes in /sys/class/vfifo/vfifoN change it, and
 * the text sysfs-class-vfifo beside this header has them all. `overflow` lets a write(2)
 * that finds no space drop bytes, new or old ones, rather than wait. `eof` lets a FIFO
 * end: when nobody is left who could produce, read(2) gives 0 once it is empty, and
 * poll(2) POLLHUP, with POLLIN from one byte on. More can come after that.
 *
 * A capacity is a power of two of bytes, from the page size of the machine to
 * VFIFO_CAPACITY_MAX. It stays as it is while there is any mapping. The two watermarks
 * are together at most the capacity and 1, as else a reader and a writer could poll
 * for ever. A blocking write(2) of up to PIPE_BUF bytes waits until they are free,
 * whatever the watermark: where it is more than the capacity and 1 less
 * read_watermark, it and one who polls for that can wait for each other.
 *
 * Blocking calls of a side are served in the order in which they came. Where the first
 * one still waits for more room than there is, calls behind it that need less go on, but
 * only 16 of them; then they wait behind it. (Its need and read_watermark may be together
 * more than the capacity and 1. Then a reader that polls can be waiting for what only those
 * behind it can write, so they go on without bound. The watermark is all that tells the
 * kernel how much a consumer waits for: one that waits for more has to set it.) A call with
 * O_NONBLOCK never waits for its turn: EAGAIN means full, or empty, and nothing else.
 *
 * Memory
 * ------
 * A program that maps the FIFO moves bytes with no system call and no copy. There
 * are four things to map, each at its offset:
 *
 *	offset			what		who may map it
 *	VFIFO_MMAP_DATA		the bytes	shared, as the file is open
 *	VFIFO_MMAP_STATUS	vfifo_status	read-only, anyone
 *	VFIFO_MMAP_PRODUCER	vfifo_position	read-only, anyone;
 *	VFIFO_MMAP_CONSUMER	vfifo_position	writable: the claim, see below
 *
 * The data appear twice, back to back, so a mapping of them may be up to twice
 * the capacity long, and any stretch of up to capacity bytes of it is contiguous.
 * The other mappings are exactly one page long (sysconf(_SC_PAGESIZE)). Another
 * offset or length is EINVAL, as is a writable MAP_PRIVATE; a writable mapping of
 * the status, as of anything that the file is not open for, is EACCES; PROT_EXEC
 * is EPERM. A mapping that was made read-only stays so: mprotect(2) cannot make
 * it writable (EACCES). None shows in core dumps. They outlive close(2), and stay
 * valid memory until they are unmapped, whatever becomes of the device.
 *
 * A mapping of the data alone is raw memory: loads and stores move no position.
 * Whoever may write the device may change these bytes at any time, so do not
 * trust what you have not copied first.
 *
 * Claims
 * ------
 * Each of the two sides has a position: a free-running count of bytes, modulo
 * 2^32. `in` is how many were ever produced, `out` how many were ever consumed;
 * 0 <= in - out <= capacity, always. The arithmetic is in vfifo_ring.h. The byte
 * at a position is at offset (position & (capacity - 1)) of the data.
 *
 * To map the page of a position writable (PROT_WRITE, MAP_SHARED; the file must be
 * open for reading and writing) is to claim that side; to unmap it is to release
 * it. Exit, kill and exec(2) unmap as well. While a side is claimed
 *
 *  - its position is what its holder stores in that page,
 *  - read(2), or write(2), is EBUSY for everybody, as is a second claim; for the
 *    producer side so is mode 1, and for the consumer side VFIFO_CLEAR,
 *  - poll(2) reports that side ready to the file that was mapped, and to no other; the
 *    others are woken at the release,
 *  - the other side is not affected: it may be read from, or written to, with system
 *    calls, or claimed as well.
 *
 * Claiming the producer side while mode is 1 is EBUSY too. A claim belongs to the
 * address space: fork(2) does not hand it on (the child has no such mapping, and
 * MADV_DOFORK is EINVAL), threads share it, mremap(2) moves it, mprotect(2) does
 * not release it. The position is there to be read once the mapping is made: the
 * holder carries on where its predecessor ended.
 *
 * root can revoke a claim, by writing 0 to the attribute `producer` or `consumer`: the
 * last good position stands, the side is the kernel's again, and the holder gets SIGBUS
 * when it touches its mapping, and POLLERR from poll(2) on the file until it unmaps. claim[]
 * of the status page has the number of the claim of each side, or 0 while it has none. A
 * holder that notes the number after it has mapped the position, and later finds another
 * one, has lost its claim.
 *
 * Nothing that a holder stores is believed. The kernel looks at a claimed position
 * when the other side has something to do, and accepts it if it has moved by no
 * more than was possible: a producer up to out + capacity, a consumer up to in.
 * Else the FIFO is broken: read(2) and write(2) are EIO, poll(2) gives POLLERR,
 * `size` stays at what was last good. A good position mends it; so does the
 * end of the claim, when the last good position stands again. (If then the other
 * side is claimed too, nobody knows what was good: the FIFO is empty from where
 * that side is, and a holder that had believed more finds a position that cannot
 * be. It unmaps its own and claims again: both are good then.) A holder has to
 * check the other side's position in the same way, as another program may have
 * stored it.
 *
 * To move bytes, a holder of the producer side, with a copy of `in` of its own:
 *
 *	1. loads out (acquire), and checks in - out <= capacity
 *	2. fills any of the capacity - (in - out) bytes that are free
 *	3. stores in (release)
 *	4. a full memory barrier
 *	5. wakes whoever sleeps: see below
 *
 * A holder of the consumer side does the same with the two changed over and the
 * in - out bytes that are stored. Steps 3 to 5 may be for many messages at once, and
 * step 1 may be left out while what was loaded before is enough.
 *
 * Waking
 * ------
 * The word `need` in the status page says who waits for a side to move: a bit for
 * calls that sleep there, and one for those that poll. Step 5 of the producer is
 *
 *	loads need; if it has a bit of VFIFO_NEED_CONSUMER, loads out once more;
 *	calls ioctl(fd, VFIFO_KICK) if
 *	  VFIFO_NEED_CONSUMER_SLEEP is set, and in - out >= threshold[consumer], or
 *	  VFIFO_NEED_CONSUMER_POLL is set, and in - out >= watermark[consumer]
 *
 * (and may stop if it has VFIFO_NEED_REMOVED, which is set for good when the device is
 * removed), and that of the consumer the same with the two changed over, and the free bytes,
 * capacity - (in - out). The barrier of step 4 has its partner in whoever sleeps:
 * he sets his bit, has a full barrier, and looks at the positions once more before
 * he sleeps, so that one of the two sees the other. No wake-up is lost, and nobody
 * calls the kernel more often than the other side slept or polled; or, where several
 * share that side, than one of them took what another slept for.
 *
 * A holder that wants to sleep calls poll(2) on the file, for POLLIN or POLLOUT;
 * every poll, epoll_wait(2) and the like sets the bit, whatever it returns. It goes by
 * the watermark, so a holder that waits for fewer bytes must not rely on it alone:
 * set the watermark to what is waited for, or poll with a timeout. With
 * EPOLLET: wait, then move bytes until there are none, then wait again. Whoever has
 * asked for SIGIO has it at every kick, and the bit stays set until he has not.
 *
 * The futexes of these pages are of no use between processes (EFAULT).
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

/* The two sides, where something is indexed by them. */
enum vfifo_end {
	VFIFO_PRODUCER,
	VFIFO_CONSUMER,
};

/*
 * A position page: the rest of it is zero and of no meaning yet. Whoever holds the
 * claim stores; all others load.
 */
struct vfifo_position {
	__u32 position;
};

#define VFIFO_MAGIC 0x4f464956U /* "VIFO" in little-endian memory */
#define VFIFO_ABI 1

/* vfifo_status.flags */
#define VFIFO_PRODUCER_CLAIMED 0x1
#define VFIFO_CONSUMER_CLAIMED 0x2
#define VFIFO_BROKEN 0x4
#define VFIFO_REMOVED 0x8
#define VFIFO_ENDED 0x10 /* nobody is left who could produce: see eof */

/* vfifo_status.need */
#define VFIFO_NEED_PRODUCER_SLEEP 0x1 /* for free bytes */
#define VFIFO_NEED_PRODUCER_POLL 0x2
#define VFIFO_NEED_CONSUMER_SLEEP 0x4 /* for stored bytes */
#define VFIFO_NEED_CONSUMER_POLL 0x8
#define VFIFO_NEED_REMOVED 0x10 /* the device was removed: stays set */
#define VFIFO_NEED_PRODUCER                                     \
	(VFIFO_NEED_PRODUCER_SLEEP | VFIFO_NEED_PRODUCER_POLL | \
	 VFIFO_NEED_REMOVED)
#define VFIFO_NEED_CONSUMER                                     \
	(VFIFO_NEED_CONSUMER_SLEEP | VFIFO_NEED_CONSUMER_POLL | \
	 VFIFO_NEED_REMOVED)

/*
 * The status page. Unsigned counts of bytes, in the machine's byte order; only the
 * kernel stores here. What is reserved is 0 in this ABI.
 */
struct vfifo_status {
	__u32 magic;
	__u32 abi;	  /* VFIFO_ABI; another number, another layout */
	__u32 capacity;	  /* fixed while anything is mapped */
	__u32 generation; /* counts claims, releases, clears, resizes; removal */
	__u32 flags;	  /* true of a moment */
	__u32 watermark[2]; /* by enum vfifo_end: poll(2) reports from here on */
	__u32 claim[2]; /* by enum vfifo_end: the number of its claim, or 0 */
	__u32 reserved[7];

	/* On a cache line of their own, as those above hardly ever change. */
	__u32 need;
	__u32 threshold[2]; /* by enum vfifo_end: the least that a sleeper needs */
	__u32 reserved2[13];
};

/*
 * Drops the bytes that are stored now. EBADF: the file is not open for reading;
 * EBUSY: the consumer side is claimed; EIO: the FIFO is broken; ENODEV: it was
 * removed; EINTR: a signal came first.
 */
#define VFIFO_CLEAR _IO('k', 1)

/*
 * The argument points to an int: 0, a plain FIFO; 1, the generator produces
 * into it as well. The same as writing the attribute `mode`, but no uevent is sent,
 * as it needs no privilege; poll(2) on the attribute reports it. EBADF: the file is
 * not open for writing; EBUSY: the producer side is claimed; EFAULT: a bad
 * pointer; EINVAL: neither 0 nor 1; ENODEV: it was removed.
 */
#define VFIFO_SET_MODE _IOW('k', 2, int)

/*
 * The doorbell: looks at the positions and wakes a sleeper that can go on now, and
 * all who poll a side whose other side is claimed. A holder calls it on the file that it
 * mapped. Any open file will do, but on another one the pollers may be woken up to 1/8 of
 * a second late, as there are at most 8 such wake-ups a second for a device. It may
 * be called at any time: on a vfifo it is 0, or ENODEV once that was removed, so it
 * also tells what is one before anything is mapped.
 */
#define VFIFO_KICK _IO('k', 3)

#define VFIFO_IOC 0xFB
#define VFIFO_END _IO(VFIFO_IOC, 2)

/* FIONREAD (an int) gives the number of bytes stored. */

#endif /* _UAPI_VFIFO_H */
