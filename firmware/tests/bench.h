/* SPDX-License-Identifier: Apache-2.0 */
/* The core, powered up against the model: a page, a share, a shell whose output is kept. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "model_9p.h"
#include "vop/9p_fs.h"
#include "vop/console.h"
#include "vop/copier.h"
#include "vop/device_page.h"
#include "vop/shell.h"

#define BENCH_OUTPUT_BYTES (2u << 20)

struct bench_sink {
	struct vop_text_sink sink; /* first: the callback casts back */
	char *text;
	uint32_t length;
};

struct bench {
	struct model *model;
	struct model_9p *server;
	struct vop_copier *copier;
	struct vop_device_page *page;
	struct vop_9p_mount *mount;
	struct vop_9p_fs fs;
	struct vop_shell *shell;
	struct bench_sink out;
	struct model_device *share; /* the host's side of it */
};

/* The model, the copier and the page; nothing is published yet. */
void bench_open(struct bench *bench);
/* And an online page. */
void bench_open_online(struct bench *bench);
/* And a share "host", mounted. */
void bench_open_mounted(struct bench *bench);
void bench_close(struct bench *bench);

/* The host offers a 9P share served by bench->server. */
struct model_device *bench_offer_share(struct bench *bench, const char *tag, uint16_t num);
/* Find and mount the first FOUND vdev; 0 or a negative errno. */
int bench_mount(struct bench *bench);

/* Run a line; returns its status. Its output is bench->out.text. */
int bench_run(struct bench *bench, const char *line);

#endif /* BENCH_H */
