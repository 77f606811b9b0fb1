/* SPDX-License-Identifier: GPL-2.0-only */
/* Byte order conversions for kernel files compiled in user space. */
#ifndef VOP_SHIM_BYTEORDER_H
#define VOP_SHIM_BYTEORDER_H

#include_next <asm/byteorder.h>
#include <endian.h>

#define le16_to_cpu	le16toh
#define le32_to_cpu	le32toh
#define le64_to_cpu	le64toh

#endif
