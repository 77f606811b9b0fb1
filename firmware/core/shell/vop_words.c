/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a command line into commands and words, as a POSIX shell quotes. */

#include "vop/words.h"

#include <stddef.h>

void vop_words_init(struct vop_words *words, char *line)
{
	*words = (struct vop_words){ .at = line };
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t') {
		at++;
	}
	return at;
}

/* Unquote one word from `in` to `*out`; returns where it ends, or NULL and the fault. */
static char *unquote(char *in, char **out, enum vop_words_fault *fault)
{
	char *to = *out;
	char quote = '\0';

	for (; *in != '\0'; in++) {
		if (quote == '\0' && (*in == ' ' || *in == '\t' || *in == ';')) {
			break;
		}
		if (*in == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*in == '\'' || *in == '"')) {
			quote = *in;
		} else if (*in == '\\' && quote != '\'' &&
			   (quote == '\0' || in[1] == '"' || in[1] == '\\')) {
			in++;
			if (*in == '\0') {
				*fault = VOP_WORDS_OPEN_BACKSLASH;
				return NULL;
			}
			*to++ = *in;
		} else {
			*to++ = *in;
		}
	}
	if (quote != '\0') {
		*fault = VOP_WORDS_OPEN_QUOTE;
		return NULL;
	}
	*out = to;
	return in;
}

int vop_words_next(struct vop_words *words)
{
	enum vop_words_fault fault;
	char *at = words->at;
	char stopped_at;

	words->count = 0;
	if (at == NULL) {
		return 0;
	}
	words->at = NULL;
	for (;;) {
		char *end;

		at += skip_blanks(at) - at;
		if (*at == '\0' || *at == ';') {
			stopped_at = *at;
			break;
		}
		if (words->count == VOP_CONFIG_WORDS) {
			return VOP_WORDS_TOO_MANY;
		}
		words->word[words->count] = at;
		end = at;
		at = unquote(at, &end, &fault);
		if (at == NULL) {
			return fault;
		}
		words->count++;
		/* The end of the word may be where the separator stands: look before writing. */
		stopped_at = *at;
		*end = '\0';
		if (stopped_at == '\0' || stopped_at == ';') {
			break;
		}
		at++;
	}
	words->at = stopped_at == ';' ? at + 1 : NULL;
	return 1;
}
