/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the card shell over a share. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "check.h"
#include "vop/errno.h"

static uint8_t *pattern(uint32_t bytes)
{
	uint8_t *data = malloc(bytes + 1);
	uint32_t state = bytes + 1;

	for (uint32_t n = 0; n < bytes; n++) {
		state = state * 1664525u + 1013904223u;
		data[n] = (uint8_t)(state >> 24);
	}
	return data;
}

static bool is_copy(const struct bench *bench, const char *name, const uint8_t *data,
		    uint32_t bytes)
{
	int32_t node = model_9p_find(bench->server, 0, name);

	return node >= 0 && bench->server->nodes[node].size == bytes &&
	       memcmp(bench->server->nodes[node].data, data, bytes) == 0;
}

static void cp_copies_files_of_every_size_whole(void)
{
	static const uint32_t sizes[] = { 0, 1, 4095, 4096, 4097, 65536, 1048576 };
	struct bench bench;

	bench_open_mounted(&bench);
	for (uint32_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		uint8_t *data = pattern(sizes[n]);
		char text[64];

		sprintf(text, "from%u", n);
		model_9p_make(bench.server, 0, text, false, data, sizes[n]);
		sprintf(text, "cp /host/from%u /host/to%u", n, n);
		CHECK_EQUAL(bench_run(&bench, text), 0);
		sprintf(text, "to%u", n);
		CHECK(is_copy(&bench, text, data, sizes[n]));
		free(data);
	}
	CHECK_EQUAL(bench.server->largest_read, 65536);
	CHECK_EQUAL(bench.server->largest_write, 65536);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	bench_close(&bench);
}

static void cp_uses_whole_pages_when_the_server_allows_less_than_64_kib(void)
{
	struct bench bench;
	uint8_t *data = pattern(300000);

	bench_open_online(&bench);
	bench.server->msize_most = 65536;
	(void)bench_offer_share(&bench, "host", 16);
	CHECK_EQUAL(bench_mount(&bench), 0);
	model_9p_make(bench.server, 0, "a", false, data, 300000);
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), 0);
	CHECK(is_copy(&bench, "b", data, 300000));
	CHECK_EQUAL(bench.server->largest_write, 61440);
	free(data);
	bench_close(&bench);
}

static void cp_into_a_directory_keeps_the_name(void)
{
	struct bench bench;
	uint32_t dir;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, "x", 1);
	dir = model_9p_make(bench.server, 0, "d", true, NULL, 0);
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/d"), 0);
	CHECK(model_9p_find(bench.server, dir, "a") > 0);
	bench_close(&bench);
}

static void cp_replaces_what_was_there(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, "new", 3);
	model_9p_make(bench.server, 0, "b", false, "older and longer", 16);
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), 0);
	CHECK(is_copy(&bench, "b", (const uint8_t *)"new", 3));
	bench_close(&bench);
}

static void cp_refuses_to_copy_a_file_onto_itself(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, "keep", 4);
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/./a"), VOP_EINVAL);
	CHECK_TEXT(bench.out.text, "cp: /host/./a: EINVAL: is the file that is copied\n");
	CHECK(is_copy(&bench, "a", (const uint8_t *)"keep", 4));
	bench_close(&bench);
}

/* A command, its status and its output. */
struct expectation {
	const char *line;
	int status;
	const char *output;
};

static void expect_all(struct bench *bench, const struct expectation *expectations)
{
	for (; expectations->line != NULL; expectations++) {
		CHECK_EQUAL(bench_run(bench, expectations->line), expectations->status);
		CHECK_TEXT(bench->out.text, expectations->output);
	}
}

