/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of everything outside the core: the card's registers, RAM and copier; the host's memory,
 * device page and vop-host. It decodes rings and pages with numbers of its own, so that core and
 * model cannot share a mistake.
 *
 * Time is virtual: it moves only when the core waits and the host has nothing to do.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "vop/port.h"

#define MODEL_RAM_BYTES (512u * 1024)
#define MODEL_HOST_BYTES (256u * 1024)
/* Bytes that the card pushes of each request: few, so that most are pushed in part. */
#define MODEL_PUSH_LOG2 6u
#define MODEL_HOST_BUS 0x123450000ull
#define MODEL_PAGE_BYTES 4096u
#define MODEL_DEVICES 6
#define MODEL_QUEUES 4
#define MODEL_REGISTER_WORDS 0xc000u

struct model;

/* One queue, as the device side sees it. */
struct model_queue {
	uint32_t ring;     /* offset of the vring in host memory */
	uint32_t used;     /* card address of the used ring; 0: not handed over */
	uint32_t push;     /* offset of the push area in host memory; 0: the driver pushes nothing */
	uint16_t num;
	uint16_t seen;     /* avail entries taken */
	uint16_t used_idx;
};

/* A chain that the device holds, its readable bytes gathered. */
struct model_chain {
	uint16_t head;
	uint32_t readable_bytes;
	uint8_t readable[128 * 1024];
};

struct model_device {
	bool present;
	uint8_t id;
	uint8_t queues;
	uint32_t block; /* offset in the page */
	uint32_t ctrl;
	struct model_queue queue[MODEL_QUEUES];
	/* Serve a chain of queue `index`; call model_complete() now, later or never. */
	void (*serve)(struct model *model, struct model_device *device, uint32_t index,
		      const struct model_chain *chain);
	void *context;
	bool deaf;       /* answers no handshake and no request */
	unsigned resets; /* seen */
};

struct model {
	struct vop_port port; /* first: the operations cast back */
	_Alignas(4096) uint8_t ram[MODEL_RAM_BYTES];
	uint32_t ram_used; /* handed out by model_alloc() */
	uint8_t host[MODEL_HOST_BYTES];
	uint32_t host_used;
	uint32_t registers[MODEL_REGISTER_WORDS];
	struct model_device devices[MODEL_DEVICES];
	uint64_t time_us;
	uint32_t events;
	uint32_t doorbells;
	uint32_t vectors_raised; /* bit n: vector n since it was cleared */
	bool locked;
	/* The copier: its faults, and what it did. */
	bool copier_stuck;      /* commands never end */
	uint32_t copier_error;  /* of the next command; 0: none */
	uint32_t copier_in;     /* commands that still succeed before copier_error strikes */
	uint32_t copier_resets;
	uint32_t bytes_read;
	uint32_t bytes_written;
	char log[16384];
	/* Called whenever the core waits, before the host does its part. */
	void (*on_wait)(struct model *model);
};

struct model *model_new(void);
void model_delete(struct model *model);

/* Zeroed card RAM for an object of the core, never given back. */
void *model_alloc(struct model *model, uint32_t bytes, uint32_t align);

/* The host's side of bring-up and of the device page. */
void model_publish_page(struct model *model, uint32_t info_align);
void model_withdraw_page(struct model *model);
struct model_device *model_add_device(struct model *model, uint8_t id, uint8_t queues, uint16_t num,
				      const void *config, uint8_t config_bytes);
void model_ask_removal(struct model *model, struct model_device *device);
void model_clear_slot(struct model *model, struct model_device *device);
uint8_t *model_ctrl(struct model *model, struct model_device *device);
void model_ring(struct model *model, uint32_t doorbell);

/* Let the host look at its memory and serve what it finds. */
void model_host_step(struct model *model);

/* Finish a chain: spread `bytes` of `data` over its writable parts. */
void model_complete(struct model *model, struct model_device *device, uint32_t index, uint16_t head,
		    const void *data, uint32_t bytes);

/* Write a used element as a liar may. */
void model_write_used(struct model *model, struct model_queue *queue, uint32_t id, uint32_t bytes);

#endif /* MODEL_H */
