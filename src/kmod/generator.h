/* SPDX-License-Identifier: GPL-2.0 */
/*
 * generator.h - a producer inside the kernel, for mode 1
 */
#ifndef _VFIFO_GENERATOR_H
#define _VFIFO_GENERATOR_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <vfifo_pattern.h>

struct vfifo_notice;
struct vfifo_ring;

struct vfifo_generator {
	struct vfifo_ring *ring; /* into which it produces */
	struct mutex lock;	 /* all but the timer */
	bool on;
	struct hrtimer timer; /* queues the work, while on */
	struct work_struct work;
	struct work_struct finish; /* stops it when its count is complete */
	struct vfifo_notice *mode_notice; /* given after that */
	u32 count; /* bursts until it stops by itself; 0: it does not */

	/* Read by the work; set while timer and work are stopped. */
	u32 period_us;
	u32 burst; /* bytes a period; 0: see burst_bytes() */
	u64 began_ns;
	bool stopping;

	/* Changed by the work, while on. */
	u64 ticks;  /* periods since it began */
	u64 left;   /* bursts until it stops by itself */
	bool ended; /* none is left; for `finish` */
	struct vfifo_pattern pattern;
	bool dropping; /* up to the end of a unit */
};

int vfifo_generators_init(void);
void vfifo_generators_exit(void);
void vfifo_generator_init(struct vfifo_generator *generator,
			  struct vfifo_ring *ring,
			  struct vfifo_notice *mode_notice);
void vfifo_generator_destroy(struct vfifo_generator *generator);
int vfifo_generator_set_mode(struct vfifo_generator *generator, int mode);
int vfifo_generator_trigger(struct vfifo_generator *generator);
void vfifo_generator_set_pattern(struct vfifo_generator *generator,
				 enum vfifo_pattern_kind kind);
int vfifo_generator_set_text(struct vfifo_generator *generator,
			     const char *text, size_t n);
size_t vfifo_generator_text(struct vfifo_generator *generator, char *text);
int vfifo_generator_set_period_us(struct vfifo_generator *generator,
				  u64 period_us);
int vfifo_generator_set_burst(struct vfifo_generator *generator, u64 burst);
void vfifo_generator_set_count(struct vfifo_generator *generator, u32 count);

#endif /* _VFIFO_GENERATOR_H */
