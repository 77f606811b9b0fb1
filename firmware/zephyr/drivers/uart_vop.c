/* SPDX-License-Identifier: Apache-2.0 */
/* The card's UART, polled: it serves printk() and panics; the shell is on the virtio console. */

#define DT_DRV_COMPAT vop_uart

#include <zephyr/arch/cpu.h>
#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/sys/sys_io.h>
#include <zephyr/sys/util.h>

#include "vop/regs/vop_regs.h"

/* Registers, from the block's start. */
#define DATA    (VOP_UART_DATA - VOP_UART_BLOCK)
#define STATUS  (VOP_UART_STATUS - VOP_UART_BLOCK)
#define DIVISOR (VOP_UART_DIVISOR - VOP_UART_BLOCK)

BUILD_ASSERT(DT_INST_REG_ADDR(0) == VOP_CARD_ADDRESSES_REGISTERS + VOP_UART_BLOCK,
	     "the devicetree and the register map must agree about the UART");

struct uart_vop_config {
	mem_addr_t base;
	uint32_t baud;
};

static int uart_vop_poll_in(const struct device *device, unsigned char *character)
{
	const struct uart_vop_config *config = device->config;

	if ((sys_read32(config->base + STATUS) & VOP_UART_STATUS_RX_VALID_MASK) == 0) {
		return -1;
	}
	*character = (unsigned char)sys_read32(config->base + DATA);
	return 0;
}

static void uart_vop_poll_out(const struct device *device, unsigned char character)
{
	const struct uart_vop_config *config = device->config;

	/* Ends: the transmitter takes a character every 10 bit times, whoever listens. */
	while ((sys_read32(config->base + STATUS) & VOP_UART_STATUS_TX_READY_MASK) == 0) {
	}
	sys_write32(character, config->base + DATA);
}

static int uart_vop_init(const struct device *device)
{
	const struct uart_vop_config *config = device->config;

	sys_write32(CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC / config->baud, config->base + DIVISOR);
	return 0;
}

static const struct uart_driver_api uart_vop_api = {
	.poll_in = uart_vop_poll_in,
	.poll_out = uart_vop_poll_out,
};

#define UART_VOP_DEFINE(n)                                                                         \
	static const struct uart_vop_config uart_vop_config_##n = {                                \
		.base = DT_INST_REG_ADDR(n),                                                       \
		.baud = DT_INST_PROP(n, current_speed),                                            \
	};                                                                                         \
	DEVICE_DT_INST_DEFINE(n, uart_vop_init, NULL, NULL, &uart_vop_config_##n, PRE_KERNEL_1,    \
			      CONFIG_SERIAL_INIT_PRIORITY, &uart_vop_api);

DT_INST_FOREACH_STATUS_OKAY(UART_VOP_DEFINE)
