/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backend console: a virtio console whose other end is a pseudo-terminal.
 *
 * Queue 0 is the card's receive queue, queue 1 its transmit queue. Each direction has one buffer,
 * and no byte is dropped: while nobody reads the terminal the card's transmit chains wait, and
 * while the card offers no receive chain the terminal's writer waits. The slave side is held open
 * here, in raw mode, so that users may come and go. Ref: virtio 1.3, console device (id 3); pty(7).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "backend.h"
#include "log.h"

enum {
	RECEIVE_QUEUE = 0,
	TRANSMIT_QUEUE = 1,
	BUFFER_BYTES = 4096,
};

/* Bytes on their way; those from `first` to `end` have not left yet. */
struct buffer {
	uint8_t byte[BUFFER_BYTES];
	size_t first, end;
};

struct backend_console {
	struct backend base;
	uint8_t config[8];                  /* cols, rows, max_nr_ports: none is offered */
	struct buffer to_card, to_terminal;
	uint32_t unread_bytes;              /* of the transmit chain in progress */
	int master, slave;
	struct loop_source master_source;
	char slave_path[64];
	char link_path[PATH_MAX];           /* "" = none */
};

static struct backend_console *to_console(struct backend *backend)
{
	return (struct backend_console *)backend; /* its first member */
}

static size_t held(const struct buffer *buffer)
{
	return buffer->end - buffer->first;
}

