// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring the card, and be rung.
 *
 * A vector only says: look. What happened is found in host memory, where the
 * card posted it before the message: completion records, avail indexes, bytes
 * of the device page. The handler never reads a register.
 */
#include <linux/interrupt.h>

#include "vop_host.h"

/**
 * vop_doorbell_ring() - ring one of the card's doorbells
 * @host: the card
 * @doorbell: as the card wrote it into the device page, unchecked
 *
 * The register write is behind all earlier stores to coherent memory (writel).
 *
 * Return: true if there was a doorbell to ring.
 */
bool vop_doorbell_ring(struct vop_host *host, s8 doorbell)
{
	if (doorbell < 0 || doorbell >= VOP_DOORBELLS_H2C_COUNT ||
	    vop_host_is_lost(host))
		return false;
	vop_write(host, VOP_DOORBELL_H2C_SET, BIT(doorbell));
	return true;
}

/**
 * vop_doorbell_ring_vdev() - ring a virtio device's doorbell
 * @vdev: the virtio device
 *
 * OpenVOP: rung after host_ack and after used_address_updated is cleared, so
 * that no driver has to poll by the 100 ms (D13).
 */
void vop_doorbell_ring_vdev(struct vop_vdev *vdev)
{
	s8 doorbell = READ_ONCE(vdev->ctrl->h2c_vdev_db);

	if (doorbell >= VOP_DOORBELLS_H2C_COUNT ||
	    doorbell < VOP_DOORBELLS_NONE) {
		atomic_inc(&vdev->peer_fault[VOP_PEER_BAD_DOORBELL]);
		vop_peer_err(vdev, "doorbell must be -1 to %d, not %d",
			     VOP_DOORBELLS_H2C_COUNT - 1, doorbell);
		return;
	}
	vop_doorbell_ring(vdev->host, doorbell);
}

static void vop_look_at_vdevs(struct vop_host *host, unsigned int vector)
{
	struct vop_vdev *vdev;

	spin_lock(&host->vdevs_lock);
	list_for_each_entry(vdev, &host->vdevs, node)
		if (vector == VOP_VECTOR_LINK || vdev->vector == vector)
			vop_vdev_look(vdev);
	spin_unlock(&host->vdevs_lock);
}

/**
 * vop_doorbell_rung() - interrupt handler of every vector
 * @irq: Linux's number
 * @vector: struct vop_vector
 *
 * With one vector granted everything is vector 0, so vector 0 looks at
 * everything.
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t vop_doorbell_rung(int irq, void *vector)
{
	struct vop_vector *rung = vector;
	struct vop_host *host = rung->host;

	vop_count(host, VOP_COUNT_INTERRUPTS, 1);
	atomic_inc(&rung->rung);
	/* A self-test has records come by every vector. */
	if (rung->index == VOP_VECTOR_RECORDS || host->vectors == 1 ||
	    READ_ONCE(host->testing))
		vop_copier_reap(host);
	if (rung->index == VOP_VECTOR_RECORDS)
		return IRQ_HANDLED;

	vop_look_at_vdevs(host, rung->index);
	if (vop_host_must_follow(host))
		queue_work(host->workqueue, &host->follow_work);
	wake_up_all(&host->control_wait);
	return IRQ_HANDLED;
}
