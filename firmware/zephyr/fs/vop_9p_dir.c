/* SPDX-License-Identifier: Apache-2.0 */
/* Open directories of a share: see vop_zephyr/9p_fs.h. */

#include <errno.h>
#include <string.h>

#include <zephyr/kernel.h>

#include "vop_9p_fs_internal.h"
#include "vop_zephyr/large.h"

BUILD_ASSERT(MAX_FILE_NAME >= VOP_9P_NAME_MAX,
	     "set CONFIG_FILE_SYSTEM_MAX_FILE_NAME to 255: names of a share may be that long");

struct open_dir {
	struct vop_9p_share *share; /* NULL: free */
	bool abandoned;             /* the share was unmounted */
	uint32_t fid;
	uint32_t filled;
	uint32_t at;
	uint64_t next;
	uint8_t *buffer;
};

static struct open_dir dirs[CONFIG_VOP_9P_DIRS];
static uint8_t buffers[CONFIG_VOP_9P_DIRS][CONFIG_VOP_9P_DIR_BYTES] VOP_LARGE __aligned(64);
static K_MUTEX_DEFINE(dirs_lock); /* of who has which */

static struct open_dir *take_dir(struct vop_9p_share *share)
{
	struct open_dir *taken = NULL;

	(void)k_mutex_lock(&dirs_lock, K_FOREVER);
	for (size_t n = 0; n < ARRAY_SIZE(dirs) && taken == NULL; n++) {
		if (dirs[n].share == NULL) {
			taken = &dirs[n];
			*taken = (struct open_dir){ .share = share, .buffer = buffers[n] };
		}
	}
	(void)k_mutex_unlock(&dirs_lock);
	return taken;
}

void vop_9p_dirs_abandon(const struct vop_9p_share *share)
{
	for (size_t n = 0; n < ARRAY_SIZE(dirs); n++) {
		if (dirs[n].share == share) {
			dirs[n].abandoned = true;
		}
	}
}

/* Locks the share of an open directory; 0, or -EIO and no lock if it was unmounted. */
static int enter(struct open_dir *dir)
{
	vop_9p_lock(dir->share);
	if (dir->abandoned) {
		vop_9p_unlock(dir->share);
		return -EIO;
	}
	return 0;
}

int vop_9p_dir_open(struct fs_dir_t *handle, const char *path)
{
	const struct vop_9p_place place = vop_9p_locate(handle->mp, path);
	struct open_dir *dir = take_dir(place.share);
	uint32_t iounit;
	int result;

	if (dir == NULL) {
		return -ENFILE;
	}
	vop_9p_lock(place.share);
	result = vop_9p_walk_place(&place, &dir->fid, NULL);
	if (result == VOP_OK) {
		result = vop_9p_lopen(&place.share->client, dir->fid,
				      VOP_9P_O_RDONLY | VOP_9P_O_DIRECTORY, &iounit);
		if (result != VOP_OK) {
			vop_9p_drop(place.share, dir->fid);
		}
	}
	result = vop_9p_status(place.share, result);
	vop_9p_unlock(place.share);
	if (result != 0) {
		dir->share = NULL;
		return result;
	}
	handle->dirp = dir;
	return 0;
}

/* The next entry of the directory, "." and ".." included: 1, 0 at the end, or a negative errno. */
static int next_entry(struct open_dir *dir, struct vop_9p_dirent *entry)
{
	struct vop_9p_reader reader;
	int result;

	if (dir->at == dir->filled) {
		result = vop_9p_readdir(&dir->share->client, dir->fid, dir->next, dir->buffer,
					CONFIG_VOP_9P_DIR_BYTES);
		if (result <= 0) {
			return vop_9p_status(dir->share, result);
		}
		dir->filled = (uint32_t)result;
		dir->at = 0;
	}
	reader = (struct vop_9p_reader){ .at = dir->buffer + dir->at,
					 .end = dir->buffer + dir->filled };
	result = vop_9p_get_dirent(&reader, entry);
	if (result < 0) {
		return vop_9p_status(dir->share, result);
	}
	/* A server whose offset stands still would be listed for ever. */
	if (entry->next == dir->next) {
		return -EBADMSG;
	}
	dir->next = entry->next;
	dir->at = (uint32_t)(reader.at - dir->buffer);
	return result;
}

static bool is_dot(const struct vop_9p_dirent *entry)
{
	return entry->name[0] == '.' &&
	       (entry->name_bytes == 1 || (entry->name_bytes == 2 && entry->name[1] == '.'));
}

int vop_9p_dir_read(struct fs_dir_t *handle, struct fs_dirent *entry)
{
	struct open_dir *dir = handle->dirp;
	struct vop_9p_dirent raw;
	int result = enter(dir);

	if (result != 0) {
		return result;
	}
	do {
		result = next_entry(dir, &raw);
	} while (result == 1 && is_dot(&raw));
	entry->name[0] = '\0';
	entry->size = 0;
	if (result == 1) {
		entry->type = (raw.qid.type & VOP_9P_QTDIR) != 0 ? FS_DIR_ENTRY_DIR
								  : FS_DIR_ENTRY_FILE;
		memcpy(entry->name, raw.name, raw.name_bytes);
		entry->name[raw.name_bytes] = '\0';
	}
	vop_9p_unlock(dir->share);
	return MIN(result, 0);
}

int vop_9p_dir_close(struct fs_dir_t *handle)
{
	struct open_dir *dir = handle->dirp;
	struct vop_9p_share *share = dir->share;
	int result = enter(dir);

	if (result == 0) {
		result = vop_9p_status(share, vop_9p_clunk(&share->client, dir->fid));
		vop_9p_unlock(share);
	}
	handle->dirp = NULL;
	dir->share = NULL;
	return result;
}
