/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a virtio device over the device page: reset, status, features, queues.
 *
 * Ref: virtio 1.3, 2.1 (status), 3.1.1 (driver initialisation); docs/protocol.md.
 */

#include "vop/vdev.h"

#include <stddef.h>

#include "vop/bytes.h"

/* Ref: virtio 1.3, 2.1. */
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define STATUS_NEEDS_RESET 0x40

/* Feature bits that this core could ever accept. */
#define FEATURE_BYTES_MAX 8

static uint64_t block_bus(const struct vop_vdev *vdev, uint32_t offset)
{
	return vdev->page->address_bus + vdev->offset_bytes + offset;
}

static uint64_t ctrl_bus(const struct vop_vdev *vdev, uint32_t member)
{
	return vdev->page->address_bus + vdev->ctrl_bytes + member;
}

static uint32_t vqconfig_offset(uint32_t queue)
{
	return (uint32_t)(sizeof(struct vop_device_desc) + queue * sizeof(struct vop_vqconfig));
}

static int post(struct vop_vdev *vdev, uint64_t bus, uint64_t value, uint32_t bytes)
{
	return vop_copier_post(vdev->page->copier, bus, value, bytes);
}

int vop_vdev_check(const struct vop_vdev *vdev)
{
	if (vop_vdev_is_gone(vdev)) {
		return VOP_E_GONE;
	}
	return vdev->needs_reset ? VOP_E_SEQUENCE : VOP_OK;
}

/* The host rings this doorbell for handshakes and for NEEDS_RESET, not for used buffers. */
static void look_at_status(struct vop_vdev *vdev)
{
	struct vop_port *port = vdev->page->port;

	if (vop_vdev_is_gone(vdev) || port->take_doorbells(port, 1u << vdev->doorbell) == 0 ||
	    vop_copier_read(vdev->page->copier, vdev->desc, block_bus(vdev, 0),
			    sizeof(vdev->desc)) != VOP_OK) {
		return;
	}
	if ((vdev->desc[offsetof(struct vop_device_desc, status)] & STATUS_NEEDS_RESET) != 0 &&
	    !vdev->needs_reset) {
		vdev->needs_reset = true;
		vop_port_log(port, "virtio %u: the host asks for a reset", vdev->virtio_id);
	}
}

uint32_t vop_vdev_events(struct vop_vdev *vdev)
{
	struct vop_port *port = vdev->page->port;
	uint32_t seen = port->events(port);

	if (vdev->page->serviced_by_waits) {
		/* A failure shows in the state of the vdevs, which every waiter checks. */
		(void)vop_device_page_service(vdev->page);
	}
	look_at_status(vdev);
	return seen;
}

void vop_vdev_wait(struct vop_vdev *vdev, uint32_t seen, uint64_t until_us)
{
	struct vop_port *port = vdev->page->port;
	uint64_t poll_us = port->now_us(port) + VOP_CONFIG_POLL_US;

	port->wait(port, seen, until_us < poll_us ? until_us : poll_us);
}

void vop_vdev_ring(struct vop_vdev *vdev)
{
	vdev->page->port->register_write(vdev->page->port, VOP_DOORBELL_C2H_RING, vdev->vector);
}

/* Block until a byte of the device control has a value, at most `bound_us`. */
static int wait_for_ctrl(struct vop_vdev *vdev, uint32_t member, uint8_t value, uint32_t bound_us)
{
	struct vop_port *port = vdev->page->port;
	uint64_t until_us = port->now_us(port) + bound_us;
	int result;

	for (;;) {
		uint32_t seen = vop_vdev_events(vdev);

		if (vop_vdev_is_gone(vdev)) {
			return VOP_E_GONE;
		}
		result = vop_copier_read(vdev->page->copier, vdev->scratch, ctrl_bus(vdev, 0),
					 sizeof(struct vop_device_ctrl));
		if (result != VOP_OK) {
			return result;
		}
		if (vdev->scratch[member] == value) {
			return VOP_OK;
		}
		if (port->now_us(port) >= until_us) {
			return VOP_E_LATE;
		}
		vop_vdev_wait(vdev, seen, until_us);
	}
}

