/* SPDX-License-Identifier: GPL-2.0 */
/*
 * file.h - what system calls do to an open /dev/vfifoN
 */
#ifndef _VFIFO_FILE_H
#define _VFIFO_FILE_H

#include <linux/fs.h>

extern const struct file_operations vfifo_file_operations;

#endif /* _VFIFO_FILE_H */
