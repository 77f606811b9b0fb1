/* SPDX-License-Identifier: Apache-2.0 */
/* Text without a C library: lengths, comparison and a small printf. */

#include "vop/text.h"

#include <stddef.h>
#include <string.h>

/* Digits of 2^64 - 1 in decimal. */
#define DIGITS_MAX 20

struct conversion {
	char pad;
	bool left;
	bool wide; /* 64 bits */
	uint32_t width;
	uint32_t precision; /* for %s; UINT32_MAX: none */
};

uint32_t vop_text_length(const char *text)
{
	uint32_t length = 0;

	while (text[length] != '\0') {
		length++;
	}
	return length;
}

bool vop_text_equal(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return *a == *b;
}

bool vop_text_copy(char *to, uint32_t size, const char *from, uint32_t count)
{
	uint32_t fits = count < size ? count : size - 1;

	memcpy(to, from, fits);
	to[fits] = '\0';
	return fits == count;
}

static void put_padding(struct vop_text_sink *sink, char pad, uint32_t width, uint32_t length)
{
	for (; length < width; length++) {
		sink->write(sink, &pad, 1);
	}
}

static void put_text(struct vop_text_sink *sink, const struct conversion *how, const char *text,
		     uint32_t length)
{
	if (!how->left) {
		put_padding(sink, how->pad, how->width, length);
	}
	sink->write(sink, text, length);
	if (how->left) {
		put_padding(sink, ' ', how->width, length);
	}
}

static void put_number(struct vop_text_sink *sink, const struct conversion *how, uint64_t value,
		       uint32_t base, bool negative)
{
	static const char digit[] = "0123456789abcdef";
	char digits[DIGITS_MAX + 1];
	uint32_t at = sizeof(digits);
	uint32_t low;

	/* The core divides 32 bits by itself; 64 are a call of the compiler's library, and slow. */
	for (; value > UINT32_MAX; value /= base) {
		digits[--at] = digit[value % base];
	}
	low = (uint32_t)value;
	do {
		digits[--at] = digit[low % base];
		low /= base;
	} while (low != 0);
	if (negative) {
		digits[--at] = '-';
	}
	put_text(sink, how, &digits[at], (uint32_t)sizeof(digits) - at);
}

static const char *parse_conversion(const char *format, struct conversion *how, va_list *arguments)
{
	*how = (struct conversion){ .pad = ' ', .precision = UINT32_MAX };
	for (; *format == '-' || *format == '0'; format++) {
		if (*format == '-') {
			how->left = true;
		} else {
			how->pad = '0';
		}
	}
	for (; *format >= '0' && *format <= '9'; format++) {
		how->width = how->width * 10 + (uint32_t)(*format - '0');
	}
	if (format[0] == '.' && format[1] == '*') {
		how->precision = (uint32_t)va_arg(*arguments, int);
		format += 2;
	}
	for (; *format == 'l'; format++) {
		how->wide = format[1] == 'l' || how->wide;
	}
	return format;
}

static void put_string(struct vop_text_sink *sink, const struct conversion *how, const char *text)
{
	uint32_t length = 0;

	while (length < how->precision && text[length] != '\0') {
		length++;
	}
	put_text(sink, how, text, length);
}

static void put_conversion(struct vop_text_sink *sink, char which, const struct conversion *how,
			   va_list *arguments)
{
	int64_t number;
	char character;

	switch (which) {
	case 's':
		put_string(sink, how, va_arg(*arguments, const char *));
		break;
	case 'c':
		character = (char)va_arg(*arguments, int);
		put_text(sink, how, &character, 1);
		break;
	case 'd':
		number = how->wide ? va_arg(*arguments, long long) : va_arg(*arguments, int);
		put_number(sink, how, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10,
			   number < 0);
		break;
	case 'u':
	case 'x':
		put_number(sink, how,
			   how->wide ? va_arg(*arguments, unsigned long long)
				     : va_arg(*arguments, unsigned int),
			   which == 'x' ? 16 : 10, false);
		break;
	default:
		sink->write(sink, &which, 1);
	}
}

void vop_text_format(struct vop_text_sink *sink, const char *format, va_list arguments)
{
	struct conversion how;
	const char *plain;
	va_list rest;

	va_copy(rest, arguments);
	while (*format != '\0') {
		for (plain = format; *format != '\0' && *format != '%'; format++) {
		}
		if (format != plain) {
			sink->write(sink, plain, (uint32_t)(format - plain));
		}
		if (*format == '\0') {
			break;
		}
		format = parse_conversion(format + 1, &how, &rest);
		if (*format == '\0') {
			break;
		}
		put_conversion(sink, *format++, &how, &rest);
	}
	va_end(rest);
}

void vop_text_print(struct vop_text_sink *sink, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vop_text_format(sink, format, arguments);
	va_end(arguments);
}

struct buffer_sink {
	struct vop_text_sink sink; /* first: the callback casts back */
	char *to;
	uint32_t size;
	uint32_t length;
};

static void buffer_write(struct vop_text_sink *sink, const char *text, uint32_t count)
{
	struct buffer_sink *buffer = (struct buffer_sink *)sink;
	uint32_t space = buffer->size - 1 - buffer->length;

	if (count > space) {
		count = space;
	}
	memcpy(buffer->to + buffer->length, text, count);
	buffer->length += count;
}

uint32_t vop_text_format_to(char *to, uint32_t size, const char *format, va_list arguments)
{
	struct buffer_sink buffer = { .sink = { .write = buffer_write }, .to = to, .size = size };

	vop_text_format(&buffer.sink, format, arguments);
	to[buffer.length] = '\0';
	return buffer.length;
}
