/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L client: one function per message, all through request() and call().
 *
 * Payloads of reads, directory reads and writes are parts of their own, so that the host's copier
 * moves file data straight from or to the caller's buffer.
 */

#include "vop/9p_client.h"

#include <stddef.h>
#include <string.h>

#include "vop/bytes.h"
#include "vop/errno.h"

#define GETATTR_BASIC 0x7ffu
#define DIALECT "9P2000.L"

/* Largest errno number of Linux, MAX_ERRNO. */
#define ECODE_MAX 4095u

_Static_assert(VOP_CONFIG_9P_FIDS >= 4 && VOP_CONFIG_9P_FIDS <= 32,
	       "VOP_CONFIG_9P_FIDS must be 4 to 32");
_Static_assert(VOP_CONFIG_9P_HEAD_BYTES >= 2 * (2 + VOP_9P_NAME_MAX) + 32,
	       "VOP_CONFIG_9P_HEAD_BYTES must hold a Trenameat");
_Static_assert(VOP_CONFIG_9P_PAYLOAD_BYTES % 4096 == 0 && VOP_CONFIG_9P_PAYLOAD_BYTES >= 32768,
	       "VOP_CONFIG_9P_PAYLOAD_BYTES must be a multiple of 4096, at least 32768");

/* A message under way: the request's cursor, then the reply's. */
struct message {
	struct vop_9p_client *client;
	struct vop_9p_writer out;
	struct vop_9p_reader in;
	uint8_t type;
};

static void begin(struct message *message, struct vop_9p_client *client, uint8_t type)
{
	*message = (struct message){
		.client = client,
		.type = type,
		.out = { .at = client->request, .end = client->request + sizeof(client->request) },
	};
	client->tag++;
	if (client->tag == VOP_9P_NO_TAG) {
		client->tag = 0;
	}
	vop_9p_put_u32(&message->out, 0);
	vop_9p_put_u8(&message->out, type);
	vop_9p_put_u16(&message->out,
		       type == VOP_9P_TVERSION ? VOP_9P_NO_TAG : client->tag);
}

/* Check the reply's header; its Rlerror becomes VOP_E_REFUSED. */
static int check_reply(struct message *message, uint32_t reply_bytes)
{
	struct vop_9p_client *client = message->client;
	uint16_t tag = message->type == VOP_9P_TVERSION ? VOP_9P_NO_TAG : client->tag;
	uint32_t size = vop_9p_get_u32(&message->in);
	uint8_t type = vop_9p_get_u8(&message->in);
	uint16_t got_tag = vop_9p_get_u16(&message->in);

	if (message->in.bad || size != reply_bytes) {
		return VOP_E_MALFORMED;
	}
	if (got_tag != tag) {
		return VOP_E_SEQUENCE;
	}
	if (type == VOP_9P_RLERROR) {
		client->ecode = vop_9p_get_u32(&message->in);
		if (message->in.bad || client->ecode == 0 || client->ecode > ECODE_MAX) {
			return VOP_E_MALFORMED;
		}
		return VOP_E_REFUSED;
	}
	return type == message->type + 1 ? VOP_OK : VOP_E_SEQUENCE;
}

/* Send the request and decode the reply's header; `in` then stands behind it. */
static int call_with(struct message *message, struct vop_9p_exchange *exchange)
{
	struct vop_9p_client *client = message->client;
	uint32_t head_bytes;
	int got;

	if (message->out.bad) {
		return VOP_E_ARGUMENT;
	}
	head_bytes = (uint32_t)(message->out.at - client->request);
	vop_put_le32(client->request, head_bytes + exchange->request_payload_bytes);
	exchange->request = client->request;
	exchange->request_bytes = head_bytes;
	exchange->reply = client->reply;
	client->requests++;
	got = client->transport->exchange(client->transport, exchange);
	if (got < 0) {
		return got;
	}
	if ((uint32_t)got > exchange->reply_bytes + exchange->reply_payload_bytes) {
		return VOP_E_MALFORMED;
	}
	message->in.at = client->reply;
	message->in.end = client->reply + ((uint32_t)got < exchange->reply_bytes
						   ? (uint32_t)got : exchange->reply_bytes);
	return check_reply(message, (uint32_t)got);
}

static int call(struct message *message)
{
	struct vop_9p_exchange exchange = { .reply_bytes = sizeof(message->client->reply) };

	return call_with(message, &exchange);
}

