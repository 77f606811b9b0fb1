/* SPDX-License-Identifier: Apache-2.0 */
/* 9P2000.L as a Zephyr file system type, and what it does with names: see vop_zephyr/9p_fs.h. */

#include "vop_zephyr/9p_fs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <zephyr/fs/fs_sys.h>

#include "vop/errno.h"
#include "vop_9p_fs_internal.h"
#include "vop_zephyr/errno.h"

#define DIR_MODE 0755u

static struct vop_9p_share *shares[CONFIG_VOP_MOUNTS];
static K_MUTEX_DEFINE(shares_lock); /* of the table */

void vop_9p_lock(struct vop_9p_share *share)
{
	(void)k_mutex_lock(&share->lock, K_FOREVER);
}

void vop_9p_unlock(struct vop_9p_share *share)
{
	(void)k_mutex_unlock(&share->lock);
}

/* What only the transport knows is an I/O error. */
int vop_9p_status(const struct vop_9p_share *share, int result)
{
	if (result >= 0) {
		return result;
	}
	switch (result) {
	case VOP_E_REFUSED:
	case VOP_E_LATE:
	case VOP_E_MALFORMED:
	case VOP_E_FULL:
		return -vop_errno_to_zephyr(vop_errno_of_result(result, share->client.ecode));
	case VOP_E_ARGUMENT:
		return -ENAMETOOLONG;
	default:
		return -EIO;
	}
}

struct vop_9p_place vop_9p_locate(const struct fs_mount_t *mount, const char *path)
{
	struct vop_9p_place place = { .share = mount->fs_data };

	path += mount->mountp_len;
	while (*path == '/') {
		path++;
	}
	place.path = path;
	place.path_bytes = strlen(path);
	place.name = strrchr(path, '/');
	place.name = place.name == NULL ? path : place.name + 1;
	place.parent_bytes = place.name - path;
	place.name_bytes = place.path_bytes - place.parent_bytes;
	return place;
}

int vop_9p_walk_place(const struct vop_9p_place *place, uint32_t *fid, struct vop_9p_qid *qid)
{
	return vop_9p_walk(&place->share->client, VOP_9P_ROOT, place->path, place->path_bytes, fid,
			   qid);
}

int vop_9p_walk_parent(const struct vop_9p_place *place, uint32_t *fid)
{
	return vop_9p_walk(&place->share->client, VOP_9P_ROOT, place->path, place->parent_bytes,
			   fid, NULL);
}

void vop_9p_drop(struct vop_9p_share *share, uint32_t fid)
{
	const uint32_t ecode = share->client.ecode;

	(void)vop_9p_clunk(&share->client, fid);
	share->client.ecode = ecode;
}

static int remember(struct vop_9p_share *share)
{
	int result = -ENFILE;

	(void)k_mutex_lock(&shares_lock, K_FOREVER);
	for (size_t n = 0; n < ARRAY_SIZE(shares) && result != 0; n++) {
		if (shares[n] == NULL) {
			shares[n] = share;
			result = 0;
		}
	}
	(void)k_mutex_unlock(&shares_lock);
	return result;
}

static void forget(struct vop_9p_share *share)
{
	(void)k_mutex_lock(&shares_lock, K_FOREVER);
	for (size_t n = 0; n < ARRAY_SIZE(shares); n++) {
		if (shares[n] == share) {
			shares[n] = NULL;
		}
	}
	(void)k_mutex_unlock(&shares_lock);
}

static int share_mount(struct fs_mount_t *mount)
{
	struct vop_9p_share *share = mount->fs_data;
	int result;

	k_mutex_init(&share->lock);
	share->mount = mount;
	result = vop_9p_start(&share->client, share->transport, 0);
	if (result != VOP_OK) {
		return -vop_errno_to_zephyr(vop_errno_of_result(result, share->client.ecode));
	}
	return remember(share);
}

static int share_unmount(struct fs_mount_t *mount)
{
	struct vop_9p_share *share = mount->fs_data;

	vop_9p_lock(share);
	vop_9p_files_abandon(share);
	vop_9p_dirs_abandon(share);
	vop_9p_unlock(share);
	forget(share);
	return 0;
}

static int share_unlink(struct fs_mount_t *mount, const char *path)
{
	const struct vop_9p_place place = vop_9p_locate(mount, path);
	struct vop_9p_client *client = &place.share->client;
	uint32_t fid;
	int result;

	if (place.name_bytes == 0) {
		return -EBUSY;
	}
	vop_9p_lock(place.share);
	result = vop_9p_walk_parent(&place, &fid);
	if (result == VOP_OK) {
		result = vop_9p_unlinkat(client, fid, place.name, place.name_bytes, 0);
		if (result == VOP_E_REFUSED && client->ecode == VOP_EISDIR) {
			result = vop_9p_unlinkat(client, fid, place.name, place.name_bytes,
						 VOP_9P_AT_REMOVEDIR);
		}
		vop_9p_drop(place.share, fid);
	}
	result = vop_9p_status(place.share, result);
	vop_9p_unlock(place.share);
	return result;
}

static int share_rename(struct fs_mount_t *mount, const char *from, const char *to)
{
	const struct vop_9p_place old_place = vop_9p_locate(mount, from);
	const struct vop_9p_place new_place = vop_9p_locate(mount, to);
	struct vop_9p_share *share = old_place.share;
	uint32_t old_fid;
	uint32_t new_fid;
	int result;

	if (old_place.name_bytes == 0 || new_place.name_bytes == 0) {
		return -EBUSY;
	}
	vop_9p_lock(share);
	result = vop_9p_walk_parent(&old_place, &old_fid);
	if (result == VOP_OK) {
		result = vop_9p_walk_parent(&new_place, &new_fid);
		if (result == VOP_OK) {
			result = vop_9p_renameat(&share->client, old_fid, old_place.name,
						 old_place.name_bytes, new_fid, new_place.name,
						 new_place.name_bytes);
			vop_9p_drop(share, new_fid);
		}
		vop_9p_drop(share, old_fid);
	}
	result = vop_9p_status(share, result);
	vop_9p_unlock(share);
	return result;
}

