/* SPDX-License-Identifier: Apache-2.0 */
/* All differences between the Zephyr versions that we build against, each with its expiry. */
#ifndef VOP_ZEPHYR_COMPAT_H
#define VOP_ZEPHYR_COMPAT_H

/* Until 3.4: the header had no folder. */
#if __has_include(<zephyr/version.h>)
#include <zephyr/version.h>
#else
#include <version.h>
#endif

/* Until 3.7: the frame of a trap had a type of its own. */
#if KERNEL_VERSION_MAJOR > 3 || (KERNEL_VERSION_MAJOR == 3 && KERNEL_VERSION_MINOR >= 7)
typedef struct arch_esf vop_trap_frame;
#else
typedef z_arch_esf_t vop_trap_frame;
#endif

/* Until fs.h names it, as that of 3.2 does not: fs_open() hands the flag on all the same. */
#include <zephyr/fs/fs.h>
#ifndef FS_O_TRUNC
#define FS_O_TRUNC 0x40
#endif

#endif /* VOP_ZEPHYR_COMPAT_H */
