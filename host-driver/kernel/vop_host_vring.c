// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device side of split rings: their memory, the pop, the information block.
 *
 * desc and avail lie in host memory and are posted there by the card's
 * `publish`; the used ring lies in card RAM and is written by `complete`. The
 * used part of the host's allocation exists, as in v5.9, but is not used.
 */
#include "compat.h"
#include "vop_host.h"

static size_t vop_info_offset(u16 num)
{
	return round_up(vring_size(num, VOP_VRING_ALIGN), vop_info_align);
}

static size_t vop_vring_bytes(u16 num)
{
	return PAGE_ALIGN(vop_info_offset(num) + sizeof(struct vop_vring_info));
}

/* The ring, and behind it its push area: see link.host_protocol. */
static size_t vop_vring_span(const struct vop_host *host, u16 num)
{
	size_t bytes = vop_vring_bytes(num);

	if (host->push_slot_log2)
		bytes += PAGE_ALIGN((size_t)num << host->push_slot_log2);
	return bytes;
}

static void vop_vring_init(struct vop_vdev *vdev, unsigned int index, void *va,
			   u16 num)
{
	struct vop_vring *vr = &vdev->vr[index];

	vr->push = vdev->host->push_slot_log2 ? va + vop_vring_bytes(num) : NULL;
	vr->span = vop_vring_span(vdev->host, num);

	vring_init(&vr->ring, num, va, VOP_VRING_ALIGN);
	vr->info = va + vop_info_offset(num);
	vr->bytes = vop_vring_bytes(num);
	/* D12: the cookie is misaligned where info_align is 1. */
	put_unaligned_le32(VOP_MAGIC + vdev->head.type + index,
			   vr->info + offsetof(struct vop_vring_info, cookie));
}

/**
 * vop_vrings_alloc() - allocate rings and bounce buffers
 * @vdev: the virtio device, its head checked
 * @queues: head.num_vq elements, their num checked
 *
 * All rings share one allocation, so that one guard window covers them.
 *
 * Return: 0, or -ENOMEM with nothing allocated.
 */
