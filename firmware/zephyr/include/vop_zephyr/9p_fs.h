/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L as a Zephyr file system type.
 *
 * Mount with an fs_mount_t whose `type` is VOP_FS_TYPE_9P and whose `fs_data` is a struct
 * vop_9p_share with its `transport` set; both must stay until fs_unmount(). fs_mount() starts the
 * session, fs_unmount() only forgets it: the transport is stopped afterwards, by its owner.
 *
 * Differences from POSIX, and from what else Zephyr mounts:
 * - readdir tells no sizes (9P's directory entries have none): `size` is 0, fs_stat() knows it.
 * - New files have mode 0644, new directories 0755, less what the server's umask takes.
 * - unlink of an empty directory removes it.
 * - rename replaces an existing file.
 * - A share whose device was removed answers -EIO, until it is unmounted.
 * - Offsets are 64 bits on the wire, but off_t is the C library's.
 */
#ifndef VOP_ZEPHYR_9P_FS_H
#define VOP_ZEPHYR_9P_FS_H

#include <zephyr/fs/fs.h>
#include <zephyr/kernel.h>

#include "vop/9p_client.h"
#include "vop/fs.h"

#define VOP_FS_TYPE_9P FS_TYPE_EXTERNAL_BASE

/* A mounted share. In card RAM: the client's messages lie in it. */
struct vop_9p_share {
	struct vop_9p_client client;
	struct vop_9p_transport *transport;
	struct k_mutex lock; /* one request at a time */
	struct fs_mount_t *mount; /* while it is mounted */
};

/* Make the type known to fs_mount(); once. Returns what fs_register() does. */
int vop_9p_fs_register(void);

/* Largest read or write of an open file that is one exchange with the server, in bytes. */
uint32_t vop_9p_file_io_bytes(const struct fs_file_t *file);

/*
 * As fs_stat(), with what fs_dirent has no room for. -ENOENT if `path` lies on no share. Blocks for
 * up to three exchanges.
 */
int vop_9p_stat(const char *path, struct vop_fs_stat *stat);

/* The mounted share whose files `path` names, or NULL. Does not block. */
const struct vop_9p_share *vop_9p_share_of(const char *path);

/* Number `index` of the mounted shares, from 0, or NULL. Does not block. */
const struct vop_9p_share *vop_9p_share_at(uint32_t index);

#endif /* VOP_ZEPHYR_9P_FS_H */
