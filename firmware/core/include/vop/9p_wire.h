/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L on the wire: message types, cursors that encode and decode. No I/O.
 *
 * A cursor never touches memory past its end. The first step that does not fit marks it bad; from
 * then on writes do nothing and reads return zero, so that a caller checks once, at the end.
 *
 * Ref: github.com/chaos/diod, protocol.md; Linux, include/net/9p/9p.h.
 */
#ifndef VOP_9P_WIRE_H
#define VOP_9P_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* Requests; each reply is its request + 1. */
enum vop_9p_type {
	VOP_9P_RLERROR = 7,
	VOP_9P_TSTATFS = 8,
	VOP_9P_TLOPEN = 12,
	VOP_9P_TLCREATE = 14,
	VOP_9P_TRENAME = 20,
	VOP_9P_TGETATTR = 24,
	VOP_9P_TSETATTR = 26,
	VOP_9P_TREADDIR = 40,
	VOP_9P_TFSYNC = 50,
	VOP_9P_TMKDIR = 72,
	VOP_9P_TRENAMEAT = 74,
	VOP_9P_TUNLINKAT = 76,
	VOP_9P_TVERSION = 100,
	VOP_9P_TATTACH = 104,
	VOP_9P_TWALK = 110,
	VOP_9P_TREAD = 116,
	VOP_9P_TWRITE = 118,
	VOP_9P_TCLUNK = 120,
	VOP_9P_TREMOVE = 122,
};

#define VOP_9P_NO_TAG 0xffffu
#define VOP_9P_NO_FID 0xffffffffu

/* size[4] type[1] tag[2] */
#define VOP_9P_HEADER_BYTES 7
/* Rread and Rreaddir before their data: header, count[4]. An Rlerror is just as long. */
#define VOP_9P_READ_HEAD_BYTES 11
/* Twrite before its data: header, fid[4], offset[8], count[4]. */
#define VOP_9P_WRITE_HEAD_BYTES 23
/* What a message may need besides its payload; P9_IOHDRSZ of Linux. */
#define VOP_9P_OVERHEAD_BYTES 24
/* Names in one Twalk. */
#define VOP_9P_WALK_MAX 16
/* Longest name, in bytes, as Linux has it. */
#define VOP_9P_NAME_MAX 255

#define VOP_9P_QTDIR 0x80

struct vop_9p_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

struct vop_9p_writer {
	uint8_t *at;
	uint8_t *end;
	bool bad;
};

struct vop_9p_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

void vop_9p_put_u8(struct vop_9p_writer *writer, uint8_t value);
void vop_9p_put_u16(struct vop_9p_writer *writer, uint16_t value);
void vop_9p_put_u32(struct vop_9p_writer *writer, uint32_t value);
void vop_9p_put_u64(struct vop_9p_writer *writer, uint64_t value);
/* length[2] and the bytes; bad above 65535. */
void vop_9p_put_string(struct vop_9p_writer *writer, const char *text, uint32_t count);

uint8_t vop_9p_get_u8(struct vop_9p_reader *reader);
uint16_t vop_9p_get_u16(struct vop_9p_reader *reader);
uint32_t vop_9p_get_u32(struct vop_9p_reader *reader);
uint64_t vop_9p_get_u64(struct vop_9p_reader *reader);
/* Points into the message; not ended by zero. NULL and 0 when bad. */
const char *vop_9p_get_string(struct vop_9p_reader *reader, uint32_t *count);
struct vop_9p_qid vop_9p_get_qid(struct vop_9p_reader *reader);

/* One entry of an Rreaddir. */
struct vop_9p_dirent {
	struct vop_9p_qid qid;
	uint64_t next; /* offset that continues behind it */
	uint8_t type;  /* DT_* of Linux */
	const char *name;
	uint32_t name_bytes;
};

/*
 * Decode the next entry. Returns 1; 0 at the end; VOP_E_MALFORMED for an entry that is cut off, or
 * whose name is empty, longer than VOP_9P_NAME_MAX, or holds a zero or a slash.
 */
int vop_9p_get_dirent(struct vop_9p_reader *reader, struct vop_9p_dirent *entry);

#endif /* VOP_9P_WIRE_H */
