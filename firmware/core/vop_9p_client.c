/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L client: session, walk, open, read and write; one function per message.
 *
 * Payloads of reads, directory reads and writes are parts of their own, so that the host's copier
 * moves file data straight from or to the caller's buffer.
 */

#include "vop/9p_client.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"
#include "vop/errno.h"
#include "vop_9p_message.h"

#define GETATTR_BASIC 0x7ffu
#define DIALECT "9P2000.L"

_Static_assert(VOP_CONFIG_9P_FIDS >= 4 && VOP_CONFIG_9P_FIDS <= 32,
	       "VOP_CONFIG_9P_FIDS must be 4 to 32");
_Static_assert(VOP_CONFIG_9P_HEAD_BYTES >= 2 * (2 + VOP_9P_NAME_MAX) + 32,
	       "VOP_CONFIG_9P_HEAD_BYTES must hold a Trenameat");
_Static_assert(VOP_CONFIG_9P_PAYLOAD_BYTES % 4096 == 0 && VOP_CONFIG_9P_PAYLOAD_BYTES >= 32768,
	       "VOP_CONFIG_9P_PAYLOAD_BYTES must be a multiple of 4096, at least 32768");

static int negotiate(struct vop_9p_client *client)
{
	const uint32_t wanted = VOP_CONFIG_9P_PAYLOAD_BYTES + VOP_9P_OVERHEAD_BYTES;
	struct vop_9p_message message;
	const char *dialect;
	uint32_t dialect_bytes;
	uint32_t msize;
	int result;

	vop_9p_begin(&message, client, VOP_9P_TVERSION);
	vop_9p_put_u32(&message.out, wanted);
	vop_9p_put_string(&message.out, DIALECT, sizeof(DIALECT) - 1);
	result = vop_9p_call(&message);
	msize = vop_9p_get_u32(&message.in);
	dialect = vop_9p_get_string(&message.in, &dialect_bytes);
	result = vop_9p_finish(&message, result);
	if (result != VOP_OK) {
		return result;
	}
	if (dialect_bytes != sizeof(DIALECT) - 1 ||
	    memcmp(dialect, DIALECT, sizeof(DIALECT) - 1) != 0) {
		return VOP_E_VERSION;
	}
	/* Below a page the smallest read would be no progress; above what we asked it is a lie. */
	if (msize < 4096 + VOP_9P_OVERHEAD_BYTES || msize > wanted) {
		return VOP_E_MALFORMED;
	}
	client->msize = msize;
	return VOP_OK;
}

int vop_9p_start(struct vop_9p_client *client, struct vop_9p_transport *transport, uint32_t uid)
{
	struct vop_9p_message message;
	int result;

	memset(client, 0, sizeof(*client));
	client->transport = transport;
	result = negotiate(client);
	if (result != VOP_OK) {
		return result;
	}
	client->fids_used = 1u << VOP_9P_ROOT;
	vop_9p_begin(&message, client, VOP_9P_TATTACH);
	vop_9p_put_u32(&message.out, VOP_9P_ROOT);
	vop_9p_put_u32(&message.out, VOP_9P_NO_FID);
	vop_9p_put_string(&message.out, "", 0);
	vop_9p_put_string(&message.out, "", 0);
	vop_9p_put_u32(&message.out, uid);
	result = vop_9p_call(&message);
	(void)vop_9p_get_qid(&message.in);
	return vop_9p_finish(&message, result);
}

uint32_t vop_9p_io_bytes(const struct vop_9p_client *client, uint32_t iounit)
{
	uint32_t bytes = client->msize - VOP_9P_OVERHEAD_BYTES;

	if (iounit != 0 && iounit < bytes) {
		bytes = iounit;
	}
	/* Whole pages, so that file data stays aligned in the buffers of both sides. */
	return bytes < 4096 ? bytes : bytes & ~4095u;
}

/* Names of `path` from `at` on that fit one Twalk; appends them and moves `at` on. */
static int put_names(struct vop_9p_writer *writer, const char *path, uint32_t path_bytes,
		     uint32_t *at, uint16_t *names)
{
	uint8_t *count_at = writer->at;

	*names = 0;
	vop_9p_put_u16(writer, 0);
	while (*names < VOP_9P_WALK_MAX) {
		uint32_t start = *at;
		uint32_t end;

		while (start < path_bytes && path[start] == '/') {
			start++;
		}
		end = start;
		while (end < path_bytes && path[end] != '/') {
			end++;
		}
		if (end - start > VOP_9P_NAME_MAX) {
			return VOP_E_ARGUMENT;
		}
		if (end == start) {
			*at = path_bytes;
			break;
		}
		if (end - start + 2 > (uint32_t)(writer->end - writer->at)) {
			break;
		}
		vop_9p_put_string(writer, path + start, end - start);
		*at = end;
		(*names)++;
	}
	vop_put_le16(count_at, *names);
	return VOP_OK;
}

