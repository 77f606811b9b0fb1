/* SPDX-License-Identifier: Apache-2.0 */
/* The log that `dmesg` shows, and the way a line gets into it through the port. */

#include "vop/log.h"

#include <stdarg.h>

#include "vop/port.h"

#define LINE_BYTES 160

_Static_assert((VOP_CONFIG_LOG_BYTES & (VOP_CONFIG_LOG_BYTES - 1)) == 0,
	       "VOP_CONFIG_LOG_BYTES must be a power of two");

struct log_sink {
	struct vop_text_sink sink; /* first: the callback casts back */
	struct vop_log *log;
};

static void log_write(struct vop_text_sink *sink, const char *text, uint32_t count)
{
	struct vop_log *log = ((struct log_sink *)sink)->log;

	for (uint32_t n = 0; n < count; n++) {
		log->text[log->written++ % VOP_CONFIG_LOG_BYTES] = text[n];
	}
}

void vop_log_line(struct vop_log *log, uint64_t now_us, const char *line)
{
	struct log_sink sink = { .sink = { .write = log_write }, .log = log };
	uint32_t ms = (uint32_t)(now_us / 1000);

	vop_text_print(&sink.sink, "[%5u.%03u] %s\n", (unsigned int)(ms / 1000),
		       (unsigned int)(ms % 1000), line);
}

void vop_log_print(const struct vop_log *log, struct vop_text_sink *sink)
{
	uint32_t at = 0;

	if (log->written > VOP_CONFIG_LOG_BYTES) {
		at = log->written - VOP_CONFIG_LOG_BYTES;
		/* The oldest line has lost its beginning. */
		while (at != log->written && log->text[at % VOP_CONFIG_LOG_BYTES] != '\n') {
			at++;
		}
		at += at != log->written;
	}
	while (at != log->written) {
		uint32_t start = at % VOP_CONFIG_LOG_BYTES;
		uint32_t count = log->written - at;

		if (count > VOP_CONFIG_LOG_BYTES - start) {
			count = VOP_CONFIG_LOG_BYTES - start;
		}
		sink->write(sink, log->text + start, count);
		at += count;
	}
}

void vop_port_log(struct vop_port *port, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vop_text_format_to(line, sizeof(line), format, arguments);
	va_end(arguments);
	port->log(port, line);
}
