// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vop_virtio<N>: the uapi of uapi/vop.h on open files.
 */
#include <linux/compat.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vop_host.h"

static int vop_cdev_open(struct inode *inode, struct file *file)
{
	/* misc_open() holds its mutex: the card is registered, so it lives. */
	struct vop_host *host = container_of(file->private_data,
					     struct vop_host, misc);
	struct vop_vdev *vdev = vop_vdev_create(host);

	if (!vdev)
		return -ENOMEM;
	vdev->file_mapping = file->f_mapping;
	file->private_data = vdev;
	return nonseekable_open(inode, file);
}

static int vop_cdev_release(struct inode *inode, struct file *file)
{
	struct vop_vdev *vdev = file->private_data;

	vop_selftest_release(vdev);
	vop_vdev_remove(vdev);
	vop_vdev_put(vdev);
	return 0;
}

static int vop_ioctl_add(struct vop_vdev *vdev, const void __user *argp)
{
	struct vop_device_desc head;
	size_t bytes;
	u8 *block;
	int ret;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	bytes = vop_devpage_block_bytes(&head);
	if (bytes > VOP_MAX_DESC_BLK_BYTES)
		return -EINVAL;

	block = memdup_user(argp, bytes);
	if (IS_ERR(block))
		return PTR_ERR(block);
	/* The head was fetched twice: another thread may have changed it. */
	if (memcmp(block, &head, sizeof(head)))
		ret = -EINVAL;
	else
		ret = vop_vdev_add(vdev, block);
	kfree(block);
	return ret;
}

static int vop_ioctl_copy(struct vop_vdev *vdev,
			  struct vop_copy_desc __user *argp)
{
	struct vop_copy_desc copy;
	int ret = vop_vdev_check(vdev);

	if (ret)
		return ret;
	if (copy_from_user(&copy, argp, sizeof(copy)))
		return -EFAULT;
	ret = vop_transfer_step(vdev, &copy, false);
	if (ret)
		return ret;
	return put_user(copy.out_len, &argp->out_len);
}

static long vop_ioctl_config(struct vop_vdev *vdev, const void __user *argp)
{
	long ret = vop_vdev_check(vdev);
	u8 *config;

	if (ret)
		return ret;
	config = memdup_user(argp, vdev->head.config_len);
	if (IS_ERR(config))
		return PTR_ERR(config);

	mutex_lock(&vdev->config_lock);
	ret = vop_vdev_check(vdev);
	if (!ret)
		ret = vop_devpage_config_change(vdev, config);
	mutex_unlock(&vdev->config_lock);
	kfree(config);
	return ret;
}

static int vop_ioctl_selftest(struct vop_vdev *vdev, void __user *argp)
{
	struct vop_selftest step;
	int ret;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (copy_from_user(&step, argp, sizeof(step)))
		return -EFAULT;
	ret = vop_selftest_run(vdev, &step);
	if (!ret && copy_to_user(argp, &step, sizeof(step)))
		ret = -EFAULT;
	return ret;
}

static long vop_cdev_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct vop_vdev *vdev = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case VOP_VIRTIO_ADD_DEVICE:
		return vop_ioctl_add(vdev, argp);
	case VOP_VIRTIO_COPY_DESC:
		return vop_ioctl_copy(vdev, argp);
	case VOP_VIRTIO_CONFIG_CHANGE:
		return vop_ioctl_config(vdev, argp);
	case VOP_SELFTEST:
		return vop_ioctl_selftest(vdev, argp);
	default:
		return -ENOIOCTLCMD;
	}
}

#ifdef CONFIG_COMPAT
/* v5.9 types its arguments as pointers, so the numbers differ by their size. */
#define VOP_VIRTIO_ADD_DEVICE_32	_IOWR('s', 1, compat_uptr_t)
#define VOP_VIRTIO_COPY_DESC_32		_IOWR('s', 2, compat_uptr_t)
#define VOP_VIRTIO_CONFIG_CHANGE_32	_IOWR('s', 5, compat_uptr_t)

