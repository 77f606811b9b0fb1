// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device page: its only writer on the host, and the handshakes in it.
 *
 * The card reads the page by copying it whole, and posts single bytes into it
 * at any time. Each byte that the card owns is loaded once and then checked;
 * what the host wrote is never read back, as the card could have changed it.
 *
 * Layout: Linux v5.9, include/uapi/linux/mic_common.h. D1 to D13 in this driver
 * name what is known to be wrong with v5.9's VOP. D8: ctrl.vdev is the guest's
 * cookie and never used here. D10: the limits are the layout's and stay.
 */
#include "vop_host.h"

static struct vop_bootparam *vop_bootparam(const struct vop_host *host)
{
	return host->page.va;
}

/**
 * vop_devpage_init() - write an empty device page
 * @host: the card
 *
 * Context: before the card's CPU runs.
 */
void vop_devpage_init(struct vop_host *host)
{
	struct vop_bootparam *bootparam = vop_bootparam(host);

	memset(host->page.va, 0, VOP_DEVICE_PAGE_BYTES);
	bootparam->magic = cpu_to_le32(VOP_MAGIC);
	bootparam->h2c_config_db = VOP_DOORBELLS_NONE;
	bootparam->node_id = host->index + 1;
	host->slots = 0;
}

/**
 * vop_devpage_config_db() - load the card's configuration doorbell
 * @host: the card
 *
 * Return: the doorbell as the card wrote it; negative: not online.
 */
s8 vop_devpage_config_db(const struct vop_host *host)
{
	return READ_ONCE(vop_bootparam(host)->h2c_config_db);
}

static size_t vop_config_offset(const struct vop_device_desc *head)
{
	return sizeof(*head) + head->num_vq * sizeof(struct vop_vqconfig) +
	       2 * head->feature_len;
}

/**
 * vop_devpage_block_bytes() - size of a descriptor block
 * @head: its head
 *
 * Return: bytes without padding and without device control: what user space
 * passes to VOP_VIRTIO_ADD_DEVICE.
 */
size_t vop_devpage_block_bytes(const struct vop_device_desc *head)
{
	return vop_config_offset(head) + head->config_len;
}

static size_t vop_ctrl_offset(const struct vop_device_desc *head)
{
	return ALIGN(vop_devpage_block_bytes(head), 8);
}

/*
 * D1: v5.9 reuses any removed slot, and a block of another length shifts every
 * later one. Here a slot keeps its length for ever.
 */
static struct vop_slot *vop_find_slot(struct vop_host *host, size_t bytes)
{
	unsigned int n;

	for (n = 0; n < host->slots; n++) {
		struct vop_slot *slot = &host->slot[n];

		if (!slot->used && slot->bytes == bytes &&
		    time_after_eq(jiffies, slot->rests_until))
			return slot;
	}
	return NULL;
}

static struct vop_slot *vop_append_slot(struct vop_host *host, size_t bytes)
{
	size_t offset = sizeof(struct vop_bootparam);
	struct vop_slot *slot;

	if (host->slots) {
		slot = &host->slot[host->slots - 1];
		offset = slot->offset + slot->bytes;
	}
	/* As v5.9: at least one byte stays, the end of the list. */
	if (offset + bytes >= VOP_DEVICE_PAGE_BYTES)
		return NULL;

	slot = &host->slot[host->slots++];
	slot->offset = offset;
	slot->bytes = bytes;
	return slot;
}

/**
 * vop_devpage_reserve() - find a place for a virtio device
 * @vdev: the virtio device, its head checked
 *
 * Context: holds vop_host.lock.
 * Return: 0, or -ENOSPC if the page is full.
 */
int vop_devpage_reserve(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	size_t ctrl = vop_ctrl_offset(&vdev->head);
	size_t bytes = ctrl + sizeof(struct vop_device_ctrl);
	struct vop_slot *slot;
	void *block;

	slot = vop_find_slot(host, bytes);
	if (!slot)
		slot = vop_append_slot(host, bytes);
	if (!slot)
		return -ENOSPC;
	slot->used = true;

	block = host->page.va + slot->offset;
	vdev->slot = slot;
	vdev->desc = block;
	vdev->vqconfig = block + sizeof(*vdev->desc);
	vdev->config = block + vop_config_offset(&vdev->head);
	vdev->features = vdev->config - 2 * vdev->head.feature_len;
	vdev->ctrl = block + ctrl;
	return 0;
}

