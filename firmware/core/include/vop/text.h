/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text without a C library: lengths, comparison and a small printf.
 *
 * Formats: %s %c %d %u %x and %%, with `ll`, a width, `-` and `0`. %.*s prints a counted string.
 * Everything else prints as it stands.
 */
#ifndef VOP_TEXT_H
#define VOP_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Where text goes. `write` takes `count` bytes, which need not end in zero. */
struct vop_text_sink {
	void (*write)(struct vop_text_sink *sink, const char *text, uint32_t count);
};

uint32_t vop_text_length(const char *text);
bool vop_text_equal(const char *a, const char *b);

/* Copy as much as fits, always ended by zero. Returns whether it was all. `size` is at least 1. */
bool vop_text_copy(char *to, uint32_t size, const char *from, uint32_t count);

void vop_text_format(struct vop_text_sink *sink, const char *format, va_list arguments);
void vop_text_print(struct vop_text_sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Format into `to`, cut to `size` and ended by zero. Returns the length that was written. */
uint32_t vop_text_format_to(char *to, uint32_t size, const char *format, va_list arguments);

#endif /* VOP_TEXT_H */
