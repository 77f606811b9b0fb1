/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend has in common, and what each must offer.
 *
 * A backend serves one virtio device. backend.c adds the device, follows the card's driver coming
 * and going, adds the device again after a card reset, and calls the type's operations; a type
 * knows only its queues and its own descriptors. Every callback of a backend's own sources ends
 * with backend_run(), which may free the backend.
 */
#ifndef VOPD_BACKEND_H
#define VOPD_BACKEND_H

#include <stdbool.h>
#include <stdio.h>

#include "device.h"
#include "loop.h"

struct backend;

/* What the command line gives to all backends. The strings must outlive them. */
struct backend_settings {
	struct loop *loop;
	const char *device_path;
	const char *diod_path;
	long user;                          /* uid that diod runs as; -1 = vopd's own */
};

struct backend_type {
	const char *name;                   /* as in `--name` and `vopctl add name` */

	/*
	 * Creates a backend from the option's argument (may be NULL), its device not yet added.
	 * Returns it, or NULL after one line on standard error.
	 */
	struct backend *(*create)(const struct backend_settings *settings, const char *argument);

	/* Moves whatever can move now, in both directions. */
	void (*service)(struct backend *backend);

	/* The card's driver went away: forgets the chains in progress. */
	void (*reset)(struct backend *backend);

	/* The backend failed: ends a chain in progress with an error, if the card still waits. */
	void (*abort)(struct backend *backend);

	/* Closes everything that create() opened, and frees the backend. */
	void (*destroy)(struct backend *backend);
};

struct backend {
	const struct backend_type *type;
	const struct backend_settings *settings;
	struct vop_device_spec spec;
	struct vop_device device;
	struct loop_source device_source;
	struct loop_source retry_source;    /* a timer, while there is no card */
	bool is_ready;                      /* the card's driver was ready when we last looked */
	bool is_busy;                       /* a request is with the backend's server */
	bool has_failed;                    /* backend_fail() was called */
	bool has_driver_left;               /* backend_driver_left() was called */
	bool has_reported;                  /* a malformed request was reported since ready */
	unsigned long requests;             /* chains completed */
	unsigned long malformed;            /* chains that broke a rule */
	char name[48];                      /* unique, e.g. "9p:host" */
	struct backend *next;
};

/*
 * Creates a backend of the type called `type` and adds its device. Returns 0, or -1 after one line
 * on standard error.
 */
int backend_start(const struct backend_settings *settings, const char *type, const char *argument);

/* Removes the device and frees the backend called `name`. Returns 0, or -1 if there is none. */
int backend_stop(const char *name);

/* Stops every backend. */
void backend_stop_all(void);

/* Writes one line per backend: name, state, counters. */
void backend_list(FILE *out);

/* For callbacks: looks at the card's driver, serves, and clears up after a failure. */
void backend_run(struct backend *backend);

/* For types: the backend cannot go on. The caller has said why, and returns to backend_run(). */
void backend_fail(struct backend *backend);

/*
 * For types: a call of the device was answered with -ENODEV. The card's driver left, if only for a
 * moment: the session ends, and backend_run() begins another where a driver is there again.
 */
void backend_driver_left(struct backend *backend);

/* For types: counts a request that broke a rule; reports the first since the driver came up. */
void backend_malformed(struct backend *backend, const char *what);

/* For types: next chain of a queue. Returns true and fills `chain` if there is one. */
bool backend_next(struct backend *backend, unsigned int queue, struct vop_chain *chain);

extern const struct backend_type backend_9p;
extern const struct backend_type backend_console;

#endif
