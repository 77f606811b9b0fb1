/* SPDX-License-Identifier: Apache-2.0 */
/* One 9P message under way: header, exchange, and the checks that every reply must pass. */

#include "vop_9p_message.h"

#include "vop/bytes.h"

/* Largest errno number of Linux, MAX_ERRNO. */
#define ECODE_MAX 4095u

void vop_9p_begin(struct vop_9p_message *message, struct vop_9p_client *client, uint8_t type)
{
	*message = (struct vop_9p_message){
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
static int check_reply(struct vop_9p_message *message, uint32_t reply_bytes)
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

int vop_9p_call_with(struct vop_9p_message *message, struct vop_9p_exchange *exchange)
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

int vop_9p_call(struct vop_9p_message *message)
{
	struct vop_9p_exchange exchange = { .reply_bytes = sizeof(message->client->reply) };

	return vop_9p_call_with(message, &exchange);
}

int vop_9p_finish(const struct vop_9p_message *message, int result)
{
	return result == VOP_OK && message->in.bad ? VOP_E_MALFORMED : result;
}

int vop_9p_allocate_fid(struct vop_9p_client *client, uint32_t *fid)
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

void vop_9p_free_fid(struct vop_9p_client *client, uint32_t fid)
{
	client->fids_used &= ~(1u << fid);
}
