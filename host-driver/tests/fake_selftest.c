/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel driver and a card in user space, for the tests of vopctl selftest: driver.h over
 * VOP_SELFTEST (uapi/vop.h). The device file holds the names of the faults that the card has, and
 * beside it the link `function` leads to the card's attributes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"
#include "uapi/vop.h"

enum { RAM_BYTES = 0x40000, FD = 1000 };

static uint8_t memory[VOP_SELFTEST_BYTES], ram[RAM_BYTES];
static char faults[256], device[4096];
static uint32_t pending;
static int times_taken;

static bool has(const char *fault)
{
	return strstr(faults, fault) != NULL;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int fake_open(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	faults[fread(faults, 1, sizeof(faults) - 1, file)] = '\0';
	fclose(file);
	snprintf(device, sizeof(device), "%s", path);
	pending = has("doorbell-stuck") ? 1u << 9 : has("doorbell-lasts") ? pending & 1u << 11 : 0;
	return FD;
}

static int doorbell(struct vop_selftest *step)
{
	if (has("card-gone"))
		return fail(ENODEV);
	if (step->index < 32 && !(has("doorbell-dead") && step->index == 5))
		pending |= 1u << step->index;
	if (has("doorbells-crossed") && step->index == 2)
		pending |= 1u << 3;
	step->found = pending;
	return 0;
}

static int vector(struct vop_selftest *step)
{
	step->elapsed_ns = 2500;
	step->found = 1u << step->index;
	if (has("vector-dead") && step->index == 7)
		step->found = 0;
	if (has("vector-astray") && step->index == 4)
		step->found = 1u << 6;
	if (has("vectors-doubled") && step->index == 1)
		step->found |= 1;
	return has("records-late") ? fail(EIO) : 0;
}

static int to_card(struct vop_selftest *step)
{
	const uint8_t *from = memory + step->host_offset;
	uint8_t *to = ram + step->card_address;
	if (has("to-card-late") && step->bytes > 61)
		return fail(EIO);
	if (has("to-card-nothing") && step->bytes == 1)
		return 0;
	memcpy(to, from, step->bytes);
	if (has("to-card-corrupt") && step->bytes == 61)
		to[60] ^= 0x20;
	if (has("reset-harms") && times_taken == 2 && step->bytes == 4099)
		to[4098] ^= 1;
	if (has("to-card-overruns") && step->card_address % 8 == 3)
		to[step->bytes] = 0;
	return 0;
}

static int to_host(struct vop_selftest *step)
{
	const uint8_t *from = ram + step->card_address;
	uint8_t *to = memory + step->host_offset;

	if (has("to-host-late"))
		return fail(EIO);
	memcpy(to, from, step->bytes);
	if (has("to-host-corrupt") && step->bytes == 256)
		to[128] = to[127];
	if (has("to-host-underruns") && step->host_offset % 8 == 1)
		to[-1] = 0;
	if (has("to-host-short") && step->bytes == 8)
		to[7] = 0xff;
	return 0;
}

static int run(struct vop_selftest *step)
{
	void *data = (void *)(uintptr_t)step->data;

	step->elapsed_ns = 1500 + (uint64_t)step->bytes * step->repeat;
	switch (step->step) {
	case VOP_SELFTEST_TAKE:
		times_taken++;
		return has("busy") ? fail(EBUSY) : has("forbidden") ? fail(EPERM) : 0;
	case VOP_SELFTEST_DOORBELL:
		return doorbell(step);
	case VOP_SELFTEST_VECTOR:
		return vector(step);
	case VOP_SELFTEST_LOAD:
		memcpy(memory + step->host_offset, data, step->bytes);
		return 0;
	case VOP_SELFTEST_STORE:
		memcpy(data, memory + step->host_offset, step->bytes);
		return 0;
	case VOP_SELFTEST_PEEK:
		memcpy(data, ram + step->card_address, step->bytes);
		return 0;
	case VOP_SELFTEST_POKE:
		memcpy(ram + step->card_address, data, step->bytes);
		return 0;
	case VOP_SELFTEST_TO_CARD:
		return to_card(step);
	default:
		return to_host(step);
	}
}

static int fake_ioctl(int fd, unsigned long request, void *argument)
{
	(void)fd;
	return request == VOP_SELFTEST ? run(argument) : fail(ENOTTY);
}

/* What the card will be next, behind a reset or in service, is seen in its state. */
static int fake_close(int fd)
{
	char path[sizeof(device) + 32];
	FILE *state;

	(void)fd;
	if (!has(times_taken == 1 ? "reset-crashes" : "restart-crashes"))
		return 0;
	snprintf(path, sizeof(path), "%.*s/function/state",
		 (int)(strrchr(device, '/') - device), device);
	state = fopen(path, "w");
	if (!state)
		return -1;
	fputs("crashed\n", state);
	return fclose(state);
}

const struct vop_driver vop_driver = {
	.open = fake_open,
	.ioctl = fake_ioctl,
	.close = fake_close,
};