static int set_status(struct vop_vdev *vdev, uint8_t status)
{
	int result;

	if (vop_vdev_is_gone(vdev)) {
		return VOP_E_GONE;
	}
	result = post(vdev, block_bus(vdev, offsetof(struct vop_device_desc, status)), status, 1);
	if (result == VOP_OK && status != 0) {
		vop_vdev_ring(vdev);
	}
	return result;
}

int vop_vdev_reset(struct vop_vdev *vdev)
{
	int result;

	if (vop_vdev_is_gone(vdev)) {
		return VOP_E_GONE;
	}
	result = post(vdev, ctrl_bus(vdev, offsetof(struct vop_device_ctrl, host_ack)), 0, 1);
	if (result != VOP_OK) {
		return result;
	}
	result = post(vdev, ctrl_bus(vdev, offsetof(struct vop_device_ctrl, vdev_reset)), 1, 1);
	if (result != VOP_OK) {
		return result;
	}
	vop_vdev_ring(vdev);
	result = wait_for_ctrl(vdev, offsetof(struct vop_device_ctrl, host_ack), 1,
			       VOP_CONFIG_RESET_TIMEOUT_US);
	if (result != VOP_OK) {
		return result;
	}
	vdev->needs_reset = false;
	return set_status(vdev, 0);
}

static int negotiate(struct vop_vdev *vdev, uint64_t wanted, uint64_t required, uint64_t *accepted)
{
	uint32_t bytes = vdev->feature_bytes < FEATURE_BYTES_MAX ? vdev->feature_bytes
								 : FEATURE_BYTES_MAX;
	uint32_t bitmaps = vqconfig_offset(vdev->queues);
	int result;

	*accepted = 0;
	if (bytes != 0) {
		vop_put_le64(vdev->scratch, 0);
		result = vop_copier_read(vdev->page->copier, vdev->scratch,
					 block_bus(vdev, bitmaps), bytes);
		if (result != VOP_OK) {
			return result;
		}
		*accepted = vop_get_le64(vdev->scratch) & (wanted | required);
	}
	if ((*accepted & required) != required) {
		vop_port_log(vdev->page->port, "virtio %u: features 0x%llx, must have 0x%llx",
			     vdev->virtio_id, (unsigned long long)*accepted,
			     (unsigned long long)required);
		return VOP_E_REFUSED;
	}
	if (bytes == 0) {
		return VOP_OK;
	}
	return post(vdev, block_bus(vdev, bitmaps + vdev->feature_bytes), *accepted, bytes);
}

