/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A diod process that serves one directory on one end of a socket pair; we hold the other end.
 *
 * Ref: diod(8).
 */
#ifndef VOPD_DIOD_H
#define VOPD_DIOD_H

#include <stddef.h>
#include <sys/types.h>

struct diod {
	int socket;                         /* ours: a non-blocking stream of 9P messages */
	int pidfd;                          /* readable when the process has ended */
	pid_t pid;                          /* -1 while there is no process */
};

/*
 * Starts `program` (looked up in PATH) for `export`. If `user` is not negative it runs as that uid
 * and gid, and serves only that uid. A program that cannot be run ends at once, with status 127.
 * Returns 0, or a negative errno and no process.
 */
int diod_start(struct diod *diod, const char *program, const char *export, long user);

/*
 * Closes the socket, waits for the process, kills it if it does not go, and writes how it ended, as
 * in "exited with status 0", to `how`. Without a process `how` becomes empty.
 */
void diod_stop(struct diod *diod, char *how, size_t how_bytes);

#endif
