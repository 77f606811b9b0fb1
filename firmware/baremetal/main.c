/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare-metal firmware: finds the host's virtio devices, mounts every 9P share at /<tag>, and
 * serves the card shell on the console. One loop, no interrupts; devices come and go at any time.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port_baremetal.h"
#include "vop/9p_fs.h"
#include "vop/config.h"
#include "vop/console.h"
#include "vop/copier.h"
#include "vop/crash.h"
#include "vop/device_page.h"
#include "vop/errno.h"
#include "vop/regs/vop_regs.h"
#include "vop/shell.h"
#include "vop/terminal.h"

#define NOINIT __attribute__((section(".noinit")))

/* How long the loop parks when nothing happens, and when something failed. */
#define IDLE_US  10000000u
#define RETRY_US 100000u

/* Written to stats.marker after the first mount. */
#define MARKER_MOUNTED 1

/* Bytes typed while a command runs. */
#define TYPED_BYTES 256

#define CONTROL_C 0x03

/* What a device's driver structure is used for. */
enum use {
	UNUSED,
	USED,
	RETIRED, /* the host may still own its buffers: never used again */
};

static struct port_baremetal port;
static struct vop_copier copier;
static struct vop_device_page page;
static struct vop_9p_fs fs;
static struct vop_shell shell;
static struct vop_terminal terminal;
static enum use mount_use[VOP_CONFIG_MOUNTS];
static enum use console_use;
static bool was_mounted;
static char typed[TYPED_BYTES];
static uint32_t typed_count;

static NOINIT struct vop_9p_mount mounts[VOP_CONFIG_MOUNTS];
static NOINIT struct vop_console console;
static NOINIT alignas(4096) uint8_t payload[VOP_CONFIG_9P_PAYLOAD_BYTES];

/* Called by start.S with the stack emptied; tells the host, and parks until the CPU is reset. */
void crash(uint32_t mcause, uint32_t mepc);

void crash(uint32_t mcause, uint32_t mepc)
{
	struct vop_port *out = &port.port;

	port_baremetal_init(&port);
	vop_crash_report(out, &copier, mcause, mepc);
	vop_port_log(out, "crash: mcause %u at 0x%08x", (unsigned int)mcause, (unsigned int)mepc);
	/* Nothing may end the wait any more: no line, no timer. */
	out->register_write(out, VOP_INTC_ENABLE, 0);
	out->register_write(out, VOP_TIMER_MTIMECMP_HI, UINT32_MAX);
	for (;;) {
		(void)out->register_read(out, VOP_INTC_WAIT);
	}
}

static void mount_share(struct vop_vdev *vdev)
{
	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		int error;

		if (mount_use[n] != UNUSED) {
			continue;
		}
		error = vop_9p_fs_mount(&fs, &mounts[n], vdev, 0);
		if (error != 0) {
			const char *name = vop_errno_name((uint32_t)-error);

			vop_port_log(&port.port, "9p: mount failed: %s",
				     name == NULL ? "unknown error" : name);
			return;
		}
		mount_use[n] = USED;
		vop_port_log(&port.port, "9p: mounted /%s, msize %u", mounts[n].virtio.tag,
			     (unsigned int)mounts[n].client.msize);
		if (!was_mounted) {
			was_mounted = true;
			port.port.register_write(&port.port, VOP_STATS_MARKER, MARKER_MOUNTED);
		}
		return;
	}
}

static void stop_console(void)
{
	console_use = vop_console_stop(&console) == VOP_OK ? UNUSED : RETIRED;
	vop_port_log(&port.port, "console: closed");
}

static void open_console(struct vop_vdev *vdev)
{
	int result;

	if (console_use != UNUSED) {
		return;
	}
	result = vop_console_start(&console, vdev);
	console_use = USED;
	if (result != VOP_OK) {
		vop_port_log(&port.port, "console: start failed: %d", result);
		stop_console();
		return;
	}
	typed_count = 0;
	vop_terminal_init(&terminal);
	vop_terminal_start(&terminal, "OpenVOP card shell; help lists the commands");
}

/* Start drivers of new devices. */
static void attach(void)
{
	struct vop_vdev *vdev = NULL;

	while ((vdev = vop_device_page_next(&page, vdev, VOP_VDEV_FOUND)) != NULL) {
		if (vdev->virtio_id == VOP_VIRTIO_ID_9P) {
			mount_share(vdev);
		} else if (vdev->virtio_id == VOP_VIRTIO_ID_CONSOLE) {
			open_console(vdev);
		}
	}
}

