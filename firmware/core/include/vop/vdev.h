/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a virtio device over the device page: reset, status, features, queues.
 *
 * Order of a driver: vop_vdev_claim(), vop_vdev_begin(), vop_vdev_find_queues(),
 * vop_vdev_driver_ok(); at the end vop_vdev_reset() if the device is still there, then
 * vop_vdev_release(). All calls block for a few copies; reset and find_queues also for the host's
 * answer, at most VOP_CONFIG_RESET_TIMEOUT_US and VOP_CONFIG_QUEUES_TIMEOUT_US. All return
 * VOP_E_GONE as soon as the host removes the device.
 *
 * Ref: virtio 1.3, 3.1.1 (driver initialisation); docs/protocol.md.
 */
#ifndef VOP_VDEV_H
#define VOP_VDEV_H

#include <stdint.h>

#include "device_page.h"
#include "vring.h"

/* virtio device ids. Ref: virtio 1.3, 5. */
#define VOP_VIRTIO_ID_CONSOLE 3
#define VOP_VIRTIO_ID_9P      9

/* Feature bits. Ref: virtio 1.3, 6, and 5 of each device. */
#define VOP_VIRTIO_F_VERSION_1 32
#define VOP_VIRTIO_9P_F_MOUNT_TAG 0

/*
 * Whether a driver may go on. VOP_OK; VOP_E_GONE: the host removes the device; VOP_E_SEQUENCE: the
 * host asks for a reset (NEEDS_RESET). Does not block.
 */
int vop_vdev_check(const struct vop_vdev *vdev);

/* One step of waiting for the device: blocks until an event or `until_us`, at most POLL_US. */
void vop_vdev_wait(struct vop_vdev *vdev, uint32_t seen, uint64_t until_us);

/*
 * Events so far, for vop_vdev_wait(). Looks at the device page first where waits must, and at the
 * device's status if its doorbell rang: may block for a few copies.
 */
uint32_t vop_vdev_events(struct vop_vdev *vdev);

/* Ring the host about this device. */
void vop_vdev_ring(struct vop_vdev *vdev);

/* Ask the host to reset the device. VOP_OK: it holds no buffer any more. VOP_E_LATE: it may. */
int vop_vdev_reset(struct vop_vdev *vdev);

/*
 * Reset, ACKNOWLEDGE, DRIVER, accept those features of `wanted` that are offered, FEATURES_OK.
 * `wanted` and `accepted` are bitmaps. VOP_E_REFUSED if one of `required` is not offered.
 */
int vop_vdev_begin(struct vop_vdev *vdev, uint64_t wanted, uint64_t required, uint64_t *accepted);

/*
 * Lay out `count` queues, zero the host's copies, and hand over the used rings. `count` is at most
 * the device's `queues`. VOP_E_MALFORMED: a size or a cookie is wrong.
 */
int vop_vdev_find_queues(struct vop_vdev *vdev, struct vop_vring *vrings,
			 struct vop_vring_memory *memories, uint32_t count);

int vop_vdev_driver_ok(struct vop_vdev *vdev);

/* Copy `bytes` of the configuration space. `to` lies in card RAM. VOP_E_MALFORMED: too short. */
int vop_vdev_read_config(struct vop_vdev *vdev, uint32_t offset, void *to, uint32_t bytes);

#endif /* VOP_VDEV_H */
