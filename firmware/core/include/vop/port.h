/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port: all that the core asks of a platform. Bare metal, Zephyr and the tests implement it.
 *
 * Events. The platform counts every interrupt of the copier, of a used ring and of a doorbell. A
 * waiter reads the count, looks at memory for what it wants, and if it is not there waits for the
 * count to move on. So no wake-up is lost, whoever was waiting when it came, and several waiters
 * need not know of each other.
 *
 * No call blocks, except wait() and lock().
 */
#ifndef VOP_PORT_H
#define VOP_PORT_H

#include <stdint.h>

struct vop_port {
	/*
	 * Read or write a register. `address` is in bytes from the start of the register space
	 * (VOP_<BLOCK>_<REGISTER>), a multiple of 4.
	 */
	uint32_t (*register_read)(struct vop_port *port, uint32_t address);
	void (*register_write)(struct vop_port *port, uint32_t address, uint32_t value);

	/*
	 * Order every access to card RAM before it against every one behind it, as the copier and
	 * the host see them. It is a compiler barrier too.
	 */
	void (*barrier)(struct vop_port *port);

	/* Time since some fixed moment, in microseconds. Never goes back. */
	uint64_t (*now_us)(struct vop_port *port);

	/* Interrupts so far; wraps. */
	uint32_t (*events)(struct vop_port *port);

	/*
	 * Block until events() differs from `seen`, or now_us() reaches `until_us`. May return
	 * early for no reason.
	 */
	void (*wait)(struct vop_port *port, uint32_t seen, uint64_t until_us);

	/* Which host-to-card doorbells of `mask` rang since they were last taken; takes them. */
	uint32_t (*take_doorbells)(struct vop_port *port, uint32_t mask);

	/*
	 * Guard one copier command against other threads. Blocks while another thread holds it,
	 * that is for at most VOP_CONFIG_COPIER_TIMEOUT_US each. Never nested.
	 */
	void (*lock)(struct vop_port *port);
	void (*unlock)(struct vop_port *port);

	/* Keep a line of the log; no line end, any length. */
	void (*log)(struct vop_port *port, const char *line);

	/* Where card RAM appears to this program; card address 0. */
	uintptr_t ram_base;
	/* Size of card RAM, in bytes. */
	uint32_t ram_bytes;
};

/* Card address of an object in card RAM. */
static inline uint32_t vop_port_card_address(const struct vop_port *port,
					     const volatile void *object)
{
	return (uint32_t)((uintptr_t)object - port->ram_base);
}

/* A field of a register value; `mask` is a VOP_..._MASK. Divides: no shift by a variable. */
static inline uint32_t vop_field_get(uint32_t value, uint32_t mask)
{
	return (value & mask) / (mask & (0u - mask));
}

/* Log a line made from a format of text.h. */
void vop_port_log(struct vop_port *port, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* VOP_PORT_H */
