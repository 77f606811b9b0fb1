/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lies under sanitizers: replies, device pages, used rings, directory data, command lines.
 * Seeds are fixed, so that a failure repeats; the check that counts is that nothing is overrun and
 * that every call returns.
 */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "check.h"
#include "vop/9p_wire.h"
#include "vop/words.h"

#define ROUNDS 400

static uint32_t state;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void scribble(uint8_t *at, uint32_t bytes, uint32_t changes)
{
	for (uint32_t n = 0; n < changes && bytes != 0; n++) {
		at[next_random() % bytes] = (uint8_t)next_random();
	}
}

static uint32_t spoil(struct model_9p *server, uint8_t *reply, uint32_t bytes)
{
	/* Most replies stay honest, else no conversation gets far. */
	if (server->requests < 3 || next_random() % 4 != 0) {
		return bytes;
	}
	switch (next_random() % 3) {
	case 0:
		scribble(reply + 4, bytes - 4, 3);
		return bytes;
	case 1:
		scribble(reply + 7, bytes - 7, 8);
		return bytes;
	default:
		bytes = 1 + next_random() % bytes;
		reply[0] = (uint8_t)bytes;
		reply[1] = (uint8_t)(bytes >> 8);
		reply[2] = 0;
		return bytes;
	}
}

static void spoiled_replies_never_overrun(void)
{
	static const char *const lines[] = {
		"ls -l /host", "cat /host/f", "cp /host/f /host/g", "stat /host/d/e", "df",
		"mkdir -p /host/a/b", "mv /host/g /host/d", "rm /host/g", "crc32 /host/f",
	};

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		struct bench bench;
		uint32_t dir;

		state = round * 2654435761u;
		bench_open_mounted(&bench);
		model_9p_make(bench.server, 0, "f", false, "some bytes", 10);
		dir = model_9p_make(bench.server, 0, "d", true, NULL, 0);
		model_9p_make(bench.server, dir, "e", false, "", 0);
		bench.server->lie = spoil;
		for (uint32_t n = 0; n < 9; n++) {
			int status = bench_run(&bench, lines[next_random() % 9]);

			CHECK(status >= 0);
			/* A lie about fids must not make the honest half of the model abort. */
			if (model_9p_fids(bench.server) > 12) {
				break;
			}
		}
		bench_close(&bench);
	}
}

static void spoiled_pages_never_overrun(void)
{
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		struct bench bench;
		int result;

		state = round * 2246822519u;
		bench_open_mounted(&bench);
		(void)bench_offer_share(&bench, "second", 16);
		for (uint32_t n = 0; n < 8; n++) {
			scribble(bench.model->host + 24, next_random() % 2 ? 200 : 4072, 6);
			model_ring(bench.model, 0);
			result = vop_device_page_service(bench.page);
			CHECK(result == VOP_OK);
		}
		CHECK(bench_run(&bench, "ls") == 0);
		bench_close(&bench);
	}
}

static void spoiled_used_rings_never_overrun(void)
{
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		struct bench bench;
		uint32_t used;

		state = round * 3266489917u;
		bench_open_mounted(&bench);
		model_9p_make(bench.server, 0, "f", false, "some bytes", 10);
		used = bench.share->queue[0].used;
		scribble(bench.model->ram + used, 6 + 8 * 128, 2 + next_random() % 200);
		CHECK(bench_run(&bench, "cat /host/f") >= 0);
		CHECK(bench_run(&bench, "cat /host/f") >= 0);
		bench_close(&bench);
	}
}

static void random_directory_data_decodes_or_is_refused(void)
{
	for (uint32_t round = 1; round <= 20 * ROUNDS; round++) {
		uint8_t *bytes;
		uint32_t count;
		uint32_t entries = 0;
		struct vop_9p_reader reader;
		struct vop_9p_dirent entry;
		int result;

		state = round * 668265263u;
		count = next_random() % 200;
		/* Of exactly that size: the sanitizer guards both ends. */
		bytes = malloc(count);
		for (uint32_t n = 0; n < count; n++) {
			bytes[n] = (uint8_t)(next_random() % 4 == 0 ? next_random() : 1);
			bytes[n] = n % 40 == 23 ? 0 : bytes[n];
		}
		reader = (struct vop_9p_reader){ .at = bytes, .end = bytes + count };
		while ((result = vop_9p_get_dirent(&reader, &entry)) == 1) {
			entries++;
		}
		CHECK(result == VOP_E_MALFORMED || (result == 0 && reader.at == reader.end));
		CHECK(entries <= count / 25);
		free(bytes);
	}
}

static void random_lines_parse_within_themselves(void)
{
	static const char letters[] = "a b;'\"\\\t;; x";

	for (uint32_t round = 1; round <= 20 * ROUNDS; round++) {
		struct vop_words words;
		uint32_t commands = 0;
		uint32_t count;
		char *line;

		state = round * 374761393u;
		count = next_random() % 60;
		line = malloc(count + 1);
		for (uint32_t n = 0; n < count; n++) {
			line[n] = letters[next_random() % (sizeof(letters) - 1)];
		}
		line[count] = '\0';
		vop_words_init(&words, line);
		while (vop_words_next(&words) == 1) {
			commands++;
			for (uint32_t n = 0; n < words.count; n++) {
				CHECK(words.word[n] >= line && words.word[n] + strlen(words.word[n])
				      <= line + count);
			}
		}
		CHECK(commands <= count + 1);
		free(line);
	}
}

const struct check_case check_cases[] = {
	CASE(spoiled_replies_never_overrun),
	CASE(spoiled_pages_never_overrun),
	CASE(spoiled_used_rings_never_overrun),
	CASE(random_directory_data_decodes_or_is_refused),
	CASE(random_lines_parse_within_themselves),
	{ NULL, NULL },
};
