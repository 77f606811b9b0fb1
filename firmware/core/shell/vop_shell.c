/* SPDX-License-Identifier: Apache-2.0 */
/* The card shell: its table of commands, how one is run, and the form of an error. */

#include "vop/shell.h"

#include <stddef.h>

#include "vop/words.h"
#include "vop_shell_internal.h"

const struct vop_shell_command vop_shell_commands[] = {
	{ "ls", "[-l] [PATH...]", "list directories", vop_shell_ls },
	{ "cat", "FILE...", "print files", vop_shell_cat },
	{ "cp", "FILE... TO", "copy files", vop_shell_cp },
	{ "mv", "FROM... TO", "rename within a share", vop_shell_mv },
	{ "rm", "[-d] FILE...", "remove files; -d: empty directories", vop_shell_rm },
	{ "mkdir", "[-p] PATH...", "make directories", vop_shell_mkdir },
	{ "stat", "PATH...", "show what a file is", vop_shell_stat },
	{ "crc32", "FILE...", "checksum, size and name", vop_shell_crc32 },
	{ "df", "", "space on each share", vop_shell_df },
	{ "mounts", "", "list the shares", vop_shell_mounts },
	{ "dmesg", "", "print the card's log", vop_shell_dmesg },
	{ "stats", "", "print the card's counters", vop_shell_stats },
	{ "mark", "NUMBER", "write the marker register", vop_shell_mark },
	{ "echo", "[WORD...]", "print words", vop_shell_echo },
	{ "help", "", "this list", vop_shell_help },
	{ NULL, NULL, NULL, NULL },
};

void vop_shell_init(struct vop_shell *shell)
{
	shell->crc_ready = false;
}

int vop_shell_fail(struct vop_shell *shell, const char *command, const char *what, int error)
{
	const char *name = vop_errno_name((uint32_t)error);

	vop_text_print(shell->out, "%s: ", command);
	vop_shell_put_name(shell, what);
	if (name == NULL) {
		vop_text_print(shell->out, ": error %d: %s\n", error,
			       vop_errno_message((uint32_t)error));
	} else {
		vop_text_print(shell->out, ": %s: %s\n", name, vop_errno_message((uint32_t)error));
	}
	return error;
}

static const struct vop_shell_command *find_command(const char *name)
{
	for (const struct vop_shell_command *command = vop_shell_commands; command->name != NULL;
	     command++) {
		if (vop_text_equal(command->name, name)) {
			return command;
		}
	}
	return NULL;
}

int vop_shell_usage(struct vop_shell *shell, const char *command)
{
	const struct vop_shell_command *found = find_command(command);

	vop_text_print(shell->out, "%s: EINVAL: use: %s %s\n", command, command,
		       found == NULL ? "" : found->arguments);
	return VOP_EINVAL;
}

bool vop_shell_is_interrupted(struct vop_shell *shell)
{
	return shell->is_interrupted != NULL && shell->is_interrupted(shell);
}

int vop_shell_run(struct vop_shell *shell, uint32_t count, char *const *words)
{
	const struct vop_shell_command *command;

	if (count == 0) {
		return 0;
	}
	command = find_command(words[0]);
	if (command == NULL) {
		vop_shell_put_name(shell, words[0]);
		vop_text_print(shell->out, ": ENOSYS: no such command, see help\n");
		return VOP_ENOSYS;
	}
	return command->run(shell, count, words);
}

static const char *fault_text(int fault)
{
	switch (fault) {
	case VOP_WORDS_OPEN_QUOTE:
		return "a quote is not closed";
	case VOP_WORDS_OPEN_BACKSLASH:
		return "nothing follows the last backslash";
	default:
		return "too many words";
	}
}

int vop_shell_run_line(struct vop_shell *shell, char *line, struct vop_shell_observer *observer)
{
	struct vop_words words;
	int status = 0;
	int result;

	vop_words_init(&words, line);
	while ((result = vop_words_next(&words)) != 0) {
		if (result > 0 && words.count == 0) {
			continue;
		}
		if (observer->before != NULL) {
			observer->before(observer);
		}
		if (result > 0) {
			status = vop_shell_run(shell, words.count, words.word);
		} else {
			vop_text_print(shell->out, "card: EINVAL: %s\n", fault_text(result));
			status = VOP_EINVAL;
		}
		if (observer->after != NULL) {
			observer->after(observer, status);
		}
		if (result < 0) {
			break;
		}
	}
	return status;
}