/* One Twalk; `at` moves on by the names it took. `is_made`: the server may hold `to` now. */
static int walk_some(struct vop_9p_client *client, uint32_t from, uint32_t to, const char *path,
		     uint32_t path_bytes, uint32_t *at, bool *is_made, struct vop_9p_qid *qid)
{
	struct vop_9p_message message;
	uint16_t names;
	uint16_t walked;
	int result;

	vop_9p_begin(&message, client, VOP_9P_TWALK);
	vop_9p_put_u32(&message.out, from);
	vop_9p_put_u32(&message.out, to);
	result = put_names(&message.out, path, path_bytes, at, &names);
	if (result != VOP_OK) {
		return result;
	}
	result = vop_9p_call(&message);
	if (result != VOP_OK) {
		return result;
	}
	*is_made = true;
	walked = vop_9p_get_u16(&message.in);
	if (walked > names) {
		return VOP_E_MALFORMED;
	}
	for (uint16_t n = 0; n < walked; n++) {
		*qid = vop_9p_get_qid(&message.in);
	}
	if (message.in.bad) {
		return VOP_E_MALFORMED;
	}
	if (walked < names) {
		/* A walk that stops midway says why by stopping, and where. */
		client->ecode = (qid->type & VOP_9P_QTDIR) != 0 ? VOP_ENOENT : VOP_ENOTDIR;
		return VOP_E_REFUSED;
	}
	return VOP_OK;
}

int vop_9p_walk(struct vop_9p_client *client, uint32_t from, const char *path,
		uint32_t path_bytes, uint32_t *fid, struct vop_9p_qid *qid)
{
	struct vop_9p_qid last = { .type = VOP_9P_QTDIR };
	uint32_t at = 0;
	bool is_made = false;
	int result = vop_9p_allocate_fid(client, fid);

	if (result != VOP_OK) {
		return result;
	}
	do {
		result = walk_some(client, is_made ? *fid : from, *fid, path, path_bytes, &at,
				   &is_made, &last);
	} while (result == VOP_OK && at < path_bytes);
	if (qid != NULL) {
		*qid = last;
	}
	if (result == VOP_OK) {
		return VOP_OK;
	}
	/* A walk that stopped midway makes no fid; diod 1.0 keeps one all the same. */
	if (is_made) {
		uint32_t ecode = client->ecode;

		(void)vop_9p_clunk(client, *fid);
		client->ecode = ecode;
	} else {
		vop_9p_free_fid(client, *fid);
	}
	return result;
}

static int open_reply(struct vop_9p_message *message, uint32_t *iounit)
{
	int result = vop_9p_call(message);

	(void)vop_9p_get_qid(&message->in);
	*iounit = vop_9p_get_u32(&message->in);
	return vop_9p_finish(message, result);
}

int vop_9p_lopen(struct vop_9p_client *client, uint32_t fid, uint32_t flags, uint32_t *iounit)
{
	struct vop_9p_message message;

	vop_9p_begin(&message, client, VOP_9P_TLOPEN);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, flags);
	return open_reply(&message, iounit);
}

