// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-only views of the device page and of a virtio device's vrings.
 *
 * The memory behind a mapping is freed when the device is removed. Closing the
 * file cannot leave a mapping behind, as a mapping holds the file; a driver
 * that leaves can, so it takes them away: vop_mmap_revoke(). Who reads on finds
 * zeros, the status of a device without a driver, until poll() tells it more.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "vop_host.h"

/* An address space that has mapped a virtio device. */
struct vop_mm {
	struct list_head list;
	struct mm_struct *mm;
};

/* A part of the list that mmap() offers: @bytes at @offset of @memory. */
struct vop_part {
	const struct vop_coherent *memory;
	size_t offset;
	size_t bytes;
};

/* Finds the part that begins at @offset of the file; false if none does. */
static bool vop_find_part(const struct vop_vdev *vdev, u64 offset,
			  struct vop_part *part)
{
	size_t start = VOP_MMAP_RINGS;
	size_t at = 0;
	unsigned int n;

	if (!offset) {
		*part = (struct vop_part){
			.memory = &vdev->host->page,
			.bytes = VOP_DEVICE_PAGE_BYTES,
		};
		return true;
	}
	for (n = 0; n < vdev->head.num_vq; n++) {
		if (offset == start) {
			*part = (struct vop_part){
				.memory = &vdev->rings,
				.offset = at,
				.bytes = vdev->vr[n].bytes,
			};
			return true;
		}
		start += vdev->vr[n].bytes;
		at += vdev->vr[n].span;
	}
	return false;
}

/*
 * dma_mmap_coherent() fills a whole area from one allocation, so the area is
 * narrowed to the part meanwhile. It is not in the address space's tree yet.
 */
static int vop_map_part(struct vop_vdev *vdev, struct vm_area_struct *vma,
			unsigned long at, const struct vop_part *part)
{
	unsigned long start = vma->vm_start;
	unsigned long end = vma->vm_end;
	unsigned long pgoff = vma->vm_pgoff;
	int ret;

	vma->vm_start = start + at;
	vma->vm_end = vma->vm_start + part->bytes;
	vma->vm_pgoff = part->offset >> PAGE_SHIFT;
	ret = dma_mmap_coherent(&vdev->host->pdev->dev, vma, part->memory->va,
				part->memory->bus, part->memory->bytes);
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_pgoff = pgoff;
	return ret;
}

/* Maps whole parts, in order, until the area is exactly full. */
static int vop_map_parts(struct vop_vdev *vdev, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned long bytes = vma->vm_end - vma->vm_start;
	unsigned long at = 0;

	while (at < bytes) {
		struct vop_part part;
		int ret;

		if (!vop_find_part(vdev, offset + at, &part) ||
		    part.bytes > bytes - at)
			return -EINVAL;
		ret = vop_map_part(vdev, vma, at, &part);
		if (ret)
			return ret;
		at += part.bytes;
	}
	return 0;
}

/* Remembers the caller's address space. Holds map_lock. */
static int vop_remember_mm(struct vop_vdev *vdev, struct mm_struct *mm)
{
	struct vop_mm *known;

	list_for_each_entry(known, &vdev->mms, list)
		if (known->mm == mm)
			return 0;
	known = kmalloc(sizeof(*known), GFP_KERNEL_ACCOUNT);
	if (!known)
		return -ENOMEM;
	mmgrab(mm);
	known->mm = mm;
	list_add(&known->list, &vdev->mms);
	return 0;
}

/* Only a mapping that was taken away faults: the others are complete. */
static vm_fault_t vop_mmap_fault(struct vm_fault *vmf)
{
	unsigned long zero = page_to_pfn(ZERO_PAGE(vmf->address));

	return vmf_insert_mixed(vmf->vma, vmf->address, vop_pfn(zero));
}

static const struct vm_operations_struct vop_mmap_ops = {
	.fault = vop_mmap_fault,
};

/**
 * vop_mmap() - map the device page, the vrings, or both
 * @vdev: the virtio device
 * @vma: the new area; see uapi/vop.h for offsets and lengths
 *
 * Return: 0; -EACCES for a writable area, -EINVAL for one that does not begin
 * and end at parts or without a virtio device, -ENODEV after its removal.
 */
int vop_mmap(struct vop_vdev *vdev, struct vm_area_struct *vma)
{
	int ret;

	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	/* v5.9 forgets mprotect(). */
	vop_vm_flags_clear(vma, VM_MAYWRITE);

	mutex_lock(&vdev->map_lock);
	ret = vop_vdev_check(vdev);
	if (!ret)
		ret = vop_remember_mm(vdev, vma->vm_mm);
	if (!ret)
		ret = vop_map_parts(vdev, vma);
	if (!ret)
		vma->vm_ops = &vop_mmap_ops;
	mutex_unlock(&vdev->map_lock);
	return ret;
}

/**
 * vop_mmap_revoke() - take every mapping away, if the driver leaves
 * @vdev: the virtio device, in state REMOVED: no new mapping begins
 *
 * An mmap() that has passed vop_mmap() may not have linked its area yet, and
 * would be missed. It holds its mmap_lock until then, so that is waited for.
 *
 * Context: holds config_lock, so that the file is still there.
 */
void vop_mmap_revoke(struct vop_vdev *vdev)
{
	struct vop_mm *known;

	mutex_lock(&vdev->map_lock);
	mutex_unlock(&vdev->map_lock);
	if (!READ_ONCE(vdev->host->leaving))
		return;

	/* Nobody adds to the list any more. */
	list_for_each_entry(known, &vdev->mms, list) {
		mmap_write_lock(known->mm);
		mmap_write_unlock(known->mm);
	}
	unmap_mapping_range(vdev->file_mapping, 0, 0, 1);
}

/**
 * vop_mmap_forget() - drop what vop_mmap() remembered
 * @vdev: the virtio device, without users
 */
void vop_mmap_forget(struct vop_vdev *vdev)
{
	struct vop_mm *known, *next;

	list_for_each_entry_safe(known, next, &vdev->mms, list) {
		mmdrop(known->mm);
		kfree(known);
	}
}
