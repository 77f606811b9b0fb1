/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's file system over 9P clients: each share is mounted at /<tag>. */

#include "vop/9p_fs.h"

#include <stddef.h>
#include <string.h>

#include "vop/errno.h"
#include "vop/text.h"

#define ROOT_MODE (VOP_FS_TYPE_DIR | 0555u)

/* A path that was taken apart: its mount, and what lies behind the mount's name. */
struct place {
	struct vop_9p_mount *mount; /* NULL: the root, where mounts are listed */
	const char *path;           /* within the share */
	uint32_t parent_bytes;      /* of `path`, up to its last name */
	const char *name;           /* its last name; empty for the share's root */
	uint32_t name_bytes;
};

static struct vop_9p_fs *to_9p_fs(struct vop_fs *fs)
{
	return (struct vop_9p_fs *)fs;
}

/* A negative errno of a negative result; what only the transport knows is an I/O error. */
static int error_of(const struct vop_9p_mount *mount, int result)
{
	switch (result) {
	case VOP_E_REFUSED:
	case VOP_E_LATE:
	case VOP_E_MALFORMED:
	case VOP_E_FULL:
		return -(int)vop_errno_of_result(result, mount->client.ecode);
	case VOP_E_ARGUMENT:
		return -VOP_ENAMETOOLONG;
	default:
		return -VOP_EIO;
	}
}

static int status_of(const struct vop_9p_mount *mount, int result)
{
	return result < 0 ? error_of(mount, result) : result;
}

static struct vop_9p_mount *find_mount(struct vop_9p_fs *fs, const char *tag, uint32_t bytes)
{
	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		struct vop_9p_mount *mount = fs->mounts[n];

		if (mount != NULL && vop_text_length(mount->virtio.tag) == bytes &&
		    memcmp(mount->virtio.tag, tag, bytes) == 0) {
			return mount;
		}
	}
	return NULL;
}

static int resolve(struct vop_fs *fs, const char *path, struct place *place)
{
	const char *tag = path + 1;
	uint32_t bytes = 0;

	*place = (struct place){ .path = "", .name = "" };
	while (tag[bytes] != '\0' && tag[bytes] != '/') {
		bytes++;
	}
	if (bytes == 0) {
		return 0;
	}
	place->mount = find_mount(to_9p_fs(fs), tag, bytes);
	if (place->mount == NULL) {
		return -VOP_ENOENT;
	}
	if (tag[bytes] == '\0') {
		return 0;
	}
	place->path = tag + bytes + 1;
	place->name = place->path;
	for (const char *at = place->path; *at != '\0'; at++) {
		if (*at == '/') {
			place->name = at + 1;
		}
	}
	place->parent_bytes = (uint32_t)(place->name - place->path);
	place->name_bytes = vop_text_length(place->name);
	return 0;
}

/* As resolve(), for what needs a name in a share's directory; `root` is the error without one. */
static int resolve_entry(struct vop_fs *fs, const char *path, struct place *place, int root)
{
	int result = resolve(fs, path, place);

	if (result == 0 && place->name_bytes == 0) {
		return -root;
	}
	return result;
}

static int walk(const struct place *place, uint32_t *fid, struct vop_9p_qid *qid)
{
	return vop_9p_walk(&place->mount->client, VOP_9P_ROOT, place->path,
			   vop_text_length(place->path), fid, qid);
}

static int walk_parent(const struct place *place, uint32_t *fid)
{
	return vop_9p_walk(&place->mount->client, VOP_9P_ROOT, place->path, place->parent_bytes,
			   fid, NULL);
}

/* Clunk, and keep the errno of what came before. */
static void clunk(struct vop_9p_mount *mount, uint32_t fid)
{
	uint32_t ecode = mount->client.ecode;

	(void)vop_9p_clunk(&mount->client, fid);
	mount->client.ecode = ecode;
}

static int mount_at(struct vop_fs *fs, uint32_t index, struct vop_fs_mount *mount)
{
	struct vop_9p_fs *fs_9p = to_9p_fs(fs);

	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		if (fs_9p->mounts[n] != NULL && index-- == 0) {
			mount->name = fs_9p->mounts[n]->virtio.tag;
			mount->type = "9p";
			mount->message_bytes = fs_9p->mounts[n]->client.msize;
			return 1;
		}
	}
	return 0;
}

