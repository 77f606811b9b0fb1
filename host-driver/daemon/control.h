/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vopd's control socket, by which vopctl lists, adds and removes backends while vopd runs.
 *
 * A Unix socket of packets: one request, one answer, both text. Requests: `list`,
 * `add TYPE [ARGUMENT]`, `remove NAME`. An answer begins with `ok` or `error`, a line feed, then
 * the text to show. Only vopd's own user may connect.
 */
#ifndef VOPD_CONTROL_H
#define VOPD_CONTROL_H

#include "backend.h"

#define CONTROL_DEFAULT_PATH "/run/vopd.sock"

enum { CONTROL_MAX_BYTES = 8192 };          /* of a request or an answer */

/* Listens at `path`. Returns 0, or -1 after one line on standard error. */
int control_start(const struct backend_settings *settings, const char *path);

/* Stops listening, and removes the socket. Does nothing if control_start() did not succeed. */
void control_stop(void);

#endif
