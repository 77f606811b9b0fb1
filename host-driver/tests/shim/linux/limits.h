/* SPDX-License-Identifier: GPL-2.0-only */
/* U32_MAX for kernel files compiled in user space. */
#ifndef VOP_SHIM_LIMITS_H
#define VOP_SHIM_LIMITS_H

#include_next <linux/limits.h>

#define U32_MAX		((u32)~0U)

#endif
