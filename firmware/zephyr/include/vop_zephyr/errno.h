/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between Linux's errno numbers, which 9P2000.L carries and the card shell shows, and those of the
 * C library that Zephyr is built with.
 */
#ifndef VOP_ZEPHYR_ERRNO_H
#define VOP_ZEPHYR_ERRNO_H

#include <stdint.h>

/* The library's number of a Linux one, both positive. One that it lacks becomes EIO. */
int vop_errno_to_zephyr(uint32_t linux_number);

/* The Linux number of one of the library's, both positive. */
uint32_t vop_errno_from_zephyr(int number);

#endif /* VOP_ZEPHYR_ERRNO_H */