int vop_9p_lcreate(struct vop_9p_client *client, uint32_t fid, const char *name,
		   uint32_t name_bytes, uint32_t flags, uint32_t mode, uint32_t *iounit)
{
	struct vop_9p_message message;

	if (!vop_9p_is_name_length(name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	vop_9p_begin(&message, client, VOP_9P_TLCREATE);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, flags);
	vop_9p_put_u32(&message.out, mode);
	vop_9p_put_u32(&message.out, 0);
	return open_reply(&message, iounit);
}

/* What of `bytes` fits one message. */
static uint32_t payload_bytes(const struct vop_9p_client *client, uint32_t bytes)
{
	uint32_t most = client->msize - VOP_9P_OVERHEAD_BYTES;

	return bytes < most ? bytes : most;
}

/*
 * Tread, Treaddir and Twrite differ in their type, and in which way the payload goes: `exchange`
 * names it. Returns the reply's count, which is `bytes` at most.
 */
static int move_payload(struct vop_9p_client *client, uint8_t type, uint32_t fid, uint64_t offset,
			uint32_t bytes, struct vop_9p_exchange *exchange)
{
	struct vop_9p_message message;
	uint32_t count;
	uint32_t returned;
	int result;

	if (bytes == 0) {
		return 0;
	}
	vop_9p_begin(&message, client, type);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u64(&message.out, offset);
	vop_9p_put_u32(&message.out, bytes);
	exchange->reply_bytes = VOP_9P_READ_HEAD_BYTES;
	result = vop_9p_call_with(&message, exchange);
	count = vop_9p_get_u32(&message.in);
	result = vop_9p_finish(&message, result);
	if (result != VOP_OK) {
		return result;
	}
	/* The reply's size was checked against its length: so must be the count. */
	returned = exchange->reply_payload_bytes != 0 ? count : 0;
	if (count > bytes || vop_get_le32(client->reply) != VOP_9P_READ_HEAD_BYTES + returned) {
		return VOP_E_MALFORMED;
	}
	return (int)count;
}

static int read_payload(struct vop_9p_client *client, uint8_t type, uint32_t fid, uint64_t offset,
			void *data, uint32_t bytes)
{
	struct vop_9p_exchange exchange = {
		.reply_payload = data,
		.reply_payload_bytes = payload_bytes(client, bytes),
	};

	return move_payload(client, type, fid, offset, exchange.reply_payload_bytes, &exchange);
}

int vop_9p_read(struct vop_9p_client *client, uint32_t fid, uint64_t offset, void *data,
		uint32_t bytes)
{
	return read_payload(client, VOP_9P_TREAD, fid, offset, data, bytes);
}

int vop_9p_readdir(struct vop_9p_client *client, uint32_t fid, uint64_t offset, void *data,
		   uint32_t bytes)
{
	return read_payload(client, VOP_9P_TREADDIR, fid, offset, data, bytes);
}

int vop_9p_write(struct vop_9p_client *client, uint32_t fid, uint64_t offset, const void *data,
		 uint32_t bytes)
{
	struct vop_9p_exchange exchange = {
		.request_payload = data,
		.request_payload_bytes = payload_bytes(client, bytes),
	};

	return move_payload(client, VOP_9P_TWRITE, fid, offset, exchange.request_payload_bytes,
			    &exchange);
}

int vop_9p_getattr(struct vop_9p_client *client, uint32_t fid, struct vop_9p_attributes *result)
{
	struct vop_9p_message message;
	int outcome;

	vop_9p_begin(&message, client, VOP_9P_TGETATTR);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u64(&message.out, GETATTR_BASIC);
	outcome = vop_9p_call(&message);
	(void)vop_9p_get_u64(&message.in); /* valid */
	result->qid = vop_9p_get_qid(&message.in);
	result->mode = vop_9p_get_u32(&message.in);
	result->uid = vop_9p_get_u32(&message.in);
	result->gid = vop_9p_get_u32(&message.in);
	result->links = vop_9p_get_u64(&message.in);
	(void)vop_9p_get_u64(&message.in); /* rdev */
	result->size_bytes = vop_9p_get_u64(&message.in);
	(void)vop_9p_get_u64(&message.in); /* blksize */
	(void)vop_9p_get_u64(&message.in); /* blocks */
	(void)vop_9p_get_u64(&message.in); /* atime, s */
	(void)vop_9p_get_u64(&message.in); /* atime, ns */
	result->mtime_s = vop_9p_get_u64(&message.in);
	return vop_9p_finish(&message, outcome);
}

int vop_9p_setattr(struct vop_9p_client *client, uint32_t fid, uint32_t valid,
		   const struct vop_9p_attributes *attributes)
{
	struct vop_9p_message message;

	vop_9p_begin(&message, client, VOP_9P_TSETATTR);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, valid);
	vop_9p_put_u32(&message.out, attributes->mode);
	vop_9p_put_u32(&message.out, attributes->uid);
	vop_9p_put_u32(&message.out, attributes->gid);
	vop_9p_put_u64(&message.out, attributes->size_bytes);
	vop_9p_put_u64(&message.out, 0); /* atime */
	vop_9p_put_u64(&message.out, 0);
	vop_9p_put_u64(&message.out, attributes->mtime_s);
	vop_9p_put_u64(&message.out, 0);
	return vop_9p_call(&message);
}

int vop_9p_fsync(struct vop_9p_client *client, uint32_t fid)
{
	struct vop_9p_message message;

	vop_9p_begin(&message, client, VOP_9P_TFSYNC);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, 0); /* data and metadata */
	return vop_9p_call(&message);
}

int vop_9p_statfs(struct vop_9p_client *client, uint32_t fid, struct vop_9p_statfs *result)
{
	struct vop_9p_message message;
	int outcome;

	vop_9p_begin(&message, client, VOP_9P_TSTATFS);
	vop_9p_put_u32(&message.out, fid);
	outcome = vop_9p_call(&message);
	(void)vop_9p_get_u32(&message.in); /* type */
	result->block_bytes = vop_9p_get_u32(&message.in);
	result->blocks = vop_9p_get_u64(&message.in);
	result->blocks_free = vop_9p_get_u64(&message.in);
	result->blocks_available = vop_9p_get_u64(&message.in);
	return vop_9p_finish(&message, outcome);
}

int vop_9p_clunk(struct vop_9p_client *client, uint32_t fid)
{
	struct vop_9p_message message;

	vop_9p_free_fid(client, fid);
	vop_9p_begin(&message, client, VOP_9P_TCLUNK);
	vop_9p_put_u32(&message.out, fid);
	return vop_9p_call(&message);
}
