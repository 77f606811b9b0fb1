/* SPDX-License-Identifier: Apache-2.0 */
/* The 9P client against a server that answers, and against one that lies. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "check.h"

static struct vop_9p_client *client_of(struct bench *bench)
{
	return &bench->mount->client;
}

static uint32_t walk_to(struct bench *bench, const char *path)
{
	uint32_t fid = 0;

	CHECK_EQUAL(vop_9p_walk(client_of(bench), VOP_9P_ROOT, path, (uint32_t)strlen(path), &fid,
				NULL), VOP_OK);
	return fid;
}

static void every_message_is_understood(void)
{
	struct bench bench;
	struct vop_9p_client *client;
	struct vop_9p_attributes attributes;
	struct vop_9p_statfs statfs;
	uint8_t *data;
	uint32_t iounit;
	uint32_t dir;
	uint32_t fid;

	bench_open_mounted(&bench);
	client = client_of(&bench);
	data = model_alloc(bench.model, 8192, 64);
	dir = walk_to(&bench, "");
	CHECK_EQUAL(vop_9p_mkdir(client, dir, "d", 1, 0755), VOP_OK);
	fid = walk_to(&bench, "d");
	CHECK_EQUAL(vop_9p_lcreate(client, fid, "f", 1, VOP_9P_O_RDWR, 0640, &iounit), VOP_OK);
	memcpy(data, "hello", 5);
	CHECK_EQUAL(vop_9p_write(client, fid, 3, data, 5), 5);
	CHECK_EQUAL(vop_9p_fsync(client, fid), VOP_OK);
	CHECK_EQUAL(vop_9p_read(client, fid, 4, data, 8192), 4);
	CHECK(memcmp(data, "ello", 4) == 0);
	CHECK_EQUAL(vop_9p_read(client, fid, 8, data, 8192), 0);
	CHECK_EQUAL(vop_9p_getattr(client, fid, &attributes), VOP_OK);
	CHECK_EQUAL(attributes.size_bytes, 8);
	CHECK_EQUAL(attributes.mode, 0100640);
	CHECK_EQUAL(attributes.uid, 1000);
	CHECK_EQUAL(attributes.mtime_s, 1614834367);
	attributes.size_bytes = 4;
	attributes.mode = 0600;
	CHECK_EQUAL(vop_9p_setattr(client, fid, VOP_9P_SET_SIZE | VOP_9P_SET_MODE, &attributes),
		    VOP_OK);
	CHECK_EQUAL(vop_9p_getattr(client, fid, &attributes), VOP_OK);
	CHECK_EQUAL(attributes.size_bytes, 4);
	CHECK_EQUAL(attributes.mode, 0100600);
	CHECK_EQUAL(vop_9p_clunk(client, fid), VOP_OK);
	fid = walk_to(&bench, "d");
	CHECK_EQUAL(vop_9p_renameat(client, fid, "f", 1, dir, "g", 1), VOP_OK);
	CHECK_EQUAL(vop_9p_statfs(client, dir, &statfs), VOP_OK);
	CHECK_EQUAL(statfs.block_bytes, 4096);
	CHECK_EQUAL(vop_9p_unlinkat(client, dir, "g", 1, 0), VOP_OK);
	CHECK_EQUAL(vop_9p_unlinkat(client, dir, "d", 1, VOP_9P_AT_REMOVEDIR), VOP_OK);
	CHECK_EQUAL(vop_9p_unlinkat(client, dir, "d", 1, 0), VOP_E_REFUSED);
	CHECK_EQUAL(client->ecode, 2);
	CHECK_EQUAL(vop_9p_clunk(client, fid), VOP_OK);
	CHECK_EQUAL(vop_9p_clunk(client, dir), VOP_OK);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	bench_close(&bench);
}

static void a_deep_path_is_walked_in_pieces(void)
{
	struct bench bench;
	char path[1000] = "";
	uint32_t node = 0;
	uint32_t fid;
	uint32_t requests;

	bench_open_mounted(&bench);
	for (uint32_t n = 0; n < 40; n++) {
		char name[24];

		sprintf(name, "directory%02u", n);
		node = model_9p_make(bench.server, node, name, true, NULL, 0);
		strcat(strcat(path, "/"), name);
	}
	requests = bench.server->requests;
	fid = walk_to(&bench, path);
	CHECK_EQUAL(bench.server->requests - requests, 3);
	CHECK_EQUAL(bench.server->fid_node[fid], node);
	strcat(path, "/none");
	CHECK_EQUAL(vop_9p_walk(client_of(&bench), VOP_9P_ROOT, path, (uint32_t)strlen(path), &fid,
				NULL), VOP_E_REFUSED);
	CHECK_EQUAL(client_of(&bench)->ecode, 2);
	/* The fid that the first piece made is given back. */
	CHECK_EQUAL(model_9p_fids(bench.server), 2);
	bench_close(&bench);
}

