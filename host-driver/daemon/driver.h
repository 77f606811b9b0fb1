/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What vopd asks of the kernel driver, as five calls on /dev/vop_virtioN. driver_linux.c implements
 * them by system calls; the tests link a driver that runs in user space instead.
 */
#ifndef VOPD_DRIVER_H
#define VOPD_DRIVER_H

#include <stddef.h>

/* Each call fails as its system call does: a negative result (map: NULL), and errno. */
struct vop_driver {
	int (*open)(const char *path);            /* non-blocking, close-on-exec */
	int (*ioctl)(int fd, unsigned long request, void *argument);
	const void *(*map)(int fd, size_t bytes); /* read-only: device page, then the rings */
	void (*unmap)(const void *address, size_t bytes);
	int (*close)(int fd);                     /* removes the virtio device */
};

extern const struct vop_driver vop_driver;

#endif
