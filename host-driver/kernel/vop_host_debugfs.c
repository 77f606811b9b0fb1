// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters for people: <debugfs>/vop_host/<pci name>/vdev@<offset>/, one
 * directory per virtio device, named by its place in the device page.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "vop_host.h"

static const char * const vop_peer_fault_names[VOP_PEER_FAULTS] = {
	[VOP_PEER_BAD_USED_ADDRESS] = "bad_used_address",
	[VOP_PEER_BAD_FEATURES] = "bad_features",
	[VOP_PEER_BAD_DOORBELL] = "bad_doorbell",
};

static int peer_errors_show(struct seq_file *file, void *unused)
{
	struct vop_vdev *vdev = file->private;
	int n;

	for (n = VOP_CHAIN_OK + 1; n < VOP_CHAIN_FAULTS; n++)
		seq_printf(file, "%s %u\n", vop_chain_fault_name(n),
			   atomic_read(&vdev->chain_fault[n]));
	for (n = 0; n < VOP_PEER_FAULTS; n++)
		seq_printf(file, "%s %u\n", vop_peer_fault_names[n],
			   atomic_read(&vdev->peer_fault[n]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(peer_errors);

static int traffic_show(struct seq_file *file, void *unused)
{
	struct vop_vdev *vdev = file->private;

	seq_printf(file, "to_card_bytes %lld\nto_host_bytes %lld\nchains %lld\n",
		   atomic64_read(&vdev->to_card_bytes),
		   atomic64_read(&vdev->to_host_bytes),
		   atomic64_read(&vdev->chains));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(traffic);

/**
 * vop_debugfs_add_host() - make a card's directory
 * @host: the card
 */
void vop_debugfs_add_host(struct vop_host *host)
{
	host->debugfs = debugfs_create_dir(pci_name(host->pdev),
					   vop_debugfs_root);
}

/**
 * vop_debugfs_add_vdev() - make a virtio device's directory
 * @vdev: the virtio device, its slot reserved
 */
void vop_debugfs_add_vdev(struct vop_vdev *vdev)
{
	char name[16];

	snprintf(name, sizeof(name), "vdev@%x", vdev->slot->offset);
	vdev->debugfs = debugfs_create_dir(name, vdev->host->debugfs);
	debugfs_create_file("peer_errors", 0444, vdev->debugfs, vdev,
			    &peer_errors_fops);
	debugfs_create_file("traffic", 0444, vdev->debugfs, vdev,
			    &traffic_fops);
}
