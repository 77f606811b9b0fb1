/* SPDX-License-Identifier: Apache-2.0 */
/* The card shell on the first virtio console that the host offers. */
#ifndef VOP_ZEPHYR_CONSOLE_SHELL_H
#define VOP_ZEPHYR_CONSOLE_SHELL_H

#include <stdbool.h>

/*
 * Start the console's driver when there is one, stop it when it goes, and run what was typed.
 * Blocks as long as the commands do. Returns whether something was typed. For one thread.
 */
bool vop_zephyr_console_update(void);

#endif /* VOP_ZEPHYR_CONSOLE_SHELL_H */
