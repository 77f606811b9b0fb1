/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of driver.h as system calls on the module's character device. */
#include "driver.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int linux_open(const char *path)
{
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int linux_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static const void *linux_map(int fd, size_t bytes)
{
	void *address = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	return address == MAP_FAILED ? NULL : address;
}

static void linux_unmap(const void *address, size_t bytes)
{
	munmap((void *)(uintptr_t)address, bytes);
}

const struct vop_driver vop_driver = {
	.open = linux_open,
	.ioctl = linux_ioctl,
	.map = linux_map,
	.unmap = linux_unmap,
	.close = close,
};
