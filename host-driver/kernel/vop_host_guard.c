// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guard windows: the host memory that the card's CPU and rings may name.
 *
 * Window 0 is the device page, the others hold the vrings of one virtio device
 * each. Callers hold vop_host.lock.
 */
#include "vop_host.h"

static u32 vop_guard_register(u32 first, int window)
{
	return first + window * VOP_GUARD_PAGES_STRIDE;
}

/**
 * vop_guard_reset() - close every window, also those of an earlier driver
 * @host: the card
 *
 * Context: before the card's CPU runs.
 */
void vop_guard_reset(struct vop_host *host)
{
	int window;

	bitmap_zero(host->guard_used, 256);
	for (window = 0; window < host->guard_windows; window++)
		vop_write(host, vop_guard_register(VOP_GUARD_PAGES, window), 0);
}

/**
 * vop_guard_open() - let the card name a range of host memory
 * @host: the card
 * @bus: start, page aligned
 * @bytes: size, rounded up to 4096
 *
 * Return: the window, or -ENOSPC if all are open.
 */
int vop_guard_open(struct vop_host *host, dma_addr_t bus, size_t bytes)
{
	int window = find_first_zero_bit(host->guard_used, host->guard_windows);

	if (window >= host->guard_windows)
		return -ENOSPC;
	__set_bit(window, host->guard_used);

	vop_write(host, vop_guard_register(VOP_GUARD_BASE_LO, window),
		  lower_32_bits(bus));
	vop_write(host, vop_guard_register(VOP_GUARD_BASE_HI, window),
		  upper_32_bits(bus));
	/* Written last: it opens the window. */
	vop_write(host, vop_guard_register(VOP_GUARD_PAGES, window),
		  DIV_ROUND_UP(bytes, 4096));
	return window;
}

/**
 * vop_guard_close() - take a range away again
 * @host: the card
 * @window: from vop_guard_open()
 *
 * Reads the register back: when this returns, writes that the card had sent
 * before are in host memory. Not part of the steady state.
 */
void vop_guard_close(struct vop_host *host, int window)
{
	u32 pages = vop_guard_register(VOP_GUARD_PAGES, window);

	vop_write(host, pages, 0);
	if (!vop_host_is_lost(host))
		vop_read(host, pages);
	__clear_bit(window, host->guard_used);
}
