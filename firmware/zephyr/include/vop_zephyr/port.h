/* SPDX-License-Identifier: Apache-2.0 */
/* The core's port on Zephyr: one card, one port. */
#ifndef VOP_ZEPHYR_PORT_H
#define VOP_ZEPHYR_PORT_H

#include "vop/log.h"
#include "vop/port.h"

/* The card's port. Its interrupts are connected before the first thread runs. */
struct vop_port *vop_zephyr_port(void);

/* What port->log() kept: for `dmesg`. */
const struct vop_log *vop_zephyr_log(void);

/* Count an event and wake every waiter, as an interrupt does. Any context. */
void vop_zephyr_wake(void);

#endif /* VOP_ZEPHYR_PORT_H */
