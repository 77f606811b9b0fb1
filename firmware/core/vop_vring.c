/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of a split virtqueue in one page of card RAM:
 *
 *      0                 align64(6 + 8 num)   + 64              + 16 num
 *      | used ring       | vring context      | desc table      | avail ring |
 *
 * The context lies where the host's `complete` looks for it, desc and avail lie back to back as in
 * the host's own allocation.
 *
 * Ref: virtio 1.3, 2.7.
 */

#include "vop/vring.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"

#define DESC_F_NEXT  1
#define DESC_F_WRITE 2

/* The end of a list of descriptors. */
#define NO_DESC VOP_MAX_VRING_ENTRIES

#define CONTEXT_ALIGN 64

/* Ref: virtio 1.3, 2.7.5, 2.7.6, 2.7.8. */
struct ring_desc {
	uint64_t address_le;
	uint32_t bytes_le;
	uint16_t flags_le;
	uint16_t next_le;
};

struct ring_avail {
	uint16_t flags_le;
	uint16_t idx_le;
	uint16_t ring_le[];
};

struct ring_used_element {
	uint32_t id_le;
	uint32_t bytes_le;
};

struct ring_used {
	uint16_t flags_le;
	uint16_t idx_le;
	struct ring_used_element ring[];
};

_Static_assert(sizeof(struct ring_desc) == 16, "size of a descriptor");
_Static_assert(sizeof(struct ring_used_element) == 8, "size of a used element");
_Static_assert(offsetof(struct ring_used, ring) == 4, "offset of the used elements");

static uint32_t context_offset(uint16_t num)
{
	return (6u + 8u * num + CONTEXT_ALIGN - 1) / CONTEXT_ALIGN * CONTEXT_ALIGN;
}

static uint32_t desc_offset(uint16_t num)
{
	return context_offset(num) + (uint32_t)sizeof(struct vop_vring_context);
}

uint32_t vop_vring_driver_bytes(uint16_t num)
{
	return 16u * num + 6u + 2u * num;
}

static struct ring_desc *desc_of(const struct vop_vring *vring, uint16_t index)
{
	return (struct ring_desc *)(void *)(vring->memory->bytes + desc_offset(vring->num)) + index;
}

static struct ring_avail *avail_of(const struct vop_vring *vring)
{
	return (void *)desc_of(vring, vring->num);
}

static volatile struct ring_used *used_of(const struct vop_vring *vring)
{
	return (void *)vring->memory->bytes;
}

void *vop_vring_driver_area(const struct vop_vring *vring)
{
	return desc_of(vring, 0);
}

uint32_t vop_vring_used_card(const struct vop_vring *vring)
{
	return vop_port_card_address(vring->port, vring->memory->bytes);
}

static void fill_context(struct vop_vring *vring, uint64_t ring_bus, uint8_t vector)
{
	struct vop_vring_context *context = vring->context;

	context->desc_card_le = VOP_LE32(vop_port_card_address(vring->port, desc_of(vring, 0)));
	context->avail_card_le = VOP_LE32(vop_port_card_address(vring->port, avail_of(vring)));
	context->used_card_le = VOP_LE32(vop_vring_used_card(vring));
	context->num_le = VOP_LE16(vring->num);
	context->desc_host_le = VOP_LE64(ring_bus);
	context->avail_host_le = VOP_LE64(ring_bus + 16u * vring->num);
	context->vector = vector;
}

int vop_vring_init(struct vop_vring *vring, struct vop_port *port, struct vop_copier *copier,
		   struct vop_vring_memory *memory, uint16_t num, uint64_t ring_bus,
		   uint8_t vector)
{
	_Static_assert(((6u + 8u * VOP_MAX_VRING_ENTRIES + CONTEXT_ALIGN - 1) / CONTEXT_ALIGN *
				CONTEXT_ALIGN + sizeof(struct vop_vring_context) +
			18u * VOP_MAX_VRING_ENTRIES + 6u) <= VOP_VRING_MEMORY_BYTES,
		       "the largest virtqueue must fit its page");

	if (num < 2 || num > VOP_MAX_VRING_ENTRIES || (num & (num - 1)) != 0) {
		return VOP_E_MALFORMED;
	}
	memset(memory, 0, sizeof(*memory));
	*vring = (struct vop_vring){
		.port = port,
		.copier = copier,
		.memory = memory,
		.context = (void *)(memory->bytes + context_offset(num)),
		.num = num,
		.free_count = num,
	};
	for (uint16_t index = 0; index < num; index++) {
		vring->next[index] = (uint8_t)(index + 1 < num ? index + 1 : NO_DESC);
	}
	fill_context(vring, ring_bus, vector);
	return VOP_OK;
}

void vop_vring_push(struct vop_vring *vring, uint64_t push_bus, uint8_t slot_log2)
{
	struct vop_vring_context *context = vring->context;

	context->push_host_le = VOP_LE64(push_bus);
	context->push_slot_log2 = slot_log2;
	context->flags_le |= VOP_LE16(VOP_VRING_FLAGS_PUSH);
}

