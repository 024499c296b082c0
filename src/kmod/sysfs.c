// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs.c - /sys/class/vfifo/vfifoN/
 *
 * One value in each file. A store of anything that is not a value of the file fails with
 * EINVAL and changes nothing. ../uapi/sysfs-class-vfifo documents all of them.
 */
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "claim.h"
#include "device.h"
#include "sysfs.h"
#include "wait.h"

/* The end of a store. @ret: 1: the value changed; 0: unchanged; or a negative errno. */
static ssize_t stored(struct device *dev, struct device_attribute *attr,
		      int ret, size_t count)
{
	if (ret > 0)
		vfifo_notify(dev, attr->attr.name);
	return ret < 0 ? ret : count;
}

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n",
			  vfifo_side_room(&vfifo->ring, VFIFO_CONSUMER));
}
static DEVICE_ATTR_RO(size);

static ssize_t capacity_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(vfifo->ring.buffer.capacity));
}

static ssize_t capacity_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u32 capacity;
	u64 bytes;

	if (kstrtou64(buf, 10, &bytes))
		return -EINVAL;
	capacity = vfifo_capacity_for(bytes, PAGE_SIZE, VFIFO_CAPACITY_MAX);
	if (!capacity)
		return -EINVAL;
	return stored(dev, attr, vfifo_ring_resize(&vfifo->ring, capacity),
		      count);
}
static DEVICE_ATTR_RW(capacity);

static ssize_t memory_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	enum vfifo_memory memory = READ_ONCE(vfifo->ring.buffer.pages.memory);

	return sysfs_emit(buf, "%s\n", vfifo_memory_name(memory));
}

static ssize_t memory_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int memory = vfifo_memory_find(buf);

	if (memory < 0)
		return memory;
	return stored(dev, attr, vfifo_ring_set_memory(&vfifo->ring, memory),
		      count);
}
static DEVICE_ATTR_RW(memory);

static const char *const vfifo_framings[] = {
	[VFIFO_BYTES] = "bytes",
	[VFIFO_RECORDS] = "records",
};

static ssize_t framing_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n",
			  vfifo_framings[READ_ONCE(vfifo->ring.framing)]);
}

static ssize_t framing_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int framing = sysfs_match_string(vfifo_framings, buf);

	if (framing < 0)
		return -EINVAL;
	return stored(dev, attr, vfifo_ring_set_framing(&vfifo->ring, framing),
		      count);
}
static DEVICE_ATTR_RW(framing);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", READ_ONCE(vfifo->generator.on));
}

static ssize_t mode_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int mode;

	if (kstrtoint(buf, 10, &mode))
		return -EINVAL;
	return stored(dev, attr,
		      vfifo_generator_set_mode(&vfifo->generator, mode), count);
}
static DEVICE_ATTR_RW(mode);

static ssize_t watermark_show(struct device *dev, enum vfifo_end end, char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n",
			  READ_ONCE(vfifo->ring.sides[end].watermark));
}

static ssize_t watermark_store(struct device *dev, enum vfifo_end end,
			       const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u32 watermark;
	int err;

	if (kstrtou32(buf, 10, &watermark))
		return -EINVAL;
	err = vfifo_ring_set_watermark(&vfifo->ring, end, watermark);
	return err ?: count;
}

static ssize_t read_watermark_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return watermark_show(dev, VFIFO_CONSUMER, buf);
}

static ssize_t read_watermark_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return watermark_store(dev, VFIFO_CONSUMER, buf, count);
}
static DEVICE_ATTR_RW(read_watermark);

static ssize_t write_watermark_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	return watermark_show(dev, VFIFO_PRODUCER, buf);
}

static ssize_t write_watermark_store(struct device *dev,
				     struct device_attribute *attr,
				     const char *buf, size_t count)
{
	return watermark_store(dev, VFIFO_PRODUCER, buf, count);
}
static DEVICE_ATTR_RW(write_watermark);

static ssize_t mappings_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", atomic_read(&vfifo->ring.mappings));
}
static DEVICE_ATTR_RO(mappings);

static ssize_t holder_show(struct device *dev, enum vfifo_end end, char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", vfifo_claim_holder(&vfifo->ring, end));
}

/* 0 revokes the claim. No other value can be stored: a claim is a mapping. */
static ssize_t holder_store(struct device *dev, enum vfifo_end end,
			    const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u32 holder;
	bool moved;

	if (kstrtou32(buf, 10, &holder) || holder)
		return -EINVAL;
	if (vfifo_claim_revoke(&vfifo->ring, end, &moved))
		vfifo_ring_released(&vfifo->ring, end, moved);
	return count;
}

