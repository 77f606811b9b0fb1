/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts and unmounts shares: see vop_zephyr/shares.h. */

#include "vop_zephyr/shares.h"

#include <string.h>

#include "vop/9p_virtio.h"
#include "vop/errno.h"
#include "vop_zephyr/9p_fs.h"
#include "vop_zephyr/errno.h"
#include "vop_zephyr/large.h"
#include "vop_zephyr/port.h"
#include "vop_zephyr/service.h"

/* Marker of the first mount: see the register map, stats.marker. */
#define MARKER_MOUNTED 1

enum share_state {
	SHARE_FREE,
	SHARE_MOUNTED,
	SHARE_LOST, /* the host may still own its buffers: never used again */
};

struct share {
	struct vop_9p_virtio virtio;
	struct vop_9p_share session;
	struct fs_mount_t mount;
	char mount_point[1 + VOP_9P_TAG_BYTES];
};

static enum share_state states[CONFIG_VOP_MOUNTS];
static VOP_LARGE struct share shares[CONFIG_VOP_MOUNTS];

static void set_state(const struct share *share, enum share_state state)
{
	states[share - shares] = state;
}

static void stop(struct share *share)
{
	const bool is_late = vop_9p_virtio_stop(&share->virtio) == VOP_E_LATE;

	set_state(share, is_late ? SHARE_LOST : SHARE_FREE);
}

static int mount(struct share *share)
{
	share->mount_point[0] = '/';
	strcpy(share->mount_point + 1, share->virtio.tag);
	share->session.transport = &share->virtio.transport;
	share->mount = (struct fs_mount_t){
		.type = VOP_FS_TYPE_9P,
		.mnt_point = share->mount_point,
		.fs_data = &share->session,
	};
	return fs_mount(&share->mount);
}

static void note_mounted(struct share *share)
{
	static bool has_mounted;
	struct vop_port *port = vop_zephyr_port();

	vop_port_log(port, "%s: mounted, messages of %u bytes", share->mount_point,
		     (unsigned int)share->session.client.msize);
	if (!has_mounted) {
		port->register_write(port, VOP_STATS_MARKER, MARKER_MOUNTED);
	}
	has_mounted = true;
}

static void start(struct share *share, struct vop_vdev *vdev)
{
	struct vop_port *port = vop_zephyr_port();
	int result = vop_9p_virtio_start(&share->virtio, vdev);
	uint32_t number;

	if (result == VOP_OK) {
		result = mount(share);
		if (result == 0) {
			set_state(share, SHARE_MOUNTED);
			note_mounted(share);
			return;
		}
		number = vop_errno_from_zephyr(-result);
	} else {
		number = vop_errno_of_result(result, VOP_EIO);
	}
	vop_port_log(port, "9p: %s", vop_errno_message(number));
	stop(share);
}

static struct share *free_share(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(shares); n++) {
		if (states[n] == SHARE_FREE) {
			return &shares[n];
		}
	}
	return NULL;
}

static void drop_gone(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(shares); n++) {
		struct share *share = &shares[n];

		if (states[n] == SHARE_MOUNTED && vop_vdev_is_gone(share->virtio.vdev)) {
			vop_port_log(vop_zephyr_port(), "%s: removed by the host",
				     share->mount_point);
			(void)fs_unmount(&share->mount);
			stop(share);
		}
	}
}

static void take_found(struct vop_device_page *page)
{
	struct vop_vdev *vdev = vop_device_page_next(page, NULL, VOP_VDEV_FOUND);
	struct share *share = free_share();

	while (vdev != NULL && share != NULL) {
		if (vdev->virtio_id == VOP_VIRTIO_ID_9P) {
			start(share, vdev);
			share = free_share();
		}
		vdev = vop_device_page_next(page, vdev, VOP_VDEV_FOUND);
	}
}

int vop_zephyr_shares_init(void)
{
	return vop_9p_fs_register();
}

void vop_zephyr_shares_update(void)
{
	drop_gone();
	take_found(vop_zephyr_device_page());
}
