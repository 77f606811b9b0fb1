/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console: bytes to and from one port.
 *
 * Ref: virtio 1.3, 5.3 (queue 0 receives, queue 1 transmits; no multiport).
 */
#ifndef VOP_CONSOLE_H
#define VOP_CONSOLE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "vdev.h"
#include "vring.h"

struct vop_console {
	struct vop_vring_memory memories[2];
	alignas(64) uint8_t rx[VOP_CONFIG_CONSOLE_RX_BUFFERS][VOP_CONFIG_CONSOLE_RX_BYTES];
	alignas(64) uint8_t tx[2][VOP_CONFIG_CONSOLE_TX_BYTES];
	struct vop_vring vrings[2];
	struct vop_vdev *vdev;
	uint8_t rx_of_head[VOP_MAX_VRING_ENTRIES]; /* which buffer a chain holds */
	uint8_t tx_of_head[VOP_MAX_VRING_ENTRIES];
	uint32_t tx_filled;    /* bytes in the buffer being filled */
	uint8_t tx_now;        /* which one that is */
	bool tx_busy[2];       /* the host has it */
	bool stalled;          /* nobody drained output within its bound */
	uint32_t dropped_bytes;
	/* The received buffer that is being read. */
	uint8_t rx_now;
	uint32_t rx_at;
	uint32_t rx_filled;
};

/* As vop_9p_virtio_start() and vop_9p_virtio_stop(). */
int vop_console_start(struct vop_console *console, struct vop_vdev *vdev);
int vop_console_stop(struct vop_console *console);

/*
 * Take up to `bytes` received bytes. Returns their number, 0 if there are none; what
 * vop_vdev_check() says; VOP_E_MALFORMED if the queue is broken. Blocks for a few commands of the
 * copier at most.
 */
int vop_console_read(struct vop_console *console, void *to, uint32_t bytes);

/*
 * Keep bytes for the host, and send them when a buffer is full. Blocks at most
 * VOP_CONFIG_CONSOLE_TIMEOUT_US for a host that does not drain; then output is dropped and counted,
 * without blocking, until the host drains again. VOP_OK, VOP_E_LATE, VOP_E_MALFORMED, or what
 * vop_vdev_check() says.
 */
int vop_console_write(struct vop_console *console, const void *from, uint32_t bytes);

/* Send what is kept. Blocks as vop_console_write(). */
int vop_console_flush(struct vop_console *console);

#endif /* VOP_CONSOLE_H */