static ssize_t producer_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return holder_show(dev, VFIFO_PRODUCER, buf);
}

static ssize_t producer_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	return holder_store(dev, VFIFO_PRODUCER, buf, count);
}
static DEVICE_ATTR_RW(producer);

static ssize_t consumer_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return holder_show(dev, VFIFO_CONSUMER, buf);
}

static ssize_t consumer_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	return holder_store(dev, VFIFO_CONSUMER, buf, count);
}
static DEVICE_ATTR_RW(consumer);

static const char *const vfifo_overflows[] = {
	[VFIFO_BLOCK] = "block",
	[VFIFO_DROP] = "drop",
	[VFIFO_OVERWRITE] = "overwrite",
};

static ssize_t overflow_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n",
			  vfifo_overflows[READ_ONCE(vfifo->ring.overflow)]);
}

static ssize_t overflow_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int which = sysfs_match_string(vfifo_overflows, buf);

	if (which < 0)
		return -EINVAL;
	vfifo_ring_set_overflow(&vfifo->ring, which);
	return count;
}
static DEVICE_ATTR_RW(overflow);

/* 0 or 1 and nothing else. (kstrtobool() takes any word that begins with y.) */
static int parse_bit(const char *buf, bool *bit)
{
	u8 value;

	if (kstrtou8(buf, 10, &value) || value > 1)
		return -EINVAL;
	*bit = value;
	return 0;
}

static ssize_t eof_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", READ_ONCE(vfifo->ring.eof));
}

static ssize_t eof_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	bool eof;

	if (parse_bit(buf, &eof))
		return -EINVAL;
	vfifo_ring_set_eof(&vfifo->ring, eof);
	return count;
}
static DEVICE_ATTR_RW(eof);

static ssize_t scrub_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", READ_ONCE(vfifo->ring.scrub));
}

static ssize_t scrub_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	bool scrub;

	if (parse_bit(buf, &scrub))
		return -EINVAL;
	WRITE_ONCE(vfifo->ring.scrub, scrub);
	return count;
}
static DEVICE_ATTR_RW(scrub);

static ssize_t label_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	char label[VFIFO_LABEL_MAX + 1];

	vfifo_label(vfifo, label);
	return sysfs_emit(buf, "%s\n", label);
}

static ssize_t label_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	char label[VFIFO_LABEL_MAX + 1];
	size_t n = count;

	if (n && buf[n - 1] == '\n')
		n--;
	if (n > VFIFO_LABEL_MAX || memchr(buf, '\0', n))
		return -EINVAL;
	memcpy(label, buf, n);
	label[n] = '\0';
	return stored(dev, attr, vfifo_set_label(vfifo, label), count);
}
static DEVICE_ATTR_RW(label);

static ssize_t clear_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	bool clear;
	int err;

	if (parse_bit(buf, &clear) || !clear)
		return -EINVAL;
	err = vfifo_ring_clear(&vfifo->ring);
	return err ?: count;
}
static DEVICE_ATTR_WO(clear);

static struct attribute *vfifo_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_capacity.attr,
	&dev_attr_memory.attr,
	&dev_attr_framing.attr,
	&dev_attr_mode.attr,
	&dev_attr_read_watermark.attr,
	&dev_attr_write_watermark.attr,
	&dev_attr_overflow.attr,
	&dev_attr_eof.attr,
	&dev_attr_scrub.attr,
	&dev_attr_label.attr,
	&dev_attr_clear.attr,
	&dev_attr_mappings.attr,
	&dev_attr_producer.attr,
	&dev_attr_consumer.attr,
	NULL,
};

static const struct attribute_group vfifo_group = {
	.attrs = vfifo_attrs,
};

/* --- generator/ --------------------------------------------------------------------- */

static const char *const vfifo_patterns[] = {
	[VFIFO_PATTERN_TEXT] = "text", [VFIFO_PATTERN_COUNTER] = "counter",
	[VFIFO_PATTERN_RAMP] = "ramp", [VFIFO_PATTERN_PRBS31] = "prbs31",
	[VFIFO_PATTERN_ZERO] = "zero",
};

static ssize_t pattern_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	enum vfifo_pattern_kind kind = READ_ONCE(vfifo->generator.pattern.kind);

	return sysfs_emit(buf, "%s\n", vfifo_patterns[kind]);
}

static ssize_t pattern_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int kind = sysfs_match_string(vfifo_patterns, buf);

	if (kind < 0)
		return -EINVAL;
	vfifo_generator_set_pattern(&vfifo->generator, kind);
	return count;
}
static DEVICE_ATTR_RW(pattern);

