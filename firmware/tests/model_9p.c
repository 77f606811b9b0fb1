/* SPDX-License-Identifier: Apache-2.0 */
/* A small 9P2000.L server over a tree in memory. Its codec is its own. */

#include "model_9p.h"

#include <stdlib.h>
#include <string.h>

/* Linux's numbers, by hand. */
enum { E_NOENT = 2, E_BADF = 9, E_ACCES = 13, E_EXIST = 17, E_NOTDIR = 20, E_ISDIR = 21,
       E_INVAL = 22, E_NOSPC = 28, E_NAMETOOLONG = 36, E_NOTEMPTY = 39, E_OPNOTSUPP = 95 };

struct codec {
	struct model_9p *server;
	const uint8_t *in;
	uint32_t left;
	uint32_t out; /* bytes in server->reply */
};

static uint64_t take(struct codec *codec, uint32_t bytes)
{
	uint64_t value = 0;

	if (bytes > codec->left) {
		abort();
	}
	for (uint32_t n = 0; n < bytes; n++) {
		value |= (uint64_t)codec->in[n] << (8 * n);
	}
	codec->in += bytes;
	codec->left -= bytes;
	return value;
}

static void take_name(struct codec *codec, char *name)
{
	uint32_t bytes = (uint32_t)take(codec, 2);

	if (bytes > 255 || bytes > codec->left) {
		abort();
	}
	memcpy(name, codec->in, bytes);
	name[bytes] = '\0';
	codec->in += bytes;
	codec->left -= bytes;
}

static void give(struct codec *codec, uint64_t value, uint32_t bytes)
{
	for (uint32_t n = 0; n < bytes; n++) {
		codec->server->reply[codec->out++] = (uint8_t)(value >> (8 * n));
	}
}

static void give_qid(struct codec *codec, uint32_t node)
{
	give(codec, codec->server->nodes[node].is_dir ? 0x80 : 0, 1);
	give(codec, 0, 4);
	give(codec, 1000 + node, 8);
}

struct model_9p *model_9p_new(void)
{
	struct model_9p *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		abort();
	}
	server->msize_most = 65536 + 24;
	server->disk_bytes = 16u << 20;
	server->nodes[0] = (struct model_node){ .used = true, .is_dir = true, .mode = 040755 };
	memset(server->fid_node, 0xff, sizeof(server->fid_node));
	return server;
}

void model_9p_delete(struct model_9p *server)
{
	for (uint32_t n = 0; n < MODEL_9P_NODES; n++) {
		free(server->nodes[n].data);
	}
	free(server);
}

uint32_t model_9p_make(struct model_9p *server, uint32_t parent, const char *name, bool is_dir,
		       const void *data, uint32_t bytes)
{
	for (uint32_t n = 1; n < MODEL_9P_NODES; n++) {
		struct model_node *node = &server->nodes[n];

		if (!node->used) {
			*node = (struct model_node){
				.used = true,
				.is_dir = is_dir,
				.parent = parent,
				.mode = is_dir ? 040755 : 0100644,
				.size = bytes,
				.capacity = bytes,
				.data = malloc(bytes + 1),
			};
			if (bytes != 0) {
				memcpy(node->data, data, bytes);
			}
			strncpy(node->name, name, sizeof(node->name) - 1);
			return n;
		}
	}
	abort();
}

int32_t model_9p_find(const struct model_9p *server, uint32_t parent, const char *name)
{
	for (uint32_t n = 1; n < MODEL_9P_NODES; n++) {
		if (server->nodes[n].used && server->nodes[n].parent == parent &&
		    strcmp(server->nodes[n].name, name) == 0) {
			return (int32_t)n;
		}
	}
	return -1;
}

uint32_t model_9p_fids(const struct model_9p *server)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < MODEL_9P_FIDS; n++) {
		count += server->fid_node[n] >= 0;
	}
	return count;
}

