/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card shell: runs one command, or a line of them, over a vop_fs.
 *
 * A command's status is a Linux errno number, 0 for success. Failures are told as
 * "cp: /host/none: ENOENT: no such file or directory". Output ends its lines with '\n'; a terminal
 * (terminal.h) makes "\r\n" of it.
 *
 * Running a command blocks as long as its file operations do.
 */
#ifndef VOP_SHELL_H
#define VOP_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "fs.h"
#include "log.h"
#include "port.h"
#include "text.h"

struct vop_shell {
	struct vop_text_sink *out;
	struct vop_fs *fs;
	struct vop_port *port;     /* for `stats`, `mark`; only registers are used */
	const struct vop_log *log; /* for `dmesg`; NULL where the platform has its own */
	/* Card RAM through which files are copied; 4096-byte aligned. */
	uint8_t *payload;
	uint32_t payload_bytes;
	/* Asked between two blocks: whether the running command must stop. NULL: never. */
	bool (*is_interrupted)(struct vop_shell *shell);
	/* Paths of the command that runs. */
	char path[2][VOP_CONFIG_PATH_BYTES];
	bool crc_ready;
	uint32_t crc_tables[4][256];
};

/* A command, and what `help` says of it. */
struct vop_shell_command {
	const char *name;
	const char *arguments;
	const char *help;
	/* words[0] is the command; returns its status. */
	int (*run)(struct vop_shell *shell, uint32_t count, char *const *words);
};

/* Every command of the shell; ended by one without name. */
extern const struct vop_shell_command vop_shell_commands[];

/* Fill in `out` and the rest before; this clears what the shell owns. */
void vop_shell_init(struct vop_shell *shell);

/* Run one command; returns its status. An unknown one: VOP_ENOSYS. */
int vop_shell_run(struct vop_shell *shell, uint32_t count, char *const *words);

/* Told before and after each command of a line; either may be NULL. */
struct vop_shell_observer {
	void (*before)(struct vop_shell_observer *observer);
	void (*after)(struct vop_shell_observer *observer, int status);
};

/*
 * Run the commands of a line, parted by ';'. The line is changed. Returns the status of the last
 * one; a line that cannot be parsed ends there with VOP_EINVAL.
 */
int vop_shell_run_line(struct vop_shell *shell, char *line, struct vop_shell_observer *observer);

#endif /* VOP_SHELL_H */
