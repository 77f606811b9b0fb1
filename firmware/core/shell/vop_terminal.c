/* SPDX-License-Identifier: Apache-2.0 */
/* The card shell at a terminal: echo, line editing, prompt, OSC 133 marks. */

#include "vop/terminal.h"

#include <stddef.h>

#include "vop/errno.h"

#define CONTROL_C 0x03
#define BACKSPACE 0x08
#define CONTROL_U 0x15
#define ESCAPE    0x1b
#define DELETE    0x7f

#define OSC_133 "\033]133;"
#define BEL "\007"

static struct vop_terminal *of_sink(struct vop_text_sink *sink)
{
	return (struct vop_terminal *)sink;
}

static struct vop_terminal *of_observer(struct vop_shell_observer *observer)
{
	return (struct vop_terminal *)((uintptr_t)observer -
				       offsetof(struct vop_terminal, observer));
}

/* Output of the shell: a line feed alone would leave the cursor in its column. */
static void write_lines(struct vop_text_sink *sink, const char *text, uint32_t count)
{
	struct vop_terminal *terminal = of_sink(sink);
	uint32_t start = 0;

	for (uint32_t n = 0; n < count; n++) {
		if (text[n] == '\n') {
			terminal->send(terminal, text + start, n - start);
			terminal->send(terminal, "\r\n", 2);
			start = n + 1;
		}
	}
	terminal->send(terminal, text + start, count - start);
}

static void before_command(struct vop_shell_observer *observer)
{
	vop_text_print(&of_observer(observer)->sink, OSC_133 "C" BEL);
}

static void after_command(struct vop_shell_observer *observer, int status)
{
	vop_text_print(&of_observer(observer)->sink, OSC_133 "D;%d" BEL, status);
}

void vop_terminal_init(struct vop_terminal *terminal)
{
	terminal->sink.write = write_lines;
	terminal->observer.before = before_command;
	terminal->observer.after = after_command;
	terminal->shell->out = &terminal->sink;
	terminal->escape = VOP_TERMINAL_TEXT;
	terminal->after_return = false;
	terminal->too_long = false;
	terminal->length = 0;
}

static void prompt(struct vop_terminal *terminal)
{
	terminal->length = 0;
	terminal->too_long = false;
	vop_text_print(&terminal->sink, OSC_133 "A" BEL "card:/> ");
	terminal->flush(terminal);
}

void vop_terminal_start(struct vop_terminal *terminal, const char *greeting)
{
	vop_text_print(&terminal->sink, "\n%s\n", greeting);
	prompt(terminal);
}

static void run_line(struct vop_terminal *terminal)
{
	vop_text_print(&terminal->sink, "\n");
	if (terminal->too_long) {
		before_command(&terminal->observer);
		vop_text_print(&terminal->sink, "card: E2BIG: a line holds at most %u bytes\n",
			       VOP_CONFIG_LINE_BYTES - 1);
		after_command(&terminal->observer, VOP_E2BIG);
	} else {
		terminal->line[terminal->length] = '\0';
		(void)vop_shell_run_line(terminal->shell, terminal->line, &terminal->observer);
	}
	prompt(terminal);
}

/* Whether a byte continues a UTF-8 character. */
static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static void erase_character(struct vop_terminal *terminal)
{
	if (terminal->length == 0) {
		return;
	}
	do {
		terminal->length--;
	} while (terminal->length > 0 && is_continuation(terminal->line[terminal->length]));
	vop_text_print(&terminal->sink, "\b \b");
}

static void add_character(struct vop_terminal *terminal, char byte)
{
	if (terminal->length == VOP_CONFIG_LINE_BYTES - 1) {
		terminal->too_long = true;
		return;
	}
	terminal->line[terminal->length++] = byte;
	terminal->send(terminal, &byte, 1);
}

static void edit(struct vop_terminal *terminal, char byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		run_line(terminal);
		break;
	case BACKSPACE:
	case DELETE:
		erase_character(terminal);
		break;
	case CONTROL_U:
		while (terminal->length > 0) {
			erase_character(terminal);
		}
		terminal->too_long = false;
		break;
	case CONTROL_C:
		vop_text_print(&terminal->sink, "^C\n");
		prompt(terminal);
		break;
	case ESCAPE:
		terminal->escape = VOP_TERMINAL_ESCAPE;
		break;
	default:
		if ((unsigned char)byte >= ' ') {
			add_character(terminal, byte);
		}
	}
}

static void take(struct vop_terminal *terminal, char byte)
{
	switch (terminal->escape) {
	case VOP_TERMINAL_ESCAPE:
		/* Only control sequences are longer: arrow keys and the like. */
		terminal->escape = byte == '[' || byte == 'O' ? VOP_TERMINAL_CONTROL
							      : VOP_TERMINAL_TEXT;
		break;
	case VOP_TERMINAL_CONTROL:
		if (byte >= '@' && byte <= '~') {
			terminal->escape = VOP_TERMINAL_TEXT;
		}
		break;
	default:
		if (byte != '\n' || !terminal->after_return) {
			edit(terminal, byte);
		}
	}
	terminal->after_return = byte == '\r';
}

void vop_terminal_feed(struct vop_terminal *terminal, const char *bytes, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		take(terminal, bytes[n]);
	}
	terminal->flush(terminal);
}
