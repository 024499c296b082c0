// SPDX-License-Identifier: GPL-2.0
/*
 * trace.c - the functions of trace.h are defined here, once
 */
#include <linux/sched.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
