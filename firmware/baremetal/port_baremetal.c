/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port of bare metal. Nothing interrupts: events are collected when the CPU comes back from
 * intc.wait, where it parks until a line rises or the timer is due.
 *
 * Ref: docs/registers.md, blocks `timer`, `intc`, `doorbell`, `uart`.
 */

#include "port_baremetal.h"

#include "vop/regs/vop_regs.h"

#define LATCHED_LINES (1u << VOP_INTERRUPT_LINES_COPIER | 1u << VOP_INTERRUPT_LINES_USED)
#define DOORBELL_LINES \
	(((1u << VOP_DOORBELLS_H2C_COUNT / VOP_DOORBELLS_H2C_GROUP) - 1) \
	 << VOP_INTERRUPT_LINES_DOORBELL_GROUP)

/* Reads of the UART's status before a character is given up: four characters at 115200 baud. */
#define UART_SPINS_MAX 10000

static uint32_t read_register(uint32_t address)
{
	return *(volatile uint32_t *)(uintptr_t)(VOP_CARD_ADDRESSES_REGISTERS + address);
}

static void write_register(uint32_t address, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(VOP_CARD_ADDRESSES_REGISTERS + address) = value;
}

static struct port_baremetal *of(struct vop_port *port)
{
	return (struct port_baremetal *)port;
}

static uint32_t port_register_read(struct vop_port *port, uint32_t address)
{
	(void)port;
	return read_register(address);
}

static void port_register_write(struct vop_port *port, uint32_t address, uint32_t value)
{
	(void)port;
	write_register(address, value);
}

static void port_barrier(struct vop_port *port)
{
	(void)port;
	/* No data cache and in order: what remains is the compiler, and the write buffer. */
	__asm__ volatile("fence rw, rw" : : : "memory");
}

static uint64_t read_mtime(void)
{
	uint32_t high;
	uint32_t low;

	do {
		high = read_register(VOP_TIMER_MTIME_HI);
		low = read_register(VOP_TIMER_MTIME_LO);
	} while (read_register(VOP_TIMER_MTIME_HI) != high);
	return (uint64_t)high << 32 | low;
}

/* Adds up what has passed since the last call, as 32-bit division is the cheaper one. */
static uint64_t port_now_us(struct vop_port *port)
{
	struct port_baremetal *baremetal = of(port);
	uint64_t mtime = read_mtime();
	uint64_t passed = mtime - baremetal->mtime + baremetal->spare_ticks;
	uint32_t per_us = baremetal->ticks_per_us;

	baremetal->mtime = mtime;
	if (passed <= UINT32_MAX) {
		baremetal->now_us += (uint32_t)passed / per_us;
		baremetal->spare_ticks = (uint32_t)passed % per_us;
	} else {
		baremetal->now_us += passed / per_us;
		baremetal->spare_ticks = (uint32_t)(passed % per_us);
	}
	return baremetal->now_us;
}

static uint32_t port_events(struct vop_port *port)
{
	return of(port)->events;
}

static void collect_doorbells(struct port_baremetal *baremetal)
{
	uint32_t rang = read_register(VOP_DOORBELL_H2C_PENDING);

	if (rang != 0) {
		write_register(VOP_DOORBELL_H2C_PENDING, rang);
		baremetal->doorbells |= rang;
		baremetal->events++;
	}
}

static void set_alarm(uint64_t mtime)
{
	/* High half last, and never a moment with too early a time in both. */
	write_register(VOP_TIMER_MTIMECMP_HI, UINT32_MAX);
	write_register(VOP_TIMER_MTIMECMP_LO, (uint32_t)mtime);
	write_register(VOP_TIMER_MTIMECMP_HI, (uint32_t)(mtime >> 32));
}

static void port_wait(struct vop_port *port, uint32_t seen, uint64_t until_us)
{
	struct port_baremetal *baremetal = of(port);
	uint64_t now_us = port_now_us(port);
	uint32_t lines;

	if (baremetal->events != seen || until_us <= now_us) {
		return;
	}
	set_alarm(baremetal->mtime + (until_us - now_us) * baremetal->ticks_per_us);
	lines = read_register(VOP_INTC_WAIT);
	if ((lines & LATCHED_LINES) != 0) {
		/* Cleared before anyone looks at memory: what comes later sets it again. */
		write_register(VOP_INTC_CLEAR, lines & LATCHED_LINES);
		baremetal->events++;
	}
	if ((lines & DOORBELL_LINES) != 0) {
		collect_doorbells(baremetal);
	}
}

static uint32_t port_take_doorbells(struct vop_port *port, uint32_t mask)
{
	struct port_baremetal *baremetal = of(port);
	uint32_t rang;

	collect_doorbells(baremetal);
	rang = baremetal->doorbells & mask;
	baremetal->doorbells &= ~mask;
	return rang;
}

static void port_lock(struct vop_port *port)
{
	(void)port;
}

static void put_uart(char character)
{
	for (uint32_t spin = 0; spin < UART_SPINS_MAX; spin++) {
		if ((read_register(VOP_UART_STATUS) & VOP_UART_STATUS_TX_READY_MASK) != 0) {
			write_register(VOP_UART_DATA, (uint8_t)character);
			return;
		}
	}
}

static void port_log(struct vop_port *port, const char *line)
{
	struct port_baremetal *baremetal = of(port);

	vop_log_line(&baremetal->log, port_now_us(port), line);
	for (; *line != '\0'; line++) {
		put_uart(*line);
	}
	put_uart('\r');
	put_uart('\n');
}

void port_baremetal_init(struct port_baremetal *baremetal)
{
	uint32_t hz = read_register(VOP_IDENTITY_CLOCK);

	baremetal->port = (struct vop_port){
		.register_read = port_register_read,
		.register_write = port_register_write,
		.barrier = port_barrier,
		.now_us = port_now_us,
		.events = port_events,
		.wait = port_wait,
		.take_doorbells = port_take_doorbells,
		/* One thread, no interrupts. */
		.lock = port_lock,
		.unlock = port_lock,
		.log = port_log,
		.ram_base = VOP_CARD_ADDRESSES_RAM,
		.ram_bytes = read_register(VOP_IDENTITY_RAM),
	};
	baremetal->ticks_per_us = hz < 1000000 ? 1 : hz / 1000000;
	baremetal->mtime = read_mtime();
	write_register(VOP_INTC_ENABLE, LATCHED_LINES | DOORBELL_LINES);
}
