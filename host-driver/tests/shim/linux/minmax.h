/* SPDX-License-Identifier: GPL-2.0-only */
/* min() for kernel files compiled in user space. */
#ifndef VOP_SHIM_MINMAX_H
#define VOP_SHIM_MINMAX_H

#define min(a, b)	((a) < (b) ? (a) : (b))

#endif
