// SPDX-License-Identifier: GPL-2.0-only
/*
 * One descriptor chain, copied once and checked as it is walked.
 *
 * The ring lies in host memory that the card writes at any time, so every
 * field is loaded exactly once, checked, and kept as a segment; nothing is
 * looked up again. Ref: virtio 1.3, 2.7.
 */
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include <asm/byteorder.h>

#include "vop_host_chain.h"

static const char * const vop_chain_fault_names[VOP_CHAIN_FAULTS] = {
	[VOP_CHAIN_OK] = "ok",
	[VOP_CHAIN_BAD_AVAIL] = "bad_avail",
	[VOP_CHAIN_BAD_HEAD] = "bad_head",
	[VOP_CHAIN_BAD_NEXT] = "bad_next",
	[VOP_CHAIN_LOOP] = "loop",
	[VOP_CHAIN_INDIRECT] = "indirect",
	[VOP_CHAIN_BAD_FLAGS] = "bad_flags",
	[VOP_CHAIN_BAD_ORDER] = "bad_order",
	[VOP_CHAIN_BAD_ADDRESS] = "bad_address",
	[VOP_CHAIN_BAD_LENGTH] = "bad_length",
};

/**
 * vop_chain_fault_name() - name of a fault, as debugfs shows it
 * @fault: below VOP_CHAIN_FAULTS
 *
 * Return: a constant string.
 */
const char *vop_chain_fault_name(enum vop_chain_fault fault)
{
	return vop_chain_fault_names[fault];
}

/**
 * vop_chain_pending() - count the chains that the driver made available
 * @avail_idx: the ring's avail index, loaded once
 * @last: avail entries consumed so far
 * @num: entries of the ring
 * @pending: answer: chains that wait, 0 to @num
 *
 * Return: VOP_CHAIN_OK or VOP_CHAIN_BAD_AVAIL.
 */
enum vop_chain_fault vop_chain_pending(u16 avail_idx, u16 last, u16 num,
				       u16 *pending)
{
	u16 ahead = avail_idx - last;

	if (ahead > num)
		return VOP_CHAIN_BAD_AVAIL;
	*pending = ahead;
	return VOP_CHAIN_OK;
}

/* Loads a descriptor field by field, each once. */
static struct vring_desc vop_chain_load(const struct vring_desc *desc)
{
	return (struct vring_desc){
		.addr = READ_ONCE(desc->addr),
		.len = READ_ONCE(desc->len),
		.flags = READ_ONCE(desc->flags),
		.next = READ_ONCE(desc->next),
	};
}

static enum vop_chain_fault vop_chain_check_flags(u16 flags, bool writable_seen)
{
	if (flags & VRING_DESC_F_INDIRECT)
		return VOP_CHAIN_INDIRECT;
	if (flags & ~(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE))
		return VOP_CHAIN_BAD_FLAGS;
	if (writable_seen && !(flags & VRING_DESC_F_WRITE))
		return VOP_CHAIN_BAD_ORDER;
	return VOP_CHAIN_OK;
}

/**
 * vop_chain_walk() - copy and check a chain
 * @desc: descriptor table in host memory, written by the card at any time
 * @num: its entries, 1 to VOP_MAX_VRING_ENTRIES
 * @head: first descriptor, as loaded from the avail ring
 * @ram_bytes: size of card RAM
 * @chain: answer; valid only after VOP_CHAIN_OK
 *
 * Return: VOP_CHAIN_OK or what is wrong.
 */
enum vop_chain_fault vop_chain_walk(const struct vring_desc *desc, u16 num,
				    u16 head, u32 ram_bytes,
				    struct vop_chain *chain)
{
	enum vop_chain_fault fault;
	u64 total_bytes = 0;
	u16 index = head;

	if (head >= num)
		return VOP_CHAIN_BAD_HEAD;
	chain->head = head;
	chain->readable = 0;
	chain->segments = 0;

	for (;;) {
		struct vring_desc copy = vop_chain_load(&desc[index]);
		u64 address = le64_to_cpu((__force __le64)copy.addr);
		u32 bytes = le32_to_cpu((__force __le32)copy.len);
		u16 flags = le16_to_cpu((__force __le16)copy.flags);

		fault = vop_chain_check_flags(flags, chain->readable <
					      chain->segments);
		if (fault)
			return fault;
		if (address > ram_bytes || bytes > ram_bytes - address)
			return VOP_CHAIN_BAD_ADDRESS;
		total_bytes += bytes;
		if (total_bytes > U32_MAX)
			return VOP_CHAIN_BAD_LENGTH;

		chain->segment[chain->segments].address_card = address;
		chain->segment[chain->segments].bytes = bytes;
		chain->segments++;
		if (!(flags & VRING_DESC_F_WRITE))
			chain->readable++;
		if (!(flags & VRING_DESC_F_NEXT))
			return VOP_CHAIN_OK;

		index = le16_to_cpu((__force __le16)copy.next);
		if (index >= num)
			return VOP_CHAIN_BAD_NEXT;
		if (chain->segments == num)
			return VOP_CHAIN_LOOP;
	}
}

/**
 * vop_chain_next() - take the next contiguous piece of a chain
 * @chain: a checked chain
 * @end: first segment behind the direction that @cursor walks
 * @cursor: where to start; moved behind the piece
 * @most_bytes: most bytes to take
 * @address_card: answer: start of the piece
 *
 * Return: bytes of the piece, 0 at the end of the direction.
 */
u32 vop_chain_next(const struct vop_chain *chain, u16 end,
		   struct vop_cursor *cursor, u32 most_bytes,
		   u32 *address_card)
{
	while (most_bytes && cursor->index < end) {
		const struct vop_segment *segment =
			&chain->segment[cursor->index];
		u32 bytes = min(segment->bytes - cursor->offset, most_bytes);

		*address_card = segment->address_card + cursor->offset;
		cursor->offset += bytes;
		if (cursor->offset == segment->bytes) {
			cursor->index++;
			cursor->offset = 0;
		}
		if (bytes)
			return bytes;
	}
	return 0;
}

/**
 * vop_chain_left() - count the bytes behind a cursor
 * @chain: a checked chain
 * @end: first segment behind the direction that @cursor walks
 * @cursor: the place
 *
 * Return: bytes from the cursor to the end of its direction.
 */
u32 vop_chain_left(const struct vop_chain *chain, u16 end,
		   struct vop_cursor cursor)
{
	u32 bytes = 0;
	u16 index;

	for (index = cursor.index; index < end; index++)
		bytes += chain->segment[index].bytes;
	return bytes - cursor.offset;
}
