/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that follows the device page: see vop_zephyr/service.h. */

#include "vop_zephyr/service.h"

#include <zephyr/kernel.h>

#include "vop/copier.h"
#include "vop_zephyr/large.h"
#include "vop_zephyr/port.h"

static struct vop_copier copier;
static VOP_LARGE struct vop_device_page page;
static K_SEM_DEFINE(page_ready, 0, 1);

struct vop_device_page *vop_zephyr_device_page(void)
{
	(void)k_sem_take(&page_ready, K_FOREVER);
	k_sem_give(&page_ready);
	return &page;
}

/* Whether a vdev's state differs from what it was at the last call. */
static bool has_changed(void)
{
	static enum vop_vdev_state last[ARRAY_SIZE(page.vdevs)];
	bool result = false;

	for (size_t n = 0; n < ARRAY_SIZE(page.vdevs); n++) {
		result |= last[n] != page.vdevs[n].state;
		last[n] = page.vdevs[n].state;
	}
	return result;
}

static void serve(void *first, void *second, void *third)
{
	struct vop_port *port = vop_zephyr_port();
	uint32_t alive = 0;
	int result;

	ARG_UNUSED(first);
	ARG_UNUSED(second);
	ARG_UNUSED(third);
	port->register_write(port, VOP_LINK_BOOT_STATE, VOP_BOOT_STATE_BOOTING);
	while (vop_copier_start(&copier, port) != VOP_OK) {
		vop_port_log(port, "the copier channel does not reset");
	}
	vop_device_page_init(&page, port, &copier);
	k_sem_give(&page_ready);
	do {
		const bool online = page.online;

		port->register_write(port, VOP_LINK_ALIVE, ++alive);
		result = online ? vop_device_page_service(&page) : vop_device_page_open(&page);
		if (has_changed()) {
			vop_zephyr_wake();
		}
		if (online != page.online) {
			continue;
		}
		/* Online the host rings; before, it may have no way to. */
		(void)vop_zephyr_wait_page(online ? UINT64_MAX : VOP_CONFIG_POLL_US);
	} while (result != VOP_E_VERSION && result != VOP_E_MALFORMED);
	vop_port_log(port, "the host's device page is refused: result %d", result);
}

K_THREAD_DEFINE(vop_service, CONFIG_VOP_SERVICE_STACK_BYTES, serve, NULL, NULL, NULL,
		CONFIG_VOP_SERVICE_PRIORITY, 0, 0);
