// SPDX-License-Identifier: GPL-2.0
/*
 * device.c - one vfifo: its lifetime and its nodes
 *
 * A vfifo is found by its minor, in an idr, and counted: the idr holds a
 * reference while the minor is the vfifo's, each open file holds one, and the
 * last one to go frees it. One cdev serves all minors and stays as long as the
 * module does, so an inode that remembers it (an old mknod'd node as well) never
 * points at anything that went; the class and its devices are of the driver
 * core's making, as their release may run when the module is gone.
 */
#include <linux/cdev.h>
#include <linux/idr.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "device.h"

static struct class *vfifo_class;
static dev_t vfifo_first; /* of VFIFO_DEVICES_MAX */
static struct cdev *vfifo_cdev;

static DEFINE_IDR(vfifo_minors);
static DEFINE_MUTEX(vfifo_minors_lock);

static void give_mode_notice(struct work_struct *work)
{
	struct vfifo *vfifo =
		container_of(work, struct vfifo, mode_notice.work.work);

	mutex_lock(&vfifo->node_lock);
	if (vfifo->dev)
		sysfs_notify(&vfifo->dev->kobj, NULL, "mode");
	mutex_unlock(&vfifo->node_lock);
}

/**
 * vfifo_alloc() - make one that is not in sight yet
 * @minor: the minor that it will have
 * @capacity: as vfifo_capacity_for() gives it
 *
 * Return: with one reference, which vfifo_put() gives back, or NULL.
 */
struct vfifo *vfifo_alloc(int minor, u32 capacity)
{
	struct vfifo *vfifo = kzalloc(sizeof(*vfifo), GFP_KERNEL);

	if (!vfifo)
		return NULL;
	if (vfifo_ring_init(&vfifo->ring, minor, capacity)) {
		kfree(vfifo);
		return NULL;
	}
	vfifo->minor = minor;
	mutex_init(&vfifo->node_lock);
	vfifo_notice_init(&vfifo->mode_notice, give_mode_notice);
	kref_init(&vfifo->refs);
	return vfifo;
}

static void vfifo_release(struct kref *refs)
{
	struct vfifo *vfifo = container_of(refs, struct vfifo, refs);

	vfifo_notice_cancel(&vfifo->mode_notice);
	mutex_destroy(&vfifo->node_lock);
	mutex_destroy(&vfifo->generator.lock);
	vfifo_ring_destroy(&vfifo->ring);
	kfree(vfifo);
}

void vfifo_put(struct vfifo *vfifo)
{
	kref_put(&vfifo->refs, vfifo_release);
}

/* The one that has this minor, with a reference more, or NULL. */
struct vfifo *vfifo_get(int minor)
{
	struct vfifo *vfifo;

	mutex_lock(&vfifo_minors_lock);
	vfifo = idr_find(&vfifo_minors, minor);
	if (vfifo)
		kref_get(&vfifo->refs);
	mutex_unlock(&vfifo_minors_lock);
	return vfifo;
}

/*
 * Reserves the minor: vfifo_get() does not find the vfifo yet, so nobody can open it, by an
 * older node of that number either.
 */
static int minor_reserve(struct vfifo *vfifo)
{
	int ret;

	mutex_lock(&vfifo_minors_lock);
	ret = idr_alloc(&vfifo_minors, NULL, vfifo->minor, vfifo->minor + 1,
			GFP_KERNEL);
	mutex_unlock(&vfifo_minors_lock);
	if (ret == -ENOSPC)
		return -EEXIST;
	return ret < 0 ? ret : 0;
}

/* From here on it can be opened. Cannot fail, as the place is there. */
static void minor_take(struct vfifo *vfifo)
{
	kref_get(&vfifo->refs);
	mutex_lock(&vfifo_minors_lock);
	idr_replace(&vfifo_minors, vfifo, vfifo->minor);
	mutex_unlock(&vfifo_minors_lock);
}

/* Return: the vfifo that had taken it, for vfifo_put(); NULL: it was reserved only. */
static struct vfifo *minor_give_back(int minor)
{
	struct vfifo *vfifo;

	mutex_lock(&vfifo_minors_lock);
	vfifo = idr_remove(&vfifo_minors, minor);
	mutex_unlock(&vfifo_minors_lock);
	return vfifo;
}

static void set_dev(struct vfifo *vfifo, struct device *dev)
{
	mutex_lock(&vfifo->node_lock);
	vfifo->dev = dev;
	mutex_unlock(&vfifo->node_lock);
}

/**
 * vfifo_tell() - tell user space that an attribute has another value
 * @dev: whose; somebody sees to it that it is registered
 * @attribute: its name
 *
 * By a uevent, which udev acts on, and to those who poll the attribute's file.
 */
void vfifo_tell(struct device *dev, const char *attribute)
{
	char which[32];
	char *environment[2] = { which, NULL };

	snprintf(which, sizeof(which), "VFIFO_CHANGED=%s", attribute);
	sysfs_notify(&dev->kobj, NULL, attribute);
	kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, environment);
}

