/* SPDX-License-Identifier: GPL-2.0 */
/*
 * device.h - one vfifo: its lifetime and its nodes; and the table of locks
 *
 *	lock			what it keeps still		sleeps	order
 *	----			-------------------		------	-----
 *	vfifo_devices_lock	which there are			yes	0
 *	generator.lock		generator.on			yes	1
 *	producer side's lock	ring.sides[VFIFO_PRODUCER]	yes	2
 *	consumer side's lock	ring.sides[VFIFO_CONSUMER]	yes	3
 *	vfifo_minors_lock	which minor is which vfifo	yes	4
 *	ring.positions_lock	claims, and what they left	no	5
 *	a wait queue's lock	who sleeps there, their bit	no	5
 *
 * Either side's lock keeps ring.buffer still, and so does a mapping; it changes
 * under both, unmapped. A side is claimed and released under its own. The producer
 * side's also covers both watermarks and ring.generating. The last two are never
 * taken one under the other. mmap_lock is taken before a side's lock (mmap(2) and
 * munmap(2) do), so nobody touches user memory that may fault while it holds one.
 *
 * Calls go down only: main.c, then the four faces (file.c, mmap.c, sysfs.c,
 * generator.c), which do not know each other, then device.c, then the five of ring.h.
 * What the faces offer to main.c and to a shared entry point is declared here.
 */
#ifndef _VFIFO_DEVICE_H
#define _VFIFO_DEVICE_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "ring.h"

/* How many a module can make. */
#define VFIFO_DEVICES_MAX 256

struct vfifo_generator {
	struct mutex lock;
	bool on;
	struct hrtimer timer; /* queues the work, while on */
	struct work_struct work;
};

/*
 * Held by its minor while it has one, and by each open file; a mapping holds its
 * file.
 */
struct vfifo {
	struct kref refs;
	int minor;
	struct vfifo_ring ring;
	struct vfifo_generator generator;
};

/* device.c */
struct vfifo *vfifo_alloc(int minor, u32 capacity);
struct vfifo *vfifo_get(int minor);
void vfifo_put(struct vfifo *vfifo);
int vfifo_register(struct vfifo *vfifo, const struct attribute_group **groups);
void vfifo_unregister(struct vfifo *vfifo);
int vfifo_nodes_init(void);
int vfifo_nodes_attribute(const struct class_attribute *attr);
void vfifo_nodes_no_attribute(const struct class_attribute *attr);
int vfifo_nodes_open(const struct file_operations *fops);
void vfifo_nodes_close(void);
void vfifo_nodes_exit(void);

/* file.c */
extern const struct file_operations vfifo_file_operations;

/* mmap.c */
int vfifo_mmap(struct file *file, struct vm_area_struct *vma);

/* sysfs.c */
extern const struct attribute_group *vfifo_attribute_groups[];

/* generator.c */
int vfifo_generators_init(void);
void vfifo_generators_exit(void);
void vfifo_generator_init(struct vfifo *vfifo);
int vfifo_generator_set_mode(struct vfifo *vfifo, int mode);
int vfifo_generator_mode(struct vfifo *vfifo);

#endif /* _VFIFO_DEVICE_H */
