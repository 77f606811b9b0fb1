/* SPDX-License-Identifier: Apache-2.0 */
/* The one table between Linux's errno numbers and the C library's: see vop_zephyr/errno.h. */

#include "vop_zephyr/errno.h"

#include <errno.h>
#include <stddef.h>

#include "vop/errno.h"

/* Numbers up to here are the same everywhere: they are those of the first Unix systems. */
#define LAST_COMMON 34

struct errno_pair {
	uint8_t linux_number;
	uint8_t number;
};

/* The first entry of a number is the one that is used in its direction. */
static const struct errno_pair pairs[] = {
	{ 35, EDEADLK },
	{ VOP_ENAMETOOLONG, ENAMETOOLONG },
	{ 37, ENOLCK },
	{ VOP_ENOSYS, ENOSYS },
	{ VOP_ENOTEMPTY, ENOTEMPTY },
	{ VOP_ELOOP, ELOOP },
	{ 61, ENODATA },
	{ VOP_EPROTO, EPROTO },
	{ VOP_EBADMSG, EBADMSG },
	{ 75, EOVERFLOW },
	{ VOP_EILSEQ, EILSEQ },
	{ 90, EMSGSIZE },
	{ VOP_EPROTONOSUPPORT, EPROTONOSUPPORT },
	{ VOP_EOPNOTSUPP, ENOTSUP },
	{ VOP_EOPNOTSUPP, EOPNOTSUPP },
	{ 103, ECONNABORTED },
	{ 104, ECONNRESET },
	{ VOP_ETIMEDOUT, ETIMEDOUT },
	{ 111, ECONNREFUSED },
	{ 125, ECANCELED },
	{ 122, ENOSPC }, /* EDQUOT: the library has no quotas */
};

int vop_errno_to_zephyr(uint32_t linux_number)
{
	if (linux_number <= LAST_COMMON) {
		return (int)linux_number;
	}
	for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++) {
		if (pairs[n].linux_number == linux_number) {
			return pairs[n].number;
		}
	}
	return EIO;
}

uint32_t vop_errno_from_zephyr(int number)
{
	if (number <= LAST_COMMON) {
		return (uint32_t)number;
	}
	for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++) {
		if (pairs[n].number == number) {
			return pairs[n].linux_number;
		}
	}
	return VOP_EIO;
}
