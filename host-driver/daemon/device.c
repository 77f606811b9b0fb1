/* SPDX-License-Identifier: Apache-2.0 */
/* One virtio device behind /dev/vop_virtioN: see device.h. */
#include "device.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/uio.h>

#include "driver.h"
#include "uapi/vop.h"
#include "vop/regs/vop_regs.h"

enum {
	PAGE_BYTES = VOP_DEVICE_PAGE_BYTES,
	FEATURE_BYTES = 8,                  /* VERSION_1 is bit 32 */
	AVAIL_OFFSET = VOP_DEVICE_ENTRIES * sizeof(struct vring_desc),
	RING_BYTES = 2 * PAGE_BYTES,        /* vring_size(128, 4096) + information block, paged */
};

/* Devices of this process: two of the same kind must not take each other's slot. */
static struct vop_device *devices;

static uint16_t load_le16(const void *address)
{
	/* Pairs with the order of the card's posted writes: the index is the last of them. */
	return le16toh(__atomic_load_n((const uint16_t *)address, __ATOMIC_ACQUIRE));
}

static size_t block_bytes(uint8_t queues, uint8_t feature_bytes, uint8_t config_bytes)
{
	size_t bytes = sizeof(struct vop_device_desc) + queues * sizeof(struct vop_vqconfig) +
		       2u * feature_bytes + config_bytes;

	return (bytes + 7) & ~(size_t)7;
}

static size_t build_block(const struct vop_device_spec *spec, uint8_t *block)
{
	struct vop_device_desc desc = {
		.type = (int8_t)spec->virtio_id,
		.num_vq = spec->queues,
		.feature_len = FEATURE_BYTES,
		.config_len = spec->config_bytes,
	};
	const struct vop_vqconfig vqconfig = { .num_le = htole16(VOP_DEVICE_ENTRIES) };
	const uint64_t features_le = htole64(spec->features);
	uint8_t *at = block;

	memcpy(at, &desc, sizeof(desc));
	at += sizeof(desc);
	for (unsigned int i = 0; i < spec->queues; i++, at += sizeof(vqconfig))
		memcpy(at, &vqconfig, sizeof(vqconfig));
	memcpy(at, &features_le, FEATURE_BYTES);
	at += 2 * FEATURE_BYTES;            /* the accepted bits stay zero */
	memcpy(at, spec->config, spec->config_bytes);
	return block_bytes(spec->queues, FEATURE_BYTES, spec->config_bytes);
}

static bool is_claimed(const char *path, size_t offset)
{
	for (const struct vop_device *other = devices; other; other = other->next)
		if (!strcmp(other->path, path) && (size_t)(other->block - other->map) == offset)
			return true;
	return false;
}

static bool is_ours(const uint8_t *slot, const struct vop_device_spec *spec)
{
	const uint64_t features_le = htole64(spec->features);
	const size_t vqconfigs = spec->queues * sizeof(struct vop_vqconfig);
	const uint8_t *features = slot + sizeof(struct vop_device_desc) + vqconfigs;

	return (uint8_t)slot[0] == spec->virtio_id && slot[1] == spec->queues &&
	       slot[2] == FEATURE_BYTES && slot[3] == spec->config_bytes &&
	       !memcmp(features, &features_le, FEATURE_BYTES) &&
	       !memcmp(features + 2 * FEATURE_BYTES, spec->config, spec->config_bytes);
}

/* The ioctl does not say which slot the device took: it is the one that holds what we asked for. */
static const uint8_t *find_block(const struct vop_device *device)
{
	size_t offset = sizeof(struct vop_bootparam);

	while (offset + sizeof(struct vop_device_desc) <= PAGE_BYTES) {
		const uint8_t *slot = device->map + offset;
		size_t bytes = block_bytes(slot[1], slot[2], slot[3]) +
			       sizeof(struct vop_device_ctrl);

		if ((int8_t)slot[0] == VOP_TYPE_END || offset + bytes > PAGE_BYTES)
			return NULL;
		if (is_ours(slot, device->spec) && !is_claimed(device->path, offset))
			return slot;
		offset += bytes;
	}
	return NULL;
}

/*
 * The information block lies at vring_size(), or rounded up to 4 behind it, as the module was told
 * (info_align): the cookie says which.
 */
static const uint8_t *find_info(const uint8_t *ring, uint32_t cookie)
{
	static const size_t offsets[] = {
		PAGE_BYTES + 6 + 8 * VOP_DEVICE_ENTRIES,
		(PAGE_BYTES + 6 + 8 * VOP_DEVICE_ENTRIES + 3) & ~3u,
	};
	const uint32_t cookie_le = htole32(cookie);

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		if (!memcmp(ring + offsets[i] + offsetof(struct vop_vring_info, cookie_le),
			    &cookie_le, sizeof(cookie_le)))
			return ring + offsets[i];
	return NULL;
}

