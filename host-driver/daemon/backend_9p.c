/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backend 9p: a virtio 9P device whose server is a diod of its own.
 *
 *   card's request --> check, rewrite --> socket pair --> diod --> check --> card's reply
 *
 * One request is under way at a time, as the ioctl keeps one chain per queue. Only well-formed
 * requests reach diod; the others are answered here. A Tattach asks for "", and gets the export. A
 * session starts with Tversion, and each gets a fresh diod, so that no fid outlives the card's
 * driver. Ref: virtio 1.3, 9P transport device (id 9).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/virtio_9p.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "backend.h"
#include "diod.h"
#include "log.h"
#include "p9_message.h"

enum {
	QUEUE = 0,
	TAG_MAX_BYTES = 31,
	MSIZE_MIN = 4096,
	MSIZE_DEFAULT = 65536,              /* diod 1.0.24 grants no more */
	MSIZE_MAX = 1 << 20,
};

enum state {
	AWAIT_REQUEST,
	SEND_REQUEST,
	AWAIT_REPLY,
	ANSWER,                             /* `reply` holds what the card gets */
};

struct backend_9p {
	struct backend base;
	uint8_t config[2 + TAG_MAX_BYTES];  /* tag_len, tag */
	char export[PATH_MAX];
	uint32_t msize;
	uint8_t *request;                   /* msize bytes, and room for a rewritten Tattach */
	uint8_t *reply;                     /* msize bytes */
	enum state state;
	size_t bytes;                       /* of the request or reply under way */
	size_t moved;                       /* of those, so far through the socket */
	uint32_t writable_bytes;            /* room for the reply */
	bool is_diod_used;                  /* a session has begun with this diod */
	const char *failure;                /* why the share failed, if not by diod's end */
	struct diod diod;
	struct loop_source socket_source;
	struct loop_source ended_source;    /* the process */
};

static struct backend_9p *to_9p(struct backend *backend)
{
	return (struct backend_9p *)backend; /* its first member */
}

static size_t request_capacity(const struct backend_9p *share)
{
	return share->msize + PATH_MAX + 64;
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct backend_9p *share = (struct backend_9p *)
		((char *)source - offsetof(struct backend_9p, socket_source));

	(void)events;
	backend_run(&share->base);
}

static void stop_diod(struct backend_9p *share, char *how, size_t how_bytes)
{
	struct loop *loop = share->base.settings->loop;

	loop_remove(loop, &share->socket_source);
	loop_remove(loop, &share->ended_source);
	diod_stop(&share->diod, how, how_bytes);
}

/* Ends the share; `why` is NULL if the way that diod ended says it. */
static void fail(struct backend_9p *share, const char *why)
{
	backend_fail(&share->base);
	share->failure = why;
}

static void diod_ended(struct loop_source *source, uint32_t events)
{
	struct backend_9p *share = (struct backend_9p *)
		((char *)source - offsetof(struct backend_9p, ended_source));

	(void)events;
	fail(share, NULL);
	backend_run(&share->base);
}

static int start_diod(struct backend_9p *share)
{
	const struct backend_settings *settings = share->base.settings;
	int error = diod_start(&share->diod, settings->diod_path, share->export, settings->user);

	if (error < 0)
		return error;
	share->is_diod_used = false;
	share->socket_source = (struct loop_source){ share->diod.socket, socket_ready };
	share->ended_source = (struct loop_source){ share->diod.pidfd, diod_ended };
	error = loop_add(settings->loop, &share->socket_source);
	if (!error)
		error = loop_add(settings->loop, &share->ended_source);
	return error;
}

static bool restart_diod(struct backend_9p *share)
{
	char how[64];
	int error;

	stop_diod(share, how, sizeof(how));
	error = start_diod(share);
	if (error < 0)
		fail(share, strerror(-error));
	return error == 0;
}

/* The state that follows a call of the device. */
static bool device_call(struct backend_9p *share, int result, const char *what)
{
	if (result == 0)
		return true;
	if (result == -ENODEV)
		backend_driver_left(&share->base);
	else
		vopd_log("%s: %s: %s", share->base.name, what, strerror(-result));
	share->state = AWAIT_REQUEST;
	return false;
}

static void answer_error(struct backend_9p *share, uint16_t tag, uint32_t error)
{
	p9_write_error(share->reply, tag, error);
	share->bytes = P9_ERROR_BYTES;
	share->state = ANSWER;
}

