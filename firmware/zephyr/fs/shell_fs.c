/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card shell's file system over Zephyr's: every operation is one of fs_*(), and its errno is
 * turned back into Linux's. Zephyr's fs_stat() has no room for mode, owner and time: those, and
 * what is mounted with which message size, come from the share itself.
 *
 * For one thread: the shell's.
 */

#include "vop_zephyr/shell_fs.h"

#include <zephyr/fs/fs.h>
#include <zephyr/sys/util.h>

#include "vop/errno.h"
#include "vop/text.h"
#include "vop_zephyr/9p_fs.h"
#include "vop_zephyr/compat.h"
#include "vop_zephyr/errno.h"

#define ROOT_MODE (VOP_FS_TYPE_DIR | 0555u)

/* The shell has at most two files and one directory open: `cp`, and a listing. */
static struct fs_file_t files[2];
static struct fs_dir_t directory;
static struct fs_dirent found; /* too large for a stack */

/* What fs_*() returned, with a Linux errno. */
static int linux_status(int result)
{
	return result < 0 ? -(int)vop_errno_from_zephyr(-result) : result;
}

static bool is_root(const char *path)
{
	return path[0] == '/' && path[1] == '\0';
}

static bool is_mount_point(const char *path)
{
	const struct vop_9p_share *share = vop_9p_share_of(path);

	return is_root(path) || (share != NULL && path[share->mount->mountp_len] == '\0');
}

static int mount_at(struct vop_fs *fs, uint32_t index, struct vop_fs_mount *mount)
{
	const struct vop_9p_share *share = vop_9p_share_at(index);

	ARG_UNUSED(fs);
	if (share == NULL) {
		return 0;
	}
	*mount = (struct vop_fs_mount){
		.name = share->mount->mnt_point + 1,
		.type = "9p",
		.message_bytes = share->client.msize,
	};
	return 1;
}

static int open_file(struct vop_fs *fs, const char *path, enum vop_fs_open how, uint32_t mode,
		     struct vop_fs_file *file)
{
	struct fs_file_t *handle = files[0].filep == NULL ? &files[0] : &files[1];
	int result;

	ARG_UNUSED(fs);
	ARG_UNUSED(mode); /* fs_open() has none */
	fs_file_t_init(handle);
	result = fs_open(handle, path, how == VOP_FS_READ ? FS_O_READ
							  : FS_O_CREATE | FS_O_WRITE | FS_O_TRUNC);
	if (result == 0) {
		*file = (struct vop_fs_file){
			.mount = handle,
			.io_bytes = vop_9p_file_io_bytes(handle),
		};
	}
	return linux_status(result);
}

static int read_file(struct vop_fs *fs, struct vop_fs_file *file, void *data, uint32_t bytes)
{
	const int result = (int)fs_read(file->mount, data, bytes);

	ARG_UNUSED(fs);
	file->offset += (uint32_t)MAX(result, 0);
	return linux_status(result);
}

static int write_file(struct vop_fs *fs, struct vop_fs_file *file, const void *data,
		      uint32_t bytes)
{
	const int result = (int)fs_write(file->mount, data, bytes);

	ARG_UNUSED(fs);
	file->offset += (uint32_t)MAX(result, 0);
	return linux_status(result);
}

static int sync_file(struct vop_fs *fs, struct vop_fs_file *file)
{
	ARG_UNUSED(fs);
	return linux_status(fs_sync(file->mount));
}

static int close_file(struct vop_fs *fs, struct vop_fs_file *file)
{
	struct fs_file_t *handle = file->mount;
	const int result = fs_close(handle);

	ARG_UNUSED(fs);
	handle->filep = NULL; /* also after a failure: the shell is done with it */
	return linux_status(result);
}

static int open_dir(struct vop_fs *fs, const char *path, void *buffer, uint32_t bytes,
		    struct vop_fs_dir *dir)
{
	ARG_UNUSED(fs);
	ARG_UNUSED(buffer); /* the share has its own */
	ARG_UNUSED(bytes);
	fs_dir_t_init(&directory);
	*dir = (struct vop_fs_dir){ .mount = &directory };
	return linux_status(fs_opendir(&directory, path));
}

static int read_dir(struct vop_fs *fs, struct vop_fs_dir *dir, struct vop_fs_dirent *entry)
{
	const int result = fs_readdir(dir->mount, &found);

	ARG_UNUSED(fs);
	if (result != 0 || found.name[0] == '\0') {
		return linux_status(result);
	}
	entry->is_dir = found.type == FS_DIR_ENTRY_DIR;
	(void)vop_text_copy(entry->name, sizeof(entry->name), found.name,
			    vop_text_length(found.name));
	return 1;
}

static int close_dir(struct vop_fs *fs, struct vop_fs_dir *dir)
{
	ARG_UNUSED(fs);
	return linux_status(fs_closedir(dir->mount));
}

static int stat_path(struct vop_fs *fs, const char *path, struct vop_fs_stat *stat)
{
	ARG_UNUSED(fs);
	*stat = (struct vop_fs_stat){ .mode = ROOT_MODE, .links = 1 };
	return is_root(path) ? 0 : linux_status(vop_9p_stat(path, stat));
}

static int usage(struct vop_fs *fs, const char *path, struct vop_fs_usage *result)
{
	struct fs_statvfs stat = { 0 };
	int status;

	ARG_UNUSED(fs);
	if (is_root(path)) {
		return -VOP_ENOSYS;
	}
	status = linux_status(fs_statvfs(path, &stat));
	result->total_bytes = (uint64_t)stat.f_blocks * stat.f_frsize;
	result->available_bytes = (uint64_t)stat.f_bfree * stat.f_frsize;
	return status;
}

static int make_dir(struct vop_fs *fs, const char *path, uint32_t mode)
{
	ARG_UNUSED(fs);
	ARG_UNUSED(mode); /* fs_mkdir() has none */
	return linux_status(fs_mkdir(path));
}

static int unlink_path(struct vop_fs *fs, const char *path, bool is_dir)
{
	int result;

	ARG_UNUSED(fs);
	if (is_mount_point(path)) {
		return -VOP_EBUSY;
	}
	result = fs_stat(path, &found);
	if (result == 0 && is_dir != (found.type == FS_DIR_ENTRY_DIR)) {
		return is_dir ? -VOP_ENOTDIR : -VOP_EISDIR; /* fs_unlink() takes both */
	}
	return linux_status(result == 0 ? fs_unlink(path) : result);
}

static int rename_path(struct vop_fs *fs, const char *from, const char *to)
{
	const struct vop_9p_share *share = vop_9p_share_of(from);

	ARG_UNUSED(fs);
	if (is_mount_point(from) || is_mount_point(to)) {
		return -VOP_EBUSY;
	}
	if (share == NULL || vop_9p_share_of(to) == NULL) {
		return -VOP_ENOENT;
	}
	return vop_9p_share_of(to) != share ? -VOP_EXDEV : linux_status(fs_rename(from, to));
}

static const struct vop_fs_ops operations = {
	.mount_at = mount_at,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.sync = sync_file,
	.close = close_file,
	.opendir = open_dir,
	.readdir = read_dir,
	.closedir = close_dir,
	.stat = stat_path,
	.usage = usage,
	.mkdir = make_dir,
	.unlink = unlink_path,
	.rename = rename_path,
};

struct vop_fs *vop_zephyr_shell_fs(void)
{
	static struct vop_fs fs = { .ops = &operations };

	return &fs;
}
