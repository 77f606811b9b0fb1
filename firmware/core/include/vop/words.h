/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits a command line into commands and words, as a POSIX shell quotes: '...' keeps everything,
 * "..." keeps everything but \" and \\, a backslash keeps the next character, ';' parts commands.
 *
 * Ref: POSIX.1-2017, Shell Command Language, 2.2 (quoting); no expansion of any kind.
 */
#ifndef VOP_WORDS_H
#define VOP_WORDS_H

#include <stdint.h>

#include "config.h"

enum vop_words_fault {
	VOP_WORDS_OPEN_QUOTE = -1,
	VOP_WORDS_OPEN_BACKSLASH = -2,
	VOP_WORDS_TOO_MANY = -3,
};

struct vop_words {
	char *at;   /* what is left of the line; NULL at its end */
	uint32_t count;
	char *word[VOP_CONFIG_WORDS];
};

/* Start with a line ended by zero; it is changed in place, and the words point into it. */
void vop_words_init(struct vop_words *words, char *line);

/*
 * The next command's words. Returns 1; 0 at the end of the line; or a fault, after which there is
 * nothing more. A command may have no word.
 */
int vop_words_next(struct vop_words *words);

#endif /* VOP_WORDS_H */
