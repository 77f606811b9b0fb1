// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of the PCI function, read from the driver's memory: no read of
 * any of them reaches the card.
 *
 *	state			offline, booting, online, refused, crashed, gone
 *	vop_device		name of the character device below /dev
 *	layout			register layout, major.minor
 *	build			gateware build id, hexadecimal
 *	ram_bytes		size of card RAM
 *	vectors			MSI-X or MSI vectors granted
 *	firmware_name		image that was loaded, empty if baked in
 *	firmware_version	CRC-32 of that image, hexadecimal
 *	firmware_bytes		its size
 *	counters/...		decimal, since the driver was bound
 */
#include <linux/bitfield.h>

#include "vop_host.h"

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n",
			  vop_host_state_name(READ_ONCE(host->state)));
}
static DEVICE_ATTR_RO(state);

static ssize_t vop_device_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", host->name);
}
static DEVICE_ATTR_RO(vop_device);

static ssize_t layout_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);
	u32 layout = host->identity[VOP_IDENTITY_LAYOUT / 4];

	return sysfs_emit(buf, "%u.%u\n",
			  (u32)FIELD_GET(VOP_IDENTITY_LAYOUT_MAJOR_MASK, layout),
			  (u32)FIELD_GET(VOP_IDENTITY_LAYOUT_MINOR_MASK, layout));
}
static DEVICE_ATTR_RO(layout);

static ssize_t build_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%08x\n", host->identity[VOP_IDENTITY_BUILD / 4]);
}
static DEVICE_ATTR_RO(build);

static ssize_t ram_bytes_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", host->ram_bytes);
}
static DEVICE_ATTR_RO(ram_bytes);

static ssize_t vectors_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", host->vectors);
}
static DEVICE_ATTR_RO(vectors);

static ssize_t firmware_name_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", vop_firmware);
}
static DEVICE_ATTR_RO(firmware_name);

static ssize_t firmware_version_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%08x\n", host->firmware_crc);
}
static DEVICE_ATTR_RO(firmware_version);

static ssize_t firmware_bytes_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%zu\n", host->firmware_bytes);
}
static DEVICE_ATTR_RO(firmware_bytes);

static struct attribute *vop_host_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_vop_device.attr,
	&dev_attr_layout.attr,
	&dev_attr_build.attr,
	&dev_attr_ram_bytes.attr,
	&dev_attr_vectors.attr,
	&dev_attr_firmware_name.attr,
	&dev_attr_firmware_version.attr,
	&dev_attr_firmware_bytes.attr,
	NULL
};

static const struct attribute_group vop_host_group = {
	.attrs = vop_host_attrs,
};

static ssize_t vop_counter_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct vop_host *host = dev_get_drvdata(dev);
	struct dev_ext_attribute *counter =
		container_of(attr, struct dev_ext_attribute, attr);

	return sysfs_emit(buf, "%lld\n",
			  atomic64_read(&host->counter[(uintptr_t)counter->var]));
}

#define VOP_COUNTER_ATTR(_name, _counter)				\
	static struct dev_ext_attribute vop_counter_##_name = {		\
		.attr = __ATTR(_name, 0444, vop_counter_show, NULL),	\
		.var = (void *)(uintptr_t)(_counter),			\
	}

VOP_COUNTER_ATTR(interrupts, VOP_COUNT_INTERRUPTS);
VOP_COUNTER_ATTR(commands, VOP_COUNT_COMMANDS);
VOP_COUNTER_ATTR(to_card_bytes, VOP_COUNT_TO_CARD_BYTES);
VOP_COUNTER_ATTR(to_host_bytes, VOP_COUNT_TO_HOST_BYTES);
VOP_COUNTER_ATTR(chains, VOP_COUNT_CHAINS);
VOP_COUNTER_ATTR(channel_resets, VOP_COUNT_CHANNEL_RESETS);
VOP_COUNTER_ATTR(late, VOP_COUNT_LATE);
VOP_COUNTER_ATTR(peer_errors, VOP_COUNT_PEER_ERRORS);

static struct attribute *vop_counter_attrs[] = {
	&vop_counter_interrupts.attr.attr,
	&vop_counter_commands.attr.attr,
	&vop_counter_to_card_bytes.attr.attr,
	&vop_counter_to_host_bytes.attr.attr,
	&vop_counter_chains.attr.attr,
	&vop_counter_channel_resets.attr.attr,
	&vop_counter_late.attr.attr,
	&vop_counter_peer_errors.attr.attr,
	NULL
};

static const struct attribute_group vop_counter_group = {
	.name = "counters",
	.attrs = vop_counter_attrs,
};

const struct attribute_group *vop_host_groups[] = {
	&vop_host_group,
	&vop_counter_group,
	NULL
};