static void failures_name_the_file_and_the_errno(void)
{
	static const struct expectation expectations[] = {
		{ "cp /host/none /host/b", 2,
		  "cp: /host/none: ENOENT: no such file or directory\n" },
		{ "cat /host/secret", 13, "cat: /host/secret: EACCES: permission denied\n" },
		{ "cat /host/d", 21, "cat: /host/d: EISDIR: is a directory\n" },
		{ "cp /host/d /host/e", 21, "cp: /host/d: EISDIR: is a directory\n" },
		{ "ls /host/a/b", 20, "ls: /host/a/b: ENOTDIR: not a directory\n" },
		{ "ls /nowhere", 2, "ls: /nowhere: ENOENT: no such file or directory\n" },
		{ "mkdir /host/d", 17, "mkdir: /host/d: EEXIST: file exists\n" },
		{ "rm /host/d", 21, "rm: /host/d: EISDIR: is a directory\n" },
		{ "rm -d /host/d", 39, "rm: /host/d: ENOTEMPTY: directory not empty\n" },
		{ "mv /host/a /other/a", 2, "mv: /host/a: ENOENT: no such file or directory\n" },
		{ "frobnicate /host", 38, "frobnicate: ENOSYS: no such command, see help\n" },
		{ "cat", 22, "cat: EINVAL: use: cat FILE...\n" },
		{ "cat ''", 2, "cat: : ENOENT: no such file or directory\n" },
		{ "mark 1x", 22, "mark: EINVAL: use: mark NUMBER\n" },
		{ "echo 'open", 22, "card: EINVAL: a quote is not closed\n" },
		{ "echo open\\", 22, "card: EINVAL: nothing follows the last backslash\n" },
		{ "df extra; cat \"/host/x\ty\"", 2,
		  "         KiB    available  mounted on\n"
		  "       16384        16384  /host\n"
		  "cat: /host/x?y: ENOENT: no such file or directory\n" },
		{ NULL, 0, NULL },
	};
	struct bench bench;
	uint32_t dir;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, "a", 1);
	bench.server->nodes[model_9p_make(bench.server, 0, "secret", false, "s", 1)].mode =
		0100000;
	dir = model_9p_make(bench.server, 0, "d", true, NULL, 0);
	model_9p_make(bench.server, dir, "child", false, "c", 1);
	expect_all(&bench, expectations);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	bench_close(&bench);
}

static void names_too_long_fail_before_they_are_sent(void)
{
	struct bench bench;
	char line[1600] = "cat /host/";
	uint32_t requests;

	bench_open_mounted(&bench);
	requests = bench.server->requests;
	memset(line + 10, 'n', 256);
	CHECK_EQUAL(bench_run(&bench, line), VOP_ENAMETOOLONG);
	CHECK_CONTAINS(bench.out.text, ": ENAMETOOLONG: file name too long\n");
	for (uint32_t n = 0; n < 1400; n += 2) {
		memcpy(line + 10 + n, "d/", 2);
	}
	CHECK_EQUAL(bench_run(&bench, line), VOP_ENAMETOOLONG);
	CHECK_EQUAL(bench.server->requests, requests);
	bench_close(&bench);
}

static void quoted_names_with_spaces_and_letters_arrive_whole(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "Grüße an alle.txt", false, "hi", 2);
	model_9p_make(bench.server, 0, "it's; \"x\"\\", false, "yo", 2);
	CHECK_EQUAL(bench_run(&bench, "cat '/host/Grüße an alle.txt'"), 0);
	CHECK_TEXT(bench.out.text, "hi");
	CHECK_EQUAL(bench_run(&bench, "cat /host/Grüße\\ an\" alle\".txt"), 0);
	CHECK_TEXT(bench.out.text, "hi");
	CHECK_EQUAL(bench_run(&bench, "cat \"/host/it's; \\\"x\\\"\\\\\""), 0);
	CHECK_TEXT(bench.out.text, "yo");
	bench_close(&bench);
}

static void semicolons_part_commands_and_the_last_status_counts(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	CHECK_EQUAL(bench_run(&bench, "cat /host/none;echo a;; echo 'b;c' d ;"), 0);
	CHECK_TEXT(bench.out.text,
		   "cat: /host/none: ENOENT: no such file or directory\na\nb;c d\n");
	CHECK_EQUAL(bench_run(&bench, "echo a;cat /host/none"), VOP_ENOENT);
	bench_close(&bench);
}

static void ls_streams_a_directory_of_600_entries(void)
{
	struct bench bench;
	char name[256];
	uint32_t lines = 0;

	bench_open_mounted(&bench);
	for (uint32_t n = 0; n < 600; n++) {
		memset(name, 'x', 200);
		sprintf(name + 200, "%03u", n);
		model_9p_make(bench.server, 0, name, false, "", 0);
	}
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 0);
	for (const char *at = bench.out.text; *at != '\0'; at++) {
		lines += *at == '\n';
	}
	CHECK_EQUAL(lines, 600);
	CHECK_CONTAINS(bench.out.text, "x000\n");
	CHECK_CONTAINS(bench.out.text, "x599\n");
	bench_close(&bench);
}

static void ls_shows_types_sizes_dates_and_mounts(void)
{
	static const struct expectation expectations[] = {
		{ "ls", 0, "host\n" },
		{ "ls -l /host", 0,
		  "drwxr-xr-x 1 1000 100          0 2021-03-04 05:06 d\n"
		  "-rw-r--r-- 1 1000 100          3 2021-03-04 05:06 f\n" },
		{ "ls /host/f /host/d", 0, "/host/f:\n/host/f\n/host/d:\n" },
		{ "mounts", 0, "/host 9p msize=65560\n" },
		{ "stat /host/f", 0,
		  "  file: /host/f\n  size: 3\n  mode: -rw-r--r--\n owner: 1000:100\n links: 1\n"
		  " inode: 1002\n  time: 2021-03-04 05:06 UTC\n" },
		{ "crc32 /host/f", 0, "352441c2 3 /host/f\n" },
		{ NULL, 0, NULL },
	};
	struct bench bench;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "d", true, NULL, 0);
	model_9p_make(bench.server, 0, "f", false, "abc", 3);
	expect_all(&bench, expectations);
	bench_close(&bench);
}

