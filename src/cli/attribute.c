// SPDX-License-Identifier: GPL-2.0-or-later
/* What there is to know of each attribute; its whole text is src/uapi/sysfs-class-vfifo. */
#include <string.h>

#include "cli.h"

/* In the order in which they are shown. */
const struct attribute attributes[] = {
	{ "size", ATTR_BYTES, ATTR_RO, "stored now", NULL },
	{ "capacity", ATTR_BYTES, ATTR_RW, "can be stored",
	  "a size of 1 to 512M, and what the watermarks fit in" },
	{ "mode", ATTR_NUMBER, ATTR_RW, "1: the generator produces", "0 or 1" },
	{ "read_watermark", ATTR_BYTES, ATTR_RW,
	  "stored, from which poll() says readable",
	  "a size, with the other watermark at most the capacity and 1" },
	{ "write_watermark", ATTR_BYTES, ATTR_RW,
	  "free, from which poll() says writable",
	  "a size, with the other watermark at most the capacity and 1" },
	{ "overflow", ATTR_TEXT, ATTR_RW, "what happens when it is full",
	  "block, drop or overwrite" },
	{ "eof", ATTR_NUMBER, ATTR_RW, "1: end of file without writers",
	  "0 or 1" },
	{ "scrub", ATTR_NUMBER, ATTR_RW, "1: what was read is overwritten",
	  "0 or 1" },
	{ "label", ATTR_TEXT, ATTR_RW, "a name, in /dev/vfifo/by-label",
	  "up to 64 bytes without control characters and slashes" },
	{ "mappings", ATTR_NUMBER, ATTR_RO, "mappings of its memory", NULL },
	{ "producer", ATTR_NUMBER, ATTR_RW, "process that claims this side",
	  "0, which revokes the claim" },
	{ "consumer", ATTR_NUMBER, ATTR_RW, "process that claims this side",
	  "0, which revokes the claim" },
	{ "clear", ATTR_NUMBER, ATTR_WO, "drops what is stored", "1" },
	{ "generator/pattern", ATTR_TEXT, ATTR_RW, "what it produces",
	  "text, counter, ramp, prbs31 or zero" },
	{ "generator/text", ATTR_TEXT, ATTR_RW, "of the pattern text",
	  "1 to 256 bytes" },
	{ "generator/period_us", ATTR_NUMBER, ATTR_RW,
	  "microseconds between bursts", "50 to 3600000000, in microseconds" },
	{ "generator/burst", ATTR_BYTES, ATTR_RW,
	  "at a time; 0: the text once, or 1024", "a size of 0 to 1M" },
	{ "stats/in_bytes", ATTR_BYTES, ATTR_RO, "ever produced", NULL },
	{ "stats/out_bytes", ATTR_BYTES, ATTR_RO, "ever consumed", NULL },
	{ "stats/dropped_bytes", ATTR_BYTES, ATTR_RO, "lost for want of space",
	  NULL },
	{ "stats/reads", ATTR_NUMBER, ATTR_RO, "system calls that read", NULL },
	{ "stats/writes", ATTR_NUMBER, ATTR_RO, "system calls that wrote",
	  NULL },
	{ "stats/kicks", ATTR_NUMBER, ATTR_RO, "calls to wake", NULL },
	{ "stats/wakeups", ATTR_NUMBER, ATTR_RO, "times somebody was woken",
	  NULL },
	{ "stats/reset", ATTR_NUMBER, ATTR_WO, "the counts begin at 0 again",
	  "1" },
};

const size_t attribute_count = sizeof(attributes) / sizeof(attributes[0]);

const struct attribute *attribute_find(const char *name)
{
	for (size_t i = 0; i < attribute_count; i++)
		if (!strcmp(attributes[i].name, name))
			return &attributes[i];
	return NULL;
}
