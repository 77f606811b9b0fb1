/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel driver in user space, for vopd's tests: driver.h over a file and a socket that the
 * test, playing the card, shares with us.
 *
 * The device path is a folder. Its file `shared` holds the device page, the vrings and card RAM;
 * its socket `card` is the doorbell: a packet from the card is an interrupt, a closed connection is
 * a card that went away, and we tell the card "add OFFSET" (of its block) and "used QUEUE".
 * Semantics are those of uapi/vop.h; what the card writes is trusted, as vopd checks it.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver.h"
#include "uapi/vop.h"
#include "vop/regs/vop_regs.h"

enum {
	ENTRIES = VOP_MAX_VRING_ENTRIES,
	RING_BYTES = 8192,
	RINGS_AT = 0x10000,                 /* in `shared`: vrings of all devices */
	CARD_RAM_AT = 0x80000,              /* in `shared`: card RAM */
	SHARED_BYTES = 0x100000,
	DEVICES = 16,                       /* descriptors that may be open */
};

/* Place in a chain of descriptors. */
struct place {
	bool is_open;
	uint16_t head, index;
	uint32_t offset, written;
};

static struct device {
	int fd;                             /* 0 = unused */
	struct vop_device_desc *desc;
	struct vop_vqconfig *vqconfig;
	struct vop_device_ctrl *ctrl;
	size_t rings_at;
	struct place place[VOP_MAX_VRINGS];
	bool was_reset[VOP_MAX_VRINGS];     /* since the last call, while a driver used it */
} devices[DEVICES];

static uint8_t *shared;
static int shared_fd;
static size_t rings_end = RINGS_AT;

static struct device *find(int fd)
{
	for (size_t i = 0; i < DEVICES; i++)
		if (devices[i].fd == fd)
			return &devices[i];
	abort();
}

static void map_shared(const char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/shared", folder);
	shared_fd = open(path, O_RDWR | O_CLOEXEC);
	if (shared_fd < 0)
		abort();
	shared = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (shared == MAP_FAILED)
		abort();
}

static int fake_open(const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!shared)
		map_shared(folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/card", folder);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	find(0)->fd = fd;
	return fd;
}

static size_t block_bytes(const struct vop_device_desc *desc)
{
	size_t bytes = sizeof(*desc) + desc->num_vq * sizeof(struct vop_vqconfig) +
		       2u * desc->feature_len + desc->config_len;

	return (bytes + 7) / 8 * 8;
}

static struct vop_device_desc *free_slot(void)
{
	size_t at = sizeof(struct vop_bootparam);
	struct vop_device_desc *desc = (void *)(shared + at);

	while (desc->type != VOP_TYPE_END) {
		at += block_bytes(desc) + sizeof(struct vop_device_ctrl);
		desc = (void *)(shared + at);
	}
	return desc;
}

