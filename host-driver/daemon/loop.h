/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: epoll over a handful of descriptors, edge-triggered throughout.
 *
 * An event only says *look*: a callback tries everything that could now be possible, until nothing
 * moves. One event is taken from the kernel at a time, so a callback may remove and free any
 * source, its own included.
 */
#ifndef VOPD_LOOP_H
#define VOPD_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_source {
	int fd;                                                    /* -1 while not in a loop */
	void (*ready)(struct loop_source *source, uint32_t events); /* events: EPOLL* bits */
};

struct loop {
	int epoll_fd;
	bool stopping;
};

/* Returns 0, or a negative errno. */
int loop_init(struct loop *loop);

/*
 * Watches source->fd for input, output and hang-up. The descriptor stays the caller's. What was
 * ready before the call may give no event: look once after it. Returns 0, or a negative errno.
 */
int loop_add(struct loop *loop, struct loop_source *source);

/* Stops watching, before the descriptor is closed. Does nothing if it is not watched. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Runs callbacks until loop_stop(). Returns 0, or a negative errno. */
int loop_run(struct loop *loop);

/* Makes loop_run() return after the present callback. */
void loop_stop(struct loop *loop);

#endif