/* Writes the block's first four bytes at once, so that no scan sees a mix. */
static void vop_store_head(struct vop_vdev *vdev, s8 type)
{
	struct vop_device_desc head = vdev->head;
	u32 word;

	head.type = type;
	memcpy(&word, &head, sizeof(word));
	WRITE_ONCE(*(u32 *)vdev->desc, word);
}

/**
 * vop_devpage_fill() - write a block, not visible to the card yet
 * @vdev: the virtio device, its slot reserved and its rings allocated
 * @block: what user space passed: vop_devpage_block_bytes() bytes
 *
 * D2: v5.9 makes the type 0 meanwhile, which ends a concurrent scan early and,
 * after an error, hides all later devices. Here a reused slot stays -1, and
 * only the end of the list is 0. Both have the same length, so that a walk
 * over them never loses its way.
 *
 * Context: holds vop_host.lock.
 */
void vop_devpage_fill(struct vop_vdev *vdev, const u8 *block)
{
	struct vop_device_ctrl ctrl = {
		.c2h_vdev_db = vdev->vector,
		.h2c_vdev_db = VOP_DOORBELLS_NONE,
	};
	struct vop_device_desc *desc = vdev->desc;
	dma_addr_t bus = vdev->rings.bus;
	u8 n;

	vop_store_head(vdev, vdev->slot->published ? VOP_TYPE_REMOVED :
						     VOP_TYPE_END);
	desc->status = 0;
	memset(desc->padding, 0, sizeof(desc->padding));
	for (n = 0; n < vdev->head.num_vq; n++) {
		vdev->vqconfig[n] = (struct vop_vqconfig){
			.address = cpu_to_le64(bus),
			.num = cpu_to_le16(vdev->vr[n].ring.num),
		};
		bus += vdev->vr[n].span;
	}
	memcpy(vdev->features, block + (vdev->features - (u8 *)desc),
	       vdev->head.feature_len);
	memset(vdev->features + vdev->head.feature_len, 0,
	       vdev->head.feature_len);
	memcpy(vdev->config, block + (vdev->config - (u8 *)desc),
	       vdev->head.config_len);
	memcpy(vdev->ctrl, &ctrl, sizeof(ctrl));
}

/**
 * vop_devpage_publish() - make a filled block visible and tell the card
 * @vdev: the virtio device
 *
 * Context: holds vop_host.lock.
 */
void vop_devpage_publish(struct vop_vdev *vdev)
{
	/* Pairs with the order of the card's copy: type first, then the rest. */
	dma_wmb();
	WRITE_ONCE(vdev->desc->type, vdev->head.type);
	vdev->slot->published = true;
	/*
	 * Either the doorbell is found, or the card's scan finds the type. Pairs
	 * with the card publishing its doorbell before it scans.
	 */
	mb();
	vop_doorbell_ring(vdev->host, vop_devpage_config_db(vdev->host));
}

static bool vop_has_acked(const struct vop_vdev *vdev)
{
	return READ_ONCE(vdev->ctrl->guest_ack) ||
	       vop_host_is_lost(vdev->host);
}

/* Tells the card of a change; remaining jiffies, 0 = late, or -EIO. */
static long vop_handshake(struct vop_vdev *vdev, enum vop_config_change change,
			  enum vop_wait wait)
{
	struct vop_host *host = vdev->host;
	struct vop_device_ctrl *ctrl = vdev->ctrl;
	long left;

	WRITE_ONCE(ctrl->guest_ack, 0);
	/* The change is behind all it announces; pairs with the card's copy. */
	dma_wmb();
	WRITE_ONCE(ctrl->config_change, change);
	if (!vop_doorbell_ring(host, vop_devpage_config_db(host)))
		return -EIO;

	left = wait_event_timeout(host->control_wait, vop_has_acked(vdev),
				  vop_host_wait_jiffies(wait));
	if (!left) {
		vop_count(host, VOP_COUNT_LATE, 1);
		dev_warn(&host->pdev->dev,
			 "virtio device at %#x: answer to change %d is late\n",
			 vdev->slot->offset, change);
		vop_host_check(host);
	}
	if (vop_host_is_lost(host))
		return -EIO;
	return left;
}