static uint32_t minimum(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void report(struct backend *backend, const char *what, int result)
{
	if (result == -ENODEV)
		backend_driver_left(backend);
	else
		vopd_log("%s: %s: %s", backend->name, what, strerror(-result));
}

/* Card to terminal: a transmit chain is read in pieces as large as the buffer. */
static bool fill_from_card(struct backend_console *console)
{
	struct backend *backend = &console->base;
	struct buffer *buffer = &console->to_terminal;
	struct vop_chain chain;
	uint32_t bytes;
	int result;

	if (held(buffer))
		return false;
	if (!console->unread_bytes) {
		if (!backend_next(backend, TRANSMIT_QUEUE, &chain))
			return false;
		console->unread_bytes = chain.readable_bytes;
	}
	if (!console->unread_bytes)
		backend_malformed(backend, "nothing to read in a transmit chain");
	bytes = minimum(console->unread_bytes, BUFFER_BYTES);
	result = vop_device_read(&backend->device, TRANSMIT_QUEUE, buffer->byte, bytes,
				 bytes == console->unread_bytes);
	console->unread_bytes = result ? 0 : console->unread_bytes - bytes;
	if (result) {
		report(backend, "read", result);
		return false;
	}
	backend->requests += !console->unread_bytes;
	buffer->first = 0;
	buffer->end = bytes;
	return true;
}

static bool drain_to_terminal(struct backend_console *console)
{
	struct buffer *buffer = &console->to_terminal;
	ssize_t count;

	if (!held(buffer))
		return false;
	count = write(console->master, buffer->byte + buffer->first, held(buffer));
	if (count <= 0)
		return false;
	buffer->first += (size_t)count;
	return true;
}

static bool fill_from_terminal(struct backend_console *console)
{
	struct buffer *buffer = &console->to_card;
	ssize_t count;

	if (held(buffer) || !console->base.is_ready)
		return false;
	count = read(console->master, buffer->byte, BUFFER_BYTES);
	if (count <= 0)
		return false;
	buffer->first = 0;
	buffer->end = (size_t)count;
	return true;
}

static bool drain_to_card(struct backend_console *console)
{
	struct backend *backend = &console->base;
	struct buffer *buffer = &console->to_card;
	struct vop_chain chain;
	uint32_t bytes;
	int result;

	if (!held(buffer) || !backend_next(backend, RECEIVE_QUEUE, &chain))
		return false;
	if (chain.readable_bytes || !chain.writable_bytes) {
		backend_malformed(backend, "a receive chain that is not writable");
		return false;
	}
	bytes = minimum(chain.writable_bytes, (uint32_t)held(buffer));
	result = vop_device_write(&backend->device, RECEIVE_QUEUE, buffer->byte + buffer->first,
				  bytes);
	if (result) {
		report(backend, "write", result);
		return false;
	}
	backend->requests++;
	buffer->first += bytes;
	return true;
}

static void console_service(struct backend *backend)
{
	struct backend_console *console = to_console(backend);
	bool has_moved = true;

	while (has_moved) {
		has_moved = drain_to_terminal(console);
		has_moved |= fill_from_card(console);
		has_moved |= drain_to_card(console);
		has_moved |= fill_from_terminal(console);
	}
}

static void console_reset(struct backend *backend)
{
	struct backend_console *console = to_console(backend);

	/* What was typed was meant for the driver that left; what it said may still be read. */
	console->unread_bytes = 0;
	console->to_card.first = console->to_card.end = 0;
}

static void console_abort(struct backend *backend)
{
	(void)backend;                      /* a console has no requests that await an answer */
}

static void remove_link(const struct backend_console *console)
{
	char target[sizeof(console->slave_path)];
	ssize_t bytes = readlink(console->link_path, target, sizeof(target));

	if (bytes == (ssize_t)strlen(console->slave_path) &&
	    !memcmp(target, console->slave_path, (size_t)bytes))
		unlink(console->link_path);
}

static void console_destroy(struct backend *backend)
{
	struct backend_console *console = to_console(backend);

	if (console->link_path[0])
		remove_link(console);
	loop_remove(backend->settings->loop, &console->master_source);
	if (console->slave >= 0)
		close(console->slave);
	if (console->master >= 0)
		close(console->master);
	free(console);
}

static void master_ready(struct loop_source *source, uint32_t events)
{
	struct backend_console *console = (struct backend_console *)
		((char *)source - offsetof(struct backend_console, master_source));

	(void)events;
	backend_run(&console->base);
}

static int open_terminal(struct backend_console *console)
{
	struct termios termios;

	console->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (console->master < 0 || grantpt(console->master) < 0 || unlockpt(console->master) < 0)
		return -errno;
	if (ptsname_r(console->master, console->slave_path, sizeof(console->slave_path)))
		return -errno;
	console->slave = open(console->slave_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->slave < 0 || tcgetattr(console->slave, &termios) < 0)
		return -errno;
	cfmakeraw(&termios);
	if (tcsetattr(console->slave, TCSANOW, &termios) < 0)
		return -errno;
	console->master_source = (struct loop_source){ console->master, master_ready };
	return loop_add(console->base.settings->loop, &console->master_source);
}

/* Points `path` at the terminal; an older link is replaced, anything else is left alone. */
static int make_link(struct backend_console *console, const char *path)
{
	struct stat status;

	if (lstat(path, &status) == 0) {
		if (!S_ISLNK(status.st_mode))
			return -EEXIST;
		unlink(path);
	}
	if (strlen(path) >= sizeof(console->link_path))
		return -ENAMETOOLONG;
	if (symlink(console->slave_path, path) < 0)
		return -errno;
	strcpy(console->link_path, path);
	return 0;
}

static struct backend *console_create(const struct backend_settings *settings, const char *argument)
{
	struct backend_console *console = calloc(1, sizeof(*console));
	int error;

	if (!console)
		return NULL;
	console->master = console->slave = console->master_source.fd = -1;
	console->base.settings = settings;
	console->base.spec = (struct vop_device_spec){
		.virtio_id = VIRTIO_ID_CONSOLE,
		.queues = 2,
		.features = 1ull << VIRTIO_F_VERSION_1,
		.config = console->config,
		.config_bytes = sizeof(console->config),
	};
	strcpy(console->base.name, "console");
	error = open_terminal(console);
	if (!error && argument)
		error = make_link(console, argument);
	if (error < 0) {
		vopd_log("console: %s: %s", argument ? argument : "terminal", strerror(-error));
		console_destroy(&console->base);
		return NULL;
	}
	vopd_log("console: %s", console->slave_path);
	return &console->base;
}

const struct backend_type backend_console = {
	.name = "console",
	.create = console_create,
	.service = console_service,
	.reset = console_reset,
	.abort = console_abort,
	.destroy = console_destroy,
};
