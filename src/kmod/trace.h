/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trace.h - the trace events vfifo:*
 *
 * Each begins with the number of the device. What a holder did with a claimed side appears
 * when the kernel reads the position, not when the holder stored it.
 */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfifo

#if !defined(_VFIFO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VFIFO_TRACE_H

#include <linux/tracepoint.h>

#include <vfifo.h>

/* So that tools that read the format know the values of the names. */
TRACE_DEFINE_ENUM(VFIFO_PRODUCER);
TRACE_DEFINE_ENUM(VFIFO_CONSUMER);

#define vfifo_show_end(end) \
	__print_symbolic(end, { VFIFO_PRODUCER, "producer" }, \
			 { VFIFO_CONSUMER, "consumer" })

/* A side has moved by @bytes, to @position. */
DECLARE_EVENT_CLASS(vfifo_move,
	TP_PROTO(int number, u32 bytes, u32 position),
	TP_ARGS(number, bytes, position),
	TP_STRUCT__entry(
		__field(int, number)
		__field(u32, bytes)
		__field(u32, position)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->bytes = bytes;
		__entry->position = position;
	),
	TP_printk("vfifo%d bytes=%u position=%u", __entry->number,
		  __entry->bytes, __entry->position)
);

DEFINE_EVENT(vfifo_move, vfifo_produce,
	TP_PROTO(int number, u32 bytes, u32 position),
	TP_ARGS(number, bytes, position)
);

DEFINE_EVENT(vfifo_move, vfifo_consume,
	TP_PROTO(int number, u32 bytes, u32 position),
	TP_ARGS(number, bytes, position)
);

/* A call of a side goes to sleep until @bytes are available; it is woken with @bytes. */
DECLARE_EVENT_CLASS(vfifo_wait,
	TP_PROTO(int number, enum vfifo_end end, u32 bytes),
	TP_ARGS(number, end, bytes),
	TP_STRUCT__entry(
		__field(int, number)
		__field(int, end)
		__field(u32, bytes)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->end = end;
		__entry->bytes = bytes;
	),
	TP_printk("vfifo%d %s bytes=%u", __entry->number,
		  vfifo_show_end(__entry->end), __entry->bytes)
);

DEFINE_EVENT(vfifo_wait, vfifo_sleep,
	TP_PROTO(int number, enum vfifo_end end, u32 bytes),
	TP_ARGS(number, end, bytes)
);

DEFINE_EVENT(vfifo_wait, vfifo_wake,
	TP_PROTO(int number, enum vfifo_end end, u32 bytes),
	TP_ARGS(number, end, bytes)
);

/* VFIFO_KICK. */
TRACE_EVENT(vfifo_kick,
	TP_PROTO(int number, u32 need),
	TP_ARGS(number, need),
	TP_STRUCT__entry(
		__field(int, number)
		__field(u32, need)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->need = need;
	),
	TP_printk("vfifo%d need=%#x", __entry->number, __entry->need)
);

/* A side is claimed, or released, at @position. */
DECLARE_EVENT_CLASS(vfifo_hold,
	TP_PROTO(int number, enum vfifo_end end, pid_t holder, u32 position),
	TP_ARGS(number, end, holder, position),
	TP_STRUCT__entry(
		__field(int, number)
		__field(int, end)
		__field(pid_t, holder)
		__field(u32, position)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->end = end;
		__entry->holder = holder;
		__entry->position = position;
	),
	TP_printk("vfifo%d %s holder=%d position=%u", __entry->number,
		  vfifo_show_end(__entry->end), __entry->holder,
		  __entry->position)
);

DEFINE_EVENT(vfifo_hold, vfifo_claim,
	TP_PROTO(int number, enum vfifo_end end, pid_t holder, u32 position),
	TP_ARGS(number, end, holder, position)
);

DEFINE_EVENT(vfifo_hold, vfifo_release,
	TP_PROTO(int number, enum vfifo_end end, pid_t holder, u32 position),
	TP_ARGS(number, end, holder, position)
);

/* The two positions are invalid, so the ring is broken. Once until it is whole again. */
TRACE_EVENT(vfifo_bad_position,
	TP_PROTO(int number, u32 in, u32 out),
	TP_ARGS(number, in, out),
	TP_STRUCT__entry(
		__field(int, number)
		__field(u32, in)
		__field(u32, out)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->in = in;
		__entry->out = out;
	),
	TP_printk("vfifo%d in=%u out=%u", __entry->number, __entry->in,
		  __entry->out)
);

/* What is stored from @position on, @stored bytes, does not begin with a valid record. */
TRACE_EVENT(vfifo_bad_record,
	TP_PROTO(int number, u32 position, u32 stored),
	TP_ARGS(number, position, stored),
	TP_STRUCT__entry(
		__field(int, number)
		__field(u32, position)
		__field(u32, stored)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->position = position;
		__entry->stored = stored;
	),
	TP_printk("vfifo%d position=%u stored=%u", __entry->number,
		  __entry->position, __entry->stored)
);

TRACE_EVENT(vfifo_resize,
	TP_PROTO(int number, u32 from, u32 to),
	TP_ARGS(number, from, to),
	TP_STRUCT__entry(
		__field(int, number)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("vfifo%d from=%u to=%u", __entry->number, __entry->from,
		  __entry->to)
);

#endif /* _VFIFO_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
