/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the shell share: paths and the form of an error. */
#ifndef VOP_SHELL_INTERNAL_H
#define VOP_SHELL_INTERNAL_H

#include "vop/errno.h"
#include "vop/shell.h"

/* Print "command: what: ENAME: message"; `error` is positive, and is returned. */
int vop_shell_fail(struct vop_shell *shell, const char *command, const char *what, int error);

/* Print how a command is to be used; returns VOP_EINVAL. */
int vop_shell_usage(struct vop_shell *shell, const char *command);

/*
 * Clean an argument into an absolute path: one slash between names, "." dropped, ".." followed.
 * Returns 0, or positive VOP_ENAMETOOLONG or VOP_ENOENT (an empty argument).
 */
int vop_shell_path(char *to, const char *argument);

/* Append "/name" to a clean path; whether it fitted. */
bool vop_shell_path_join(char *path, const char *name);

/* The last name of a clean path. */
const char *vop_shell_path_name(const char *path);

/* Print a name of the host's, with control characters as '?'. */
void vop_shell_put_name(struct vop_shell *shell, const char *name);

bool vop_shell_is_interrupted(struct vop_shell *shell);

int vop_shell_ls(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_cat(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_cp(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_crc32(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_rm(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_mkdir(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_mv(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_stat(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_df(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_mounts(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_dmesg(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_stats(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_mark(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_echo(struct vop_shell *shell, uint32_t count, char *const *words);
int vop_shell_help(struct vop_shell *shell, uint32_t count, char *const *words);

#endif /* VOP_SHELL_INTERNAL_H */