/* Bit by bit. */
static uint32_t crc32_of(const uint8_t *data, uint32_t bytes)
{
	uint32_t crc = 0xffffffffu;

	for (uint32_t n = 0; n < bytes * 8; n++) {
		crc ^= n % 8 == 0 ? data[n / 8] : 0;
		crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void a_checksum_is_right_at_every_length(void)
{
	static const uint32_t sizes[] = { 0, 7, 1200, 1203, 1204, 1207, 4099, 65536, 200003 };
	uint8_t *data = pattern(200003);

	for (uint32_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		char line[32];
		struct bench bench;

		bench_open_mounted(&bench);
		model_9p_make(bench.server, 0, "f", false, data, sizes[n]);
		snprintf(line, sizeof(line), "%08x %u /host/f", crc32_of(data, sizes[n]), sizes[n]);
		CHECK_EQUAL(bench_run(&bench, "crc32 /host/f"), 0);
		CHECK_CONTAINS(bench.out.text, line);
		bench_close(&bench);
	}
	free(data);
}

static void mkdir_mv_and_rm_change_the_tree(void)
{
	struct bench bench;
	int32_t dir;

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "f", false, "abc", 3);
	CHECK_EQUAL(bench_run(&bench, "mkdir -p /host/x/y/z; mkdir /host/w"), 0);
	CHECK_EQUAL(bench_run(&bench, "mv /host/f /host/x"), 0);
	dir = model_9p_find(bench.server, 0, "x");
	CHECK(dir > 0 && model_9p_find(bench.server, (uint32_t)dir, "f") > 0);
	CHECK_EQUAL(bench_run(&bench, "rm /host/x/f; rm -d /host/x/y/z /host/w"), 0);
	CHECK(model_9p_find(bench.server, (uint32_t)dir, "f") < 0);
	CHECK(model_9p_find(bench.server, 0, "w") < 0);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	bench_close(&bench);
}

static void a_server_without_the_at_messages_is_asked_by_older_ones(void)
{
	static const struct expectation expectations[] = {
		{ "mv /host/f /host/d/g", 0, "" },
		{ "rm /host/d", 21, "rm: /host/d: EISDIR: is a directory\n" },
		{ "rm -d /host/d", 39, "rm: /host/d: ENOTEMPTY: directory not empty\n" },
		{ "rm -d /host/d/g", 20, "rm: /host/d/g: ENOTDIR: not a directory\n" },
		{ "rm /host/d/none", 2, "rm: /host/d/none: ENOENT: no such file or directory\n" },
		{ "rm /host/d/g; rm -d /host/d; ls /host", 0, "" },
		{ NULL, 0, NULL },
	};
	struct bench bench;

	bench_open_mounted(&bench);
	bench.server->lacks_at = true;
	model_9p_make(bench.server, 0, "d", true, NULL, 0);
	model_9p_make(bench.server, 0, "f", false, "x", 1);
	expect_all(&bench, expectations);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	CHECK_EQUAL(bench.mount->client.fids_used, 1);
	bench_close(&bench);
}

static bool interrupt(struct vop_shell *shell)
{
	(void)shell;
	return true;
}

static void an_interrupted_command_ends_and_gives_its_fids_back(void)
{
	struct bench bench;
	uint8_t *data = pattern(200000);

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, data, 200000);
	bench.shell->is_interrupted = interrupt;
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), VOP_EINTR);
	CHECK_TEXT(bench.out.text, "cp: /host/a: EINTR: interrupted\n");
	CHECK_EQUAL(bench_run(&bench, "ls /host"), VOP_EINTR);
	CHECK_EQUAL(model_9p_fids(bench.server), 1);
	free(data);
	bench_close(&bench);
}

static void a_full_disk_ends_cp_with_enospc(void)
{
	struct bench bench;
	uint8_t *data = pattern(200000);

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, data, 200000);
	bench.server->disk_bytes = 70000;
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), VOP_ENOSPC);
	CHECK_TEXT(bench.out.text, "cp: /host/b: ENOSPC: no space left on device\n");
	CHECK_EQUAL(bench_run(&bench, "rm /host/b; echo alive"), 0);
	free(data);
	bench_close(&bench);
}

