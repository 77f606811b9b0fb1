/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's short type names, for kernel files compiled in user space. */
#ifndef VOP_SHIM_TYPES_H
#define VOP_SHIM_TYPES_H

#include <stdbool.h>
#include_next <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define __force

#endif
