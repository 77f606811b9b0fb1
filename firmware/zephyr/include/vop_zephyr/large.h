/* SPDX-License-Identifier: Apache-2.0 */
/* Placement of large objects, see large.ld: their content is undefined until they are written. */
#ifndef VOP_ZEPHYR_LARGE_H
#define VOP_ZEPHYR_LARGE_H

#define VOP_LARGE __attribute__((section(".vop_large")))

#endif /* VOP_ZEPHYR_LARGE_H */
