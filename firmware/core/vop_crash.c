/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a firmware that trapped: see vop/crash.h. */

#include "vop/crash.h"

#include <stddef.h>

#include "vop/device_page.h"
#include "vop/regs/vop_regs.h"

static void withdraw_doorbell(struct vop_port *port, struct vop_copier *copier)
{
	uint64_t page_bus;

	if (port->register_read(port, VOP_LINK_DEVICE_PAGE_BYTES) == 0 ||
	    vop_copier_start(copier, port) != VOP_OK) {
		return;
	}
	page_bus = (uint64_t)port->register_read(port, VOP_LINK_DEVICE_PAGE_HI) << 32 |
		   port->register_read(port, VOP_LINK_DEVICE_PAGE_LO);
	(void)vop_copier_post(copier, page_bus + offsetof(struct vop_bootparam, h2c_config_db),
			      (uint8_t)VOP_DOORBELLS_NONE, 1);
}

void vop_crash_report(struct vop_port *port, struct vop_copier *copier, uint32_t mcause,
		      uint32_t mepc)
{
	/* The state before the byte: who sees the doorbell withdrawn looks here for the reason. */
	port->register_write(port, VOP_LINK_BOOT_DETAIL, mepc << 8 | (mcause & 0xff));
	port->register_write(port, VOP_LINK_BOOT_STATE, VOP_BOOT_STATE_CRASHED);
	withdraw_doorbell(port, copier);
	/* Behind the byte, as both are posted. */
	port->register_write(port, VOP_DOORBELL_C2H_RING, VOP_PAGE_VECTOR);
}
