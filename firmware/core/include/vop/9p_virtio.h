/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-9p: carries 9P messages over one virtqueue.
 *
 * A request is one chain: head and payload of the request, then head and payload of the reply.
 *
 * Ref: Linux, net/9p/trans_virtio.c (behaviour only); virtio 1.3 has no section of its own for it.
 */
#ifndef VOP_9P_VIRTIO_H
#define VOP_9P_VIRTIO_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "9p_client.h"
#include "vdev.h"
#include "vring.h"

/* Longest mount tag, in bytes, the terminating zero included. */
#define VOP_9P_TAG_BYTES 32

struct vop_9p_virtio {
	struct vop_vring_memory memory;
	struct vop_9p_transport transport; /* what a client is started with */
	struct vop_vring vring;
	struct vop_vdev *vdev;
	bool broken; /* a request has failed: the host may still own buffers */
	char tag[VOP_9P_TAG_BYTES];
};

/*
 * Claim a FOUND vdev and bring it to DRIVER_OK; read its tag. Blocks as vdev.h says. After a
 * failure vop_9p_virtio_stop() must still be called.
 */
int vop_9p_virtio_start(struct vop_9p_virtio *virtio, struct vop_vdev *vdev);

/*
 * Give the device back: reset it if it is still there, then release it. Blocks for at most
 * VOP_CONFIG_RESET_TIMEOUT_US. VOP_E_LATE: the host may still own the buffers of a failed request;
 * they must not be used again before the host has removed the device.
 */
int vop_9p_virtio_stop(struct vop_9p_virtio *virtio);

#endif /* VOP_9P_VIRTIO_H */
