/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on names: ls, rm, mkdir, mv, stat. Directories are streamed, never held. */

#include <stddef.h>

#include "vop_shell_internal.h"

#define SECONDS_PER_DAY 86400u

struct date {
	uint32_t year;
	uint32_t month;
	uint32_t day;
	uint32_t hour;
	uint32_t minute;
};

/* Ref: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days. */
static struct date date_of(uint64_t seconds)
{
	uint32_t time = (uint32_t)(seconds % SECONDS_PER_DAY);
	uint32_t days = (uint32_t)(seconds / SECONDS_PER_DAY) + 719468;
	uint32_t era = days / 146097;
	uint32_t day_of_era = days - era * 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				day_of_era / 146096) / 365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
					     year_of_era / 100);
	uint32_t shifted_month = (5 * day_of_year + 2) / 153;
	uint32_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;

	return (struct date){
		.year = year_of_era + era * 400 + (month <= 2),
		.month = month,
		.day = day_of_year - (153 * shifted_month + 2) / 5 + 1,
		.hour = time / 3600,
		.minute = time / 60 % 60,
	};
}

static void put_date(struct vop_shell *shell, uint64_t seconds)
{
	struct date date = date_of(seconds);

	vop_text_print(shell->out, "%04u-%02u-%02u %02u:%02u", (unsigned int)date.year,
		       (unsigned int)date.month, (unsigned int)date.day, (unsigned int)date.hour,
		       (unsigned int)date.minute);
}

static char type_letter(uint32_t mode)
{
	switch (mode & VOP_FS_TYPE_MASK) {
	case VOP_FS_TYPE_DIR:
		return 'd';
	case VOP_FS_TYPE_FILE:
		return '-';
	case VOP_FS_TYPE_LINK:
		return 'l';
	default:
		return '?';
	}
}

static void put_mode(struct vop_shell *shell, uint32_t mode)
{
	char text[11] = { type_letter(mode) };
	uint32_t bit = 0400;

	for (uint32_t n = 1; n < 10; n++, bit /= 2) {
		text[n] = (mode & bit) != 0 ? "xrw"[n % 3] : '-';
	}
	vop_text_print(shell->out, "%s", text);
}

static void put_entry(struct vop_shell *shell, const char *name, const struct vop_fs_stat *stat)
{
	if (stat != NULL) {
		put_mode(shell, stat->mode);
		vop_text_print(shell->out, " %u %u %u %10llu ", (unsigned int)stat->links,
			       (unsigned int)stat->uid, (unsigned int)stat->gid,
			       (unsigned long long)stat->size_bytes);
		put_date(shell, stat->mtime_s);
		vop_text_print(shell->out, " ");
	}
	vop_shell_put_name(shell, name);
	vop_text_print(shell->out, "\n");
}

/* Print one entry of path[0]; returns a positive errno or 0. */
static int list_entry(struct vop_shell *shell, const char *name, bool is_long)
{
	struct vop_fs_stat stat;
	int error;

	if (!is_long) {
		put_entry(shell, name, NULL);
		return 0;
	}
	(void)vop_text_copy(shell->path[1], sizeof(shell->path[1]), shell->path[0],
			    vop_text_length(shell->path[0]));
	if (!vop_shell_path_join(shell->path[1], name)) {
		return vop_shell_fail(shell, "ls", name, VOP_ENAMETOOLONG);
	}
	error = -shell->fs->ops->stat(shell->fs, shell->path[1], &stat);
	if (error != 0) {
		return vop_shell_fail(shell, "ls", shell->path[1], error);
	}
	put_entry(shell, name, &stat);
	return 0;
}

static int list_dir(struct vop_shell *shell, const char *argument, bool is_long)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_dirent entry;
	struct vop_fs_dir dir;
	int status = 0;
	int result;

	result = fs->ops->opendir(fs, shell->path[0], shell->payload, shell->payload_bytes, &dir);
	if (result != 0) {
		return vop_shell_fail(shell, "ls", argument, -result);
	}
	while ((result = fs->ops->readdir(fs, &dir, &entry)) == 1) {
		int error = list_entry(shell, entry.name, is_long);

		status = error != 0 ? error : status;
		if (vop_shell_is_interrupted(shell)) {
			result = -VOP_EINTR;
			break;
		}
	}
	(void)fs->ops->closedir(fs, &dir);
	return result < 0 ? vop_shell_fail(shell, "ls", argument, -result) : status;
}

static int list(struct vop_shell *shell, const char *argument, bool is_long)
{
	struct vop_fs_stat stat;
	int error = vop_shell_path(shell->path[0], argument);

	if (error == 0) {
		error = -shell->fs->ops->stat(shell->fs, shell->path[0], &stat);
	}
	if (error != 0) {
		return vop_shell_fail(shell, "ls", argument, error);
	}
	if ((stat.mode & VOP_FS_TYPE_MASK) == VOP_FS_TYPE_DIR) {
		return list_dir(shell, argument, is_long);
	}
	put_entry(shell, argument, is_long ? &stat : NULL);
	return 0;
}

int vop_shell_ls(struct vop_shell *shell, uint32_t count, char *const *words)
{
	bool is_long = count > 1 && vop_text_equal(words[1], "-l");
	uint32_t first = is_long ? 2 : 1;
	int status = 0;

	if (first == count) {
		return list(shell, "/", is_long);
	}
	for (uint32_t n = first; n < count; n++) {
		int error;

		if (count - first > 1) {
			vop_shell_put_name(shell, words[n]);
			vop_text_print(shell->out, ":\n");
		}
		error = list(shell, words[n], is_long);
		status = error != 0 ? error : status;
	}
	return status;
}

