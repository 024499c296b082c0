/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysfs.h - the attributes in /sys/class/vfifo/vfifoN/
 */
#ifndef _VFIFO_SYSFS_H
#define _VFIFO_SYSFS_H

#include <linux/sysfs.h>

extern const struct attribute_group *vfifo_attribute_groups[];

#endif /* _VFIFO_SYSFS_H */