/* Fill a free descriptor and link it behind `tail`; returns its index. */
static uint16_t append(struct vop_vring *vring, uint16_t tail, const struct vop_vring_part *part,
		       uint16_t flags)
{
	uint16_t index = vring->free_head;
	struct ring_desc *desc = desc_of(vring, index);

	vring->free_head = vring->next[index];
	vring->free_count--;
	vring->next[index] = NO_DESC;
	desc->address_le = VOP_LE64((uint64_t)vop_port_card_address(vring->port, part->data));
	desc->bytes_le = VOP_LE32(part->bytes);
	desc->flags_le = VOP_LE16(flags);
	desc->next_le = 0;
	if (tail != NO_DESC) {
		struct ring_desc *before = desc_of(vring, tail);

		vring->next[tail] = (uint8_t)index;
		before->flags_le |= VOP_LE16((uint16_t)DESC_F_NEXT);
		before->next_le = VOP_LE16(index);
	}
	return index;
}

int vop_vring_add(struct vop_vring *vring, const struct vop_vring_part *readable,
		  uint32_t readable_count, const struct vop_vring_part *writable,
		  uint32_t writable_count, uint16_t *head)
{
	struct ring_avail *avail = avail_of(vring);
	uint32_t parts = readable_count + writable_count;
	uint32_t writable_bytes = 0;
	uint16_t first = vring->free_head;
	uint16_t tail = NO_DESC;

	if (vring->broken) {
		return VOP_E_MALFORMED;
	}
	if (parts == 0) {
		return VOP_E_ARGUMENT;
	}
	if (parts > vring->free_count) {
		return VOP_E_FULL;
	}
	for (uint32_t n = 0; n < readable_count; n++) {
		tail = append(vring, tail, &readable[n], 0);
	}
	for (uint32_t n = 0; n < writable_count; n++) {
		tail = append(vring, tail, &writable[n], DESC_F_WRITE);
		writable_bytes += writable[n].bytes;
	}
	vring->parts[first] = (uint8_t)parts;
	vring->writable_bytes[first] = writable_bytes;
	vring->outstanding++;
	avail->ring_le[vring->avail_idx & (vring->num - 1)] = VOP_LE16(first);
	vring->avail_idx++;
	*head = first;
	return VOP_OK;
}

int vop_vring_publish(struct vop_vring *vring)
{
	/* Entries before the index; pairs with the copier, which reads the index first. */
	vring->port->barrier(vring->port);
	avail_of(vring)->idx_le = VOP_LE16(vring->avail_idx);
	return vop_copier_publish(vring->copier, vring->context);
}

static void free_chain(struct vop_vring *vring, uint16_t head)
{
	uint16_t tail = head;

	while (vring->next[tail] != NO_DESC) {
		tail = vring->next[tail];
	}
	vring->next[tail] = (uint8_t)vring->free_head;
	vring->free_head = head;
	vring->free_count = (uint16_t)(vring->free_count + vring->parts[head]);
	vring->parts[head] = 0;
	vring->outstanding--;
}

static int break_queue(struct vop_vring *vring, const char *what, uint32_t got, uint32_t limit)
{
	vring->broken = true;
	vop_port_log(vring->port, "vring: %s %u, must be at most %u", what, (unsigned int)got,
		     (unsigned int)limit);
	return VOP_E_MALFORMED;
}

int vop_vring_take(struct vop_vring *vring, uint16_t *head, uint32_t *written_bytes)
{
	volatile struct ring_used *used = used_of(vring);
	volatile struct ring_used_element *element;
	uint16_t pending;
	uint32_t id;
	uint32_t bytes;

	if (vring->broken) {
		return VOP_E_MALFORMED;
	}
	pending = (uint16_t)(VOP_LE16(used->idx_le) - vring->used_seen);
	if (pending == 0) {
		return 0;
	}
	if (pending > vring->outstanding) {
		return break_queue(vring, "used elements", pending, vring->outstanding);
	}
	/* Index before element; pairs with `complete`, which writes the index last. */
	vring->port->barrier(vring->port);
	element = &used->ring[vring->used_seen & (vring->num - 1)];
	id = VOP_LE32(element->id_le);
	bytes = VOP_LE32(element->bytes_le);
	if (id >= vring->num) {
		return break_queue(vring, "used id", id, vring->num - 1u);
	}
	if (vring->parts[id] == 0) {
		vring->broken = true;
		vop_port_log(vring->port, "vring: used id %u is not outstanding", (unsigned int)id);
		return VOP_E_MALFORMED;
	}
	if (bytes > vring->writable_bytes[id]) {
		return break_queue(vring, "used length", bytes, vring->writable_bytes[id]);
	}
	vring->used_seen++;
	*head = (uint16_t)id;
	*written_bytes = bytes;
	free_chain(vring, (uint16_t)id);
	return 1;
}