int vop_vdev_begin(struct vop_vdev *vdev, uint64_t wanted, uint64_t required, uint64_t *accepted)
{
	int result = vop_vdev_reset(vdev);

	if (result == VOP_OK) {
		result = set_status(vdev, STATUS_ACKNOWLEDGE);
	}
	if (result == VOP_OK) {
		result = set_status(vdev, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	}
	if (result == VOP_OK) {
		result = negotiate(vdev, wanted, required, accepted);
	}
	if (result == VOP_OK) {
		result = set_status(vdev,
				    STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	}
	return result;
}

int vop_vdev_driver_ok(struct vop_vdev *vdev)
{
	return set_status(vdev, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK |
					STATUS_DRIVER_OK);
}

/* Offset of the information block behind a vring in host memory; v5.9's vring_size(). */
static uint32_t info_offset(uint16_t num, uint32_t info_align)
{
	uint32_t driver = vop_vring_driver_bytes(num);
	uint32_t used = (driver + VOP_VRING_ALIGN - 1) / VOP_VRING_ALIGN * VOP_VRING_ALIGN;

	return (used + 6u + 8u * num + info_align - 1) / info_align * info_align;
}

/* Where the push area lies behind a vring in host memory: see link.host_protocol. */
static uint32_t push_offset(uint16_t num)
{
	return (info_offset(num, 1) + 16u + VOP_DEVICE_PAGE_BYTES - 1) / VOP_DEVICE_PAGE_BYTES *
	       VOP_DEVICE_PAGE_BYTES;
}

static int check_cookie(struct vop_vdev *vdev, uint32_t queue, uint16_t num, uint64_t ring_bus)
{
	uint32_t expected = VOP_MAGIC + vdev->virtio_id + queue;
	uint32_t cookie;
	int result;

	result = vop_copier_read(vdev->page->copier, vdev->scratch,
				 ring_bus + info_offset(num, vdev->page->info_align),
				 sizeof(struct vop_vring_info));
	if (result != VOP_OK) {
		return result;
	}
	cookie = vop_get_le32(vdev->scratch + offsetof(struct vop_vring_info, cookie_le));
	if (cookie != expected) {
		vop_port_log(vdev->page->port,
			     "virtio %u: cookie of queue %u is 0x%x, must be 0x%x", vdev->virtio_id,
			     (unsigned int)queue, (unsigned int)cookie,
			     (unsigned int)expected);
		return VOP_E_MALFORMED;
	}
	return VOP_OK;
}

static int find_queue(struct vop_vdev *vdev, uint32_t queue, struct vop_vring *vring,
		      struct vop_vring_memory *memory)
{
	struct vop_copier *copier = vdev->page->copier;
	uint64_t vqconfig_bus = block_bus(vdev, vqconfig_offset(queue));
	uint64_t ring_bus;
	uint8_t flags = 0;
	uint16_t num;
	int result;

	result = vop_copier_read(copier, vdev->scratch, vqconfig_bus, sizeof(struct vop_vqconfig));
	if (result != VOP_OK) {
		return result;
	}
	ring_bus = vop_get_le64(vdev->scratch + offsetof(struct vop_vqconfig, address_le));
	num = vop_get_le16(vdev->scratch + offsetof(struct vop_vqconfig, num_le));
	result = vop_vring_init(vring, vdev->page->port, copier, memory, num, ring_bus,
				vdev->vector);
	if (result != VOP_OK) {
		vop_port_log(vdev->page->port,
			     "virtio %u: queue %u has %u entries, must be a power of two up to %u",
			     vdev->virtio_id, (unsigned int)queue, num, VOP_MAX_VRING_ENTRIES);
		return result;
	}
	result = check_cookie(vdev, queue, num, ring_bus);
	if (result != VOP_OK) {
		return result;
	}
	/* Ours is empty: a copy of it zeroes the host's. */
	result = vop_copier_write(copier, ring_bus, vop_vring_driver_area(vring),
				  vop_vring_driver_bytes(num));
	if (result != VOP_OK) {
		return result;
	}
	if (vdev->page->push_slot_log2 != 0) {
		vop_vring_push(vring, ring_bus + push_offset(num), vdev->page->push_slot_log2);
		flags = VOP_VQCONFIG_FLAGS_PUSHES;
	}
	result = post(vdev, vqconfig_bus + offsetof(struct vop_vqconfig, flags), flags, 1);
	if (result != VOP_OK) {
		return result;
	}
	return post(vdev, vqconfig_bus + offsetof(struct vop_vqconfig, used_address_le),
		    vop_vring_used_card(vring), sizeof(uint64_t));
}

int vop_vdev_find_queues(struct vop_vdev *vdev, struct vop_vring *vrings,
			 struct vop_vring_memory *memories, uint32_t count)
{
	uint32_t updated = offsetof(struct vop_device_ctrl, used_address_updated);
	int result;

	if (count > vdev->queues) {
		vop_port_log(vdev->page->port, "virtio %u: %u queues, must be %u or more",
			     vdev->virtio_id, vdev->queues, (unsigned int)count);
		return VOP_E_MALFORMED;
	}
	for (uint32_t queue = 0; queue < count; queue++) {
		result = find_queue(vdev, queue, &vrings[queue], &memories[queue]);
		if (result != VOP_OK) {
			return result;
		}
	}
	result = post(vdev, ctrl_bus(vdev, updated), 1, 1);
	if (result != VOP_OK) {
		return result;
	}
	vop_vdev_ring(vdev);
	result = wait_for_ctrl(vdev, updated, 0, VOP_CONFIG_QUEUES_TIMEOUT_US);
	if (result != VOP_OK) {
		return result;
	}
	/* A host that cannot use the rings says so before it clears the byte. */
	(void)vop_vdev_events(vdev);
	return vop_vdev_check(vdev);
}

int vop_vdev_read_config(struct vop_vdev *vdev, uint32_t offset, void *to, uint32_t bytes)
{
	uint32_t config = vqconfig_offset(vdev->queues) + 2u * vdev->feature_bytes;

	if (offset > vdev->config_bytes || bytes > vdev->config_bytes - offset) {
		return VOP_E_MALFORMED;
	}
	return vop_copier_read(vdev->page->copier, to, block_bus(vdev, config + offset), bytes);
}
