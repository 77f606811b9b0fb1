/* SPDX-License-Identifier: Apache-2.0 */
/* Copier, device page and handshakes against the model, honest and hostile. */

#include <string.h>

#include "bench.h"
#include "check.h"
#include "vop/crash.h"
#include "vop/vdev.h"

/* Offsets in the device control, by hand. */
enum { CONFIG_CHANGE = 8, GUEST_ACK = 10, H2C_DB = 14 };

/* In the device page, and registers, by hand. */
enum { CONFIG_DB = 4, BOOT_STATE = 0x114, BOOT_DETAIL = 0x118 };

static void copies_move_every_byte_at_every_alignment(void)
{
	struct bench bench;
	uint8_t *card;

	bench_open(&bench);
	card = model_alloc(bench.model, 256, 64);
	for (uint32_t n = 0; n < 200; n++) {
		card[n] = (uint8_t)(n * 7 + 1);
	}
	for (uint32_t shift = 0; shift < 8; shift++) {
		CHECK_EQUAL(vop_copier_write(bench.copier, MODEL_HOST_BUS + 8192 + shift,
					     card + shift, 101), VOP_OK);
		CHECK(memcmp(bench.model->host + 8192 + shift, card + shift, 101) == 0);
		memset(card + 220, 0, 16);
		CHECK_EQUAL(vop_copier_read(bench.copier, card + 220, MODEL_HOST_BUS + 8192 + shift,
					    16), VOP_OK);
		CHECK(memcmp(card + 220, card + shift, 16) == 0);
	}
	CHECK_EQUAL(vop_copier_post(bench.copier, MODEL_HOST_BUS + 100, 0x8877665544332211, 3),
		    VOP_OK);
	CHECK(memcmp(bench.model->host + 100, "\x11\x22\x33\0", 4) == 0);
	bench_close(&bench);
}

static void a_failed_command_names_its_fault_and_the_next_one_works(void)
{
	static const struct {
		uint32_t error;
		int result;
	} table[] = {
		{ 1, VOP_E_SEQUENCE },  { 2, VOP_E_ARGUMENT }, { 3, VOP_E_ARGUMENT },
		{ 4, VOP_E_REFUSED },   { 5, VOP_E_LATE },     { 6, VOP_E_REFUSED },
		{ 7, VOP_E_REFUSED },   { 8, VOP_E_MALFORMED }, { 9, VOP_E_GONE },
		{ 10, VOP_E_SEQUENCE }, { 12, VOP_E_SEQUENCE }, { 200, VOP_E_SEQUENCE },
	};
	struct bench bench;

	bench_open(&bench);
	for (uint32_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		bench.model->copier_error = table[n].error;
		bench.model->copier_in = 0;
		CHECK_EQUAL(vop_copier_post(bench.copier, MODEL_HOST_BUS, 0, 1), table[n].result);
		CHECK_EQUAL(vop_copier_post(bench.copier, MODEL_HOST_BUS, 0, 1), VOP_OK);
		CHECK_EQUAL(bench.copier->failures, n + 1);
	}
	bench_close(&bench);
}

static void a_command_that_never_ends_is_late_and_the_channel_is_reset(void)
{
	struct bench bench;
	uint64_t start_us;

	bench_open(&bench);
	bench.model->copier_stuck = true;
	start_us = bench.model->time_us;
	CHECK_EQUAL(vop_copier_post(bench.copier, MODEL_HOST_BUS, 0, 1), VOP_E_LATE);
	CHECK(bench.model->time_us - start_us < 2 * VOP_CONFIG_COPIER_TIMEOUT_US);
	CHECK_EQUAL(bench.model->copier_resets, 2);
	bench.model->copier_stuck = false;
	CHECK_EQUAL(vop_copier_post(bench.copier, MODEL_HOST_BUS, 7, 1), VOP_OK);
	bench_close(&bench);
}

static void copies_outside_card_ram_are_never_submitted(void)
{
	struct bench bench;
	uint8_t *end;

	bench_open(&bench);
	end = bench.model->ram + MODEL_RAM_BYTES;
	CHECK_EQUAL(vop_copier_read(bench.copier, end - 4, MODEL_HOST_BUS, 5), VOP_E_ARGUMENT);
	CHECK_EQUAL(vop_copier_read(bench.copier, bench.model->ram - 1, MODEL_HOST_BUS, 1),
		    VOP_E_ARGUMENT);
	CHECK_EQUAL(vop_copier_read(bench.copier, bench.model->ram, MODEL_HOST_BUS, 0),
		    VOP_E_ARGUMENT);
	CHECK_EQUAL(bench.copier->failures, 0);
	CHECK_EQUAL(vop_copier_read(bench.copier, end - 4, MODEL_HOST_BUS, 4), VOP_OK);
	bench_close(&bench);
}

