/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bench firmware: the card tests itself on a board whose PCIe block is not there. A small host
 * in logic (gateware/vop/bench_image/loopback.py) holds a page of memory and has opened the
 * guard's first window for it.
 *
 * The low four bits of stats.marker are the board's LEDs: bits 2 to 0 the step that runs, or
 * PASSED; bit 3 blinks while rounds pass, and stands still when one does not.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "port_baremetal.h"
#include "vop/copier.h"
#include "vop/regs/vop_regs.h"

#define PAGE_BYTES 4096u
#define GUARD_BYTES 16u /* around what the copier writes */
#define GUARD_BYTE 0xA5

/* Half a blink: LEDs stand for so long after a round. */
#ifndef BLINK_US
#define BLINK_US 250000u
#endif

/* Odd, so that the words of a count in this stride differ in all bits. */
#define STRIDE 0x9E3779B1u

/* How much later than asked for a wait may end: a round of the loop around it. */
#define TIMER_US 100u
#define TIMER_LATE_US 1000u

#define BLINK_LSB 3

/* What the LEDs count. */
enum step {
	STEP_CPU = 1,
	STEP_RAM,
	STEP_TIMER,
	STEP_ALIGNMENTS,
	STEP_PAGE,
	STEP_CHECKS,
	PASSED,
};

static struct port_baremetal port;
static struct vop_copier copier;
static uint64_t page_bus;
static uint32_t blink;
static uint32_t seed;

/* Copied to the host, and where it comes back: with the guard bytes, all RAM that is tested. */
static __attribute__((section(".noinit"))) struct {
	alignas(8) uint8_t ours[PAGE_BYTES + GUARD_BYTES];
	alignas(8) uint8_t back[GUARD_BYTES + PAGE_BYTES + GUARD_BYTES];
} ram;

/* Called by start.S. The LEDs stand still and tell in which step. */
void crash(uint32_t mcause, uint32_t mepc);

static void stop(void)
{
	port.port.register_write(&port.port, VOP_INTC_ENABLE, 0);
	port.port.register_write(&port.port, VOP_TIMER_MTIMECMP_HI, UINT32_MAX);
	for (;;) {
		(void)port.port.register_read(&port.port, VOP_INTC_WAIT);
	}
}

void crash(uint32_t mcause, uint32_t mepc)
{
	port_baremetal_init(&port);
	vop_port_log(&port.port, "crash: mcause %u at 0x%08x", (unsigned int)mcause,
		     (unsigned int)mepc);
	stop();
}

static void show(enum step step)
{
	port.port.register_write(&port.port, VOP_STATS_MARKER, blink << BLINK_LSB | (uint32_t)step);
}

static uint32_t read_register(uint32_t address)
{
	return port.port.register_read(&port.port, address);
}

/* xorshift32: not zero, and another one each time. */
static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static bool check_cpu(void)
{
	volatile uint32_t a = 0x89ABCDEF;
	volatile uint32_t b = 0x1234567;
	volatile int32_t minus = -7;
	volatile uint8_t bytes[4] = {1, 2, 3, 4};
	const volatile uint32_t *word = (const volatile uint32_t *)(const volatile void *)bytes;

	/* Loads and stores of bytes, product, quotient and remainder, shifts with sign. */
	return *word == 0x04030201 && a * b == 0xC94E4629 &&
	       (uint32_t)((uint64_t)a * b >> 32) == 0x9CA39D && a / b == 121 && a % b == 64 &&
	       minus / 2 == -3 && minus % 2 == -1 && minus >> 1 == -4 &&
	       read_register(VOP_IDENTITY_MAGIC) == VOP_VERSION_MAGIC;
}

static bool check_ram(void)
{
	volatile uint32_t *words = (volatile uint32_t *)(void *)&ram;
	uint32_t count = sizeof(ram) / sizeof(*words);

	/* Each word another value, counted up from 0 and from all ones: no bit is stuck or shared. */
	for (uint32_t flip = 0;; flip = UINT32_MAX) {
		uint32_t value = flip;

		for (uint32_t n = 0; n < count; n++, value += STRIDE) {
			words[n] = value;
		}
		value = flip;
		for (uint32_t n = 0; n < count; n++, value += STRIDE) {
			if (words[n] != value) {
				vop_port_log(&port.port, "ram: word %u", (unsigned int)n);
				return false;
			}
		}
		if (flip != 0) {
			return true;
		}
	}
}

static bool check_timer(void)
{
	uint64_t until_us = port.port.now_us(&port.port) + TIMER_US;
	uint64_t now_us;

	/* Parks the CPU, until the timer's interrupt; an earlier one of the copier may wake it too. */
	do {
		port.port.wait(&port.port, port.port.events(&port.port), until_us);
		now_us = port.port.now_us(&port.port);
	} while (now_us < until_us);
	return now_us < until_us + TIMER_LATE_US;
}

