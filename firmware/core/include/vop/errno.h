/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux's errno numbers, which 9P2000.L carries and the shell shows: names, messages, and what the
 * core's own results mean.
 *
 * Ref: Linux, include/uapi/asm-generic/errno-base.h and errno.h.
 */
#ifndef VOP_ERRNO_H
#define VOP_ERRNO_H

#include <stdint.h>

#define VOP_EPERM 1
#define VOP_ENOENT 2
#define VOP_EINTR 4
#define VOP_EIO 5
#define VOP_E2BIG 7
#define VOP_EBADF 9
#define VOP_ENOMEM 12
#define VOP_EACCES 13
#define VOP_EBUSY 16
#define VOP_EEXIST 17
#define VOP_EXDEV 18
#define VOP_ENODEV 19
#define VOP_ENOTDIR 20
#define VOP_EISDIR 21
#define VOP_EINVAL 22
#define VOP_ENFILE 23
#define VOP_EFBIG 27
#define VOP_ENOSPC 28
#define VOP_EROFS 30
#define VOP_ENAMETOOLONG 36
#define VOP_ENOSYS 38
#define VOP_ENOTEMPTY 39
#define VOP_ELOOP 40
#define VOP_EPROTO 71
#define VOP_EBADMSG 74
#define VOP_EILSEQ 84
#define VOP_EOPNOTSUPP 95
#define VOP_EPROTONOSUPPORT 93
#define VOP_ETIMEDOUT 110

/* "ENOENT" of 2; NULL if the number has no name here. */
const char *vop_errno_name(uint32_t number);

/* "no such file or directory" of 2; "unknown error" if it has none here. */
const char *vop_errno_message(uint32_t number);

/*
 * The errno number, positive, of a negative result of the core. `refused` is that of VOP_E_REFUSED:
 * what an Rlerror carried, or VOP_EIO.
 */
uint32_t vop_errno_of_result(int result, uint32_t refused);

#endif /* VOP_ERRNO_H */
