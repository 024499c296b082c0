// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - init and exit of the module, its parameters, and the files `add` and `remove`
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "compat.h"
#include "device.h"
#include "file.h"
#include "sysfs.h"

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "number of devices, vfifo0 and up (default 1)");

static unsigned long capacity = 64 << 10;
module_param(capacity, ulong, 0444);
MODULE_PARM_DESC(capacity,
		 "initial capacity of each device in bytes (default 65536)");

static char *memory = "cached";
module_param(memory, charp, 0444);
MODULE_PARM_DESC(memory,
		 "initial kind of memory of each device (default cached)");

/* The parameter `capacity`, rounded up, and the kind that the parameter `memory` names. */
static u32 first_capacity;
static enum vfifo_memory first_memory;

/* Devices are added and removed one at a time, so that no two tasks remove the same one. */
static DEFINE_MUTEX(vfifo_devices_lock);

static int add(int minor)
{
	struct vfifo *vfifo;
	int err;

	lockdep_assert_held(&vfifo_devices_lock);
	vfifo = vfifo_alloc(minor, first_capacity, first_memory);
	if (IS_ERR(vfifo))
		return PTR_ERR(vfifo);
	err = vfifo_register(vfifo, vfifo_attribute_groups);
	/* The minor has a reference now, unless this failed. */
	vfifo_put(vfifo);
	return err;
}

/* Open files and mappings stay valid, but their calls fail. */
static int remove(int minor)
{
	struct vfifo *vfifo;

	lockdep_assert_held(&vfifo_devices_lock);
	vfifo = vfifo_get(minor);
	if (!vfifo)
		return -ENODEV;
	vfifo_unregister(vfifo);
	vfifo_ring_remove(&vfifo->ring);
	vfifo_generator_set_mode(&vfifo->generator, 0);
	vfifo_put(vfifo);
	return 0;
}

/* `echo 3 > /sys/class/vfifo/add`, or remove. */
static ssize_t change(const char *buf, size_t count, int (*how)(int minor))
{
	unsigned int minor;
	int err;

	if (kstrtouint(buf, 10, &minor) || minor >= VFIFO_DEVICES_MAX)
		return -EINVAL;
	mutex_lock(&vfifo_devices_lock);
	err = how(minor);
	mutex_unlock(&vfifo_devices_lock);
	return err ?: count;
}

static ssize_t add_store(vfifo_class_const struct class *class,
			 vfifo_class_const struct class_attribute *attr,
			 const char *buf, size_t count)
{
	return change(buf, count, add);
}
static CLASS_ATTR_WO(add);

static ssize_t remove_store(vfifo_class_const struct class *class,
			    vfifo_class_const struct class_attribute *attr,
			    const char *buf, size_t count)
{
	return change(buf, count, remove);
}
static CLASS_ATTR_WO(remove);

static void remove_all(void)
{
	int minor;

	mutex_lock(&vfifo_devices_lock);
	for (minor = 0; minor < VFIFO_DEVICES_MAX; minor++)
		remove(minor);
	mutex_unlock(&vfifo_devices_lock);
}

static int __init add_all(void)
{
	unsigned int minor;
	int err = 0;

	mutex_lock(&vfifo_devices_lock);
	for (minor = 0; minor < devices && !err; minor++)
		err = add(minor);
	mutex_unlock(&vfifo_devices_lock);
	if (err)
		remove_all();
	return err;
}

static int __init parse_parameters(void)
{
	int found;

	first_capacity =
		vfifo_capacity_for(capacity, PAGE_SIZE, VFIFO_CAPACITY_MAX);
	if (!first_capacity) {
		pr_err("capacity=%lu: must be from 1 to %u\n", capacity,
		       VFIFO_CAPACITY_MAX);
		return -EINVAL;
	}
	if (devices > VFIFO_DEVICES_MAX) {
		pr_err("devices=%u: must be at most %u\n", devices,
		       VFIFO_DEVICES_MAX);
		return -EINVAL;
	}
	found = vfifo_memory_find(memory);
	if (found < 0) {
		pr_err("memory=%s: must be cached, write-combining, uncached, coherent or contiguous\n",
		       memory);
		return -EINVAL;
	}
	first_memory = found;
	if (!vfifo_memory_supported(first_memory)) {
		pr_err("memory=%s: not supported by this machine\n", memory);
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * No device can be opened before every step that may fail has succeeded: a file that is open
 * when the init of a module fails would be left without its code. (For a moment there are
 * nodes whose open() fails with ENXIO.)
 */
static int __init vfifo_init(void)
{
	int err;

	err = parse_parameters();
	if (err)
		return err;
	err = vfifo_memories_init();
	if (err)
		return err;
	err = vfifo_notices_init();
	if (err)
		goto err_memories;
	err = vfifo_generators_init();
	if (err)
		goto err_notices;
	err = vfifo_nodes_init();
	if (err)
		goto err_generators;
	err = add_all();
	if (err)
		goto err_nodes;
	err = vfifo_nodes_attribute(&class_attr_add);
	if (err)
		goto err_remove_all;
	err = vfifo_nodes_attribute(&class_attr_remove);
	if (err)
		goto err_add;
	err = vfifo_nodes_open(&vfifo_file_operations);
	if (err)
		goto err_remove;
	return 0;

err_remove:
	vfifo_nodes_no_attribute(&class_attr_remove);
err_add:
	vfifo_nodes_no_attribute(&class_attr_add);
err_remove_all:
	remove_all();
err_nodes:
	vfifo_nodes_exit();
err_generators:
	vfifo_generators_exit();
err_notices:
	vfifo_notices_exit();
err_memories:
	vfifo_memories_exit();
	return err;
}

static void __exit vfifo_exit(void)
{
	vfifo_nodes_no_attribute(&class_attr_remove);
	vfifo_nodes_no_attribute(&class_attr_add);
	vfifo_nodes_close();
	remove_all();
	vfifo_nodes_exit();
	vfifo_generators_exit();
	vfifo_notices_exit();
	vfifo_memories_exit();
}

module_init(vfifo_init);
module_exit(vfifo_exit);

MODULE_DESCRIPTION("Virtual FIFO device");
MODULE_AUTHOR("The vfifo authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VFIFO_VERSION);
