// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The attributes that the command knows, in the order in which they are shown. They are
 * documented in src/uapi/sysfs-class-vfifo; the test tests/cli/attributes compares the two.
 */
#include <string.h>

#include "cli.h"

const struct attribute attributes[] = {
	{ "size", ATTR_BYTES, ATTR_RO, "bytes stored", NULL },
	{ "capacity", ATTR_BYTES, ATTR_RW, "bytes that can be stored",
	  "a size of 1 to 512M that the watermarks fit in" },
	{ "memory", ATTR_TEXT, ATTR_RW, "kind of memory of the buffer",
	  "cached, write-combining, uncached, coherent or contiguous" },
	{ "framing", ATTR_TEXT, ATTR_RW, "whether messages are kept apart",
	  "bytes or records" },
	{ "mode", ATTR_NUMBER, ATTR_RW, "1: the generator produces", "0 or 1" },
	{ "read_watermark", ATTR_BYTES, ATTR_RW,
	  "stored bytes for poll() to report readable",
	  "a size; with the other watermark at most the capacity + 1" },
	{ "write_watermark", ATTR_BYTES, ATTR_RW,
	  "free bytes for poll() to report writable",
	  "a size; with the other watermark at most the capacity + 1" },
	{ "overflow", ATTR_TEXT, ATTR_RW, "what a write does when it is full",
	  "block, drop or overwrite" },
	{ "eof", ATTR_NUMBER, ATTR_RW,
	  "1: end of file when there is no producer", "0 or 1" },
	{ "scrub", ATTR_NUMBER, ATTR_RW, "1: bytes are zeroed when read",
	  "0 or 1" },
	{ "label", ATTR_TEXT, ATTR_RW, "a name in /dev/vfifo/by-label",
	  "up to 64 bytes without control characters and slashes" },
	{ "mappings", ATTR_NUMBER, ATTR_RO, "mappings of its memory", NULL },
	{ "producer", ATTR_NUMBER, ATTR_RW, "process that claims this side",
	  "0, which revokes the claim" },
	{ "consumer", ATTR_NUMBER, ATTR_RW, "process that claims this side",
	  "0, which revokes the claim" },
	{ "clear", ATTR_NUMBER, ATTR_WO, "drops the stored bytes", "1" },
	{ "generator/pattern", ATTR_TEXT, ATTR_RW, "what it produces",
	  "text, counter, ramp, prbs31 or zero" },
	{ "generator/text", ATTR_TEXT, ATTR_RW, "the text of pattern text",
	  "1 to 256 bytes" },
	{ "generator/period_us", ATTR_NUMBER, ATTR_RW,
	  "microseconds between bursts", "50 to 3600000000, in microseconds" },
	{ "generator/burst", ATTR_BYTES, ATTR_RW,
	  "bytes per burst; 0: the text once, or 1024", "a size of 0 to 1M" },
	{ "generator/count", ATTR_NUMBER, ATTR_RW,
	  "bursts until it stops; 0: no end", "0 to 4294967295" },
	{ "generator/trigger", ATTR_NUMBER, ATTR_WO,
	  "starts one count, or one burst", "1" },
	{ "stats/in_bytes", ATTR_BYTES, ATTR_RO, "ever produced", NULL },
	{ "stats/out_bytes", ATTR_BYTES, ATTR_RO, "ever consumed", NULL },
	{ "stats/dropped_bytes", ATTR_BYTES, ATTR_RO, "lost for lack of space",
	  NULL },
	{ "stats/dropped_records", ATTR_NUMBER, ATTR_RO,
	  "records lost for lack of space", NULL },
	{ "stats/reads", ATTR_NUMBER, ATTR_RO, "system calls that read", NULL },
	{ "stats/writes", ATTR_NUMBER, ATTR_RO, "system calls that wrote",
	  NULL },
	{ "stats/kicks", ATTR_NUMBER, ATTR_RO, "calls of VFIFO_KICK", NULL },
	{ "stats/wakeups", ATTR_NUMBER, ATTR_RO, "wake-ups of waiters", NULL },
	{ "stats/reset", ATTR_NUMBER, ATTR_WO, "sets the counters to 0", "1" },
};

const size_t attribute_count = sizeof(attributes) / sizeof(attributes[0]);

const struct attribute *attribute_find(const char *name, size_t n)
{
	/* There can be a NUL in a name that a file has. */
	for (size_t i = 0; i < attribute_count; i++)
		if (strlen(attributes[i].name) == n &&
		    !memcmp(attributes[i].name, name, n))
			return &attributes[i];
	return NULL;
}
