// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - in what order all of it comes and goes
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "device.h"

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "how many to make, vfifo0 and up (default 1)");

static unsigned long capacity = 64 << 10;
module_param(capacity, ulong, 0444);
MODULE_PARM_DESC(capacity, "bytes that each can hold at first (default 65536)");

static int __init add(int minor, u32 bytes)
{
	struct vfifo *vfifo;
	int err;

	vfifo = vfifo_alloc(minor, bytes);
	if (!vfifo)
		return -ENOMEM;
	vfifo_generator_init(vfifo);
	err = vfifo_register(vfifo, vfifo_attribute_groups);
	vfifo_put(vfifo); /* its minor holds it now, or nobody does */
	return err;
}

static void remove(int minor)
{
	struct vfifo *vfifo = vfifo_get(minor);

	if (!vfifo)
		return;
	vfifo_unregister(vfifo);
	vfifo_ring_remove(&vfifo->ring);
	vfifo_generator_set_mode(vfifo, 0);
	vfifo_put(vfifo);
}

static void remove_all(void)
{
	int minor;

	for (minor = 0; minor < VFIFO_DEVICES_MAX; minor++)
		remove(minor);
}

static int __init add_all(u32 bytes)
{
	unsigned int minor;
	int err;

	for (minor = 0; minor < devices; minor++) {
		err = add(minor, bytes);
		if (err) {
			remove_all();
			return err;
		}
	}
	return 0;
}

/*
 * Nothing can be opened before all that may fail has been done: a file that is
 * open when the init of a module fails would be left without its code. (For a
 * moment there are nodes that say ENXIO.)
 */
static int __init vfifo_init(void)
{
	u32 bytes = vfifo_capacity_for(capacity, PAGE_SIZE, VFIFO_CAPACITY_MAX);
	int err;

	if (!bytes) {
		pr_err("capacity=%lu: must be from 1 to %u\n", capacity,
		       VFIFO_CAPACITY_MAX);
		return -EINVAL;
	}
	if (devices > VFIFO_DEVICES_MAX) {
		pr_err("devices=%u: must be at most %u\n", devices,
		       VFIFO_DEVICES_MAX);
		return -EINVAL;
	}

	err = vfifo_generators_init();
	if (err)
		return err;
	err = vfifo_nodes_init();
	if (err)
		goto err_generators;
	err = add_all(bytes);
	if (err)
		goto err_nodes;
	err = vfifo_nodes_open(&vfifo_file_operations);
	if (err)
		goto err_remove;
	return 0;

err_remove:
	remove_all();
err_nodes:
	vfifo_nodes_exit();
err_generators:
	vfifo_generators_exit();
	return err;
}

static void __exit vfifo_exit(void)
{
	vfifo_nodes_close();
	remove_all();
	vfifo_nodes_exit();
	vfifo_generators_exit();
}

module_init(vfifo_init);
module_exit(vfifo_exit);

MODULE_DESCRIPTION("Virtual FIFO device");
MODULE_AUTHOR("The vfifo authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VFIFO_VERSION);
