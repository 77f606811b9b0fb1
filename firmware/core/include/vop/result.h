/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of the core. Zero or a count is success; a negative value names the fault. Each fault
 * has exactly one entry in the table of vop_errno.c, which turns it into an errno number.
 */
#ifndef VOP_RESULT_H
#define VOP_RESULT_H

enum vop_result {
	VOP_OK = 0,
	VOP_E_LATE = -1,      /* no answer within the bound */
	VOP_E_REFUSED = -2,   /* the peer said no */
	VOP_E_MALFORMED = -3, /* the answer breaks the format */
	VOP_E_GONE = -4,      /* the virtio device, or the whole host, was removed */
	VOP_E_SEQUENCE = -5,  /* a valid answer at the wrong time */
	VOP_E_VERSION = -6,   /* another layout major, or another 9P dialect */
	VOP_E_ARGUMENT = -7,  /* the caller asked for what cannot be: a name or count too long */
	VOP_E_FULL = -8,      /* a fixed table of ours has no free entry */
};

#define VOP_RESULT_LAST VOP_E_FULL

#endif /* VOP_RESULT_H */
