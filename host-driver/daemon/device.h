/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtio device that vopd offers the card through /dev/vop_virtioN.
 *
 * A device exists from vop_device_add() to vop_device_remove(). It is *ready* while the card's
 * driver has DRIVER_OK set; only then do chains arrive. Everything in the mapped page and rings may
 * have been written by the card: it is read once and checked here. At most one chain per queue is
 * in progress, from the call of vop_device_next() that returns 1 to the call that completes it.
 *
 * Ref: Linux v5.9, Documentation/misc-devices/mic and include/uapi/linux/mic_ioctl.h.
 */
#ifndef VOPD_DEVICE_H
#define VOPD_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	VOP_DEVICE_QUEUES = 4,              /* queues of a device, at most */
	VOP_DEVICE_ENTRIES = 128,           /* entries of each queue */
	VOP_CHAIN_MAX_BYTES = 4 << 20,      /* longest chain taken from a card, in each direction */
};

/* What a virtio device is; constant while it exists. */
struct vop_device_spec {
	uint8_t virtio_id;
	uint8_t queues;                     /* 1 to VOP_DEVICE_QUEUES */
	uint64_t features;                  /* bits offered to the card */
	const void *config;                 /* configuration space, little-endian */
	uint8_t config_bytes;
};

struct vop_queue {
	const uint8_t *ring;                /* the mapped vring */
	const uint8_t *info;                /* the mapped information block behind it */
};

struct vop_device {
	int fd;                             /* -1 while there is no device; poll it for input */
	const struct vop_device_spec *spec;
	const char *path;
	const uint8_t *map;
	size_t map_bytes;
	const uint8_t *block;               /* our descriptor block in the mapped device page */
	struct vop_queue queue[VOP_DEVICE_QUEUES];
	struct vop_device *next;            /* list of this process's devices */
};

/* A descriptor chain: its readable bytes come first, then its writable bytes. */
struct vop_chain {
	uint32_t readable_bytes;
	uint32_t writable_bytes;
};

/*
 * Opens `path` and adds the device that `spec` describes; both must outlive the device.
 * Returns 0, or a negative errno: -ENODEV, -ENOENT or -ENXIO while there is no card; -EPROTO if
 * the page that the driver maps does not hold the device or the rings that it should.
 */
int vop_device_add(struct vop_device *device, const char *path,
		   const struct vop_device_spec *spec);

/* Removes the device: the card is told, and waited for, by the kernel. Does nothing without one. */
void vop_device_remove(struct vop_device *device);

/* True while the card's driver has set DRIVER_OK. */
bool vop_device_is_ready(const struct vop_device *device);

/*
 * Looks for the next chain of a queue that has none in progress.
 * Returns 1 and fills `chain`, 0 if there is none, or -EPROTO if what the card wrote is no chain.
 */
int vop_device_next(const struct vop_device *device, unsigned int queue, struct vop_chain *chain);

/*
 * Reads the next `bytes` readable bytes of the chain in progress, and completes it if `complete`.
 * Returns 0, or a negative errno: -ENODEV if the card's driver went away, -EIO if the chain was
 * shorter than it looked.
 */
int vop_device_read(const struct vop_device *device, unsigned int queue, void *buffer,
		    uint32_t bytes, bool complete);

/*
 * Writes `bytes` (1 or more) to the chain in progress, whose readable bytes have all been read, and
 * completes it. Returns 0, or a negative errno as vop_device_read().
 */
int vop_device_write(const struct vop_device *device, unsigned int queue, const void *buffer,
		     uint32_t bytes);

#endif
