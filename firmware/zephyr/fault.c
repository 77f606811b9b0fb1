/* SPDX-License-Identifier: Apache-2.0 */
/* A fatal error: tells the host (link.boot_state), and parks until the CPU is reset. */

#include <zephyr/fatal.h>
#include <zephyr/irq.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/sys_io.h>

#include "vop/regs/vop_regs.h"
#include "vop_zephyr/compat.h"
#include "vop_zephyr/port.h"

static void write(uint32_t address, uint32_t value)
{
	sys_write32(value, VOP_CARD_ADDRESSES_REGISTERS + address);
}

void k_sys_fatal_error_handler(unsigned int reason, const vop_trap_frame *frame)
{
	const uint32_t mepc = frame == NULL ? 0 : (uint32_t)frame->mepc;
	uint32_t mcause;

	(void)irq_lock();
	__asm__ volatile("csrr %0, mcause" : "=r"(mcause));
	write(VOP_LINK_BOOT_DETAIL, mepc << 8 | (mcause & 0xff));
	write(VOP_LINK_BOOT_STATE, VOP_BOOT_STATE_CRASHED);
	printk("vop: fatal error %u, mcause %u at %#x\n", reason, mcause, mepc);
	/* Nothing may end the wait any more: no line, no timer. */
	write(VOP_INTC_ENABLE, 0);
	write(VOP_TIMER_MTIMECMP_HI, UINT32_MAX);
	for (;;) {
		(void)sys_read32(VOP_CARD_ADDRESSES_REGISTERS + VOP_INTC_WAIT);
	}
}
