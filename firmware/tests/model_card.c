/* SPDX-License-Identifier: Apache-2.0 */
/* The card of the model: registers, RAM, copier, and the port over them. */

#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Hand-written on purpose: golden numbers of the register map. */
#define REG_IDENTITY_MAGIC 0x000
#define REG_IDENTITY_LAYOUT 0x004
#define REG_IDENTITY_FEATURES 0x008
#define REG_H2C_PENDING 0x204
#define REG_C2H_RING 0x20c
#define REG_CHANNEL4 0x1200
#define CHANNEL_CONTROL 0x20
#define CHANNEL_STATUS 0x24
#define CHANNEL_SEQUENCE 0x28

#define STATE_IDLE 0u
#define STATE_BUSY 1u
#define STATE_FAILED 2u

#define ERROR_BAD_CARD_ADDRESS 3u
#define ERROR_GUARD 4u

static struct model *of(struct vop_port *port)
{
	return (struct model *)port;
}

static uint32_t *channel(struct model *model, uint32_t offset)
{
	return &model->registers[(REG_CHANNEL4 + offset) / 4];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint8_t *host_at(struct model *model, uint64_t bus, uint32_t bytes)
{
	uint64_t offset = bus - MODEL_HOST_BUS;

	if (offset > MODEL_HOST_BYTES || bytes > MODEL_HOST_BYTES - offset) {
		return NULL;
	}
	return model->host + offset;
}

static uint32_t run_copy(struct model *model, uint32_t control, uint32_t bytes, uint64_t bus,
			 uint32_t card)
{
	uint8_t *host = host_at(model, bus, bytes);

	if (card > MODEL_RAM_BYTES || bytes > MODEL_RAM_BYTES - card) {
		return ERROR_BAD_CARD_ADDRESS;
	}
	if (host == NULL) {
		return ERROR_GUARD;
	}
	if ((control & 0x40) != 0) {
		memcpy(host, model->ram + card, bytes);
		model->bytes_written += bytes;
	} else {
		memcpy(model->ram + card, host, bytes);
		model->bytes_read += bytes;
	}
	return 0;
}

/* Write what fits of the chain's readable bytes to the slot of its head. */
static uint32_t push(struct model *model, const uint8_t *context, uint16_t head)
{
	uint32_t slot_bytes = 1u << context[33];
	uint64_t area = get64(context + 48);
	uint8_t *slot = host_at(model, area + (uint64_t)head * slot_bytes, slot_bytes);
	const uint8_t *desc;
	uint16_t at = head;
	uint32_t done = 0;

	if (slot == NULL) {
		return ERROR_GUARD;
	}
	do {
		desc = model->ram + get32(context) + 16u * at;
		if ((get16(desc + 12) & 2) == 0) {
			uint32_t bytes = get32(desc + 8);

			bytes = bytes < slot_bytes - done ? bytes : slot_bytes - done;
			memcpy(slot + done, model->ram + get64(desc), bytes);
			done += bytes;
		}
		at = get16(desc + 14);
	} while ((get16(desc + 12) & 1) != 0);
	return 0;
}

/* Mirror what is new: descriptors of each chain, the avail entry, then the index. */
static uint32_t run_publish(struct model *model, uint32_t card)
{
	uint8_t *context = model->ram + card;
	uint32_t desc = get32(context);
	uint32_t avail = get32(context + 4);
	uint16_t num = get16(context + 12);
	uint8_t *desc_host = host_at(model, get64(context + 16), 16u * num);
	uint8_t *avail_host = host_at(model, get64(context + 24), 4u + 2u * num);
	uint16_t published = get16(context + 36);
	uint16_t idx = get16(model->ram + avail + 2);

	if (card % 64 != 0 || desc % 16 != 0 || avail % 4 != 0) {
		return ERROR_BAD_CARD_ADDRESS;
	}
	if (desc_host == NULL || avail_host == NULL) {
		return ERROR_GUARD;
	}
	for (; published != idx; published++) {
		uint32_t slot = 4u + 2u * (published % num);
		uint16_t at = get16(model->ram + avail + slot);
		uint16_t flags;

		if ((get16(context + 14) & 16) != 0 && push(model, context, at) != 0) {
			return ERROR_GUARD;
		}
		do {
			memcpy(desc_host + 16u * at, model->ram + desc + 16u * at, 16);
			flags = get16(desc_host + 16u * at + 12);
			at = get16(desc_host + 16u * at + 14);
		} while ((flags & 1) != 0);
		memcpy(avail_host + slot, model->ram + avail + slot, 2);
	}
	memcpy(avail_host, model->ram + avail, 4);
	memcpy(context + 36, &published, 2);
	model->vectors_raised |= 1u << context[32];
	return 0;
}

static void submit(struct model *model)
{
	uint32_t control = *channel(model, 0);
	uint32_t error = 0;

	if (model->copier_stuck) {
		*channel(model, CHANNEL_STATUS) = STATE_BUSY | 1u << 8;
		return;
	}
	if (model->copier_error != 0 && model->copier_in-- == 0) {
		error = model->copier_error;
		model->copier_error = 0;
	} else if ((control & 0xf) == 1) {
		error = run_copy(model, control, *channel(model, 4),
				 *channel(model, 8) | (uint64_t)*channel(model, 12) << 32,
				 *channel(model, 16));
	} else if ((control & 0xf) == 2) {
		error = run_publish(model, *channel(model, 16));
	} else {
		error = 1;
	}
	(*channel(model, CHANNEL_SEQUENCE))++;
	*channel(model, CHANNEL_STATUS) = error == 0 ? STATE_IDLE : STATE_FAILED | error << 16;
	model->events++;
}

static uint32_t register_read(struct vop_port *port, uint32_t address)
{
	return of(port)->registers[address / 4];
}

static void register_write(struct vop_port *port, uint32_t address, uint32_t value)
{
	struct model *model = of(port);

	switch (address) {
	case REG_C2H_RING:
		model->vectors_raised |= 1u << (value & 31);
		return;
	case REG_CHANNEL4 + CHANNEL_CONTROL:
		if ((value & 2) != 0) {
			*channel(model, CHANNEL_STATUS) = STATE_IDLE;
			*channel(model, CHANNEL_SEQUENCE) = 0;
			model->copier_resets++;
		}
		return;
	default:
		model->registers[address / 4] = value;
	}
	if (address == REG_CHANNEL4 + 0x1c) {
		submit(model);
	}
}

static void barrier(struct vop_port *port)
{
	(void)port;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint64_t now_us(struct vop_port *port)
{
	return of(port)->time_us++;
}

static uint32_t events(struct vop_port *port)
{
	return of(port)->events;
}

static void wait(struct vop_port *port, uint32_t seen, uint64_t until_us)
{
	struct model *model = of(port);

	if (model->on_wait != NULL) {
		model->on_wait(model);
	}
	model_host_step(model);
	if (model->events == seen && model->time_us < until_us) {
		model->time_us = until_us;
	}
}

static uint32_t take_doorbells(struct vop_port *port, uint32_t mask)
{
	struct model *model = of(port);
	uint32_t rang = model->doorbells & mask;

	model->doorbells &= ~mask;
	return rang;
}

static void lock(struct vop_port *port)
{
	if (of(port)->locked) {
		abort();
	}
	of(port)->locked = true;
}

static void unlock(struct vop_port *port)
{
	of(port)->locked = false;
}

static void keep_log(struct vop_port *port, const char *line)
{
	struct model *model = of(port);

	strncat(model->log, line, sizeof(model->log) - strlen(model->log) - 2);
	strcat(model->log, "\n");
}

struct model *model_new(void)
{
	struct model *model = aligned_alloc(4096, (sizeof(*model) + 4095) / 4096 * 4096);

	if (model == NULL) {
		abort();
	}
	memset(model, 0, sizeof(*model));
	model->port = (struct vop_port){
		.register_read = register_read,
		.register_write = register_write,
		.barrier = barrier,
		.now_us = now_us,
		.events = events,
		.wait = wait,
		.take_doorbells = take_doorbells,
		.lock = lock,
		.unlock = unlock,
		.log = keep_log,
		.ram_base = (uintptr_t)model->ram,
		.ram_bytes = MODEL_RAM_BYTES,
	};
	model->registers[REG_IDENTITY_MAGIC / 4] = 0x31504f56;
	model->registers[REG_IDENTITY_LAYOUT / 4] = 0x10001;
	model->registers[REG_IDENTITY_FEATURES / 4] = 1u << 5;
	/* Address 0 stays unused, as on the card. */
	model->ram_used = 4096;
	model->host_used = MODEL_PAGE_BYTES;
	return model;
}

void model_delete(struct model *model)
{
	free(model);
}

void *model_alloc(struct model *model, uint32_t bytes, uint32_t align)
{
	uint32_t at = (model->ram_used + align - 1) / align * align;

	if (bytes > MODEL_RAM_BYTES - at) {
		abort();
	}
	model->ram_used = at + bytes;
	return model->ram + at;
}

void model_ring(struct model *model, uint32_t doorbell)
{
	model->doorbells |= 1u << doorbell;
	model->events++;
}