static struct model_node *node_of(struct codec *codec, uint32_t *fid, uint32_t *number)
{
	*fid = (uint32_t)take(codec, 4);
	if (*fid >= MODEL_9P_FIDS || codec->server->fid_node[*fid] < 0) {
		abort();
	}
	*number = (uint32_t)codec->server->fid_node[*fid];
	return &codec->server->nodes[*number];
}

static int do_version(struct codec *codec)
{
	uint32_t msize = (uint32_t)take(codec, 4);

	give(codec, msize < codec->server->msize_most ? msize : codec->server->msize_most, 4);
	give(codec, 8, 2);
	memcpy(codec->server->reply + codec->out, "9P2000.L", 8);
	codec->out += 8;
	return 0;
}

static int do_attach(struct codec *codec)
{
	codec->server->fid_node[take(codec, 4)] = 0;
	give_qid(codec, 0);
	return 0;
}

static int do_walk(struct codec *codec)
{
	uint32_t count_at;
	uint32_t node;
	uint32_t fid;
	uint32_t to;
	uint32_t names;
	uint32_t walked;

	(void)node_of(codec, &fid, &node);
	to = (uint32_t)take(codec, 4);
	names = (uint32_t)take(codec, 2);
	count_at = codec->out;
	give(codec, 0, 2);
	for (walked = 0; walked < names; walked++) {
		char name[256];
		int32_t next;

		take_name(codec, name);
		if (!codec->server->nodes[node].is_dir) {
			return walked == 0 ? E_NOTDIR : 0;
		}
		next = model_9p_find(codec->server, node, name);
		if (next < 0) {
			return walked == 0 ? E_NOENT : 0;
		}
		node = (uint32_t)next;
		give_qid(codec, node);
		codec->server->reply[count_at] = (uint8_t)(walked + 1);
	}
	codec->server->fid_node[to] = (int32_t)node;
	return 0;
}

static int do_lopen(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	struct model_node *node = node_of(codec, &fid, &number);
	uint32_t flags = (uint32_t)take(codec, 4);

	if ((node->mode & 0777) == 0) {
		return E_ACCES;
	}
	if ((flags & 01000) != 0) {
		codec->server->disk_bytes += node->size;
		node->size = 0;
	}
	give_qid(codec, number);
	give(codec, 0, 4);
	return 0;
}

static int do_lcreate(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	char name[256];

	(void)node_of(codec, &fid, &number);
	take_name(codec, name);
	(void)take(codec, 4);
	number = model_9p_make(codec->server, number, name, false, NULL, 0);
	codec->server->nodes[number].mode = 0100000 | (uint32_t)take(codec, 4);
	codec->server->fid_node[fid] = (int32_t)number;
	give_qid(codec, number);
	give(codec, 0, 4);
	return 0;
}

static int do_read(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	struct model_node *node = node_of(codec, &fid, &number);
	uint64_t offset = take(codec, 8);
	uint32_t count = (uint32_t)take(codec, 4);
	uint32_t there = offset < node->size ? node->size - (uint32_t)offset : 0;

	if (count > codec->server->largest_read) {
		codec->server->largest_read = count;
	}
	count = count < there ? count : there;
	give(codec, count, 4);
	if (count != 0) {
		memcpy(codec->server->reply + codec->out, node->data + offset, count);
	}
	codec->out += count;
	return 0;
}

static int do_write(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	struct model_node *node = node_of(codec, &fid, &number);
	uint32_t offset = (uint32_t)take(codec, 8);
	uint32_t count = (uint32_t)take(codec, 4);

	if (count != codec->left) {
		abort();
	}
	if (count > codec->server->largest_write) {
		codec->server->largest_write = count;
	}
	if (offset + count > node->size) {
		uint32_t more = offset + count - node->size;

		if (codec->server->disk_bytes == 0) {
			return E_NOSPC;
		}
		if (more > codec->server->disk_bytes) {
			count -= more - codec->server->disk_bytes;
			more = codec->server->disk_bytes;
		}
		codec->server->disk_bytes -= more;
	}
	if (offset + count > node->capacity) {
		node->capacity = 2 * (offset + count);
		node->data = realloc(node->data, node->capacity);
	}
	memcpy(node->data + offset, codec->in, count);
	if (offset + count > node->size) {
		node->size = offset + count;
	}
	give(codec, count, 4);
	return 0;
}

