/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One descriptor chain, copied once and checked as it is walked.
 *
 * Knows neither devices nor locks, so that it compiles in user space, where
 * host-driver/tests feed it hostile rings.
 */
#ifndef VOP_HOST_CHAIN_H
#define VOP_HOST_CHAIN_H

#include <linux/types.h>
#include <linux/virtio_ring.h>

#include "regs/vop_regs.h"

/**
 * enum vop_chain_fault - what is wrong with a chain
 * @VOP_CHAIN_OK: nothing
 * @VOP_CHAIN_BAD_AVAIL: the avail index ran ahead by more than the ring holds
 * @VOP_CHAIN_BAD_HEAD: a head beyond the ring
 * @VOP_CHAIN_BAD_NEXT: a next beyond the ring
 * @VOP_CHAIN_LOOP: more descriptors than the ring has
 * @VOP_CHAIN_INDIRECT: an indirect table, which is never offered
 * @VOP_CHAIN_BAD_FLAGS: an unknown flag
 * @VOP_CHAIN_BAD_ORDER: a readable buffer behind a writable one
 * @VOP_CHAIN_BAD_ADDRESS: a buffer outside card RAM
 * @VOP_CHAIN_BAD_LENGTH: all lengths together exceed 32 bits
 * @VOP_CHAIN_FAULTS: number of entries
 */
enum vop_chain_fault {
	VOP_CHAIN_OK,
	VOP_CHAIN_BAD_AVAIL,
	VOP_CHAIN_BAD_HEAD,
	VOP_CHAIN_BAD_NEXT,
	VOP_CHAIN_LOOP,
	VOP_CHAIN_INDIRECT,
	VOP_CHAIN_BAD_FLAGS,
	VOP_CHAIN_BAD_ORDER,
	VOP_CHAIN_BAD_ADDRESS,
	VOP_CHAIN_BAD_LENGTH,
	VOP_CHAIN_FAULTS,
};

/**
 * struct vop_segment - a buffer of a chain
 * @address_card: start, a card address; with @bytes inside card RAM
 * @bytes: length, may be 0
 */
struct vop_segment {
	u32 address_card;
	u32 bytes;
};

/**
 * struct vop_cursor - a place in one direction's segments
 * @index: segment
 * @offset: bytes of that segment already passed
 */
struct vop_cursor {
	u16 index;
	u32 offset;
};

/**
 * struct vop_chain - a checked chain
 * @head: its first descriptor, as the avail ring named it
 * @readable: number of device-readable segments; they come first
 * @segments: number of all segments
 * @segment: the segments
 */
struct vop_chain {
	u16 head;
	u16 readable;
	u16 segments;
	struct vop_segment segment[VOP_MAX_VRING_ENTRIES];
};

enum vop_chain_fault vop_chain_pending(u16 avail_idx, u16 last, u16 num,
				       u16 *pending);
enum vop_chain_fault vop_chain_walk(const struct vring_desc *desc, u16 num,
				    u16 head, u32 ram_bytes,
				    struct vop_chain *chain);
u32 vop_chain_next(const struct vop_chain *chain, u16 end,
		   struct vop_cursor *cursor, u32 most_bytes,
		   u32 *address_card);
u32 vop_chain_left(const struct vop_chain *chain, u16 end,
		   struct vop_cursor cursor);
const char *vop_chain_fault_name(enum vop_chain_fault fault);

#endif /* VOP_HOST_CHAIN_H */
