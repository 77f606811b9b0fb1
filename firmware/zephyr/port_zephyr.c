/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h on Zephyr: registers, interrupts of the endpoint, time, waiting.
 *
 * Waiting. Each event advances the count and sets exactly one bit of a k_event: bit count % 32. A
 * waiter that saw the count at `seen` waits for any bit but seen % 32, so every thread wakes, and
 * nobody has to clear anything. Were the count to move by a multiple of 32 between the look and the
 * wait, the waiter would sleep until the next event or its bound, and then look again.
 *
 * Interrupts of the copier and of the used rings cost more than what they announce: most commands
 * end while their thread still looks. They are enabled only while somebody waits. Both are latched,
 * so one that came before is taken then, and makes the waiter look once more.
 */

#define DT_DRV_COMPAT vop_endpoint

#include "vop_zephyr/port.h"

#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/irq.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/sys_io.h>

#include "vop/regs/vop_regs.h"

#define REGISTER(address) (VOP_CARD_ADDRESSES_REGISTERS + (address))
#define RAM_NODE          DT_CHOSEN(zephyr_sram)
#define FIRST_LINE        16
#define LINE(name)        (DT_INST_IRQ_BY_NAME(0, name, irq) - FIRST_LINE)
#define COPIER_IRQ        DT_INST_IRQ_BY_NAME(0, copier, irq)
#define USED_IRQ          DT_INST_IRQ_BY_NAME(0, used, irq)

/* A wait that long is for ever; it may return early for no reason. */
#define LONGEST_WAIT_US (3600u * USEC_PER_SEC)

BUILD_ASSERT(DT_INST_REG_ADDR(0) == REGISTER(0), "reg must be the register space");
BUILD_ASSERT(DT_INST_REG_SIZE(0) == VOP_CARD_ADDRESSES_BAR0_BYTES, "reg must be BAR0");
BUILD_ASSERT(DT_REG_ADDR(RAM_NODE) == VOP_CARD_ADDRESSES_RAM, "RAM must be card RAM");
BUILD_ASSERT(LINE(copier) == VOP_INTERRUPT_LINES_COPIER, "line of the copier");
BUILD_ASSERT(LINE(used) == VOP_INTERRUPT_LINES_USED, "line of the used rings");
BUILD_ASSERT(LINE(doorbells0) == VOP_INTERRUPT_LINES_DOORBELL_GROUP, "first doorbell group");
BUILD_ASSERT(LINE(doorbells3) == VOP_INTERRUPT_LINES_DOORBELL_GROUP + 3, "last doorbell group");

static struct k_event changed;
static struct k_sem page_rang;
static struct k_mutex copier_lock;
static struct k_mutex log_lock;
static struct vop_log kept_log;
static volatile uint32_t event_count;
static uint32_t waiting; /* threads in wait() */
static uint32_t rung;    /* doorbells, taken from the register by the interrupt handler */

void vop_zephyr_wake(void)
{
	const unsigned int key = irq_lock();

	event_count++;
	if (waiting != 0) {
		k_event_set(&changed, BIT(event_count % 32));
	}
	irq_unlock(key);
}

/* `parameter` is the line; the copier's and the used rings' are latched until cleared. */
static void latched_isr(const void *parameter)
{
	sys_write32(BIT((uintptr_t)parameter), REGISTER(VOP_INTC_CLEAR));
	vop_zephyr_wake();
}

static void doorbell_isr(const void *unused)
{
	const uint32_t pending = sys_read32(REGISTER(VOP_DOORBELL_H2C_PENDING));

	ARG_UNUSED(unused);
	sys_write32(pending, REGISTER(VOP_DOORBELL_H2C_PENDING));
	rung |= pending;
	if ((pending & BIT(VOP_ZEPHYR_PAGE_DOORBELL)) != 0) {
		k_sem_give(&page_rang);
	}
	vop_zephyr_wake();
}

static uint32_t register_read(struct vop_port *port, uint32_t address)
{
	ARG_UNUSED(port);
	return sys_read32(REGISTER(address));
}

static void register_write(struct vop_port *port, uint32_t address, uint32_t value)
{
	ARG_UNUSED(port);
	sys_write32(value, REGISTER(address));
}

static void barrier(struct vop_port *port)
{
	ARG_UNUSED(port);
	__asm__ volatile("fence" : : : "memory");
}

