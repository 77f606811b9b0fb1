/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of a split virtqueue whose desc, avail and used rings lie in card RAM; the copier
 * mirrors desc and avail to the host.
 *
 * Whatever the device writes (used index, id, length) is checked against what the driver remembers
 * privately; the first lie breaks the queue, and only a device reset mends it.
 *
 * Ref: virtio 1.3, 2.7 (split virtqueues); docs/protocol.md, "A virtqueue".
 */
#ifndef VOP_VRING_H
#define VOP_VRING_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "copier.h"
#include "port.h"
#include "regs/vop_regs.h"
#include "result.h"

/* One page of card RAM holds a whole virtqueue of up to VOP_MAX_VRING_ENTRIES entries. */
#define VOP_VRING_MEMORY_BYTES 4096

struct vop_vring_memory {
	alignas(VOP_VRING_MEMORY_BYTES) uint8_t bytes[VOP_VRING_MEMORY_BYTES];
};

/* A part of a chain, in card RAM. */
struct vop_vring_part {
	void *data;
	uint32_t bytes; /* at least 1 */
};

struct vop_vring {
	struct vop_port *port;
	struct vop_copier *copier;
	struct vop_vring_memory *memory;
	struct vop_vring_context *context;
	uint16_t num;
	uint16_t free_count;
	uint16_t free_head;
	uint16_t avail_idx;   /* next to publish */
	uint16_t used_seen;   /* used elements taken */
	uint16_t outstanding; /* chains that the device has */
	bool broken;
	/* Per descriptor, private: the next one (of a chain, or of the free list). */
	uint8_t next[VOP_MAX_VRING_ENTRIES];
	/* Per head, private: parts of its chain (0: not the device's) and bytes it may write. */
	uint8_t parts[VOP_MAX_VRING_ENTRIES];
	uint32_t writable_bytes[VOP_MAX_VRING_ENTRIES];
};

/*
 * Lay out an empty virtqueue in `memory`. `num` is a power of two from 2 to VOP_MAX_VRING_ENTRIES,
 * else VOP_E_MALFORMED. `ring_bus` is the host's copy, `vector` what publish raises.
 */
int vop_vring_init(struct vop_vring *vring, struct vop_port *port, struct vop_copier *copier,
		   struct vop_vring_memory *memory, uint16_t num, uint64_t ring_bus,
		   uint8_t vector);

/*
 * Have the readable bytes of each chain, up to 1 << `slot_log2` of them, pushed to its slot of the
 * host's area at `push_bus`, ahead of the chain. Before the first vop_vring_publish().
 */
void vop_vring_push(struct vop_vring *vring, uint64_t push_bus, uint8_t slot_log2);

/* Bytes of the descriptor table and the avail ring, which lie back to back. */
uint32_t vop_vring_driver_bytes(uint16_t num);

/* The descriptor table, with the avail ring behind it. */
void *vop_vring_driver_area(const struct vop_vring *vring);

/* Card address of the used ring. */
uint32_t vop_vring_used_card(const struct vop_vring *vring);

/*
 * Add a chain of `readable` parts and then `writable` ones. The device owns the parts' memory from
 * vop_vring_publish() until the chain is taken back. Returns VOP_OK and the head; VOP_E_FULL;
 * VOP_E_ARGUMENT if there is no part; VOP_E_MALFORMED if the queue is broken.
 */
int vop_vring_add(struct vop_vring *vring, const struct vop_vring_part *readable,
		  uint32_t readable_count, const struct vop_vring_part *writable,
		  uint32_t writable_count, uint16_t *head);

/* Show the device what was added. Blocks; results of vop_copier_publish(). */
int vop_vring_publish(struct vop_vring *vring);

/*
 * Take back one finished chain. Returns 1 with its head and the bytes written; 0 if there is none;
 * VOP_E_MALFORMED if the device lied, now or before.
 */
int vop_vring_take(struct vop_vring *vring, uint16_t *head, uint32_t *written_bytes);

#endif /* VOP_VRING_H */
