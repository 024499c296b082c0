// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs.c - /sys/class/vfifo/vfifoN/
 *
 * One value a file. What is not a value of the file is EINVAL, whatever was wrong
 * with it, and changes nothing.
 */
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include <vfifo.h>
#include <vfifo_ring.h>

#include "device.h"

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", vfifo_ring_used(&vfifo->ring));
}
static DEVICE_ATTR_RO(size);

static ssize_t capacity_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", vfifo_ring_capacity(&vfifo->ring));
}

static ssize_t capacity_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	u32 capacity;
	u64 bytes;
	int err;

	if (kstrtou64(buf, 10, &bytes))
		return -EINVAL;
	capacity = vfifo_capacity_for(bytes, PAGE_SIZE, VFIFO_CAPACITY_MAX);
	if (!capacity)
		return -EINVAL;
	err = vfifo_ring_resize(&vfifo->ring, capacity);
	return err ?: count;
}
static DEVICE_ATTR_RW(capacity);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", vfifo_generator_mode(vfifo));
}

static ssize_t mode_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);
	int mode;
	int err;

	if (kstrtoint(buf, 10, &mode))
		return -EINVAL;
	err = vfifo_generator_set_mode(vfifo, mode);
	return err ?: count;
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

static ssize_t producer_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n",
			  vfifo_ring_holder(&vfifo->ring, VFIFO_PRODUCER));
}
static DEVICE_ATTR_RO(producer);

static ssize_t consumer_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct vfifo *vfifo = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n",
			  vfifo_ring_holder(&vfifo->ring, VFIFO_CONSUMER));
}
static DEVICE_ATTR_RO(consumer);

static struct attribute *vfifo_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_capacity.attr,
	&dev_attr_mode.attr,
	&dev_attr_read_watermark.attr,
	&dev_attr_write_watermark.attr,
	&dev_attr_mappings.attr,
	&dev_attr_producer.attr,
	&dev_attr_consumer.attr,
	NULL,
};

static const struct attribute_group vfifo_group = {
	.attrs = vfifo_attrs,
};

const struct attribute_group *vfifo_attribute_groups[] = {
	&vfifo_group,
	NULL,
};
