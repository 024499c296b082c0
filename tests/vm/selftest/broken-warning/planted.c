// SPDX-License-Identifier: GPL-2.0
/* A module that compiles, with a warning at W=1: nobody has declared the function. */
#include <linux/module.h>

int planted_answer(void)
{
	return 42;
}

MODULE_DESCRIPTION("compiles with a warning");
MODULE_LICENSE("GPL");
