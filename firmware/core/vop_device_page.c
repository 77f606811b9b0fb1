/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device page, seen by the vop-guest: snapshot, walk, and what became of each device.
 *
 * Ref: docs/protocol.md, "Bring-up", "Device page", "Removal, death".
 */

#include "vop/device_page.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"

/* h2c doorbell for configuration; those of vdevs follow. */
#define CONFIG_DOORBELL 0

_Static_assert(VOP_CONFIG_DEVICES >= 1 && VOP_CONFIG_DEVICES < VOP_DOORBELLS_H2C_COUNT,
	       "VOP_CONFIG_DEVICES must leave doorbell 0 free");

/* A descriptor block in the snapshot, after its lengths were checked. */
struct block {
	const struct vop_device_desc *desc;
	uint16_t offset_bytes;
	uint16_t ctrl_bytes; /* offset of the device control in the page */
};

void vop_device_page_init(struct vop_device_page *page, struct vop_port *port,
			  struct vop_copier *copier)
{
	memset(page, 0, sizeof(*page));
	page->port = port;
	page->copier = copier;
	for (uint8_t n = 0; n < VOP_CONFIG_DEVICES; n++) {
		page->vdevs[n].page = page;
		page->vdevs[n].doorbell = (uint8_t)(CONFIG_DOORBELL + 1 + n);
	}
}

static void set_boot_state(struct vop_port *port, enum vop_boot_state state, uint32_t detail)
{
	port->register_write(port, VOP_LINK_BOOT_DETAIL, detail);
	port->register_write(port, VOP_LINK_BOOT_STATE, state);
}

static int refuse(struct vop_port *port, const char *what, uint32_t expected, uint32_t got,
		  int result)
{
	set_boot_state(port, VOP_BOOT_STATE_REFUSED, got);
	vop_port_log(port, "page: %s is 0x%x, must be 0x%x", what, (unsigned int)got,
		     (unsigned int)expected);
	return result;
}

static int check_identity(struct vop_port *port)
{
	uint32_t magic = port->register_read(port, VOP_IDENTITY_MAGIC);
	uint32_t layout = port->register_read(port, VOP_IDENTITY_LAYOUT);
	uint32_t major = vop_field_get(layout, VOP_IDENTITY_LAYOUT_MAJOR_MASK);

	if (magic != VOP_VERSION_MAGIC) {
		return refuse(port, "identity.magic", VOP_VERSION_MAGIC, magic, VOP_E_VERSION);
	}
	if (major != VOP_VERSION_LAYOUT_MAJOR) {
		return refuse(port, "layout major", VOP_VERSION_LAYOUT_MAJOR, major, VOP_E_VERSION);
	}
	return VOP_OK;
}

static int take_snapshot(struct vop_device_page *page)
{
	return vop_copier_read(page->copier, page->snapshot, page->address_bus, page->bytes);
}

/* What the host speaks beyond v5.9. */
static int check_host_protocol(struct vop_device_page *page)
{
	struct vop_port *port = page->port;
	uint32_t protocol = port->register_read(port, VOP_LINK_HOST_PROTOCOL);
	uint32_t align = vop_field_get(protocol, VOP_LINK_HOST_PROTOCOL_INFO_ALIGN_MASK);
	uint32_t push = vop_field_get(protocol, VOP_LINK_HOST_PROTOCOL_PUSH_SLOT_LOG2_MASK);

	if (align == 0) {
		align = 1;
	}
	if (align != 1 && align != 4) {
		return refuse(port, "host_protocol.info_align", 4, align, VOP_E_MALFORMED);
	}
	if (push != 0 && (push < 6 || push > 16)) {
		return refuse(port, "host_protocol.push_slot_log2", 16, push, VOP_E_MALFORMED);
	}
	if ((port->register_read(port, VOP_IDENTITY_FEATURES) & VOP_IDENTITY_FEATURES_PUSH_MASK) ==
	    0) {
		push = 0;
	}
	page->info_align = (uint8_t)align;
	page->push_slot_log2 = (uint8_t)push;
	return VOP_OK;
}

static int check_page(struct vop_device_page *page)
{
	struct vop_port *port = page->port;
	uint32_t magic;
	int result;

	if (page->bytes < sizeof(struct vop_bootparam) + sizeof(struct vop_device_desc) ||
	    page->bytes > VOP_DEVICE_PAGE_BYTES) {
		return refuse(port, "size of the device page", VOP_DEVICE_PAGE_BYTES, page->bytes,
			      VOP_E_MALFORMED);
	}
	result = check_host_protocol(page);
	if (result != VOP_OK) {
		return result;
	}
	result = take_snapshot(page);
	if (result != VOP_OK) {
		return result;
	}
	magic = vop_get_le32(page->snapshot + offsetof(struct vop_bootparam, magic_le));
	if (magic != VOP_MAGIC) {
		return refuse(port, "magic of the device page", VOP_MAGIC, magic, VOP_E_MALFORMED);
	}
	return VOP_OK;
}