/* Let go of devices that the host takes away. */
static void detach(void)
{
	for (uint32_t n = 0; n < VOP_CONFIG_MOUNTS; n++) {
		if (mount_use[n] == USED && vop_vdev_is_gone(mounts[n].virtio.vdev)) {
			vop_port_log(&port.port, "9p: /%s is gone", mounts[n].virtio.tag);
			mount_use[n] = vop_9p_fs_unmount(&fs, &mounts[n]) == VOP_OK ? UNUSED
										      : RETIRED;
		}
	}
	if (console_use == USED && vop_vdev_is_gone(console.vdev)) {
		stop_console();
	}
}

/* Take what was typed while a command ran; ^C ends it. */
static bool is_interrupted(struct vop_shell *running)
{
	int got;

	(void)running;
	if (console_use == USED && vop_vdev_is_gone(console.vdev)) {
		/* Nobody watches any more, and the host waits for the console's release. */
		return true;
	}
	if (console_use != USED || typed_count == sizeof(typed)) {
		return false;
	}
	got = vop_console_read(&console, typed + typed_count, sizeof(typed) - typed_count);
	for (int n = 0; n < got; n++) {
		if (typed[typed_count + (uint32_t)n] == CONTROL_C) {
			typed_count = 0;
			return true;
		}
	}
	typed_count += got > 0 ? (uint32_t)got : 0;
	return false;
}

/* Pass typed bytes to the shell; returns whether there were any. */
static bool serve_console(void)
{
	char bytes[TYPED_BYTES];
	int got;

	if (console_use != USED) {
		return false;
	}
	if (typed_count != 0) {
		/* The command that these start may collect new ones. */
		uint32_t count = typed_count;

		typed_count = 0;
		for (uint32_t n = 0; n < count; n++) {
			bytes[n] = typed[n];
		}
		vop_terminal_feed(&terminal, bytes, count);
		return true;
	}
	got = vop_console_read(&console, bytes, sizeof(bytes));
	if (got > 0) {
		vop_terminal_feed(&terminal, bytes, (uint32_t)got);
	} else if (got < 0 && got != VOP_E_GONE) {
		vop_port_log(&port.port, "console: read failed: %d", got);
		stop_console();
	}
	return got > 0;
}

static void send(struct vop_terminal *to, const char *bytes, uint32_t count)
{
	(void)to;
	/* Dropped output is counted by the console; a shell can do no more about it. */
	(void)vop_console_write(&console, bytes, count);
}

static void flush(struct vop_terminal *to)
{
	(void)to;
	(void)vop_console_flush(&console);
}

static void prepare(void)
{
	port_baremetal_init(&port);
	port.port.register_write(&port.port, VOP_LINK_BOOT_STATE, VOP_BOOT_STATE_BOOTING);
	if (vop_copier_start(&copier, &port.port) != VOP_OK) {
		vop_port_log(&port.port, "copier: channel %u does not reset",
			     VOP_CONFIG_COPIER_CHANNEL);
	}
	vop_device_page_init(&page, &port.port, &copier);
	page.serviced_by_waits = true;
	vop_9p_fs_init(&fs);
	shell.fs = &fs.fs;
	shell.port = &port.port;
	shell.log = &port.log;
	shell.payload = payload;
	shell.payload_bytes = sizeof(payload);
	shell.is_interrupted = is_interrupted;
	vop_shell_init(&shell);
	terminal.shell = &shell;
	terminal.send = send;
	terminal.flush = flush;
}

/* One round; returns for how long nothing needs to be done, in microseconds. */
static uint32_t run_once(void)
{
	int result = page.online ? vop_device_page_service(&page) : vop_device_page_open(&page);

	detach();
	if (result != VOP_OK) {
		return RETRY_US;
	}
	attach();
	return serve_console() ? 0 : IDLE_US;
}

int main(void)
{
	uint32_t alive = 0;

	prepare();
	for (;;) {
		uint32_t seen = port.port.events(&port.port);
		uint32_t idle_us = run_once();

		port.port.register_write(&port.port, VOP_LINK_ALIVE, ++alive);
		if (idle_us != 0) {
			port.port.wait(&port.port, seen,
				       port.port.now_us(&port.port) + idle_us);
		}
	}
}
