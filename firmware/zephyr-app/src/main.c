/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's firmware on Zephyr: mounts the shares that the host offers, and runs the card shell on
 * its console. Devices come and go at any time; each change, and each typed character, is an event
 * of the port.
 */

#include <zephyr/kernel.h>

#include "vop_zephyr/console_shell.h"
#include "vop_zephyr/port.h"
#include "vop_zephyr/shares.h"

int main(void)
{
	struct vop_port *port = vop_zephyr_port();
	const int error = vop_zephyr_shares_init();

	if (error != 0) {
		printk("vop: no file system type for shares: error %d\n", -error);
		return 0;
	}
	for (;;) {
		const uint32_t seen = port->events(port);

		vop_zephyr_shares_update();
		if (!vop_zephyr_console_update()) {
			port->wait(port, seen, UINT64_MAX);
		}
	}
}