int vop_device_page_open(struct vop_device_page *page)
{
	struct vop_port *port = page->port;
	int result = check_identity(port);

	if (result != VOP_OK) {
		return result;
	}
	/* The host writes the size last; what comes before it is valid when it is not zero. */
	page->bytes = port->register_read(port, VOP_LINK_DEVICE_PAGE_BYTES);
	if (page->bytes == 0) {
		set_boot_state(port, VOP_BOOT_STATE_BOOTING, 0);
		return VOP_E_GONE;
	}
	page->address_bus = (uint64_t)port->register_read(port, VOP_LINK_DEVICE_PAGE_HI) << 32 |
			    port->register_read(port, VOP_LINK_DEVICE_PAGE_LO);
	result = check_page(page);
	if (result != VOP_OK) {
		return result;
	}
	/* Every doorbell that this page may name: ours and one per vdev. */
	port->register_write(port, VOP_DOORBELL_H2C_ENABLE, (2u << VOP_CONFIG_DEVICES) - 1);
	/* Doorbell first, scan afterwards: what is added in between is seen or rings. */
	result = vop_copier_post(page->copier,
				 page->address_bus + offsetof(struct vop_bootparam, h2c_config_db),
				 CONFIG_DOORBELL, 1);
	if (result != VOP_OK) {
		return result;
	}
	page->online = true;
	page->scanned = false;
	result = vop_device_page_service(page);
	if (result != VOP_OK) {
		return result;
	}
	set_boot_state(port, VOP_BOOT_STATE_READY, 0);
	port->register_write(port, VOP_DOORBELL_C2H_RING, VOP_PAGE_VECTOR);
	vop_port_log(port, "page: online, host %u", page->snapshot[offsetof(struct vop_bootparam,
									    node_id)]);
	return VOP_OK;
}

/* Move a vdev on if it is in state `from`; returns whether it was. */
static bool move_vdev(struct vop_vdev *vdev, enum vop_vdev_state from, enum vop_vdev_state to)
{
	struct vop_port *port = vdev->page->port;
	bool moved;

	port->lock(port);
	moved = vdev->state == from;
	if (moved) {
		vdev->state = to;
	}
	port->unlock(port);
	return moved;
}

static uint64_t ctrl_bus(const struct vop_vdev *vdev, uint32_t member)
{
	return vdev->page->address_bus + vdev->ctrl_bytes + member;
}

static int post_ctrl(struct vop_vdev *vdev, uint32_t member, uint8_t value)
{
	return vop_copier_post(vdev->page->copier, ctrl_bus(vdev, member), value, 1);
}

static void ring(struct vop_vdev *vdev)
{
	vdev->page->port->register_write(vdev->page->port, VOP_DOORBELL_C2H_RING, vdev->vector);
}

/* Tell the host that its config_change was seen. */
static void acknowledge(struct vop_vdev *vdev)
{
	if (post_ctrl(vdev, offsetof(struct vop_device_ctrl, guest_ack), 1) == VOP_OK) {
		ring(vdev);
	}
}

/* Let the host have the slot back; nobody uses the vdev any more. */
static void acknowledge_removal(struct vop_vdev *vdev)
{
	(void)post_ctrl(vdev, offsetof(struct vop_device_ctrl, h2c_vdev_db),
			(uint8_t)VOP_DOORBELLS_NONE);
	acknowledge(vdev);
}

/* The slot is no longer this vdev's: there is nobody to acknowledge to. */
static void lose(struct vop_vdev *vdev)
{
	vdev->absent = true;
	if (!move_vdev(vdev, VOP_VDEV_CLAIMED, VOP_VDEV_LEAVING)) {
		(void)move_vdev(vdev, VOP_VDEV_FOUND, VOP_VDEV_FREE);
		(void)move_vdev(vdev, VOP_VDEV_ACKNOWLEDGED, VOP_VDEV_FREE);
	}
}

static const uint8_t *ctrl_at(const struct vop_device_page *page, const struct block *block)
{
	return page->snapshot + block->ctrl_bytes;
}

/* Whether the slot holds the same device as when the vdev was found. */
static bool is_same_device(const struct vop_vdev *vdev, const struct block *block)
{
	const uint8_t *ctrl = ctrl_at(vdev->page, block);
	int8_t doorbell = (int8_t)ctrl[offsetof(struct vop_device_ctrl, h2c_vdev_db)];
	uint8_t change = ctrl[offsetof(struct vop_device_ctrl, config_change)];

	if (block->desc->type != (int8_t)vdev->virtio_id ||
	    block->ctrl_bytes != vdev->ctrl_bytes) {
		return false;
	}
	/* Adding a device clears its doorbell; ours stays until a removal is acknowledged. */
	return vdev->state == VOP_VDEV_FOUND || doorbell == (int8_t)vdev->doorbell ||
	       change == VOP_CONFIG_CHANGE_DEVICE_REMOVE;
}

