// SPDX-License-Identifier: GPL-2.0
/* A module that compiles with a warning at W=1: the function has no prototype. */
#include <linux/module.h>

int planted_answer(void)
{
	return 42;
}

MODULE_DESCRIPTION("compiles with a warning");
MODULE_LICENSE("GPL");