/* Ends a chain that has no room for an error, or whose request is longer than any may be. */
static bool refuse(struct backend_9p *share, uint32_t readable_bytes, const char *what)
{
	const uint32_t bytes = readable_bytes < share->msize ? readable_bytes : share->msize;
	int result = vop_device_read(&share->base.device, QUEUE, share->request, bytes, true);

	backend_malformed(&share->base, what);
	return device_call(share, result, "refuse");
}

/* A request that vopd must change, or answer itself; returns false if it is answered. */
static bool adapt_request(struct backend_9p *share)
{
	uint8_t *const request = share->request;
	const int error = p9_check_request(request, share->bytes);

	if (error == -EPROTO)
		backend_malformed(&share->base, "its sizes contradict each other");
	if (error < 0) {
		const bool has_tag = share->bytes >= P9_HEADER_BYTES;

		answer_error(share, has_tag ? p9_tag(request) : P9_NOTAG, (uint32_t)-error);
		return false;
	}
	if (p9_type(request) == P9_TVERSION) {
		if (share->is_diod_used && !restart_diod(share))
			return false;
		share->is_diod_used = true;
		p9_limit_version(request, share->msize);
	} else if (p9_type(request) == P9_TATTACH) {
		share->bytes = p9_rewrite_attach(request, request_capacity(share), share->export,
						 share->base.settings->user);
		if (!share->bytes) {
			answer_error(share, p9_tag(request), EMSGSIZE);
			return false;
		}
	}
	return true;
}

static bool take_request(struct backend_9p *share)
{
	struct vop_chain chain;
	int result;

	if (!backend_next(&share->base, QUEUE, &chain))
		return false;
	if (chain.writable_bytes < P9_ERROR_BYTES)
		return refuse(share, chain.readable_bytes, "no room for a reply");
	if (!chain.readable_bytes || chain.readable_bytes > share->msize)
		return refuse(share, chain.readable_bytes, "empty, or longer than msize");
	result = vop_device_read(&share->base.device, QUEUE, share->request, chain.readable_bytes,
				 false);
	if (!device_call(share, result, "read a request"))
		return false;
	share->bytes = chain.readable_bytes;
	share->writable_bytes = chain.writable_bytes;
	share->moved = 0;
	if (adapt_request(share))
		share->state = SEND_REQUEST;
	return true;
}

static bool send_request(struct backend_9p *share)
{
	ssize_t count = send(share->diod.socket, share->request + share->moved,
			     share->bytes - share->moved, MSG_NOSIGNAL);

	if (count < 0) {
		if (errno != EAGAIN)
			fail(share, NULL);
		return false;
	}
	share->moved += (size_t)count;
	if (share->moved == share->bytes) {
		share->state = AWAIT_REPLY;
		share->bytes = P9_HEADER_BYTES;
		share->moved = 0;
	}
	return true;
}

static bool receive_reply(struct backend_9p *share)
{
	ssize_t count = recv(share->diod.socket, share->reply + share->moved,
			     share->bytes - share->moved, 0);

	if (count <= 0) {
		if (count == 0 || errno != EAGAIN)
			fail(share, NULL);
		return false;
	}
	share->moved += (size_t)count;
	if (share->moved == P9_HEADER_BYTES)
		share->bytes = p9_size(share->reply);
	if (share->bytes < P9_HEADER_BYTES || share->bytes > share->msize) {
		fail(share, "diod sent a message of impossible size");
		return false;
	}
	if (share->moved < share->bytes)
		return true;
	if (p9_check_reply(share->reply, share->bytes, share->request) < 0) {
		fail(share, "diod sent a reply that answers no request");
		return false;
	}
	share->state = ANSWER;
	return true;
}

static bool answer(struct backend_9p *share)
{
	int result;

	if (share->bytes > share->writable_bytes) {
		backend_malformed(&share->base, "too little room for the reply");
		answer_error(share, p9_tag(share->request), EMSGSIZE);
	}
	result = vop_device_write(&share->base.device, QUEUE, share->reply,
				  (uint32_t)share->bytes);
	share->state = AWAIT_REQUEST;
	share->base.requests++;
	return device_call(share, result, "write a reply");
}

static void share_service(struct backend *backend)
{
	struct backend_9p *share = to_9p(backend);
	bool has_moved = true;

	while (has_moved && !backend->has_failed) {
		switch (share->state) {
		case AWAIT_REQUEST: has_moved = take_request(share); break;
		case SEND_REQUEST:  has_moved = send_request(share); break;
		case AWAIT_REPLY:   has_moved = receive_reply(share); break;
		case ANSWER:        has_moved = answer(share); break;
		}
	}
	backend->is_busy = share->state != AWAIT_REQUEST;
}