static void follow_change(struct vop_vdev *vdev, const struct block *block)
{
	const uint8_t *ctrl = ctrl_at(vdev->page, block);

	if (ctrl[offsetof(struct vop_device_ctrl, guest_ack)] != 0) {
		return;
	}
	switch (ctrl[offsetof(struct vop_device_ctrl, config_change)]) {
	case VOP_CONFIG_CHANGE_DEVICE_REMOVE:
		if (move_vdev(vdev, VOP_VDEV_FOUND, VOP_VDEV_ACKNOWLEDGED) ||
		    vdev->state == VOP_VDEV_ACKNOWLEDGED) {
			acknowledge_removal(vdev);
		} else {
			(void)move_vdev(vdev, VOP_VDEV_CLAIMED, VOP_VDEV_LEAVING);
		}
		break;
	case VOP_CONFIG_CHANGE_CONFIG_CHANGED:
		vdev->config_changed = true;
		acknowledge(vdev);
		break;
	default:
		break;
	}
}

/* Length of a block without its device control. */
static uint32_t block_length(const struct vop_device_desc *desc)
{
	uint32_t bytes = (uint32_t)(sizeof(*desc) + sizeof(struct vop_vqconfig) * desc->num_vq) +
			 2u * desc->feature_len + desc->config_len;

	return (bytes + 7) / 8 * 8;
}

/*
 * Parse the block at `offset`. Returns whether there is one that lies within the page; logs when
 * the page lies about it.
 */
static bool parse_block(const struct vop_device_page *page, uint32_t offset, struct block *block)
{
	const uint32_t ctrl_size = sizeof(struct vop_device_ctrl);
	uint32_t length;

	if (page->bytes - offset < sizeof(struct vop_device_desc)) {
		return false;
	}
	block->desc = (const void *)(page->snapshot + offset);
	if (block->desc->type == VOP_TYPE_END) {
		return false;
	}
	length = block_length(block->desc);
	if (page->bytes - offset < length + ctrl_size) {
		vop_port_log(page->port, "page: block of %u bytes at %u, must end within %u",
			     (unsigned int)(length + ctrl_size), (unsigned int)offset,
			     (unsigned int)page->bytes);
		return false;
	}
	block->offset_bytes = (uint16_t)offset;
	block->ctrl_bytes = (uint16_t)(offset + length);
	return true;
}

/* Whether the card can drive what the block describes. */
static bool is_usable(const struct vop_device_page *page, const struct block *block)
{
	if (block->desc->type < 0) {
		return false;
	}
	if (block->desc->num_vq == 0 || block->desc->num_vq > VOP_MAX_VRINGS) {
		vop_port_log(page->port, "page: %u queues at %u, must be 1 to %u",
			     block->desc->num_vq, block->offset_bytes, VOP_MAX_VRINGS);
		return false;
	}
	return true;
}

static void find(struct vop_device_page *page, const struct block *block)
{
	struct vop_vdev *vdev = vop_device_page_next(page, NULL, VOP_VDEV_FREE);
	const uint8_t *ctrl = ctrl_at(page, block);
	struct block fresh;
	int8_t vector;

	if (vdev == NULL) {
		vop_port_log(page->port, "page: virtio %u at %u ignored, %u devices are the most",
			     (unsigned int)block->desc->type, block->offset_bytes,
			     VOP_CONFIG_DEVICES);
		return;
	}
	/*
	 * The host wrote the type last, but the snapshot may have read it first. What is read now,
	 * is behind it; pairs with the barrier in the host's ADD_DEVICE.
	 */
	if (vop_copier_read(page->copier, page->snapshot + block->offset_bytes,
			    page->address_bus + block->offset_bytes,
			    block->ctrl_bytes + (uint32_t)sizeof(struct vop_device_ctrl) -
				    block->offset_bytes) != VOP_OK ||
	    !parse_block(page, block->offset_bytes, &fresh) || !is_usable(page, &fresh) ||
	    fresh.ctrl_bytes != block->ctrl_bytes) {
		page->scanned = false;
		return;
	}
	vector = (int8_t)ctrl[offsetof(struct vop_device_ctrl, c2h_vdev_db)];
	vdev->offset_bytes = block->offset_bytes;
	vdev->ctrl_bytes = block->ctrl_bytes;
	vdev->virtio_id = (uint8_t)block->desc->type;
	vdev->queues = block->desc->num_vq;
	vdev->feature_bytes = block->desc->feature_len;
	vdev->config_bytes = block->desc->config_len;
	/* -1: the host will look at everything on the vector for configuration. */
	vdev->vector = vector < 0 ? VOP_PAGE_VECTOR : (uint8_t)(vector & 31);
	vdev->absent = false;
	vdev->config_changed = false;
	vdev->needs_reset = false;
	if (move_vdev(vdev, VOP_VDEV_FREE, VOP_VDEV_FOUND)) {
		vop_port_log(page->port, "page: virtio %u at %u, %u queues, vector %u",
			     vdev->virtio_id, vdev->offset_bytes, vdev->queues, vdev->vector);
	}
}

