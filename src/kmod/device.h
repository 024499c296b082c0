/* SPDX-License-Identifier: GPL-2.0 */
/*
 * device.h - one vfifo: its lifetime and its nodes; and the table of locks
 *
 *	lock			what it protects		sleeps	order
 *	----			----------------		------	-----
 *	vfifo_devices_lock	which devices there are		yes	0
 *	node_lock		dev, label			yes	1
 *	generator.lock		generator, except its timer	yes	1
 *	ring.buffer_lock	who replaces ring.buffer	yes	1
 *	producer side's lock	ring.sides[VFIFO_PRODUCER]	yes	2
 *	consumer side's lock	ring.sides[VFIFO_CONSUMER]	yes	3
 *	a position's page lock	that a fault maps the page	yes	4
 *	vfifo_minors' lock	which minor is which vfifo	no	5
 *	ring.positions_lock	claims, positions of holders	no	5
 *	a wait queue's lock	who sleeps there, their bit	no	5
 *	a notice's lock		how many were given		no	5
 *	a dma-buf's lock		its attachments			yes	6
 *
 * A lock is taken before those of a higher order, and no two of one order are nested.
 *
 * Either side's lock keeps ring.buffer unchanged, and so does a mapping; it changes under
 * both, unmapped. A side is claimed and released under its own lock. The producer side's
 * lock also covers both watermarks and ring.generating.
 *
 * A minor is reserved before its node is made, and taken after that, so open() finds all of a
 * device or nothing of it. node_lock does not nest with any other lock here. sysfs callbacks
 * take it while they hold the attribute's active reference. vfifo_unregister() waits for those
 * references under vfifo_devices_lock, so no attribute of a device may take that.
 *
 * A fault takes a position's page lock, and so does a revoke, which holds no other lock then.
 * mmap_lock is taken before a side's lock (mmap(2) and munmap(2) do that), so no task touches
 * user memory that may fault while it holds a side's lock.
 */
#ifndef _VFIFO_DEVICE_H
#define _VFIFO_DEVICE_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mutex.h>

#include "generator.h"
#include "notice.h"
#include "ring.h"

/* How many devices a module can have. */
#define VFIFO_DEVICES_MAX 256

/* The longest label, in bytes. */
#define VFIFO_LABEL_MAX 64

/*
 * References are held by the minor while the vfifo has one, by each open file, and by each
 * dma-buf; a mapping holds its file.
 */
struct vfifo {
	struct kref refs;
	int minor;
	struct vfifo_ring ring;
	struct vfifo_generator generator;

	struct mutex node_lock;		 /* dev and the label */
	struct device *dev;		 /* while it is registered */
	struct vfifo_notice mode_notice; /* to pollers of `mode` */
	char label[VFIFO_LABEL_MAX + 1];
};

struct vfifo *vfifo_alloc(int minor, u32 capacity, enum vfifo_memory memory);
struct vfifo *vfifo_get(int minor);
void vfifo_put(struct vfifo *vfifo);

int vfifo_register(struct vfifo *vfifo, const struct attribute_group **groups);
void vfifo_unregister(struct vfifo *vfifo);
void vfifo_notify(struct device *dev, const char *attribute);
void vfifo_mode_changed(struct vfifo *vfifo);
int vfifo_set_label(struct vfifo *vfifo, const char *label);
void vfifo_label(struct vfifo *vfifo, char *label);

int vfifo_nodes_init(void);
void vfifo_nodes_exit(void);
int vfifo_nodes_open(const struct file_operations *fops);
void vfifo_nodes_close(void);
int vfifo_nodes_attribute(const struct class_attribute *attr);
void vfifo_nodes_no_attribute(const struct class_attribute *attr);

#endif /* _VFIFO_DEVICE_H */
