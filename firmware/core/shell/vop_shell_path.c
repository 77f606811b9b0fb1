/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and names of the shell: cleaning what was typed, printing what the host sent. */

#include <stddef.h>
#include <string.h>

#include "vop_shell_internal.h"

/* Drop the last name of a path of `length` bytes; returns its new length. */
static uint32_t drop_name(const char *path, uint32_t length)
{
	while (length > 0 && path[length - 1] != '/') {
		length--;
	}
	return length > 0 ? length - 1 : 0;
}

static uint32_t name_length(const char *at)
{
	uint32_t length = 0;

	while (at[length] != '\0' && at[length] != '/') {
		length++;
	}
	return length;
}

int vop_shell_path(char *to, const char *argument)
{
	uint32_t length = 0;

	if (*argument == '\0') {
		return VOP_ENOENT;
	}
	while (*argument != '\0') {
		uint32_t bytes = name_length(argument);

		if (bytes > VOP_9P_NAME_MAX) {
			return VOP_ENAMETOOLONG;
		}
		if (bytes == 2 && argument[0] == '.' && argument[1] == '.') {
			length = drop_name(to, length);
		} else if (bytes != 0 && !(bytes == 1 && argument[0] == '.')) {
			if (length + 1 + bytes >= VOP_CONFIG_PATH_BYTES) {
				return VOP_ENAMETOOLONG;
			}
			to[length] = '/';
			memcpy(to + length + 1, argument, bytes);
			length += 1 + bytes;
		}
		argument += bytes;
		argument += *argument == '/';
	}
	if (length == 0) {
		to[length++] = '/';
	}
	to[length] = '\0';
	return 0;
}

bool vop_shell_path_join(char *path, const char *name)
{
	uint32_t length = vop_text_length(path);
	uint32_t bytes = vop_text_length(name);

	if (length == 1) {
		length = 0;
	}
	if (length + 1 + bytes >= VOP_CONFIG_PATH_BYTES) {
		return false;
	}
	path[length] = '/';
	memcpy(path + length + 1, name, bytes + 1);
	return true;
}

const char *vop_shell_path_name(const char *path)
{
	const char *name = path;

	for (; *path != '\0'; path++) {
		if (*path == '/') {
			name = path + 1;
		}
	}
	return name;
}

/* Bytes of the control character at `at`: C0, DEL, or C1 as UTF-8 has it; 0 if there is none. */
static uint32_t control_bytes(const char *at)
{
	if ((unsigned char)*at < ' ' || *at == 0x7f) {
		return 1;
	}
	return (unsigned char)at[0] == 0xc2 && ((unsigned char)at[1] & 0xe0) == 0x80 ? 2 : 0;
}

void vop_shell_put_name(struct vop_shell *shell, const char *name)
{
	const char *plain = name;

	while (*name != '\0') {
		uint32_t bytes = control_bytes(name);

		if (bytes == 0) {
			name++;
			continue;
		}
		shell->out->write(shell->out, plain, (uint32_t)(name - plain));
		shell->out->write(shell->out, "?", 1);
		name += bytes;
		plain = name;
	}
	shell->out->write(shell->out, plain, (uint32_t)(name - plain));
}
