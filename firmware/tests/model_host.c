/* SPDX-License-Identifier: Apache-2.0 */
/* The host of the model: device page, handshakes, device side of the rings. */

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define MAGIC 0xc0ffee00u
#define REG_PAGE_LO 0x100
#define REG_PAGE_HI 0x104
#define REG_PAGE_BYTES 0x108
#define REG_HOST_PROTOCOL 0x120
#define FEATURE_BYTES 8u

/* Offsets in the device control. */
enum { CONFIG_CHANGE = 8, VDEV_RESET = 9, GUEST_ACK = 10, HOST_ACK = 11, USED_UPDATED = 12,
       C2H_DB = 13, H2C_DB = 14 };

static void put(uint8_t *at, uint64_t value, uint32_t bytes)
{
	for (uint32_t n = 0; n < bytes; n++) {
		at[n] = (uint8_t)(value >> (8 * n));
	}
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
	uint64_t value = 0;

	for (uint32_t n = 0; n < bytes; n++) {
		value |= (uint64_t)at[n] << (8 * n);
	}
	return value;
}

void model_publish_page(struct model *model, uint32_t info_align)
{
	memset(model->host, 0, MODEL_PAGE_BYTES);
	put(model->host, MAGIC, 4);
	model->host[4] = 0xff;
	model->host[5] = 1;
	model->registers[REG_HOST_PROTOCOL / 4] = info_align | MODEL_PUSH_LOG2 << 8;
	model->registers[REG_PAGE_LO / 4] = (uint32_t)MODEL_HOST_BUS;
	model->registers[REG_PAGE_HI / 4] = (uint32_t)(MODEL_HOST_BUS >> 32);
	model->registers[REG_PAGE_BYTES / 4] = MODEL_PAGE_BYTES;
}

void model_withdraw_page(struct model *model)
{
	model->registers[REG_PAGE_BYTES / 4] = 0;
	model_ring(model, 0);
}

uint8_t *model_ctrl(struct model *model, struct model_device *device)
{
	return model->host + device->ctrl;
}

static uint32_t block_bytes(const uint8_t *block)
{
	return (8u + 24u * block[1] + 2u * block[2] + block[3] + 7) / 8 * 8 + 16;
}

/* Where a block goes: the end of the list, or a removed slot of the same size. */
static uint32_t find_slot(const struct model *model, uint32_t bytes)
{
	uint32_t at = 24;

	while (model->host[at] != 0) {
		if (model->host[at] == 0xff && block_bytes(model->host + at) == bytes) {
			return at;
		}
		at += block_bytes(model->host + at);
	}
	return at;
}

static void make_ring(struct model *model, struct model_device *device, uint32_t index,
		      uint16_t num)
{
	struct model_queue *queue = &device->queue[index];
	uint32_t align = (model->registers[REG_HOST_PROTOCOL / 4] & 0xff) == 4 ? 4 : 1;
	uint32_t bytes = 8192u + ((uint32_t)num << MODEL_PUSH_LOG2);
	uint32_t info = 4096u + 6u + 8u * num;

	info = (info + align - 1) / align * align;
	*queue = (struct model_queue){ .ring = model->host_used, .num = num };
	model->host_used += (bytes + 4095) / 4096 * 4096;
	if (model->host_used > MODEL_HOST_BYTES) {
		abort();
	}
	memset(model->host + queue->ring, 0xa5, bytes);
	put(model->host + queue->ring + info + 4, MAGIC + device->id + index, 4);
}

struct model_device *model_add_device(struct model *model, uint8_t id, uint8_t queues, uint16_t num,
				      const void *config, uint8_t config_bytes)
{
	struct model_device *device = model->devices;
	uint8_t head[8] = { 0, queues, FEATURE_BYTES, config_bytes };
	uint8_t *block;

	while (device->present) {
		device++;
	}
	*device = (struct model_device){ .present = true, .id = id, .queues = queues };
	device->block = find_slot(model, block_bytes(head));
	device->ctrl = device->block + block_bytes(head) - 16;
	block = model->host + device->block;
	memset(block + 1, 0, block_bytes(head) - 1);
	memcpy(block + 1, head + 1, 7);
	for (uint32_t n = 0; n < queues; n++) {
		make_ring(model, device, n, num);
		put(block + 8 + 24 * n, MODEL_HOST_BUS + device->queue[n].ring, 8);
		put(block + 8 + 24 * n + 16, num, 2);
	}
	put(block + 8 + 24 * queues, 1ull << 32 | 1, 8);
	memcpy(block + 8 + 24 * queues + 2 * FEATURE_BYTES, config, config_bytes);
	model_ctrl(model, device)[C2H_DB] = (uint8_t)(2 + (device - model->devices));
	model_ctrl(model, device)[H2C_DB] = 0xff;
	block[0] = id;
	if (model->host[4] != 0xff) {
		model_ring(model, model->host[4]);
	}
	return device;
}

void model_ask_removal(struct model *model, struct model_device *device)
{
	device->deaf = true;
	model_ctrl(model, device)[GUEST_ACK] = 0;
	model_ctrl(model, device)[CONFIG_CHANGE] = 1;
	model_ring(model, 0);
}

