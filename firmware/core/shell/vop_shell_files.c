/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that move file data: cat, cp, crc32.
 *
 * `cp` reads into the shell's payload buffer and writes from it; the host's copier fills and
 * empties it, and the CPU never looks inside.
 */

#include <stddef.h>

#include "vop/bytes.h"
#include "vop_shell_internal.h"

#define PERMISSIONS 0777u

/* Reversed polynomial of IEEE 802.3. */
#define CRC_POLYNOMIAL 0xedb88320u

/*
 * A multiple of the polynomial with five terms, whole words apart: adding a word to those that lie
 * so many words behind it is worth what the word itself is.
 */
#define FOLD_1 145
#define FOLD_2 183
#define FOLD_3 211
#define FOLD_4 300

/* Take `bytes` of a file's data, in the payload buffer; returns a positive errno or 0. */
typedef int (*consume_fn)(struct vop_shell *shell, void *context, uint32_t bytes);

/* Pass a whole open file to `consume`; returns a positive errno or 0. */
static int read_all(struct vop_shell *shell, struct vop_fs_file *file, consume_fn consume,
		    void *context)
{
	uint32_t most = file->io_bytes < shell->payload_bytes ? file->io_bytes
							      : shell->payload_bytes;
	int got;

	while ((got = shell->fs->ops->read(shell->fs, file, shell->payload, most)) > 0) {
		int error = consume(shell, context, (uint32_t)got);

		if (error != 0) {
			return error;
		}
		if (vop_shell_is_interrupted(shell)) {
			return VOP_EINTR;
		}
	}
	return -got;
}

/* Run `consume` over the file that an argument names; tells failures itself. */
static int read_argument(struct vop_shell *shell, const char *command, const char *argument,
			 consume_fn consume, void *context)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_file file;
	int error = vop_shell_path(shell->path[0], argument);

	if (error == 0) {
		error = -fs->ops->open(fs, shell->path[0], VOP_FS_READ, 0, &file);
	}
	if (error == 0) {
		error = read_all(shell, &file, consume, context);
		(void)fs->ops->close(fs, &file);
	}
	return error == 0 ? 0 : vop_shell_fail(shell, command, argument, error);
}

static int print_payload(struct vop_shell *shell, void *context, uint32_t bytes)
{
	(void)context;
	shell->out->write(shell->out, (const char *)shell->payload, bytes);
	return 0;
}

int vop_shell_cat(struct vop_shell *shell, uint32_t count, char *const *words)
{
	int status = 0;

	if (count < 2) {
		return vop_shell_usage(shell, words[0]);
	}
	for (uint32_t n = 1; n < count; n++) {
		int error = read_argument(shell, words[0], words[n], print_payload, NULL);

		status = error != 0 ? error : status;
	}
	return status;
}

struct checksum {
	uint32_t crc;
	uint64_t bytes;
};

/* Ref: Kounavis and Berry, "slicing-by-4": four tables, a word per step. */
static void make_crc_tables(struct vop_shell *shell)
{
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = n;

		for (int bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
		}
		shell->crc_tables[0][n] = crc;
	}
	for (uint32_t slice = 1; slice < 4; slice++) {
		for (uint32_t n = 0; n < 256; n++) {
			uint32_t crc = shell->crc_tables[slice - 1][n];

			shell->crc_tables[slice][n] =
				(crc >> 8) ^ shell->crc_tables[0][crc & 0xff];
		}
	}
	shell->crc_ready = true;
}

/* A word of the payload, which is declared as bytes. */
typedef uint32_t __attribute__((may_alias)) payload_word;

/*
 * Move what the words add to the checksum into the last FOLD_4 of them; returns the first of these.
 * Spoils the payload. Takes 31 cycles a word on the soft core, where look-ups in tables take 49.
 *
 * Ref: Russell, "Chorba: A novel CRC32 implementation", 2024.
 */
static payload_word *fold(payload_word *at, uint32_t words)
{
	for (; words > FOLD_4; words--, at++) {
		uint32_t word = *at;
		uint32_t sum_1 = at[FOLD_1] ^ word;
		uint32_t sum_2 = at[FOLD_2] ^ word;
		uint32_t sum_3 = at[FOLD_3] ^ word;
		uint32_t sum_4 = at[FOLD_4] ^ word;

		at[FOLD_1] = sum_1;
		at[FOLD_2] = sum_2;
		at[FOLD_3] = sum_3;
		at[FOLD_4] = sum_4;
	}
	return at;
}

/* The bytes of a sum come back through a volatile: the soft core's shifts take a cycle per bit. */
static uint32_t add_word(const struct vop_shell *shell, uint32_t crc, uint32_t word_le)
{
	volatile union {
		uint32_t word_le;
		uint8_t byte[4];
	} mixed;

	mixed.word_le = VOP_LE32(crc) ^ word_le;
	return shell->crc_tables[3][mixed.byte[0]] ^ shell->crc_tables[2][mixed.byte[1]] ^
	       shell->crc_tables[1][mixed.byte[2]] ^ shell->crc_tables[0][mixed.byte[3]];
}

static int add_to_checksum(struct vop_shell *shell, void *context, uint32_t bytes)
{
	struct checksum *sum = context;
	payload_word *words = (payload_word *)(void *)shell->payload;
	payload_word *end = words + bytes / 4;
	uint32_t crc = sum->crc;

	if (bytes / 4 > FOLD_4) {
		words[0] ^= VOP_LE32(crc);
		crc = 0;
		words = fold(words, bytes / 4);
	}
	while (words < end) {
		crc = add_word(shell, crc, *words++);
	}
	for (const uint8_t *at = (const uint8_t *)end; at < shell->payload + bytes; at++) {
		crc = (crc >> 8) ^ shell->crc_tables[0][(crc & 0xff) ^ *at];
	}
	sum->crc = crc;
	sum->bytes += bytes;
	return 0;
}

