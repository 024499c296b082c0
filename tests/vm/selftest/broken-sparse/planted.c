// SPDX-License-Identifier: GPL-2.0
/* A module with a fault that only sparse finds: it dereferences a user pointer. */
#include <linux/module.h>

static int __user *planted_user;

static int __init planted_init(void)
{
	return planted_user ? *planted_user : 0;
}
module_init(planted_init);

MODULE_DESCRIPTION("dereferences a user pointer");
MODULE_LICENSE("GPL");