static void vop_handshake_end(struct vop_vdev *vdev)
{
	WRITE_ONCE(vdev->ctrl->config_change, VOP_CONFIG_CHANGE_NONE);
	WRITE_ONCE(vdev->ctrl->guest_ack, 0);
}

/**
 * vop_devpage_config_change() - replace configuration space
 * @vdev: the virtio device
 * @config: config_len bytes
 *
 * D13: no data path is locked meanwhile, and the wait ends with the card's
 * vector, not with the next tick of 100 ms. The layout has no generation
 * counter, so a driver that reads during the change may see a mix; it reads
 * again when it is told. The return values are v5.9's.
 *
 * Context: holds vop_vdev.config_lock.
 * Return: remaining jiffies if the driver has seen it, 0 if it was late, -EIO
 * if the card is not online.
 */
long vop_devpage_config_change(struct vop_vdev *vdev, const u8 *config)
{
	long left;

	if (vop_devpage_config_db(vdev->host) < 0)
		return -EIO;

	memcpy(vdev->config, config, vdev->head.config_len);
	left = vop_handshake(vdev, VOP_CONFIG_CHANGE_CONFIG_CHANGED,
			     VOP_WAIT_CONFIG_ACK);
	vop_handshake_end(vdev);
	return left;
}

/**
 * vop_devpage_ask_removal() - have the card's driver let go of a device
 * @vdev: the virtio device
 *
 * Context: holds vop_vdev.config_lock; the driver's reset is served meanwhile.
 * Return: true if it has let go of its rings.
 */
bool vop_devpage_ask_removal(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	bool acked;

	if (vop_host_is_lost(host) || vop_devpage_config_db(host) < 0)
		return false;
	if (host->leaving && host->deaf)
		return false;

	acked = vop_handshake(vdev, VOP_CONFIG_CHANGE_DEVICE_REMOVE,
			      VOP_WAIT_REMOVE_ACK) > 0;
	host->deaf = !acked;
	return acked;
}

/**
 * vop_devpage_retire() - mark a block as removed
 * @vdev: the virtio device
 * @let_go: the card's driver has let go of it
 *
 * A v5.9 driver writes type -1 itself, right behind its acknowledgment: if
 * that came late it would remove the slot's next device. So a slot rests for a
 * while, and for ever if the driver never acknowledged.
 *
 * Context: holds vop_host.lock.
 * Return: true if the card does not use the device's rings: its driver has let
 * go of them, or has not seen them.
 */
bool vop_devpage_retire(struct vop_vdev *vdev, bool let_go)
{
	struct vop_host *host = vdev->host;
	unsigned long rest = vop_host_wait_jiffies(VOP_WAIT_SLOT_REST);

	WRITE_ONCE(vdev->desc->type, VOP_TYPE_REMOVED);
	/*
	 * Type first: an ended handshake must not look like a live device. And
	 * without a doorbell behind it no scan has begun: every one will find
	 * the type. Pairs with the card publishing its doorbell before it scans.
	 * A doorbell that was withdrawn says nothing of a driver that has bound.
	 */
	mb();
	if (vop_devpage_config_db(host) < 0 && !vop_host_is_lost(host) &&
	    !READ_ONCE(vdev->desc->status)) {
		let_go = true;
		rest = 0;
	}
	vop_handshake_end(vdev);
	vdev->slot->used = !let_go;
	vdev->slot->rests_until = jiffies + rest;
	vop_doorbell_ring(host, vop_devpage_config_db(host));
	return let_go;
}

/**
 * vop_devpage_accepted() - load the feature bits that the driver accepted
 * @vdev: the virtio device
 *
 * D7: all of them count, not the offered ones, and not 32 only.
 *
 * Return: bits 0 to 63.
 */
u64 vop_devpage_accepted(const struct vop_vdev *vdev)
{
	const u8 *accepted = vdev->features + vdev->head.feature_len;
	u8 bytes = min_t(u8, vdev->head.feature_len, sizeof(u64));
	u64 bits = 0;
	u8 n;

	for (n = 0; n < bytes; n++)
		bits |= (u64)READ_ONCE(accepted[n]) << (8 * n);
	return bits;
}