static int do_readdir(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	uint64_t offset;
	uint32_t end;
	uint32_t count_at = codec->out;

	(void)node_of(codec, &fid, &number);
	offset = take(codec, 8);
	end = codec->out + 4 + (uint32_t)take(codec, 4);
	give(codec, 0, 4);
	for (uint32_t n = (uint32_t)offset; n < MODEL_9P_NODES + 1; n++) {
		const struct model_node *node = &codec->server->nodes[n == 0 ? number : n - 1];
		const char *name = n == 0 ? "." : node->name;
		uint32_t length = (uint32_t)strlen(name);

		if (n != 0 && (n == 1 || !node->used || node->parent != number)) {
			continue;
		}
		if (codec->out + 24 + length > end) {
			break;
		}
		give_qid(codec, n == 0 ? number : n - 1);
		give(codec, n + 1, 8);
		give(codec, node->is_dir ? 4 : 8, 1);
		give(codec, length, 2);
		memcpy(codec->server->reply + codec->out, name, length);
		codec->out += length;
	}
	end = codec->out;
	codec->out = count_at;
	give(codec, end - count_at - 4, 4);
	codec->out = end;
	return 0;
}

static int do_getattr(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	const struct model_node *node = node_of(codec, &fid, &number);

	give(codec, 0x7ff, 8);
	give_qid(codec, number);
	give(codec, node->mode, 4);
	give(codec, 1000, 4);
	give(codec, 100, 4);
	give(codec, 1, 8);
	give(codec, 0, 8);
	give(codec, node->size, 8);
	give(codec, 4096, 8);
	give(codec, (node->size + 511) / 512, 8);
	/* atime, then mtime: 2021-03-04 05:06:07 UTC. */
	give(codec, 0, 8);
	give(codec, 0, 8);
	give(codec, 1614834367, 8);
	for (uint32_t n = 0; n < 6; n++) {
		give(codec, 0, 8);
	}
	return 0;
}

static int do_setattr(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	struct model_node *node = node_of(codec, &fid, &number);
	uint32_t valid = (uint32_t)take(codec, 4);
	uint32_t mode = (uint32_t)take(codec, 4);
	uint32_t size;

	(void)take(codec, 8);
	size = (uint32_t)take(codec, 8);
	if ((valid & 1) != 0) {
		node->mode = (node->mode & ~07777u) | mode;
	}
	if ((valid & 8) != 0) {
		if (size > node->size) {
			return E_INVAL;
		}
		node->size = size;
	}
	return 0;
}

static int do_mkdir(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	char name[256];

	(void)node_of(codec, &fid, &number);
	take_name(codec, name);
	if (model_9p_find(codec->server, number, name) >= 0) {
		return E_EXIST;
	}
	give_qid(codec, model_9p_make(codec->server, number, name, true, NULL, 0));
	return 0;
}

/* Remove a node that is not a directory with children. */
static int remove_node(struct codec *codec, uint32_t number)
{
	struct model_node *node = &codec->server->nodes[number];

	for (uint32_t n = 1; n < MODEL_9P_NODES; n++) {
		if (codec->server->nodes[n].used && codec->server->nodes[n].parent == number) {
			return E_NOTEMPTY;
		}
	}
	free(node->data);
	*node = (struct model_node){ 0 };
	return 0;
}

static int do_unlinkat(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	char name[256];
	int32_t child;
	struct model_node *node;

	(void)node_of(codec, &fid, &number);
	take_name(codec, name);
	child = model_9p_find(codec->server, number, name);
	if (child < 0) {
		return E_NOENT;
	}
	node = &codec->server->nodes[child];
	if (node->is_dir != (take(codec, 4) == 0x200)) {
		return node->is_dir ? E_ISDIR : E_NOTDIR;
	}
	return remove_node(codec, (uint32_t)child);
}

