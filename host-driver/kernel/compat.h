/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between kernel versions, each with the oldest supported
 * kernel that lets us delete it.
 */
#ifndef VOP_HOST_COMPAT_H
#define VOP_HOST_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

/* Delete when 6.12 is the oldest: the header moved. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* Delete when 6.3 is the oldest: vm_flags became read-only. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vop_vm_flags_clear(struct vm_area_struct *vma,
				      unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#else
#define vop_vm_flags_clear vm_flags_clear
#endif

/* Delete when 6.17 is the oldest: page frame numbers became plain. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define vop_pfn(pfn) pfn_to_pfn_t(pfn)
#else
#define vop_pfn(pfn) (pfn)
#endif

#endif /* VOP_HOST_COMPAT_H */
