/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io.h - read(2) and write(2)
 */
#ifndef _VFIFO_IO_H
#define _VFIFO_IO_H

#include <linux/types.h>

struct iov_iter;
struct kiocb;

ssize_t vfifo_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t vfifo_write_iter(struct kiocb *iocb, struct iov_iter *from);

#endif /* _VFIFO_IO_H */
