/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's own channel of the copier: how firmware reaches host memory.
 *
 * Every call submits one command and blocks until it has ended, at most
 * VOP_CONFIG_COPIER_TIMEOUT_US. A failed or late command resets the channel before the call
 * returns, so that the next one finds it idle.
 *
 * Ref: docs/protocol.md, "Copier channels".
 */
#ifndef VOP_COPIER_H
#define VOP_COPIER_H

#include <stdalign.h>
#include <stdint.h>

#include "port.h"
#include "regs/vop_regs.h"
#include "result.h"

struct vop_copier {
	/* Card RAM that the copier reads when a few bytes are posted; under the port's lock. */
	alignas(16) uint8_t staging[16];
	struct vop_port *port;
	uint32_t registers; /* address of the channel's registers, in bytes */
	uint32_t sequence;  /* commands ended when all submitted ones have */
	uint32_t failures;  /* commands that failed or were late, since start */
};

/* Take the channel: reset and enable it. Blocks. VOP_OK or VOP_E_LATE. */
int vop_copier_start(struct vop_copier *copier, struct vop_port *port);

/*
 * Copy host memory to card RAM, or card RAM to host memory. Any alignment; `bytes` is 1 to
 * VOP_COPIER_LIMITS_MAX_BYTES. The card side must lie in card RAM.
 *
 * Returns VOP_OK: every byte is at its destination (to the host: on its way, in order).
 * VOP_E_LATE: not ended, or a completion was missing. VOP_E_REFUSED: the guard or the host
 * refused the address. VOP_E_MALFORMED: poisoned data. VOP_E_GONE: bus mastering is off.
 * VOP_E_ARGUMENT: length or card address.
 */
int vop_copier_read(struct vop_copier *copier, void *to_card, uint64_t from_bus, uint32_t bytes);
int vop_copier_write(struct vop_copier *copier, uint64_t to_bus, const void *from_card,
		     uint32_t bytes);

/* Post a number of 1, 2, 4 or 8 bytes, little-endian, to host memory. Results as above. */
int vop_copier_post(struct vop_copier *copier, uint64_t to_bus, uint64_t value, uint32_t bytes);

/*
 * Mirror new descriptors and avail entries of a vring into the host's ring and raise its vector.
 * Results as above, and VOP_E_SEQUENCE when the copier finds the ring inconsistent.
 */
int vop_copier_publish(struct vop_copier *copier, const struct vop_vring_context *context);

#endif /* VOP_COPIER_H */