int vop_vrings_alloc(struct vop_vdev *vdev, const struct vop_vqconfig *queues)
{
	struct vop_host *host = vdev->host;
	size_t bytes = 0;
	unsigned int n;
	void *va;

	if (!vdev->head.num_vq)
		return 0;
	for (n = 0; n < vdev->head.num_vq; n++)
		bytes += vop_vring_span(host, le16_to_cpu(queues[n].num));
	if (vop_coherent_alloc(host, &vdev->rings, bytes))
		return -ENOMEM;

	va = vdev->rings.va;
	for (n = 0; n < vdev->head.num_vq; n++) {
		vop_vring_init(vdev, n, va, le16_to_cpu(queues[n].num));
		va += vdev->vr[n].span;
		if (vop_coherent_alloc(host, &vdev->vr[n].bounce,
				       VOP_INT_DMA_BUF_BYTES)) {
			vop_vrings_free(vdev);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * vop_vrings_free() - free rings and bounce buffers
 * @vdev: the virtio device; neither the card nor a transfer uses them
 */
void vop_vrings_free(struct vop_vdev *vdev)
{
	unsigned int n;

	for (n = 0; n < VOP_MAX_VRINGS; n++)
		vop_coherent_free(vdev->host, &vdev->vr[n].bounce);
	vop_coherent_free(vdev->host, &vdev->rings);
}

/**
 * vop_vring_publish_info() - tell user space how far the ring is consumed
 * @vr: the ring
 */
void vop_vring_publish_info(struct vop_vring *vr)
{
	/* vring_size() is even: avail_idx is aligned in either place. */
	__le16 *avail_idx = vr->info;

	WRITE_ONCE(*avail_idx, cpu_to_le16(vr->last_avail));
}

/**
 * vop_vring_reset() - forget everything since the ring was added
 * @vr: the ring
 */
void vop_vring_reset(struct vop_vring *vr)
{
	mutex_lock(&vr->lock);
	/* A ring without a used ring had no chain yet that anyone could answer. */
	vr->was_reset |= vr->context_card != 0;
	vr->context_card = 0;
	vr->last_avail = 0;
	WRITE_ONCE(vr->broken, false);
	vr->pushes = false;
	vr->in_progress = false;
	vop_vring_publish_info(vr);
	mutex_unlock(&vr->lock);
}

static u16 vop_vring_avail_idx(const struct vop_vring *vr)
{
	return le16_to_cpu((__force __le16)READ_ONCE(vr->ring.avail->idx));
}

/**
 * vop_vring_look() - see whether the avail index has moved since the last look
 * @vr: the ring
 *
 * Context: interrupt handler, under vdevs_lock.
 * Return: true if it has.
 */
bool vop_vring_look(struct vop_vring *vr)
{
	u16 avail_idx = vop_vring_avail_idx(vr);
	bool moved = avail_idx != vr->seen_avail;

	vr->seen_avail = avail_idx;
	return moved;
}

/**
 * vop_vring_take_used() - note where the driver's used ring lies
 * @vdev: the virtio device
 * @index: queue
 *
 * The vring context that `complete` needs lies behind the used ring; both must
 * be in card RAM. D3: the queue's own num counts. An address of 0 means that
 * the driver does not use the queue.
 *
 * Return: 0, or -EINVAL if the address is none.
 */
int vop_vring_take_used(struct vop_vdev *vdev, unsigned int index)
{
	struct vop_vring *vr = &vdev->vr[index];
	u64 used_card = le64_to_cpu(READ_ONCE(vdev->vqconfig[index].used_address));
	u32 used_bytes = ALIGN(6 + 8 * vr->ring.num, 64);
	u32 needed = used_bytes + sizeof(struct vop_vring_context);
	u32 ram_bytes = vdev->host->ram_bytes;

	if (!used_card)
		return 0;
	if (!IS_ALIGNED(used_card, VOP_VRING_ALIGN) || needed > ram_bytes ||
	    used_card > ram_bytes - needed) {
		atomic_inc(&vdev->peer_fault[VOP_PEER_BAD_USED_ADDRESS]);
		vop_peer_err(vdev, "used ring %u must be a page in %#x bytes of card RAM, not at %#llx",
			     index, ram_bytes, used_card);
		return -EINVAL;
	}
	mutex_lock(&vr->lock);
	vr->context_card = used_card + used_bytes;
	vr->pushes = vr->push && READ_ONCE(vdev->vqconfig[index].flags) &
				 VOP_VQCONFIG_FLAGS_PUSHES;
	mutex_unlock(&vr->lock);
	return 0;
}

static int vop_vring_fault(struct vop_vdev *vdev, struct vop_vring *vr,
			   enum vop_chain_fault fault)
{
	WRITE_ONCE(vr->broken, true);
	atomic_inc(&vdev->chain_fault[fault]);
	vop_peer_err(vdev, "queue %td: %s at avail entry %u", vr - vdev->vr,
		     vop_chain_fault_name(fault), vr->last_avail);
	vop_vdev_break(vdev);
	return -EIO;
}

/**
 * vop_vring_pop() - take the next chain that the driver made available
 * @vdev: the virtio device
 * @vr: one of its rings, no chain in progress
 *
 * Context: holds vop_vring.lock.
 * Return: 0, with a chain in progress if there was one; -EIO if the card broke
 * the ring.
 */
int vop_vring_pop(struct vop_vdev *vdev, struct vop_vring *vr)
{
	u16 num = vr->ring.num;
	enum vop_chain_fault fault;
	u16 pending, head;

	fault = vop_chain_pending(vop_vring_avail_idx(vr), vr->last_avail, num,
				  &pending);
	if (fault)
		return vop_vring_fault(vdev, vr, fault);
	if (!pending)
		return 0;
	/* Pairs with `publish`: the avail index is posted behind the rest. */
	dma_rmb();

	head = le16_to_cpu((__force __le16)
			   READ_ONCE(vr->ring.avail->ring[vr->last_avail &
							  (num - 1)]));
	fault = vop_chain_walk(vr->ring.desc, num, head, vdev->host->ram_bytes,
			       &vr->chain);
	if (fault)
		return vop_vring_fault(vdev, vr, fault);

	vr->last_avail++;
	vr->in_progress = true;
	vr->read = (struct vop_cursor){ .index = 0 };
	vr->read_bytes = 0;
	vr->write = (struct vop_cursor){ .index = vr->chain.readable };
	vr->written_bytes = 0;
	return 0;
}
