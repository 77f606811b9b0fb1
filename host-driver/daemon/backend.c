/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a backend, whatever its type: see backend.h. */
#include "backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "log.h"

/* A card that is being reset comes back in its own time; asking every second costs nothing. */
enum { RETRY_SECONDS = 1 };

static const struct backend_type *const types[] = { &backend_9p, &backend_console };
static struct backend *backends;

static void device_ready(struct loop_source *source, uint32_t events);

#define container(pointer, member) \
	((struct backend *)((char *)(pointer) - offsetof(struct backend, member)))

static int add_device(struct backend *backend)
{
	const struct backend_settings *settings = backend->settings;
	int error = vop_device_add(&backend->device, settings->device_path, &backend->spec);

	if (error < 0)
		return error;
	backend->device_source.fd = backend->device.fd;
	backend->device_source.ready = device_ready;
	error = loop_add(settings->loop, &backend->device_source);
	if (error < 0) {
		backend->device_source.fd = -1;
		vop_device_remove(&backend->device);
	}
	return error;
}

static void remove_device(struct backend *backend)
{
	loop_remove(backend->settings->loop, &backend->device_source);
	vop_device_remove(&backend->device);
}

static void stop_retrying(struct backend *backend)
{
	const int fd = backend->retry_source.fd;

	loop_remove(backend->settings->loop, &backend->retry_source);
	if (fd >= 0)
		close(fd);
}

static void retry(struct loop_source *source, uint32_t events)
{
	struct backend *backend = container(source, retry_source);
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) < 0 || add_device(backend) < 0)
		return;
	vopd_log("%s: the card is back, device added again", backend->name);
	stop_retrying(backend);
	backend_run(backend);
}

static void start_retrying(struct backend *backend)
{
	const struct itimerspec interval = {
		.it_interval.tv_sec = RETRY_SECONDS,
		.it_value.tv_sec = RETRY_SECONDS,
	};
	const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	backend->retry_source.fd = fd;
	backend->retry_source.ready = retry;
	if (fd < 0 || timerfd_settime(fd, 0, &interval, NULL) < 0 ||
	    loop_add(backend->settings->loop, &backend->retry_source) < 0) {
		vopd_log("%s: timer: %s", backend->name, strerror(errno));
		backend->has_failed = true;
	}
}

static void leave_ready(struct backend *backend)
{
	if (backend->is_ready)
		backend->type->reset(backend);
	backend->is_ready = false;
	backend->has_reported = false;
}

static void device_ready(struct loop_source *source, uint32_t events)
{
	struct backend *backend = container(source, device_source);

	if (events & (EPOLLERR | EPOLLHUP)) {
		vopd_log("%s: the card is gone, waiting for it", backend->name);
		leave_ready(backend);
		remove_device(backend);
		start_retrying(backend);
	}
	backend_run(backend);
}

static void destroy(struct backend *backend)
{
	struct backend **link = &backends;

	while (*link != backend)
		link = &(*link)->next;
	*link = backend->next;
	remove_device(backend);
	stop_retrying(backend);
	backend->type->destroy(backend);
}

static void serve(struct backend *backend)
{
	const bool is_ready = backend->device.fd >= 0 && vop_device_is_ready(&backend->device);

	if (!is_ready || backend->has_driver_left)
		leave_ready(backend);
	backend->has_driver_left = false;
	backend->is_ready = is_ready;
	backend->type->service(backend);
}

void backend_run(struct backend *backend)
{
	struct loop *const loop = backend->settings->loop;
	unsigned int left = backend->spec.queues;

	/* Each queue says once that its driver left; a successor may not ring again. */
	do
		serve(backend);
	while (backend->has_driver_left && !backend->has_failed && left--);
	if (backend->has_failed) {
		if (backend->is_ready)
			backend->type->abort(backend);
		destroy(backend);
		if (!backends)
			loop_stop(loop);    /* main() ends with a status that says so */
	}
}

void backend_fail(struct backend *backend)
{
	backend->has_failed = true;
}

void backend_driver_left(struct backend *backend)
{
	backend->has_driver_left = true;
}

void backend_malformed(struct backend *backend, const char *what)
{
	backend->malformed++;
	if (!backend->has_reported)
		vopd_log("%s: malformed request from the card: %s", backend->name, what);
	backend->has_reported = true;
}

bool backend_next(struct backend *backend, unsigned int queue, struct vop_chain *chain)
{
	int result;

	if (!backend->is_ready || backend->has_failed || backend->has_driver_left)
		return false;
	result = vop_device_next(&backend->device, queue, chain);
	if (result < 0)
		backend_malformed(backend, "no descriptor chain");
	return result > 0;
}

static struct backend *find(const char *name)
{
	struct backend *backend = backends;

	while (backend && strcmp(backend->name, name))
		backend = backend->next;
	return backend;
}

static const struct backend_type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

int backend_start(const struct backend_settings *settings, const char *type_name,
		  const char *argument)
{
	const struct backend_type *type = find_type(type_name);
	struct backend *backend;
	int error;

	if (!type) {
		vopd_log("backend must be 9p or console, not \"%s\"", type_name);
		return -1;
	}
	backend = type->create(settings, argument);
	if (!backend)
		return -1;
	backend->type = type;
	backend->settings = settings;
	backend->device.fd = -1;
	backend->device_source.fd = -1;
	backend->retry_source.fd = -1;
	if (find(backend->name)) {
		vopd_log("there is a backend \"%s\" already", backend->name);
		type->destroy(backend);
		return -1;
	}
	error = add_device(backend);
	if (error < 0) {
		vopd_log("%s: cannot add a device to %s: %s", backend->name,
			 settings->device_path, strerror(-error));
		type->destroy(backend);
		return -1;
	}
	backend->next = backends;
	backends = backend;
	backend_run(backend);               /* what came before loop_add() gave no event */
	return 0;
}

int backend_stop(const char *name)
{
	struct backend *backend = find(name);

	if (!backend)
		return -1;
	destroy(backend);
	return 0;
}

void backend_stop_all(void)
{
	while (backends)
		destroy(backends);
}

void backend_list(FILE *out)
{
	for (const struct backend *backend = backends; backend; backend = backend->next)
		fprintf(out, "%s %s requests=%lu malformed=%lu\n", backend->name,
			backend->device.fd < 0 ? "no-card" :
			!backend->is_ready ? "waiting" :
			backend->is_busy ? "busy" : "ready",
			backend->requests, backend->malformed);
}