static int do_renameat(struct codec *codec)
{
	uint32_t from;
	uint32_t to;
	uint32_t fid;
	char old_name[256];
	char new_name[256];
	int32_t child;

	(void)node_of(codec, &fid, &from);
	take_name(codec, old_name);
	(void)node_of(codec, &fid, &to);
	take_name(codec, new_name);
	child = model_9p_find(codec->server, from, old_name);
	if (child < 0) {
		return E_NOENT;
	}
	codec->server->nodes[child].parent = to;
	strcpy(codec->server->nodes[child].name, new_name);
	return 0;
}

static int do_remove(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;

	(void)node_of(codec, &fid, &number);
	codec->server->fid_node[fid] = -1;
	return remove_node(codec, number);
}

static int do_rename(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;
	uint32_t dir_fid;
	uint32_t to;
	char name[256];

	(void)node_of(codec, &fid, &number);
	(void)node_of(codec, &dir_fid, &to);
	take_name(codec, name);
	codec->server->nodes[number].parent = to;
	strcpy(codec->server->nodes[number].name, name);
	return 0;
}

static int do_statfs(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;

	(void)node_of(codec, &fid, &number);
	give(codec, 0x01021994, 4);
	give(codec, 4096, 4);
	give(codec, 4096, 8);
	give(codec, codec->server->disk_bytes / 4096, 8);
	give(codec, codec->server->disk_bytes / 4096, 8);
	give(codec, 0, 8);
	give(codec, 0, 8);
	give(codec, 0, 8);
	give(codec, 255, 4);
	return 0;
}

static int do_clunk(struct codec *codec)
{
	uint32_t fid = (uint32_t)take(codec, 4);

	/* A fid of a walk that stopped midway may be clunked, as Linux does. */
	if (fid >= MODEL_9P_FIDS || codec->server->fid_node[fid] < 0) {
		return E_BADF;
	}
	codec->server->fid_node[fid] = -1;
	return 0;
}

static int do_fsync(struct codec *codec)
{
	uint32_t number;
	uint32_t fid;

	(void)node_of(codec, &fid, &number);
	return 0;
}

static int dispatch(struct codec *codec, uint8_t type)
{
	if (codec->server->lacks_at && (type == 74 || type == 76)) {
		return E_OPNOTSUPP;
	}
	switch (type) {
	case 8: return do_statfs(codec);
	case 12: return do_lopen(codec);
	case 14: return do_lcreate(codec);
	case 20: return do_rename(codec);
	case 24: return do_getattr(codec);
	case 26: return do_setattr(codec);
	case 40: return do_readdir(codec);
	case 50: return do_fsync(codec);
	case 72: return do_mkdir(codec);
	case 74: return do_renameat(codec);
	case 76: return do_unlinkat(codec);
	case 100: return do_version(codec);
	case 104: return do_attach(codec);
	case 110: return do_walk(codec);
	case 116: return do_read(codec);
	case 118: return do_write(codec);
	case 120: return do_clunk(codec);
	case 122: return do_remove(codec);
	default: return E_OPNOTSUPP;
	}
}

uint32_t model_9p_answer(struct model_9p *server, const uint8_t *request, uint32_t bytes)
{
	struct codec codec = { .server = server, .in = request, .left = bytes, .out = 7 };
	uint32_t length;
	uint8_t type;
	uint16_t tag;
	int error;

	if (take(&codec, 4) != bytes) {
		abort();
	}
	type = (uint8_t)take(&codec, 1);
	tag = (uint16_t)take(&codec, 2);
	server->requests++;
	server->last_type = type;
	error = dispatch(&codec, type);
	if (error != 0) {
		codec.out = 7;
		give(&codec, (uint32_t)error, 4);
	}
	length = codec.out;
	codec.out = 0;
	give(&codec, length, 4);
	give(&codec, error != 0 ? 7u : type + 1u, 1);
	give(&codec, tag, 2);
	return server->lie == NULL ? length : server->lie(server, server->reply, length);
}