static int add(struct device *device, const void *block)
{
	const struct vop_device_desc *head = block;
	struct vop_device_desc *desc = free_slot();
	const size_t bytes = block_bytes(head);
	char message[32];
	int length;

	memcpy((uint8_t *)desc + 1, (const uint8_t *)block + 1, bytes - 1);
	device->desc = desc;
	device->vqconfig = (void *)(desc + 1);
	device->ctrl = (void *)((uint8_t *)desc + bytes);
	device->rings_at = rings_end;
	for (unsigned int i = 0; i < head->num_vq; i++, rings_end += RING_BYTES) {
		struct vop_vring_info info = {
			.cookie_le = htole32(VOP_MAGIC + (uint32_t)head->type + i),
		};

		memset(shared + rings_end, 0, RING_BYTES);
		memcpy(shared + rings_end + vring_size(ENTRIES, 4096), &info, sizeof(info));
		device->vqconfig[i].address_le = htole64(rings_end);
	}
	__atomic_store_n(&desc->type, head->type, __ATOMIC_RELEASE);
	length = snprintf(message, sizeof(message), "add %zu", (size_t)((uint8_t *)desc - shared));
	return send(device->fd, message, (size_t)length, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void complete(struct device *device, unsigned int queue, struct place *place)
{
	uint8_t *ring = shared + device->rings_at + queue * RING_BYTES;
	uint16_t *avail_idx = (uint16_t *)(ring + vring_size(ENTRIES, 4096));
	struct vring_used *used = (void *)(shared + CARD_RAM_AT +
					   le64toh(device->vqconfig[queue].used_address_le));
	char message[32];
	int length = snprintf(message, sizeof(message), "used %u", queue);

	used->ring[used->idx % ENTRIES] = (struct vring_used_elem){ place->head, place->written };
	__atomic_store_n(&used->idx, (uint16_t)(used->idx + 1), __ATOMIC_RELEASE);
	++*avail_idx;
	place->is_open = false;
	send(device->fd, message, (size_t)length, MSG_NOSIGNAL);
}

/* Moves what the descriptor at `place` can take or give; returns the bytes moved. */
static uint32_t move(const struct vring_desc *desc, struct place *place, uint8_t *data,
		     uint32_t bytes)
{
	uint8_t *memory = shared + CARD_RAM_AT + desc->addr + place->offset;

	if (bytes > desc->len - place->offset)
		bytes = desc->len - place->offset;
	if (desc->flags & VRING_DESC_F_WRITE) {
		memcpy(memory, data, bytes);
		place->written += bytes;
	} else {
		memcpy(data, memory, bytes);
	}
	place->offset += bytes;
	return bytes;
}

static int copy(struct device *device, struct vop_copy_desc *request)
{
	uint8_t *ring = shared + device->rings_at + request->vr_idx * RING_BYTES;
	const struct vring_desc *desc = (const void *)ring;
	const struct vring_avail *avail = (const void *)(ring + ENTRIES * sizeof(*desc));
	const uint16_t last = *(const uint16_t *)(ring + vring_size(ENTRIES, 4096));
	struct place *place = &device->place[request->vr_idx];

	request->out_len = 0;
	if (!place->is_open) {
		if (avail->idx == last)
			return 0;
		*place = (struct place){ .is_open = true, .head = avail->ring[last % ENTRIES] };
		place->index = place->head;
	}
	for (uint32_t i = 0; i < request->iovcnt; i++) {
		uint8_t *data = request->iov[i].iov_base;
		uint32_t left = (uint32_t)request->iov[i].iov_len;

		while (left) {
			uint32_t moved = move(&desc[place->index], place, data, left);

			data += moved;
			left -= moved;
			request->out_len += moved;
			if (!left || !(desc[place->index].flags & VRING_DESC_F_NEXT))
				break;
			place->index = desc[place->index].next;
			place->offset = 0;
		}
	}
	if (request->update_used)
		complete(device, request->vr_idx, place);
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *argument)
{
	struct device *device = find(fd);
	unsigned int queue;
	char interrupt[8];

	if (request == VOP_VIRTIO_ADD_DEVICE)
		return add(device, argument);
	while (recv(fd, interrupt, sizeof(interrupt), 0) > 0)
		;                           /* or the card could not send for ever */
	if (device->ctrl->vdev_reset) {
		memset(device->place, 0, sizeof(device->place));
		for (unsigned int i = 0; i < device->desc->num_vq; i++)
			device->was_reset[i] = true;
		device->ctrl->vdev_reset = 0;
	}
	queue = ((struct vop_copy_desc *)argument)->vr_idx;
	if (device->was_reset[queue]) {
		device->was_reset[queue] = false;
		errno = ENODEV;
		return -1;
	}
	if (!device->desc->status) {
		errno = ENODEV;
		return -1;
	}
	return copy(device, argument);
}

/* The page, and behind it this device's rings, which lie elsewhere in the file. */
static const void *fake_map(int fd, size_t bytes)
{
	const size_t page = VOP_DEVICE_PAGE_BYTES;
	uint8_t *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED ||
	    mmap(at, page, PROT_READ, MAP_SHARED | MAP_FIXED, shared_fd, 0) == MAP_FAILED ||
	    mmap(at + page, bytes - page, PROT_READ, MAP_SHARED | MAP_FIXED, shared_fd,
		 (off_t)find(fd)->rings_at) == MAP_FAILED)
		return NULL;
	return at;
}

static void fake_unmap(const void *address, size_t bytes)
{
	munmap((void *)(uintptr_t)address, bytes);
}

static int fake_close(int fd)
{
	struct device *device = find(fd);

	if (device->desc)
		device->desc->type = VOP_TYPE_REMOVED;
	*device = (struct device){ 0 };
	return close(fd);
}

const struct vop_driver vop_driver = {
	.open = fake_open,
	.ioctl = fake_ioctl,
	.map = fake_map,
	.unmap = fake_unmap,
	.close = fake_close,
};
