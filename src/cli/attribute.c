// SPDX-License-Identifier: GPL-2.0-or-later
/* What there is to know of each attribute; its whole text is src/uapi/sysfs-class-vfifo. */
#include <string.h>

#include "cli.h"

/* In the order in which they are shown. */
const struct attribute attributes[] = {
	{ "size", ATTR_BYTES, ATTR_RO, "stored now" },
	{ "capacity", ATTR_BYTES, ATTR_RW, "can be stored" },
	{ "mode", ATTR_NUMBER, ATTR_RW, "1: the generator produces" },
	{ "read_watermark", ATTR_BYTES, ATTR_RW,
	  "stored, from which poll() says readable" },
	{ "write_watermark", ATTR_BYTES, ATTR_RW,
	  "free, from which poll() says writable" },
	{ "overflow", ATTR_TEXT, ATTR_RW,
	  "when full: block, drop or overwrite" },
	{ "eof", ATTR_NUMBER, ATTR_RW, "1: end of file without writers" },
	{ "label", ATTR_TEXT, ATTR_RW, "a name, in /dev/vfifo/by-label" },
	{ "mappings", ATTR_NUMBER, ATTR_RO, "mappings of its memory" },
	{ "producer", ATTR_NUMBER, ATTR_RO, "process that claims this side" },
	{ "consumer", ATTR_NUMBER, ATTR_RO, "process that claims this side" },
	{ "clear", ATTR_NUMBER, ATTR_WO, "1: drops what is stored" },
	{ "generator/pattern", ATTR_TEXT, ATTR_RW,
	  "text, counter, ramp, prbs31 or zero" },
	{ "generator/text", ATTR_TEXT, ATTR_RW, "of the pattern text" },
	{ "generator/period_us", ATTR_NUMBER, ATTR_RW,
	  "microseconds between bursts" },
	{ "generator/burst", ATTR_BYTES, ATTR_RW,
	  "at a time; 0: the text once, or 1024" },
	{ "stats/in_bytes", ATTR_BYTES, ATTR_RO, "ever produced" },
	{ "stats/out_bytes", ATTR_BYTES, ATTR_RO, "ever consumed" },
	{ "stats/dropped_bytes", ATTR_BYTES, ATTR_RO,
	  "lost for want of space" },
	{ "stats/reads", ATTR_NUMBER, ATTR_RO, "system calls that read" },
	{ "stats/writes", ATTR_NUMBER, ATTR_RO, "system calls that wrote" },
	{ "stats/kicks", ATTR_NUMBER, ATTR_RO, "calls to wake" },
	{ "stats/wakeups", ATTR_NUMBER, ATTR_RO, "times somebody was woken" },
	{ "stats/reset", ATTR_NUMBER, ATTR_WO, "1: counts from 0 again" },
};

const size_t attribute_count = sizeof(attributes) / sizeof(attributes[0]);

const struct attribute *attribute_find(const char *name)
{
	for (size_t i = 0; i < attribute_count; i++)
		if (!strcmp(attributes[i].name, name))
			return &attributes[i];
	return NULL;
}