/* What a decoded reply is worth. */
static int finish(const struct message *message, int result)
{
	return result == VOP_OK && message->in.bad ? VOP_E_MALFORMED : result;
}

static bool is_name_length(uint32_t bytes)
{
	return bytes >= 1 && bytes <= VOP_9P_NAME_MAX;
}

static int allocate_fid(struct vop_9p_client *client, uint32_t *fid)
{
	for (uint32_t n = 0; n < VOP_CONFIG_9P_FIDS; n++) {
		if ((client->fids_used & 1u << n) == 0) {
			client->fids_used |= 1u << n;
			*fid = n;
			return VOP_OK;
		}
	}
	return VOP_E_FULL;
}

static void free_fid(struct vop_9p_client *client, uint32_t fid)
{
	client->fids_used &= ~(1u << fid);
}

static int negotiate(struct vop_9p_client *client)
{
	const uint32_t wanted = VOP_CONFIG_9P_PAYLOAD_BYTES + VOP_9P_OVERHEAD_BYTES;
	struct message message;
	const char *dialect;
	uint32_t dialect_bytes;
	uint32_t msize;
	int result;

	begin(&message, client, VOP_9P_TVERSION);
	vop_9p_put_u32(&message.out, wanted);
	vop_9p_put_string(&message.out, DIALECT, sizeof(DIALECT) - 1);
	result = call(&message);
	msize = vop_9p_get_u32(&message.in);
	dialect = vop_9p_get_string(&message.in, &dialect_bytes);
	result = finish(&message, result);
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
	struct message message;
	int result;

	memset(client, 0, sizeof(*client));
	client->transport = transport;
	result = negotiate(client);
	if (result != VOP_OK) {
		return result;
	}
	client->fids_used = 1u << VOP_9P_ROOT;
	begin(&message, client, VOP_9P_TATTACH);
	vop_9p_put_u32(&message.out, VOP_9P_ROOT);
	vop_9p_put_u32(&message.out, VOP_9P_NO_FID);
	vop_9p_put_string(&message.out, "", 0);
	vop_9p_put_string(&message.out, "", 0);
	vop_9p_put_u32(&message.out, uid);
	result = call(&message);
	(void)vop_9p_get_qid(&message.in);
	return finish(&message, result);
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

/* One Twalk; `at` moves on by the names it took. */
static int walk_some(struct vop_9p_client *client, uint32_t from, uint32_t to, const char *path,
		     uint32_t path_bytes, uint32_t *at, struct vop_9p_qid *qid)
{
	struct message message;
	uint16_t names;
	uint16_t walked;
	int result;

	begin(&message, client, VOP_9P_TWALK);
	vop_9p_put_u32(&message.out, from);
	vop_9p_put_u32(&message.out, to);
	result = put_names(&message.out, path, path_bytes, at, &names);
	if (result != VOP_OK) {
		return result;
	}
	result = call(&message);
	if (result != VOP_OK) {
		return result;
	}
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
		/* A walk that stops midway makes no fid, and says why by stopping. */
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
	bool exists = false;
	int result = allocate_fid(client, fid);

	if (result != VOP_OK) {
		return result;
	}
	do {
		result = walk_some(client, exists ? *fid : from, *fid, path, path_bytes, &at,
				   &last);
		exists = exists || result == VOP_OK;
	} while (result == VOP_OK && at < path_bytes);
	if (qid != NULL) {
		*qid = last;
	}
	if (result == VOP_OK) {
		return VOP_OK;
	}
	if (exists) {
		uint32_t ecode = client->ecode;

		(void)vop_9p_clunk(client, *fid);
		client->ecode = ecode;
	} else {
		free_fid(client, *fid);
	}
	return result;
}

static int open_reply(struct message *message, uint32_t *iounit)
{
	int result = call(message);

	(void)vop_9p_get_qid(&message->in);
	*iounit = vop_9p_get_u32(&message->in);
	return finish(message, result);
}

int vop_9p_lopen(struct vop_9p_client *client, uint32_t fid, uint32_t flags, uint32_t *iounit)
{
	struct message message;

	begin(&message, client, VOP_9P_TLOPEN);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, flags);
	return open_reply(&message, iounit);
}

