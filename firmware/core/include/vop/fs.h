/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system as the shell sees it: absolute paths, whose first name is a mount.
 *
 * Bare metal implements it over the 9P client (9p_fs.h), Zephyr over its own file-system API. Every
 * operation may block as long as a few exchanges with the server, and returns 0 (or what it says)
 * or a negative Linux errno number (errno.h).
 *
 * Paths begin with a slash and hold no empty, "." or ".." name: the shell has cleaned them.
 */
#ifndef VOP_FS_H
#define VOP_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "9p_wire.h"

/* File type bits of `mode`, as Linux has them. */
#define VOP_FS_TYPE_MASK 0170000u
#define VOP_FS_TYPE_DIR 0040000u
#define VOP_FS_TYPE_FILE 0100000u
#define VOP_FS_TYPE_LINK 0120000u

struct vop_fs_stat {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t links;
	uint64_t size_bytes;
	uint64_t mtime_s;
	const void *mount; /* with `inode`: which file this is; NULL if that cannot be told */
	uint64_t inode;
};

struct vop_fs_usage {
	uint64_t total_bytes;
	uint64_t available_bytes;
};

/* What mount number `index` is. */
struct vop_fs_mount {
	const char *name; /* without slash */
	const char *type;
	uint32_t message_bytes; /* 9P msize; 0 if unknown */
};

/* An open file. The implementation owns every member but `io_bytes` and `offset`. */
struct vop_fs_file {
	void *mount;
	uint32_t id;
	uint32_t io_bytes; /* largest read or write that is one exchange */
	uint64_t offset;   /* next byte to read or write */
};

/* An open directory; `buffer` is the caller's memory, in card RAM, until it is closed. */
struct vop_fs_dir {
	void *mount;
	uint32_t id;
	uint8_t *buffer;
	uint32_t buffer_bytes;
	uint32_t filled;
	uint32_t at;
	uint64_t next;
};

struct vop_fs_dirent {
	char name[VOP_9P_NAME_MAX + 1];
	bool is_dir;
};

enum vop_fs_open {
	VOP_FS_READ,   /* an existing file */
	VOP_FS_CREATE, /* for writing, created or emptied */
};

struct vop_fs;

struct vop_fs_ops {
	/* 1, or 0 when there is no mount `index`. Does not block. */
	int (*mount_at)(struct vop_fs *fs, uint32_t index, struct vop_fs_mount *mount);
	/* `mode` holds the permissions of a file that is created. */
	int (*open)(struct vop_fs *fs, const char *path, enum vop_fs_open how, uint32_t mode,
		    struct vop_fs_file *file);
	/* The bytes moved, fewer than asked or 0 at the end of the file. `data` is in card RAM. */
	int (*read)(struct vop_fs *fs, struct vop_fs_file *file, void *data, uint32_t bytes);
	int (*write)(struct vop_fs *fs, struct vop_fs_file *file, const void *data,
		     uint32_t bytes);
	int (*sync)(struct vop_fs *fs, struct vop_fs_file *file);
	int (*close)(struct vop_fs *fs, struct vop_fs_file *file);
	int (*opendir)(struct vop_fs *fs, const char *path, void *buffer, uint32_t bytes,
		       struct vop_fs_dir *dir);
	/* 1 with an entry, "." and ".." left out, or 0 at the end. */
	int (*readdir)(struct vop_fs *fs, struct vop_fs_dir *dir, struct vop_fs_dirent *entry);
	int (*closedir)(struct vop_fs *fs, struct vop_fs_dir *dir);
	int (*stat)(struct vop_fs *fs, const char *path, struct vop_fs_stat *stat);
	int (*usage)(struct vop_fs *fs, const char *path, struct vop_fs_usage *usage);
	int (*mkdir)(struct vop_fs *fs, const char *path, uint32_t mode);
	int (*unlink)(struct vop_fs *fs, const char *path, bool is_dir);
	int (*rename)(struct vop_fs *fs, const char *from, const char *to);
};

struct vop_fs {
	const struct vop_fs_ops *ops;
};

#endif /* VOP_FS_H */
