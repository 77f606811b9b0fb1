/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian numbers at any alignment: the one place where shared memory's byte order meets the
 * CPU's. Copies that the compiler expands, not shifts: the soft core shifts one bit per cycle.
 */
#ifndef VOP_BYTES_H
#define VOP_BYTES_H

#include <stdint.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VOP_LE16(value) (value)
#define VOP_LE32(value) (value)
#define VOP_LE64(value) (value)
#else
#define VOP_LE16(value) __builtin_bswap16(value)
#define VOP_LE32(value) __builtin_bswap32(value)
#define VOP_LE64(value) __builtin_bswap64(value)
#endif

static inline uint16_t vop_get_le16(const void *at)
{
	uint16_t value;

	__builtin_memcpy(&value, at, sizeof(value));
	return VOP_LE16(value);
}

static inline uint32_t vop_get_le32(const void *at)
{
	uint32_t value;

	__builtin_memcpy(&value, at, sizeof(value));
	return VOP_LE32(value);
}

static inline uint64_t vop_get_le64(const void *at)
{
	uint64_t value;

	__builtin_memcpy(&value, at, sizeof(value));
	return VOP_LE64(value);
}

static inline void vop_put_le16(void *at, uint16_t value)
{
	value = VOP_LE16(value);
	__builtin_memcpy(at, &value, sizeof(value));
}

static inline void vop_put_le32(void *at, uint32_t value)
{
	value = VOP_LE32(value);
	__builtin_memcpy(at, &value, sizeof(value));
}

static inline void vop_put_le64(void *at, uint64_t value)
{
	value = VOP_LE64(value);
	__builtin_memcpy(at, &value, sizeof(value));
}

#endif /* VOP_BYTES_H */