struct vop_copy_desc_32 {
	compat_uptr_t iov;
	__u32 iovcnt;
	__u8 vr_idx;
	__u8 update_used;
	__u32 out_len;
};

static_assert(VOP_VIRTIO_ADD_DEVICE_32 == 0xc0047301);
static_assert(VOP_VIRTIO_COPY_DESC_32 == 0xc0047302);
static_assert(VOP_VIRTIO_CONFIG_CHANGE_32 == 0xc0047305);
static_assert(sizeof(struct vop_copy_desc_32) == 16);
/* The same for both, and without padding. */
static_assert(sizeof(struct vop_selftest) == 48);

static int vop_ioctl_copy_32(struct vop_vdev *vdev,
			     struct vop_copy_desc_32 __user *argp)
{
	struct vop_copy_desc_32 copy32;
	struct vop_copy_desc copy;
	int ret = vop_vdev_check(vdev);

	if (ret)
		return ret;
	if (copy_from_user(&copy32, argp, sizeof(copy32)))
		return -EFAULT;
	copy = (struct vop_copy_desc){
		.iov = compat_ptr(copy32.iov),
		.iovcnt = copy32.iovcnt,
		.vr_idx = copy32.vr_idx,
		.update_used = copy32.update_used,
	};
	ret = vop_transfer_step(vdev, &copy, true);
	if (ret)
		return ret;
	return put_user(copy.out_len, &argp->out_len);
}

static long vop_cdev_compat_ioctl(struct file *file, unsigned int cmd,
				  unsigned long arg)
{
	struct vop_vdev *vdev = file->private_data;
	void __user *argp = compat_ptr(arg);

	switch (cmd) {
	case VOP_VIRTIO_ADD_DEVICE_32:
		return vop_ioctl_add(vdev, argp);
	case VOP_VIRTIO_COPY_DESC_32:
		return vop_ioctl_copy_32(vdev, argp);
	case VOP_VIRTIO_CONFIG_CHANGE_32:
		return vop_ioctl_config(vdev, argp);
	case VOP_SELFTEST:
		return vop_ioctl_selftest(vdev, argp);
	default:
		return -ENOIOCTLCMD;
	}
}
#else
#define vop_cdev_compat_ioctl	NULL
#endif

static __poll_t vop_cdev_poll(struct file *file, poll_table *wait)
{
	struct vop_vdev *vdev = file->private_data;

	poll_wait(file, &vdev->poll_wait, wait);
	if (vop_vdev_check(vdev))
		return EPOLLERR;
	if (atomic_xchg(&vdev->poll_wake, 0))
		return EPOLLIN | EPOLLOUT;
	return 0;
}

static int vop_cdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vop_mmap(file->private_data, vma);
}

static const struct file_operations vop_cdev_fops = {
	.owner = THIS_MODULE,
	.open = vop_cdev_open,
	.release = vop_cdev_release,
	.unlocked_ioctl = vop_cdev_ioctl,
	.compat_ioctl = vop_cdev_compat_ioctl,
	.poll = vop_cdev_poll,
	.mmap = vop_cdev_mmap,
};

/**
 * vop_cdev_register() - offer the card to user space
 * @host: the card
 *
 * Return: 0 or a negative errno.
 */
int vop_cdev_register(struct vop_host *host)
{
	host->misc.minor = MISC_DYNAMIC_MINOR;
	host->misc.name = host->name;
	host->misc.fops = &vop_cdev_fops;
	host->misc.parent = &host->pdev->dev;
	return misc_register(&host->misc);
}

/**
 * vop_cdev_unregister() - let nobody open the card any more
 * @host: the card
 */
void vop_cdev_unregister(struct vop_host *host)
{
	misc_deregister(&host->misc);
}