static int map_device(struct vop_device *device)
{
	const struct vop_device_spec *spec = device->spec;

	device->map_bytes = PAGE_BYTES + (size_t)spec->queues * RING_BYTES;
	device->map = vop_driver.map(device->fd, device->map_bytes);
	if (!device->map)
		return -errno;
	device->block = find_block(device);
	if (!device->block)
		return -EPROTO;
	for (unsigned int i = 0; i < spec->queues; i++) {
		struct vop_queue *queue = &device->queue[i];

		queue->ring = device->map + PAGE_BYTES + (size_t)i * RING_BYTES;
		queue->info = find_info(queue->ring, VOP_MAGIC + spec->virtio_id + i);
		if (!queue->info)
			return -EPROTO;
	}
	return 0;
}

static void close_device(struct vop_device *device)
{
	if (device->map)
		vop_driver.unmap(device->map, device->map_bytes);
	device->map = NULL;
	vop_driver.close(device->fd);
	device->fd = -1;
}

int vop_device_add(struct vop_device *device, const char *path, const struct vop_device_spec *spec)
{
	uint8_t block[VOP_MAX_DESC_BLK_BYTES] = { 0 };
	int error;

	if (build_block(spec, block) > sizeof(block))
		return -EINVAL;
	*device = (struct vop_device){ .spec = spec, .path = path };
	device->fd = vop_driver.open(path);
	if (device->fd < 0)
		return -errno;
	if (vop_driver.ioctl(device->fd, VOP_VIRTIO_ADD_DEVICE, block) < 0)
		error = -errno;
	else
		error = map_device(device);
	if (error) {
		close_device(device);
		return error;
	}
	device->next = devices;
	devices = device;
	return 0;
}

void vop_device_remove(struct vop_device *device)
{
	if (device->fd < 0)
		return;
	for (struct vop_device **link = &devices; *link; link = &(*link)->next) {
		if (*link == device) {
			*link = device->next;
			break;
		}
	}
	close_device(device);
}

bool vop_device_is_ready(const struct vop_device *device)
{
	const uint8_t *status = device->block + offsetof(struct vop_device_desc, status);

	return __atomic_load_n(status, __ATOMIC_ACQUIRE) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/* Adds one descriptor to `chain`. Returns 0, or -EPROTO if it has no place in a chain. */
static int add_to_chain(struct vop_chain *chain, uint32_t bytes, uint16_t flags)
{
	uint32_t *sum = flags & VRING_DESC_F_WRITE ? &chain->writable_bytes
						   : &chain->readable_bytes;

	if (flags & VRING_DESC_F_INDIRECT)
		return -EPROTO;             /* never offered */
	if (!(flags & VRING_DESC_F_WRITE) && chain->writable_bytes)
		return -EPROTO;             /* virtio 1.3, 2.7.4.2: readable parts come first */
	if (bytes > VOP_CHAIN_MAX_BYTES - *sum)
		return -EPROTO;
	*sum += bytes;
	return 0;
}

int vop_device_next(const struct vop_device *device, unsigned int queue, struct vop_chain *chain)
{
	const uint8_t *ring = device->queue[queue].ring;
	const uint8_t *avail = ring + AVAIL_OFFSET;
	const uint16_t end = load_le16(avail + offsetof(struct vring_avail, idx));
	uint16_t at, index, flags;

	memcpy(&at, device->queue[queue].info, sizeof(at));
	at = le16toh(at);
	if (at == end)
		return 0;
	if ((uint16_t)(end - at) > VOP_DEVICE_ENTRIES)
		return -EPROTO;
	index = load_le16(avail + offsetof(struct vring_avail, ring) +
			  2 * (at % VOP_DEVICE_ENTRIES));
	*chain = (struct vop_chain){ 0 };
	for (unsigned int i = 0; i < VOP_DEVICE_ENTRIES; i++) {
		struct vring_desc desc;

		if (index >= VOP_DEVICE_ENTRIES)
			return -EPROTO;
		memcpy(&desc, ring + index * sizeof(desc), sizeof(desc));
		flags = le16toh(desc.flags);
		if (add_to_chain(chain, le32toh(desc.len), flags) < 0)
			return -EPROTO;
		if (!(flags & VRING_DESC_F_NEXT))
			return chain->readable_bytes + chain->writable_bytes ? 1 : -EPROTO;
		index = le16toh(desc.next);
	}
	return -EPROTO;                     /* a loop */
}

static int copy(const struct vop_device *device, unsigned int queue, void *buffer, uint32_t bytes,
		bool complete)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = bytes };
	struct vop_copy_desc request = {
		.iov = &iov,
		.iovcnt = bytes ? 1 : 0,
		.vr_idx = (uint8_t)queue,
		.update_used = complete,
	};

	if (vop_driver.ioctl(device->fd, VOP_VIRTIO_COPY_DESC, &request) < 0)
		return -errno;
	return request.out_len == bytes ? 0 : -EIO;
}

int vop_device_read(const struct vop_device *device, unsigned int queue, void *buffer,
		    uint32_t bytes, bool complete)
{
	return copy(device, queue, buffer, bytes, complete);
}

int vop_device_write(const struct vop_device *device, unsigned int queue, const void *buffer,
		     uint32_t bytes)
{
	return copy(device, queue, (void *)(uintptr_t)buffer, bytes, true);
}
