/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card shell at a terminal: echo, line editing, prompt, and the marks that tools look for.
 *
 * Editing: backspace (a whole UTF-8 character), ^U drops the line, ^C drops it and starts anew.
 * Marks are OSC 133 semantic prompts, which terminals hide: ESC ]133;A BEL before the prompt,
 * ESC ]133;C BEL before a command's output, ESC ]133;D;<status> BEL behind it; one pair of C and D
 * per command of the line.
 *
 * Ref: gitlab.freedesktop.org/Per_Bothner/specifications, semantic-prompts.
 */
#ifndef VOP_TERMINAL_H
#define VOP_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "shell.h"
#include "text.h"

enum vop_terminal_escape {
	VOP_TERMINAL_TEXT,
	VOP_TERMINAL_ESCAPE,  /* behind ESC */
	VOP_TERMINAL_CONTROL, /* within a control sequence */
};

struct vop_terminal {
	struct vop_text_sink sink; /* first: the shell's output; '\n' becomes "\r\n" */
	struct vop_shell_observer observer;
	struct vop_shell *shell;
	/* Where bytes for the terminal go, and how to send what was kept back. */
	void (*send)(struct vop_terminal *terminal, const char *bytes, uint32_t count);
	void (*flush)(struct vop_terminal *terminal);
	enum vop_terminal_escape escape;
	bool after_return; /* the next '\n' belongs to a "\r\n" */
	bool too_long;     /* the line lost bytes */
	uint32_t length;
	char line[VOP_CONFIG_LINE_BYTES];
};

/* Fill in `shell`, `send` and `flush` before; sets shell->out. */
void vop_terminal_init(struct vop_terminal *terminal);

/* Greet, and prompt for the first line. */
void vop_terminal_start(struct vop_terminal *terminal, const char *greeting);

/* Take typed bytes; runs a command when its line ends, and so blocks as long as it does. */
void vop_terminal_feed(struct vop_terminal *terminal, const char *bytes, uint32_t count);

#endif /* VOP_TERMINAL_H */
