/* SPDX-License-Identifier: GPL-2.0-only */
/* READ_ONCE() for kernel files compiled in user space. */
#ifndef VOP_SHIM_COMPILER_H
#define VOP_SHIM_COMPILER_H

#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))

#endif
