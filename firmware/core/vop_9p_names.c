/* SPDX-License-Identifier: Apache-2.0 */
/* 9P2000.L client: the messages that make, rename and remove a directory's entries. */

#include <stddef.h>

#include "vop/errno.h"
#include "vop_9p_message.h"

int vop_9p_mkdir(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		 uint32_t name_bytes, uint32_t mode)
{
	struct vop_9p_message message;
	int result;

	if (!vop_9p_is_name_length(name_bytes)) {
		return VOP_E_ARGUMENT;
	}
	vop_9p_begin(&message, client, VOP_9P_TMKDIR);
	vop_9p_put_u32(&message.out, dir_fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, mode);
	vop_9p_put_u32(&message.out, 0);
	result = vop_9p_call(&message);
	(void)vop_9p_get_qid(&message.in);
	return vop_9p_finish(&message, result);
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
	struct vop_9p_message message;

	vop_9p_begin(&message, client, VOP_9P_TUNLINKAT);
	vop_9p_put_u32(&message.out, dir_fid);
	vop_9p_put_string(&message.out, name, name_bytes);
	vop_9p_put_u32(&message.out, flags);
	return vop_9p_call(&message);
}

/* Remove by a fid of the entry's own, which Tremove frees whatever it answers. */
static int remove_entry(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
			uint32_t name_bytes, bool is_dir)
{
	struct vop_9p_qid qid;
	struct vop_9p_message message;
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
	vop_9p_free_fid(client, fid);
	vop_9p_begin(&message, client, VOP_9P_TREMOVE);
	vop_9p_put_u32(&message.out, fid);
	return vop_9p_call(&message);
}

int vop_9p_unlinkat(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		    uint32_t name_bytes, uint32_t flags)
{
	int result;

	if (!vop_9p_is_name_length(name_bytes)) {
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
	struct vop_9p_message message;

	vop_9p_begin(&message, client, VOP_9P_TRENAMEAT);
	vop_9p_put_u32(&message.out, old_dir_fid);
	vop_9p_put_string(&message.out, old_name, old_name_bytes);
	vop_9p_put_u32(&message.out, new_dir_fid);
	vop_9p_put_string(&message.out, new_name, new_name_bytes);
	return vop_9p_call(&message);
}

/* Rename by a fid of the entry's own. */
static int rename_entry(struct vop_9p_client *client, uint32_t old_dir_fid, const char *old_name,
			uint32_t old_name_bytes, uint32_t new_dir_fid, const char *new_name,
			uint32_t new_name_bytes)
{
	struct vop_9p_message message;
	uint32_t ecode;
	uint32_t fid;
	int result = vop_9p_walk(client, old_dir_fid, old_name, old_name_bytes, &fid, NULL);

	if (result != VOP_OK) {
		return result;
	}
	vop_9p_begin(&message, client, VOP_9P_TRENAME);
	vop_9p_put_u32(&message.out, fid);
	vop_9p_put_u32(&message.out, new_dir_fid);
	vop_9p_put_string(&message.out, new_name, new_name_bytes);
	result = vop_9p_call(&message);
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

	if (!vop_9p_is_name_length(old_name_bytes) || !vop_9p_is_name_length(new_name_bytes)) {
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