/**
 * vfifo_mode_changed() - tell those who poll the attribute `mode`
 * @vfifo: whose mode was changed by a caller without privilege
 *
 * No uevent, as udev would have to act on each; and a bounded number a second.
 */
void vfifo_mode_changed(struct vfifo *vfifo)
{
	vfifo_notice(&vfifo->mode_notice);
}

/*
 * What may be in a file's name, and in one line of text; and with a blank at neither
 * end, as udev takes those away.
 */
static bool label_valid(const char *label)
{
	const size_t n = strlen(label);
	const unsigned char *c;

	if (n > VFIFO_LABEL_MAX || !strcmp(label, ".") || !strcmp(label, ".."))
		return false;
	if (n && (label[0] == ' ' || label[n - 1] == ' '))
		return false;
	for (c = (const unsigned char *)label; *c; c++) {
		if (*c < ' ' || *c == 0x7f || *c == '/')
			return false;
	}
	return true;
}

/* Return: 1: done; 0: it was so; -EINVAL: see label_valid(). */
int vfifo_set_label(struct vfifo *vfifo, const char *label)
{
	bool changes;

	if (!label_valid(label))
		return -EINVAL;
	mutex_lock(&vfifo->node_lock);
	changes = strcmp(vfifo->label, label);
	strscpy(vfifo->label, label, sizeof(vfifo->label));
	mutex_unlock(&vfifo->node_lock);
	return changes;
}

/* @label, of VFIFO_LABEL_MAX and 1, gets a copy. */
void vfifo_label(struct vfifo *vfifo, char *label)
{
	mutex_lock(&vfifo->node_lock);
	strscpy(label, vfifo->label, VFIFO_LABEL_MAX + 1);
	mutex_unlock(&vfifo->node_lock);
}

/**
 * vfifo_register() - give it its minor, a node in /dev and its attributes
 * @vfifo: one that is ready for use
 * @groups: the attributes
 *
 * It can be opened when all that may fail has been done, so for a moment there is a node
 * that says ENODEV. (No lock is held meanwhile: a process that has the folder /dev locked
 * would have all of open(2) wait.)
 *
 * Return: 0; -EEXIST: the minor is taken; -ENOMEM and what the driver core says.
 */
int vfifo_register(struct vfifo *vfifo, const struct attribute_group **groups)
{
	const dev_t number = MKDEV(MAJOR(vfifo_first), vfifo->minor);
	struct device *dev;
	int err;

	err = minor_reserve(vfifo);
	if (err)
		return err;
	dev = device_create_with_groups(vfifo_class, NULL, number, vfifo,
					groups, "vfifo%d", vfifo->minor);
	if (IS_ERR(dev)) {
		minor_give_back(vfifo->minor);
		return PTR_ERR(dev);
	}
	set_dev(vfifo, dev);
	minor_take(vfifo);
	return 0;
}

/* The reverse; waits for attributes that are being read or written. */
void vfifo_unregister(struct vfifo *vfifo)
{
	set_dev(vfifo, NULL);
	device_destroy(vfifo_class, MKDEV(MAJOR(vfifo_first), vfifo->minor));
	vfifo_put(minor_give_back(vfifo->minor));
}

/* The class and the numbers. */
int vfifo_nodes_init(void)
{
	int err;

	err = alloc_chrdev_region(&vfifo_first, 0, VFIFO_DEVICES_MAX, "vfifo");
	if (err)
		return err;
	vfifo_class = vfifo_class_create("vfifo");
	if (IS_ERR(vfifo_class)) {
		unregister_chrdev_region(vfifo_first, VFIFO_DEVICES_MAX);
		return PTR_ERR(vfifo_class);
	}
	return 0;
}

void vfifo_nodes_exit(void)
{
	class_destroy(vfifo_class);
	unregister_chrdev_region(vfifo_first, VFIFO_DEVICES_MAX);
	idr_destroy(&vfifo_minors);
}

/* A file beside the nodes' folders, in /sys/class/vfifo. */
int vfifo_nodes_attribute(const struct class_attribute *attr)
{
	return class_create_file(vfifo_class, attr);
}

/* Waits for those who are storing to it. */
void vfifo_nodes_no_attribute(const struct class_attribute *attr)
{
	class_remove_file(vfifo_class, attr);
}

/* From here on open() works. */
int vfifo_nodes_open(const struct file_operations *fops)
{
	int err;

	vfifo_cdev = cdev_alloc();
	if (!vfifo_cdev)
		return -ENOMEM;
	vfifo_cdev->ops = fops;
	vfifo_cdev->owner = fops->owner;
	err = cdev_add(vfifo_cdev, vfifo_first, VFIFO_DEVICES_MAX);
	if (err)
		kobject_put(&vfifo_cdev->kobj);
	return err;
}

void vfifo_nodes_close(void)
{
	cdev_del(vfifo_cdev);
}