static void a_walk_that_stops_at_a_file_says_so(void)
{
	struct bench bench;
	uint32_t fid;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "f", false, "", 0);
	CHECK_EQUAL(vop_9p_walk(client_of(&bench), VOP_9P_ROOT, "f/g", 3, &fid, NULL),
		    VOP_E_REFUSED);
	CHECK_EQUAL(client_of(&bench)->ecode, 20);
	CHECK_EQUAL(client_of(&bench)->fids_used, 1);
	bench_close(&bench);
}

static void fids_run_out_and_come_back(void)
{
	struct bench bench;
	uint32_t fid;

	bench_open_mounted(&bench);
	for (uint32_t n = 1; n < VOP_CONFIG_9P_FIDS; n++) {
		(void)walk_to(&bench, "");
	}
	CHECK_EQUAL(vop_9p_walk(client_of(&bench), VOP_9P_ROOT, "", 0, &fid, NULL), VOP_E_FULL);
	CHECK_EQUAL(vop_9p_clunk(client_of(&bench), 5), VOP_OK);
	CHECK_EQUAL(walk_to(&bench, ""), 5);
	bench_close(&bench);
}

static void io_sizes_are_whole_pages_below_the_msize(void)
{
	struct vop_9p_client client = { .msize = 65536 };

	CHECK_EQUAL(vop_9p_io_bytes(&client, 0), 61440);
	CHECK_EQUAL(vop_9p_io_bytes(&client, 10000), 8192);
	CHECK_EQUAL(vop_9p_io_bytes(&client, 100), 100);
	client.msize = 65536 + 24;
	CHECK_EQUAL(vop_9p_io_bytes(&client, 0), 65536);
}

/* Lies: each changes one reply, whose request type is `lie_argument`. */
static bool is_target(const struct model_9p *server)
{
	return server->last_type == server->lie_argument;
}

static uint32_t cut_short(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	(void)reply;
	return is_target(server) ? bytes - 1 : bytes;
}

static uint32_t claim_more(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	reply[0] = (uint8_t)(reply[0] + is_target(server));
	return bytes;
}

static uint32_t other_tag(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	reply[5] ^= is_target(server);
	return bytes;
}

static uint32_t other_type(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	reply[4] = (uint8_t)(reply[4] + 2 * is_target(server));
	return bytes;
}

static uint32_t only_a_header(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	if (!is_target(server)) {
		return bytes;
	}
	reply[0] = 7;
	reply[1] = 0;
	return 7;
}

static uint32_t three_bytes(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	(void)reply;
	return is_target(server) ? 3 : bytes;
}

static uint32_t error_zero(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	if (!is_target(server)) {
		return bytes;
	}
	memcpy(reply, "\13\0\0\0\7", 5);
	memset(reply + 7, 0, 4);
	return 11;
}

static uint32_t huge_count(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	if (is_target(server)) {
		memset(reply + 7, 0xff, 4);
	}
	return bytes;
}

struct lie_case {
	uint32_t (*lie)(struct model_9p *server, uint8_t *reply, uint32_t bytes);
	uint32_t type;
	const char *line;
	int status;
};