/* No newline is added: the text may end in one of its own, or contain a NUL. */
static ssize_t text_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	BUILD_BUG_ON(VFIFO_TEXT_MAX > PAGE_SIZE);
	return vfifo_generator_text(&vfifo->generator, buf);
}

static ssize_t text_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int err = vfifo_generator_set_text(&vfifo->generator, buf, count);

	return err ?: count;
}
static DEVICE_ATTR_RW(text);

static ssize_t period_us_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(vfifo->generator.period_us));
}

static ssize_t period_us_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u64 period_us;
	int err;

	if (kstrtou64(buf, 10, &period_us))
		return -EINVAL;
	err = vfifo_generator_set_period_us(&vfifo->generator, period_us);
	return err ?: count;
}
static DEVICE_ATTR_RW(period_us);

static ssize_t burst_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(vfifo->generator.burst));
}

static ssize_t burst_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u64 burst;
	int err;

	if (kstrtou64(buf, 10, &burst))
		return -EINVAL;
	err = vfifo_generator_set_burst(&vfifo->generator, burst);
	return err ?: count;
}
static DEVICE_ATTR_RW(burst);

static ssize_t count_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(vfifo->generator.count));
}

static ssize_t count_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u32 bursts;

	if (kstrtou32(buf, 10, &bursts))
		return -EINVAL;
	vfifo_generator_set_count(&vfifo->generator, bursts);
	return count;
}
static DEVICE_ATTR_RW(count);

/* No uevent: a trigger can come many times a second. */
static ssize_t trigger_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	bool trigger;
	int err;

	if (parse_bit(buf, &trigger) || !trigger)
		return -EINVAL;
	err = vfifo_generator_trigger(&vfifo->generator);
	if (err)
		return err;
	vfifo_mode_changed(vfifo);
	return count;
}
static DEVICE_ATTR_WO(trigger);

/* One in a line. */
/* clang-format off */
static struct attribute *vfifo_generator_attrs[] = {
	&dev_attr_pattern.attr,
	&dev_attr_text.attr,
	&dev_attr_period_us.attr,
	&dev_attr_burst.attr,
	&dev_attr_count.attr,
	&dev_attr_trigger.attr,
	NULL,
};

/* clang-format on */

static const struct attribute_group vfifo_generator_group = {
	.name = "generator",
	.attrs = vfifo_generator_attrs,
};

/* --- stats/ ------------------------------------------------------------------------- */

static struct vfifo_counts counts_of(struct device *dev)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	struct vfifo_counts counts;

	vfifo_ring_counts(&vfifo->ring, &counts);
	return counts;
}

#define VFIFO_COUNT_ATTR(_name, _member)                                      \
	static ssize_t _name##_show(struct device *dev,                       \
				    struct device_attribute *attr, char *buf) \
	{                                                                     \
		return sysfs_emit(buf, "%llu\n", counts_of(dev)._member);     \
	}                                                                     \
	static DEVICE_ATTR_RO(_name)

VFIFO_COUNT_ATTR(in_bytes, bytes[VFIFO_PRODUCER]);
VFIFO_COUNT_ATTR(out_bytes, bytes[VFIFO_CONSUMER]);
VFIFO_COUNT_ATTR(dropped_bytes, dropped);
VFIFO_COUNT_ATTR(dropped_records, dropped_records);
VFIFO_COUNT_ATTR(reads, calls[VFIFO_CONSUMER]);
VFIFO_COUNT_ATTR(writes, calls[VFIFO_PRODUCER]);
VFIFO_COUNT_ATTR(kicks, kicks);
VFIFO_COUNT_ATTR(wakeups, wakeups);

static ssize_t reset_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	bool reset;
	int err;

	if (parse_bit(buf, &reset) || !reset)
		return -EINVAL;
	err = vfifo_ring_reset_counts(&vfifo->ring);
	return err ?: count;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *vfifo_stats_attrs[] = {
	/* since the last reset */
	&dev_attr_in_bytes.attr,
	&dev_attr_out_bytes.attr,
	&dev_attr_dropped_bytes.attr,
	&dev_attr_dropped_records.attr,
	&dev_attr_reads.attr,
	&dev_attr_writes.attr,
	&dev_attr_kicks.attr,
	&dev_attr_wakeups.attr,
	/* sets them to 0 */
	&dev_attr_reset.attr,
	NULL,
};

static const struct attribute_group vfifo_stats_group = {
	.name = "stats",
	.attrs = vfifo_stats_attrs,
};

const struct attribute_group *vfifo_attribute_groups[] = {
	&vfifo_group,
	&vfifo_generator_group,
	&vfifo_stats_group,
	NULL,
};
