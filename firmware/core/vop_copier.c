/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's own copier channel: one command at a time, counted by the channel's sequence register.
 *
 * Ref: docs/registers.md, block `copier`.
 */

#include "vop/copier.h"

#include <stdbool.h>
#include <string.h>

#include "vop/bytes.h"
#include "vop/config.h"

#define CHANNEL_OFFSET(reg) ((reg) - VOP_COPIER_BLOCK)

_Static_assert(VOP_CONFIG_COPIER_CHANNEL >= VOP_COPIER_LIMITS_HOST_CHANNELS &&
	       VOP_CONFIG_COPIER_CHANNEL < VOP_COPIER_LIMITS_CHANNELS,
	       "VOP_CONFIG_COPIER_CHANNEL must be one of the card's channels");

static uint32_t channel_read(struct vop_copier *copier, uint32_t reg)
{
	return copier->port->register_read(copier->port, copier->registers + CHANNEL_OFFSET(reg));
}

static void channel_write(struct vop_copier *copier, uint32_t reg, uint32_t value)
{
	copier->port->register_write(copier->port, copier->registers + CHANNEL_OFFSET(reg), value);
}

/* VOP_OK, or what a CommandError means to the caller. */
static int result_of(uint32_t error)
{
	switch (error) {
	case VOP_COMMAND_ERROR_OK:
		return VOP_OK;
	case VOP_COMMAND_ERROR_TIMEOUT:
		return VOP_E_LATE;
	case VOP_COMMAND_ERROR_POISONED:
		return VOP_E_MALFORMED;
	case VOP_COMMAND_ERROR_BUS_MASTER_OFF:
		return VOP_E_GONE;
	case VOP_COMMAND_ERROR_BAD_LENGTH:
	case VOP_COMMAND_ERROR_BAD_CARD_ADDRESS:
		return VOP_E_ARGUMENT;
	case VOP_COMMAND_ERROR_GUARD:
	case VOP_COMMAND_ERROR_UNSUPPORTED:
	case VOP_COMMAND_ERROR_ABORTED_BY_HOST:
		return VOP_E_REFUSED;
	default:
		return VOP_E_SEQUENCE;
	}
}

static int channel_reset(struct vop_copier *copier)
{
	struct vop_port *port = copier->port;
	uint64_t until_us = port->now_us(port) + VOP_CONFIG_COPIER_TIMEOUT_US;

	channel_write(copier, VOP_COPIER_CONTROL, VOP_COPIER_CONTROL_RESET_MASK);
	while (vop_field_get(channel_read(copier, VOP_COPIER_STATUS),
			     VOP_COPIER_STATUS_STATE_MASK) != VOP_CHANNEL_STATE_IDLE) {
		if (port->now_us(port) >= until_us) {
			return VOP_E_LATE;
		}
	}
	channel_write(copier, VOP_COPIER_CONTROL, VOP_COPIER_CONTROL_ENABLE_MASK);
	copier->sequence = channel_read(copier, VOP_COPIER_SEQUENCE);
	return VOP_OK;
}

int vop_copier_start(struct vop_copier *copier, struct vop_port *port)
{
	*copier = (struct vop_copier){
		.port = port,
		.registers = VOP_COPIER_BLOCK +
			     VOP_CONFIG_COPIER_CHANNEL * VOP_COPIER_LIMITS_CHANNEL_STRIDE,
	};
	return channel_reset(copier);
}

/* Whether the submitted command has ended; `*result` tells how. */
static bool has_ended(struct vop_copier *copier, int *result)
{
	uint32_t status;

	if (channel_read(copier, VOP_COPIER_SEQUENCE) != copier->sequence) {
		return false;
	}
	status = channel_read(copier, VOP_COPIER_STATUS);
	if (vop_field_get(status, VOP_COPIER_STATUS_STATE_MASK) != VOP_CHANNEL_STATE_FAILED) {
		*result = VOP_OK;
		return true;
	}
	*result = result_of(vop_field_get(status, VOP_COPIER_STATUS_ERROR_MASK));
	if (*result == VOP_OK) {
		*result = VOP_E_SEQUENCE;
	}
	return true;
}

