/* SPDX-License-Identifier: Apache-2.0 */
/* 9P2000.L on the wire: cursors that encode and decode. No I/O. */

#include "vop/9p_wire.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"
#include "vop/result.h"

/* The next `count` bytes to write, or NULL. */
static uint8_t *claim(struct vop_9p_writer *writer, uint32_t count)
{
	uint8_t *at = writer->at;

	if (writer->bad || count > (uint32_t)(writer->end - at)) {
		writer->bad = true;
		return NULL;
	}
	writer->at = at + count;
	return at;
}

void vop_9p_put_u8(struct vop_9p_writer *writer, uint8_t value)
{
	uint8_t *at = claim(writer, sizeof(value));

	if (at != NULL) {
		*at = value;
	}
}

void vop_9p_put_u16(struct vop_9p_writer *writer, uint16_t value)
{
	uint8_t *at = claim(writer, sizeof(value));

	if (at != NULL) {
		vop_put_le16(at, value);
	}
}

void vop_9p_put_u32(struct vop_9p_writer *writer, uint32_t value)
{
	uint8_t *at = claim(writer, sizeof(value));

	if (at != NULL) {
		vop_put_le32(at, value);
	}
}

void vop_9p_put_u64(struct vop_9p_writer *writer, uint64_t value)
{
	uint8_t *at = claim(writer, sizeof(value));

	if (at != NULL) {
		vop_put_le64(at, value);
	}
}

void vop_9p_put_string(struct vop_9p_writer *writer, const char *text, uint32_t count)
{
	uint8_t *at;

	if (count > UINT16_MAX) {
		writer->bad = true;
		return;
	}
	vop_9p_put_u16(writer, (uint16_t)count);
	at = claim(writer, count);
	if (at != NULL) {
		memcpy(at, text, count);
	}
}

/* The next `count` bytes to read, or NULL. */
static const uint8_t *take(struct vop_9p_reader *reader, uint32_t count)
{
	const uint8_t *at = reader->at;

	if (reader->bad || count > (uint32_t)(reader->end - at)) {
		reader->bad = true;
		return NULL;
	}
	reader->at = at + count;
	return at;
}

uint8_t vop_9p_get_u8(struct vop_9p_reader *reader)
{
	const uint8_t *at = take(reader, sizeof(uint8_t));

	return at == NULL ? 0 : *at;
}

uint16_t vop_9p_get_u16(struct vop_9p_reader *reader)
{
	const uint8_t *at = take(reader, sizeof(uint16_t));

	return at == NULL ? 0 : vop_get_le16(at);
}

uint32_t vop_9p_get_u32(struct vop_9p_reader *reader)
{
	const uint8_t *at = take(reader, sizeof(uint32_t));

	return at == NULL ? 0 : vop_get_le32(at);
}

uint64_t vop_9p_get_u64(struct vop_9p_reader *reader)
{
	const uint8_t *at = take(reader, sizeof(uint64_t));

	return at == NULL ? 0 : vop_get_le64(at);
}

const char *vop_9p_get_string(struct vop_9p_reader *reader, uint32_t *count)
{
	const uint8_t *at;

	*count = vop_9p_get_u16(reader);
	at = take(reader, *count);
	if (at == NULL) {
		*count = 0;
	}
	return (const char *)at;
}

struct vop_9p_qid vop_9p_get_qid(struct vop_9p_reader *reader)
{
	struct vop_9p_qid qid;

	qid.type = vop_9p_get_u8(reader);
	qid.version = vop_9p_get_u32(reader);
	qid.path = vop_9p_get_u64(reader);
	return qid;
}

static bool is_name(const char *name, uint32_t bytes)
{
	if (bytes == 0 || bytes > VOP_9P_NAME_MAX) {
		return false;
	}
	for (uint32_t n = 0; n < bytes; n++) {
		if (name[n] == '\0' || name[n] == '/') {
			return false;
		}
	}
	return true;
}

int vop_9p_get_dirent(struct vop_9p_reader *reader, struct vop_9p_dirent *entry)
{
	if (reader->bad) {
		return VOP_E_MALFORMED;
	}
	if (reader->at == reader->end) {
		return 0;
	}
	entry->qid = vop_9p_get_qid(reader);
	entry->next = vop_9p_get_u64(reader);
	entry->type = vop_9p_get_u8(reader);
	entry->name = vop_9p_get_string(reader, &entry->name_bytes);
	if (reader->bad || !is_name(entry->name, entry->name_bytes)) {
		reader->bad = true;
		return VOP_E_MALFORMED;
	}
	return 1;
}