/* Fill the words of `ours` that hold its first `count` bytes. */
static void fill(uint32_t count)
{
	uint32_t *words = (uint32_t *)(void *)ram.ours;

	for (uint32_t n = 0; n < (count + 3) / 4; n++) {
		words[n] = next_random();
	}
}

static bool is_untouched(const uint8_t *bytes)
{
	for (uint32_t n = 0; n < GUARD_BYTES; n++) {
		if (bytes[n] != GUARD_BYTE) {
			return false;
		}
	}
	return true;
}

/* Copy `count` bytes to `host_offset` in the page and back; nothing around them may change. */
static bool copy_there_and_back(uint32_t host_offset, uint32_t from, uint32_t to, uint32_t count)
{
	uint8_t *back = ram.back + GUARD_BYTES + to;
	int result;

	fill(from + count);
	memset(back - GUARD_BYTES, GUARD_BYTE, count + 2 * GUARD_BYTES);
	result = vop_copier_write(&copier, page_bus + host_offset, ram.ours + from, count);
	if (result == VOP_OK) {
		result = vop_copier_read(&copier, back, page_bus + host_offset, count);
	}
	if (result == VOP_OK && memcmp(back, ram.ours + from, count) == 0 &&
	    is_untouched(back - GUARD_BYTES) && is_untouched(back + count)) {
		return true;
	}
	vop_port_log(&port.port, "copy: %u bytes, host offset %u, from %u, to %u: result %d",
		     (unsigned int)count, (unsigned int)host_offset, (unsigned int)from,
		     (unsigned int)to, result);
	return false;
}

static bool check_alignments(void)
{
	static const uint16_t counts[] = {1, 3, 8, 29, 131};

	for (uint32_t offset = 0; offset < 8; offset++) {
		for (uint32_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
			if (!copy_there_and_back(offset, (offset * 3 + n) & 7, (offset * 5 + 2 * n) & 7,
						 counts[n])) {
				return false;
			}
		}
	}
	return true;
}

static bool check_page(void)
{
	return copy_there_and_back(0, 0, 0, PAGE_BYTES);
}

/* The guard refuses what lies outside its window, and nobody has counted a fault. */
static bool check_checks(void)
{
	static const uint16_t faults[] = {
		VOP_STATS_UNSUPPORTED_REQUEST,
		VOP_STATS_POISONED,
		VOP_STATS_COMPLETION_ERROR,
		VOP_STATS_COMPLETION_TIMEOUT,
		VOP_STATS_UNEXPECTED_COMPLETION,
		VOP_STATS_CPU_BUS_FAULT,
		VOP_STATS_TX_DROPPED,
	};
	int result = vop_copier_write(&copier, page_bus + PAGE_BYTES, ram.ours, 1);

	if (result != VOP_E_REFUSED) {
		vop_port_log(&port.port, "guard: result %d", result);
		return false;
	}
	for (uint32_t n = 0; n < sizeof(faults) / sizeof(faults[0]); n++) {
		uint32_t count = read_register(faults[n]);

		if (count != 0) {
			vop_port_log(&port.port, "stats: register 0x%03x counts %u",
				     (unsigned int)faults[n], (unsigned int)count);
			return false;
		}
	}
	return read_register(VOP_STATS_TX_MEM_WRITE) != 0 &&
	       read_register(VOP_STATS_RX_COMPLETION_DATA) != 0;
}

static bool check(enum step step)
{
	switch (step) {
	case STEP_CPU:
		return check_cpu();
	case STEP_RAM:
		return check_ram();
	case STEP_TIMER:
		return check_timer();
	case STEP_ALIGNMENTS:
		return check_alignments();
	case STEP_PAGE:
		return check_page();
	case STEP_CHECKS:
		return check_checks();
	default:
		return true;
	}
}

int main(void)
{
	port_baremetal_init(&port);
	seed = 1;
	if (vop_copier_start(&copier, &port.port) != VOP_OK) {
		vop_port_log(&port.port, "copier: the channel does not reset");
	}
	page_bus = (uint64_t)read_register(VOP_GUARD_BASE_HI) << 32 |
		   read_register(VOP_GUARD_BASE_LO);
	for (uint32_t round = 1;; round++) {
		for (enum step step = STEP_CPU; step < PASSED; step++) {
			show(step);
			if (!check(step)) {
				vop_port_log(&port.port, "round %u: step %u failed",
					     (unsigned int)round, (unsigned int)step);
				stop();
			}
		}
		blink ^= 1;
		show(PASSED);
		vop_port_log(&port.port, "round %u: passed", (unsigned int)round);
		port.port.wait(&port.port, port.port.events(&port.port),
			       port.port.now_us(&port.port) + BLINK_US);
	}
}