static void a_lying_server_is_told_apart_and_the_shell_lives_on(void)
{
	static const struct lie_case table[] = {
		{ cut_short, 24, "stat /host/f", 74 },
		{ cut_short, 116, "cat /host/f", 74 },
		{ claim_more, 24, "stat /host/f", 74 },
		{ claim_more, 116, "cat /host/f", 74 },
		{ claim_more, 118, "cp /host/f /host/g", 74 },
		{ other_tag, 110, "stat /host/f", 5 },
		{ other_type, 110, "stat /host/f", 5 },
		{ only_a_header, 24, "stat /host/f", 74 },
		{ only_a_header, 8, "df", 74 },
		{ only_a_header, 12, "cat /host/f", 74 },
		{ only_a_header, 14, "cp /host/f /host/g", 74 },
		{ only_a_header, 40, "ls /host", 74 },
		{ only_a_header, 72, "mkdir /host/d", 74 },
		{ only_a_header, 110, "stat /host/f", 74 },
		{ only_a_header, 118, "cp /host/f /host/g", 74 },
		{ three_bytes, 24, "stat /host/f", 74 },
		{ three_bytes, 116, "cat /host/f", 74 },
		{ error_zero, 116, "cat /host/f", 74 },
		{ error_zero, 110, "cat /host/f", 74 },
		{ huge_count, 116, "cat /host/f", 74 },
		{ huge_count, 40, "ls /host", 74 },
		{ huge_count, 118, "cp /host/f /host/g", 74 },
		{ huge_count, 110, "stat /host/f", 74 },
	};

	for (uint32_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		struct bench bench;

		bench_open_mounted(&bench);
		model_9p_make(bench.server, 0, "f", false, "some bytes", 10);
		bench.server->lie = table[n].lie;
		bench.server->lie_argument = table[n].type;
		CHECK_EQUAL(bench_run(&bench, table[n].line), table[n].status);
		bench.server->lie = NULL;
		CHECK_EQUAL(bench_run(&bench, "cat /host/f"), 0);
		CHECK_TEXT(bench.out.text, "some bytes");
		bench_close(&bench);
	}
}

static uint32_t small_msize(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	if (server->last_type == 100) {
		reply[7] = (uint8_t)server->lie_argument;
		reply[8] = (uint8_t)(server->lie_argument >> 8);
		reply[9] = (uint8_t)(server->lie_argument >> 16);
	}
	return bytes;
}

static uint32_t other_dialect(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	if (server->last_type == 100) {
		reply[bytes - 1] = 'u';
	}
	return bytes;
}

static void a_version_that_cannot_be_believed_is_not_mounted(void)
{
	static const uint32_t msizes[] = { 0, 24, 4119, 65561, 0xffffff };

	for (uint32_t n = 0; n <= sizeof(msizes) / sizeof(msizes[0]); n++) {
		struct bench bench;
		bool is_dialect = n == sizeof(msizes) / sizeof(msizes[0]);

		bench_open_online(&bench);
		bench.server->lie = is_dialect ? other_dialect : small_msize;
		bench.server->lie_argument = is_dialect ? 0 : msizes[n];
		(void)bench_offer_share(&bench, "host", 16);
		CHECK_EQUAL(bench_mount(&bench), is_dialect ? -93 : -74);
		CHECK_EQUAL(bench_run(&bench, "mounts"), 0);
		CHECK_TEXT(bench.out.text, "");
		bench_close(&bench);
	}
}

static uint32_t stand_still(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	/* The offset of the first entry behind count[4] and qid[13]: where it was asked for. */
	if (server->last_type == 40 && bytes > 11) {
		memset(reply + 11 + 13, 0, 8);
	}
	return bytes;
}

static void a_directory_whose_offset_stands_still_ends(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	bench.server->lie = stand_still;
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 74);
	bench_close(&bench);
}

static void control_characters_of_the_host_never_reach_the_terminal(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "\033]0;owned\007x\302\2332Jü", false, "", 0);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 0);
	CHECK_TEXT(bench.out.text, "?]0;owned?x?2Jü\n");
	bench_close(&bench);
}

const struct check_case check_cases[] = {
	CASE(every_message_is_understood),
	CASE(a_deep_path_is_walked_in_pieces),
	CASE(a_walk_that_stops_at_a_file_says_so),
	CASE(fids_run_out_and_come_back),
	CASE(io_sizes_are_whole_pages_below_the_msize),
	CASE(a_lying_server_is_told_apart_and_the_shell_lives_on),
	CASE(a_version_that_cannot_be_believed_is_not_mounted),
	CASE(a_directory_whose_offset_stands_still_ends),
	CASE(control_characters_of_the_host_never_reach_the_terminal),
	{ NULL, NULL },
};