static void fill_file(struct vop_fs_file *file, struct vop_9p_mount *mount, uint32_t fid,
		      uint32_t iounit)
{
	*file = (struct vop_fs_file){
		.mount = mount,
		.id = fid,
		.io_bytes = vop_9p_io_bytes(&mount->client, iounit),
	};
}

static int open_existing(const struct place *place, uint32_t flags, struct vop_fs_file *file)
{
	struct vop_9p_mount *mount = place->mount;
	struct vop_9p_qid qid;
	uint32_t iounit;
	uint32_t fid;
	int result = walk(place, &fid, &qid);

	if (result != VOP_OK) {
		return error_of(mount, result);
	}
	if ((qid.type & VOP_9P_QTDIR) != 0) {
		clunk(mount, fid);
		return -VOP_EISDIR;
	}
	result = vop_9p_lopen(&mount->client, fid, flags, &iounit);
	if (result != VOP_OK) {
		clunk(mount, fid);
		return error_of(mount, result);
	}
	fill_file(file, mount, fid, iounit);
	return 0;
}

static int create(const struct place *place, uint32_t mode, struct vop_fs_file *file)
{
	struct vop_9p_mount *mount = place->mount;
	uint32_t iounit;
	uint32_t fid;
	int result = walk_parent(place, &fid);

	if (result != VOP_OK) {
		return error_of(mount, result);
	}
	result = vop_9p_lcreate(&mount->client, fid, place->name, place->name_bytes,
				VOP_9P_O_WRONLY | VOP_9P_O_CREAT | VOP_9P_O_TRUNC, mode, &iounit);
	if (result != VOP_OK) {
		clunk(mount, fid);
		return error_of(mount, result);
	}
	fill_file(file, mount, fid, iounit);
	return 0;
}

static int fs_open(struct vop_fs *fs, const char *path, enum vop_fs_open how, uint32_t mode,
		   struct vop_fs_file *file)
{
	struct place place;
	int result = resolve_entry(fs, path, &place, VOP_EISDIR);

	if (result != 0) {
		return result;
	}
	if (how == VOP_FS_READ) {
		return open_existing(&place, VOP_9P_O_RDONLY, file);
	}
	result = open_existing(&place, VOP_9P_O_WRONLY | VOP_9P_O_TRUNC, file);
	return result == -VOP_ENOENT ? create(&place, mode, file) : result;
}

static int fs_read(struct vop_fs *fs, struct vop_fs_file *file, void *data, uint32_t bytes)
{
	struct vop_9p_mount *mount = file->mount;
	int result;

	(void)fs;
	result = vop_9p_read(&mount->client, file->id, file->offset, data, bytes);
	if (result > 0) {
		file->offset += (uint32_t)result;
	}
	return status_of(mount, result);
}

static int fs_write(struct vop_fs *fs, struct vop_fs_file *file, const void *data, uint32_t bytes)
{
	struct vop_9p_mount *mount = file->mount;
	int result;

	(void)fs;
	result = vop_9p_write(&mount->client, file->id, file->offset, data, bytes);
	if (result > 0) {
		file->offset += (uint32_t)result;
	}
	return status_of(mount, result);
}

static int fs_sync(struct vop_fs *fs, struct vop_fs_file *file)
{
	struct vop_9p_mount *mount = file->mount;

	(void)fs;
	return status_of(mount, vop_9p_fsync(&mount->client, file->id));
}

static int fs_close(struct vop_fs *fs, struct vop_fs_file *file)
{
	struct vop_9p_mount *mount = file->mount;

	(void)fs;
	return status_of(mount, vop_9p_clunk(&mount->client, file->id));
}

static int fs_opendir(struct vop_fs *fs, const char *path, void *buffer, uint32_t bytes,
		      struct vop_fs_dir *dir)
{
	struct place place;
	uint32_t iounit;
	int result = resolve(fs, path, &place);

	if (result != 0) {
		return result;
	}
	*dir = (struct vop_fs_dir){ .mount = place.mount, .buffer = buffer,
				    .buffer_bytes = bytes };
	if (place.mount == NULL) {
		return 0;
	}
	result = walk(&place, &dir->id, NULL);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	result = vop_9p_lopen(&place.mount->client, dir->id,
			      VOP_9P_O_RDONLY | VOP_9P_O_DIRECTORY, &iounit);
	if (result != VOP_OK) {
		clunk(place.mount, dir->id);
		return error_of(place.mount, result);
	}
	return 0;
}

