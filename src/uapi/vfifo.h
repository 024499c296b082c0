/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vfifo.h - what programs and the vfifo module agree on
 *
 * /dev/vfifoN is a byte FIFO. Bytes that one client writes, another reads, each
 * byte once, in order. This header is the only text that defines the rest of
 * what user space may rely on: the numbers, sizes and errors below.
 *
 * read(2) waits while the FIFO is empty, then gives what there is, up to the
 * count. write(2) is as pipe(7) says: a blocking write writes all of its bytes;
 * one of up to PIPE_BUF bytes is never mixed with another's; with O_NONBLOCK
 * those are written whole or not at all (EAGAIN), and larger ones write what
 * fits, or give EAGAIN where nothing does. Seeks, pread(2) and pwrite(2) give
 * ESPIPE. poll(2) reports POLLIN when there is a byte to read, POLLOUT when
 * PIPE_BUF bytes can be written. A call that must not wait at all (RWF_NOWAIT,
 * io_uring) may see EAGAIN for a lock that is in use as well. A splice(2) from an
 * empty FIFO waits, and its pipe with it, unless the file has O_NONBLOCK.
 *
 * A capacity is a power of two of bytes, from the page size of the machine to
 * VFIFO_CAPACITY_MAX.
 *
 * mmap(2) at VFIFO_MMAP_DATA gives the buffer itself, as raw memory: stores and
 * loads move no position. The buffer appears there twice, back to back, so a
 * mapping may be up to twice the capacity long and any stretch of up to capacity
 * bytes of it is contiguous. Offset and length beyond that are EINVAL, as is a
 * writable MAP_PRIVATE; PROT_EXEC is EPERM. A mapping that was made read-only
 * stays so: mprotect(2) cannot make it writable. The mapping outlives close(2)
 * and holds the capacity as it is until the last one is unmapped. Whoever may
 * write the device may change these bytes at any time.
 */
#ifndef _UAPI_VFIFO_H
#define _UAPI_VFIFO_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The largest capacity, in bytes. */
#define VFIFO_CAPACITY_MAX (512U << 20)

/* mmap offset of the data. */
#define VFIFO_MMAP_DATA 0x00000000U

/*
 * Drops the bytes that are stored now; any open file will do. EINTR: a signal
 * came first.
 */
#define VFIFO_CLEAR _IO('k', 1)

/*
 * The argument points to an int: 0, a plain FIFO; 1, the generator produces
 * into it as well. The same as writing the attribute `mode`. EBADF: the file is
 * not open for writing; EFAULT: a bad pointer; EINVAL: neither 0 nor 1.
 */
#define VFIFO_SET_MODE _IOW('k', 2, int)

/* FIONREAD (an int) gives the number of bytes stored. */

#endif /* _UAPI_VFIFO_H */
