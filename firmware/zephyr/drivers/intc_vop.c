/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts of the card: number 0 to 15 is a bit of the core's mie, 16 + n is line n of the card's
 * controller.
 *
 * A line is enabled in two places: the controller's `enable`, which also ends the idle CPU's wait,
 * and the core's mask in CSR 0xBC0. All lines arrive as machine external interrupt 11, and are told
 * apart by CSR 0xFC0, which the core has masked already.
 */

#define DT_DRV_COMPAT vop_intc

#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/irq.h>
#include <zephyr/kernel.h>
#include <zephyr/sw_isr_table.h>
#include <zephyr/sys/sys_io.h>

#include "vop/regs/vop_regs.h"

#define MACHINE_EXTERNAL 11 /* RISC-V Privileged Architecture 1.12, 3.1.15 */

#define FIRST_LINE 16
#define LINES      32

#define REGISTER(offset) (VOP_CARD_ADDRESSES_REGISTERS + (offset))

BUILD_ASSERT(DT_INST_REG_ADDR(0) == REGISTER(VOP_INTC_BLOCK),
	     "the devicetree and the register map must agree about the interrupt controller");
BUILD_ASSERT(CONFIG_NUM_IRQS == FIRST_LINE + LINES, "16 bits of mie, then 32 lines");

static void set_line(unsigned int line, bool enable)
{
	const uint32_t bit = BIT(line);
	const unsigned int key = irq_lock();
	uint32_t lines = sys_read32(REGISTER(VOP_INTC_ENABLE));

	if (enable) {
		sys_write32(lines | bit, REGISTER(VOP_INTC_ENABLE));
		__asm__ volatile("csrs 0xbc0, %0" : : "r"(bit));
	} else {
		__asm__ volatile("csrc 0xbc0, %0" : : "r"(bit));
		sys_write32(lines & ~bit, REGISTER(VOP_INTC_ENABLE));
	}
	irq_unlock(key);
}

void arch_irq_enable(unsigned int irq)
{
	if (irq >= FIRST_LINE) {
		set_line(irq - FIRST_LINE, true);
	} else {
		__asm__ volatile("csrs mie, %0" : : "r"(BIT(irq)));
	}
}

void arch_irq_disable(unsigned int irq)
{
	if (irq >= FIRST_LINE) {
		set_line(irq - FIRST_LINE, false);
	} else {
		__asm__ volatile("csrc mie, %0" : : "r"(BIT(irq)));
	}
}

int arch_irq_is_enabled(unsigned int irq)
{
	uint32_t mask;

	if (irq >= FIRST_LINE) {
		__asm__ volatile("csrr %0, 0xbc0" : "=r"(mask));
		irq -= FIRST_LINE;
	} else {
		__asm__ volatile("csrr %0, mie" : "=r"(mask));
	}
	return (mask & BIT(irq)) != 0;
}

static void handle_lines(const void *unused)
{
	uint32_t pending;

	ARG_UNUSED(unused);
	__asm__ volatile("csrr %0, 0xfc0" : "=r"(pending));
	for (unsigned int irq = FIRST_LINE; pending != 0; irq++, pending >>= 1) {
		if ((pending & 1) != 0) {
			const struct _isr_table_entry *entry = &_sw_isr_table[irq];

			entry->isr(entry->arg);
		}
	}
}

static int intc_init(const struct device *device)
{
	ARG_UNUSED(device);
	IRQ_CONNECT(MACHINE_EXTERNAL, 0, handle_lines, NULL, 0);
	irq_enable(MACHINE_EXTERNAL);
	return 0;
}

DEVICE_DT_INST_DEFINE(0, intc_init, NULL, NULL, NULL, PRE_KERNEL_1, CONFIG_INTC_INIT_PRIORITY,
		      NULL);