static struct vop_vdev *vdev_at(struct vop_device_page *page, uint16_t offset_bytes)
{
	for (uint32_t n = 0; n < VOP_CONFIG_DEVICES; n++) {
		struct vop_vdev *vdev = &page->vdevs[n];

		if (vdev->state != VOP_VDEV_FREE && !vdev->absent &&
		    vdev->offset_bytes == offset_bytes) {
			return vdev;
		}
	}
	return NULL;
}

static void walk(struct vop_device_page *page)
{
	uint32_t seen = 0; /* bit n: vdev n is still in the page */
	uint32_t offset = sizeof(struct vop_bootparam);
	struct block block;

	while (parse_block(page, offset, &block)) {
		struct vop_vdev *vdev = vdev_at(page, block.offset_bytes);

		if (vdev != NULL && !is_same_device(vdev, &block)) {
			lose(vdev);
			vdev = NULL;
		}
		if (vdev == NULL && is_usable(page, &block)) {
			find(page, &block);
			vdev = vdev_at(page, block.offset_bytes);
		}
		if (vdev != NULL) {
			seen |= 1u << (vdev - page->vdevs);
			follow_change(vdev, &block);
		}
		offset = block.ctrl_bytes + (uint32_t)sizeof(struct vop_device_ctrl);
	}
	for (uint32_t n = 0; n < VOP_CONFIG_DEVICES; n++) {
		if ((seen & 1u << n) == 0) {
			lose(&page->vdevs[n]);
		}
	}
}

static int lose_page(struct vop_device_page *page)
{
	for (uint32_t n = 0; n < VOP_CONFIG_DEVICES; n++) {
		lose(&page->vdevs[n]);
	}
	page->online = false;
	set_boot_state(page->port, VOP_BOOT_STATE_BOOTING, 0);
	vop_port_log(page->port, "page: the host took it away");
	return VOP_E_GONE;
}

int vop_device_page_service(struct vop_device_page *page)
{
	struct vop_port *port = page->port;
	int result;

	if (!page->online) {
		return VOP_E_GONE;
	}
	if (port->take_doorbells(port, 1u << CONFIG_DOORBELL) == 0 && page->scanned) {
		return VOP_OK;
	}
	if (port->register_read(port, VOP_LINK_DEVICE_PAGE_BYTES) == 0) {
		return lose_page(page);
	}
	page->scanned = true;
	result = take_snapshot(page);
	if (result != VOP_OK) {
		page->scanned = false;
		return result;
	}
	walk(page);
	return VOP_OK;
}

struct vop_vdev *vop_device_page_next(struct vop_device_page *page, const struct vop_vdev *from,
				      enum vop_vdev_state state)
{
	for (uint32_t n = from == NULL ? 0 : (uint32_t)(from - page->vdevs) + 1;
	     n < VOP_CONFIG_DEVICES; n++) {
		if (page->vdevs[n].state == state) {
			return &page->vdevs[n];
		}
	}
	return NULL;
}

int vop_vdev_claim(struct vop_vdev *vdev)
{
	int result;

	if (!move_vdev(vdev, VOP_VDEV_FOUND, VOP_VDEV_CLAIMED)) {
		return VOP_E_GONE;
	}
	result = post_ctrl(vdev, offsetof(struct vop_device_ctrl, h2c_vdev_db), vdev->doorbell);
	if (result == VOP_OK) {
		ring(vdev);
	}
	return result;
}

void vop_vdev_release(struct vop_vdev *vdev)
{
	if (move_vdev(vdev, VOP_VDEV_CLAIMED, VOP_VDEV_ACKNOWLEDGED)) {
		return;
	}
	if (vdev->absent) {
		(void)move_vdev(vdev, VOP_VDEV_LEAVING, VOP_VDEV_FREE);
	} else if (move_vdev(vdev, VOP_VDEV_LEAVING, VOP_VDEV_ACKNOWLEDGED)) {
		acknowledge_removal(vdev);
	}
	/* The slot may already hold the next device. */
	vdev->page->scanned = false;
}
