/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: see loop.h. Ref: epoll(7), "Level-triggered and edge-triggered". */
#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

int loop_init(struct loop *loop)
{
	loop->stopping = false;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = source,
	};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (source->fd >= 0) {
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
		source->fd = -1;
	}
}

int loop_run(struct loop *loop)
{
	while (!loop->stopping) {
		struct epoll_event event;
		struct loop_source *source;
		int count = epoll_wait(loop->epoll_fd, &event, 1, -1);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 1) {
			source = event.data.ptr;
			source->ready(source, event.events);
		}
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
