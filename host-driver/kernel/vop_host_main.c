// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module vop_host: parameters, PCI ids, registration.
 *
 * The vop-host end of virtio over PCIe (VOP): the card has the virtio drivers,
 * this host has the virtio devices, which a daemon serves through
 * /dev/vop_virtio<N>. docs/protocol.md says who writes what, when.
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "vop_host.h"

static unsigned int timeout_scale = 1;
module_param(timeout_scale, uint, 0644);
MODULE_PARM_DESC(timeout_scale,
		 "Multiplies every bound on the card: 1 on hardware, more for a simulated card (1 to 1000)");

unsigned int vop_info_align = 1;
module_param_named(info_align, vop_info_align, uint, 0444);
MODULE_PARM_DESC(info_align,
		 "Alignment of the vring information block: 1 (v5.9.0) or 4 (5.10-rc1 and stables)");

char *vop_firmware = VOP_FIRMWARE_NAME;
module_param_named(firmware, vop_firmware, charp, 0444);
MODULE_PARM_DESC(firmware,
		 "Firmware image for the card; empty to start what is baked into its bitstream");

struct dentry *vop_debugfs_root;

static const unsigned int vop_wait_ms[VOP_WAITS] = VOP_WAIT_TABLE_MS;

/**
 * vop_host_wait_jiffies() - look up a bound
 * @wait: what is waited for
 *
 * Return: the bound in jiffies, scaled by timeout_scale.
 */
unsigned long vop_host_wait_jiffies(enum vop_wait wait)
{
	unsigned int scale = clamp(READ_ONCE(timeout_scale), 1u,
				   (unsigned int)VOP_TIMEOUT_SCALE_MAX);

	return msecs_to_jiffies(vop_wait_ms[wait] * scale);
}

static const struct pci_device_id vop_host_ids[] = {
	{ PCI_DEVICE(VOP_VERSION_PCI_VENDOR_ID, VOP_VERSION_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vop_host_ids);

static struct pci_driver vop_host_driver = {
	.name = VOP_HOST_NAME,
	.id_table = vop_host_ids,
	.probe = vop_host_probe,
	.remove = vop_host_remove,
	.shutdown = vop_host_shutdown,
	.err_handler = &vop_host_error_handlers,
	.dev_groups = vop_host_groups,
};

static int __init vop_host_init(void)
{
	int ret;

	if (vop_info_align != 1 && vop_info_align != 4) {
		pr_err(VOP_HOST_NAME ": info_align must be 1 or 4, not %u\n",
		       vop_info_align);
		return -EINVAL;
	}

	vop_debugfs_root = debugfs_create_dir(VOP_HOST_NAME, NULL);
	ret = pci_register_driver(&vop_host_driver);
	if (ret)
		debugfs_remove(vop_debugfs_root);
	return ret;
}
module_init(vop_host_init);

static void __exit vop_host_exit(void)
{
	pci_unregister_driver(&vop_host_driver);
	debugfs_remove(vop_debugfs_root);
}
module_exit(vop_host_exit);

MODULE_DESCRIPTION("OpenVOP: virtio over PCIe, vop-host end");
MODULE_AUTHOR("The OpenVOP authors");
MODULE_LICENSE("GPL");
MODULE_FIRMWARE(VOP_FIRMWARE_NAME);