static int readdir_root(struct vop_fs *fs, struct vop_fs_dir *dir, struct vop_fs_dirent *entry)
{
	struct vop_fs_mount mount;

	if (mount_at(fs, dir->at, &mount) == 0) {
		return 0;
	}
	dir->at++;
	entry->is_dir = true;
	(void)vop_text_copy(entry->name, sizeof(entry->name), mount.name,
			    vop_text_length(mount.name));
	return 1;
}

/* The next entry in the buffer, "." and ".." included. */
static int next_entry(struct vop_fs_dir *dir, struct vop_9p_dirent *entry)
{
	struct vop_9p_mount *mount = dir->mount;
	struct vop_9p_reader reader;
	int result;

	if (dir->at == dir->filled) {
		result = vop_9p_readdir(&mount->client, dir->id, dir->next, dir->buffer,
					dir->buffer_bytes);
		if (result <= 0) {
			return status_of(mount, result);
		}
		dir->filled = (uint32_t)result;
		dir->at = 0;
	}
	reader = (struct vop_9p_reader){ .at = dir->buffer + dir->at,
					 .end = dir->buffer + dir->filled };
	result = vop_9p_get_dirent(&reader, entry);
	if (result < 0) {
		return error_of(mount, result);
	}
	/* A server whose offset stands still would be listed for ever. */
	if (entry->next == dir->next) {
		return -VOP_EBADMSG;
	}
	dir->next = entry->next;
	dir->at = (uint32_t)(reader.at - dir->buffer);
	return result;
}

static bool is_dot(const char *name, uint32_t bytes)
{
	return name[0] == '.' && (bytes == 1 || (bytes == 2 && name[1] == '.'));
}

static int fs_readdir(struct vop_fs *fs, struct vop_fs_dir *dir, struct vop_fs_dirent *entry)
{
	struct vop_9p_dirent raw;
	int result;

	if (dir->mount == NULL) {
		return readdir_root(fs, dir, entry);
	}
	do {
		result = next_entry(dir, &raw);
	} while (result == 1 && is_dot(raw.name, raw.name_bytes));
	if (result == 1) {
		entry->is_dir = (raw.qid.type & VOP_9P_QTDIR) != 0;
		(void)vop_text_copy(entry->name, sizeof(entry->name), raw.name, raw.name_bytes);
	}
	return result;
}

static int fs_closedir(struct vop_fs *fs, struct vop_fs_dir *dir)
{
	struct vop_9p_mount *mount = dir->mount;

	(void)fs;
	return mount == NULL ? 0 : status_of(mount, vop_9p_clunk(&mount->client, dir->id));
}

static int fs_stat(struct vop_fs *fs, const char *path, struct vop_fs_stat *stat)
{
	struct vop_9p_attributes attributes;
	struct place place;
	uint32_t fid;
	int result = resolve(fs, path, &place);

	*stat = (struct vop_fs_stat){ .mode = ROOT_MODE, .links = 1 };
	if (result != 0 || place.mount == NULL) {
		return result;
	}
	result = walk(&place, &fid, NULL);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	result = vop_9p_getattr(&place.mount->client, fid, &attributes);
	clunk(place.mount, fid);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	*stat = (struct vop_fs_stat){
		.mode = attributes.mode,
		.uid = attributes.uid,
		.gid = attributes.gid,
		.links = attributes.links,
		.size_bytes = attributes.size_bytes,
		.mtime_s = attributes.mtime_s,
		.mount = place.mount,
		.inode = attributes.qid.path,
	};
	return 0;
}

static int fs_usage(struct vop_fs *fs, const char *path, struct vop_fs_usage *usage)
{
	struct vop_9p_statfs statfs;
	struct place place;
	uint32_t fid;
	int result = resolve(fs, path, &place);

	if (result != 0) {
		return result;
	}
	if (place.mount == NULL) {
		return -VOP_ENOSYS;
	}
	result = walk(&place, &fid, NULL);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	result = vop_9p_statfs(&place.mount->client, fid, &statfs);
	clunk(place.mount, fid);
	usage->total_bytes = statfs.blocks * statfs.block_bytes;
	usage->available_bytes = statfs.blocks_available * statfs.block_bytes;
	return status_of(place.mount, result);
}

