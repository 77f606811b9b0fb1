/* SPDX-License-Identifier: Apache-2.0 */
/* One 9P message under way, and the fids of a client: what the files of the client share. */
#ifndef VOP_9P_MESSAGE_H
#define VOP_9P_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vop/9p_client.h"

/* The request's cursor, then the reply's. */
struct vop_9p_message {
	struct vop_9p_client *client;
	struct vop_9p_writer out;
	struct vop_9p_reader in;
	uint8_t type;
};

/* Start a request of `type`, with the next tag; its members follow through `out`. */
void vop_9p_begin(struct vop_9p_message *message, struct vop_9p_client *client, uint8_t type);

/*
 * Send the request, with the payloads that `exchange` names, and check the reply's header; `in`
 * then stands behind it. Blocks for one exchange. An Rlerror becomes VOP_E_REFUSED.
 */
int vop_9p_call_with(struct vop_9p_message *message, struct vop_9p_exchange *exchange);

/* The same without payload. */
int vop_9p_call(struct vop_9p_message *message);

/* What a decoded reply is worth: `result`, or VOP_E_MALFORMED if a member was missing. */
int vop_9p_finish(const struct vop_9p_message *message, int result);

/* A fid that the server does not hold; VOP_E_FULL if there is none. */
int vop_9p_allocate_fid(struct vop_9p_client *client, uint32_t *fid);
void vop_9p_free_fid(struct vop_9p_client *client, uint32_t fid);

static inline bool vop_9p_is_name_length(uint32_t bytes)
{
	return bytes >= 1 && bytes <= VOP_9P_NAME_MAX;
}

#endif /* VOP_9P_MESSAGE_H */
