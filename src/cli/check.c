// SPDX-License-Identifier: GPL-2.0-or-later
/* Patterns by their names, and bytes that are compared with them. */
#include <errno.h>
#include <string.h>

#include "check.h"

int pattern_parse(const char *option, struct vfifo_pattern *p)
{
	static const char text[] = "text:";
	const size_t n = sizeof(text) - 1;

	if (!strncmp(option, text, n))
		return vfifo_pattern_set(p, "text", option + n,
					 strlen(option + n));
	return vfifo_pattern_set(p, option, NULL, 0);
}

static void tell_wrong(const struct check *c, struct vfifo_pattern before,
		       uint64_t right, unsigned char got)
{
	vfifo_pattern_skip(&before, (__u32)right);
	complain(
		"the byte at offset %llu is 0x%02x, and of %s it would be 0x%02x",
		(unsigned long long)(c->offset + right), got, c->name,
		vfifo_pattern_next(&before));
}

static bool match(struct check *c, const unsigned char *bytes, __u32 n)
{
	const struct vfifo_pattern before = c->pattern;
	__u32 right = vfifo_pattern_match(&c->pattern, bytes, n);

	if (right < n) {
		tell_wrong(c, before, right, bytes[right]);
		return false;
	}
	c->offset += n;
	return true;
}

/* From the bytes that are held. */
static bool join(struct check *c)
{
	switch (vfifo_pattern_sync(&c->pattern, c->first, c->held)) {
	case 0:
		c->joins = false;
		c->offset = c->held;
		return true;
	case -EAGAIN:
		complain("%zu bytes are too few to find them in %s", c->held,
			 c->name);
		return false;
	default:
		complain("the first %zu bytes are nowhere in %s", c->held,
			 c->name);
		return false;
	}
}

/* Takes what is needed to find the place; how many that were. */
static size_t hold(struct check *c, const void *bytes, size_t n)
{
	size_t space = sizeof(c->first) - c->held;

	if (n > space)
		n = space;
	memcpy(c->first + c->held, bytes, n);
	c->held += n;
	return n;
}

bool check_bytes(struct check *c, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	if (c->joins) {
		size_t taken = hold(c, at, n);

		if (c->held < sizeof(c->first))
			return true;
		if (!join(c))
			return false;
		at += taken;
		n -= taken;
	}
	return match(c, at, (__u32)n);
}

bool check_end(struct check *c)
{
	return !c->joins || !c->held || join(c);
}
