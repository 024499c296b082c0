// SPDX-License-Identifier: GPL-2.0
/* A module that only sparse objects to: user memory is read as if it were the kernel's. */
#include <linux/module.h>

static int __user *planted_user;

static int __init planted_init(void)
{
	return planted_user ? *planted_user : 0;
}
module_init(planted_init);

MODULE_DESCRIPTION("mixes up whose memory it is");
MODULE_LICENSE("GPL");
