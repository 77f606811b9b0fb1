/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the card itself: df, mounts, dmesg, stats, mark, echo, help. */

#include <stddef.h>

#include "vop/regs/vop_regs.h"
#include "vop_shell_internal.h"

#define COUNTER(name, register) { name, VOP_STATS_##register }

static const struct {
	const char *name;
	uint32_t address;
} counters[] = {
	COUNTER("rx_mem_read", RX_MEM_READ),
	COUNTER("rx_mem_write", RX_MEM_WRITE),
	COUNTER("rx_completion", RX_COMPLETION),
	COUNTER("rx_other", RX_OTHER),
	COUNTER("tx_mem_read", TX_MEM_READ),
	COUNTER("tx_mem_write", TX_MEM_WRITE),
	COUNTER("tx_completion", TX_COMPLETION),
	COUNTER("msi_sent", MSI_SENT),
	COUNTER("unsupported_request", UNSUPPORTED_REQUEST),
	COUNTER("dropped_request", DROPPED_REQUEST),
	COUNTER("poisoned", POISONED),
	COUNTER("completion_error", COMPLETION_ERROR),
	COUNTER("completion_timeout", COMPLETION_TIMEOUT),
	COUNTER("unexpected_completion", UNEXPECTED_COMPLETION),
	COUNTER("guard_refused", GUARD_REFUSED),
	COUNTER("command_failed", COMMAND_FAILED),
	COUNTER("register_refused", REGISTER_REFUSED),
	COUNTER("cpu_bus_fault", CPU_BUS_FAULT),
};

int vop_shell_df(struct vop_shell *shell, uint32_t count, char *const *words)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_mount mount;
	int status = 0;

	(void)count;
	vop_text_print(shell->out, "%12s %12s  mounted on\n", "KiB", "available");
	for (uint32_t n = 0; fs->ops->mount_at(fs, n, &mount) == 1; n++) {
		struct vop_fs_usage usage;
		int error;

		shell->path[0][0] = '/';
		shell->path[0][1] = '\0';
		(void)vop_shell_path_join(shell->path[0], mount.name);
		error = -fs->ops->usage(fs, shell->path[0], &usage);
		if (error != 0) {
			status = vop_shell_fail(shell, words[0], shell->path[0], error);
			continue;
		}
		vop_text_print(shell->out, "%12llu %12llu  %s\n",
			       (unsigned long long)(usage.total_bytes / 1024),
			       (unsigned long long)(usage.available_bytes / 1024),
			       shell->path[0]);
	}
	return status;
}

int vop_shell_mounts(struct vop_shell *shell, uint32_t count, char *const *words)
{
	struct vop_fs *fs = shell->fs;
	struct vop_fs_mount mount;

	(void)count;
	(void)words;
	for (uint32_t n = 0; fs->ops->mount_at(fs, n, &mount) == 1; n++) {
		vop_text_print(shell->out, "/%s %s msize=%u\n", mount.name, mount.type,
			       (unsigned int)mount.message_bytes);
	}
	return 0;
}

int vop_shell_dmesg(struct vop_shell *shell, uint32_t count, char *const *words)
{
	(void)count;
	if (shell->log == NULL) {
		return vop_shell_fail(shell, words[0], "log", VOP_ENOSYS);
	}
	vop_log_print(shell->log, shell->out);
	return 0;
}

int vop_shell_stats(struct vop_shell *shell, uint32_t count, char *const *words)
{
	struct vop_port *port = shell->port;
	uint32_t low;

	(void)count;
	(void)words;
	for (uint32_t n = 0; n < sizeof(counters) / sizeof(counters[0]); n++) {
		vop_text_print(shell->out, "%-22s %u\n", counters[n].name,
			       (unsigned int)port->register_read(port, counters[n].address));
	}
	/* Reading the low half latches the high one. */
	low = port->register_read(port, VOP_STATS_CYCLES_LO);
	vop_text_print(shell->out, "%-22s %llu\n", "cycles",
		       (unsigned long long)port->register_read(port, VOP_STATS_CYCLES_HI) << 32 |
			       low);
	return 0;
}

/* A decimal number below 2^32; whether the text is one. */
static bool parse_number(const char *text, uint32_t *number)
{
	uint64_t value = 0;

	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9') {
			return false;
		}
		value = value * 10 + (uint32_t)(*text - '0');
		if (value > UINT32_MAX) {
			return false;
		}
	}
	*number = (uint32_t)value;
	return true;
}

int vop_shell_mark(struct vop_shell *shell, uint32_t count, char *const *words)
{
	uint32_t number;

	if (count != 2 || !parse_number(words[1], &number)) {
		return vop_shell_usage(shell, words[0]);
	}
	shell->port->register_write(shell->port, VOP_STATS_MARKER, number);
	return 0;
}

int vop_shell_echo(struct vop_shell *shell, uint32_t count, char *const *words)
{
	for (uint32_t n = 1; n < count; n++) {
		vop_text_print(shell->out, "%s%s", n > 1 ? " " : "", words[n]);
	}
	vop_text_print(shell->out, "\n");
	return 0;
}

int vop_shell_help(struct vop_shell *shell, uint32_t count, char *const *words)
{
	(void)count;
	(void)words;
	for (const struct vop_shell_command *command = vop_shell_commands; command->name != NULL;
	     command++) {
		vop_text_print(shell->out, "%-7s%-17s%s\n", command->name, command->arguments,
			       command->help);
	}
	return 0;
}
