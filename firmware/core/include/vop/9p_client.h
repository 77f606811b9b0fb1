/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L client: fids, tags, one request in flight.
 *
 * Every call that talks to the server blocks for at most one exchange of the transport
 * (VOP_CONFIG_REQUEST_TIMEOUT_US), a walk for one per VOP_9P_WALK_MAX names. A client is not for
 * two threads at once: the owner locks it.
 *
 * Results: VOP_OK or a count; VOP_E_REFUSED when the server answered Rlerror, and then `ecode`
 * holds its errno; VOP_E_MALFORMED or VOP_E_SEQUENCE when its answer cannot be believed; what the
 * transport returned; VOP_E_ARGUMENT for a name too long; VOP_E_FULL when no fid is free.
 *
 * Ref: github.com/chaos/diod, protocol.md.
 */
#ifndef VOP_9P_CLIENT_H
#define VOP_9P_CLIENT_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "9p_wire.h"
#include "config.h"
#include "result.h"

/* One request and room for its reply. Payloads are the caller's memory, in card RAM. */
struct vop_9p_exchange {
	const void *request;
	uint32_t request_bytes;
	const void *request_payload; /* behind the request; NULL if there is none */
	uint32_t request_payload_bytes;
	void *reply;
	uint32_t reply_bytes;        /* the reply fills this before the payload */
	void *reply_payload;         /* NULL if there is none */
	uint32_t reply_payload_bytes;
};

/*
 * Carries messages. exchange() sends the request and blocks until the reply has come; it returns
 * the bytes of the reply, payload included, or a negative result. After a negative result the
 * server may still own the buffers: the transport refuses every further exchange.
 */
struct vop_9p_transport {
	int (*exchange)(struct vop_9p_transport *transport, const struct vop_9p_exchange *exchange);
};

/* Open flags, Linux's numbers for every architecture that matters. */
#define VOP_9P_O_RDONLY 0u
#define VOP_9P_O_WRONLY 1u
#define VOP_9P_O_RDWR 2u
#define VOP_9P_O_CREAT 0100u
#define VOP_9P_O_EXCL 0200u
#define VOP_9P_O_TRUNC 01000u
#define VOP_9P_O_APPEND 02000u
#define VOP_9P_O_DIRECTORY 0200000u

#define VOP_9P_AT_REMOVEDIR 0x200u

/* Tsetattr's valid bits. */
#define VOP_9P_SET_MODE 0x1u
#define VOP_9P_SET_SIZE 0x8u
#define VOP_9P_SET_MTIME 0x20u

struct vop_9p_attributes {
	struct vop_9p_qid qid;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t links;
	uint64_t size_bytes;
	uint64_t mtime_s;
};

struct vop_9p_statfs {
	uint32_t block_bytes;
	uint64_t blocks;
	uint64_t blocks_free;
	uint64_t blocks_available;
};

struct vop_9p_client {
	/* Card RAM of the messages without payload. */
	alignas(64) uint8_t request[VOP_CONFIG_9P_HEAD_BYTES];
	alignas(64) uint8_t reply[VOP_CONFIG_9P_HEAD_BYTES];
	struct vop_9p_transport *transport;
	uint32_t msize;
	uint32_t fids_used; /* bit n: fid n is the server's */
	uint32_t ecode;     /* errno of the latest Rlerror */
	uint16_t tag;
	uint32_t requests;  /* sent since start */
	bool no_unlinkat;   /* the server knows Tremove only */
	bool no_renameat;   /* the server knows Trename only */
};

/* Fid of the attached root. */
#define VOP_9P_ROOT 0u

/* Tversion, then Tattach of an empty name as user `uid`. VOP_E_VERSION: another dialect. */
int vop_9p_start(struct vop_9p_client *client, struct vop_9p_transport *transport, uint32_t uid);

/* Most bytes that one read or write of a fid moves; `iounit` as open and create returned it. */
uint32_t vop_9p_io_bytes(const struct vop_9p_client *client, uint32_t iounit);

/*
 * Walk from `from` along `path`, whose names are parted by slashes; an empty path clones. `*fid` is
 * the caller's to clunk. A name above VOP_9P_NAME_MAX: VOP_E_ARGUMENT, before anything is sent.
 */
int vop_9p_walk(struct vop_9p_client *client, uint32_t from, const char *path,
		uint32_t path_bytes, uint32_t *fid, struct vop_9p_qid *qid);

int vop_9p_lopen(struct vop_9p_client *client, uint32_t fid, uint32_t flags, uint32_t *iounit);

/* Create and open a file in directory `fid`, which then is the file's. */
int vop_9p_lcreate(struct vop_9p_client *client, uint32_t fid, const char *name,
		   uint32_t name_bytes, uint32_t flags, uint32_t mode, uint32_t *iounit);

/*
 * Read or write up to `bytes` (cut to the msize) at `offset`; returns the bytes moved. `data` is in
 * card RAM, best 64-byte aligned: the host's copier moves them, the CPU does not touch them.
 */
int vop_9p_read(struct vop_9p_client *client, uint32_t fid, uint64_t offset, void *data,
		uint32_t bytes);
int vop_9p_write(struct vop_9p_client *client, uint32_t fid, uint64_t offset, const void *data,
		 uint32_t bytes);

/* Fill `data` with entries for vop_9p_get_dirent(); returns the bytes, 0 at the end. */
int vop_9p_readdir(struct vop_9p_client *client, uint32_t fid, uint64_t offset, void *data,
		   uint32_t bytes);

int vop_9p_getattr(struct vop_9p_client *client, uint32_t fid, struct vop_9p_attributes *result);

/* Set what `valid` names (VOP_9P_SET_*) to the members of `attributes`. */
int vop_9p_setattr(struct vop_9p_client *client, uint32_t fid, uint32_t valid,
		   const struct vop_9p_attributes *attributes);
int vop_9p_mkdir(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		 uint32_t name_bytes, uint32_t mode);

/*
 * Remove or rename a directory's entry. A server without Tunlinkat or Trenameat (diod 1.0) is asked
 * by Tremove or Trename instead, on a fid of the entry's own: one more exchange.
 */
int vop_9p_unlinkat(struct vop_9p_client *client, uint32_t dir_fid, const char *name,
		    uint32_t name_bytes, uint32_t flags);
int vop_9p_renameat(struct vop_9p_client *client, uint32_t old_dir_fid, const char *old_name,
		    uint32_t old_name_bytes, uint32_t new_dir_fid, const char *new_name,
		    uint32_t new_name_bytes);
int vop_9p_fsync(struct vop_9p_client *client, uint32_t fid);
int vop_9p_statfs(struct vop_9p_client *client, uint32_t fid, struct vop_9p_statfs *result);

/* Give the fid back, whatever the server answers. */
int vop_9p_clunk(struct vop_9p_client *client, uint32_t fid);

#endif /* VOP_9P_CLIENT_H */
