// SPDX-License-Identifier: GPL-2.0
/*
 * trace.c - the code of trace.h, which is made here once
 */
#include <linux/sched.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
