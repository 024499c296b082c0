// SPDX-License-Identifier: GPL-2.0
/* A module for another kernel's API: the function has no such parameter. */
#include <linux/module.h>
#include <linux/slab.h>

static void *memory;

static int __init planted_init(void)
{
	memory = kzalloc(sizeof(int), GFP_KERNEL, THIS_MODULE);
	return memory ? 0 : -ENOMEM;
}
module_init(planted_init);

MODULE_DESCRIPTION("does not compile");
MODULE_LICENSE("GPL");
