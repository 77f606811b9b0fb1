/* SPDX-License-Identifier: Apache-2.0 */
/* The card shell's file system (vop/fs.h) over Zephyr's file-system API. */
#ifndef VOP_ZEPHYR_SHELL_FS_H
#define VOP_ZEPHYR_SHELL_FS_H

#include "vop/fs.h"

struct vop_fs *vop_zephyr_shell_fs(void);

#endif /* VOP_ZEPHYR_SHELL_FS_H */
