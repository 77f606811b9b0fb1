/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that `dmesg` shows: the latest lines, each with its time, in a ring of bytes.
 */
#ifndef VOP_LOG_H
#define VOP_LOG_H

#include <stdint.h>

#include "config.h"
#include "text.h"

struct vop_log {
	char text[VOP_CONFIG_LOG_BYTES];
	uint32_t written; /* bytes ever written; wraps */
};

/* Append "[seconds.milliseconds] line". Not for two threads at once. */
void vop_log_line(struct vop_log *log, uint64_t now_us, const char *line);

/* Print what the ring still holds, whole lines only. */
void vop_log_print(const struct vop_log *log, struct vop_text_sink *sink);

#endif /* VOP_LOG_H */
