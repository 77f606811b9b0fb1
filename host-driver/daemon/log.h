/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line to standard error per event that a person must know of. An error is logged once, where
 * it is decided.
 */
#ifndef VOPD_LOG_H
#define VOPD_LOG_H

#include <stdio.h>

/* Prints "vopd: " and the message; `format` must be a literal and takes no newline. */
#define vopd_log(format, ...) fprintf(stderr, "vopd: " format "\n", ##__VA_ARGS__)

#endif
