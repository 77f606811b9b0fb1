/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-9p: carries 9P messages over one virtqueue, one request in flight. */

#include "vop/9p_virtio.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"
#include "vop/text.h"

#define TAG_LENGTH_BYTES 2

/* Parts of the longest chain: a head and a payload one way, a head the other. */
#define CHAIN_PARTS_MAX 3

static struct vop_9p_virtio *to_virtio(struct vop_9p_transport *transport)
{
	return (struct vop_9p_virtio *)((uintptr_t)transport -
					offsetof(struct vop_9p_virtio, transport));
}

/* Block until the one request in flight has come back. */
static int wait_for_reply(struct vop_9p_virtio *virtio, uint32_t *written_bytes)
{
	struct vop_vdev *vdev = virtio->vdev;
	struct vop_port *port = vdev->page->port;
	uint64_t until_us = port->now_us(port) + VOP_CONFIG_REQUEST_TIMEOUT_US;
	uint16_t head;

	for (;;) {
		uint32_t seen = vop_vdev_events(vdev);
		int result = vop_vdev_check(vdev);
		int taken;

		if (result != VOP_OK) {
			return result;
		}
		taken = vop_vring_take(&virtio->vring, &head, written_bytes);
		if (taken != 0) {
			return taken < 0 ? taken : VOP_OK;
		}
		if (port->now_us(port) >= until_us) {
			return VOP_E_LATE;
		}
		vop_vdev_wait(vdev, seen, until_us);
	}
}

static int run_exchange(struct vop_9p_virtio *virtio, const struct vop_9p_exchange *exchange)
{
	/* The device only reads the readable parts: the cast away of const stays a promise. */
	const struct vop_vring_part readable[2] = {
		{ .data = (void *)(uintptr_t)exchange->request, .bytes = exchange->request_bytes },
		{ .data = (void *)(uintptr_t)exchange->request_payload,
		  .bytes = exchange->request_payload_bytes },
	};
	const struct vop_vring_part writable[2] = {
		{ .data = exchange->reply, .bytes = exchange->reply_bytes },
		{ .data = exchange->reply_payload, .bytes = exchange->reply_payload_bytes },
	};
	uint32_t written_bytes = 0;
	uint16_t head;
	int result;

	result = vop_vring_add(&virtio->vring, readable, exchange->request_payload_bytes ? 2 : 1,
			       writable, exchange->reply_payload_bytes ? 2 : 1, &head);
	if (result == VOP_OK) {
		result = vop_vring_publish(&virtio->vring);
	}
	if (result == VOP_OK) {
		result = wait_for_reply(virtio, &written_bytes);
	}
	return result == VOP_OK ? (int)written_bytes : result;
}

static int exchange_over_virtio(struct vop_9p_transport *transport,
				const struct vop_9p_exchange *exchange)
{
	struct vop_9p_virtio *virtio = to_virtio(transport);
	int result;

	if (vop_vdev_is_gone(virtio->vdev)) {
		return VOP_E_GONE;
	}
	if (virtio->broken) {
		return VOP_E_SEQUENCE;
	}
	result = run_exchange(virtio, exchange);
	if (result < 0) {
		virtio->broken = true;
		vop_port_log(virtio->vdev->page->port, "9p %s: request failed: %d", virtio->tag,
			     result);
	}
	return result;
}

static bool is_tag(const char *tag, uint32_t bytes)
{
	if (bytes == 0 || (bytes == 1 && tag[0] == '.') ||
	    (bytes == 2 && tag[0] == '.' && tag[1] == '.')) {
		return false;
	}
	for (uint32_t n = 0; n < bytes; n++) {
		if ((unsigned char)tag[n] <= ' ' || tag[n] == '/' || tag[n] == 0x7f) {
			return false;
		}
	}
	return true;
}

static int read_tag(struct vop_9p_virtio *virtio)
{
	struct vop_vdev *vdev = virtio->vdev;
	uint32_t bytes;
	int result;

	result = vop_vdev_read_config(vdev, 0, vdev->scratch, TAG_LENGTH_BYTES);
	if (result != VOP_OK) {
		return result;
	}
	bytes = vop_get_le16(vdev->scratch);
	if (bytes == 0 || bytes >= sizeof(virtio->tag)) {
		return VOP_E_MALFORMED;
	}
	/* The vdev's scratch is as large as the longest tag. */
	result = vop_vdev_read_config(vdev, TAG_LENGTH_BYTES, vdev->scratch, bytes);
	if (result != VOP_OK) {
		return result;
	}
	(void)vop_text_copy(virtio->tag, sizeof(virtio->tag), (const char *)vdev->scratch, bytes);
	return is_tag(virtio->tag, bytes) ? VOP_OK : VOP_E_MALFORMED;
}

int vop_9p_virtio_start(struct vop_9p_virtio *virtio, struct vop_vdev *vdev)
{
	const uint64_t mount_tag = 1ull << VOP_VIRTIO_9P_F_MOUNT_TAG;
	uint64_t accepted;
	int result;

	_Static_assert(sizeof(vdev->scratch) >= VOP_9P_TAG_BYTES, "scratch must hold a tag");

	/* Not the ring, which vop_vring_init() clears. */
	memset((uint8_t *)virtio + offsetof(struct vop_9p_virtio, transport), 0,
	       sizeof(*virtio) - offsetof(struct vop_9p_virtio, transport));
	virtio->vdev = vdev;
	virtio->transport.exchange = exchange_over_virtio;
	result = vop_vdev_claim(vdev);
	if (result == VOP_OK) {
		result = vop_vdev_begin(vdev, 1ull << VOP_VIRTIO_F_VERSION_1, mount_tag,
					&accepted);
	}
	if (result == VOP_OK) {
		result = read_tag(virtio);
	}
	if (result == VOP_OK) {
		result = vop_vdev_find_queues(vdev, &virtio->vring, &virtio->memory, 1);
	}
	if (result == VOP_OK && virtio->vring.num < CHAIN_PARTS_MAX) {
		vop_port_log(vdev->page->port, "9p %s: %u entries in the queue, must be %u or more",
			     virtio->tag, virtio->vring.num, CHAIN_PARTS_MAX);
		result = VOP_E_MALFORMED;
	}
	if (result == VOP_OK) {
		result = vop_vdev_driver_ok(vdev);
	}
	virtio->broken = result != VOP_OK;
	return result;
}

int vop_9p_virtio_stop(struct vop_9p_virtio *virtio)
{
	int result = vop_vdev_reset(virtio->vdev);

	virtio->broken = true;
	vop_vdev_release(virtio->vdev);
	/* What is gone does not touch buffers any more. */
	return result == VOP_E_GONE ? VOP_OK : result;
}