static uint64_t now_us(struct vop_port *port)
{
	ARG_UNUSED(port);
	return k_cyc_to_us_floor64(k_cycle_get_64());
}

static uint32_t events(struct vop_port *port)
{
	ARG_UNUSED(port);
	return event_count;
}

/* Joins those who wait, unless the count has moved on from `seen`; the first enables the lines. */
static bool join_waiting(uint32_t seen)
{
	const unsigned int key = irq_lock();
	const bool joins = event_count == seen;

	if (joins && waiting++ == 0) {
		/* From here on each event sets its bit; the one of `seen` may not have. */
		k_event_set(&changed, BIT(seen % 32));
		irq_enable(COPIER_IRQ);
		irq_enable(USED_IRQ);
	}
	irq_unlock(key);
	return joins;
}

/* Leaves them; the last disables the lines. */
static void leave_waiting(void)
{
	const unsigned int key = irq_lock();

	if (--waiting == 0) {
		irq_disable(COPIER_IRQ);
		irq_disable(USED_IRQ);
	}
	irq_unlock(key);
}

static void wait(struct vop_port *port, uint32_t seen, uint64_t until_us)
{
	const uint64_t now = now_us(port);

	if (now >= until_us || !join_waiting(seen)) {
		return;
	}
	(void)k_event_wait(&changed, ~BIT(seen % 32), false,
			   K_USEC(MIN(until_us - now, LONGEST_WAIT_US)));
	leave_waiting();
}

bool vop_zephyr_wait_page(uint64_t bound_us)
{
	return k_sem_take(&page_rang, bound_us >= LONGEST_WAIT_US ? K_FOREVER
								   : K_USEC(bound_us)) == 0;
}

static uint32_t take_doorbells(struct vop_port *port, uint32_t mask)
{
	const unsigned int key = irq_lock();
	const uint32_t taken = rung & mask;

	ARG_UNUSED(port);
	rung &= ~taken;
	irq_unlock(key);
	return taken;
}

static void lock(struct vop_port *port)
{
	ARG_UNUSED(port);
	(void)k_mutex_lock(&copier_lock, K_FOREVER);
}

static void unlock(struct vop_port *port)
{
	ARG_UNUSED(port);
	(void)k_mutex_unlock(&copier_lock);
}

static void keep_log(struct vop_port *port, const char *line)
{
	(void)k_mutex_lock(&log_lock, K_FOREVER);
	vop_log_line(&kept_log, now_us(port), line);
	(void)k_mutex_unlock(&log_lock);
}

static struct vop_port zephyr_port = {
	.register_read = register_read,
	.register_write = register_write,
	.barrier = barrier,
	.now_us = now_us,
	.events = events,
	.wait = wait,
	.take_doorbells = take_doorbells,
	.lock = lock,
	.unlock = unlock,
	.log = keep_log,
	.ram_base = DT_REG_ADDR(RAM_NODE),
	.ram_bytes = DT_REG_SIZE(RAM_NODE),
};

struct vop_port *vop_zephyr_port(void)
{
	return &zephyr_port;
}

const struct vop_log *vop_zephyr_log(void)
{
	return &kept_log;
}

#define CONNECT_DOORBELLS(group)                                                                   \
	do {                                                                                       \
		IRQ_CONNECT(DT_INST_IRQ_BY_NAME(0, doorbells##group, irq), 0, doorbell_isr, NULL,  \
			    0);                                                                    \
		irq_enable(DT_INST_IRQ_BY_NAME(0, doorbells##group, irq));                         \
	} while (false)

static int port_init(const struct device *device)
{
	ARG_UNUSED(device);
	k_event_init(&changed);
	k_sem_init(&page_rang, 0, 1);
	k_mutex_init(&copier_lock);
	k_mutex_init(&log_lock);
	IRQ_CONNECT(COPIER_IRQ, 0, latched_isr, (void *)VOP_INTERRUPT_LINES_COPIER, 0);
	IRQ_CONNECT(USED_IRQ, 0, latched_isr, (void *)VOP_INTERRUPT_LINES_USED, 0);
	CONNECT_DOORBELLS(0);
	CONNECT_DOORBELLS(1);
	CONNECT_DOORBELLS(2);
	CONNECT_DOORBELLS(3);
	return 0;
}

DEVICE_DT_INST_DEFINE(0, port_init, NULL, NULL, NULL, POST_KERNEL,
		      CONFIG_KERNEL_INIT_PRIORITY_DEVICE, NULL);
