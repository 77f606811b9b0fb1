/* SPDX-License-Identifier: Apache-2.0 */
/* The three functions of <string.h> that the core may use; memory.c has them. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#endif /* STRING_H */
