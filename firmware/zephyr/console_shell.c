/* SPDX-License-Identifier: Apache-2.0 */
/* The card shell on a virtio console: see vop_zephyr/console_shell.h. */

#include "vop_zephyr/console_shell.h"

#include <string.h>

#include <zephyr/kernel.h>

#include "vop/console.h"
#include "vop/shell.h"
#include "vop/terminal.h"
#include "vop_zephyr/large.h"
#include "vop_zephyr/port.h"
#include "vop_zephyr/service.h"
#include "vop_zephyr/shell_fs.h"

/* Bytes typed while a command runs. */
#define TYPED_BYTES 256

#define CONTROL_C 0x03

enum console_state {
	CONSOLE_CLOSED,
	CONSOLE_OPEN,
	CONSOLE_LOST, /* the host may still own its buffers: never used again */
};

static enum console_state state;
static char typed[TYPED_BYTES];
static uint32_t typed_bytes;

static VOP_LARGE struct vop_shell shell;
static VOP_LARGE struct vop_terminal terminal;
static VOP_LARGE struct vop_console console;
static VOP_LARGE uint8_t payload[CONFIG_VOP_9P_PAYLOAD_BYTES] __aligned(4096);

/* Take what was typed while a command ran; ^C ends it. */
static bool is_interrupted(struct vop_shell *running)
{
	int bytes = 0;

	ARG_UNUSED(running);
	if (state == CONSOLE_OPEN && typed_bytes < sizeof(typed)) {
		bytes = vop_console_read(&console, typed + typed_bytes,
					 sizeof(typed) - typed_bytes);
	}
	if (bytes <= 0) {
		return false;
	}
	if (memchr(typed + typed_bytes, CONTROL_C, (size_t)bytes) != NULL) {
		typed_bytes = 0;
		return true;
	}
	typed_bytes += (uint32_t)bytes;
	return false;
}

/* Dropped output is counted by the console; a shell can do no more about it. */
static void send(struct vop_terminal *to, const char *bytes, uint32_t count)
{
	ARG_UNUSED(to);
	(void)vop_console_write(&console, bytes, count);
}

static void flush(struct vop_terminal *to)
{
	ARG_UNUSED(to);
	(void)vop_console_flush(&console);
}

static void stop(void)
{
	state = vop_console_stop(&console) == VOP_OK ? CONSOLE_CLOSED : CONSOLE_LOST;
	vop_port_log(vop_zephyr_port(), "console: closed");
}

static void start(struct vop_vdev *vdev)
{
	const int result = vop_console_start(&console, vdev);

	state = CONSOLE_OPEN;
	if (result != VOP_OK) {
		vop_port_log(vop_zephyr_port(), "console: start failed: %d", result);
		stop();
		return;
	}
	typed_bytes = 0;
	memset(&shell, 0, sizeof(shell));
	shell.fs = vop_zephyr_shell_fs();
	shell.port = vop_zephyr_port();
	shell.log = vop_zephyr_log();
	shell.payload = payload;
	shell.payload_bytes = sizeof(payload);
	shell.is_interrupted = is_interrupted;
	memset(&terminal, 0, sizeof(terminal));
	terminal.shell = &shell;
	terminal.send = send;
	terminal.flush = flush;
	vop_shell_init(&shell);
	vop_terminal_init(&terminal);
	vop_terminal_start(&terminal, "OpenVOP card shell on Zephyr; help lists the commands");
}

static void find(struct vop_device_page *page)
{
	struct vop_vdev *vdev = vop_device_page_next(page, NULL, VOP_VDEV_FOUND);

	while (vdev != NULL && vdev->virtio_id != VOP_VIRTIO_ID_CONSOLE) {
		vdev = vop_device_page_next(page, vdev, VOP_VDEV_FOUND);
	}
	if (vdev != NULL) {
		start(vdev);
	}
}

/* Bytes for the terminal: those that were typed while a command ran, or new ones. */
static int take_typed(char *bytes, uint32_t most)
{
	int count = (int)typed_bytes;

	if (count == 0) {
		return vop_console_read(&console, bytes, most);
	}
	memcpy(bytes, typed, typed_bytes);
	typed_bytes = 0;
	return count;
}

bool vop_zephyr_console_update(void)
{
	char bytes[TYPED_BYTES];
	int count;

	if (state == CONSOLE_CLOSED) {
		find(vop_zephyr_device_page());
	}
	if (state != CONSOLE_OPEN) {
		return false;
	}
	if (vop_vdev_is_gone(console.vdev)) {
		stop();
		return false;
	}
	count = take_typed(bytes, sizeof(bytes));
	if (count > 0) {
		vop_terminal_feed(&terminal, bytes, (uint32_t)count);
	} else if (count < 0 && count != VOP_E_GONE) {
		vop_port_log(vop_zephyr_port(), "console: read failed: %d", count);
		stop();
	}
	return count > 0;
}
