/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-console: bytes to and from one port, two transmit buffers that take turns. */

#include "vop/console.h"

#include <stddef.h>
#include <string.h>

#define RX 0
#define TX 1

static int give_rx(struct vop_console *console, uint8_t index)
{
	const struct vop_vring_part part = {
		.data = console->rx[index],
		.bytes = VOP_CONFIG_CONSOLE_RX_BYTES,
	};
	uint16_t head;
	int result = vop_vring_add(&console->vrings[RX], NULL, 0, &part, 1, &head);

	if (result == VOP_OK) {
		console->rx_of_head[head] = index;
	}
	return result;
}

static int fill_rx(struct vop_console *console)
{
	int result = VOP_OK;

	for (uint8_t n = 0; n < VOP_CONFIG_CONSOLE_RX_BUFFERS && result == VOP_OK; n++) {
		result = give_rx(console, n);
	}
	/* A small ring takes fewer buffers: one is enough. */
	if (result == VOP_E_FULL) {
		result = VOP_OK;
	}
	return result == VOP_OK ? vop_vring_publish(&console->vrings[RX]) : result;
}

int vop_console_start(struct vop_console *console, struct vop_vdev *vdev)
{
	uint64_t accepted;
	int result;

	/* Not the rings, which vop_vring_init() clears, nor the buffers: written before read. */
	memset((uint8_t *)console + offsetof(struct vop_console, vrings), 0,
	       sizeof(*console) - offsetof(struct vop_console, vrings));
	console->vdev = vdev;
	result = vop_vdev_claim(vdev);
	if (result == VOP_OK) {
		result = vop_vdev_begin(vdev, 1ull << VOP_VIRTIO_F_VERSION_1, 0, &accepted);
	}
	if (result == VOP_OK) {
		result = vop_vdev_find_queues(vdev, console->vrings, console->memories, 2);
	}
	if (result == VOP_OK) {
		result = vop_vdev_driver_ok(vdev);
	}
	return result == VOP_OK ? fill_rx(console) : result;
}

int vop_console_stop(struct vop_console *console)
{
	int result = vop_vdev_reset(console->vdev);

	vop_vdev_release(console->vdev);
	return result == VOP_E_GONE ? VOP_OK : result;
}

/* Give the buffer that has been read back, and take the next one. 1, 0 or a fault. */
static int next_rx(struct vop_console *console)
{
	uint32_t bytes;
	uint16_t head;
	int result;

	if (console->rx_filled != 0) {
		console->rx_at = 0;
		console->rx_filled = 0;
		result = give_rx(console, console->rx_now);
		if (result == VOP_OK) {
			result = vop_vring_publish(&console->vrings[RX]);
		}
		if (result != VOP_OK) {
			return result;
		}
	}
	result = vop_vring_take(&console->vrings[RX], &head, &bytes);
	if (result == 1) {
		console->rx_now = console->rx_of_head[head];
		console->rx_at = 0;
		console->rx_filled = bytes;
		/* An empty chain would never be given back by reading it. */
		if (bytes == 0) {
			result = give_rx(console, console->rx_now);
			if (result == VOP_OK) {
				result = vop_vring_publish(&console->vrings[RX]);
			}
		}
	}
	return result;
}

int vop_console_read(struct vop_console *console, void *to, uint32_t bytes)
{
	uint32_t ready;
	int result;

	(void)vop_vdev_events(console->vdev);
	result = vop_vdev_check(console->vdev);
	if (result != VOP_OK) {
		return result;
	}
	if (console->rx_at == console->rx_filled) {
		result = next_rx(console);
		if (result <= 0) {
			return result;
		}
	}
	ready = console->rx_filled - console->rx_at;
	if (ready > bytes) {
		ready = bytes;
	}
	memcpy(to, console->rx[console->rx_now] + console->rx_at, ready);
	console->rx_at += ready;
	return (int)ready;
}

/* Note which transmit buffers have come back. */
static int reclaim_tx(struct vop_console *console)
{
	uint32_t bytes;
	uint16_t head;
	int result;

	while ((result = vop_vring_take(&console->vrings[TX], &head, &bytes)) == 1) {
		console->tx_busy[console->tx_of_head[head]] = false;
		console->stalled = false;
	}
	return result;
}

/* Block until the buffer to fill is ours. */
static int wait_for_tx(struct vop_console *console)
{
	struct vop_port *port = console->vdev->page->port;
	uint64_t until_us = port->now_us(port) + VOP_CONFIG_CONSOLE_TIMEOUT_US;

	for (;;) {
		uint32_t seen = vop_vdev_events(console->vdev);
		int result = vop_vdev_check(console->vdev);

		if (result != VOP_OK) {
			return result;
		}
		result = reclaim_tx(console);
		if (result < 0) {
			return result;
		}
		if (!console->tx_busy[console->tx_now]) {
			return VOP_OK;
		}
		if (console->stalled || port->now_us(port) >= until_us) {
			console->stalled = true;
			return VOP_E_LATE;
		}
		vop_vdev_wait(console->vdev, seen, until_us);
	}
}

int vop_console_flush(struct vop_console *console)
{
	const struct vop_vring_part part = {
		.data = console->tx[console->tx_now],
		.bytes = console->tx_filled,
	};
	uint16_t head;
	int result;

	if (console->tx_filled == 0) {
		return VOP_OK;
	}
	if (vop_vdev_is_gone(console->vdev)) {
		return VOP_E_GONE;
	}
	result = vop_vring_add(&console->vrings[TX], &part, 1, NULL, 0, &head);
	if (result != VOP_OK) {
		return result;
	}
	console->tx_of_head[head] = console->tx_now;
	console->tx_busy[console->tx_now] = true;
	console->tx_now ^= 1;
	console->tx_filled = 0;
	return vop_vring_publish(&console->vrings[TX]);
}

int vop_console_write(struct vop_console *console, const void *from, uint32_t bytes)
{
	const uint8_t *at = from;

	while (bytes != 0) {
		uint32_t space = VOP_CONFIG_CONSOLE_TX_BYTES - console->tx_filled;
		int result = VOP_OK;

		if (console->tx_filled == 0) {
			result = wait_for_tx(console);
		}
		if (result != VOP_OK) {
			console->dropped_bytes += bytes;
			return result;
		}
		if (space > bytes) {
			space = bytes;
		}
		memcpy(console->tx[console->tx_now] + console->tx_filled, at, space);
		console->tx_filled += space;
		at += space;
		bytes -= space;
		if (console->tx_filled == VOP_CONFIG_CONSOLE_TX_BYTES) {
			result = vop_console_flush(console);
		}
		if (result != VOP_OK) {
			return result;
		}
	}
	return VOP_OK;
}
