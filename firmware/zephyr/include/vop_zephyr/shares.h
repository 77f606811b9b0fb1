/* SPDX-License-Identifier: Apache-2.0 */
/* Shares: mounts each virtio-9p device that the host offers at /<tag>, and unmounts it with it. */
#ifndef VOP_ZEPHYR_SHARES_H
#define VOP_ZEPHYR_SHARES_H

/* Register the file system type; once, before the next. Returns 0 or a negative errno. */
int vop_zephyr_shares_init(void);

/*
 * Mount what the host offers, unmount what it took away. Blocks as long as the handshakes do. For
 * one thread, which has no file of a share open. After the first mount the marker register is 1.
 */
void vop_zephyr_shares_update(void);

#endif /* VOP_ZEPHYR_SHARES_H */
