/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the 9P file system share: paths, the lock of a share, results. vop_9p_fs.c has
 * the type and what names do, vop_9p_file.c open files, vop_9p_dir.c open directories.
 */
#ifndef VOP_9P_FS_INTERNAL_H
#define VOP_9P_FS_INTERNAL_H

#include <zephyr/fs/fs.h>

#include "vop_zephyr/9p_fs.h"

/* A path within a share: its directory and its last name, which is empty for the share's root. */
struct vop_9p_place {
	struct vop_9p_share *share;
	const char *path;
	uint32_t path_bytes;
	uint32_t parent_bytes;
	const char *name;
	uint32_t name_bytes;
};

/* Take a path apart that begins with the mount point. */
struct vop_9p_place vop_9p_locate(const struct fs_mount_t *mount, const char *path);

void vop_9p_lock(struct vop_9p_share *share);
void vop_9p_unlock(struct vop_9p_share *share);

/* Under the share's lock: a negative errno of a negative result, else the result. */
int vop_9p_status(const struct vop_9p_share *share, int result);

/* Under the share's lock: results of vop_9p_walk(). The fid is the caller's to clunk. */
int vop_9p_walk_place(const struct vop_9p_place *place, uint32_t *fid, struct vop_9p_qid *qid);
int vop_9p_walk_parent(const struct vop_9p_place *place, uint32_t *fid);

/* Under the share's lock: clunk, and keep the errno of what came before. */
void vop_9p_drop(struct vop_9p_share *share, uint32_t fid);

/* The share is unmounted: what is still open of it answers -EIO from now on. */
void vop_9p_files_abandon(const struct vop_9p_share *share);
void vop_9p_dirs_abandon(const struct vop_9p_share *share);

/* Operations of struct fs_file_system_t. */
int vop_9p_file_open(struct fs_file_t *handle, const char *path, fs_mode_t flags);
ssize_t vop_9p_file_read(struct fs_file_t *handle, void *data, size_t bytes);
ssize_t vop_9p_file_write(struct fs_file_t *handle, const void *data, size_t bytes);
int vop_9p_file_lseek(struct fs_file_t *handle, off_t offset, int whence);
off_t vop_9p_file_tell(struct fs_file_t *handle);
int vop_9p_file_truncate(struct fs_file_t *handle, off_t bytes);
int vop_9p_file_sync(struct fs_file_t *handle);
int vop_9p_file_close(struct fs_file_t *handle);
int vop_9p_dir_open(struct fs_dir_t *handle, const char *path);
int vop_9p_dir_read(struct fs_dir_t *handle, struct fs_dirent *entry);
int vop_9p_dir_close(struct fs_dir_t *handle);

#endif /* VOP_9P_FS_INTERNAL_H */
