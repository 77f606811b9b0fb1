/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that follows the device page, so that every other thread may wait for its device. */
#ifndef VOP_ZEPHYR_SERVICE_H
#define VOP_ZEPHYR_SERVICE_H

#include "vop/device_page.h"

/*
 * The device page of the card. The thread runs before main(): it waits for the host's page, then
 * finds and loses vdevs, and wakes every waiter of the port (port->wait) when one changed.
 */
struct vop_device_page *vop_zephyr_device_page(void);

#endif /* VOP_ZEPHYR_SERVICE_H */
