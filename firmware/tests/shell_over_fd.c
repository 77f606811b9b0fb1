/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card shell over a real 9P server: shell_over_fd FD EXPORT LINE. Prints what the line prints
 * and ends with its status. As vopd does, it puts EXPORT into the Tattach.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static int server_fd;
static const char *export_path;
static uint8_t message[256 * 1024];

static void write_all(const uint8_t *at, size_t bytes)
{
	while (bytes != 0) {
		ssize_t wrote = write(server_fd, at, bytes);

		if (wrote <= 0) {
			abort();
		}
		at += wrote;
		bytes -= (size_t)wrote;
	}
}

static void read_all(uint8_t *at, size_t bytes)
{
	while (bytes != 0) {
		ssize_t got = read(server_fd, at, bytes);

		if (got <= 0) {
			abort();
		}
		at += got;
		bytes -= (size_t)got;
	}
}

/* Put the export's path behind size[4] type[1] tag[2] fid[4] afid[4] and an empty uname[2]. */
static uint32_t rewrite_attach(uint32_t bytes)
{
	uint32_t path_bytes = (uint32_t)strlen(export_path);

	memmove(message + 19 + path_bytes, message + 19, bytes - 19);
	memcpy(message + 19, export_path, path_bytes);
	message[17] = (uint8_t)path_bytes;
	message[18] = (uint8_t)(path_bytes >> 8);
	bytes += path_bytes;
	message[0] = (uint8_t)bytes;
	message[1] = (uint8_t)(bytes >> 8);
	return bytes;
}

static void relay(struct model *model, struct model_device *device, uint32_t index,
		  const struct model_chain *chain)
{
	uint32_t bytes = chain->readable_bytes;

	memcpy(message, chain->readable, bytes);
	if (message[4] == 104) {
		bytes = rewrite_attach(bytes);
	}
	write_all(message, bytes);
	read_all(message, 4);
	bytes = (uint32_t)message[0] | (uint32_t)message[1] << 8 | (uint32_t)message[2] << 16;
	if (bytes > sizeof(message)) {
		abort();
	}
	read_all(message + 4, bytes - 4);
	model_complete(model, device, index, chain->head, message, bytes);
}

int main(int argc, char **argv)
{
	struct bench bench;
	struct model_device *share;
	int status;

	if (argc != 4) {
		return 2;
	}
	server_fd = atoi(argv[1]);
	export_path = argv[2];
	bench_open_online(&bench);
	share = bench_offer_share(&bench, "host", 128);
	share->serve = relay;
	status = bench_mount(&bench);
	if (status == 0) {
		status = bench_run(&bench, argv[3]);
		fputs(bench.out.text, stdout);
	}
	bench_close(&bench);
	return status < 0 ? 255 : status;
}
