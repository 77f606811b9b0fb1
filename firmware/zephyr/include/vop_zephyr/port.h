/* SPDX-License-Identifier: Apache-2.0 */
/* The core's port on Zephyr: one card, one port. */
#ifndef VOP_ZEPHYR_PORT_H
#define VOP_ZEPHYR_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "vop/log.h"
#include "vop/port.h"

/* The card's port. Its interrupts are connected before the first thread runs. */
struct vop_port *vop_zephyr_port(void);

/* What port->log() kept: for `dmesg`. */
const struct vop_log *vop_zephyr_log(void);

/* Doorbell of the device page: h2c_config_db. */
#define VOP_ZEPHYR_PAGE_DOORBELL 0

/*
 * Block until that doorbell rings, or `bound_us` microseconds pass. Returns whether it rang since
 * the last call. For one thread.
 */
bool vop_zephyr_wait_page(uint64_t bound_us);

/* Count an event and wake every waiter, as an interrupt does. Any context. */
void vop_zephyr_wake(void);

#endif /* VOP_ZEPHYR_PORT_H */
