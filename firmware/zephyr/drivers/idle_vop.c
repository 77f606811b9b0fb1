/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idle CPU parks on the interrupt controller's `wait` register, whose read is answered when an
 * enabled line is high or the timer is due: the core's `wfi` does not wait, and a simulation may
 * skip the time in which nothing happens.
 *
 * Interrupts are still locked while it waits, so none can come between the kernel's decision to
 * sleep and the read; the one that ends the wait is taken as soon as they are unlocked.
 */

#include <zephyr/arch/cpu.h>
#include <zephyr/irq.h>
#include <zephyr/sys/sys_io.h>

#include "vop/regs/vop_regs.h"

static void park(unsigned int key)
{
	(void)sys_read32(VOP_CARD_ADDRESSES_REGISTERS + VOP_INTC_WAIT);
	irq_unlock(key);
}

void arch_cpu_idle(void)
{
	park(MSTATUS_IEN);
}

void arch_cpu_atomic_idle(unsigned int key)
{
	park(key);
}
