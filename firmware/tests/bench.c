/* SPDX-License-Identifier: Apache-2.0 */
/* The core, powered up against the model. */

#include "bench.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct vop_text_sink *sink, const char *text, uint32_t count)
{
	struct bench_sink *out = (struct bench_sink *)sink;

	if (count > BENCH_OUTPUT_BYTES - 1 - out->length) {
		abort();
	}
	memcpy(out->text + out->length, text, count);
	out->length += count;
	out->text[out->length] = '\0';
}

static void make_shell(struct bench *bench)
{
	struct model *model = bench->model;

	bench->out = (struct bench_sink){ .sink = { .write = keep },
					  .text = calloc(1, BENCH_OUTPUT_BYTES) };
	vop_9p_fs_init(&bench->fs);
	bench->shell = calloc(1, sizeof(*bench->shell));
	bench->shell->out = &bench->out.sink;
	bench->shell->fs = &bench->fs.fs;
	bench->shell->port = &model->port;
	bench->shell->payload_bytes = VOP_CONFIG_9P_PAYLOAD_BYTES;
	bench->shell->payload = model_alloc(model, VOP_CONFIG_9P_PAYLOAD_BYTES, 4096);
	vop_shell_init(bench->shell);
}

void bench_open(struct bench *bench)
{
	*bench = (struct bench){ .model = model_new(), .server = model_9p_new() };
	bench->copier = model_alloc(bench->model, sizeof(*bench->copier), 64);
	bench->page = model_alloc(bench->model, sizeof(*bench->page), 64);
	bench->mount = model_alloc(bench->model, sizeof(*bench->mount), 4096);
	(void)vop_copier_start(bench->copier, &bench->model->port);
	vop_device_page_init(bench->page, &bench->model->port, bench->copier);
	bench->page->serviced_by_waits = true;
	make_shell(bench);
}

void bench_open_online(struct bench *bench)
{
	bench_open(bench);
	model_publish_page(bench->model, 0);
	if (vop_device_page_open(bench->page) != VOP_OK) {
		abort();
	}
}

void bench_open_mounted(struct bench *bench)
{
	bench_open_online(bench);
	bench->share = bench_offer_share(bench, "host", 128);
	if (bench_mount(bench) != 0) {
		abort();
	}
}

void bench_close(struct bench *bench)
{
	free(bench->out.text);
	free(bench->shell);
	model_9p_delete(bench->server);
	model_delete(bench->model);
}

static void serve_9p(struct model *model, struct model_device *device, uint32_t index,
		     const struct model_chain *chain)
{
	struct model_9p *server = device->context;
	uint32_t bytes = model_9p_answer(server, chain->readable, chain->readable_bytes);

	/* A server may answer nothing. */
	if (bytes != 0) {
		model_complete(model, device, index, chain->head, server->reply, bytes);
	}
}

struct model_device *bench_offer_share(struct bench *bench, const char *tag, uint16_t num)
{
	uint8_t config[64] = { (uint8_t)strlen(tag) };
	struct model_device *device;

	memcpy(config + 2, tag, strlen(tag));
	device = model_add_device(bench->model, 9, 1, num, config, (uint8_t)(2 + strlen(tag)));
	device->serve = serve_9p;
	device->context = bench->server;
	return device;
}

int bench_mount(struct bench *bench)
{
	struct vop_vdev *vdev;

	(void)vop_device_page_service(bench->page);
	vdev = vop_device_page_next(bench->page, NULL, VOP_VDEV_FOUND);
	if (vdev == NULL) {
		return -1000;
	}
	return vop_9p_fs_mount(&bench->fs, bench->mount, vdev, 0);
}

int bench_run(struct bench *bench, const char *line)
{
	struct vop_shell_observer observer = { 0 };
	char *copy = strdup(line);
	int status;

	bench->out.length = 0;
	bench->out.text[0] = '\0';
	status = vop_shell_run_line(bench->shell, copy, &observer);
	free(copy);
	return status;
}
