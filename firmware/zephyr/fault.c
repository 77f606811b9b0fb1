/* SPDX-License-Identifier: Apache-2.0 */
/* A fatal error: tells the host, and parks until the CPU is reset. */

#include <zephyr/fatal.h>
#include <zephyr/irq.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/sys_io.h>

#include "vop/crash.h"
#include "vop/regs/vop_regs.h"
#include "vop_zephyr/compat.h"
#include "vop_zephyr/port.h"

static struct vop_copier last_copier;

static void write(uint32_t address, uint32_t value)
{
	sys_write32(value, VOP_CARD_ADDRESSES_REGISTERS + address);
}

/* Nobody else runs any more, whoever holds the lock. */
static void no_lock(struct vop_port *port)
{
	ARG_UNUSED(port);
}

/* No interrupt comes any more: the waiter looks again until its time is up. */
static void no_wait(struct vop_port *port, uint32_t seen, uint64_t until_us)
{
	ARG_UNUSED(port);
	ARG_UNUSED(seen);
	ARG_UNUSED(until_us);
}

static void tell_host(uint32_t mcause, uint32_t mepc)
{
	struct vop_port port = *vop_zephyr_port();

	port.lock = no_lock;
	port.unlock = no_lock;
	port.wait = no_wait;
	vop_crash_report(&port, &last_copier, mcause, mepc);
}

/* Nothing may end the wait: no line, no timer. */
static FUNC_NORETURN void park(void)
{
	write(VOP_INTC_ENABLE, 0);
	write(VOP_TIMER_MTIMECMP_HI, UINT32_MAX);
	for (;;) {
		(void)sys_read32(VOP_CARD_ADDRESSES_REGISTERS + VOP_INTC_WAIT);
	}
}

void k_sys_fatal_error_handler(unsigned int reason, const vop_trap_frame *frame)
{
	static bool has_crashed;
	const uint32_t mepc = frame == NULL ? 0 : (uint32_t)frame->mepc;
	uint32_t mcause;

	(void)irq_lock();
	if (has_crashed) {
		/* On the way down: the first error is what counts. */
		park();
	}
	has_crashed = true;
	__asm__ volatile("csrr %0, mcause" : "=r"(mcause));
	tell_host(mcause, mepc);
	printk("vop: fatal error %u, mcause %u at %#x\n", reason, mcause, mepc);
	park();
}
