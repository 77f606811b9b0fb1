/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a firmware that trapped. Ref: docs/protocol.md, "Removal, death". */
#ifndef VOP_CRASH_H
#define VOP_CRASH_H

#include <stdint.h>

#include "copier.h"
#include "port.h"

/*
 * Tell the host that the firmware trapped: boot_state becomes CRASHED with its detail, the device
 * page loses its configuration doorbell, and the page's vector is raised.
 *
 * Trusts nothing that the firmware kept: the page is the one that the registers name, and the
 * channel is reset first. `copier` is any in card RAM; what it held is lost. Of the port it calls
 * all but take_doorbells() and log(); nobody may hold its lock. Blocks for at most three times
 * VOP_CONFIG_COPIER_TIMEOUT_US. A page that cannot be reached is left as it is: the vector and
 * boot_state still tell.
 */
void vop_crash_report(struct vop_port *port, struct vop_copier *copier, uint32_t mcause,
		      uint32_t mepc);

#endif /* VOP_CRASH_H */
