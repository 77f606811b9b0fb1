/* SPDX-License-Identifier: Apache-2.0 */
/* Open files of a share: see vop_zephyr/9p_fs.h. */

#include <errno.h>
#include <string.h>

#include <zephyr/kernel.h>

#include "vop_9p_fs_internal.h"
#include "vop_zephyr/compat.h"

#define FILE_MODE 0644u

struct open_file {
	struct vop_9p_share *share; /* NULL: free */
	bool abandoned;             /* the share was unmounted */
	uint32_t fid;
	uint32_t io_bytes;
	uint64_t offset;
	bool append;
};

static struct open_file files[CONFIG_VOP_9P_FILES];
static K_MUTEX_DEFINE(files_lock); /* of who has which */

static struct open_file *take_file(struct vop_9p_share *share)
{
	struct open_file *taken = NULL;

	(void)k_mutex_lock(&files_lock, K_FOREVER);
	for (size_t n = 0; n < ARRAY_SIZE(files) && taken == NULL; n++) {
		if (files[n].share == NULL) {
			taken = &files[n];
			*taken = (struct open_file){ .share = share };
		}
	}
	(void)k_mutex_unlock(&files_lock);
	return taken;
}

void vop_9p_files_abandon(const struct vop_9p_share *share)
{
	for (size_t n = 0; n < ARRAY_SIZE(files); n++) {
		if (files[n].share == share) {
			files[n].abandoned = true;
		}
	}
}

/* Locks the share of an open file; 0, or -EIO and no lock if it was unmounted. */
static int enter(struct open_file *file)
{
	vop_9p_lock(file->share);
	if (file->abandoned) {
		vop_9p_unlock(file->share);
		return -EIO;
	}
	return 0;
}

static uint32_t open_flags(fs_mode_t flags)
{
	uint32_t result = VOP_9P_O_RDONLY;

	if ((flags & FS_O_RDWR) == FS_O_RDWR) {
		result = VOP_9P_O_RDWR;
	} else if ((flags & FS_O_WRITE) != 0) {
		result = VOP_9P_O_WRONLY;
	}
	return (flags & FS_O_TRUNC) != 0 ? result | VOP_9P_O_TRUNC : result;
}

static int open_existing(const struct vop_9p_place *place, uint32_t flags, struct open_file *file)
{
	struct vop_9p_client *client = &place->share->client;
	struct vop_9p_qid qid;
	uint32_t iounit;
	int result = vop_9p_walk_place(place, &file->fid, &qid);

	if (result != VOP_OK) {
		return vop_9p_status(place->share, result);
	}
	if ((qid.type & VOP_9P_QTDIR) != 0) {
		vop_9p_drop(place->share, file->fid);
		return -EISDIR;
	}
	result = vop_9p_lopen(client, file->fid, flags, &iounit);
	if (result != VOP_OK) {
		vop_9p_drop(place->share, file->fid);
		return vop_9p_status(place->share, result);
	}
	file->io_bytes = vop_9p_io_bytes(client, iounit);
	return 0;
}

static int create(const struct vop_9p_place *place, uint32_t flags, struct open_file *file)
{
	struct vop_9p_client *client = &place->share->client;
	uint32_t iounit;
	int result = vop_9p_walk_parent(place, &file->fid);

	if (result != VOP_OK) {
		return vop_9p_status(place->share, result);
	}
	result = vop_9p_lcreate(client, file->fid, place->name, place->name_bytes,
				flags | VOP_9P_O_CREAT, FILE_MODE, &iounit);
	if (result != VOP_OK) {
		vop_9p_drop(place->share, file->fid);
		return vop_9p_status(place->share, result);
	}
	file->io_bytes = vop_9p_io_bytes(client, iounit);
	return 0;
}

int vop_9p_file_open(struct fs_file_t *handle, const char *path, fs_mode_t flags)
{
	const struct vop_9p_place place = vop_9p_locate(handle->mp, path);
	struct open_file *file = take_file(place.share);
	int result;

	if (file == NULL) {
		return -ENFILE;
	}
	file->append = (flags & FS_O_APPEND) != 0;
	vop_9p_lock(place.share);
	result = open_existing(&place, open_flags(flags), file);
	if (result == -ENOENT && (flags & FS_O_CREATE) != 0 && place.name_bytes != 0) {
		result = create(&place, open_flags(flags), file);
	}
	vop_9p_unlock(place.share);
	if (result != 0) {
		file->share = NULL;
		return result;
	}
	handle->filep = file;
	return 0;
}