void model_clear_slot(struct model *model, struct model_device *device)
{
	model->host[device->block] = 0xff;
	device->present = false;
}

static void answer(struct model *model, struct model_device *device)
{
	int8_t doorbell = (int8_t)model_ctrl(model, device)[H2C_DB];

	model_ring(model, doorbell >= 0 ? (uint32_t)doorbell : 0);
}

static void follow_handshakes(struct model *model, struct model_device *device)
{
	uint8_t *ctrl = model_ctrl(model, device);

	if (ctrl[VDEV_RESET] == 1) {
		ctrl[VDEV_RESET] = 0;
		device->resets++;
		for (uint32_t n = 0; n < device->queues; n++) {
			device->queue[n].used = 0;
			device->queue[n].seen = 0;
			device->queue[n].used_idx = 0;
		}
		ctrl[HOST_ACK] = 1;
		answer(model, device);
	}
	if (ctrl[USED_UPDATED] == 1) {
		for (uint32_t n = 0; n < device->queues; n++) {
			const uint8_t *vqconfig = model->host + device->block + 8 + 24 * n;

			device->queue[n].used = (uint32_t)get(vqconfig + 8, 8);
			device->queue[n].push = vqconfig[18] == 1 ? device->queue[n].ring + 8192 : 0;
		}
		ctrl[USED_UPDATED] = 0;
		answer(model, device);
	}
}

/* Part `at` of a chain: card address, bytes, flags and next. */
static const uint8_t *descriptor(const struct model *model, const struct model_queue *queue,
				 uint16_t at)
{
	if (at >= queue->num) {
		abort();
	}
	return model->host + queue->ring + 16u * at;
}

static void gather(struct model *model, const struct model_queue *queue, struct model_chain *chain)
{
	uint32_t pushed = 1u << MODEL_PUSH_LOG2;
	uint16_t at = chain->head;

	for (chain->readable_bytes = 0;;) {
		const uint8_t *desc = descriptor(model, queue, at);
		uint32_t bytes = (uint32_t)get(desc + 8, 4);
		uint16_t flags = (uint16_t)get(desc + 12, 2);

		if ((flags & 2) == 0) {
			if (bytes > sizeof(chain->readable) - chain->readable_bytes) {
				abort();
			}
			memcpy(chain->readable + chain->readable_bytes,
			       model->ram + get(desc, 8), bytes);
			chain->readable_bytes += bytes;
		}
		if ((flags & 1) == 0) {
			break;
		}
		at = (uint16_t)get(desc + 14, 2);
	}
	if (queue->push != 0) {
		pushed = pushed < chain->readable_bytes ? pushed : chain->readable_bytes;
		memcpy(chain->readable,
		       model->host + queue->push + ((uint32_t)chain->head << MODEL_PUSH_LOG2),
		       pushed);
	}
}

void model_write_used(struct model *model, struct model_queue *queue, uint32_t id, uint32_t bytes)
{
	uint8_t *used = model->ram + queue->used;

	put(used + 4 + 8 * (queue->used_idx % queue->num), id, 4);
	put(used + 4 + 8 * (queue->used_idx % queue->num) + 4, bytes, 4);
	queue->used_idx++;
	put(used + 2, queue->used_idx, 2);
	model->events++;
}

void model_complete(struct model *model, struct model_device *device, uint32_t index, uint16_t head,
		    const void *data, uint32_t bytes)
{
	struct model_queue *queue = &device->queue[index];
	uint16_t at = head;
	uint32_t done = 0;

	for (;;) {
		const uint8_t *desc = descriptor(model, queue, at);
		uint16_t flags = (uint16_t)get(desc + 12, 2);
		uint32_t part = (uint32_t)get(desc + 8, 4);

		if ((flags & 2) != 0 && done < bytes) {
			part = part < bytes - done ? part : bytes - done;
			memcpy(model->ram + get(desc, 8), (const uint8_t *)data + done, part);
			done += part;
		}
		if ((flags & 1) == 0) {
			break;
		}
		at = (uint16_t)get(desc + 14, 2);
	}
	if (done != bytes) {
		abort();
	}
	model_write_used(model, queue, head, bytes);
}

static void serve_queue(struct model *model, struct model_device *device, uint32_t index)
{
	struct model_queue *queue = &device->queue[index];
	static struct model_chain chain;

	while (device->present && queue->used != 0 && device->serve != NULL &&
	       queue->seen != (uint16_t)get(model->host + queue->ring + 16u * queue->num + 2, 2)) {
		const uint8_t *ring = model->host + queue->ring + 16u * queue->num + 4;

		chain.head = (uint16_t)get(ring + 2 * (queue->seen % queue->num), 2);
		queue->seen++;
		gather(model, queue, &chain);
		device->serve(model, device, index, &chain);
	}
}

void model_host_step(struct model *model)
{
	for (uint32_t n = 0; n < MODEL_DEVICES; n++) {
		struct model_device *device = &model->devices[n];

		if (!device->present || device->deaf) {
			continue;
		}
		follow_handshakes(model, device);
		for (uint32_t index = 0; index < device->queues; index++) {
			serve_queue(model, device, index);
		}
	}
}