static void the_page_is_opened_when_the_host_publishes_it(void)
{
	struct bench bench;

	bench_open(&bench);
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_GONE);
	CHECK_EQUAL(bench.model->registers[0x114 / 4], 1);
	model_publish_page(bench.model, 0);
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_OK);
	CHECK_EQUAL(bench.model->host[4], 0);
	CHECK_EQUAL(bench.model->registers[0x114 / 4], 2);
	CHECK_EQUAL(bench.model->vectors_raised & 1, 1);
	bench_close(&bench);
}

static void strangers_are_refused_with_what_they_said(void)
{
	struct bench bench;

	bench_open(&bench);
	model_publish_page(bench.model, 0);
	bench.model->registers[1] = 0x20000;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_VERSION);
	CHECK_EQUAL(bench.model->registers[0x114 / 4], 3);
	CHECK_EQUAL(bench.model->registers[0x118 / 4], 2);
	CHECK_CONTAINS(bench.model->log, "page: layout major is 0x2, must be 0x1\n");
	bench.model->registers[1] = 0x10005;
	bench.model->host[0] ^= 1;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_MALFORMED);
	CHECK_CONTAINS(bench.model->log, "page: magic of the device page is 0xc0ffee01, "
		       "must be 0xc0ffee00\n");
	bench.model->host[0] ^= 1;
	bench.model->registers[0x108 / 4] = 8192;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_MALFORMED);
	CHECK_CONTAINS(bench.model->log, "size of the device page is 0x2000");
	bench.model->registers[0x108 / 4] = 4096;
	bench.model->registers[0x120 / 4] = 2;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_MALFORMED);
	CHECK_CONTAINS(bench.model->log, "host_protocol.info_align is 0x2");
	bench.model->registers[0x120 / 4] = 5 << 8;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_MALFORMED);
	CHECK_CONTAINS(bench.model->log, "host_protocol.push_slot_log2 is 0x5, must be 0x10");
	bench.model->registers[0x120 / 4] = 4;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_OK);
	bench.model->registers[0] = 0xffffffff;
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_VERSION);
	bench_close(&bench);
}

static void both_places_of_the_vring_information_are_found(void)
{
	for (uint32_t align = 0; align <= 4; align += 4) {
		for (uint16_t num = 2; num <= 128; num = (uint16_t)(2 * num)) {
			struct bench bench;

			bench_open(&bench);
			model_publish_page(bench.model, align);
			CHECK_EQUAL(vop_device_page_open(bench.page), VOP_OK);
			(void)bench_offer_share(&bench, "host", num);
			/* A ring of two cannot hold a request of three parts. */
			CHECK_EQUAL(bench_mount(&bench), num == 2 ? -74 : 0);
			CHECK_EQUAL(bench_run(&bench, "ls /host"), num == 2 ? 2 : 0);
			bench_close(&bench);
		}
	}
}

static void a_wrong_cookie_or_ring_size_is_refused(void)
{
	struct bench bench;
	struct model_device *device;

	bench_open_online(&bench);
	device = bench_offer_share(&bench, "host", 128);
	bench.model->host[device->queue[0].ring + 5130] ^= 1;
	CHECK_EQUAL(bench_mount(&bench), -74);
	CHECK_CONTAINS(bench.model->log, "cookie of queue 0 is 0xc0ffee08, must be 0xc0ffee09");
	model_ask_removal(bench.model, device);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	CHECK_EQUAL(model_ctrl(bench.model, device)[GUEST_ACK], 1);
	model_clear_slot(bench.model, device);

	device = bench_offer_share(&bench, "host", 96);
	CHECK_EQUAL(bench_mount(&bench), -74);
	CHECK_CONTAINS(bench.model->log,
		       "queue 0 has 96 entries, must be a power of two up to 128");
	bench_close(&bench);
}

static void a_host_that_answers_no_handshake_is_late(void)
{
	struct bench bench;
	struct model_device *device;
	uint64_t start_us;

	bench_open_online(&bench);
	device = bench_offer_share(&bench, "host", 16);
	device->deaf = true;
	start_us = bench.model->time_us;
	CHECK_EQUAL(bench_mount(&bench), -110);
	CHECK(bench.model->time_us - start_us < 3 * VOP_CONFIG_RESET_TIMEOUT_US);
	bench_close(&bench);
}