static int wait_for_end(struct vop_copier *copier)
{
	struct vop_port *port = copier->port;
	uint64_t until_us;
	int result;

	for (int spin = 0; spin < VOP_CONFIG_COPIER_SPINS; spin++) {
		if (has_ended(copier, &result)) {
			return result;
		}
	}
	until_us = port->now_us(port) + VOP_CONFIG_COPIER_TIMEOUT_US;
	for (;;) {
		uint32_t seen = port->events(port);

		if (has_ended(copier, &result)) {
			return result;
		}
		if (port->now_us(port) >= until_us) {
			return VOP_E_LATE;
		}
		port->wait(port, seen, until_us);
	}
}

/* Run one command; under the port's lock. */
static int run(struct vop_copier *copier, uint32_t control, uint32_t bytes, uint64_t host_bus,
	       const volatile void *card)
{
	struct vop_port *port = copier->port;
	int result;

	control |= 1u << VOP_COMMAND_BITS_INTERRUPT_LSB;
	/* The copier must see what the CPU stored; pairs with its reads behind word 7. */
	port->barrier(port);
	channel_write(copier, VOP_COPIER_COMMAND_0, control);
	channel_write(copier, VOP_COPIER_COMMAND_1, bytes);
	channel_write(copier, VOP_COPIER_COMMAND_2, (uint32_t)host_bus);
	channel_write(copier, VOP_COPIER_COMMAND_3, (uint32_t)(host_bus >> 32));
	channel_write(copier, VOP_COPIER_COMMAND_4, vop_port_card_address(port, card));
	channel_write(copier, VOP_COPIER_COMMAND_5, 0);
	channel_write(copier, VOP_COPIER_COMMAND_6, 0);
	copier->sequence++;
	channel_write(copier, VOP_COPIER_COMMAND_7, 0);

	result = wait_for_end(copier);
	/* The CPU must see what the copier wrote; pairs with its count of the ended command. */
	port->barrier(port);
	if (result != VOP_OK) {
		copier->failures++;
		/* A channel that does not even reset fails the next command, by its bound. */
		(void)channel_reset(copier);
	}
	return result;
}

static bool is_card_range(const struct vop_port *port, const void *card, uint32_t bytes)
{
	uintptr_t offset = (uintptr_t)card - port->ram_base;

	return bytes >= 1 && bytes <= VOP_COPIER_LIMITS_MAX_BYTES && offset <= port->ram_bytes &&
	       bytes <= port->ram_bytes - offset;
}

static int copy(struct vop_copier *copier, uint32_t direction, uint64_t bus, const void *card,
		uint32_t bytes)
{
	struct vop_port *port = copier->port;
	int result;

	if (!is_card_range(port, card, bytes)) {
		return VOP_E_ARGUMENT;
	}
	port->lock(port);
	result = run(copier, (uint32_t)VOP_OPCODE_COPY << VOP_COMMAND_BITS_OPCODE_LSB | direction,
		     bytes, bus, card);
	port->unlock(port);
	return result;
}

int vop_copier_read(struct vop_copier *copier, void *to_card, uint64_t from_bus, uint32_t bytes)
{
	return copy(copier, 0, from_bus, to_card, bytes);
}

int vop_copier_write(struct vop_copier *copier, uint64_t to_bus, const void *from_card,
		     uint32_t bytes)
{
	return copy(copier, 1u << VOP_COMMAND_BITS_TO_HOST_LSB, to_bus, from_card, bytes);
}

int vop_copier_post(struct vop_copier *copier, uint64_t to_bus, uint64_t value, uint32_t bytes)
{
	struct vop_port *port = copier->port;
	int result;

	if (bytes == 0 || bytes > sizeof(value)) {
		return VOP_E_ARGUMENT;
	}
	port->lock(port);
	vop_put_le64(copier->staging, value);
	result = run(copier,
		     (uint32_t)VOP_OPCODE_COPY << VOP_COMMAND_BITS_OPCODE_LSB |
			     1u << VOP_COMMAND_BITS_TO_HOST_LSB,
		     bytes, to_bus, copier->staging);
	port->unlock(port);
	return result;
}

int vop_copier_publish(struct vop_copier *copier, const struct vop_vring_context *context)
{
	struct vop_port *port = copier->port;
	int result;

	port->lock(port);
	result = run(copier, (uint32_t)VOP_OPCODE_PUBLISH << VOP_COMMAND_BITS_OPCODE_LSB, 0, 0,
		     context);
	port->unlock(port);
	return result;
}