int vop_9p_lcreate(struct vop_9p_client *client, uint32_t fid, const char *name,
		   uint32_t name_bytes, uint32_t flags, uint32_t mode, uint32_t *iounit)
{
	struct message message;

	if (!is_name_length(name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	begin(&message, client, VOP_9P_TLCREATE);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, flags);
	vop_9p_put_u32(&message.out, mode);
	vop_9p_put_u32(&message.out, 0);
	return open_reply(&message, iounit);
}

/* Tread and Treaddir differ in their type only. */
static int read_payload(struct vop_9p_client *client, uint8_t type, uint32_t fid, uint64_t offset,
			void *data, uint32_t bytes)
{
	uint32_t most = client->msize - VOP_9P_OVERHEAD_BYTES;
	struct vop_9p_exchange exchange = { .reply_bytes = VOP_9P_READ_HEAD_BYTES };
	struct message message;
	uint32_t count;
	int result;

	if (bytes > most) {
		bytes = most;
	}
	if (bytes == 0) {
		return 0;
	}
	begin(&message, client, type);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u64(&message.out, offset);
	vop_9p_put_u32(&message.out, bytes);
	exchange.reply_payload = data;
	exchange.reply_payload_bytes = bytes;
	result = call_with(&message, &exchange);
	if (result != VOP_OK) {
		return result;
	}
	count = vop_9p_get_u32(&message.in);
	/* The reply's size was checked against its length: so must be the count. */
	if (message.in.bad || count > bytes ||
	    vop_get_le32(client->reply) != VOP_9P_READ_HEAD_BYTES + count) {
		return VOP_E_MALFORMED;
	}
	return (int)count;
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
	uint32_t most = client->msize - VOP_9P_OVERHEAD_BYTES;
	struct vop_9p_exchange exchange = { .reply_bytes = VOP_9P_READ_HEAD_BYTES };
	struct message message;
	uint32_t count;
	int result;

	if (bytes > most) {
		bytes = most;
	}
	if (bytes == 0) {
		return 0;
	}
	begin(&message, client, VOP_9P_TWRITE);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u64(&message.out, offset);
	vop_9p_put_u32(&message.out, bytes);
	exchange.request_payload = data;
	exchange.request_payload_bytes = bytes;
	result = call_with(&message, &exchange);
	count = vop_9p_get_u32(&message.in);
	result = finish(&message, result);
	if (result != VOP_OK) {
		return result;
	}
	return count > bytes ? VOP_E_MALFORMED : (int)count;
}

int vop_9p_getattr(struct vop_9p_client *client, uint32_t fid, struct vop_9p_attributes *result)
{
	struct message message;
	int outcome;

	begin(&message, client, VOP_9P_TGETATTR);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u64(&message.out, GETATTR_BASIC);
	outcome = call(&message);
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
	return finish(&message, outcome);
}

int vop_9p_setattr(struct vop_9p_client *client, uint32_t fid, uint32_t valid,
		   const struct vop_9p_attributes *attributes)
{
	struct message message;

	begin(&message, client, VOP_9P_TSETATTR);
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
	return call(&message);
}

int vop_9p_mkdir(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		 uint32_t name_bytes, uint32_t mode)
{
	struct message message;
	int result;

	if (!is_name_length(name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	begin(&message, client, VOP_9P_TMKDIR);
	vop_9p_put_u32(&message.out, dir_fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, mode);
	vop_9p_put_u32(&message.out, 0);
	result = call(&message);
	(void)vop_9p_get_qid(&message.in);
	return finish(&message, result);
}

/* Whether the server's latest refusal was of the message, not of what it asks. */
static bool is_unknown_message(const struct vop_9p_client *client, int result)
{
	return result == VOP_E_REFUSED &&
	       (client->ecode == VOP_EOPNOTSUPP || client->ecode == VOP_ENOSYS);
}

static int send_unlinkat(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
			 uint32_t name_bytes, uint32_t flags)
{
	struct message message;

	begin(&message, client, VOP_9P_TUNLINKAT);
	vop_9p_put_u32(&message.out, dir_fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, flags);
	return call(&message);
}

/* Remove by a fid of the entry's own, which Tremove frees whatever it answers. */
static int remove_entry(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
			uint32_t name_bytes, bool is_dir)
{
	struct vop_9p_qid qid;
	struct message message;
	uint32_t fid;
	int result = vop_9p_walk(client, dir_fid, name, name_bytes, &fid, &qid);

	if (result != VOP_OK) {
		return result;
	}
	if (((qid.type & VOP_9P_QTDIR) != 0) != is_dir) {
		(void)vop_9p_clunk(client, fid);
		client->ecode = is_dir ? VOP_ENOTDIR : VOP_EISDIR;
		return VOP_E_REFUSED;
	}
	free_fid(client, fid);
	begin(&message, client, VOP_9P_TREMOVE);
	vop_9p_put_u32(&message.out, fid);
	return call(&message);
}

int vop_9p_unlinkat(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		    uint32_t name_bytes, uint32_t flags)
{
	int result;

	if (!is_name_length(name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	if (!client->no_unlinkat) {
		result = send_unlinkat(client, dir_fid, name, name_bytes, flags);
		if (!is_unknown_message(client, result)) {
			return result;
		}
		client->no_unlinkat = true;
	}
	return remove_entry(client, dir_fid, name, name_bytes,
			    (flags & VOP_9P_AT_REMOVEDIR) != 0);
}

static int send_renameat(struct vop_9p_client *client, uint32_t old_dir_fid, const char *old_name,
			 uint32_t old_name_bytes, uint32_t new_dir_fid, const char *new_name,
			 uint32_t new_name_bytes)
{
	struct message message;

	begin(&message, client, VOP_9P_TRENAMEAT);
	vop_9p_put_u32(&message.out, old_dir_fid);
	vop_9p_put_string(&message.out, old_name, old_name_bytes);
	vop_9p_put_u32(&message.out, new_dir_fid);
	vop_9p_put_string(&message.out, new_name, new_name_bytes);
	return call(&message);
}

/* Rename by a fid of the entry's own. */
static int rename_entry(struct vop_9p_client *client, uint32_t old_dir_fid, const char *old_name,
			uint32_t old_name_bytes, uint32_t new_dir_fid, const char *new_name,
			uint32_t new_name_bytes)
{
	struct message message;
	uint32_t ecode;
	uint32_t fid;
	int result = vop_9p_walk(client, old_dir_fid, old_name, old_name_bytes, &fid, NULL);

	if (result != VOP_OK) {
		return result;
	}
	begin(&message, client, VOP_9P_TRENAME);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, new_dir_fid);
	vop_9p_put_string(&message.out, new_name, new_name_bytes);
	result = call(&message);
	ecode = client->ecode;
	(void)vop_9p_clunk(client, fid);
	client->ecode = ecode;
	return result;
}

int vop_9p_renameat(struct vop_9p_client *client, uint32_t old_dir_fid, const char *old_name,
		    uint32_t old_name_bytes, uint32_t new_dir_fid, const char *new_name,
		    uint32_t new_name_bytes)
{
	int result;

	if (!is_name_length(old_name_bytes) || !is_name_length(new_name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	if (!client->no_renameat) {
		result = send_renameat(client, old_dir_fid, old_name, old_name_bytes, new_dir_fid,
				       new_name, new_name_bytes);
		if (!is_unknown_message(client, result)) {
			return result;
		}
		client->no_renameat = true;
	}
	return rename_entry(client, old_dir_fid, old_name, old_name_bytes, new_dir_fid, new_name,
			    new_name_bytes);
}

int vop_9p_fsync(struct vop_9p_client *client, uint32_t fid)
{
	struct message message;

	begin(&message, client, VOP_9P_TFSYNC);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, 0); /* data and metadata */
	return call(&message);
}

int vop_9p_statfs(struct vop_9p_client *client, uint32_t fid, struct vop_9p_statfs *result)
{
	struct message message;
	int outcome;

	begin(&message, client, VOP_9P_TSTATFS);
	vop_9p_put_u32(&message.out, fid);
	outcome = call(&message);
	(void)vop_9p_get_u32(&message.in); /* type */
	result->block_bytes = vop_9p_get_u32(&message.in);
	result->blocks = vop_9p_get_u64(&message.in);
	result->blocks_free = vop_9p_get_u64(&message.in);
	result->blocks_available = vop_9p_get_u64(&message.in);
	return finish(&message, outcome);
}

int vop_9p_clunk(struct vop_9p_client *client, uint32_t fid)
{
	struct message message;

	free_fid(client, fid);
	begin(&message, client, VOP_9P_TCLUNK);
	vop_9p_put_u32(&message.out, fid);
	return call(&message);
}