int vop_shell_crc32(struct vop_shell *shell, uint32_t count, char *const *words)
{
	int status = 0;

	if (count < 2) {
		return vop_shell_usage(shell, words[0]);
	}
	if (!shell->crc_ready) {
		make_crc_tables(shell);
	}
	for (uint32_t n = 1; n < count; n++) {
		struct checksum sum = { .crc = 0xffffffffu };
		int error = read_argument(shell, words[0], words[n], add_to_checksum, &sum);

		if (error != 0) {
			status = error;
			continue;
		}
		vop_text_print(shell->out, "%08x %llu ", (unsigned int)~sum.crc,
			       (unsigned long long)sum.bytes);
		vop_shell_put_name(shell, words[n]);
		vop_text_print(shell->out, "\n");
	}
	return status;
}

/* The file that `cp` writes, and whether a failure was its fault. */
struct copy {
	struct vop_fs_file to;
	bool write_failed;
};

static int write_payload(struct vop_shell *shell, void *context, uint32_t bytes)
{
	struct copy *copy = context;
	uint32_t done = 0;

	while (done < bytes) {
		int wrote = shell->fs->ops->write(shell->fs, &copy->to, shell->payload + done,
						  bytes - done);

		if (wrote <= 0) {
			copy->write_failed = true;
			return wrote < 0 ? -wrote : VOP_EIO;
		}
		done += (uint32_t)wrote;
	}
	return 0;
}

/* Copy path[0] to path[1], both clean; `from` and `to` are what was typed. */
static int copy_file(struct vop_shell *shell, const char *from, const char *to, uint32_t mode)
{
	struct vop_fs *fs = shell->fs;
	struct copy copy = { .write_failed = false };
	struct vop_fs_file source;
	int close_error;
	int error;

	error = -fs->ops->open(fs, shell->path[0], VOP_FS_READ, 0, &source);
	if (error != 0) {
		return vop_shell_fail(shell, "cp", from, error);
	}
	error = -fs->ops->open(fs, shell->path[1], VOP_FS_CREATE, mode, &copy.to);
	if (error != 0) {
		(void)fs->ops->close(fs, &source);
		return vop_shell_fail(shell, "cp", to, error);
	}
	/* What one read brought, one write takes. */
	if (copy.to.io_bytes < source.io_bytes) {
		source.io_bytes = copy.to.io_bytes;
	}
	error = read_all(shell, &source, write_payload, &copy);
	(void)fs->ops->close(fs, &source);
	close_error = -fs->ops->close(fs, &copy.to);
	if (error != 0) {
		return vop_shell_fail(shell, "cp", copy.write_failed ? to : from, error);
	}
	return close_error == 0 ? 0 : vop_shell_fail(shell, "cp", to, close_error);
}

static bool is_same_file(const struct vop_fs_stat *a, const struct vop_fs_stat *b)
{
	return a->mount != NULL && a->mount == b->mount && a->inode == b->inode;
}

static int copy_argument(struct vop_shell *shell, const char *from, const char *to)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_stat source;
	struct vop_fs_stat target;
	int error = vop_shell_path(shell->path[0], from);

	if (error == 0) {
		error = -fs->ops->stat(fs, shell->path[0], &source);
	}
	if (error == 0 && (source.mode & VOP_FS_TYPE_MASK) == VOP_FS_TYPE_DIR) {
		error = VOP_EISDIR;
	}
	if (error != 0) {
		return vop_shell_fail(shell, "cp", from, error);
	}
	error = vop_shell_path(shell->path[1], to);
	if (error != 0) {
		return vop_shell_fail(shell, "cp", to, error);
	}
	error = -fs->ops->stat(fs, shell->path[1], &target);
	if (error == 0 && (target.mode & VOP_FS_TYPE_MASK) == VOP_FS_TYPE_DIR) {
		if (!vop_shell_path_join(shell->path[1], vop_shell_path_name(shell->path[0]))) {
			return vop_shell_fail(shell, "cp", to, VOP_ENAMETOOLONG);
		}
		error = -fs->ops->stat(fs, shell->path[1], &target);
	}
	if (error == 0 && is_same_file(&source, &target)) {
		vop_text_print(shell->out, "cp: ");
		vop_shell_put_name(shell, to);
		vop_text_print(shell->out, ": EINVAL: is the file that is copied\n");
		return VOP_EINVAL;
	}
	return copy_file(shell, from, shell->path[1], source.mode & PERMISSIONS);
}

int vop_shell_cp(struct vop_shell *shell, uint32_t count, char *const *words)
{
	const char *to = words[count - 1];
	struct vop_fs_stat target;
	int status = 0;
	int error;

	if (count < 3) {
		return vop_shell_usage(shell, words[0]);
	}
	if (count > 3) {
		error = vop_shell_path(shell->path[1], to);
		if (error == 0) {
			error = -shell->fs->ops->stat(shell->fs, shell->path[1], &target);
		}
		if (error == 0 && (target.mode & VOP_FS_TYPE_MASK) != VOP_FS_TYPE_DIR) {
			error = VOP_ENOTDIR;
		}
		if (error != 0) {
			return vop_shell_fail(shell, words[0], to, error);
		}
	}
	for (uint32_t n = 1; n + 1 < count; n++) {
		error = copy_argument(shell, words[n], to);
		status = error != 0 ? error : status;
		if (error == VOP_EINTR) {
			break;
		}
	}
	return status;
}
