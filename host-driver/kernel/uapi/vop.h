/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the daemon may rely on: the ioctls of /dev/vop_virtio<N>.
 *
 * Numbers, layouts and meaning are those of Linux v5.9 (mic_ioctl.h), so that a
 * daemon written for MIC works unchanged. One open file is one virtio device:
 * VOP_VIRTIO_ADD_DEVICE makes it appear on the card, closing the file removes
 * it. The layouts of the device page are in regs/vop_regs.h.
 *
 * poll() is edge-like, as in v5.9: it reports EPOLLIN | EPOLLOUT once per
 * advance of the card, so all queues are drained per wake-up; EPOLLERR means
 * that there is no device, or no longer a card behind it.
 *
 * mmap() is read-only and shared. Offset 0 is the device page, VOP_MMAP_RINGS
 * the first vring, whole, then the others; one call maps whole parts of that
 * list, beginning at a part's start.
 */
#ifndef _UAPI_VOP_H
#define _UAPI_VOP_H

#include <linux/ioctl.h>
#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/uio.h>
#else
#include <sys/uio.h>
#endif

struct vop_device_desc;

/* Offset at which mmap() finds the first vring. */
#define VOP_MMAP_RINGS		4096

/* Most elements of vop_copy_desc.iov. */
#define VOP_COPY_MAX_IOV	1024

/**
 * struct vop_copy_desc - one step through a descriptor chain (mic_copy_desc)
 * @iov: user buffers. They are one stream: first they take what is left of the
 *	chain's device-readable part, then they give what fits into its
 *	device-writable part.
 * @iovcnt: elements of @iov, 0 to VOP_COPY_MAX_IOV
 * @vr_idx: queue
 * @update_used: 1 ends the chain, also with bytes left over. used.len is the
 *	number of bytes written into the chain over all its steps. With @iovcnt
 *	0 it ends a chain to which nothing was, or is to be, copied.
 * @out_len: answer: bytes copied, both directions. 0 also if no chain is there.
 */
struct vop_copy_desc {
#ifdef __KERNEL__
	struct iovec __user *iov;
#else
	struct iovec *iov;
#endif
	__u32 iovcnt;
	__u8 vr_idx;
	__u8 update_used;
	__u32 out_len;
};

/*
 * Adds the virtio device that the argument describes: struct vop_device_desc,
 * num_vq times struct vop_vqconfig with num filled in, feature bits twice
 * (offered, then room for the accepted ones), configuration space.
 *
 * Returns 0, or -1 with errno EINVAL (a bad block), EEXIST (this file has a
 * device already), ENOSPC (no room in the device page or no guard window),
 * ENOMEM, EFAULT, ENODEV (no card), EBUSY (a self-test has the card).
 */
#define VOP_VIRTIO_ADD_DEVICE	 _IOWR('s', 1, struct vop_device_desc *)

/*
 * Copies between user buffers and the next, or current, chain of a queue.
 *
 * Returns 0, or -1 with errno ENODEV (no device, no driver on it, no card, or
 * once for each queue after a driver's reset: what was read before it must not
 * be answered; try again), EINVAL, EFAULT, EIO (the transfer failed, or the card's ring is broken and
 * waits for a reset by its driver).
 */
#define VOP_VIRTIO_COPY_DESC	 _IOWR('s', 2, struct vop_copy_desc *)

/*
 * Replaces configuration space by the config_len bytes of the argument, and
 * waits until the driver has seen it.
 *
 * Returns a positive number if it has, 0 if it was late (v5.9's values), or -1
 * with errno EIO (the card is not online), EFAULT, ENODEV.
 */
#define VOP_VIRTIO_CONFIG_CHANGE _IOWR('s', 5, struct vop_device_desc *)

/* Bytes of host memory that a self-test copies to and from. */
#define VOP_SELFTEST_BYTES	0x10000

/* Most copies of one step. */
#define VOP_SELFTEST_MAX_REPEAT	4096

/**
 * enum vop_selftest_step - what a step of a self-test does
 * @VOP_SELFTEST_TAKE: takes the card out of service for this open file: its CPU
 *	stops, and no device can be added. Comes first. When the file is closed
 *	the card boots again, and is in service.
 * @VOP_SELFTEST_DOORBELL: rings doorbell @index (32: none); @found are the
 *	doorbells that are then pending, one bit each: none is cleared, and only
 *	those that the firmware did not take before are pending at first
 * @VOP_SELFTEST_VECTOR: has the copier raise vector @index; @found are the
 *	vectors that came, one bit each. Waits for @index, bounded.
 * @VOP_SELFTEST_LOAD: @bytes from @data to test memory at @host_offset
 * @VOP_SELFTEST_STORE: the other way
 * @VOP_SELFTEST_PEEK: @bytes of card RAM at @card_address to @data, by the CPU
 * @VOP_SELFTEST_POKE: the other way
 * @VOP_SELFTEST_TO_CARD: @repeat times the same copy by the copier, @bytes from
 *	@host_offset of test memory to @card_address
 * @VOP_SELFTEST_TO_HOST: the other way
 */
enum vop_selftest_step {
	VOP_SELFTEST_TAKE,
	VOP_SELFTEST_DOORBELL,
	VOP_SELFTEST_VECTOR,
	VOP_SELFTEST_LOAD,
	VOP_SELFTEST_STORE,
	VOP_SELFTEST_PEEK,
	VOP_SELFTEST_POKE,
	VOP_SELFTEST_TO_CARD,
	VOP_SELFTEST_TO_HOST,
};

/**
 * struct vop_selftest - one step of a self-test
 * @data: address of user memory
 * @elapsed_ns: answer: how long vector or copies took
 * @step: enum vop_selftest_step
 * @flags: must be zero
 * @index: doorbell or vector, from 0
 * @bytes: length
 * @host_offset: in test memory
 * @card_address: in card RAM
 * @repeat: 1 to VOP_SELFTEST_MAX_REPEAT
 * @found: answer
 */
struct vop_selftest {
	__u64 data;
	__u64 elapsed_ns;
	__u32 step;
	__u32 flags;
	__u32 index;
	__u32 bytes;
	__u32 host_offset;
	__u32 card_address;
	__u32 repeat;
	__u32 found;
};

/*
 * Does one step of a self-test, for CAP_SYS_RAWIO. Not in v5.9.
 *
 * Returns 0, or -1 with errno EPERM (no capability, or this file has not taken
 * the card), EBUSY (TAKE: a device is on the card, or was and the card never let
 * go of it, or a test has the card), EINVAL (outside memory, card RAM or what was
 * granted), EIO (the copier failed or was late), EINTR (killed), ENODEV (no
 * card), ENOMEM, EFAULT.
 */
#define VOP_SELFTEST		 _IOWR('s', 16, struct vop_selftest)

#endif /* _UAPI_VOP_H */