static int fs_mkdir(struct vop_fs *fs, const char *path, uint32_t mode)
{
	struct place place;
	uint32_t fid;
	int result = resolve_entry(fs, path, &place, VOP_EEXIST);

	if (result != 0) {
		return result;
	}
	result = walk_parent(&place, &fid);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	result = vop_9p_mkdir(&place.mount->client, fid, place.name, place.name_bytes, mode);
	clunk(place.mount, fid);
	return status_of(place.mount, result);
}

static int fs_unlink(struct vop_fs *fs, const char *path, bool is_dir)
{
	struct place place;
	uint32_t fid;
	int result = resolve_entry(fs, path, &place, VOP_EBUSY);

	if (result != 0) {
		return result;
	}
	result = walk_parent(&place, &fid);
	if (result != VOP_OK) {
		return error_of(place.mount, result);
	}
	result = vop_9p_unlinkat(&place.mount->client, fid, place.name, place.name_bytes,
				 is_dir ? VOP_9P_AT_REMOVEDIR : 0);
	clunk(place.mount, fid);
	return status_of(place.mount, result);
}

static int fs_rename(struct vop_fs *fs, const char *from, const char *to)
{
	struct place old_place;
	struct place new_place;
	uint32_t old_fid;
	uint32_t new_fid;
	int result = resolve_entry(fs, from, &old_place, VOP_EBUSY);

	if (result == 0) {
		result = resolve_entry(fs, to, &new_place, VOP_EBUSY);
	}
	if (result != 0) {
		return result;
	}
	if (old_place.mount != new_place.mount) {
		return -VOP_EXDEV;
	}
	result = walk_parent(&old_place, &old_fid);
	if (result != VOP_OK) {
		return error_of(old_place.mount, result);
	}
	result = walk_parent(&new_place, &new_fid);
	if (result == VOP_OK) {
		result = vop_9p_renameat(&old_place.mount->client, old_fid, old_place.name,
					 old_place.name_bytes, new_fid, new_place.name,
					 new_place.name_bytes);
		clunk(old_place.mount, new_fid);
	}
	clunk(old_place.mount, old_fid);
	return status_of(old_place.mount, result);
}

static const struct vop_fs_ops ops = {
	.mount_at = mount_at,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.sync = fs_sync,
	.close = fs_close,
	.opendir = fs_opendir,
	.readdir = fs_readdir,
	.closedir = fs_closedir,
	.stat = fs_stat,
	.usage = fs_usage,
	.mkdir = fs_mkdir,
	.unlink = fs_unlink,
	.rename = fs_rename,
};

void vop_9p_fs_init(struct vop_9p_fs *fs)
{
	*fs = (struct vop_9p_fs){ .fs = { .ops = &ops } };
}

static int attach(struct vop_9p_fs *fs, struct vop_9p_mount *mount, uint32_t uid)
{
	const char *tag = mount->virtio.tag;
	int result;

	if (find_mount(fs, tag, vop_text_length(tag)) != NULL) {
		return -VOP_EEXIST;
	}
	result = vop_9p_start(&mount->client, &mount->virtio.transport, uid);
	if (result != VOP_OK) {
		return -(int)vop_errno_of_result(result, mount->client.ecode);
	}
	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		if (fs->mounts[n] == NULL) {
			fs->mounts[n] = mount;
			return 0;
		}
	}
	return -VOP_ENFILE;
}

int vop_9p_fs_mount(struct vop_9p_fs *fs, struct vop_9p_mount *mount, struct vop_vdev *vdev,
		    uint32_t uid)
{
	int result = vop_9p_virtio_start(&mount->virtio, vdev);

	result = result == VOP_OK ? attach(fs, mount, uid)
				  : -(int)vop_errno_of_result(result, VOP_EIO);
	if (result != 0) {
		(void)vop_9p_virtio_stop(&mount->virtio);
	}
	return result;
}

int vop_9p_fs_unmount(struct vop_9p_fs *fs, struct vop_9p_mount *mount)
{
	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		if (fs->mounts[n] == mount) {
			fs->mounts[n] = NULL;
		}
	}
	return vop_9p_virtio_stop(&mount->virtio);
}