static void stop_answering(struct model_9p *server)
{
	server->lie_argument = 0;
}

static uint32_t fall_silent(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	(void)reply;
	if (server->last_type == 118) {
		stop_answering(server);
		return 0;
	}
	return bytes;
}

static struct bench *removing;

static void remove_when_silent(struct model *model)
{
	if (removing->server->last_type == 118 && removing->share->present &&
	    !removing->share->deaf) {
		model_ask_removal(model, removing->share);
	}
}

static void a_device_removed_in_mid_transfer_ends_cp_and_can_come_back(void)
{
	struct bench bench;
	uint8_t *data = pattern(200000);

	bench_open_mounted(&bench);
	model_9p_make(bench.server, 0, "a", false, data, 200000);
	bench.server->lie = fall_silent;
	removing = &bench;
	bench.model->on_wait = remove_when_silent;
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), VOP_EIO);
	CHECK_TEXT(bench.out.text, "cp: /host/b: EIO: input/output error\n");
	CHECK(bench.model->time_us < 1000000);
	bench.model->on_wait = NULL;
	bench.server->lie = NULL;

	/* The shell lives on, and the main loop lets the device go. */
	CHECK_EQUAL(bench_run(&bench, "echo alive"), 0);
	CHECK_EQUAL(vop_9p_fs_unmount(&bench.fs, bench.mount), VOP_OK);
	CHECK_EQUAL(model_ctrl(bench.model, bench.share)[10], 1);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), VOP_ENOENT);
	model_clear_slot(bench.model, bench.share);

	memset(bench.server->fid_node, 0xff, sizeof(bench.server->fid_node));
	bench.share = bench_offer_share(&bench, "host", 64);
	CHECK_EQUAL(bench_mount(&bench), 0);
	CHECK_EQUAL(bench_run(&bench, "cp /host/a /host/b"), 0);
	CHECK(is_copy(&bench, "b", data, 200000));
	free(data);
	bench_close(&bench);
}

static uint32_t say_nothing(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	(void)server;
	(void)reply;
	(void)bytes;
	return 0;
}

static void a_server_that_never_answers_is_late(void)
{
	struct bench bench;
	uint64_t start_us;

	bench_open_mounted(&bench);
	bench.server->lie = say_nothing;
	start_us = bench.model->time_us;
	CHECK_EQUAL(bench_run(&bench, "cat /host/a"), VOP_ETIMEDOUT);
	CHECK(bench.model->time_us - start_us >= VOP_CONFIG_REQUEST_TIMEOUT_US);
	/* The host may still own the buffers: nothing more is sent. */
	CHECK_EQUAL(bench_run(&bench, "cat /host/a"), VOP_EIO);
	bench_close(&bench);
}

static void stats_and_mark_reach_the_registers(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	bench.model->registers[0x814 / 4] = 4711;
	bench.model->registers[0x890 / 4] = 5;
	bench.model->registers[0x894 / 4] = 1;
	CHECK_EQUAL(bench_run(&bench, "stats; mark 77"), 0);
	CHECK_CONTAINS(bench.out.text, "tx_mem_write           4711\n");
	CHECK_CONTAINS(bench.out.text, "cycles                 4294967301\n");
	CHECK_EQUAL(bench.model->registers[0x898 / 4], 77);
	bench_close(&bench);
}

const struct check_case check_cases[] = {
	CASE(cp_copies_files_of_every_size_whole),
	CASE(cp_uses_whole_pages_when_the_server_allows_less_than_64_kib),
	CASE(cp_into_a_directory_keeps_the_name),
	CASE(cp_replaces_what_was_there),
	CASE(cp_refuses_to_copy_a_file_onto_itself),
	CASE(failures_name_the_file_and_the_errno),
	CASE(names_too_long_fail_before_they_are_sent),
	CASE(quoted_names_with_spaces_and_letters_arrive_whole),
	CASE(semicolons_part_commands_and_the_last_status_counts),
	CASE(ls_streams_a_directory_of_600_entries),
	CASE(ls_shows_types_sizes_dates_and_mounts),
	CASE(a_checksum_is_right_at_every_length),
	CASE(mkdir_mv_and_rm_change_the_tree),
	CASE(a_server_without_the_at_messages_is_asked_by_older_ones),
	CASE(an_interrupted_command_ends_and_gives_its_fids_back),
	CASE(a_full_disk_ends_cp_with_enospc),
	CASE(a_device_removed_in_mid_transfer_ends_cp_and_can_come_back),
	CASE(a_server_that_never_answers_is_late),
	CASE(stats_and_mark_reach_the_registers),
	{ NULL, NULL },
};
