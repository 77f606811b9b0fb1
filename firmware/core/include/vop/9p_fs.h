/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell's file system over 9P clients: each share is mounted at /<tag>.
 *
 * A request that is under way when its device goes ends with EIO.
 */
#ifndef VOP_9P_FS_H
#define VOP_9P_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "9p_client.h"
#include "9p_virtio.h"
#include "config.h"
#include "fs.h"

/* A share: its device and its session. In card RAM. */
struct vop_9p_mount {
	struct vop_9p_virtio virtio;
	struct vop_9p_client client;
};

struct vop_9p_fs {
	struct vop_fs fs; /* first: the operations cast back */
	struct vop_9p_mount *mounts[VOP_CONFIG_MOUNTS];
};

void vop_9p_fs_init(struct vop_9p_fs *fs);

/*
 * Bring a FOUND vdev up, start a session as user `uid`, and mount it at /<tag>. Blocks as
 * vop_9p_virtio_start() and for two exchanges. Returns 0, or a negative errno after giving the
 * device back: EEXIST for a tag that is taken, ENFILE when every mount is.
 */
int vop_9p_fs_mount(struct vop_9p_fs *fs, struct vop_9p_mount *mount, struct vop_vdev *vdev,
		    uint32_t uid);

/*
 * Take a share away and give its device back. Blocks as vop_9p_virtio_stop(), and returns what it
 * returns.
 */
int vop_9p_fs_unmount(struct vop_9p_fs *fs, struct vop_9p_mount *mount);

#endif /* VOP_9P_FS_H */
