/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: see control.h. */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

static const struct backend_settings *settings;
static struct loop_source listener = { .fd = -1 };
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static void execute(char *request, FILE *answer)
{
	const char *verb = strsep(&request, " ");
	const char *noun = strsep(&request, " ");

	if (!strcmp(verb, "list") && !noun) {
		fputs("ok\n", answer);
		backend_list(answer);
	} else if (!strcmp(verb, "add") && noun) {
		fputs(backend_start(settings, noun, request) ?
		      "error\nnot added: vopd's log says why\n" : "ok\n", answer);
	} else if (!strcmp(verb, "remove") && noun && !request) {
		fputs(backend_stop(noun) ? "error\nthere is no such backend\n" : "ok\n", answer);
	} else {
		fputs("error\nunknown request\n", answer);
	}
}

static void close_connection(struct loop_source *source)
{
	const int fd = source->fd;

	loop_remove(settings->loop, source);
	close(fd);
	free(source);
}

static void connection_ready(struct loop_source *source, uint32_t events)
{
	char request[CONTROL_MAX_BYTES + 1], answer[CONTROL_MAX_BYTES + 1] = "";
	ssize_t bytes = recv(source->fd, request, sizeof(request) - 1, 0);
	FILE *out;

	(void)events;
	if (bytes < 0 && errno == EAGAIN)
		return;                     /* connected, and has not spoken yet */
	out = bytes > 0 ? fmemopen(answer, CONTROL_MAX_BYTES, "w") : NULL;
	if (out) {
		request[bytes] = '\0';
		execute(request, out);
		fclose(out);
		send(source->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	close_connection(source);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	int fd;

	(void)events;
	while ((fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct loop_source *connection = calloc(1, sizeof(*connection));

		if (connection)
			*connection = (struct loop_source){ fd, connection_ready };
		if (!connection || loop_add(settings->loop, connection) < 0) {
			close(fd);
			free(connection);
			continue;
		}
		connection_ready(connection, 0);
	}
}

/* A socket that nobody listens to any more is a dead vopd's. */
static int bind_listener(int fd)
{
	const struct sockaddr *name = (const struct sockaddr *)&address;

	if (bind(fd, name, sizeof(address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (connect(fd, name, sizeof(address)) == 0 || errno != ECONNREFUSED) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(address.sun_path);
	return bind(fd, name, sizeof(address));
}

int control_start(const struct backend_settings *given, const char *path)
{
	const mode_t old_mask = umask(0077);
	int fd = -1;

	settings = given;
	errno = ENAMETOOLONG;
	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd >= 0 && !bind_listener(fd) && !listen(fd, 8)) {
		listener = (struct loop_source){ fd, listener_ready };
		if (!loop_add(settings->loop, &listener)) {
			umask(old_mask);
			return 0;
		}
		listener.fd = -1;
	}
	vopd_log("control socket %s: %s", path, strerror(errno));
	umask(old_mask);
	if (fd >= 0)
		close(fd);
	return -1;
}

void control_stop(void)
{
	const int fd = listener.fd;

	if (fd < 0)
		return;
	loop_remove(settings->loop, &listener);
	close(fd);
	unlink(address.sun_path);
}