static void bad_tags_are_refused(void)
{
	static const char *const tags[] = { ".", "..", "a/b", "a b", "\x7f" "x" };

	for (uint32_t n = 0; n < sizeof(tags) / sizeof(tags[0]); n++) {
		struct bench bench;

		bench_open_online(&bench);
		(void)bench_offer_share(&bench, tags[n], 16);
		CHECK_EQUAL(bench_mount(&bench), -74);
		CHECK_EQUAL(bench_run(&bench, "ls /"), 0);
		CHECK_TEXT(bench.out.text, "");
		bench_close(&bench);
	}
}

static void a_tag_is_mounted_once(void)
{
	struct bench bench;
	struct vop_9p_mount *second;
	struct vop_vdev *vdev;

	bench_open_mounted(&bench);
	second = model_alloc(bench.model, sizeof(*second), 4096);
	(void)bench_offer_share(&bench, "host", 16);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	vdev = vop_device_page_next(bench.page, NULL, VOP_VDEV_FOUND);
	CHECK_EQUAL(vop_9p_fs_mount(&bench.fs, second, vdev, 0), -17);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 0);
	bench_close(&bench);
}

static void a_configuration_change_is_acknowledged(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_ctrl(bench.model, bench.share)[CONFIG_CHANGE] = 2;
	model_ring(bench.model, 0);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	CHECK_EQUAL(model_ctrl(bench.model, bench.share)[GUEST_ACK], 1);
	CHECK(bench.mount->virtio.vdev->config_changed);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 0);
	bench_close(&bench);
}

static struct model_device *breaking;

static void ask_for_reset(struct model *model)
{
	model->host[breaking->block + 4] |= 0x40;
	model_ring(model, model_ctrl(model, breaking)[H2C_DB]);
	breaking->deaf = true;
}

static void a_host_that_asks_for_a_reset_ends_the_request_at_once(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	breaking = bench.share;
	bench.model->on_wait = ask_for_reset;
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 5);
	CHECK_CONTAINS(bench.model->log, "virtio 9: the host asks for a reset\n");
	CHECK(bench.model->time_us < 1000000);
	bench.model->on_wait = NULL;
	breaking->deaf = false;
	CHECK_EQUAL(vop_9p_fs_unmount(&bench.fs, bench.mount), VOP_OK);
	CHECK(breaking->resets > 1);
	bench_close(&bench);
}

static void a_slot_reused_in_one_blink_is_a_new_device(void)
{
	struct bench bench;
	struct vop_vdev *old;

	bench_open_mounted(&bench);
	old = bench.mount->virtio.vdev;
	model_clear_slot(bench.model, bench.share);
	bench.share = bench_offer_share(&bench, "host", 128);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	CHECK(vop_vdev_is_gone(old));
	CHECK(vop_device_page_next(bench.page, NULL, VOP_VDEV_FOUND) != NULL);
	CHECK_EQUAL(vop_9p_fs_unmount(&bench.fs, bench.mount), VOP_OK);
	memset(bench.server->fid_node, 0xff, sizeof(bench.server->fid_node));
	CHECK_EQUAL(bench_mount(&bench), 0);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 0);
	/* What was the old device's is not touched: nobody acknowledged for the new one. */
	CHECK_EQUAL(model_ctrl(bench.model, bench.share)[GUEST_ACK], 0);
	bench_close(&bench);
}

static void a_page_taken_away_takes_every_device_and_can_come_back(void)
{
	struct bench bench;

	bench_open_mounted(&bench);
	model_withdraw_page(bench.model);
	CHECK_EQUAL(bench_run(&bench, "ls /host"), 5);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_E_GONE);
	CHECK_EQUAL(vop_9p_fs_unmount(&bench.fs, bench.mount), VOP_OK);
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_E_GONE);
	bench.model->devices[0].present = false;
	model_publish_page(bench.model, 0);
	CHECK_EQUAL(vop_device_page_open(bench.page), VOP_OK);
	memset(bench.server->fid_node, 0xff, sizeof(bench.server->fid_node));
	(void)bench_offer_share(&bench, "again", 128);
	CHECK_EQUAL(bench_mount(&bench), 0);
	CHECK_EQUAL(bench_run(&bench, "ls /again"), 0);
	bench_close(&bench);
}

