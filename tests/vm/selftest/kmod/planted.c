// SPDX-License-Identifier: GPL-2.0
/*
 * planted: a module with faults on request, which the kernel lane must detect.
 *
 *   echo WHAT > /sys/module/planted/parameters/do
 */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

static int *nowhere;

/* Runs long after the end of the test, but before the module is unloaded. */
static void late_warning(struct work_struct *work)
{
	WARN(1, "planted: a late warning");
}
static DECLARE_DELAYED_WORK(late_work, late_warning);

/* Only a debug kernel detects the three faults below. */
static void use_after_free(void)
{
	int *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(*p, 1);
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void invert_locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void leak(void)
{
	void *p = kmalloc(100, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
}

static void stop_cpu(void *unused)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int planted_do(const char *val, const struct kernel_param *kp)
{
	if (sysfs_streq(val, "warn")) {
		WARN(1, "planted: a warning");
	} else if (sysfs_streq(val, "oops")) {
		WRITE_ONCE(*nowhere, 1);
	} else if (sysfs_streq(val, "late")) {
		schedule_delayed_work(&late_work, HZ);
	} else if (sysfs_streq(val, "stuck")) {
		__module_get(THIS_MODULE);
	} else if (sysfs_streq(val, "unkillable")) {
		for (;;)
			msleep(1000);
	} else if (sysfs_streq(val, "freeze")) {
		smp_call_function(stop_cpu, NULL, 0);
		stop_cpu(NULL);
	} else if (sysfs_streq(val, "use-after-free")) {
		use_after_free();
	} else if (sysfs_streq(val, "inversion")) {
		invert_locks();
	} else if (sysfs_streq(val, "leak")) {
		leak();
	} else {
		return -EINVAL;
	}
	return 0;
}

static const struct kernel_param_ops planted_ops = { .set = planted_do };
module_param_cb(do, &planted_ops, NULL, 0200);
MODULE_PARM_DESC(do, "the fault");

static int __init planted_init(void)
{
	return 0;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
	flush_delayed_work(&late_work);
}
module_exit(planted_exit);

MODULE_DESCRIPTION("A module with faults on request");
MODULE_LICENSE("GPL");