int vop_shell_rm(struct vop_shell *shell, uint32_t count, char *const *words)
{
	bool is_dir = count > 1 && vop_text_equal(words[1], "-d");
	uint32_t first = is_dir ? 2 : 1;
	int status = 0;

	if (first >= count) {
		return vop_shell_usage(shell, words[0]);
	}
	for (uint32_t n = first; n < count; n++) {
		int error = vop_shell_path(shell->path[0], words[n]);

		if (error == 0) {
			error = -shell->fs->ops->unlink(shell->fs, shell->path[0], is_dir);
		}
		if (error != 0) {
			status = vop_shell_fail(shell, words[0], words[n], error);
		}
	}
	return status;
}

/* Make every directory of path[0] that is missing; returns a positive errno or 0. */
static int make_parents(struct vop_shell *shell)
{
	struct vop_fs *fs = shell->fs;
	char *path = shell->path[0];
	struct vop_fs_stat stat;
	int error = 0;

	for (char *at = path + 1; error == 0; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0') {
			continue;
		}
		*at = '\0';
		error = -fs->ops->stat(fs, path, &stat);
		if (error == VOP_ENOENT) {
			error = -fs->ops->mkdir(fs, path, 0777);
		} else if (error == 0 && (stat.mode & VOP_FS_TYPE_MASK) != VOP_FS_TYPE_DIR) {
			error = VOP_ENOTDIR;
		}
		*at = kept;
		if (kept == '\0') {
			break;
		}
	}
	return error;
}

int vop_shell_mkdir(struct vop_shell *shell, uint32_t count, char *const *words)
{
	bool with_parents = count > 1 && vop_text_equal(words[1], "-p");
	uint32_t first = with_parents ? 2 : 1;
	int status = 0;

	if (first >= count) {
		return vop_shell_usage(shell, words[0]);
	}
	for (uint32_t n = first; n < count; n++) {
		int error = vop_shell_path(shell->path[0], words[n]);

		if (error == 0 && with_parents) {
			error = make_parents(shell);
		} else if (error == 0) {
			error = -shell->fs->ops->mkdir(shell->fs, shell->path[0], 0777);
		}
		if (error != 0) {
			status = vop_shell_fail(shell, words[0], words[n], error);
		}
	}
	return status;
}

static int move(struct vop_shell *shell, const char *from, const char *to, bool must_be_dir)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_stat target;
	int error = vop_shell_path(shell->path[0], from);

	if (error != 0) {
		return vop_shell_fail(shell, "mv", from, error);
	}
	error = vop_shell_path(shell->path[1], to);
	if (error != 0) {
		return vop_shell_fail(shell, "mv", to, error);
	}
	error = -fs->ops->stat(fs, shell->path[1], &target);
	if (error == 0 && (target.mode & VOP_FS_TYPE_MASK) == VOP_FS_TYPE_DIR) {
		if (!vop_shell_path_join(shell->path[1], vop_shell_path_name(shell->path[0]))) {
			return vop_shell_fail(shell, "mv", to, VOP_ENAMETOOLONG);
		}
	} else if (must_be_dir) {
		return vop_shell_fail(shell, "mv", to, error != 0 ? error : VOP_ENOTDIR);
	}
	error = -fs->ops->rename(fs, shell->path[0], shell->path[1]);
	return error == 0 ? 0 : vop_shell_fail(shell, "mv", from, error);
}

int vop_shell_mv(struct vop_shell *shell, uint32_t count, char *const *words)
{
	int status = 0;

	if (count < 3) {
		return vop_shell_usage(shell, words[0]);
	}
	for (uint32_t n = 1; n + 1 < count; n++) {
		int error = move(shell, words[n], words[count - 1], count > 3);

		status = error != 0 ? error : status;
	}
	return status;
}

static void put_stat(struct vop_shell *shell, const char *name, const struct vop_fs_stat *stat)
{
	vop_text_print(shell->out, "  file: ");
	vop_shell_put_name(shell, name);
	vop_text_print(shell->out, "\n  size: %llu\n  mode: ",
		       (unsigned long long)stat->size_bytes);
	put_mode(shell, stat->mode);
	vop_text_print(shell->out, "\n owner: %u:%u\n links: %llu\n inode: %llu\n  time: ",
		       (unsigned int)stat->uid, (unsigned int)stat->gid,
		       (unsigned long long)stat->links, (unsigned long long)stat->inode);
	put_date(shell, stat->mtime_s);
	vop_text_print(shell->out, " UTC\n");
}

int vop_shell_stat(struct vop_shell *shell, uint32_t count, char *const *words)
{
	int status = 0;

	if (count < 2) {
		return vop_shell_usage(shell, words[0]);
	}
	for (uint32_t n = 1; n < count; n++) {
		struct vop_fs_stat stat;
		int error = vop_shell_path(shell->path[0], words[n]);

		if (error == 0) {
			error = -shell->fs->ops->stat(shell->fs, shell->path[0], &stat);
		}
		if (error != 0) {
			status = vop_shell_fail(shell, words[0], words[n], error);
		} else {
			put_stat(shell, words[n], &stat);
		}
	}
	return status;
}
