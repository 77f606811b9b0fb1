/* SPDX-License-Identifier: Apache-2.0 */
/* Names and messages of Linux's errno numbers; the one table of what our results mean. */

#include "vop/errno.h"

#include <stddef.h>

#include "vop/result.h"

struct errno_text {
	uint8_t number;
	const char *name;
	const char *message;
};

static const struct errno_text texts[] = {
	{ VOP_EPERM, "EPERM", "operation not permitted" },
	{ VOP_ENOENT, "ENOENT", "no such file or directory" },
	{ 3, "ESRCH", "no such process" },
	{ VOP_EINTR, "EINTR", "interrupted" },
	{ VOP_EIO, "EIO", "input/output error" },
	{ 6, "ENXIO", "no such device or address" },
	{ VOP_E2BIG, "E2BIG", "argument list too long" },
	{ VOP_EBADF, "EBADF", "bad file descriptor" },
	{ 11, "EAGAIN", "resource temporarily unavailable" },
	{ VOP_ENOMEM, "ENOMEM", "cannot allocate memory" },
	{ VOP_EACCES, "EACCES", "permission denied" },
	{ 14, "EFAULT", "bad address" },
	{ VOP_EBUSY, "EBUSY", "device or resource busy" },
	{ VOP_EEXIST, "EEXIST", "file exists" },
	{ VOP_EXDEV, "EXDEV", "invalid cross-device link" },
	{ VOP_ENODEV, "ENODEV", "no such device" },
	{ VOP_ENOTDIR, "ENOTDIR", "not a directory" },
	{ VOP_EISDIR, "EISDIR", "is a directory" },
	{ VOP_EINVAL, "EINVAL", "invalid argument" },
	{ VOP_ENFILE, "ENFILE", "too many open files" },
	{ 24, "EMFILE", "too many open files" },
	{ 26, "ETXTBSY", "text file busy" },
	{ VOP_EFBIG, "EFBIG", "file too large" },
	{ VOP_ENOSPC, "ENOSPC", "no space left on device" },
	{ 29, "ESPIPE", "illegal seek" },
	{ VOP_EROFS, "EROFS", "read-only file system" },
	{ 31, "EMLINK", "too many links" },
	{ 32, "EPIPE", "broken pipe" },
	{ 34, "ERANGE", "result too large" },
	{ VOP_ENAMETOOLONG, "ENAMETOOLONG", "file name too long" },
	{ VOP_ENOSYS, "ENOSYS", "function not implemented" },
	{ VOP_ENOTEMPTY, "ENOTEMPTY", "directory not empty" },
	{ VOP_ELOOP, "ELOOP", "too many levels of symbolic links" },
	{ 61, "ENODATA", "no data available" },
	{ VOP_EPROTO, "EPROTO", "protocol error" },
	{ VOP_EBADMSG, "EBADMSG", "bad message" },
	{ 75, "EOVERFLOW", "value too large" },
	{ VOP_EILSEQ, "EILSEQ", "invalid byte sequence" },
	{ VOP_EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported" },
	{ VOP_EOPNOTSUPP, "EOPNOTSUPP", "operation not supported" },
	{ 103, "ECONNABORTED", "connection aborted" },
	{ 104, "ECONNRESET", "connection reset" },
	{ VOP_ETIMEDOUT, "ETIMEDOUT", "timed out" },
	{ 111, "ECONNREFUSED", "connection refused" },
	{ 116, "ESTALE", "stale file handle" },
	{ 122, "EDQUOT", "disk quota exceeded" },
};

/* Indexed by -result; VOP_E_REFUSED is the caller's. */
static const uint8_t of_result[] = {
	[-VOP_E_LATE] = VOP_ETIMEDOUT,
	[-VOP_E_MALFORMED] = VOP_EBADMSG,
	[-VOP_E_GONE] = VOP_ENODEV,
	[-VOP_E_SEQUENCE] = VOP_EPROTO,
	[-VOP_E_VERSION] = VOP_EPROTONOSUPPORT,
	[-VOP_E_ARGUMENT] = VOP_EINVAL,
	[-VOP_E_FULL] = VOP_ENFILE,
};

_Static_assert(sizeof(of_result) == 1 - VOP_RESULT_LAST, "every result needs its errno");

static const struct errno_text *find(uint32_t number)
{
	for (uint32_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
		if (texts[n].number == number) {
			return &texts[n];
		}
	}
	return NULL;
}

const char *vop_errno_name(uint32_t number)
{
	const struct errno_text *text = find(number);

	return text == NULL ? NULL : text->name;
}

const char *vop_errno_message(uint32_t number)
{
	const struct errno_text *text = find(number);

	return text == NULL ? "unknown error" : text->message;
}

uint32_t vop_errno_of_result(int result, uint32_t refused)
{
	if (result == VOP_E_REFUSED) {
		return refused;
	}
	if (result >= 0 || result < VOP_RESULT_LAST) {
		return VOP_EIO;
	}
	return of_result[-result];
}