ssize_t vop_9p_file_read(struct fs_file_t *handle, void *data, size_t bytes)
{
	struct open_file *file = handle->filep;
	size_t done = 0;
	int result = enter(file);

	if (result != 0) {
		return result;
	}
	bytes = MIN(bytes, SSIZE_MAX);
	while (done < bytes) {
		const uint32_t part = MIN(bytes - done, file->io_bytes);

		result = vop_9p_read(&file->share->client, file->fid, file->offset,
				     (uint8_t *)data + done, part);
		if (result <= 0) {
			break;
		}
		file->offset += (uint32_t)result;
		done += (uint32_t)result;
		if ((uint32_t)result < part) {
			break; /* the end of the file, or of what the server gives at once */
		}
	}
	result = result < 0 && done == 0 ? vop_9p_status(file->share, result) : (int)done;
	vop_9p_unlock(file->share);
	return result;
}

/* The size of an open file, or a negative errno. Under the share's lock. */
static int64_t file_bytes(struct open_file *file)
{
	struct vop_9p_attributes attributes;
	int result = vop_9p_getattr(&file->share->client, file->fid, &attributes);

	if (result != VOP_OK) {
		return vop_9p_status(file->share, result);
	}
	return attributes.size_bytes > INT64_MAX ? -EOVERFLOW : (int64_t)attributes.size_bytes;
}

static int write_all(struct open_file *file, const uint8_t *data, size_t bytes, size_t *done)
{
	int result = 1;

	while (*done < bytes && result > 0) {
		result = vop_9p_write(&file->share->client, file->fid, file->offset, data + *done,
				      MIN(bytes - *done, file->io_bytes));
		if (result > 0) {
			file->offset += (uint32_t)result;
			*done += (uint32_t)result;
		}
	}
	return result < 0 ? vop_9p_status(file->share, result) : 0;
}

ssize_t vop_9p_file_write(struct fs_file_t *handle, const void *data, size_t bytes)
{
	struct open_file *file = handle->filep;
	size_t done = 0;
	int result = enter(file);

	if (result != 0) {
		return result;
	}
	bytes = MIN(bytes, SSIZE_MAX);
	if (file->append) {
		const int64_t end = file_bytes(file);

		if (end < 0) {
			result = (int)end;
		} else {
			file->offset = (uint64_t)end;
		}
	}
	if (result == 0) {
		result = write_all(file, data, bytes, &done);
	}
	vop_9p_unlock(file->share);
	return result < 0 && done == 0 ? result : (ssize_t)done;
}

int vop_9p_file_lseek(struct fs_file_t *handle, off_t offset, int whence)
{
	struct open_file *file = handle->filep;
	int64_t base = 0;

	if (whence == FS_SEEK_CUR) {
		base = (int64_t)file->offset;
	} else if (whence == FS_SEEK_END) {
		base = enter(file);
		if (base == 0) {
			base = file_bytes(file);
			vop_9p_unlock(file->share);
		}
		if (base < 0) {
			return (int)base;
		}
	} else if (whence != FS_SEEK_SET) {
		return -EINVAL;
	}
	if (offset > 0 && base > INT64_MAX - offset) {
		return -EOVERFLOW;
	}
	if (base + offset < 0) {
		return -EINVAL;
	}
	file->offset = (uint64_t)(base + offset);
	return 0;
}

off_t vop_9p_file_tell(struct fs_file_t *handle)
{
	const struct open_file *file = handle->filep;
	const off_t offset = (off_t)file->offset;

	return offset < 0 || (uint64_t)offset != file->offset ? -EOVERFLOW : offset;
}

int vop_9p_file_truncate(struct fs_file_t *handle, off_t bytes)
{
	struct open_file *file = handle->filep;
	const struct vop_9p_attributes attributes = { .size_bytes = (uint64_t)bytes };
	int result = bytes < 0 ? -EINVAL : enter(file);

	if (result != 0) {
		return result;
	}
	result = vop_9p_status(file->share, vop_9p_setattr(&file->share->client, file->fid,
						       VOP_9P_SET_SIZE, &attributes));
	vop_9p_unlock(file->share);
	return result;
}

int vop_9p_file_sync(struct fs_file_t *handle)
{
	struct open_file *file = handle->filep;
	int result = enter(file);

	if (result != 0) {
		return result;
	}
	result = vop_9p_status(file->share, vop_9p_fsync(&file->share->client, file->fid));
	vop_9p_unlock(file->share);
	return result;
}

int vop_9p_file_close(struct fs_file_t *handle)
{
	struct open_file *file = handle->filep;
	struct vop_9p_share *share = file->share;
	int result = enter(file);

	if (result == 0) {
		result = vop_9p_status(share, vop_9p_clunk(&share->client, file->fid));
		vop_9p_unlock(share);
	}
	handle->filep = NULL;
	file->share = NULL;
	return result;
}

uint32_t vop_9p_file_io_bytes(const struct fs_file_t *handle)
{
	const struct open_file *file = handle->filep;

	return file->io_bytes;
}
