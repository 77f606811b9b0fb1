// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtio device: added, reset, given used rings, broken, removed.
 *
 * The card's driver asks by bytes in the device page. The interrupt handler
 * only notes that it asked; a work answers, as answers take mutexes.
 */
#include <linux/debugfs.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vop_host.h"

/* D7: what the host cannot honour is never offered. */
#define VOP_FEATURES_WITHHELD	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |	\
				 BIT_ULL(VIRTIO_F_RING_PACKED))

static void vop_vdev_release(struct kref *ref)
{
	struct vop_vdev *vdev = container_of(ref, struct vop_vdev, ref);

	vop_mmap_forget(vdev);
	vop_host_put(vdev->host);
	kvfree(vdev);
}

/**
 * vop_vdev_put() - drop a reference
 * @vdev: the virtio device
 */
void vop_vdev_put(struct vop_vdev *vdev)
{
	kref_put(&vdev->ref, vop_vdev_release);
}

/**
 * vop_vdev_check() - see whether a file has a virtio device on a live card
 * @vdev: the virtio device
 *
 * Return: 0, or v5.9's errno: -EINVAL before it is added, -ENODEV after it is
 * removed or its card is lost.
 */
int vop_vdev_check(const struct vop_vdev *vdev)
{
	/* Pairs with smp_store_release() in vop_vdev_add(). */
	switch (smp_load_acquire(&vdev->state)) {
	case VOP_VDEV_ADDED:
		return vop_host_is_lost(vdev->host) ? -ENODEV : 0;
	case VOP_VDEV_REMOVED:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

/**
 * vop_vdev_wake() - have poll() report once, and wake who polls
 * @vdev: the virtio device
 */
void vop_vdev_wake(struct vop_vdev *vdev)
{
	atomic_set(&vdev->poll_wake, 1);
	wake_up_interruptible(&vdev->poll_wait);
}

/**
 * vop_vdev_look() - see what the card has changed
 * @vdev: the virtio device
 *
 * Context: interrupt handler, under vdevs_lock.
 */
void vop_vdev_look(struct vop_vdev *vdev)
{
	u8 status = READ_ONCE(vdev->desc->status);
	bool moved = status != vdev->seen_status;
	int n;

	vdev->seen_status = status;
	for (n = 0; n < vdev->head.num_vq; n++)
		moved |= vop_vring_look(&vdev->vr[n]);
	if (moved)
		vop_vdev_wake(vdev);

	if (READ_ONCE(vdev->ctrl->vdev_reset) ||
	    READ_ONCE(vdev->ctrl->used_address_updated))
		queue_work(system_unbound_wq, &vdev->control_work);
}

/**
 * vop_vdev_break() - tell the driver that only a reset helps
 * @vdev: the virtio device
 */
void vop_vdev_break(struct vop_vdev *vdev)
{
	u8 status = READ_ONCE(vdev->desc->status);

	WRITE_ONCE(vdev->desc->status, status | VIRTIO_CONFIG_S_NEEDS_RESET);
	vop_doorbell_ring_vdev(vdev);
}

/* The driver's reset handshake. Status 0 first: it stops new transfers. */
static void vop_vdev_reset(struct vop_vdev *vdev)
{
	int n;

	WRITE_ONCE(vdev->desc->status, 0);
	for (n = 0; n < vdev->head.num_vq; n++)
		vop_vring_reset(&vdev->vr[n]);
	/* Used elements that nobody waits for must not reach the next rings. */
	if (vdev->host->single_store && vop_copier_drain(vdev))
		dev_warn(&vdev->host->pdev->dev, "copier does not drain\n");
	WRITE_ONCE(vdev->ctrl->used_address_updated, 0);
	WRITE_ONCE(vdev->ctrl->vdev_reset, 0);
	/* The answer is behind all it stands for; pairs with the card's copy. */
	dma_wmb();
	WRITE_ONCE(vdev->ctrl->host_ack, 1);
}

/* The driver has named its used rings, and has accepted its features before. */
static void vop_vdev_take_used(struct vop_vdev *vdev)
{
	u64 accepted = vop_devpage_accepted(vdev);
	int ret = 0;
	int n;

	for (n = 0; n < vdev->head.num_vq && !ret; n++)
		ret = vop_vring_take_used(vdev, n);
	if (accepted & ~vdev->offered) {
		atomic_inc(&vdev->peer_fault[VOP_PEER_BAD_FEATURES]);
		vop_peer_err(vdev, "features must be among %#llx, not %#llx",
			     vdev->offered, accepted);
		ret = -EINVAL;
	}
	/* D13: FEATURES_OK cannot be refused; this is as near as it gets. */
	if (ret)
		vop_vdev_break(vdev);
	/* The answer is behind all it stands for; pairs with the card's copy. */
	dma_wmb();
	WRITE_ONCE(vdev->ctrl->used_address_updated, 0);
}

static void vop_vdev_control_work(struct work_struct *work)
{
	struct vop_vdev *vdev =
		container_of(work, struct vop_vdev, control_work);

	mutex_lock(&vdev->lock);
	if (vdev->state == VOP_VDEV_ADDED) {
		if (READ_ONCE(vdev->ctrl->vdev_reset))
			vop_vdev_reset(vdev);
		else if (READ_ONCE(vdev->ctrl->used_address_updated))
			vop_vdev_take_used(vdev);
		vop_doorbell_ring_vdev(vdev);
		vop_vdev_wake(vdev);
	}
	mutex_unlock(&vdev->lock);
}

/**
 * vop_vdev_create() - make an empty virtio device for an open file
 * @host: the card; a reference to it is taken
 *
 * Return: the virtio device, or NULL without memory.
 */
struct vop_vdev *vop_vdev_create(struct vop_host *host)
{
	struct vop_vdev *vdev = kvzalloc(sizeof(*vdev), GFP_KERNEL_ACCOUNT);
	int n;

	if (!vdev)
		return NULL;
	kref_init(&vdev->ref);
	kref_get(&host->ref);
	vdev->host = host;
	INIT_LIST_HEAD(&vdev->node);
	INIT_LIST_HEAD(&vdev->place_node);
	mutex_init(&vdev->config_lock);
	mutex_init(&vdev->lock);
	INIT_WORK(&vdev->control_work, vop_vdev_control_work);
	vdev->guard = -1;
	for (n = 0; n < VOP_MAX_VRINGS; n++)
		mutex_init(&vdev->vr[n].lock);
	init_waitqueue_head(&vdev->poll_wait);
	mutex_init(&vdev->map_lock);
	INIT_LIST_HEAD(&vdev->mms);
	return vdev;
}

static int vop_vdev_check_block(const u8 *block)
{
	const struct vop_device_desc *head = (const void *)block;
	const struct vop_vqconfig *queues = (const void *)(head + 1);
	int n;

	if (head->type <= VOP_TYPE_END || head->num_vq > VOP_MAX_VRINGS ||
	    ALIGN(vop_devpage_block_bytes(head), 8) > VOP_MAX_DESC_BLK_BYTES)
		return -EINVAL;
	for (n = 0; n < head->num_vq; n++) {
		u16 num = le16_to_cpu(queues[n].num);

		if (!num || num > VOP_MAX_VRING_ENTRIES || num & (num - 1))
			return -EINVAL;
	}
	return 0;
}

/* Takes the offered features from the block, less what cannot be honoured. */
static void vop_vdev_offer(struct vop_vdev *vdev, u8 *block)
{
	u8 *features = block + sizeof(vdev->head) +
		       vdev->head.num_vq * sizeof(struct vop_vqconfig);
	u8 bytes = min_t(u8, vdev->head.feature_len, sizeof(u64));
	int n;

	vdev->offered = 0;
	for (n = 0; n < bytes; n++) {
		features[n] &= ~(u8)(VOP_FEATURES_WITHHELD >> (8 * n));
		vdev->offered |= (u64)features[n] << (8 * n);
	}
}

/* Gives the virtio device its place, its memory and its vector. */
static int vop_vdev_place(struct vop_vdev *vdev, const u8 *block)
{
	struct vop_host *host = vdev->host;
	int ret;

	ret = vop_vrings_alloc(vdev, (const void *)(block +
						    sizeof(vdev->head)));
	if (ret)
		return ret;
	if (vdev->rings.va) {
		vdev->guard = vop_guard_open(host, vdev->rings.bus,
					     vdev->rings.bytes);
		if (vdev->guard < 0) {
			ret = vdev->guard;
			goto err_free;
		}
	}
	ret = vop_devpage_reserve(vdev);
	if (ret)
		goto err_close;

	vdev->vector = VOP_VECTOR_LINK;
	if (host->vectors > VOP_VECTOR_VDEVS)
		vdev->vector = VOP_VECTOR_VDEVS + (vdev->slot - host->slot) %
			       (host->vectors - VOP_VECTOR_VDEVS);
	return 0;

err_close:
	if (vdev->guard >= 0)
		vop_guard_close(host, vdev->guard);
err_free:
	vop_vrings_free(vdev);
	return ret;
}

/**
 * vop_vdev_add() - VOP_VIRTIO_ADD_DEVICE
 * @vdev: the virtio device
 * @block: the descriptor block in kernel memory, as long as its head says;
 *	withheld feature bits are cleared in it
 *
 * Return: 0, or the errno that uapi/vop.h lists.
 */
int vop_vdev_add(struct vop_vdev *vdev, u8 *block)
{
	struct vop_host *host = vdev->host;
	int ret;

	ret = vop_vdev_check_block(block);
	if (ret)
		return ret;

	mutex_lock(&vdev->lock);
	mutex_lock(&host->lock);
	/* D9: one file is one virtio device, once. */
	if (vdev->state != VOP_VDEV_NEW)
		ret = -EEXIST;
	else if (host->leaving || vop_host_is_lost(host))
		ret = -ENODEV;
	else if (host->testing)
		ret = -EBUSY;
	if (ret)
		goto out;

	memcpy(&vdev->head, block, sizeof(vdev->head));
	vop_vdev_offer(vdev, block);
	ret = vop_vdev_place(vdev, block);
	if (ret)
		goto out;
	vop_devpage_fill(vdev, block);
	vop_debugfs_add_vdev(vdev);

	/* Pairs with smp_load_acquire() in vop_vdev_check(). */
	smp_store_release(&vdev->state, VOP_VDEV_ADDED);
	list_add_tail(&vdev->place_node, &host->placed);
	spin_lock_irq(&host->vdevs_lock);
	list_add_tail(&vdev->node, &host->vdevs);
	spin_unlock_irq(&host->vdevs_lock);
	vop_devpage_publish(vdev);
out:
	mutex_unlock(&host->lock);
	mutex_unlock(&vdev->lock);
	return ret;
}

/* Takes the device from everybody: pollers, transfers, mappings. */
static void vop_vdev_detach(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	int n;

	mutex_lock(&vdev->lock);
	WRITE_ONCE(vdev->state, VOP_VDEV_REMOVED);
	mutex_unlock(&vdev->lock);

	spin_lock_irq(&host->vdevs_lock);
	list_del_init(&vdev->node);
	spin_unlock_irq(&host->vdevs_lock);
	cancel_work_sync(&vdev->control_work);
	vop_vdev_wake(vdev);
	/* Transfers under way end; later ones see the state. */
	for (n = 0; n < VOP_MAX_VRINGS; n++) {
		mutex_lock(&vdev->vr[n].lock);
		mutex_unlock(&vdev->vr[n].lock);
	}
	vop_copier_forget(vdev);
	vop_mmap_revoke(vdev);
	debugfs_remove(vdev->debugfs);
}

/**
 * vop_vdev_remove() - remove a virtio device from the card
 * @vdev: the virtio device; nothing happens if it is not added
 *
 * Memory that the card has not let go of is kept until the card is stopped:
 * vop_vdev_free_limbo().
 */
void vop_vdev_remove(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	bool let_go;

	mutex_lock(&vdev->config_lock);
	if (READ_ONCE(vdev->state) != VOP_VDEV_ADDED) {
		WRITE_ONCE(vdev->state, VOP_VDEV_REMOVED);
		mutex_unlock(&vdev->config_lock);
		return;
	}
	let_go = vop_devpage_ask_removal(vdev);
	vop_vdev_detach(vdev);

	mutex_lock(&host->lock);
	let_go = vop_devpage_retire(vdev, let_go);
	if (vdev->guard >= 0)
		vop_guard_close(host, vdev->guard);
	if (let_go) {
		list_del_init(&vdev->place_node);
		vop_vrings_free(vdev);
	} else {
		kref_get(&vdev->ref);
		list_move(&vdev->place_node, &host->limbo);
	}
	mutex_unlock(&host->lock);
	mutex_unlock(&vdev->config_lock);
}

/**
 * vop_vdev_remove_all() - remove every virtio device
 * @host: the card, leaving: none is added any more
 */
void vop_vdev_remove_all(struct vop_host *host)
{
	struct vop_vdev *vdev;

	for (;;) {
		/* Also one that its file is removing: it still has a slot. */
		mutex_lock(&host->lock);
		vdev = list_first_entry_or_null(&host->placed, struct vop_vdev,
						place_node);
		if (vdev)
			kref_get(&vdev->ref);
		mutex_unlock(&host->lock);
		if (!vdev)
			return;
		vop_vdev_remove(vdev);
		vop_vdev_put(vdev);
	}
}

/**
 * vop_vdev_free_limbo() - free what the card never let go of
 * @host: the card, no bus master any more
 */
void vop_vdev_free_limbo(struct vop_host *host)
{
	struct vop_vdev *vdev, *next;

	list_for_each_entry_safe(vdev, next, &host->limbo, place_node) {
		list_del_init(&vdev->place_node);
		vop_vrings_free(vdev);
		vop_vdev_put(vdev);
	}
}
