/* SPDX-License-Identifier: Apache-2.0 */
/* A small 9P2000.L server over a tree in memory, and the ways in which it can lie. */
#ifndef MODEL_9P_H
#define MODEL_9P_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_9P_NODES 700
#define MODEL_9P_FIDS 64
#define MODEL_9P_REPLY_BYTES (80 * 1024)

struct model_node {
	bool used;
	bool is_dir;
	uint32_t parent;
	uint32_t mode;
	uint32_t size;
	uint32_t capacity;
	uint8_t *data;
	char name[256];
};

struct model_9p {
	struct model_node nodes[MODEL_9P_NODES];
	int32_t fid_node[MODEL_9P_FIDS]; /* -1: free */
	uint32_t msize_most;
	uint32_t disk_bytes; /* what is left */
	uint8_t reply[MODEL_9P_REPLY_BYTES];
	/* Change a reply of `bytes` before it is sent; returns its new length. May be NULL. */
	uint32_t (*lie)(struct model_9p *server, uint8_t *reply, uint32_t bytes);
	uint32_t lie_argument;
	bool lacks_at; /* knows neither Tunlinkat nor Trenameat, as diod 1.0 */
	uint32_t requests;
	uint8_t last_type;
	uint32_t largest_read;
	uint32_t largest_write;
};

struct model_9p *model_9p_new(void);
void model_9p_delete(struct model_9p *server);

/* Make a node below `parent` (0 is the root); returns its number. `data` is copied. */
uint32_t model_9p_make(struct model_9p *server, uint32_t parent, const char *name, bool is_dir,
		       const void *data, uint32_t bytes);

/* A child's number, or -1. */
int32_t model_9p_find(const struct model_9p *server, uint32_t parent, const char *name);

/* Answer one request; the reply is in `server->reply`. Returns its length. */
uint32_t model_9p_answer(struct model_9p *server, const uint8_t *request, uint32_t bytes);

/* Fids in use. */
uint32_t model_9p_fids(const struct model_9p *server);

#endif /* MODEL_9P_H */
