// SPDX-License-Identifier: GPL-2.0
/*
 * device.c - one vfifo: its lifetime and its nodes
 *
 * An xarray finds a vfifo by its minor. It holds a reference while the vfifo has that minor, each
 * open file holds one, and the last reference to go frees the vfifo. One cdev serves all minors
 * and stays as long as the module does, so an inode that refers to it (an old mknod'd node,
 * for example) never points at freed memory. vfifo_nodes_close() waits until no inode refers to
 * it. The driver core makes the class and its devices,
 * as their release functions may run when the module is gone.
 */
#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/xarray.h>

#include "compat.h"
#include "device.h"

static struct class *vfifo_class;
static dev_t vfifo_first; /* of VFIFO_DEVICES_MAX */
static struct cdev *vfifo_cdev;

/*
 * The parent of the cdev, which holds a reference to it until no inode refers to the cdev. It is
 * for counting only: it is in no tree, and its own reference is never dropped.
 */
static const struct kobj_type vfifo_cdev_parent_type;
static struct kobject vfifo_cdev_parent;

static DEFINE_XARRAY(vfifo_minors);

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
 * vfifo_alloc() - make a vfifo that user space does not see yet
 * @minor: the minor that it will have
 * @capacity: bytes, as vfifo_capacity_for() returns them
 * @memory: the kind of memory of the data
 *
 * Context: Process context. May sleep.
 * Return: the vfifo with one reference, which vfifo_put() drops; or an error pointer: -ENOMEM,
 * or an error of vfifo_ring_init().
 */
struct vfifo *vfifo_alloc(int minor, u32 capacity, enum vfifo_memory memory)
{
	struct vfifo *vfifo = kzalloc(sizeof(*vfifo), GFP_KERNEL);
	int err;

	if (!vfifo)
		return ERR_PTR(-ENOMEM);
	err = vfifo_ring_init(&vfifo->ring, minor, capacity, memory);
	if (err) {
		kfree(vfifo);
		return ERR_PTR(err);
	}
	vfifo->minor = minor;
	mutex_init(&vfifo->node_lock);
	vfifo_notice_init(&vfifo->mode_notice, give_mode_notice);
	vfifo_generator_init(&vfifo->generator, &vfifo->ring,
			     &vfifo->mode_notice);
	kref_init(&vfifo->refs);
	return vfifo;
}

static void vfifo_release(struct kref *refs)
{
	struct vfifo *vfifo = container_of(refs, struct vfifo, refs);

	/* The generator first, as it gives the notice. */
	vfifo_generator_destroy(&vfifo->generator);
	vfifo_notice_cancel(&vfifo->mode_notice);
	mutex_destroy(&vfifo->node_lock);
	vfifo_ring_destroy(&vfifo->ring);
	put_device(vfifo->ring.dev);
	kfree(vfifo);
}

/**
 * vfifo_put() - drop a reference
 * @vfifo: the vfifo; the last reference frees it
 *
 * Context: Process context. May sleep.
 */
void vfifo_put(struct vfifo *vfifo)
{
	kref_put(&vfifo->refs, vfifo_release);
}

/**
 * vfifo_get() - find a vfifo by its minor
 * @minor: the minor
 *
 * Context: Process context. Takes the lock of vfifo_minors.
 * Return: the vfifo, with one reference more; NULL: no vfifo has the minor.
 */
struct vfifo *vfifo_get(int minor)
{
	struct vfifo *vfifo;

	xa_lock(&vfifo_minors);
	vfifo = xa_load(&vfifo_minors, minor);
	if (vfifo)
		kref_get(&vfifo->refs);
	xa_unlock(&vfifo_minors);
	return vfifo;
}

/*
 * Reserves the minor: vfifo_get() does not find the vfifo yet, so no process can open it, not
 * even by an older node of that number. -EEXIST: the minor is in use; -ENOMEM.
 */
static int minor_reserve(struct vfifo *vfifo)
{
	int err;

	err = xa_insert(&vfifo_minors, vfifo->minor, NULL, GFP_KERNEL);
	return err == -EBUSY ? -EEXIST : err;
}

/* From here on the vfifo can be opened. Never fails, as the place is reserved. */
static void minor_take(struct vfifo *vfifo)
{
	kref_get(&vfifo->refs);
	xa_store(&vfifo_minors, vfifo->minor, vfifo, GFP_KERNEL);
}

/* Return: the vfifo that had taken the minor, for vfifo_put(); NULL: it was reserved only. */
static struct vfifo *minor_give_back(int minor)
{
	return xa_erase(&vfifo_minors, minor);
}

static void set_dev(struct vfifo *vfifo, struct device *dev)
{
	mutex_lock(&vfifo->node_lock);
	vfifo->dev = dev;
	mutex_unlock(&vfifo->node_lock);
}

/**
 * vfifo_notify() - notify user space that an attribute has another value
 * @dev: the device; the caller keeps it registered
 * @attribute: the attribute's name
 *
 * Sends a uevent, on which udev acts, and wakes pollers of the attribute's file.
 *
 * Context: Process context. May sleep.
 */
void vfifo_notify(struct device *dev, const char *attribute)
{
	char which[32];
	char *environment[2] = { which, NULL };

	snprintf(which, sizeof(which), "VFIFO_CHANGED=%s", attribute);
	sysfs_notify(&dev->kobj, NULL, attribute);
	kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, environment);
}

