/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compiler and the core want of a C library, word by word where alignment allows: each
 * access of the soft core costs the same whatever its width.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint32_t)

static int is_aligned(const void *at)
{
	return ((uintptr_t)at & (WORD - 1)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
	uint8_t *to_byte = to;
	const uint8_t *from_byte = from;

	if (is_aligned(to) && is_aligned(from)) {
		uint32_t *to_word = to;
		const uint32_t *from_word = from;

		for (; count >= WORD; count -= WORD) {
			*to_word++ = *from_word++;
		}
		to_byte = (uint8_t *)to_word;
		from_byte = (const uint8_t *)from_word;
	}
	while (count-- > 0) {
		*to_byte++ = *from_byte++;
	}
	return to;
}

void *memset(void *to, int value, size_t count)
{
	uint8_t *to_byte = to;
	uint32_t word = (uint8_t)value * 0x01010101u;

	for (; count > 0 && !is_aligned(to_byte); count--) {
		*to_byte++ = (uint8_t)value;
	}
	for (; count >= WORD; count -= WORD) {
		*(uint32_t *)(void *)to_byte = word;
		to_byte += WORD;
	}
	while (count-- > 0) {
		*to_byte++ = (uint8_t)value;
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
	const uint8_t *a_byte = a;
	const uint8_t *b_byte = b;

	for (; count > 0; count--, a_byte++, b_byte++) {
		if (*a_byte != *b_byte) {
			return *a_byte - *b_byte;
		}
	}
	return 0;
}