static void a_lying_page_ends_the_walk_within_its_bounds(void)
{
	struct bench bench;

	bench_open_online(&bench);
	/* One block after the other, the last one reaching past the end. */
	for (uint32_t at = 24; at < 4096; at += 8 + 16) {
		bench.model->host[at] = 0xff;
	}
	bench.model->host[4072] = 9;
	bench.model->host[4073] = 255;
	model_ring(bench.model, 0);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	CHECK_CONTAINS(bench.model->log, "bytes at 4080, must end within 4096");
	CHECK(vop_device_page_next(bench.page, NULL, VOP_VDEV_FOUND) == NULL);
	bench_close(&bench);
}

static void more_devices_than_the_card_drives_are_ignored(void)
{
	struct bench bench;
	uint32_t found = 0;

	bench_open_online(&bench);
	for (uint32_t n = 0; n < VOP_CONFIG_DEVICES + 3; n++) {
		uint8_t *block = bench.model->host + 24 + n * 48;

		memset(block, 0, 48);
		block[1] = 1;
		block[0] = 4;
		block[32 + H2C_DB] = 0xff;
	}
	model_ring(bench.model, 0);
	CHECK_EQUAL(vop_device_page_service(bench.page), VOP_OK);
	for (struct vop_vdev *vdev = NULL;
	     (vdev = vop_device_page_next(bench.page, vdev, VOP_VDEV_FOUND)) != NULL;) {
		found++;
	}
	CHECK_EQUAL(found, VOP_CONFIG_DEVICES);
	bench_close(&bench);
}

static void a_crash_withdraws_the_doorbell_and_raises_the_vector(void)
{
	struct bench bench;

	bench_open_online(&bench);
	bench.model->vectors_raised = 0;
	memset(bench.copier, 0xa5, sizeof(*bench.copier));
	vop_crash_report(&bench.model->port, bench.copier, 0x80000002, 0x1234);
	CHECK_EQUAL(bench.model->registers[BOOT_STATE / 4], 4);
	CHECK_EQUAL(bench.model->registers[BOOT_DETAIL / 4], 0x123402);
	CHECK_EQUAL(bench.model->host[CONFIG_DB], 0xff);
	CHECK_EQUAL(bench.model->vectors_raised, 1);
	bench_close(&bench);
}

static void a_crash_that_cannot_reach_the_page_is_still_told(void)
{
	struct bench bench;

	bench_open_online(&bench);
	bench.model->vectors_raised = 0;
	bench.model->copier_stuck = true;
	vop_crash_report(&bench.model->port, bench.copier, 5, 0);
	CHECK_EQUAL(bench.model->registers[BOOT_STATE / 4], 4);
	CHECK_EQUAL(bench.model->host[CONFIG_DB], 0);
	CHECK_EQUAL(bench.model->vectors_raised, 1);
	bench_close(&bench);
}

static void a_crash_before_the_page_touches_no_host_memory(void)
{
	struct bench bench;

	bench_open(&bench);
	vop_crash_report(&bench.model->port, bench.copier, 5, 0);
	CHECK_EQUAL(bench.model->registers[BOOT_STATE / 4], 4);
	CHECK_EQUAL(bench.model->bytes_written, 0);
	bench_close(&bench);
}

const struct check_case check_cases[] = {
	CASE(copies_move_every_byte_at_every_alignment),
	CASE(a_failed_command_names_its_fault_and_the_next_one_works),
	CASE(a_command_that_never_ends_is_late_and_the_channel_is_reset),
	CASE(copies_outside_card_ram_are_never_submitted),
	CASE(the_page_is_opened_when_the_host_publishes_it),
	CASE(strangers_are_refused_with_what_they_said),
	CASE(both_places_of_the_vring_information_are_found),
	CASE(a_wrong_cookie_or_ring_size_is_refused),
	CASE(a_host_that_answers_no_handshake_is_late),
	CASE(bad_tags_are_refused),
	CASE(a_tag_is_mounted_once),
	CASE(a_configuration_change_is_acknowledged),
	CASE(a_host_that_asks_for_a_reset_ends_the_request_at_once),
	CASE(a_slot_reused_in_one_blink_is_a_new_device),
	CASE(a_page_taken_away_takes_every_device_and_can_come_back),
	CASE(a_lying_page_ends_the_walk_within_its_bounds),
	CASE(more_devices_than_the_card_drives_are_ignored),
	CASE(a_crash_withdraws_the_doorbell_and_raises_the_vector),
	CASE(a_crash_that_cannot_reach_the_page_is_still_told),
	CASE(a_crash_before_the_page_touches_no_host_memory),
	{ NULL, NULL },
};