static void share_reset(struct backend *backend)
{
	struct backend_9p *share = to_9p(backend);

	/* With the old diod goes whatever it had still to say. */
	share->state = AWAIT_REQUEST;
	if (!backend->has_failed)
		restart_diod(share);
}

static void share_abort(struct backend *backend)
{
	struct backend_9p *share = to_9p(backend);

	if (share->state == AWAIT_REQUEST)
		return;
	answer_error(share, p9_tag(share->request), EIO);
	answer(share);
}

static void share_destroy(struct backend *backend)
{
	struct backend_9p *share = to_9p(backend);
	char how[64];

	stop_diod(share, how, sizeof(how));
	if (backend->has_failed && share->failure)
		vopd_log("%s: %s; the share is removed", backend->name, share->failure);
	else if (backend->has_failed)
		vopd_log("%s: diod %s; the share is removed", backend->name, how);
	free(share->request);
	free(share->reply);
	free(share);
}

/* Takes ",tag=NAME" and ",msize=N" off the end of `text`, which becomes the directory. */
static int parse_options(struct backend_9p *share, char *text, const char **tag)
{
	char *comma, *end;

	while ((comma = strrchr(text, ','))) {
		if (!strncmp(comma, ",tag=", 5)) {
			*tag = comma + 5;
		} else if (!strncmp(comma, ",msize=", 7)) {
			const unsigned long msize = strtoul(comma + 7, &end, 10);

			if (*end || msize < MSIZE_MIN || msize > MSIZE_MAX) {
				vopd_log("9p: msize must be %d to %d bytes, not \"%s\"", MSIZE_MIN,
					 MSIZE_MAX, comma + 7);
				return -1;
			}
			share->msize = (uint32_t)msize;
		} else {
			break;              /* a comma in the directory's name */
		}
		*comma = '\0';
	}
	return 0;
}

static int set_tag(struct backend_9p *share, const char *tag)
{
	const size_t bytes = strlen(tag);

	if (bytes < 1 || bytes > TAG_MAX_BYTES || strchr(tag, '/') || tag[0] == '.') {
		vopd_log("9p: tag must be 1 to %d bytes without \"/\" and not begin with \".\", "
			 "not \"%s\"", TAG_MAX_BYTES, tag);
		return -1;
	}
	share->config[0] = (uint8_t)bytes;
	memcpy(share->config + 2, tag, bytes);
	snprintf(share->base.name, sizeof(share->base.name), "9p:%s", tag);
	share->base.spec = (struct vop_device_spec){
		.virtio_id = VIRTIO_ID_9P,
		.queues = 1,
		.features = 1ull << VIRTIO_9P_MOUNT_TAG | 1ull << VIRTIO_F_VERSION_1,
		.config = share->config,
		.config_bytes = (uint8_t)(2 + bytes),
	};
	return 0;
}

static int set_export(struct backend_9p *share, const char *directory)
{
	struct stat status;

	if (!realpath(directory, share->export) || stat(share->export, &status) < 0) {
		vopd_log("9p: export \"%s\": %s", directory, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(status.st_mode)) {
		vopd_log("9p: export \"%s\": %s", directory, strerror(ENOTDIR));
		return -1;
	}
	return 0;
}

static int parse(struct backend_9p *share, const char *argument)
{
	char *text = strdup(argument ? argument : "");
	const char *tag = "host";
	int result = -1;

	share->msize = MSIZE_DEFAULT;
	if (text && !parse_options(share, text, &tag) && !set_tag(share, tag))
		result = set_export(share, text);
	free(text);
	return result;
}

static struct backend *share_create(const struct backend_settings *settings, const char *argument)
{
	struct backend_9p *share = calloc(1, sizeof(*share));
	int error;

	if (!share || parse(share, argument) < 0) {
		free(share);
		return NULL;
	}
	share->base.settings = settings;
	share->diod.pid = -1;
	share->socket_source.fd = share->ended_source.fd = -1;
	share->request = malloc(request_capacity(share));
	share->reply = malloc(share->msize);
	error = share->request && share->reply ? start_diod(share) : -ENOMEM;
	if (error < 0) {
		vopd_log("%s: %s: %s", share->base.name, settings->diod_path, strerror(-error));
		share_destroy(&share->base);
		return NULL;
	}
	return &share->base;
}

const struct backend_type backend_9p = {
	.name = "9p",
	.create = share_create,
	.service = share_service,
	.reset = share_reset,
	.abort = share_abort,
	.destroy = share_destroy,
};
