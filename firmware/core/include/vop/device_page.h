/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device page, seen by the vop-guest: which virtio devices the host offers, and which of them
 * it takes away.
 *
 * The page lies in host memory. It is copied whole into card RAM (the snapshot) and parsed there,
 * with every length checked: the host is not trusted. Single bytes are posted back.
 *
 *      FREE --seen--> FOUND --claim--> CLAIMED --host removes--> LEAVING --release--> ACKNOWLEDGED
 *        ^                |                                        ^                      |
 *        |                +----------------host removes------------+                      |
 *        +------------------------------the slot is another's, or nobody's----------------+
 *
 * Ref: docs/protocol.md; Linux v5.9, drivers/misc/mic/vop/vop_main.c (behaviour only).
 */
#ifndef VOP_DEVICE_PAGE_H
#define VOP_DEVICE_PAGE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "copier.h"
#include "port.h"
#include "regs/vop_regs.h"
#include "result.h"

/* Vector of the link and of the page itself. */
#define VOP_PAGE_VECTOR 0

struct vop_device_page;

enum vop_vdev_state {
	VOP_VDEV_FREE,
	VOP_VDEV_FOUND,        /* offered by the host, no driver yet */
	VOP_VDEV_CLAIMED,      /* a driver has it */
	VOP_VDEV_LEAVING,      /* removed by the host; its driver must release it */
	VOP_VDEV_ACKNOWLEDGED, /* released; the host has not reused or cleared the slot yet */
};

/* A virtio device in the device page. Owned by the page; valid while it is not FREE. */
struct vop_vdev {
	/* Card RAM for parts of the descriptor block, while a call of the driver looks at them. */
	alignas(16) uint8_t scratch[32];
	alignas(16) uint8_t desc[8]; /* as last copied to see whether the host asks for a reset */
	struct vop_device_page *page;
	/* Changed under the port's lock, read by any thread. */
	volatile enum vop_vdev_state state;
	volatile bool config_changed; /* cleared by the driver */
	uint16_t offset_bytes;        /* of the descriptor block in the page */
	uint16_t ctrl_bytes;          /* offset of its device control in the page */
	uint8_t virtio_id;
	uint8_t queues;
	uint8_t feature_bytes; /* of each bitmap */
	uint8_t config_bytes;
	uint8_t vector;        /* c2h_vdev_db */
	uint8_t doorbell;      /* h2c_vdev_db */
	volatile bool needs_reset; /* the host found the driver at fault; only a reset helps */
	bool absent; /* the page is gone, or the slot is no longer ours: nobody to tell */
};

struct vop_device_page {
	alignas(64) uint8_t snapshot[VOP_DEVICE_PAGE_BYTES];
	struct vop_port *port;
	struct vop_copier *copier;
	uint64_t address_bus;
	uint32_t bytes;
	uint8_t info_align;  /* of the vring information block, 1 or 4 */
	uint8_t push_slot_log2; /* of the bytes of a push slot, 6 to 16; 0: no push areas */
	bool online;
	/*
	 * Whether waits of virtio drivers look at the page themselves. True on bare metal, where
	 * nobody else would; false where a thread calls vop_device_page_service().
	 */
	bool serviced_by_waits;
	bool scanned; /* the page has been read since it came online */
	struct vop_vdev vdevs[VOP_CONFIG_DEVICES];
};

void vop_device_page_init(struct vop_device_page *page, struct vop_port *port,
			  struct vop_copier *copier);

/*
 * Check the card's identity and look for the host's page; if it is there, publish our
 * configuration doorbell in it and tell the host. Blocks for a few copies.
 *
 * Returns VOP_OK: online. VOP_E_GONE: the host has published no page yet. VOP_E_VERSION: another
 * register layout. VOP_E_MALFORMED: size or magic is wrong. Or what a copy returns.
 * boot_state follows: BOOTING, READY or REFUSED.
 */
int vop_device_page_open(struct vop_device_page *page);

/*
 * Look at the page if its doorbell rang (or it was never looked at), and update the vdevs. Blocks
 * for a few copies. Returns VOP_OK; VOP_E_GONE: the host took the page away, every vdev is
 * LEAVING, and open() must be tried again; or what a copy returns.
 */
int vop_device_page_service(struct vop_device_page *page);

/* The first vdev in a state, from `from` on (NULL: from the start); NULL if there is none. */
struct vop_vdev *vop_device_page_next(struct vop_device_page *page, const struct vop_vdev *from,
				      enum vop_vdev_state state);

/*
 * Take a FOUND vdev: publish its doorbell. Blocks for a copy. VOP_OK; VOP_E_GONE if it is not
 * FOUND any more; or what a copy returns.
 */
int vop_vdev_claim(struct vop_vdev *vdev);

/*
 * Give a LEAVING or CLAIMED vdev back after its driver has let go of every buffer. A LEAVING one
 * is acknowledged to the host; a CLAIMED one stays the card's, as ACKNOWLEDGED, until the host
 * removes it: its driver failed, and trying again is the host's decision. Blocks for two copies.
 */
void vop_vdev_release(struct vop_vdev *vdev);

/* Whether a driver must stop: the vdev is not CLAIMED any more. */
static inline bool vop_vdev_is_gone(const struct vop_vdev *vdev)
{
	return vdev->state != VOP_VDEV_CLAIMED;
}

#endif /* VOP_DEVICE_PAGE_H */