/**
 * vfifo_mode_changed() - wake pollers of the attribute `mode`
 * @vfifo: the vfifo, whose mode was changed by a caller without privilege
 *
 * Sends no uevent, as udev would have to act on each, and wakes a bounded number of times a
 * second.
 *
 * Context: Process context. May sleep. Takes node_lock.
 */
void vfifo_mode_changed(struct vfifo *vfifo)
{
	vfifo_notice(&vfifo->mode_notice);
}

/*
 * A label may have what a file name and a line of text may have, but no blank at either end,
 * as udev removes those.
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

/**
 * vfifo_set_label() - set the label
 * @vfifo: the vfifo
 * @label: a string; empty: no label
 *
 * Context: Process context. May sleep. Takes node_lock.
 * Return: 1: changed; 0: unchanged; -EINVAL: longer than VFIFO_LABEL_MAX bytes, "." or "..",
 * with a control character or a slash, or with a blank at an end.
 */
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

/**
 * vfifo_label() - copy the label
 * @vfifo: the vfifo
 * @label: VFIFO_LABEL_MAX + 1 bytes, which get the copy
 *
 * Context: Process context. May sleep. Takes node_lock.
 */
void vfifo_label(struct vfifo *vfifo, char *label)
{
	mutex_lock(&vfifo->node_lock);
	strscpy(label, vfifo->label, VFIFO_LABEL_MAX + 1);
	mutex_unlock(&vfifo->node_lock);
}

/**
 * vfifo_register() - give a vfifo its minor, a node in /dev and its attributes
 * @vfifo: the vfifo, ready for use
 * @groups: the attributes
 *
 * The vfifo can be opened when every step that may fail has succeeded, so for a moment open()
 * of the node fails with ENODEV. (No lock is held that open(2) takes while the node is made: a
 * process that has the folder /dev locked would make every open(2) of a vfifo wait.)
 *
 * Context: Process context. May sleep.
 * Return: 0; -EEXIST: the minor is in use; -ENOMEM; any error of
 * device_create_with_groups().
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
	/* Messages name the device also after its removal, as long as a file is open. */
	vfifo->ring.dev = get_device(dev);
	set_dev(vfifo, dev);
	minor_take(vfifo);
	return 0;
}

/**
 * vfifo_unregister() - undo vfifo_register()
 * @vfifo: the vfifo
 *
 * Context: Process context. May sleep. Waits for attributes that are being read or written, so
 * the caller may hold no lock that an attribute of a device takes; vfifo_devices_lock is none.
 */
void vfifo_unregister(struct vfifo *vfifo)
{
	set_dev(vfifo, NULL);
	device_destroy(vfifo_class, MKDEV(MAJOR(vfifo_first), vfifo->minor));
	vfifo_put(minor_give_back(vfifo->minor));
}

/**
 * vfifo_nodes_init() - make the class, and reserve the device numbers
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM, -EBUSY or another error of alloc_chrdev_region() or class_create().
 */
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

/**
 * vfifo_nodes_exit() - undo vfifo_nodes_init()
 *
 * Context: Process context. May sleep.
 */
void vfifo_nodes_exit(void)
{
	class_destroy(vfifo_class);
	unregister_chrdev_region(vfifo_first, VFIFO_DEVICES_MAX);
	xa_destroy(&vfifo_minors);
}

/**
 * vfifo_nodes_attribute() - make a file in /sys/class/vfifo
 * @attr: the attribute of the class
 *
 * Context: Process context. May sleep.
 * Return: 0; any error of class_create_file().
 */
int vfifo_nodes_attribute(const struct class_attribute *attr)
{
	return class_create_file(vfifo_class, attr);
}

/**
 * vfifo_nodes_no_attribute() - undo vfifo_nodes_attribute()
 * @attr: the attribute of the class
 *
 * Context: Process context. May sleep. Waits for tasks that are storing to it.
 */
void vfifo_nodes_no_attribute(const struct class_attribute *attr)
{
	class_remove_file(vfifo_class, attr);
}

/*
 * The kernel may release the cdev later (CONFIG_DEBUG_KOBJECT_RELEASE), and the release drops a
 * reference to the parent, which is the module's memory. Every other reference to the cdev has
 * one to the module, so the release is not far.
 */
static void wait_for_cdev_release(void)
{
	while (kref_read(&vfifo_cdev_parent.kref) > 1)
		msleep(20);
}

/**
 * vfifo_nodes_open() - make the nodes work
 * @fops: what an open file does
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOMEM.
 */
int vfifo_nodes_open(const struct file_operations *fops)
{
	int err;

	vfifo_cdev = cdev_alloc();
	if (!vfifo_cdev)
		return -ENOMEM;
	vfifo_kobject_init(&vfifo_cdev_parent, &vfifo_cdev_parent_type);
	cdev_set_parent(vfifo_cdev, &vfifo_cdev_parent);
	vfifo_cdev->ops = fops;
	vfifo_cdev->owner = fops->owner;
	err = cdev_add(vfifo_cdev, vfifo_first, VFIFO_DEVICES_MAX);
	if (err) {
		/* The release drops a reference that only a success has taken. */
		kobject_get(&vfifo_cdev_parent);
		kobject_put(&vfifo_cdev->kobj);
		wait_for_cdev_release();
	}
	return err;
}

/**
 * vfifo_nodes_close() - undo vfifo_nodes_open()
 *
 * An inode refers to the cdev until the cdev is released. An open(2) of the inode then looks at
 * the module, so the module waits.
 *
 * Context: Process context. May sleep.
 */
void vfifo_nodes_close(void)
{
	cdev_del(vfifo_cdev);
	wait_for_cdev_release();
}
