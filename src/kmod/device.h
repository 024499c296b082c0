/* SPDX-License-Identifier: GPL-2.0 */
/*
 * device.h - one vfifo: its lifetime and its nodes; and the table of locks
 *
 *	lock			what it keeps still		sleeps	order
 *	----			-------------------		------	-----
 *	vfifo_devices_lock	which there are			yes	0
 *	node_lock		dev, label			yes	1
 *	generator.lock		generator, but for its timer	yes	1
 *	producer side's lock	ring.sides[VFIFO_PRODUCER]	yes	2
 *	consumer side's lock	ring.sides[VFIFO_CONSUMER]	yes	3
 *	vfifo_minors_lock	which minor is which vfifo	yes	4
 *	a position's page lock	that it is mapped by a fault	yes	4
 *	ring.positions_lock	claims, and what they left	no	5
 *	a wait queue's lock	who sleeps there, their bit	no	5
 *	a notice's lock		how many were given		no	5
 *
 * Either side's lock keeps ring.buffer still, and so does a mapping; it changes under
 * both, unmapped. A side is claimed and released under its own lock. The producer side's
 * lock also covers both watermarks and ring.generating.
 *
 * A minor is reserved before its node is made, and taken after that, so open() finds all of a
 * device or nothing of it. node_lock does not nest with the locks below it; sysfs callbacks take it
 * while they hold the attribute's active reference. vfifo_unregister() waits for those
 * references, so no attribute of a device may take vfifo_devices_lock.
 *
 * The spinlocks (order 5) are never nested. A position's page lock is taken by a fault, and
 * by a revoke, which holds no other lock then. mmap_lock is taken before a side's lock
 * (mmap(2) and munmap(2) do), so no task touches user memory that may fault while it holds
 * one.
 *
 * Calls go down only: main.c, then the four faces (file.c, mmap.c, sysfs.c,
 * generator.c), which do not know each other, then device.c, then the seven of ring.h.
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

#include <vfifo_pattern.h>

#include "ring.h"

/* How many a module can make. */
#define VFIFO_DEVICES_MAX 256

/* The longest label, in bytes. */
#define VFIFO_LABEL_MAX 64

struct vfifo_generator {
	struct mutex lock;
	bool on;
	struct hrtimer timer; /* queues the work, while on */
	struct work_struct work;

	/* The work goes by these; they are set while it stands still. */
	u32 period_us;
	u32 burst; /* bytes a period; 0: see burst_bytes() */
	u64 began_ns;
	bool stopping;

	/* The work's own, while it is on. */
	u64 ticks; /* done since it began */
	struct vfifo_pattern pattern;
	bool dropping; /* up to the end of a unit */
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

	struct mutex node_lock;
	struct device *dev;		 /* while it is registered */
	struct vfifo_notice mode_notice; /* to those who poll `mode` */
	char label[VFIFO_LABEL_MAX + 1];
};

/* device.c */
struct vfifo *vfifo_alloc(int minor, u32 capacity);
struct vfifo *vfifo_get(int minor);
void vfifo_put(struct vfifo *vfifo);
int vfifo_register(struct vfifo *vfifo, const struct attribute_group **groups);
void vfifo_unregister(struct vfifo *vfifo);
void vfifo_tell(struct device *dev, const char *attribute);
void vfifo_mode_changed(struct vfifo *vfifo);
int vfifo_set_label(struct vfifo *vfifo, const char *label);
void vfifo_label(struct vfifo *vfifo, char *label);
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
void vfifo_generator_set_pattern(struct vfifo *vfifo,
				 enum vfifo_pattern_kind kind);
enum vfifo_pattern_kind vfifo_generator_pattern(struct vfifo *vfifo);
int vfifo_generator_set_text(struct vfifo *vfifo, const char *text, size_t n);
size_t vfifo_generator_text(struct vfifo *vfifo, char *text);
int vfifo_generator_set_period_us(struct vfifo *vfifo, u64 period_us);
u32 vfifo_generator_period_us(struct vfifo *vfifo);
int vfifo_generator_set_burst(struct vfifo *vfifo, u64 burst);
u32 vfifo_generator_burst(struct vfifo *vfifo);

#endif /* _VFIFO_DEVICE_H */