static int share_mkdir(struct fs_mount_t *mount, const char *path)
{
	const struct vop_9p_place place = vop_9p_locate(mount, path);
	uint32_t fid;
	int result;

	if (place.name_bytes == 0) {
		return -EEXIST;
	}
	vop_9p_lock(place.share);
	result = vop_9p_walk_parent(&place, &fid);
	if (result == VOP_OK) {
		result = vop_9p_mkdir(&place.share->client, fid, place.name, place.name_bytes,
				      DIR_MODE);
		vop_9p_drop(place.share, fid);
	}
	result = vop_9p_status(place.share, result);
	vop_9p_unlock(place.share);
	return result;
}

static int get_attributes(const struct vop_9p_place *place, struct vop_9p_attributes *attributes)
{
	uint32_t fid;
	int result;

	vop_9p_lock(place->share);
	result = vop_9p_walk_place(place, &fid, NULL);
	if (result == VOP_OK) {
		result = vop_9p_getattr(&place->share->client, fid, attributes);
		vop_9p_drop(place->share, fid);
	}
	result = vop_9p_status(place->share, result);
	vop_9p_unlock(place->share);
	return result;
}

static int share_stat(struct fs_mount_t *mount, const char *path, struct fs_dirent *entry)
{
	const struct vop_9p_place place = vop_9p_locate(mount, path);
	struct vop_9p_attributes attributes;
	int result = get_attributes(&place, &attributes);

	if (result != 0) {
		return result;
	}
	entry->type = (attributes.mode & VOP_FS_TYPE_MASK) == VOP_FS_TYPE_DIR ? FS_DIR_ENTRY_DIR
									      : FS_DIR_ENTRY_FILE;
	entry->size = (size_t)MIN(attributes.size_bytes, SIZE_MAX);
	strncpy(entry->name, place.name, sizeof(entry->name) - 1);
	entry->name[sizeof(entry->name) - 1] = '\0';
	return 0;
}

static int share_statvfs(struct fs_mount_t *mount, const char *path, struct fs_statvfs *stat)
{
	const struct vop_9p_place place = vop_9p_locate(mount, path);
	struct vop_9p_statfs statfs = { 0 };
	uint32_t fid;
	int result;

	vop_9p_lock(place.share);
	result = vop_9p_walk_place(&place, &fid, NULL);
	if (result == VOP_OK) {
		result = vop_9p_statfs(&place.share->client, fid, &statfs);
		vop_9p_drop(place.share, fid);
	}
	result = vop_9p_status(place.share, result);
	vop_9p_unlock(place.share);
	/* Free to us: without what the server keeps for its administrator. */
	stat->f_bsize = statfs.block_bytes;
	stat->f_frsize = statfs.block_bytes;
	stat->f_blocks = (unsigned long)MIN(statfs.blocks, ULONG_MAX);
	stat->f_bfree = (unsigned long)MIN(statfs.blocks_available, ULONG_MAX);
	return result;
}

const struct vop_9p_share *vop_9p_share_at(uint32_t index)
{
	for (size_t n = 0; n < ARRAY_SIZE(shares); n++) {
		if (shares[n] != NULL && index-- == 0) {
			return shares[n];
		}
	}
	return NULL;
}

const struct vop_9p_share *vop_9p_share_of(const char *path)
{
	for (size_t n = 0; n < ARRAY_SIZE(shares); n++) {
		if (shares[n] != NULL) {
			const struct fs_mount_t *mount = shares[n]->mount;
			const size_t bytes = mount->mountp_len;

			if (strncmp(path, mount->mnt_point, bytes) == 0 &&
			    (path[bytes] == '\0' || path[bytes] == '/')) {
				return shares[n];
			}
		}
	}
	return NULL;
}

int vop_9p_stat(const char *path, struct vop_fs_stat *stat)
{
	const struct vop_9p_share *share = vop_9p_share_of(path);
	struct vop_9p_attributes attributes;
	struct vop_9p_place place;
	int result;

	if (share == NULL) {
		return -ENOENT;
	}
	place = vop_9p_locate(share->mount, path);
	result = get_attributes(&place, &attributes);
	if (result == 0) {
		*stat = (struct vop_fs_stat){
			.mode = attributes.mode,
			.uid = attributes.uid,
			.gid = attributes.gid,
			.links = attributes.links,
			.size_bytes = attributes.size_bytes,
			.mtime_s = attributes.mtime_s,
			.mount = share,
			.inode = attributes.qid.path,
		};
	}
	return result;
}

static const struct fs_file_system_t file_system = {
	.open = vop_9p_file_open,
	.read = vop_9p_file_read,
	.write = vop_9p_file_write,
	.lseek = vop_9p_file_lseek,
	.tell = vop_9p_file_tell,
	.truncate = vop_9p_file_truncate,
	.sync = vop_9p_file_sync,
	.close = vop_9p_file_close,
	.opendir = vop_9p_dir_open,
	.readdir = vop_9p_dir_read,
	.closedir = vop_9p_dir_close,
	.mount = share_mount,
	.unmount = share_unmount,
	.unlink = share_unlink,
	.rename = share_rename,
	.mkdir = share_mkdir,
	.stat = share_stat,
	.statvfs = share_statvfs,
};

int vop_9p_fs_register(void)
{
	return fs_register(VOP_FS_TYPE_9P, &file_system);
}
