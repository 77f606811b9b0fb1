/* SPDX-License-Identifier: Apache-2.0 */
/* The port of bare metal: registers, machine timer, parking on intc.wait, log to ring and UART. */
#ifndef PORT_BAREMETAL_H
#define PORT_BAREMETAL_H

#include <stdint.h>

#include "vop/log.h"
#include "vop/port.h"

struct port_baremetal {
	struct vop_port port; /* first: the operations cast back */
	struct vop_log log;
	uint32_t ticks_per_us;
	/* Time so far: microseconds, ticks that are less than one, and the mtime of both. */
	uint64_t now_us;
	uint32_t spare_ticks;
	uint64_t mtime;
	uint32_t events;
	uint32_t doorbells; /* rang and not taken */
};

/* Enable the interrupt lines that end a wait; fill in the operations. */
void port_baremetal_init(struct port_baremetal *port);

#endif /* PORT_BAREMETAL_H */
